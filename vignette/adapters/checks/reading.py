"""The file that a check is shown, piece by piece: it is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from vignette.errors import StoreUnavailable
from vignette.limits import CHUNK_BYTES


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of *file*; raise `StoreUnavailable` if it cannot be read, which is no fault of a check."""
    while piece := _read(file):
        yield piece


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(CHUNK_BYTES)
    except OSError as error:
        raise StoreUnavailable(f"the upload cannot be read back: {error.strerror}") from error
