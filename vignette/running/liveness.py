"""Is a process that runs alive? The watch asks it again and again, and never waits for an answer."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# No client waits for that long. A busy processor, a disk that stalls while it flushes, or a full service keeps an
# answer back for seconds, or for half a minute: to restart then would end uploads, and help nobody.
ANSWER_LIMIT_S: Final = 120.0

# How many questions are asked within the limit, and so how many may be under way.
_QUESTIONS: Final = 12


@dataclass(frozen=True, slots=True)
class Liveness:
    """
    What a process is asked, and how its answer begins.

    `address` is the path of a Unix socket, or an IP address and a port. The process is stuck if one question has no
    answer for `limit_s` seconds. One is enough, because several processes may answer, and only one of them be stuck.
    """

    address: str | tuple[str, int]
    question: bytes
    answer: bytes
    limit_s: float = ANSWER_LIMIT_S


class LivenessWatch:
    """
    Asks the process while somebody calls `look`, which takes no time.

    The time between two looks counts as at most twice what it should be, because nobody could answer while the machine
    was suspended, or while all our processes were stopped.
    """

    def __init__(self, liveness: Liveness, clock: Callable[[], float] = time.monotonic) -> None:
        self._liveness = liveness
        self._clock = clock
        self._every_s = liveness.limit_s / _QUESTIONS
        self._looked_at = clock()
        self._unanswered: list[_Question] = []
        self._silent_s = 0.0
        self._due_in_s = 0.0

    @property
    def due_in_s(self) -> float:
        """For how many seconds the next look should wait."""
        return max(0.0, self._looked_at + self._every_s - self._clock())

    def look(self) -> bool:
        """Take the answers that came, and ask again if that is due; return whether the process is stuck."""
        now = self._clock()
        elapsed_s = min(now - self._looked_at, 2 * self._every_s)
        self._looked_at = now
        self._silent_s += elapsed_s
        for question in list(self._unanswered):
            question.age_s += elapsed_s
            self._hear(question)
        self._due_in_s -= elapsed_s
        if self._due_in_s <= 0:
            self._due_in_s = self._every_s
            self._unanswered.append(_Question(self._liveness))
        oldest_s = max(question.age_s for question in self._unanswered) if self._unanswered else 0.0
        return max(self._silent_s, oldest_s) > self._liveness.limit_s

    def close(self) -> None:
        """Ask no more."""
        for question in self._unanswered:
            question.close()
        self._unanswered.clear()

    def _hear(self, question: _Question) -> None:
        answer = question.answer()
        if answer is None:
            return
        question.close()
        self._unanswered.remove(question)
        if answer.startswith(self._liveness.answer):
            self._silent_s = 0.0


class _Question:
    """A question that was asked, over a connection of its own."""

    def __init__(self, liveness: Liveness) -> None:
        self.age_s = 0.0
        self._words = liveness.question
        family = socket.AF_UNIX if isinstance(liveness.address, str) else _family(liveness.address[0])
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        # `answer` finds out what goes wrong here.
        self._socket.connect_ex(liveness.address)
        with contextlib.suppress(OSError):
            self._ask()

    def answer(self) -> bytes | None:
        """Return what came; nothing if no answer can come any more; None as long as one may come."""
        try:
            self._ask()
            return None if self._words else self._socket.recv(256)
        except BlockingIOError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        self._socket.close()

    def _ask(self) -> None:
        if self._words and select.select([], [self._socket], [], 0)[1]:  # else the socket is not connected yet
            self._words = self._words[self._socket.send(self._words) :]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
