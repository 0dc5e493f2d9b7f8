"""Receives webhooks on port 8000: `WEBHOOK_SECRET=whsec_… python examples/webhook_receiver.py`."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bellwire import WebhookVerificationFailed, WebhookVerifier

verifier = WebhookVerifier(os.environ["WEBHOOK_SECRET"])
seen: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = verifier.verify(body, dict(self.headers))
        except WebhookVerificationFailed as error:
            self.send_error(401, str(error))
            return

        # Answer at once, and do the work afterwards. An event may come more than once.
        self.send_response(204)
        self.end_headers()
        if self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            print(event["type"], event["data"], flush=True)


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Receiver).serve_forever()
