"""A receiver of webhooks, as a process of its own. It writes what it gets to a file before it answers.

Each request is a line of JSON. One that is answered with a 2xx has `parts`: what the message reports. A line that is torn
by `kill -9` was never answered.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time


class Log:
    """The file. Its lines stay when the process is killed, because the operating system has them."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.lock = threading.Lock()
        # Ends a line that was torn.
        os.write(self.file, b"\n")

    def write(self, line):
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self.lock:
            while data:
                data = data[os.write(self.file, data) :]


def is_signed(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    is_recent = abs(time.time() - int(headers["webhook-timestamp"])) < 300
    return is_recent and expected in headers["webhook-signature"].split(" ")


def parts_of(event):
    """[Operation, sequence, isFinal, ids, their statuses] of each part."""
    if event["type"].startswith("operation."):
        return [[event["data"]["operationId"], 0, True, [], [event["data"]["status"]]]]
    parts = event["data"]
    return [
        [
            part["operationId"],
            part["sequence"],
            part["isFinal"],
            [notification["id"] for notification in part["notifications"]],
            sorted({notification["status"] for notification in part["notifications"]}),
        ]
        for part in parts
    ]


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, arguments):
        self.arguments = arguments
        self.log = Log(arguments.log)
        self.lock = threading.Lock()
        self.requests = 0
        self.first_request = None
        super().__init__(("127.0.0.1", arguments.port), Handler)

    def handle_error(self, request, client_address):
        """The connection was closed, because Bellwire was killed or waits no longer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def status(self):
        """What the next request is answered with; `None`: nothing, until it hangs no more."""
        with self.lock:
            self.requests += 1
            self.first_request = self.first_request or time.monotonic()
            if time.monotonic() < self.first_request + self.arguments.hang:
                return None
            if self.arguments.fail_every and self.requests % self.arguments.fail_every == 0:
                return 500
        return self.arguments.status


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are two writes.
    disable_nagle_algorithm = True

    def do_POST(self):
        arguments = self.server.arguments
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # Bellwire was killed in the middle of the request.
            self.close_connection = True
            return
        event = json.loads(body)
        line = {
            "id": self.headers["webhook-id"],
            "type": event["type"],
            "isSigned": is_signed(arguments.secret, self.headers, body),
            "answer": self.server.status(),
        }

        if line["answer"] is None:
            self.server.log.write(line)
            time.sleep(max(0, self.server.first_request + arguments.hang - time.monotonic()))
            self.close_connection = True
            return

        time.sleep(arguments.delay)
        if line["answer"] < 300:
            line["parts"] = parts_of(event)
        self.server.log.write(line)
        self.send_response(line["answer"])
        self.send_header("content-length", "0")
        if arguments.redirect:
            self.send_header("location", arguments.redirect)
        self.end_headers()

    def do_GET(self):
        """As a redirect that is followed may arrive."""
        self.server.log.write({"id": None, "type": "GET", "isSigned": False, "answer": 200, "parts": []})
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True, help="the file that it writes")
    parser.add_argument("--secret", required=True, help="what requests are signed with")
    parser.add_argument("--status", type=int, default=200, help="of its answers")
    parser.add_argument("--delay", type=float, default=0, help="how long an answer takes, in seconds")
    parser.add_argument("--hang", type=float, default=0, help="it does not answer for this long, in seconds")
    parser.add_argument("--fail-every", type=int, default=0, help="answers 500 to one request in this many")
    parser.add_argument("--redirect", help="the location of its answers")
    Receiver(parser.parse_args()).serve_forever()


main()
