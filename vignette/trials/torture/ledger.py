"""The record of a torture, kept apart from the service: what the clients were told, and what the adversary did."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from vignette.model import Visibility
from vignette.trials.torture.pictures import Fate


@dataclass(slots=True)
class Upload:
    """
    A file that was sent, to be seen as `visibility` says.

    `number` is the one that a 201 told, `is_refused` says that a 4xx came. Without an answer there is neither.
    """

    sha256: str
    size: int
    fate: Fate
    key: str | None
    number: int | None = None
    is_refused: bool = False
    name: str = ""
    """The public name that a 201 told."""
    visibility: Visibility | None = Visibility.PUBLIC
    """Who sees it; None while nobody knows, because a change was not answered."""


@dataclass(slots=True)
class Ledger:
    """
    All threads write to it.

    `deleted` has the number of each image that was to be deleted, and whether the deletion was answered. `tickets` has
    the uses of each ticket that was made, `by_ticket` how many 201s came by it. `on_violation` is called at each
    violation.
    """

    on_violation: Callable[[], object] = lambda: None

    uploads: list[Upload] = field(default_factory=list)
    deleted: dict[int, bool] = field(default_factory=dict)
    tickets: dict[str, int] = field(default_factory=dict)
    by_ticket: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    violations: list[str] = field(default_factory=list)
    timeline: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: float = field(default_factory=time.monotonic)

    def send(self, upload: Upload) -> None:
        with self._lock:
            self.uploads.append(upload)

    def delete(self, number: int, *, is_answered: bool) -> None:
        with self._lock:
            self.deleted[number] = is_answered or self.deleted.get(number, False)

    def give_out(self, ticket_id: str, uses: int) -> None:
        with self._lock:
            self.tickets[ticket_id] = uses

    def admitted(self, ticket_id: str) -> None:
        with self._lock:
            self.by_ticket[ticket_id] += 1

    def did(self, deed: str, detail: str = "", *, kills: int = 0) -> None:
        with self._lock:
            self.deeds[deed] += 1
            self.kills += kills
        self.note(f"{deed} {detail}".rstrip())

    def violated(self, what: str) -> None:
        with self._lock:
            self.violations.append(what)
            self.on_violation()
        self.note(f"VIOLATION: {what}")

    def note(self, what: str) -> None:
        with self._lock:
            self.timeline.append(f"{time.monotonic() - self._began:9.3f} {what}")
