"""Everything against a running Bellwire and its simulator, which the environment names."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from bellwire import ApiError, Bellwire, CompletionTimeout
from bellwire.models import SendRequest


@pytest.fixture(scope="module")
def client() -> Iterator[Bellwire]:
    with Bellwire.from_environment() as client:
        yield client


def message(*tokens: str) -> SendRequest:
    return {"to": [{"token": token, "provider": "FCM"} for token in tokens], "content": {"title": "Hello"}}


def test_a_send_is_followed_to_its_end(client: Bellwire) -> None:
    operation_id = client.send(message("python-1", "python-2", "python~UNREGISTERED"))["operationId"]

    operation = client.wait_for_completion(operation_id, timeout=60)
    assert operation["status"] == "COMPLETED"
    assert (operation["stats"]["sent"], operation["stats"]["failed"]) == (2, 1)

    errors = list(client.list_operation_errors(operation_id))
    assert [(error["code"], error["position"]) for error in errors] == [("UNREGISTERED", 2)]
    results = list(client.export_operation_results(operation_id))
    assert [result["status"] for result in results] == ["SENT", "SENT", "FAILED"]


def test_a_list_has_every_record(client: Bellwire) -> None:
    operation_id = client.send(message(*(f"python-page-{number}" for number in range(5))))["operationId"]

    pages = list(client.list_push_notifications(operation_id=operation_id, page_size=2).pages())
    assert sum(len(page) for page in pages) == 5
    assert len(pages) >= 3


def test_an_error_names_its_field(client: Bellwire) -> None:
    with pytest.raises(ApiError) as caught:
        client.send({"to": [{"token": "a", "provider": "GCM"}], "content": {}})  # type: ignore[typeddict-item]

    assert (caught.value.status, caught.value.code) == (400, 400)
    assert caught.value.field == "to[0].provider"
    assert "GCM" in caught.value.message


def test_one_key_is_one_send(client: Bellwire) -> None:
    key = str(uuid.uuid4())
    first = client.send(message("python-key"), idempotency_key=key)
    assert client.send(message("python-key"), idempotency_key=key) == first

    with pytest.raises(ApiError) as caught:
        client.send(message("python-other"), idempotency_key=key)
    assert caught.value.status == 409


def test_a_device_is_registered_and_its_user_is_reached(client: Bellwire) -> None:
    registered = client.register_device({"appName": "demo", "token": f"python-{uuid.uuid4()}", "provider": "FCM"})
    user_id = registered["userId"]
    registrations = list(client.list_device_registrations(user_id=user_id))
    assert [each["id"] for each in registrations] == [registered["resourceId"]]

    request: SendRequest = {"to": [{"userId": user_id}], "content": {"title": "Hello"}, "from": {"appName": "demo"}}
    assert client.validate(request)["valid"]
    operation = client.wait_for_completion(client.send(request)["operationId"])
    assert operation["stats"]["sent"] == 1
    client.delete_user(user_id)


def test_waiting_ends(client: Bellwire) -> None:
    request = message("python-later")
    request["schedule"] = {"sendAt": ["2099-01-01T00:00:00Z"]}
    with pytest.raises(ApiError, match="sendAt"):
        client.send(request)

    operation_id = client.send(message("python~UNAVAILABLE"))["operationId"]
    with pytest.raises(CompletionTimeout):
        client.wait_for_completion(operation_id, timeout=1)
    client.cancel_operation(operation_id)
