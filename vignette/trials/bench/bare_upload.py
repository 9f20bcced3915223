"""
The WSGI application with which the bench `upload` compares us: it keeps a body as durably as we do, and nothing more.

It takes the body in pieces of the same size as we do, hashes them, writes them and flushes the file. It puts three
small files beside it, renames the folder, and adds a line to a journal in place of our row. So it flushes as often as
we do. It checks, describes and queues nothing.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vignette.limits import CHUNK_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

FOLDER: Final = "VIGNETTE_BENCH_FOLDER"
"""The environment variable that names an empty folder, where the application keeps what it gets."""

_SMALL_FILES: Final = ("record.json", "metadata.json", "metadata.txt")
_SMALL: Final = bytes(1000)

_numbers = itertools.count()


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    number = next(_numbers)
    root = Path(os.environ[FOLDER])
    staged = root / f".{number}"
    staged.mkdir()
    counted = hashlib.sha256()
    with (staged / "original").open("xb", buffering=0) as file:
        left = int(environ["CONTENT_LENGTH"])
        while left and (chunk := environ["wsgi.input"].read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            counted.update(chunk)
            file.write(chunk)
        os.fsync(file.fileno())
    for name in _SMALL_FILES:
        _write(staged / name, _SMALL)
    _flush_folder(staged)
    staged.rename(root / str(number))
    _flush_folder(root)
    _write(root / "journal", f"{number} {counted.hexdigest()}\n".encode())
    start_response("201 Created", [("Content-Type", "text/plain")])
    return [f"{number}\n".encode()]


def _write(path: Path, content: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(content)
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)
