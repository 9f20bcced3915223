"""Is a process that runs alive? Real sockets, and a server that answers or does not."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from vignette.running.liveness import Liveness, LivenessWatch

LIMIT_S = 12


class Asked:
    """A server that takes each connection, and a watch over it, on a clock of their own."""

    def __init__(self, address: str) -> None:
        self.now = 1000.0
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(address)
        self._server.listen(100)
        self._server.setblocking(False)
        self._taken: list[socket.socket] = []
        self.watch = LivenessWatch(Liveness(address, b"PING", b"+PONG", LIMIT_S), lambda: self.now)

    def is_stuck_after(self, seconds: int, answers: bytes = b"+PONG", every: int = 1) -> bool:
        """Look once a second; of the questions each *every*th is answered. With no answer to give, none is."""
        is_stuck = False
        for second in range(seconds):
            self.now += 1
            is_stuck = self.watch.look()
            with suppress(OSError):  # there is no other, or the server is gone
                while True:
                    self._taken.append(self._server.accept()[0])
            if answers and second % every == 0:
                self.answer(answers)
        return is_stuck

    def answer(self, words: bytes = b"+PONG") -> None:
        for connection in self._taken:
            assert connection.recv(100) == b"PING"
            connection.sendall(words)
        self._hang_up()

    def leave(self) -> None:
        self._hang_up()
        self._server.close()

    def _hang_up(self) -> None:
        for connection in self._taken:
            connection.close()
        self._taken.clear()

    def close(self) -> None:
        self.watch.close()
        self.leave()


@pytest.fixture
def asked() -> Iterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="vl") as folder:
        asked = Asked(str(Path(folder) / "s"))
        yield asked
        asked.close()


def test_who_answers_is_alive(asked: Asked) -> None:
    assert not asked.is_stuck_after(5 * LIMIT_S)


def test_who_answers_late_is_alive(asked: Asked) -> None:
    assert not asked.is_stuck_after(5 * LIMIT_S, every=LIMIT_S - 2)


def test_who_does_not_answer_for_the_limit_is_stuck(asked: Asked) -> None:
    assert not asked.is_stuck_after(LIMIT_S, answers=b"")
    assert asked.is_stuck_after(2, answers=b"")


def test_who_answers_again_in_time_is_alive(asked: Asked) -> None:
    asked.is_stuck_after(LIMIT_S - 2, answers=b"")

    assert not asked.is_stuck_after(LIMIT_S)


def test_a_single_question_without_an_answer_is_enough(asked: Asked) -> None:
    """Several processes may answer, of which one is stuck."""
    asked.is_stuck_after(1, answers=b"")
    asked._taken, held = [], asked._taken

    assert not asked.is_stuck_after(LIMIT_S - 2)
    assert asked.is_stuck_after(4)
    asked._taken = held


def test_who_cannot_be_connected_to_is_stuck(asked: Asked) -> None:
    asked.leave()

    assert asked.is_stuck_after(LIMIT_S + 2)


def test_another_answer_is_none(asked: Asked) -> None:
    assert asked.is_stuck_after(LIMIT_S + 2, answers=b"-LOADING")


def test_the_time_in_which_nobody_ran_does_not_count(asked: Asked) -> None:
    asked.is_stuck_after(LIMIT_S - 4, answers=b"")

    asked.now += 3600

    assert not asked.watch.look()


def test_no_more_connections_are_open_than_the_limit_has_room_for(asked: Asked) -> None:
    asked.is_stuck_after(LIMIT_S, answers=b"")

    assert len(asked._taken) <= 13
