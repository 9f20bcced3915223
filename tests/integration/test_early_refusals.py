"""An answer that leaves before its request's body was read reaches the client, which may still be sending it."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.running import Service, http_client, running_service, until
from vignette.limits import MIB, UNREAD_BODIES, UNREAD_BODY_BYTES

# More than the kernels of both sides keep: a server that closes breaks off whoever sends so much.
LARGE = 20 * MIB

TIMES = 4

FORM_PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with running_service(folder, web_threads=8, max_upload_bytes=30 * MIB) as service:
        yield service


def connect(service: Service) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(service.url).port), timeout=30)


def head(request: str, length: int | None, *lines: str) -> bytes:
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join([f"{request} HTTP/1.1", "Host: localhost", framing, *lines, "", ""]).encode()


def answer_on(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    came = b""
    while chunk := connection.recv(65536):
        came += chunk
    return came


def write_then_read(service: Service, head: bytes, body: bytes) -> bytes:
    """As a simple client does. It never gets to its answer if what it sends is broken off."""
    with connect(service) as connection:
        connection.sendall(head)
        connection.sendall(body)
        return answer_on(connection)


def write_until_answered(service: Service, head: bytes, body: bytes) -> tuple[bytes, int]:
    """As a client does that reads while it writes; the answer, and how many bytes of *body* it had sent by then."""
    with connect(service) as connection:
        connection.sendall(head)
        sent = 0
        while sent < len(body):
            readable, _, _ = select.select([connection], [connection], [])
            if readable:
                break
            sent += connection.send(body[sent : sent + 65536])
        return connection.recv(65536), sent


def chunked(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", [6000, LARGE])
@pytest.mark.parametrize(
    ("status", "request_line", "lines"),
    [
        (400, "POST /images", ["Content-Type: multipart/form-data"]),
        (400, "POST /images", ["Content-Type: image/jpeg", "Content-Digest: sha-256"]),
        (403, "POST /images", ["Content-Type: image/jpeg", "Sec-Fetch-Site: cross-site"]),
        (404, "POST /upload", ["Content-Type: image/jpeg"]),
        (404, "DELETE /images/99", []),
        (404, "GET /vignette/99", []),
        (405, "PUT /images", ["Content-Type: image/jpeg"]),
        (415, "POST /images", ["Content-Type: multipart/mixed; boundary=b"]),
    ],
)
def test_whoever_writes_all_of_a_body_before_he_reads_gets_the_refusal(
    service: Service, status: int, request_line: str, lines: list[str], size: int
) -> None:
    for _ in range(TIMES):
        answer = write_then_read(service, head(request_line, size, *lines), bytes(size))

        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert b'"type":"/problems/' in answer


def test_an_answer_that_is_no_refusal_gets_through_as_well(service: Service) -> None:
    answer = write_then_read(service, head("GET /limits", LARGE), bytes(LARGE))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"max_upload_bytes"' in answer


def test_a_vignette_that_goes_round_flask_gets_through_as_well(service: Service) -> None:
    number = http_client.post(
        f"{service.url}/images", content=picture(), headers={"Content-Type": "image/jpeg"}
    ).text.strip()
    until(lambda: http_client.get(f"{service.url}/vignette/{number}").status_code == 200)
    folder = service.upload_folder / number
    until(lambda: time.time() - folder.stat().st_ctime > 2.6)  # then it has an edition, and its answers are kept
    http_client.get(f"{service.url}/vignette/{number}")

    answer = write_then_read(service, head(f"GET /vignette/{number}", LARGE), bytes(LARGE))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_body_without_a_length_that_is_refused_half_way(service: Service) -> None:
    body = FORM_PART + bytes(31 * MIB + LARGE) + b"\r\n--b--\r\n"

    answer = write_then_read(
        service, head("POST /images", None, "Content-Type: multipart/form-data; boundary=b"), chunked(body)
    )

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_form_that_is_none_is_refused_half_way(service: Service) -> None:
    body = b"--b\r\n" + bytes(LARGE)

    answer = write_then_read(
        service, head("POST /images", len(body), "Content-Type: multipart/form-data; boundary=b"), body
    )

    assert answer.startswith(b"HTTP/1.1 400 ")


def test_what_is_too_large_is_told_at_once_to_whoever_reads_while_he_writes(service: Service) -> None:
    body = bytes(UNREAD_BODY_BYTES + 2 * LARGE)

    answer, sent = write_until_answered(service, head("POST /images", 110_000_000, "Content-Type: image/jpeg"), body)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert sent < LARGE


def test_no_more_than_a_bounded_part_of_a_body_is_taken(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(head("POST /images", 10**9, "Content-Type: image/jpeg"))
        sent = 0
        with suppress(ConnectionError):
            while sent < 10**9:
                sent += connection.send(bytes(MIB))

    assert sent < UNREAD_BODY_BYTES + LARGE  # LARGE is more than the two kernels hold


def test_whoever_asks_first_whether_to_send_the_body_is_refused_without_it(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(
            head("POST /images", 110_000_000, "Content-Type: image/jpeg", "Expect: 100-continue"),
        )
        begun = time.monotonic()
        answer = answer_on(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert time.monotonic() - begun < 5  # closed at once: nobody waits for a body that does not come


def test_whoever_asks_first_whether_to_send_the_body_may_send_what_is_taken(service: Service) -> None:
    content = picture()
    with connect(service) as connection:
        connection.sendall(
            head("POST /images", len(content), "Content-Type: image/jpeg", "Expect: 100-continue", "Connection: close")
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(content)
        assert answer_on(connection).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize(
    ("status", "content"), [(201, picture()), (415, b"words"), (422, picture()[:-100])], ids=["201", "415", "422"]
)
def test_an_answer_to_a_body_that_was_read_keeps_the_connection(service: Service, status: int, content: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", httpx.URL(service.url).port, timeout=30)
    with closing(connection):
        connection.connect()
        first = connection.sock
        for _ in range(2):
            connection.request("POST", "/images", content, {"Content-Type": "image/jpeg"})
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, answer.headers["Connection"], connection.sock) == (status, None, first)


def test_a_service_with_no_place_left_tells_so_to_whoever_sends(tmp_path: Path) -> None:
    with running_service(tmp_path, web_threads=4) as service, ExitStack() as stack:
        for _ in range(2):  # half of the threads
            holder = stack.enter_context(connect(service))
            holder.sendall(head("POST /images", 1000, "Content-Type: image/jpeg"))
        until(lambda: sum(1 for _ in (service.upload_folder / ".staging").iterdir()) == 2)

        answer = write_then_read(service, head("POST /images", LARGE, "Content-Type: image/jpeg"), bytes(LARGE))

        assert answer.startswith(b"HTTP/1.1 503 ")


def test_clients_that_are_refused_and_then_send_nothing_block_nobody(tmp_path: Path) -> None:
    with running_service(tmp_path, web_threads=8, slow_client_seconds=2) as service, ExitStack() as stack:
        silent = [stack.enter_context(connect(service)) for _ in range(40)]
        for connection in silent:
            connection.sendall(head("POST /nowhere", 10**6))
        for connection in silent:
            assert connection.recv(1000).startswith(b"HTTP/1.1 404 ")  # each is told, at once

        for _ in range(20):
            assert http_client.get(f"{service.url}/images", timeout=10).status_code == 200

        for connection in silent:
            assert answer_on(connection) is not None  # and ended


def test_many_that_are_refused_at_once_are_all_told(service: Service) -> None:
    start = threading.Barrier(UNREAD_BODIES)

    def client(_: int) -> bytes:
        start.wait()
        return write_then_read(service, head("POST /nowhere", LARGE), bytes(LARGE))

    with ThreadPoolExecutor(UNREAD_BODIES) as pool:
        answers = list(pool.map(client, range(UNREAD_BODIES)))

    assert {answer[:13] for answer in answers} == {b"HTTP/1.1 404 "}
