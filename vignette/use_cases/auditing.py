"""Audit: note what happens, and tell it to who administers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from vignette.access.actors import Actor, Scope
from vignette.access.events import Addresses, Event, Place, What, kept, name_of
from vignette.errors import CatalogueUnavailable, MissingScope, StoreFull
from vignette.limits import (
    AUDIT_CLEARED_AT_ONCE,
    AUDIT_CLEARED_EVERY_S,
    MAX_REFUSALS_NOTED,
    REFUSALS_TOLD_AS_ONE_S,
)
from vignette.model import ImageId, in_milliseconds
from vignette.ports.audit import Audit
from vignette.use_cases.throttled import Throttled

_DAYS: Final = 90

# Images have lines of their own in the log, which tell more.
_WORDS: Final[Mapping[What, str]] = {
    What.KEY_MADE: "key made",
    What.KEY_CHANGED: "key changed",
    What.KEY_REMOVED: "key removed",
    What.TICKET_MADE: "ticket made",
    What.TICKET_REVOKED: "ticket revoked",
    What.SESSION_BEGUN: "signed in",
    What.SESSION_ENDED: "session ended",
    What.SIGN_IN_REFUSED: "sign-in refused",
    What.REFUSED: "right refused",
}

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Trail:
    """
    Where events are noted, for *days* days, with as much of *addresses* as is kept. If *audit* is None, or *days* is 0,
    the log alone tells them. Safe to share between threads.
    """

    def __init__(
        self,
        audit: Audit | None,
        addresses: Addresses = Addresses.NETWORK,
        days: int = _DAYS,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audit = audit if days else None
        self._addresses = addresses
        self._clock = clock
        self._refusals = _Refusals(seconds)

    def note(
        self,
        what: What,
        actor: Actor,
        *,
        image_id: ImageId | None = None,
        subject: str | None = None,
        detail: str | None = None,
    ) -> None:
        """
        Note that *actor* does *what*, in the transaction that does it (`Audit.note`). The log is left to the caller.

        Raises:
            StoreFull, CatalogueUnavailable: It cannot be noted; then it is not to happen either.
        """
        if self._audit is not None:
            self._audit.note(self._event(what, actor, image_id, subject, detail))

    @contextmanager
    def along(
        self, what: What, actor: Actor, *, subject: str | None = None, detail: str | None = None
    ) -> Iterator[Callable[[], None]]:
        """
        Yield a function that notes the event, as `note` does, the first time that it is called. The log tells the event
        when all has gone well.
        """
        event = self._event(what, actor, None, subject, detail)
        to_note = [event]

        def note() -> None:
            if to_note and self._audit is not None:
                self._audit.note(to_note.pop())

        yield note
        _log(event)

    def note_afterwards(
        self,
        what: What,
        actor: Actor,
        *,
        image_id: ImageId | None = None,
        subject: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Note that *actor* has done *what*. Nobody waits for that; if it cannot be noted now, the log alone tells."""
        self._note_if_free(self._event(what, actor, image_id, subject, detail))

    def refused(self, what: What, actor: Actor, detail: str) -> None:
        """
        Note that *actor* was refused. The same again is counted, and told a minute later as one event; and no more are
        noted in a minute than `limits.MAX_REFUSALS_NOTED`. So whoever asks without a pause writes little.
        """
        event = self._event(what, actor, None, None, detail)
        times = self._refusals.count((what, event.actor, event.address, detail))
        if times:
            self._note_if_free(Event(event.at, what, event.actor, event.address, detail=detail, times=times))

    def _note_if_free(self, event: Event) -> None:
        _log(event)
        if self._audit is None:
            return
        try:
            self._audit.note_if_free(event)
        except (CatalogueUnavailable, StoreFull) as error:
            logger.warning("the audit lacks what stands above: %s", error)

    def _event(
        self, what: What, actor: Actor, image_id: ImageId | None, subject: str | None, detail: str | None
    ) -> Event:
        address = kept(actor.address, self._addresses)
        return Event(in_milliseconds(self._clock()), what, name_of(actor), address, image_id, subject, detail)


def noting(note: Callable[[], None], keep: Callable[[Sequence[T]], None]) -> Callable[[Sequence[T]], None]:
    """Return *keep*, which also calls *note*: in the transaction of the change of what is kept."""

    def keep_and_note(all_of_them: Sequence[T]) -> None:
        note()
        keep(all_of_them)

    return keep_and_note


class Auditing:
    """The use case of who reads the events, and of the sweep, which removes those that are older than *days* days."""

    def __init__(
        self,
        audit: Audit,
        days: int = _DAYS,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        clear_every_s: float = AUDIT_CLEARED_EVERY_S,
    ) -> None:
        self._audit = audit
        self._days = timedelta(days=days)
        self._clock = clock
        self._clear = Throttled(self._remove_old, clear_every_s)

    def newest(
        self,
        actor: Actor,
        limit: int,
        before: Place | None = None,
        *,
        by: str | None = None,
        image_id: ImageId | None = None,
        what: What | None = None,
        after: datetime | None = None,
    ) -> list[tuple[Place, Event]]:
        """
        Return at most *limit* events, newest first, each with its place: see `Audit.newest`. *by* is who did it.

        Raises:
            MissingScope: *actor* does not administer.
        """
        if not actor.has(Scope.ADMIN):
            raise MissingScope(Scope.ADMIN, actor.scopes)
        return self._audit.newest(limit, before, actor=by, image_id=image_id, what=what, after=after)

    def clear(self) -> None:
        """Remove some events that are too old; do nothing if that was done in the last minute."""
        self._clear()

    def _remove_old(self) -> None:
        self._audit.clear(self._clock() - self._days, AUDIT_CLEARED_AT_ONCE)


class _Refusals:
    """Counts refusals of a process. Safe to share between threads."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now: dict[object, int] = {}
        self._earlier: dict[object, int] = {}
        self._ends_at = 0.0
        self._lock = threading.Lock()

    def count(self, kind: object) -> int:
        """
        Return how many refusals of this *kind* are to be noted as one event now: the first one in a minute, with those
        of the minute before that were not told. 0: none.
        """
        with self._lock:
            if (now := self._seconds()) >= self._ends_at:
                self._ends_at = now + REFUSALS_TOLD_AS_ONE_S
                self._earlier, self._now = self._now, {}
            if kind in self._now:
                self._now[kind] += 1
                return 0
            if len(self._now) >= MAX_REFUSALS_NOTED:
                return 0
            self._now[kind] = 0
            return 1 + self._earlier.pop(kind, 0)


def _log(event: Event) -> None:
    words = _WORDS.get(event.what)
    if words is None:
        return
    about = {
        "by": event.actor,
        "subject": event.subject,
        "detail": event.detail,
        "from": event.address,
        "times": event.times if event.times > 1 else None,
    }
    logger.info(words, extra={name: value for name, value in about.items() if value is not None})


NO_TRAIL: Final = Trail(None)
"""Where nothing is noted: for what the service does by itself."""
