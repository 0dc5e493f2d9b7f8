"""aioapns: sends 100 messages, and meets three errors."""

import asyncio
import os
from pathlib import Path

from aioapns import APNs, NotificationRequest, PushType

KEYS = os.environ["SIMULATOR_KEYS"]


def client(key: str) -> APNs:
    return APNs(
        key=Path(KEYS, key).read_text(),
        key_id="DEMOKEY001",
        team_id="DEMOTEAM01",
        topic="com.example.demo",
        use_sandbox=False,
    )


def request(token: str) -> NotificationRequest:
    message = {"aps": {"alert": {"title": "Hello"}}}
    return NotificationRequest(device_token=token, message=message, push_type=PushType.ALERT)


async def main() -> None:
    apns = client("AuthKey_DEMOKEY001.p8")
    results = await asyncio.gather(*(apns.send_notification(request(f"a2{number:062}")) for number in range(100)))
    refused = [result.description for result in results if not result.is_successful]
    assert not refused, refused

    dead = await apns.send_notification(request("0410".ljust(64, "0")))
    assert (dead.status, dead.description) == ("410", "Unregistered"), dead
    bad = await apns.send_notification(request("0400".ljust(64, "0")))
    assert (bad.status, bad.description) == ("400", "BadDeviceToken"), bad

    stranger = client("wrong.p8")
    wrong = await stranger.send_notification(request("a2".ljust(64, "0")))
    assert (wrong.status, wrong.description) == ("403", "InvalidProviderToken"), wrong


asyncio.run(main())
print("aioapns: sent 100, met 3 errors")
