"""Python's requests, in eight threads."""

import os
from concurrent.futures import ThreadPoolExecutor

import requests

session = requests.Session()
session.auth = (os.environ["BELLWIRE_KEY"], os.environ["BELLWIRE_SECRET"])
url = os.environ["BELLWIRE_URL"] + "/v1/PushNotifications"


def post(number: int) -> str:
    send = {"to": [{"token": f"requests-{number}", "provider": "FCM"}], "content": {"title": "Hello"}}
    answer = session.post(url, json=send, timeout=30)
    assert answer.status_code == 202, (answer.status_code, answer.text)
    return answer.json()["operationId"]


with ThreadPoolExecutor(8) as pool:
    for operation_id in pool.map(post, range(int(os.environ["COUNT"]))):
        print(operation_id)
