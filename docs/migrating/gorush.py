"""Turns requests for gorush's `POST /api/push` into sends for Bellwire: `python3 gorush.py requests.ndjson > sends.ndjson`.

gorush keeps no devices and no users: your application has the tokens, so what changes is the request. This is how each field of the one
becomes a field of the other.
"""

import json
import sys
from typing import Any

IOS, ANDROID = 1, 2
PROVIDERS = {IOS: "APN", ANDROID: "FCM"}


def send(notification: dict[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/PushNotifications` for one of the `notifications`."""
    platform = notification["platform"]
    alert = notification.get("alert") or {}
    request: dict[str, Any] = {
        "to": [{"token": token, "provider": PROVIDERS[platform]} for token in notification["tokens"]],
        "content": {
            "title": notification.get("title") or alert.get("title"),
            "body": notification.get("message") or alert.get("body"),
            "image": notification.get("image"),
            # Bellwire's data is text, as FCM's is.
            "data": {key: text(value) for key, value in notification.get("data", {}).items()} or None,
        },
        "priority": "LOW" if notification.get("priority") == "normal" else "HIGH",
        "sound": notification["sound"] if isinstance(notification.get("sound"), str) else None,
        "badge": notification.get("badge"),
        "collapseKey": notification.get("collapse_id") or notification.get("collapse_key"),
        "ttl": notification.get("time_to_live"),
        # A gorush message is plain text, even with {{ in it.
        "templating": False,
    }
    if platform == IOS:
        request["apn"] = apns(notification, alert)
    cleaned: dict[str, Any] = without_empty(request)
    return cleaned


def apns(notification: dict[str, Any], alert: dict[str, Any]) -> dict[str, Any]:
    """What only APNs has."""
    fields = {"category": "category", "thread_id": "thread-id", "interruption_level": "interruption-level"}
    aps = {theirs: notification[ours] for ours, theirs in fields.items() if ours in notification}
    aps |= {"mutable-content": 1} if notification.get("mutable_content") else {}
    aps |= {"content-available": 1} if notification.get("content_available") else {}

    more = {key: value for key, value in alert.items() if key not in ("title", "body")}
    if more:
        aps["alert"] = more
    headers = {"apns-push-type": notification.get("push_type")}
    return {"headers": headers, "payload": {"aps": aps}}


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def without_empty(value: Any) -> Any:
    """Without what is not given: `null` in an override would remove a field."""
    if not isinstance(value, dict):
        return value
    cleaned = {key: without_empty(each) for key, each in value.items() if each is not None}
    return {key: each for key, each in cleaned.items() if each != {}}


count = left_out = 0
with open(sys.argv[1], encoding="utf-8-sig") as file:
    for line in filter(str.strip, file):
        for each in json.loads(line)["notifications"]:
            if each["platform"] in PROVIDERS and each.get("tokens"):
                print(json.dumps(send(each)))
                count += 1
            else:
                left_out += 1
print(f"{count} sends", file=sys.stderr)
if left_out:
    print(f"left out: {left_out} notifications to topics or to Huawei", file=sys.stderr)
