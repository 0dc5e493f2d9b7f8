"""Python's http.client, over one connection."""

import base64
import http.client
import json
import os
from urllib.parse import urlsplit

credentials = f"{os.environ['BELLWIRE_KEY']}:{os.environ['BELLWIRE_SECRET']}"
headers = {
    "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
    "Content-Type": "application/json",
}
connection = http.client.HTTPConnection(urlsplit(os.environ["BELLWIRE_URL"]).netloc)

for number in range(int(os.environ["COUNT"])):
    send = {"to": [{"token": f"http-client-{number}", "provider": "FCM"}], "content": {"title": "Hello"}}
    connection.request("POST", "/v1/PushNotifications", json.dumps(send), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 202, (answer.status, text)
    print(json.loads(text)["operationId"])
