"""Who may upload now: what there is no place for, or no room on the disk, is sent away before it begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vignette.errors import StoreFull
from vignette.ports.store import Room
from vignette.web.capacity.places import Places


class Admission:
    """*places* is how many uploads a process takes at the same time; each holds a thread for as long as it lasts."""

    def __init__(self, store: Room, places: int) -> None:
        self._store = store
        self._places = Places("uploads", places)

    @contextmanager
    def place(self, announced_bytes: int | None) -> Iterator[None]:
        """
        A place for an upload whose header announces so many bytes, if it announces any.

        Raises:
            Overloaded: All places are taken.
            StoreFull: The disk has not that much room: nobody has to send it first.
        """
        self._places.take()
        try:
            room = self._store.free_bytes()
            if announced_bytes is not None and announced_bytes > room:
                raise StoreFull(
                    f"{announced_bytes} bytes are announced, the disk has room for {room}",
                    measured=announced_bytes,
                    limit=room,
                )
            yield
        finally:
            self._places.give_back()
