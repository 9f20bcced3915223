"""Events, in the database of the catalogue. No folder holds them, and `reindex` leaves them as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from vignette.access.events import Event, Place, What
from vignette.model import ImageId


class Audit(Protocol):
    """For those who note events, and for who reads them. Every method raises as those of `ports.catalogue`."""

    def note(self, event: Event) -> None:
        """
        Note *event* in the transaction that this thread has begun at the same database, so that the change and its
        event are both there or neither is; in one of its own, if there is none.
        """

    def note_if_free(self, event: Event) -> None:
        """
        Note *event* in a transaction of its own, which a crash of the machine may undo.

        Raises:
            CatalogueUnavailable: Others have kept the database from writing for a tenth of a second. Nothing is noted.
        """

    def newest(
        self,
        limit: int,
        before: Place | None = None,
        *,
        actor: str | None = None,
        image_id: ImageId | None = None,
        what: What | None = None,
        after: datetime | None = None,
    ) -> list[tuple[Place, Event]]:
        """
        Return at most *limit* events, newest first, each with its place: those before that *place*, by *actor*, of the
        image, of *what*, and later than *after*.
        """

    def clear(self, until: datetime, limit: int) -> int:
        """Remove at most *limit* events that are older than *until*; return how many."""
