"""What newcomers get wrong. The text of each error must name what is wrong, the value that was given, and what to do.

Each case holds the words that its text must have. `SHOW=1` prints the texts.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BELLWIRE = os.environ["BELLWIRE"]
URL = os.environ["BELLWIRE_URL"]
SHOW = bool(os.environ.get("SHOW"))
WORK = Path(tempfile.mkdtemp())
DATABASE = os.environ["BELLWIRE__DATABASE__URL"]
ANOTHER_MASTER_KEY = base64.b64encode(bytes(range(1, 33))).decode()

failures: list[str] = []
count = 0


def expect(name: str, text: str, *words: str) -> None:
    global count
    count += 1
    missing = [word for word in words if word.lower() not in text.lower()]
    if SHOW or missing:
        print(f"{name}\n    {text.strip()}", file=sys.stderr)
    if missing:
        failures.append(name)
        print(f"    lacks {missing}", file=sys.stderr)


def command(name: str, arguments: str, changes: dict[str, str | None], *words: str) -> None:
    """Runs a command with changed variables (`None`: not set), which must fail with these words."""
    environment = {key: value for key, value in os.environ.items() if changes.get(key, value) is not None}
    environment.update({key: value for key, value in changes.items() if value is not None})
    try:
        done = subprocess.run(
            [BELLWIRE, *arguments.split()], env=environment, cwd=WORK, capture_output=True, text=True, timeout=20
        )
    except subprocess.TimeoutExpired:
        expect(name, "it did not end", *words)
        return
    if done.returncode == 0:
        expect(name, "it did not fail: " + done.stdout, "it must fail", *words)
    else:
        expect(name, done.stderr, *words)


def request(
    name: str,
    body: Any,
    *words: str,
    method: str = "POST",
    path: str = "/v1/PushNotifications",
    key: str | None = "dev:dev",
    content_type: str | None = "application/json",
) -> None:
    """Makes a request, which must be refused with these words."""
    data = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    outgoing = urllib.request.Request(URL + path, data=data, method=method)
    if key:
        outgoing.add_header("Authorization", "Basic " + base64.b64encode(key.encode()).decode())
    if content_type:
        outgoing.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(outgoing) as answer:
            expect(name, f"it was not refused: {answer.status}", *words)
    except urllib.error.HTTPError as error:
        expect(name, json.loads(error.read())["message"], *words)


def send(**changes: Any) -> dict[str, Any]:
    """A send that is right but for the changes; `None` leaves a field out."""
    body = {"to": [{"token": "a", "provider": "FCM"}], "content": {"title": "Hello"}, **changes}
    return {name: value for name, value in body.items() if value is not None}


def configuration() -> None:
    file = WORK / "bellwire.toml"
    file.write_text("[server]\nlisten_on = '0.0.0.0:80'\n")
    broken = WORK / "broken.toml"
    broken.write_text("[server\nlisten = 1\n")

    command(
        "no database",
        "serve",
        {"BELLWIRE__DATABASE__URL": None},
        "database.url",
        "BELLWIRE__DATABASE__URL",
        "postgres://",
    )
    command(
        "nothing listens",
        "migrate",
        {"BELLWIRE__DATABASE__URL": "postgres://a:b@127.0.0.1:9/x", "BELLWIRE__DATABASE__CONNECT_TIMEOUT": "1s"},
        "127.0.0.1:9",
        "database.url",
    )
    command(
        "no such database",
        "keys list",
        {"BELLWIRE__DATABASE__URL": DATABASE.replace("/bellwire?", "/missing?")},
        "missing",
        "create",
    )
    command(
        "not a URL of Postgres",
        "keys list",
        {"BELLWIRE__DATABASE__URL": "mysql://a@b/c"},
        "database.url",
        "postgres://",
    )
    command(
        "an empty database",
        "keys list",
        {"BELLWIRE__DATABASE__URL": DATABASE.replace("/bellwire?", "/postgres?")},
        "bellwire migrate",
    )
    command(
        "no master key",
        "serve",
        {"BELLWIRE__SECRETS__MASTER_KEY": None},
        "secrets.master_key",
        "bellwire init",
        "BELLWIRE__SECRETS__MASTER_KEY",
    )
    command(
        "a master key that is none",
        "serve",
        {"BELLWIRE__SECRETS__MASTER_KEY": "hunter2"},
        "secrets.master_key",
        "base64",
        "32",
        "openssl rand -base64 32",
    )
    command(
        "another master key",
        "serve",
        {"BELLWIRE__SECRETS__MASTER_KEY": ANOTHER_MASTER_KEY, "BELLWIRE__SERVER__LISTEN": "127.0.0.1:0"},
        "master_key",
        "credential",
    )
    command(
        "an unknown log level",
        "check-config",
        {"BELLWIRE__LOG__LEVEL": "loud"},
        "log.level",
        "loud",
        "debug",
        "BELLWIRE__LOG__LEVEL",
    )
    command(
        "one underscore", "check-config", {"BELLWIRE_LOG_LEVEL": "info"}, "BELLWIRE_LOG_LEVEL", "BELLWIRE__LOG__LEVEL"
    )
    command(
        "an unknown key in a variable",
        "check-config",
        {"BELLWIRE__SERVER__PORT": "80"},
        "server.port",
        "does not exist",
        "server.listen",
    )
    command(
        "an unknown key in a file",
        f"--config {file} check-config",
        {},
        "server.listen_on",
        "does not exist",
        "server.listen",
    )
    command("a file that is no TOML", f"--config {broken} check-config", {}, broken.name, "line 1")
    command("a file that is missing", "--config nowhere.toml check-config", {}, "nowhere.toml")
    command(
        "a duration without a unit", "check-config", {"BELLWIRE__SERVER__DRAIN_DELAY": "3"}, "server.drain_delay", "3s"
    )
    command(
        "a number that is none",
        "check-config",
        {"BELLWIRE__DATABASE__MAX_CONNECTIONS": "many"},
        "database.max_connections",
        "many",
        "integer",
    )
    command(
        "an address without a host",
        "check-config",
        {"BELLWIRE__SERVER__LISTEN": "8080"},
        "server.listen",
        "8080",
        "0.0.0.0:8080",
    )
    command("a port in use", "serve", {}, os.environ["BELLWIRE__SERVER__LISTEN"], "server.listen", "stop the process")
    command("an unknown role", "keys create --account a --role admin", {}, "admin", "full", "send", "read")
    command("no account", "keys create", {}, "--account")


def requests() -> None:
    request("no key", send(), "HTTP Basic", "API key", "secret", key=None)
    request("an unknown key", send(), "No API key", "this name", key="nobody:dev")
    request("a wrong secret", send(), "secret", key="dev:wrong")
    request(
        "a form",
        "to=a",
        "Content-Type",
        "application/x-www-form-urlencoded",
        "application/json",
        content_type="application/x-www-form-urlencoded",
    )
    request("plain text", json.dumps(send()), "Content-Type", "got 'text/plain'", content_type="text/plain")
    request("JSON with a comma too many", '{"to": [],}', "JSON", "line 1", "column")
    request("no body", "", "the body is empty", "JSON object")
    request("an unknown field", send(titel="Hello"), "titel", "does not exist", "content")
    request("a field in the wrong place", send(title="Hello"), "title", "content")
    request("an empty list", send(to=[]), "to:", "1 to 10000", "got 0")
    request("one recipient without a list", send(to={"token": "a", "provider": "FCM"}), "to:", "array", "got an object")
    request(
        "too many recipients",
        send(to=[{"token": str(each), "provider": "FCM"} for each in range(10_001)]),
        "to:",
        "10000",
        "got 10001",
    )
    request(
        "a provider of long ago", send(to=[{"token": "a", "provider": "GCM"}]), "to[0].provider", "GCM", "FCM", "APN"
    )
    request(
        "a provider in small letters", send(to=[{"token": "a", "provider": "fcm"}]), "to[0].provider", "'fcm'", "FCM"
    )
    request("an APNs token that is none", send(to=[{"token": "not-hex", "provider": "APN"}]), "to[0].token", "hex")
    request("an empty token", send(to=[{"token": "", "provider": "FCM"}]), "to[0].token")
    request("somebody's own user id", send(to=[{"userId": "42"}]), "to[0].userId", "42", "comms_pushnotificationuser_")
    request("nothing to say", send(content={}), "content", "title", "body")
    request(
        "data that is no text", send(content={"data": {"count": 3}}), "content.data.count", "got a number", "string"
    )
    request(
        "a time in the past",
        send(schedule={"sendAt": ["2020-01-01T00:00:00Z"]}),
        "schedule.sendAt",
        "2020-01-01",
        "past",
        "server's time",
    )
    request(
        "a time that is none", send(schedule={"sendAt": ["tomorrow"]}), "schedule.sendAt", "tomorrow", "such as 2026-"
    )
    request(
        "a time without a list",
        send(schedule={"sendAt": "2099-01-01T00:00:00Z"}),
        "schedule.sendAt",
        "array",
        "got a string",
    )
    request(
        "a time too far away",
        send(schedule={"sendAt": ["2099-01-01T00:00:00Z"]}),
        "schedule.sendAt",
        "168 hours",
        "2099-01-01",
    )
    request("a ttl in words", send(ttl="1h"), "ttl", "1h", "integer", "2419200")
    request("a ttl that is too long", send(ttl=99_999_999), "ttl", "2419200")
    request("an open template", send(content={"title": "Hi {{ name"}), "content.title", "{{")
    request("an unknown App", send(**{"from": {"appName": "nowhere"}}), "from.appName", "nowhere")
    request("a priority of another service", send(priority="normal"), "priority", "normal", "HIGH", "LOW")
    request("a sound that is a number", send(sound=1), "sound", "string")
    request(
        "google-services.json as a Credential",
        {"credentialType": "FCM", "appName": "a", "content": {"project_info": {"project_id": "p"}, "client": []}},
        "google-services.json",
        "service account",
        path="/v1/PushNotifications/Credentials",
    )
    request(
        "a webhook of http",
        {"url": "ftp://example.com", "events": ["operation.completed"]},
        "url",
        "https",
        path="/v1/PushNotifications/Webhooks",
    )
    request(
        "an event that does not exist",
        {"url": "https://example.com", "events": ["operation.done"]},
        "events[0]",
        "operation.done",
        "operation.completed",
        path="/v1/PushNotifications/Webhooks",
    )
    request(
        "a misspelt filter",
        None,
        "userID",
        "does not exist",
        "userId",
        method="GET",
        path="/v1/PushNotifications?userID=1",
    )
    request(
        "a page that is too large",
        None,
        "pageSize",
        "1000",
        "5000",
        method="GET",
        path="/v1/PushNotifications?pageSize=5000",
    )
    request("a missing /v1", send(), "/v1/PushNotifications", path="/PushNotifications")
    request(
        "a resource that does not exist",
        None,
        "Not Found",
        method="GET",
        path="/v1/PushNotifications/Operations/comms_operation_7zzzzzzzzzzzzzzzzzzzzzzzzz",
    )
    request("a method that does not exist", send(), "PUT", "GET, HEAD, POST", method="PUT")


configuration()
requests()
if failures:
    sys.exit(f"{count - len(failures)} passed, {len(failures)} failed: {', '.join(failures)}")
print(f"{count} passed, 0 failed")
