"""Two attacks of slow clients, beside a client that must be served throughout.

The attacker has another address than the client. `PROXY` is HAProxy's URL, `BELLWIRE_URL` that of the service, `SERVICE_PID` its
process.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

HALF_REQUESTS = 4100
READERS = 200
# Each reader asks for this many files in one go.
PIPELINED = 200
SECONDS = 30
# A reader that reads nothing is gone by then: `server.write_timeout` and some seconds.
GONE_AFTER = 60
# What the connections may cost, in MB.
MOST_MEMORY = 120


def address(url):
    parts = urlsplit(url)
    return parts.hostname, parts.port


def connect(url):
    """Connects from the attacker's address."""
    connection = socket.create_connection(address(url), timeout=10, source_address=("127.0.0.2", 0))
    connection.setblocking(False)
    return connection


class Client(threading.Thread):
    """Sends and reads what it sent, with a new connection each time, until it is stopped."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.stopped = threading.Event()
        self.times = []
        self.problems = []

    def run(self):
        while not self.stopped.wait(0.1):
            started = time.monotonic()
            try:
                self.try_once()
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(repr(error))
            self.times.append(time.monotonic() - started)

    def try_once(self):
        credentials = f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}"
        headers = {
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
        }
        body = {"to": [{"provider": "APN", "token": "ab" * 32}], "content": {"title": "a"}}
        connection = http.client.HTTPConnection(*address(self.url), timeout=20)
        connection.request("POST", "/v1/PushNotifications", json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 202:
            self.problems.append(f"POST: {answer.status} {text[:200]}")
            return

        operation = json.loads(text)["operationId"]
        connection.request("GET", f"/v1/PushNotifications/Operations/{operation}", headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            self.problems.append(f"GET: {answer.status}")
        connection.close()

    def stop(self):
        self.stopped.set()
        self.join()


def memory():
    """What the service uses, in MB."""
    with open(f"/proc/{os.environ['SERVICE_PID']}/status") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1000


def open_connections(url):
    """The attacker's connections that the server at `url` holds open."""
    filter = f"( sport = :{address(url)[1]} and dst 127.0.0.2 )"
    command = ["ss", "--no-header", "--numeric", "--tcp", "state", "established", filter]
    return len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())


def under_attack(name, url, attack):
    """Runs an attack beside a client of `url`. Returns what `attack` returns."""
    client = Client(url)
    client.start()
    time.sleep(2)
    result = attack(time.monotonic() + SECONDS)
    client.stop()

    times = sorted(client.times)
    print(
        f"{name}: {len(times)} sends and reads of the client, {len(client.problems)} failed, "
        f"median {times[len(times) // 2] * 1000:.0f} ms, slowest {times[-1] * 1000:.0f} ms"
    )
    if client.problems:
        sys.exit("\n".join(client.problems[:5]))
    return result


def send_halves(url):
    def attack(until):
        held = []
        while time.monotonic() < until:
            while len(held) < HALF_REQUESTS and time.monotonic() < until:
                try:
                    connection = connect(url)
                    connection.send(b"POST /v1/PushNotifications HTTP/1.1\r\nHost: bellwire\r\n")
                    held.append(connection)
                except OSError:
                    # Refused, as it should be: the attack goes on.
                    time.sleep(0.01)
            time.sleep(0.5)
        for connection in held:
            connection.close()

    return attack


def read_nothing(url):
    def attack(until):
        before = memory()
        request = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: bellwire\r\n\r\n" * PIPELINED
        readers = [connect(url) for _ in range(READERS)]
        for reader in readers:
            try:
                reader.send(request)
            except OSError:
                # Its connection has been closed already.
                pass

        most = before
        while time.monotonic() < until:
            most = max(most, memory())
            time.sleep(0.1)
        return readers, most - before

    return attack


def main():
    proxy = os.environ["PROXY"]
    service = os.environ["BELLWIRE_URL"]
    under_attack(f"{HALF_REQUESTS} half requests, through HAProxy", proxy, send_halves(proxy))
    under_attack(f"{HALF_REQUESTS} half requests, without a proxy", service, send_halves(service))

    for name, url in [("through HAProxy", proxy), ("without a proxy", service)]:
        began = time.monotonic()
        readers, used = under_attack(f"{READERS} readers that read nothing, {name}", url, read_nothing(url))
        print(f"  they cost {used:.0f} MB")
        if used > MOST_MEMORY:
            sys.exit(f"more than {MOST_MEMORY} MB")

        while (count := open_connections(url)) > 0:
            if time.monotonic() - began > GONE_AFTER + SECONDS:
                sys.exit(f"{count} of their connections are not closed")
            time.sleep(0.5)
        print(f"  all are closed after {time.monotonic() - began:.0f} s")
        for reader in readers:
            reader.close()


main()
