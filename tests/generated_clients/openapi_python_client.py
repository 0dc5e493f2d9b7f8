"""openapi-python-client: sends, pages, reads, and meets an error."""

import os

import httpx
from bellwire_client import Client
from bellwire_client.api.operations import fetch_operation
from bellwire_client.api.push_notifications import list_push_notifications, send_push_notifications
from bellwire_client.models import ContentRequest, DeviceRecipient, ErrorBody, Provider, SendRequest

client = Client(
    base_url=os.environ["BELLWIRE_URL"],
    httpx_args={"auth": httpx.BasicAuth("dev", "dev")},
)
to = [
    DeviceRecipient(token=f"generated-client-{number}", provider=Provider.FCM)
    for number in range(3)
]

with client:
    send = SendRequest(to=to, content=ContentRequest(body="Hello"))
    sent = send_push_notifications.sync(client=client, body=send)

    operation = fetch_operation.sync(sent.operation_id, client=client)
    assert operation.stats.total == len(to), operation

    seen = 0
    token = None
    while True:
        query = {"operation_id": sent.operation_id, "page_size": 2}
        if token is not None:
            query["page_token"] = token
        page = list_push_notifications.sync(client=client, **query)
        seen += len(page.push_notifications)
        token = page.pagination.next_
        if token is None:
            break
    assert seen == len(to), seen

    nobody = SendRequest(to=[], content=ContentRequest(body="Hello"))
    refused = send_push_notifications.sync_detailed(client=client, body=nobody)
    assert refused.status_code == 400, refused
    assert isinstance(refused.parsed, ErrorBody), refused

print("openapi-python-client: sent, paged, read, refused")
