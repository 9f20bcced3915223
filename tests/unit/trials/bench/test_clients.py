"""The clients of benches, against a server that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from vignette.trials.bench.answers import whole_answer
from vignette.trials.bench.clients import Client, Photo, each_by_a_client
from vignette.trials.bench.tools import BenchUnavailable

CREATED = b"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\ncontent-length: 1\r\n\r\n7"


@contextmanager
def server(*connections: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that takes a connection for each of *connections*, and gives their answers; its port, and the bodies."""
    bodies: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for answers in connections:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as requests:
                for answer in answers:
                    head = b"".join(iter(requests.readline, b"\r\n"))
                    length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                    bodies.append(requests.read(length))
                    connection.sendall(answer)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], bodies
        thread.join()


def test_an_answer_is_whole_with_its_last_byte() -> None:
    assert all(whole_answer(CREATED[:length]) is None for length in range(len(CREATED)))
    answer = whole_answer(CREATED)
    assert answer is not None
    assert (answer.status, answer.body, answer.is_last) == (201, b"7", False)


def test_uploads_go_over_one_connection_from_memory_and_from_files(tmp_path: Path) -> None:
    content = bytes(range(256)) * 20_000  # more than a socket holds
    (tmp_path / "photo.jpg").write_bytes(content)

    with server([CREATED, CREATED, CREATED]) as (port, bodies), Client(port) as client:
        photo = Photo(tmp_path / "photo.jpg")
        assert [client.upload(photo), client.upload(b"small"), client.upload(photo)] == [7, 7, 7]
        photo.close()

    assert bodies == [content, b"small", content]


def test_a_server_that_closes_the_connection_gets_a_new_one() -> None:
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"

    with server([busy], [CREATED]) as (port, bodies), Client(port) as client:
        assert client.post(b"one").status == 503
        assert client.upload(b"two") == 7

    assert bodies == [b"one", b"two"]


def test_an_upload_that_is_refused_or_cut_off_is_told() -> None:
    with server([b"HTTP/1.1 415 No\r\nContent-Length: 2\r\n\r\nno"], [CREATED[:-1]]) as (port, _):
        with Client(port) as client, pytest.raises(BenchUnavailable, match="answered 415: no"):
            client.upload(b"a")
        with Client(port) as client, pytest.raises(BenchUnavailable, match="cut off"):
            client.upload(b"a")


def test_what_clients_find_comes_in_the_order_of_the_items() -> None:
    with server([CREATED] * 3) as (port, _):
        assert list(each_by_a_client(port, 1, Client.upload, [b"a", b"b", b"c"])) == [7, 7, 7]
