"""A client of Bellwire, the push notification service."""

from . import models
from .client import Bellwire
from .errors import (
    ApiError,
    BellwireError,
    CompletionTimeout,
    ConnectionFailed,
    Problem,
    WebhookVerificationFailed,
)
from .pager import Pager
from .webhooks import WebhookVerifier

__all__ = [
    "ApiError",
    "Bellwire",
    "BellwireError",
    "CompletionTimeout",
    "ConnectionFailed",
    "Pager",
    "Problem",
    "WebhookVerificationFailed",
    "WebhookVerifier",
    "models",
]
