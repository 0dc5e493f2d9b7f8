"""Registers devices with Bellwire: `python3 register.py < registrations.ndjson`.

Each line is the body of a `POST /v1/PushNotifications/DeviceRegistrations`. BELLWIRE_URL, BELLWIRE_KEY and BELLWIRE_SECRET name the
service and the account. A line that is refused is shown with its number, and the others go on. To run it again changes nothing.
"""

import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

THREADS = 8
# Lines in memory at a time.
CHUNK = 1000
RETRY_FOR = 60
URL = os.environ["BELLWIRE_URL"].rstrip("/") + "/v1/PushNotifications/DeviceRegistrations"
CREDENTIALS = base64.b64encode(f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}".encode()).decode()


def register(numbered: tuple[int, str]) -> str | None:
    """Why a line was refused; `None`: its device is registered."""
    number, line = numbered
    headers = {
        "Authorization": f"Basic {CREDENTIALS}",
        "Content-Type": "application/json",
        # The same line twice is one registration.
        "Idempotency-Key": hashlib.sha256(line.encode()).hexdigest(),
    }
    give_up_at = time.monotonic() + RETRY_FOR
    delay = 0.25
    while True:
        try:
            request = urllib.request.Request(URL, line.encode(), headers, method="POST")
            with urllib.request.urlopen(request, timeout=30):
                return None
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if error.code not in (429, 502, 503, 504) or time.monotonic() > give_up_at:
                return f"line {number}: {message(text)}"
            delay = float(error.headers.get("Retry-After") or delay)
        except OSError as error:
            if time.monotonic() > give_up_at:
                return f"line {number}: {error}"
        time.sleep(delay)
        delay = min(2 * delay, 8)


def message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


def chunks(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


def main() -> None:
    lines = ((number, line.strip()) for number, line in enumerate(sys.stdin, 1) if line.strip())
    registered = refused = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for chunk in chunks(lines):
            for problem in pool.map(register, chunk):
                registered += problem is None
                refused += problem is not None
                if problem:
                    print(problem, file=sys.stderr)

    print(f"{registered} registered, {refused} refused")
    sys.exit(1 if refused else 0)


main()
