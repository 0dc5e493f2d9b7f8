"""What the recipes share: a registration as Bellwire takes it, and a tally of what is left out."""

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

MAX_TAGS = 10
MAX_KEY = 128
MAX_VALUE = 256
# A tag may have no other characters.
NO_TAG_CHARACTER = re.compile(r"[^A-Za-z0-9._~-]+")


class Output:
    """Writes registrations to standard output, one JSON object a line, and says at the end what was left out."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.written = 0
        self.left_out: Counter[str] = Counter()

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] += 1

    def registration(
        self,
        provider: str,
        token: str,
        *,
        external_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        language: str | None = None,
        timezone: str | None = None,
        environment: str | None = None,
    ) -> None:
        """Writes one, without what is not known."""
        given = {
            "appName": self.app,
            "provider": provider,
            "token": token,
            "externalId": external_id or None,
            "tags": self.tags(tags or {}) or None,
            "language": language or None,
            "timezone": timezone or None,
            "environment": environment,
        }
        print(json.dumps({name: value for name, value in given.items() if value is not None}))
        self.written += 1

    def tags(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Up to ten tags, in which other characters than letters, digits and ._~- become an underscore."""
        tags: dict[str, str] = {}
        for key, value in given.items():
            key = NO_TAG_CHARACTER.sub("_", str(key))[:MAX_KEY]
            text = NO_TAG_CHARACTER.sub("_", str(value))[:MAX_VALUE]
            if not key or not text:
                self.leave_out("tags without a key or a value")
            elif len(tags) == MAX_TAGS and key not in tags:
                self.leave_out(f"tags beyond {MAX_TAGS} of a device")
            else:
                tags[key] = text
        return tags

    def end(self) -> None:
        print(f"{self.written} registrations", file=sys.stderr)
        for reason, count in self.left_out.items():
            print(f"left out: {count} {reason}", file=sys.stderr)
