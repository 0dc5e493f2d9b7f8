"""Reads the class _Installation of Parse: `python3 parse.py APP _Installation.json > registrations.ndjson`.

The file is an export, `{"results": […]}`, or one object a line, as mongoexport writes it. A channel becomes a tag `channel.NAME` with
the value `true`; the pointer `user` becomes the external id.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from common import Output


def installations(path: str) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    try:
        document = json.loads(text)
    except ValueError:
        yield from (json.loads(line) for line in text.splitlines() if line.strip())
        return
    yield from document["results"] if isinstance(document, dict) and "results" in document else [document]


def user_of(installation: dict[str, Any]) -> str | None:
    """In Parse's own form `user` is an object; MongoDB has `_p_user`, a string such as `_User$a1b2`."""
    pointer = installation.get("user")
    if isinstance(pointer, dict):
        return pointer.get("objectId")
    return str(installation.get("_p_user", "")).partition("$")[2] or None


output = Output(sys.argv[1])
for each in installations(sys.argv[2]):
    token = each.get("deviceToken")
    kind = each.get("deviceType")
    if not token:
        output.leave_out("installations without a token")
        continue
    if kind not in ("ios", "android"):
        output.leave_out(f"installations of a type that Bellwire does not serve ({kind})")
        continue

    output.registration(
        "APN" if kind == "ios" else "FCM",
        token,
        external_id=user_of(each),
        tags={f"channel.{channel}": "true" for channel in each.get("channels", []) if channel},
        language=str(each.get("localeIdentifier", "")).replace("_", "-"),
        timezone=each.get("timeZone"),
    )
output.end()
