"""Registers a device and sends to its User. `python examples/register.py APP TOKEN`."""

import sys

from bellwire import Bellwire

app, token = sys.argv[1], sys.argv[2]

with Bellwire.from_environment() as client:
    registered = client.register_device(
        {"appName": app, "token": token, "provider": "FCM", "tags": {"tier": "gold"}},
    )
    print("User", registered["userId"], "device", registered["deviceId"])

    # Keep the userId beside your own user: this is who you send to.
    accepted = client.send(
        {"to": [{"userId": registered["userId"]}], "from": {"appName": app}, "content": {"title": "Welcome"}},
    )
    print("Operation", accepted["operationId"])
