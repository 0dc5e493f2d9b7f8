"""Runs the recipes, and holds what Bellwire has then."""

import base64
import csv
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

RECIPES = Path(os.environ["RECIPES"])
KEYS = Path(os.environ["SIMULATOR_KEYS"])
WORK = Path(os.environ["WORK"])
URL = os.environ["BELLWIRE_URL"] + "/v1/PushNotifications"
CREDENTIALS = base64.b64encode(f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}".encode()).decode()


def recipe(*arguments: str, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=RECIPES, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def call(method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Basic {CREDENTIALS}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
        return json.loads(answer.read())


def registers(count: int, *arguments: str) -> None:
    """Runs a recipe and registers what it wrote, twice."""
    lines = recipe(*arguments)
    for _ in range(2):
        assert recipe("register.py", given=lines) == f"{count} registered, 0 refused\n"
    print(f"{arguments[0]}: {count} registered")


def devices(external_id: str) -> list[dict[str, Any]]:
    """The devices of a User, by provider."""
    (user,) = call("GET", f"/Users?externalId={external_id}")["users"]
    registrations = call("GET", f"/DeviceRegistrations?userId={user['id']}")["deviceRegistrations"]
    found = [device for registration in registrations for device in registration["devices"]]
    return sorted(found, key=lambda device: device["provider"])


def sends(count: int, body: dict[str, Any]) -> None:
    """Sends, and waits until all of it is sent."""
    operation_id = call("POST", "", body)["operationId"]
    for _ in range(10):
        operation = call("GET", f"/Operations/{operation_id}?wait=10s")
        if operation["status"] == "COMPLETED":
            break
    assert operation["stats"]["sent"] == count, operation


def main() -> None:
    registers(3, "onesignal.py", "demo", "examples/onesignal.csv")
    apn, fcm = devices("user-1")
    assert apn["tags"] == {"tier": "gold", "city": "Tallinn_EE_"}, apn
    assert fcm["tags"] == {"tier": "silver"}, fcm
    sends(1, {"to": [{"audience": {"tags": {"tier": "silver"}}}], "content": {"title": "Hello"}})

    registers(3, "azure_notification_hubs.py", "demo", "examples/azure_notification_hubs.xml")
    apn, fcm = devices("user-11")
    assert apn["tags"] == {"tier": "gold", "beta_testers": "true"}, apn
    assert fcm["tags"] == {"tier": "gold"}, fcm

    registers(2, "parse.py", "demo", "examples/parse.json")
    apn, fcm = devices("u7Hs82kQ1z")
    assert apn["tags"] == {"channel.giants": "true", "channel.news_more": "true"}, apn
    # One person with two devices.
    sends(1, {"to": [{"audience": {"tags": {"channel.giants": "true"}}}], "content": {"title": "Hello"}})

    registers(2, "rpush.py", "devices", "examples/rpush_notifications.csv")
    credentials()

    requests = recipe("gorush.py", "examples/gorush.ndjson").splitlines()
    assert len(requests) == 2, requests
    for request, count in zip(requests, (1, 2), strict=True):
        sends(count, json.loads(request))
    print("gorush.py: 2 sends, 3 sent")
    print("5 passed, 0 failed")


def credentials() -> None:
    """The keys of rpush's apps, as the simulator takes them."""
    columns = [
        "name",
        "type",
        "environment",
        "certificate",
        "apn_key",
        "apn_key_id",
        "team_id",
        "bundle_id",
        "json_key",
    ]
    rows = [
        {
            "name": "Demo",
            "type": "Rpush::Client::ActiveRecord::Apnsp8::App",
            "environment": "production",
            "apn_key": (KEYS / "AuthKey_DEMOKEY001.p8").read_text(),
            "apn_key_id": "DEMOKEY001",
            "team_id": "DEMOTEAM01",
            "bundle_id": "com.example.demo",
        },
        {
            "name": "Demo Old",
            "type": "Rpush::Client::ActiveRecord::Apns2::App",
            "environment": "development",
            "certificate": (KEYS / "client-certificate.pem").read_text() + (KEYS / "client-key.pem").read_text(),
            "bundle_id": "com.example.demo",
        },
        {
            "name": "Demo",
            "type": "Rpush::Client::ActiveRecord::Fcm::App",
            "json_key": (KEYS / "service-account.json").read_text(),
        },
        {"name": "Fire", "type": "Rpush::Client::ActiveRecord::Adm::App"},
    ]
    file, directory = WORK / "rpush_apps.csv", WORK / "credentials"
    directory.mkdir()
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, columns)
        writer.writeheader()
        writer.writerows(rows)

    recipe("rpush.py", "credentials", str(file), str(directory))
    written = sorted(directory.iterdir())
    assert [each.name for each in written] == ["demo.apn.json", "demo.fcm.json", "demo_old.apn_sandbox.json"], written
    for each in written:
        assert each.stat().st_mode & 0o077 == 0, each
        call("POST", "/Credentials", json.loads(each.read_text()))
    print("rpush.py: 3 Credentials stored and verified")


main()
