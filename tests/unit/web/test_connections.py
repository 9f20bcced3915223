"""What the kernel counts for our connections; a look at them harms nothing else that the process has open."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import until
from vignette.web.capacity.connections import Connection, connections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO")

TRY_TO_LOCK = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def test_a_look_takes_no_lock_away(tmp_path: Path) -> None:
    # POSIX: whoever closes any descriptor of a file gives up all locks of the process on it (fcntl(2)). SQLite has such
    # locks, and without them it reads pages that others write.
    database = tmp_path / "database"
    with database.open("w+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)

        connections()

        other = subprocess.run([sys.executable, "-c", TRY_TO_LOCK, database], capture_output=True, check=False)
        assert b"BlockingIOError" in other.stderr


def test_only_connections_that_we_have_accepted_are_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"12345")
            until(lambda: [one.sent for one in connections() if one.descriptor == accepted.fileno()] == [5])

            seen = {one.descriptor: one for one in connections()}
            assert server.fileno() not in seen
            assert client.fileno() not in seen
            assert seen[accepted.fileno()].peer == "127.0.0.1"

            seen[accepted.fileno()].end()
            assert client.recv(1) == b""


def test_a_descriptor_that_is_another_one_by_now_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            (connection,) = [one for one in connections() if one.descriptor == accepted.fileno()]
            Connection(1, connection.descriptor, "", 0, 0, 0, 0).end()

            client.sendall(b"x")
            assert accepted.recv(1) == b"x"
