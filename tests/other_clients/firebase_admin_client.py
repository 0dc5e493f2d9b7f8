"""firebase-admin for Python: sends 100 messages, and meets three errors."""

import os

import firebase_admin
from firebase_admin import credentials, exceptions, messaging
from google.auth.exceptions import RefreshError

KEYS = os.environ["SIMULATOR_KEYS"]


def app(file: str) -> firebase_admin.App:
    return firebase_admin.initialize_app(credentials.Certificate(f"{KEYS}/{file}"), name=file)


def message(token: str) -> messaging.Message:
    return messaging.Message(
        token=token,
        notification=messaging.Notification(title="Hello"),
        data={"ride": "7"},
        android=messaging.AndroidConfig(priority="high", ttl=60),
    )


def refusal(to: firebase_admin.App, token: str) -> Exception:
    try:
        messaging.send(message(token), app=to)
    except Exception as error:
        return error
    raise AssertionError(f"{token} was not refused")


demo = app("service-account.json")
tokens = [f"firebase-admin-python-{number}" for number in range(100)]
answer = messaging.send_each([message(token) for token in tokens], app=demo)
assert answer.success_count == 100, [each.exception for each in answer.responses]

dead = refusal(demo, "phone~UNREGISTERED")
assert isinstance(dead, messaging.UnregisteredError), dead
bad = refusal(demo, "phone~INVALID_ARGUMENT")
assert isinstance(bad, exceptions.InvalidArgumentError), bad
wrong = refusal(app("wrong-account.json"), "firebase-admin-python-wrong")
assert isinstance(wrong, RefreshError) or "Invalid JWT Signature" in str(wrong), repr(wrong)

print("firebase-admin (Python): sent 100, met 3 errors")
