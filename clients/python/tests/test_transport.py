"""Retries and pages, against a server that answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bellwire import ApiError, Bellwire, ConnectionFailed
from bellwire.transport import retry_after

Answer = tuple[int, dict[str, str], Any]
ACCEPTED: Answer = (202, {}, {"operationId": "comms_operation_1", "operationLocation": "/1"})


class Server:
    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.requests: list[tuple[str, str, str | None]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.requests.append((self.command, self.path, self.headers.get("Idempotency-Key")))
                answer = server.answers.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                text = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.client = Bellwire(f"http://127.0.0.1:{self.http.server_port}", "key", "secret", retry_for=5)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.client.close()
    server.http.shutdown()


def refusal(status: int, **headers: str) -> Answer:
    return status, headers, {"code": status, "message": "Not now", "status": status}


def test_a_refused_or_lost_post_is_repeated_with_its_key(server: Server) -> None:
    server.answers = [refusal(503, **{"Retry-After": "0"}), None, refusal(429, **{"Retry-After": "0"}), ACCEPTED]

    answer = server.client.send({"to": [{"token": "a", "provider": "FCM"}], "content": {"body": "Hello"}})

    assert answer["operationId"] == "comms_operation_1"
    keys = {key for _, _, key in server.requests}
    assert len(server.requests) == 4
    assert len(keys) == 1
    assert None not in keys


def test_a_post_without_a_key_is_not_repeated_after_a_lost_answer(server: Server) -> None:
    server.answers = [None, ACCEPTED]

    with pytest.raises(ConnectionFailed):
        server.client.create_key({})
    assert len(server.requests) == 1


def test_a_defect_and_a_wrong_request_are_not_repeated(server: Server) -> None:
    for status in (500, 400, 409):
        server.answers = [refusal(status)]
        with pytest.raises(ApiError) as caught:
            server.client.fetch_user("u")
        assert caught.value.status == status


def test_a_delay_beyond_the_limit_ends_the_retries(server: Server) -> None:
    server.answers = [refusal(429, **{"Retry-After": "600"})]

    with pytest.raises(ApiError, match="Not now"):
        server.client.fetch_user("u")


def test_an_answer_of_a_proxy_is_an_error_too(server: Server) -> None:
    server.answers = [(404, {}, "no such host")]

    with pytest.raises(ApiError) as caught:
        server.client.fetch_user("a/b")
    assert caught.value.code == 404
    assert server.requests[0][1].endswith("/Users/a%2Fb")


def test_only_null_ends_a_list(server: Server) -> None:
    def page(users: list[str], following: str | None) -> Answer:
        return 200, {}, {"users": [{"id": each} for each in users], "pagination": {"self": "x", "next": following}}

    server.answers = [page(["1"], "a"), page([], "b"), page(["2", "3"], None)]

    assert [user["id"] for user in server.client.list_users(page_size=2)] == ["1", "2", "3"]
    assert [path.partition("?")[2] for _, path, _ in server.requests] == [
        "pageSize=2",
        "pageSize=2&pageToken=a",
        "pageSize=2&pageToken=b",
    ]


def test_a_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("3") == 3
    assert retry_after("Mon, 01 Jan 2024 00:00:00 GMT") == 0
    assert retry_after("soon") is None
    assert retry_after(None) is None
