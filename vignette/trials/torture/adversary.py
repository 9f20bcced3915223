"""The adversary kills, freezes, empties the queue and restarts, by a seeded random plan."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from vignette.trials.processes import send
from vignette.trials.torture.ledger import Ledger
from vignette.trials.torture.victim import Victim

# How often each is done, relative to the others. Children come back at once, so they can be killed often. What the
# supervisor starts again comes after a pause that grows, and a worker that never gets to work would prove little.
_DEEDS: Final = {
    "kill web server child": 14,
    "kill worker child": 50,
    "kill sweep": 6,
    "kill decoders": 4,
    "kill web server": 1,
    "kill web server and children": 1,
    "kill worker": 2,
    "kill worker and children": 1,
    "kill broker": 2,
    "kill supervisor": 3,
    "freeze web server child": 5,
    "freeze worker child": 4,
    "freeze sweep": 2,
    "freeze decoders": 1,
    "freeze worker": 2,
    "freeze broker": 2,
    "freeze web server": 1,
    "flush queue": 5,
    "restart": 1,
}

# Most freezes are short; a rare one outlasts the wait for SQLite's lock, and the time limits of a rendering.
_FREEZES_S: Final = (0.1, 0.5, 2.0, 2.0, 12.0)

_MEAN_PAUSE_S: Final = 0.35


@dataclass(frozen=True, slots=True)
class Deed:
    """
    Wait *pause_s*, then do *what*.

    *pick*, from 0 to 1, chooses among the processes of that kind. A freeze lasts *length_s* seconds.
    """

    pause_s: float
    what: str
    pick: float
    length_s: float


def plan(random: Random) -> Iterator[Deed]:
    """Deeds without end. The same seed gives the same deeds, whatever becomes of them."""
    while True:
        (what,) = random.choices(list(_DEEDS), list(_DEEDS.values()))
        pause_s = min(5.0, random.expovariate(1 / _MEAN_PAUSE_S))
        yield Deed(pause_s, what, random.random(), random.choice(_FREEZES_S))


class Adversary:
    """Does to *victim* what the plan says, and starts it again whenever its supervisor has ended."""

    def __init__(self, victim: Victim, ledger: Ledger) -> None:
        self._victim = victim
        self._ledger = ledger
        self._frozen: list[tuple[float, int, int]] = []

    def run(self, deeds: Iterator[Deed], until: float, stopping: threading.Event) -> None:
        """Do *deeds* until the monotonic clock says *until*, or until *stopping*; leave nothing frozen."""
        for deed in deeds:
            resume = time.monotonic() + deed.pause_s
            while (rest_s := resume - time.monotonic()) > 0 and not stopping.is_set():
                self._thaw(time.monotonic())
                stopping.wait(min(rest_s, 0.05))
            if time.monotonic() >= until or stopping.is_set():
                break
            self._do(deed)
            self._victim.start()
        self._thaw(float("inf"))

    def _do(self, deed: Deed) -> None:
        verb, _, whom = deed.what.partition(" ")
        if verb == "flush":
            if self._victim.flush_queue():
                self._ledger.did(deed.what)
        elif verb == "restart":
            self._restart()
        else:
            self._hit(verb, whom, deed)

    def _restart(self) -> None:
        # A frozen process cannot stop in good order, and this deed tries a stop in good order.
        self._thaw(float("inf"))
        supervisor = self._victim.supervisor
        if supervisor is not None:
            self._ledger.did("restart", f"exit status {self._victim.stop()}")

    def _hit(self, verb: str, whom: str, deed: Deed) -> None:
        parts = self._victim.parts()
        with_children = whom.endswith(" and children")
        name = whom.removesuffix(" and children")
        candidates = parts.get(name, [])
        if not candidates:
            return
        hit = [candidates[int(deed.pick * len(candidates))]]
        if with_children:
            # Children first: after their parent, it would be too late for some, and others would be new.
            hit = [*parts.get(f"{name} child", []), *hit]
        number_hit = sum(self._strike(verb, number, parent, deed) for number, parent in hit)
        if number_hit:
            self._ledger.did(deed.what, _list(hit), kills=number_hit if verb == "kill" else 0)

    def _strike(self, verb: str, number: int, parent: int, deed: Deed) -> bool:
        if verb == "kill":
            return send(number, parent, signal.SIGKILL)
        if not send(number, parent, signal.SIGSTOP):
            return False
        self._frozen.append((time.monotonic() + deed.length_s, number, parent))
        return True

    def _thaw(self, now: float) -> None:
        for due, number, parent in [frozen for frozen in self._frozen if frozen[0] <= now]:
            self._frozen.remove((due, number, parent))
            # If its parent has died meanwhile, the process has to end by itself, which it cannot do while it is frozen.
            if not send(number, parent, signal.SIGCONT):
                self._victim.thaw_orphan(number)


def _list(hit: list[tuple[int, int]]) -> str:
    return ", ".join(str(number) for number, _ in hit)
