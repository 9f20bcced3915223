"""Refuse an upload that goes over the quota of its key, or of its ticket's, before its bytes come in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vignette.access.actors import Actor
from vignette.access.quotas import Quota, Usage, why_no_room
from vignette.access.tickets import NO_MORE_NOW, Ticket
from vignette.errors import TicketSpent
from vignette.model import Image
from vignette.ports.quotas import Quotas


@dataclass(slots=True, eq=False)
class Reservation:
    """The bytes that a request has announced and that are not kept yet, and one image, unless one was kept."""

    images: int = 0
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def kept(self, image: Image) -> None:
        """From now on the catalogue counts it."""
        with self._lock:
            self.images = 0
            self.bytes = max(0, self.bytes - image.record.bytes)


class Allowances:
    """
    The use case. What requests of this process have announced counts, so that several at once hear of the quota in
    time. `ports.catalogue.Arrivals` decides: what is refused there was sent in vain, but never kept.
    """

    def __init__(self, quotas: Quotas, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._quotas = quotas
        self._clock = clock
        self._lock = threading.Lock()
        self._reserved: dict[str, list[Reservation]] = {}

    def standing(self, actor: Actor) -> tuple[Quota, Usage]:
        """Return the quota of the actor's key, and what it has; an actor without a key has neither."""
        return (Quota(), Usage()) if actor.key_id is None else self._quotas.standing(actor.key_id, self._clock())

    @contextmanager
    def reserve(
        self,
        actor: Actor,
        announced_bytes: int | None,
        ticket: Ticket | None = None,
        *,
        may_be_repeated: bool = False,
    ) -> Iterator[Reservation]:
        """
        Reserve room for a request of *actor*; None if it has announced no length. By a *ticket*, it takes of what the
        key has that made the ticket. If the request *may be repeated*, what it brings may be here already, and takes no
        room: then nothing is reserved or refused.

        Raises:
            StorageQuotaExceeded, QuotaExceeded: The key has none left.
            TicketSpent: So it is with the key that made the ticket; a guest is not told what that may have.
        """
        mine = Reservation(1, announced_bytes or 0)
        key_id = actor.key_id if ticket is None else ticket.owner
        if may_be_repeated or key_id is None:
            yield mine
            return
        quota, usage = self._quotas.standing(key_id, self._clock())
        if not quota.is_bounded:
            yield mine
            return
        with self._lock:
            others = self._reserved.setdefault(key_id, [])
            refusal = why_no_room(
                quota,
                usage,
                self._clock(),
                images=mine.images + sum(other.images for other in others),
                added_bytes=mine.bytes + sum(other.bytes for other in others),
            )
            if refusal is not None:
                self._forget_if_empty(key_id)
                raise refusal if ticket is None else TicketSpent(NO_MORE_NOW) from refusal
            others.append(mine)
        try:
            yield mine
        finally:
            with self._lock:
                others.remove(mine)
                self._forget_if_empty(key_id)

    def _forget_if_empty(self, key_id: str) -> None:
        if not self._reserved.get(key_id):
            self._reserved.pop(key_id, None)
