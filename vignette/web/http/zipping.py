"""A ZIP archive that goes out while it is made: nothing of it is kept, and its length is known at its end only."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

# What needs 64 bits in its header has to say so before it is sent (APPNOTE 4.5.3).
_MOST_WITHOUT_ZIP64: Final = 2**31 - 1
_READABLE: Final = 0o100644 << 16  # as Unix archives say it
# The years that an archive can tell (APPNOTE 4.4.6). A clock that nobody has set may show another.
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_LATEST: Final = (2107, 12, 31, 23, 59, 58)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive: its name, its time, at most how many bytes it has, and its `chunks`."""

    name: str
    time: datetime
    size: int
    chunks: Iterable[bytes]


class _Outlet:
    """What `zipfile` writes to: it can neither seek nor tell."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield the archive of *members* in pieces. Pictures are compressed already, so they are stored as they are."""
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w") as archive:  # type: ignore[call-overload]  # typeshed wants `tell` and `seek`
        for member in members:
            time = min(max(member.time.timetuple()[:6], _EARLIEST), _LATEST)
            info = zipfile.ZipInfo(member.name, time)
            info.external_attr = _READABLE
            with archive.open(info, "w", force_zip64=member.size > _MOST_WITHOUT_ZIP64) as target:
                for chunk in member.chunks:
                    target.write(chunk)
                    yield outlet.take()
    yield outlet.take()


def distinct(names: Iterable[str]) -> Iterator[str]:
    """Yield *names*; to one that was there before, whatever its case, a number is added: `a.jpg`, `a (2).jpg`."""
    taken: set[str] = set()
    for name in names:
        stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
        number, chosen = 1, name
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{stem} ({number}){dot}{extension}"
        taken.add(chosen.casefold())
        yield chosen
