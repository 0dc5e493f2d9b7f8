"""Sends COUNT notifications, one by one, while Bellwire is restarted: says `half` when half of them are accepted."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count

from bellwire import Bellwire

COUNT = int(os.environ["COUNT"])
accepted = count(1)

with Bellwire.from_environment() as client, ThreadPoolExecutor(16) as pool:

    def send(number: int) -> None:
        client.send({"to": [{"token": f"drill-python-{number}", "provider": "FCM"}], "content": {"title": "Hello"}})
        if next(accepted) == COUNT // 2:
            print("half", flush=True)

    for each in [pool.submit(send, number) for number in range(COUNT)]:
        each.result()
print("done", flush=True)
