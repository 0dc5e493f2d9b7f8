"""The client."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any, Self

import httpx

from .errors import CompletionTimeout
from .models import AcceptedOperation, Operation, SendRequest, Validation
from .operations import Operations
from .transport import DEFAULT_TIMEOUT, Transport

# How long one request waits for an Operation, in seconds.
WAIT = 30
ENDED = ("COMPLETED", "CANCELED")


class Bellwire(Operations):
    """A client of one Bellwire and one account. It may be shared by threads.

    A request is repeated for up to `retry_for` seconds if Bellwire can't be reached, or answers that it can't take it
    now. A POST carries an Idempotency-Key then, so that it is carried out once.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        retry_for: float = 60,
        http_client: httpx.Client | None = None,
    ) -> None:
        """`url` is Bellwire's address, without a path. `http_client` sets a proxy, certificates or limits."""
        client = http_client or httpx.Client(timeout=DEFAULT_TIMEOUT)
        client.base_url = httpx.URL(url)
        client.auth = httpx.BasicAuth(key, secret)
        super().__init__(Transport(client, retry_for))
        self._client = client

    @classmethod
    def from_environment(cls) -> Self:
        """From BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET."""
        return cls(os.environ["BELLWIRE_URL"], os.environ["BELLWIRE_KEY"], os.environ["BELLWIRE_SECRET"])

    def send(self, request: SendRequest, *, idempotency_key: str | None = None) -> AcceptedOperation:
        """Sends to up to 10,000 recipients, or to an audience."""
        return self.send_push_notifications(request, idempotency_key=idempotency_key)

    def validate(self, request: SendRequest) -> Validation:
        """Checks a send, and stores nothing."""
        body: Any = {**request, "validateOnly": True}
        answer: Any = self.send_push_notifications(body)
        validation: Validation = answer
        return validation

    def wait_for_completion(self, operation_id: str, *, timeout: float | None = None) -> Operation:
        """The Operation, as soon as all of it is sent, failed or canceled. Raises `CompletionTimeout` after `timeout`
        seconds; without it, waits as long as the Operation takes.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAIT if end is None else max(0.0, min(WAIT, end - time.monotonic()))
            wait = f"{max(1, round(left))}s"
            operation = self.fetch_operation(operation_id, wait=wait)
            if operation["status"] in ENDED:
                return operation
            if end is not None and time.monotonic() >= end:
                raise CompletionTimeout(f"{operation_id} is {operation['status']} after {timeout:g} s")

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
