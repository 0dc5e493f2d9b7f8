"""Verifies a request of Bellwire with the official library. Reads {secret, headers, body} from its standard input."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

request = json.load(sys.stdin)
webhook = Webhook(request["secret"])

print(webhook.verify(request["body"], request["headers"])["type"])
try:
    webhook.verify(request["body"] + " ", request["headers"])
except WebhookVerificationError:
    sys.exit(0)
sys.exit("a changed body was taken")
