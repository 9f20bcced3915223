"""Tickets: the right to send some images, for whoever has no key. What is kept of each, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vignette.access.actors import Actor, Scope
from vignette.model import Visibility

# What a guest is told where the key behind the ticket has no room: what that has, and may have, is not for guests.
NO_MORE_NOW: Final = "no more images are taken by this ticket now"
ENDED_MEANWHILE: Final = "it was revoked, or has ended, while the image was on its way"


class TicketState(StrEnum):
    """Where a ticket stands. `OPEN`: it is good for another image, if the key that made it may still upload."""

    OPEN = "open"
    SPENT = "spent"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Ticket:
    """
    A ticket, without its token.

    `id` is public and random: 16 hexadecimal digits. `digest` is that of the token (`secrets.digest_of`). `owner` is
    the id of the key that made it, whose the images will be; None: nobody's. `uses` images may come by it, and `spent`
    of them came. A file has `max_bytes` at most, and one of the `media_types`; if there are none, any that is accepted.
    Pages of the `origins` may use it, written as `origins.origins_of` does. `external_id` and `note` are labels: the
    first is kept with each image, the second is shown to guests. Times are in whole milliseconds.
    """

    id: str
    digest: str
    owner: str | None
    uses: int
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    max_bytes: int | None = None
    media_types: tuple[str, ...] = ()
    visibility: Visibility | None = None
    external_id: str | None = None
    origins: tuple[str, ...] = ()
    note: str | None = None
    spent: int = 0

    @property
    def actor(self) -> Actor:
        """Who shows this ticket. He is not its key: he sees what everybody sees, also of what the key has sent."""
        return Actor(None, frozenset({Scope.UPLOAD}), ticket_id=self.id)

    @property
    def is_spent(self) -> bool:
        return self.spent >= self.uses

    def state_at(self, now: datetime) -> TicketState:
        if self.revoked_at is not None:
            return TicketState.REVOKED
        if self.is_spent:
            return TicketState.SPENT
        return TicketState.OPEN if self.expires_at is None or now < self.expires_at else TicketState.EXPIRED

    def has_ended_at(self, now: datetime) -> bool:
        """Whether nobody may show it any more, not even to hear what became of a file: it was revoked, or expired."""
        return self.revoked_at is not None or (self.expires_at is not None and now >= self.expires_at)
