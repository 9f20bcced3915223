"""Sessions, in the database of the catalogue. No folder holds them: whoever loses them shows the key again."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from vignette.access.sessions import Session


class Sessions(Protocol):
    """Every change is one transaction, and raises as those of `ports.catalogue`."""

    def add(self, session: Session, *, at_most: int) -> None:
        """
        Add *session*. Sessions that have ended are removed, and, if its key has more than *at_most*, those that were
        used longest ago.
        """

    def with_digest(self, digest: str) -> Session | None:
        """Return the session whose token has this *digest*; None if there is none."""

    def of_key(self, key_id: str) -> list[Session]:
        """The sessions of this key, the one that was used last first."""

    def note_use(self, session_id: str, at: datetime) -> None:
        """Note that the session was used *at* this time. A crash may lose it. Nobody who writes is waited for."""

    def remove(self, session_id: str, key_id: str) -> bool:
        """Remove the session if it is of this key; return whether it was there."""
