"""PyAPNs2, as the fork `apns2-up`, which runs on Python 3.10 and later: sends 100 messages, and meets three errors."""

import os

from apns2.client import APNsClient, Notification
from apns2.credentials import TokenCredentials
from apns2.errors import BadDeviceToken, InvalidProviderToken, Unregistered
from apns2.payload import Payload

KEYS = os.environ["SIMULATOR_KEYS"]
TOPIC = "com.example.demo"
PAYLOAD = Payload(alert="Hello", badge=1)


def client(key: str) -> APNsClient:
    # It signs its tokens with a fractional `iat`.
    return APNsClient(TokenCredentials(f"{KEYS}/{key}", "DEMOKEY001", "DEMOTEAM01"))


def refusal(apns: APNsClient, token: str) -> type[Exception]:
    try:
        apns.send_notification(token, PAYLOAD, TOPIC)
    except Exception as error:
        return type(error)
    raise AssertionError(f"{token} was not refused")


apns = client("AuthKey_DEMOKEY001.p8")
batch = [Notification(token=f"a3{number:062}", payload=PAYLOAD) for number in range(100)]
results = apns.send_notification_batch(batch, TOPIC)
assert set(results.values()) == {"Success"}, results
assert len(results) == 100

assert refusal(apns, "0410".ljust(64, "0")) is Unregistered
assert refusal(apns, "0400".ljust(64, "0")) is BadDeviceToken
assert refusal(client("wrong.p8"), "a3".ljust(64, "0")) is InvalidProviderToken

print("PyAPNs2 (apns2-up): sent 100, met 3 errors")
