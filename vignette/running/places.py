"""What must hold before anything is started: hosts to answer for, a sandbox, folders of our own, a free port."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from vignette.jail.sandbox import abilities
from vignette.running.supervision import CannotStart
from vignette.running.words import say
from vignette.settings import Settings


def check_hosts(settings: Settings) -> None:
    """
    See that a service that other machines reach knows by which names: it cannot tell them from those that strangers
    give to its address.

    Raises:
        CannotStart: It does not.
    """
    if not (settings.public_url or settings.allowed_hosts or settings.is_on_loopback):
        raise CannotStart(
            f'host = "{settings.host}": other machines reach the service there, so it has to know how they call it; set'
            ' public_url = "https://pictures.example.org", or allowed_hosts = ["192.168.1.20", "pictures.local"]'
        )


def check_sandbox(settings: Settings) -> None:
    """
    See that this machine has all layers of the sandbox, if the settings want that.

    Raises:
        CannotStart: It lacks one.
    """
    if settings.require_sandbox and (shortfall := abilities().shortfall):
        raise CannotStart(f"require_sandbox = true: {shortfall}")


def check_folders(settings: Settings) -> None:
    """
    Make the state folder where it is missing, and see that files can be written there, and in the upload folder.

    Whether a missing upload folder is to be made, only the catalogue knows.

    Raises:
        CannotStart: One cannot be used.
    """
    with explained("the state folder", settings.state_folder):
        settings.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.state_folder).close()
    with explained("the upload folder", settings.upload_folder):
        try:
            tempfile.TemporaryFile(dir=settings.upload_folder).close()
        except FileNotFoundError:
            if settings.upload_folder.is_dir():  # /proc takes no file
                raise


@contextlib.contextmanager
def explained(name: str, folder: Path) -> Iterator[None]:
    """Turn what the operating system says of *folder*, which is called *name*, into `CannotStart`."""
    try:
        yield
    except OSError as error:
        raise CannotStart(f"{name} {folder} cannot be used: {error.strerror or error}") from error


def lock_state(settings: Settings, held: contextlib.ExitStack, orphans_limit_s: float) -> list[int]:
    """
    Make sure that no other server uses the state folder, where the embedded parts make it ours alone.

    Returns:
        The descriptors that the children must inherit: what they lock stays locked until the last of them has ended,
        even if we are killed. A new broker beside the old one would ruin its files.
    """
    if not settings.uses_sqlite and not settings.uses_embedded_broker:
        return []
    state = settings.state_folder
    held.enter_context(_locked(state / "server.lock", f"another server uses the state folder {state}"))
    orphans = f"processes of a server that was killed still use the state folder {state}"
    return [held.enter_context(_locked(state / "children.lock", orphans, orphans_limit_s))]


def lock_uploads(settings: Settings, held: contextlib.ExitStack) -> None:
    """
    Make sure that no other server uses the upload folder, where SQLite makes it ours alone. Servers that have their
    catalogue in PostgreSQL share the folder with each other, and not with one that has SQLite.
    """
    uploads = settings.upload_folder
    refusal = f"another server uses the upload folder {uploads}"
    kind = fcntl.LOCK_EX if settings.uses_sqlite else fcntl.LOCK_SH
    held.enter_context(_locked(uploads / ".server.lock", refusal, kind=kind))


@contextlib.contextmanager
def _locked(file: Path, refusal: str, patience_s: float = 0, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """
    Hold flock(2) of this *kind* on *file*; say *refusal* if another one is in the way for longer than *patience_s*.
    """
    with contextlib.ExitStack() as opened:
        with explained("the lock", file):
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            opened.callback(os.close, descriptor)
            if not _try_lock(descriptor, kind):
                _wait_for_lock(descriptor, kind, refusal, patience_s)
        yield descriptor


def _wait_for_lock(descriptor: int, kind: int, refusal: str, patience_s: float) -> None:
    if patience_s:
        say(f"{refusal}; waiting for their end")
    deadline = time.monotonic() + patience_s
    while not _try_lock(descriptor, kind):
        if time.monotonic() >= deadline:
            raise CannotStart(refusal)
        time.sleep(0.05)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A network file system may know no locks. Servers that share a folder have done without.
        if kind != fcntl.LOCK_SH:
            raise
    return True


def free_address(settings: Settings) -> str:
    """
    The IP address of our host, after a look whether its port is free: the web server listens with SO_REUSEPORT and
    would share it with another one without a word.
    """
    where = f"{settings.host} port {settings.port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # Connections of a server that just ended may linger in TIME_WAIT; they are no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"{where} is taken: stop what listens there, or set VIGNETTE_PORT") from error
        raise CannotStart(f"{where} cannot be used: {error.strerror or error}") from error
    return str(address[0])
