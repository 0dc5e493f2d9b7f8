"""Bellwire as one or more processes on one database, which are killed and started anew, and a client that repeats what was not
answered."""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

# A request is repeated for this long, in seconds.
PATIENCE = 180


class Bellwire:
    def __init__(self, replicas):
        first = urlsplit(os.environ["BELLWIRE_URL"]).port
        # The four ports after the first belong to the simulator and to others.
        self.ports = [first + 10 * index for index in range(replicas)]
        self.processes = [None] * replicas
        self.kills = 0
        self.peak_memory = 0
        for index in range(replicas):
            self.start(index)
        threading.Thread(target=self.watch_memory, daemon=True).start()

    def start(self, index):
        port = self.ports[index]
        settings = os.environ | {"BELLWIRE__SERVER__LISTEN": f"127.0.0.1:{port}"}
        with open(f"{os.environ['WORK']}/serve-{index}.log", "ab") as log:
            process = subprocess.Popen([os.environ["BELLWIRE"], "serve"], env=settings, stdout=log, stderr=log)
        self.processes[index] = process

        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).read()
                return
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit("bellwire serve does not become ready")
                time.sleep(0.1)

    def kill(self):
        """Kills one after the other with -9, and starts it again."""
        index = self.kills % len(self.processes)
        self.kills += 1
        self.processes[index].send_signal(signal.SIGKILL)
        self.processes[index].wait()
        self.start(index)

    def stop(self):
        for process in self.processes:
            if process:
                process.terminate()
                process.wait()

    def watch_memory(self):
        while True:
            for process in self.processes:
                self.peak_memory = max(self.peak_memory, peak_memory(process.pid))
            time.sleep(0.2)

    def call(self, method, path, body=None, key=None):
        """Calls the API, and repeats it until it is answered; a POST needs an idempotency key for that."""
        credentials = f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}"
        headers = {
            "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
            "Content-Type": "application/json",
        }
        if key:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()

        until = time.monotonic() + PATIENCE
        attempt = 0
        while True:
            port = self.ports[attempt % len(self.ports)]
            attempt += 1
            url = f"http://127.0.0.1:{port}/v1/PushNotifications{path}"
            request = urllib.request.Request(url, data=data, headers=headers, method=method)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.read()
            except urllib.error.HTTPError as error:
                # A POST is still being served, or Bellwire asks for patience.
                if error.code not in (409, 429, 503):
                    sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")
                reason = f"{error.code} {error.read().decode()}"
            except (OSError, http.client.HTTPException) as error:
                reason = repr(error)
            if time.monotonic() > until:
                sys.exit(f"{method} {path} is not answered: {reason}")
            time.sleep(0.2)

    def get(self, path):
        return json.loads(self.call("GET", path))


def peak_memory(pid):
    """In MB; 0 for a process that has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return max(int(line.split()[1]) / 1000 for line in status if line.startswith("VmHWM:"))
    except (OSError, ValueError):
        return 0


def simulator_summary():
    with urllib.request.urlopen(f"{os.environ['SIMULATOR']}/summary", timeout=60) as answer:
        return json.loads(answer.read())
