"""Sends by the recipients' clocks, while the clock of Bellwire and of its Postgres is stepped over the next two switches of
daylight saving time in Europe. What each User's local time is in UTC is decided by Python's zoneinfo.

`CLOCK` is the file that libfaketime reads, `COUNT` the number of Users (10,000). `first-step` sets the clock for the first time.
"""

import base64
import datetime
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from zoneinfo import ZoneInfo

UTC = datetime.timezone.utc
COUNT = int(os.environ.get("COUNT", "10000"))
# A notification is sent within this time of its moment.
LATEST = datetime.timedelta(seconds=90)
# A step is this much before and after a moment.
MARGIN = datetime.timedelta(seconds=30)
# Zones of every kind: with and without daylight saving, of whole, half and quarter hours, on both halves of the earth.
ZONES = """
Pacific/Kiritimati Pacific/Chatham Pacific/Auckland Asia/Kamchatka Australia/Lord_Howe Australia/Sydney Australia/Adelaide
Australia/Darwin Asia/Tokyo Australia/Eucla Asia/Shanghai Asia/Bangkok Asia/Yangon Asia/Dhaka Asia/Kathmandu Asia/Kolkata
Asia/Tashkent Asia/Kabul Asia/Dubai Asia/Tehran Europe/Moscow Europe/Kyiv Africa/Cairo Europe/Berlin Africa/Lagos Europe/London
Atlantic/Reykjavik Atlantic/Azores America/Nuuk America/Sao_Paulo America/St_Johns America/Halifax America/New_York
America/Chicago America/Denver America/Los_Angeles America/Anchorage Pacific/Honolulu
""".split()


def switches():
    """The next two days on which clocks in Berlin are put forward or back."""
    berlin = ZoneInfo("Europe/Berlin")
    day = datetime.datetime.now(berlin).date() + datetime.timedelta(days=7)
    found = []
    while len(found) < 2:
        before = datetime.datetime.combine(day, datetime.time(0), berlin).utcoffset()
        after = datetime.datetime.combine(day, datetime.time(12), berlin).utcoffset()
        if before != after:
            found.append(day)
        day += datetime.timedelta(days=1)
    return found


def step(moment):
    """Sets the clock of Bellwire and of its Postgres."""
    ahead = (moment - datetime.datetime.now(UTC)).total_seconds()
    with open(os.environ["CLOCK"], "w") as clock:
        clock.write(f"{ahead:+.0f}")


def start(day):
    """When the sends are accepted: the day in question has begun nowhere."""
    return datetime.datetime.combine(day - datetime.timedelta(days=2), datetime.time(12), UTC)


def call(method, path, body=None, content_type="application/json"):
    headers = {"Content-Type": content_type}
    credentials = f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}"
    headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
    url = f"{os.environ['BELLWIRE_URL']}/v1/PushNotifications{path}"
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")


def register():
    rows = (
        json.dumps(
            {
                "appName": "demo",
                "provider": "FCM",
                "token": f"user-{number:05}:APA91b{number:0120}",
                "externalId": f"user-{number}",
                "timezone": ZONES[number % len(ZONES)],
            }
        )
        for number in range(COUNT)
    )
    body = "\n".join(rows).encode()
    imported = json.loads(call("POST", "/DeviceRegistrations/Import", body, "application/x-ndjson"))
    assert imported["created"] == COUNT, imported


def send(local):
    body = {
        "to": [{"audience": {}}],
        "content": {"title": "Good morning"},
        "schedule": {"sendAt": [local]},
    }
    return json.loads(call("POST", "", json.dumps(body).encode()))["operationId"]


def sent(operation):
    stats = json.loads(call("GET", f"/Operations/{operation}"))["stats"]
    assert stats["failed"] + stats["canceled"] + stats["unaddressable"] == 0, stats
    return stats["sent"]


def wait_for(operation, count):
    until = time.monotonic() + 120
    while (so_far := sent(operation)) < count:
        assert time.monotonic() < until, f"{so_far} of {count} were sent"
        time.sleep(0.1)
    assert so_far == count, f"{so_far} were sent, which is more than {count}"


def moments(local):
    """How many Users have each moment. A time that a switch leaves out counts by the offset before it, and of one that comes
    twice the first counts."""
    counts = Counter()
    for number in range(COUNT):
        zone = ZoneInfo(ZONES[number % len(ZONES)])
        counts[local.replace(tzinfo=zone, fold=0).astimezone(UTC)] += 1
    return sorted(counts.items())


def walk(day, time_of_day):
    """Accepts a send, and walks from moment to moment. Returns how many moments there were."""
    local = datetime.datetime.combine(day, time_of_day)
    step(start(day))
    # Until every process has looked at the clock.
    time.sleep(2)
    operation = send(local.isoformat())

    total = 0
    for moment, count in moments(local):
        step(moment - MARGIN)
        time.sleep(2)
        wait_for(operation, total)

        step(moment + datetime.timedelta(seconds=1))
        total += count
        wait_for(operation, total)
    assert total == COUNT

    lines = call("GET", f"/Operations/{operation}/Results").decode().splitlines()
    assert len(lines) == COUNT, len(lines)
    for line in map(json.loads, lines):
        number = int(line["to"]["externalId"].removeprefix("user-"))
        zone = ZoneInfo(ZONES[number % len(ZONES)])
        moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        at = datetime.datetime.fromisoformat(line["updatedAt"])
        assert moment <= at < moment + LATEST, f"{zone}: sent at {at}, and not at {moment}"
    return len(moments(local))


def main():
    days = switches()
    if sys.argv[1:] == ["first-step"]:
        step(start(days[0]))
        return

    register()
    for day in days:
        for time_of_day in [datetime.time(9), datetime.time(2, 30)]:
            count = walk(day, time_of_day)
            print(f"{day} {time_of_day:%H:%M}: {COUNT} Users in {len(ZONES)} zones, {count} moments, each sent at its own")


main()
