"""Reads OneSignal's export of subscriptions: `python3 onesignal.py APP export.csv > registrations.ndjson`.

Make it with the endpoint "Export subscriptions CSV" and the extra fields external_user_id and timezone_id.
"""

import csv
import json
import sys

from common import Output

# https://documentation.onesignal.com/reference/csv-export: the column device_type.
IOS, ANDROID, CHROME, FIREFOX = "0", "1", "5", "8"
NAMES = {"2": "Amazon", "6": "Windows", "7": "Safari", "10": "Alexa", "11": "e-mail", "13": "Huawei", "14": "SMS"}

output = Output(sys.argv[1])
with open(sys.argv[2], newline="", encoding="utf-8-sig") as file:
    for row in csv.DictReader(file):
        token = row["identifier"].strip()
        kind = row["device_type"].strip()
        if row.get("invalid_identifier", "").lower() in ("t", "true"):
            output.leave_out("devices that are unsubscribed")
            continue
        if not token:
            output.leave_out("devices without a token")
            continue
        if kind in (CHROME, FIREFOX):
            output.leave_out("browsers: OneSignal subscribes them with keys of its own, so they must subscribe again")
            continue
        if kind not in (IOS, ANDROID):
            output.leave_out(f"devices of a kind that Bellwire does not serve ({NAMES.get(kind, kind)})")
            continue

        output.registration(
            "APN" if kind == IOS else "FCM",
            token,
            external_id=row.get("external_user_id"),
            tags=json.loads(row.get("tags") or "{}"),
            language=row.get("language"),
            timezone=row.get("timezone_id"),
        )
output.end()
