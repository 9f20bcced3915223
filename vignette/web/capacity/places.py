"""A bounded number of uses at a time, shared fairly among those who want them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from vignette.errors import Overloaded

# A newcomer takes the place of a waiter whose holder has so many more waiters than he has.
_CLEARLY_MORE: Final = 2


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody in the waiting room: for one of `places`, or, without them, for something else."""

    holder: str
    places: Places | None
    has_place: bool = False
    called: threading.Event = field(default_factory=threading.Event)


class WaitingRoom:
    """
    At most *count* waiters at a time in this process.

    If the room is full, a newcomer takes the place of somebody whose holder has clearly more waiters, whatever he waits
    for. So one holder may fill the room, and keeps nobody else out. `Waiter.called` tells who was taken out to go.
    """

    def __init__(self, count: int) -> None:
        self.lock = threading.Lock()
        self.waiters: list[Waiter] = []
        self._count = count

    def enter(self, holder: str, places: Places | None = None) -> Waiter | None:
        """Return the newcomer; None if there is no room. Needs the `lock`."""
        if len(self.waiters) >= self._count and not self._is_room_made_for(holder):
            return None
        newcomer = Waiter(holder, places)
        self.waiters.append(newcomer)
        return newcomer

    def leave(self, waiter: Waiter) -> None:
        """Take *waiter* out, unless he was taken out before. Needs the `lock`."""
        if waiter in self.waiters:
            self.waiters.remove(waiter)

    def _is_room_made_for(self, newcomer: str) -> bool:
        waiting = Counter(waiter.holder for waiter in self.waiters)
        most = max(waiting.values(), default=0)
        if most < waiting[newcomer] + _CLEARLY_MORE:
            return False
        for waiter in reversed(self.waiters):
            if waiting[waiter.holder] == most:
                self.waiters.remove(waiter)
                waiter.called.set()
                return True
        return False


class Places:
    """
    At most *count* uses at a time in this process. *what* names the use in the error.

    A holder is a client's address, or whatever else stands for one client. As long as nobody waits, one holder may
    have all places. A place that becomes free goes to the waiter whose holder has the fewest, and of these to the one
    whose holder wants the fewest. *pressed* is called when somebody begins to wait.
    """

    def __init__(self, what: str, count: int, room: WaitingRoom, pressed: Callable[[], None] = lambda: None) -> None:
        self._what = what
        self._count = count
        self._room = room
        self._pressed = pressed
        self._held: Counter[str] = Counter()

    def take(self, holder: str, patience_s: float = 0) -> None:
        """
        Take a place; wait for one for at most *patience_s* seconds.

        Raises:
            Overloaded: None is free, and none becomes free in time, or too many wait already.
        """
        with self._room.lock:
            if self._held.total() < self._count:
                self._held[holder] += 1
                return
            waiter = self._room.enter(holder, self) if patience_s else None
        if waiter is not None:
            self._pressed()
            waiter.called.wait(patience_s)
            with self._room.lock:
                self._room.leave(waiter)
                if waiter.has_place:
                    return
        raise Overloaded(f"{self._count} {self._what} are in progress", measured=self._count, limit=self._count)

    def give_back(self, holder: str) -> None:
        with self._room.lock:
            self._held -= Counter((holder,))  # those who hold nothing are left out
            waiting = self._waiting()
            if waiting:
                wants = Counter(waiter.holder for waiter in waiting)
                following = min(waiting, key=lambda waiter: (self._held[waiter.holder], wants[waiter.holder]))
                following.has_place = True
                self._held[following.holder] += 1
                self._room.leave(following)
                following.called.set()

    def waiting(self) -> tuple[str, ...]:
        """Return the holder of each who waits for a place, in order."""
        with self._room.lock:
            return tuple(waiter.holder for waiter in self._waiting())

    def crowders(self) -> frozenset[str]:
        """Return the holders that have more than an even share, among all who have places or wait for them."""
        with self._room.lock:
            wanting = {waiter.holder for waiter in self._waiting()}
            share = max(1, self._count // max(1, len(wanting | self._held.keys())))
            return frozenset(holder for holder, held in self._held.items() if held > share)

    def _waiting(self) -> list[Waiter]:
        return [waiter for waiter in self._room.waiters if waiter.places is self]
