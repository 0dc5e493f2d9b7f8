"""aioapns alone: nothing is durable."""

import asyncio
import base64
import hashlib
import json
import logging
import os
import ssl
import time
from urllib.parse import urlsplit

from aioapns import APNs, NotificationRequest
from aioapns.connection import APNsProductionClientProtocol

WINDOW = 500


async def main() -> None:
    logging.disable(logging.CRITICAL)
    with open(f"{os.environ['BENCH_CREDENTIALS']}/apn.json", encoding="utf-8") as file:
        credential = json.load(file)["content"]
    address = urlsplit(os.environ["BENCH_APNS"])
    APNsProductionClientProtocol.APNS_SERVER = address.hostname
    APNsProductionClientProtocol.APNS_PORT = address.port
    context = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
    context.set_alpn_protocols(["h2"])
    client = APNs(
        key=base64.b64decode(credential["privateKey"]).decode(),
        key_id=credential["keyId"],
        team_id=credential["teamId"],
        topic=credential["bundleId"],
        ssl_context=context,
    )
    alert = {"title": "Boarding time @ TLL", "body": "You have 1 hour until boarding time"}
    message = {"aps": {"alert": alert, "sound": "ring"}}
    count = int(os.environ["BENCH_COUNT"])
    numbers = iter(range(count))

    async def caller() -> int:
        sent = 0
        for number in numbers:
            token = "a" + hashlib.sha256(f"peer {number}".encode()).hexdigest()[1:]
            answer = await client.send_notification(NotificationRequest(device_token=token, message=message))
            sent += answer.is_successful
        return sent

    started = time.monotonic()
    sent = sum(await asyncio.gather(*(caller() for _ in range(WINDOW))))
    seconds = time.monotonic() - started
    # Not what getrusage says, which begins with the memory of whoever started this.
    with open("/proc/self/status", encoding="utf-8") as status:
        rss = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1000
    print(json.dumps({"what": "aioapns", "rate": sent / seconds, "sent": sent, "rss": rss}))


asyncio.run(main())
