"""Writes an OpenAPI description, from standard input, as it is kept beside the clients: without the address and the version of the
service that gave it."""

import json
import sys

document = json.load(sys.stdin)
document.pop("servers", None)
document["info"].pop("version", None)
json.dump(document, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
print()
