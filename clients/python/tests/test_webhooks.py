"""Verification of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from bellwire import WebhookVerificationFailed, WebhookVerifier

KEY = b"0123456789abcdef"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"type":"webhook.test","timestamp":"2026-11-26T05:00:00Z","data":{}}'


def signed(at: float, key: bytes = KEY, body: bytes = BODY) -> dict[str, str]:
    digest = hmac.digest(key, b"msg_1." + str(int(at)).encode() + b"." + body, hashlib.sha256)
    signature = "v1," + base64.b64encode(digest).decode()
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(at)), "Webhook-Signature": signature}


def test_a_request_of_bellwire_is_verified() -> None:
    assert WebhookVerifier(SECRET).verify(BODY, signed(time.time()))["type"] == "webhook.test"
    assert WebhookVerifier(SECRET).verify(BODY.decode(), signed(time.time()))["type"] == "webhook.test"


def test_one_of_several_signatures_suffices() -> None:
    headers = signed(time.time(), key=b"another")
    headers["Webhook-Signature"] += " " + signed(time.time())["Webhook-Signature"]
    WebhookVerifier(SECRET).verify(BODY, headers)


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        (signed(time.time(), body=BODY + b" "), "no signature matches"),
        (signed(time.time(), key=b"another"), "no signature matches"),
        (signed(time.time() - 400), "differs by more than 300 s"),
        (signed(time.time() + 400), "differs by more than 300 s"),
        ({**signed(time.time()), "Webhook-Timestamp": "now"}, "Unix seconds"),
        ({**signed(time.time()), "Webhook-Timestamp": "9" * 18}, "Unix seconds"),
        ({**signed(time.time()), "Webhook-Timestamp": "9" * 5_000}, "Unix seconds"),
        ({**signed(time.time()), "Webhook-Signature": "v1,%%%"}, "no signature matches"),
        ({"Webhook-Id": "1"}, "missing"),
    ],
)
def test_any_other_request_is_refused(headers: dict[str, str], problem: str) -> None:
    with pytest.raises(WebhookVerificationFailed, match=problem):
        WebhookVerifier(SECRET).verify(BODY, headers)


def test_a_secret_must_be_one() -> None:
    for secret in ("", "whsec_", "whsec_ä"):
        with pytest.raises(ValueError, match="secret"):
            WebhookVerifier(secret)
