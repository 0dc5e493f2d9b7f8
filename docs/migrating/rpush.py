"""Reads tables of rpush: `python3 rpush.py devices rpush_notifications.csv > registrations.ndjson`, and
`python3 rpush.py credentials rpush_apps.csv DIRECTORY`, which writes the body of a `POST …/Credentials` for each app.

Export each with `psql -c '\\copy rpush_apps to rpush_apps.csv csv header'`. rpush keeps no devices: those that it last delivered to are
taken from its notifications. If your application has a table of them, begin with that one.
"""

import csv
import json
import os
import re
import sys
from pathlib import Path

from common import Output

csv.field_size_limit(1 << 24)


def rows(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def app_name(name: str) -> str:
    """An App's name has small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower())[:64] or "app"


def devices(path: str) -> None:
    """The column app_name is not rpush's own: join rpush_apps for it, or have one App."""
    output = Output("")
    seen: set[tuple[str, str]] = set()
    # The last delivery to a device decides.
    for row in sorted(rows(path), key=lambda row: row["created_at"], reverse=True):
        is_apns = "Apns" in row["type"]
        if not is_apns and "Fcm" not in row["type"] and "Gcm" not in row["type"]:
            output.leave_out(f"notifications of {row['type']}, which Bellwire does not serve")
            continue
        # An FCM notification of older versions has several in `registration_ids`.
        tokens = (
            [row["device_token"]]
            if row.get("device_token")
            else re.findall(r"[\w:-]{20,}", row.get("registration_ids", ""))
        )
        for token in tokens:
            key = ("APN" if is_apns else "FCM", token)
            if key in seen:
                output.leave_out("further notifications to a device")
                continue
            seen.add(key)
            if row["delivered"] != "t":
                output.leave_out("devices whose last notification was not delivered")
                continue
            output.app = app_name(row["app_name"])
            output.registration(*key)
    output.end()


def credentials(path: str, directory: str) -> None:
    for row in rows(path):
        content: dict[str, object]
        if row["type"].endswith("Fcm::App"):
            kind, content = "FCM", json.loads(row["json_key"])
        elif row["type"].endswith("Apnsp8::App"):
            kind = "APN" if row["environment"] == "production" else "APN_SANDBOX"
            content = {
                "privateKey": row["apn_key"],
                "keyId": row["apn_key_id"],
                "teamId": row["team_id"],
                "bundleId": row["bundle_id"],
            }
        elif row["type"].endswith("Apns2::App"):
            # The certificate and its key are in one PEM. A key with a password must be decrypted first, by openssl.
            kind = "APN" if row["environment"] == "production" else "APN_SANDBOX"
            content = {
                "certificate": row["certificate"],
                "privateKey": row["certificate"],
                "bundleId": row["bundle_id"],
            }
        else:
            print(f"left out: {row['name']}, an app of {row['type']}", file=sys.stderr)
            continue

        name = app_name(row["name"])
        file = Path(directory, f"{name}.{kind.lower()}.json")
        # For the owner's eyes only: it has a private key.
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump({"credentialType": kind, "appName": name, "verify": True, "content": content}, out, indent=2)
        print(f"{row['name']}: {file}")


match sys.argv[1:]:
    case ["devices", path]:
        devices(path)
    case ["credentials", path, directory]:
        credentials(path, directory)
    case _:
        sys.exit(__doc__)
