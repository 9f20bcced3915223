"""The other side of checks, in threads of a test: HTTP services, and a clamd that speaks INSTREAM."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Behaviour = Callable[[socket.socket, threading.Event], object]
"""What is done with a connection, until the event."""


@dataclass
class Asked:
    """What a service was asked."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """An HTTP service that answers each POST with `answer`, and notes what it was `asked`."""

    url: str
    answer: Any = field(default_factory=lambda: {"verdict": "accept"})
    status: int = 200
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def http_service(**said: Any) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.asked.append(Asked({name.lower(): value for name, value in self.headers.items()}, body))
            content = json.dumps(service.answer).encode()
            self.send_response(service.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(f"http://127.0.0.1:{server.server_address[1]}/check?of=pictures", **said)
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def listening(behaviour: Behaviour, path: Path | None = None) -> Iterator[socket.socket]:
    """A socket that does *behaviour* to each connection: on the loopback interface, or at *path*."""
    family = socket.AF_INET if path is None else socket.AF_UNIX
    ended, threads = threading.Event(), []
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", 0) if path is None else os.fspath(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=treat, args=[connection]))
                threads[-1].start()

        def treat(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                behaviour(connection, ended)

        acceptor = threading.Thread(target=serve)
        acceptor.start()
        try:
            yield listener
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for thread in threads:
                thread.join()


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


class Clamd:
    """
    A behaviour of `listening`: clamd(8), as far as INSTREAM goes. It finds what contains *signature*, and takes
    *most_bytes*. What it was sent is in `streams`.
    """

    def __init__(self, signature: bytes = b"EICAR", most_bytes: int = 10**9) -> None:
        self._signature = signature
        self._most_bytes = most_bytes
        self.streams: list[bytes] = []

    def __call__(self, connection: socket.socket, _ended: threading.Event) -> None:
        with connection.makefile("rb") as incoming:
            if incoming.read(10) != b"zINSTREAM\0":
                connection.sendall(b"UNKNOWN COMMAND\0")
                return
            stream = b""
            while length := struct.unpack("!I", incoming.read(4))[0]:
                stream += incoming.read(length)
                if len(stream) > self._most_bytes:
                    connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                    return
            self.streams.append(stream)
            found = self._signature in stream
            connection.sendall(b"stream: Eicar-Signature FOUND\0" if found else b"stream: OK\0")
