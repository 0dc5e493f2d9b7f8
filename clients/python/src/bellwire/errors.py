"""What goes wrong."""

from __future__ import annotations

from dataclasses import dataclass

import httpx


class BellwireError(Exception):
    """Any error of this package."""


class ConnectionFailed(BellwireError):
    """No answer arrived. A request that was repeated until `retry_for` was over may still have been carried out."""


class WebhookVerificationFailed(BellwireError):
    """The request was not made by Bellwire, was changed, or is too old."""


class CompletionTimeout(BellwireError):
    """The Operation was not completed in time. It goes on."""


@dataclass(frozen=True)
class Problem:
    """One problem of a request."""

    field: str
    message: str


class ApiError(BellwireError):
    """Bellwire refused a request, and changed nothing."""

    def __init__(self, status: int, code: int, message: str, problems: list[Problem]) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        """The HTTP status."""
        self.code = code
        """Bellwire's code, or the status if it has none of its own."""
        self.message = message
        """A sentence for people."""
        self.problems = problems
        """Every problem of the request, each with its field."""

    @property
    def field(self) -> str | None:
        """The field of the first problem."""
        return self.problems[0].field if self.problems else None

    @classmethod
    def of(cls, answer: httpx.Response) -> ApiError:
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            # Of a proxy.
            return cls(answer.status_code, answer.status_code, answer.text[:200] or answer.reason_phrase, [])

        problems = [Problem(each.get("field", ""), each.get("message", "")) for each in body.get("errors", [])]
        return cls(
            answer.status_code,
            body.get("code", answer.status_code),
            body.get("message", answer.reason_phrase),
            problems,
        )
