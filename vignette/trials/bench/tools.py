"""What benches need: programs of the system to compare with, a service to measure, and a client of it."""

from __future__ import annotations

import http.client
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.trials.own_service import START_LIMIT_S, OwnService
from vignette.trials.undertaker import entrusted

# Debian's name for the package of each program, as `apt install` takes it.
_PACKAGES: Final = {"nginx": "nginx-light", "wrk": "wrk", "vipsthumbnail": "libvips-tools"}

_ADMINISTRATORS_PATH: Final = "/usr/sbin:/usr/local/sbin"

# Far longer than a picture takes: only a failure reaches it.
_READY_LIMIT_S: Final = 120.0


class BenchUnavailable(Exception):
    """The bench cannot run, or cannot go on; the words say what is missing or went wrong."""


def program(name: str, more_folders: str = _ADMINISTRATORS_PATH) -> str:
    """
    The path of a program, looked for in `PATH`, then in *more_folders* (in the form of `PATH`).

    Raises:
        BenchUnavailable: It is not installed; the words name Debian's package.
    """
    found = shutil.which(name) or shutil.which(name, path=more_folders)
    if found is None:
        package = _PACKAGES[name]
        raise BenchUnavailable(f"{name} is missing: install the package {package} (Debian: apt install {package})")
    return found


def photo_folder(folder: Path) -> Path:
    """*folder*, or its subfolder `photos` if it has one."""
    inner = folder / "photos"
    return inner if inner.is_dir() else folder


def find_photos(folder: Path) -> list[Path]:
    """
    The JPEGs of *folder*.

    Raises:
        BenchUnavailable: There are none.
    """
    found = sorted(photo_folder(folder).glob("*.jp*g"))
    if not found:
        raise BenchUnavailable(f"there are no JPEGs in {folder}")
    return found


@contextmanager
def own_service(folder: Path, **settings: object) -> Iterator[OwnService]:
    """
    Run a service in *folder*; nothing of it runs afterwards.

    Raises:
        BenchUnavailable: It does not start.
    """
    service = OwnService(folder, **settings)
    with entrusted(service.socket_folder):
        try:
            if not service.bring_up():
                words = service.log.read_text(errors="replace")[-2000:]
                raise BenchUnavailable(f"the service did not start within {START_LIMIT_S:.0f} s: {words}")
            yield service
            service.stop()
        finally:
            service.destroy()


@contextmanager
def bench_folder(place: Path | None = None) -> Iterator[Path]:
    """
    A folder below *place* (the system's temporary one unless given), removed afterwards, even if this process dies.

    Raises:
        BenchUnavailable: It cannot be made there.
    """
    try:
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix="vignette-bench-", dir=place)
    except OSError as error:
        raise BenchUnavailable(
            f"no folder can be made in {place or tempfile.gettempdir()}: {error.strerror}"
        ) from error
    with entrusted(Path(made.name)), made as folder:
        yield Path(folder)


def upload(port: int, content: bytes) -> int:
    """Upload a JPEG to the service on *port*; return its number."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_LIMIT_S)) as connection:
        connection.request("POST", "/images", content, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        words = answer.read().decode()
    if answer.status != http.client.CREATED:
        raise BenchUnavailable(f"an upload was answered {answer.status}: {words}")
    return int(words)


def catalogue_of(service: OwnService) -> SqlCatalogue:
    """The catalogue of a service that is up, to be closed afterwards."""
    return SqlCatalogue(f"sqlite:///{service.state_folder / 'catalogue.sqlite3'}", must_exist=True)


def until_ready(port: int, image_id: int, accept: str) -> tuple[bytes, str]:
    """
    Wait for the vignette of an image; return it and its `ETag`.

    Raises:
        BenchUnavailable: It failed, or has not come within two minutes.
    """
    deadline = time.monotonic() + _READY_LIMIT_S
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_LIMIT_S)) as connection:
        while time.monotonic() < deadline:
            connection.request("GET", f"/vignette/{image_id}", headers={"Accept": accept, "Prefer": "wait=20"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status == http.client.OK:
                return content, answer.headers["ETag"]
            if answer.status != http.client.ACCEPTED:
                break
    raise BenchUnavailable(f"the vignette of image {image_id} does not come")
