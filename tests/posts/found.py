"""Reads ids of Operations, one a line, and fetches each. Fails unless there are COUNT different ones and all are found."""

import base64
import http.client
import json
import os
import sys
from urllib.parse import urlsplit

name = sys.argv[1]
count = int(os.environ["COUNT"])
credentials = f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}"
headers = {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
connection = http.client.HTTPConnection(urlsplit(os.environ["BELLWIRE_URL"]).netloc)

ids = sys.stdin.read().split()
if len(set(ids)) != count:
    sys.exit(f"failed: {name} made {count} POSTs and got {len(set(ids))} different Operations")

for operation_id in ids:
    connection.request("GET", f"/v1/PushNotifications/Operations/{operation_id}", headers=headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    if answer.status != 200 or body["id"] != operation_id:
        sys.exit(f"failed: {name}: {operation_id} is a {answer.status}")
print(f"{name}: {count} POSTs, {count} answers of 202, {count} Operations found")
