"""google-auth with requests: sends 100 messages, and meets three errors."""

import os

from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession
from google.oauth2 import service_account
from requests import Response

KEYS = os.environ["SIMULATOR_KEYS"]
URL = "https://fcm.googleapis.com/v1/projects/bellwire-demo/messages:send"


def session(file: str) -> AuthorizedSession:
    credentials = service_account.Credentials.from_service_account_file(
        f"{KEYS}/{file}", scopes=["https://www.googleapis.com/auth/firebase.messaging"]
    )
    return AuthorizedSession(credentials)


def send(to: AuthorizedSession, token: str) -> Response:
    message = {"token": token, "notification": {"title": "Hello"}, "android": {"priority": "high"}}
    return to.post(URL, json={"message": message}, timeout=10)


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["details"][0]["errorCode"]


demo = session("service-account.json")
for number in range(100):
    answer = send(demo, f"google-auth-{number}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"].startswith("projects/bellwire-demo/messages/"), answer.text

assert code(send(demo, "phone~UNREGISTERED")) == (404, "UNREGISTERED")
assert code(send(demo, "phone~INVALID_ARGUMENT")) == (400, "INVALID_ARGUMENT")
try:
    send(session("wrong-account.json"), "google-auth-wrong")
except RefreshError as error:
    assert "Invalid JWT Signature" in str(error), error
else:
    raise AssertionError("a wrong key was not refused")

print("google-auth with requests: sent 100, met 3 errors")
