"""Requests to Bellwire, which are repeated where that is safe."""

from __future__ import annotations

import email.utils
import json
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from .errors import ApiError, ConnectionFailed

# Longer than the longest `wait`.
DEFAULT_TIMEOUT = 75.0
FIRST_DELAY = 0.25
LONGEST_DELAY = 8.0
# The service, or a proxy in front of it, is not there for a moment. A 500 is a defect, which a repeat does not mend.
PASSING = {429, 502, 503, 504}


def path(template: str, *values: str) -> str:
    """A path with `values`, each escaped, in place of its `{}`."""
    return template.format(*(quote(value, safe="") for value in values))


class Transport:
    """Sends requests over a pool of connections. It may be shared by threads."""

    def __init__(self, client: httpx.Client, retry_for: float) -> None:
        """`retry_for`: for how many seconds a request is repeated."""
        self._client = client
        self._retry_for = retry_for

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        idempotency_key: str | None = None,
        takes_idempotency_key: bool = False,
    ) -> Any:
        """The body of the answer, `None` if it has none. Raises `ApiError` and `ConnectionFailed`."""
        headers = {}
        if takes_idempotency_key:
            # With one key, a request that is repeated after a lost answer changes nothing twice.
            headers["Idempotency-Key"] = idempotency_key or str(uuid.uuid4())
        is_repeatable = method != "POST" or takes_idempotency_key

        request = self._client.build_request(
            method,
            path,
            params=given(query),
            json=body,
            headers=headers,
        )
        answer = self._send(request, is_repeatable)
        return answer.json() if answer.content else None

    def lines(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The lines of an NDJSON answer, read while they arrive. One that is cut off raises `ConnectionFailed`."""
        headers = {"Accept": "application/x-ndjson"}
        try:
            with self._client.stream("GET", path, params=given(query), headers=headers) as answer:
                if answer.is_error:
                    answer.read()
                    raise ApiError.of(answer)
                for line in answer.iter_lines():
                    yield json.loads(line)
        except httpx.TransportError as error:
            raise ConnectionFailed(f"GET {path}: {error}") from error

    def _send(self, request: httpx.Request, is_repeatable: bool) -> httpx.Response:
        give_up_at = time.monotonic() + self._retry_for
        attempt = 0

        while True:
            failure: ApiError | ConnectionFailed
            try:
                answer = self._client.send(request)
            except httpx.TransportError as error:
                failure = ConnectionFailed(f"{request.method} {request.url}: {error}")
                failure.__cause__ = error
                # A connection that never opened carried no request.
                may_repeat = is_repeatable or isinstance(error, httpx.ConnectError)
                asked_delay = None
            else:
                if answer.is_success:
                    return answer
                failure = ApiError.of(answer)
                may_repeat = answer.status_code in PASSING and (is_repeatable or answer.status_code == 429)
                asked_delay = retry_after(answer.headers.get("Retry-After"))

            delay = backoff(attempt) if asked_delay is None else asked_delay
            if not may_repeat or time.monotonic() + delay > give_up_at:
                raise failure
            time.sleep(delay)
            attempt += 1


def given(query: Mapping[str, Any] | None) -> dict[str, Any]:
    """The parameters that are given."""
    return {name: value for name, value in (query or {}).items() if value is not None}


def backoff(attempt: int) -> float:
    """Seconds before the next attempt, random so that clients do not come back together."""
    longest: float = min(FIRST_DELAY * 2.0**attempt, LONGEST_DELAY)
    return longest * random.uniform(0.5, 1)


def retry_after(value: str | None) -> float | None:
    """The seconds of a `Retry-After` header: a number, or a date."""
    if value is None:
        return None
    try:
        return max(float(value), 0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0)
    except ValueError:
        return None
