"""Calls that may take as long as they like, for callers that wait no longer than they want to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Calls = SimpleQueue[tuple["Future[Any]", Callable[[], Any]]]


class Impatient:
    """
    Does calls one after the other, in a thread of its own. A limit of time for each answer of another machine is none
    for a call: there may be many answers, and each may come byte by byte.

    Safe to share between threads. A process that was forked has to make its own.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._calls: _Calls = SimpleQueue()
        self._late: Future[Any] | None = None

    def call(self, what: Callable[[], T], patience_s: float) -> T:
        """
        Return what *what* returns, or raise what it raises.

        Raises:
            TimeoutError: It was not done after *patience_s* seconds. If it has begun by then, it goes on; until it has
                ended, every other call gets this error at once, and is not done.
        """
        if self._late is not None and not self._late.done():
            raise TimeoutError
        self._start()
        done: Future[T] = Future()
        self._calls.put((done, what))
        try:
            return done.result(patience_s)
        except TimeoutError:
            if not done.done() and not done.cancel():
                self._late = done
            raise

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                # The end of the process does not wait for a call that does not end.
                self._thread = threading.Thread(target=_do, args=(self._calls,), name="impatient", daemon=True)
                self._thread.start()


def _do(calls: _Calls) -> None:
    while True:
        done, what = calls.get()
        if not done.set_running_or_notify_cancel():
            continue
        try:
            done.set_result(what())
        except BaseException as error:
            done.set_exception(error)
