"""Verifies webhooks, by Standard Webhooks: https://www.standardwebhooks.com."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .errors import WebhookVerificationFailed

PREFIX = "whsec_"
MAX_DIGITS = 12


class WebhookVerifier:
    """Verifies the requests of one webhook."""

    def __init__(self, secret: str, *, tolerance: float = 300) -> None:
        """`tolerance`: by how many seconds the time of a request may differ from this machine's."""
        try:
            self._key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except ValueError as error:
            raise ValueError("secret must be whsec_ and base64, as Bellwire showed it") from error
        if not self._key:
            raise ValueError("secret must not be empty")
        self._tolerance = tolerance

    def verify(self, body: bytes | str, headers: Mapping[str, str]) -> Any:
        """The event of a request: `{"type", "timestamp", "data"}`, or a CloudEvent. `body` is the request's body before
        anything parsed it. Raises `WebhookVerificationFailed`.
        """
        given = {name.lower(): value for name, value in headers.items()}
        try:
            message_id = given["webhook-id"]
            timestamp = given["webhook-timestamp"]
            signatures = given["webhook-signature"]
        except KeyError as error:
            raise WebhookVerificationFailed(f"the header {error.args[0]} is missing") from None

        # Python refuses to read integers of thousands of digits.
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_DIGITS):
            raise WebhookVerificationFailed("webhook-timestamp must be Unix seconds")
        if abs(time.time() - int(timestamp)) > self._tolerance:
            raise WebhookVerificationFailed(
                f"webhook-timestamp differs by more than {self._tolerance:g} s: the request is old, or a clock is wrong"
            )

        raw = body.encode() if isinstance(body, str) else body
        signed = f"{message_id}.{timestamp}.".encode() + raw
        expected = b"v1," + base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256))
        # After a rotation of the secret there are two.
        matches = [hmac.compare_digest(each.encode(), expected) for each in signatures.split()]
        if not any(matches):
            raise WebhookVerificationFailed(
                "no signature matches: the secret is of another webhook, or the body changed"
            )
        return json.loads(raw)
