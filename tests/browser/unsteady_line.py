"""A line between a browser and a service that can be held, cut and answered for, as real lines and proxies do."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vignette.trials.own_port import free_port

_PIECE_BYTES = 16 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)  # socket(7): close with a reset


class Line:
    """
    Passes bytes on from its own port to *service_port*.

    While it `holds`, no more than that many bytes of a connection that uploads come through. `uploads` counts the
    requests that upload, by now; `most_at_once`, how many connections did so at the same time.
    """

    def __init__(self, service_port: int) -> None:
        self.port = free_port()
        self.holds: int | None = None
        self.uploads = 0
        self.most_at_once = 0
        self._uploading: set[socket.socket] = set()
        self._answers: list[bytes] = []
        self._loses = 0
        self._is_down = False
        self._service_port = service_port
        self._sockets: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        # Small, so that a browser that is held knows that it is.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _PIECE_BYTES)
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_next(self, status: str, *headers: str) -> None:
        """Answer the next upload with *status* in place of the service, which learns nothing of it."""
        head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""])
        with self._changed:
            self._answers.append(head.encode())

    def lose_answers(self, count: int) -> None:
        """Let the next *count* uploads through, and end their connections when the service answers."""
        with self._changed:
            self._loses = count

    def hold(self, after: int) -> None:
        """Let only *after* bytes of each upload through."""
        self.holds = after

    def release(self) -> None:
        """Let everything through again."""
        with self._changed:
            self.holds, self._is_down = None, False
            self._changed.notify_all()

    def cut(self) -> None:
        """Reset all connections, and each that comes until `release`: a browser tries twice by itself."""
        with self._changed:
            self._is_down = True
            for each in self._sockets:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RD)  # whoever reads from it ends, and closes it
            self._sockets.clear()
            self._changed.notify_all()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        try:
            if self._is_down:
                raise ConnectionError
            service = socket.create_connection(("127.0.0.1", self._service_port))
        except OSError:
            client.close()
            return
        with self._changed:
            self._sockets |= {client, service}
        back = threading.Thread(target=self._copy, args=(service, client), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            self._forward(client, service)
        self._end(service)
        back.join()
        self._end(client)

    def _forward(self, client: socket.socket, service: socket.socket) -> None:
        passed = 0
        while piece := client.recv(_PIECE_BYTES):
            if piece.startswith(b"POST "):
                passed = 0
                self._begin(client)
                if self._answers:
                    client.sendall(self._answers.pop(0))
                    return
            passed += len(piece)
            if client in self._uploading and not self._may_pass(client, passed):
                return
            service.sendall(piece)

    def _begin(self, client: socket.socket) -> None:
        with self._changed:
            self.uploads += 1
            self._uploading.add(client)
            self.most_at_once = max(self.most_at_once, len(self._uploading))

    def _may_pass(self, client: socket.socket, passed: int) -> bool:
        """Wait while so many bytes are held; return whether the connection is still there."""
        with self._changed:
            self._changed.wait_for(lambda: self.holds is None or passed < self.holds or client not in self._sockets)
            return client in self._sockets

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE_BYTES):
                self._uploading.discard(target)  # it is answered
                if self._loses and piece.startswith(b"HTTP/1.1 201"):
                    self._loses -= 1
                    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                    break
                target.sendall(piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)
        with self._changed:
            self._sockets -= {source, target}
            self._changed.notify_all()

    def _end(self, each: socket.socket) -> None:
        with self._changed:
            self._sockets.discard(each)
            self._uploading.discard(each)
        each.close()


@contextmanager
def unsteady_line(service_url: str) -> Iterator[Line]:
    """A line to the service at *service_url*."""
    line = Line(int(service_url.rpartition(":")[2]))
    try:
        yield line
    finally:
        line.close()
