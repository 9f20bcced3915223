"""More than the machine can take: who is sent away is told so, who is not is kept, and everybody else is answered."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.house import picture
from tests.running import Service, http_client, running_service, until
from vignette.trials.processes import children_of

CLIENTS = 200
SLOW_CLIENTS = 20

# While 8 of its 32 threads send files, a process answers 24 requests at a time: these are ten rounds of them.
TOO_MANY = 240

MORE_THAN_THE_KERNEL_KEEPS = picture(2500, 1500, "BMP")  # for a client that does not read


def until_kept(url: str, content: bytes) -> int:
    """The number of an upload that is sent until it is taken, as a client may: after a 503, or without an answer."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            answer = http_client.post(
                f"{url}/images", content=content, headers={"Content-Type": "image/bmp"}, timeout=60
            )
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.status_code == 201:
            return int(answer.text)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        time.sleep(0.1)
    raise AssertionError("it was never taken")


@contextmanager
def slow_client(service: Service, stop: threading.Event) -> Iterator[socket.socket]:
    """A client that announces 100,000 bytes and sends one each second, of a picture or of nothing."""
    connection = socket.create_connection(("127.0.0.1", httpx.URL(service.url).port))
    connection.sendall(
        b"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n"
    )

    def trickle() -> None:
        try:
            while not stop.wait(1):
                connection.sendall(b"\xff")
        except OSError:
            pass  # cut off

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield connection
    finally:
        stop.set()
        thread.join()
        connection.close()


@contextmanager
def deaf_client(service: Service, *, asks_more: bool = False) -> Iterator[socket.socket]:
    """A client that asks for the original of image 0, and perhaps for something more, and reads nothing of it."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", httpx.URL(service.url).port))
        connection.sendall(b"GET /images/0/original HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if asks_more:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        yield connection


def staged(service: Service) -> int:
    """How many uploads are on their way; vignettes that are being written have their file there too."""
    return sum(path.is_dir() for path in (service.upload_folder / ".staging").iterdir())


def peak_kib(service: Service) -> int:
    """The most memory that all web processes together can have held."""
    (server,) = service.children("granian")
    words = [Path(f"/proc/{number}/status").read_text() for number in children_of(server)]
    return sum(int(re.search(r"VmHWM:\s+(\d+)", word)[1]) for word in words)  # type: ignore[index]


def test_200_clients_at_once_are_all_served_in_the_end_and_nothing_is_lost(tmp_path: Path) -> None:
    contents = [picture(500, 500 + number, "BMP") for number in range(CLIENTS)]
    with running_service(tmp_path, web_processes=2, web_threads=8) as service:
        # What each thread needs once, it shall have before we look: 8 places, and more clients than that.
        upload_all(service, contents[:40], clients=16)
        before = peak_kib(service)

        numbers = upload_all(service, contents, clients=CLIENTS)

        assert sorted(set(numbers)) == sorted(numbers)
        for number, content in zip(numbers, contents, strict=True):
            assert (service.upload_folder / str(number) / "original.bmp").read_bytes() == content
        until(lambda: staged(service) == 0)
        # With a place for each client it is more than what all of them send; with 8, a tenth of that.
        assert peak_kib(service) - before < sum(map(len, contents)) / 1024 / 2


@pytest.mark.parametrize("way", ["file", "form"])
def test_an_upload_of_100_mb_takes_a_few_mib_of_memory(tmp_path: Path, way: str) -> None:
    small, large = picture(), picture() + bytes(100_000_000)  # what lies behind the end of a JPEG is kept, as phones do
    with running_service(tmp_path, web_processes=1) as service:

        def upload(content: bytes) -> int:
            files = {"files": {"file": ("a.jpg", content)}} if way == "form" else {"content": content}
            answer = http_client.post(f"{service.url}/images", **files)
            assert answer.status_code == 201, answer.text
            return int(answer.text)

        upload(small)  # the first one loads what each process needs once
        before = peak_kib(service)

        number = upload(large)

        assert peak_kib(service) - before < 8 * 1024
        assert (service.upload_folder / str(number) / "original.jpg").stat().st_size == len(large)


def upload_all(service: Service, contents: Sequence[bytes], clients: int) -> list[int]:
    """Upload each of *contents* until it is kept, so many *clients* at the same moment; their numbers."""
    start = threading.Barrier(clients)

    def client(own: Sequence[bytes]) -> list[int]:
        start.wait()
        return [until_kept(service.url, content) for content in own]

    with ThreadPoolExecutor(clients) as pool:
        numbers = list(pool.map(client, [contents[first::clients] for first in range(clients)]))
    return [numbers[index % clients][index // clients] for index in range(len(contents))]


def test_slow_clients_block_nobody_and_are_cut_off(tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(running_service(tmp_path, web_threads=8, slow_client_seconds=2))
        stop = threading.Event()
        slow = [stack.enter_context(slow_client(service, stop)) for _ in range(SLOW_CLIENTS)]
        until(lambda: staged(service) >= 4)

        for _ in range(20):
            assert http_client.get(f"{service.url}/images", timeout=30).status_code == 200
        until_kept(service.url, picture(file_format="BMP"))

        answers = [connection.recv(1000).split(b"\r\n")[0] for connection in slow]
        assert set(answers) <= {b"HTTP/1.1 503 Service Unavailable", b"HTTP/1.1 408 Request Timeout"}
        assert b"HTTP/1.1 408 Request Timeout" in answers
        until(lambda: staged(service) == 0)
        stop.set()


@pytest.mark.parametrize("asks_more", [False, True], ids=["one request", "a second one behind it"])
def test_who_reads_nothing_of_a_download_blocks_nobody_and_is_cut_off(tmp_path: Path, asks_more: bool) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(running_service(tmp_path, web_threads=8, slow_client_seconds=4))
        until_kept(service.url, MORE_THAN_THE_KERNEL_KEEPS)
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(deaf_client(service, asks_more=asks_more))

        for _ in range(20):
            assert http_client.get(f"{service.url}/images", timeout=30).status_code == 200

        def download() -> httpx.Response:
            # Over a connection of its own: one that has stood still for so long may be cut off too.
            return http_client.get(f"{service.url}/images/0/original", timeout=30)

        until(lambda: download().content == MORE_THAN_THE_KERNEL_KEEPS)


def test_who_finds_no_place_for_a_download_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(running_service(tmp_path, web_threads=32, slow_client_seconds=120))
        until_kept(service.url, MORE_THAN_THE_KERNEL_KEEPS)
        for _ in range(8):
            stack.enter_context(deaf_client(service))
        until(lambda: http_client.get(f"{service.url}/images/0/original").status_code == 503)

        others = [stack.enter_context(deaf_client(service)) for _ in range(TOO_MANY)]
        # It comes behind them. Were each to wait a second for a place, in a thread, it would take ten.
        assert http_client.get(f"{service.url}/healthz", timeout=5).status_code == 200

        for other in others:
            assert other.recv(1000).startswith(b"HTTP/1.1 503")


def test_who_sends_slowly_but_steadily_is_not_cut_off(tmp_path: Path) -> None:
    content = picture(100, 100, "BMP")
    with (
        running_service(tmp_path, slow_client_seconds=1) as service,
        socket.create_connection(("127.0.0.1", httpx.URL(service.url).port)) as connection,
    ):
        head = f"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/bmp\r\nContent-Length: {len(content)}"
        connection.sendall(f"{head}\r\n\r\n".encode())
        for start in range(0, len(content), 1500):
            connection.sendall(content[start : start + 1500])
            time.sleep(0.2)  # what is tested is a speed: 7 KiB a second, for several times its limit in time

        assert connection.recv(1000).startswith(b"HTTP/1.1 201")
