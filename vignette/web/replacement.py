"""
The end of a web process that can take no upload, although a fresh process could.

SQLite may believe in one process for ever that its lock is taken, or a process may have too many open files. That lasts
as long as the process. If nobody can write, because the database is locked, away or read-only, a fresh process would be
no better, and its start would only cut off clients: then the process stays.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

from vignette.despair import Despair
from vignette.errors import CatalogueUnavailable, VignetteError
from vignette.model import Image

# From SIGTERM to the end by force. The server starts the next process only after this one has ended, and an answer that
# is being sent may be a large file.
_END_S: Final = 30.0

logger = logging.getLogger(__name__)


class Replacement:
    """
    Decides from the results of uploads. Safe to share between threads.

    *fresh_process_can* and *this_process_can* tell whether an upload could be taken now; they may take long. *end* ends
    the process. It is called only if *fresh_process_can* and, after that, this process still cannot.
    """

    def __init__(
        self,
        despair: Despair,
        *,
        fresh_process_can: Callable[[], bool],
        this_process_can: Callable[[], bool],
        end: Callable[[], object],
    ) -> None:
        self._despair = despair
        self._fresh_process_can = fresh_process_can
        self._this_process_can = this_process_can
        self._end = end
        self._judging = threading.Lock()

    def note(self, outcome: Image | VignetteError) -> None:
        """Note the *outcome* of an upload. This does not wait for what is decided."""
        if not isinstance(outcome, VignetteError):
            self._despair.succeeded()
        elif _may_be_ours_alone(outcome) and self._despair.failed() and self._judging.acquire(blocking=False):
            try:
                threading.Thread(target=self._judge, daemon=True).start()
            except RuntimeError as error:
                logger.warning("this process takes no upload, and cannot ask a fresh one: %s", error)
                self._ask_later()

    def _judge(self) -> None:
        has_to_end = False
        try:
            has_to_end = self._is_worse_than_a_fresh_process()
        finally:
            if not has_to_end:
                self._ask_later()
        if has_to_end:
            logger.error("this process takes no upload, and a fresh process could: another process takes its place")
            self._end()

    def _is_worse_than_a_fresh_process(self) -> bool:
        if self._fresh_process_can():
            return not self._this_process_can()
        logger.warning("this process takes no upload, and a fresh process could take none either")
        return False

    def _ask_later(self) -> None:
        """Have whoever fails from now on ask again only after a while."""
        self._despair.succeeded()
        self._judging.release()


def end_this_process() -> None:
    """End by SIGTERM, which lets a server answer the requests that it has; by force after `_END_S`."""
    by_force = threading.Timer(_END_S, os._exit, [1])
    by_force.daemon = True
    by_force.start()
    os.kill(os.getpid(), signal.SIGTERM)


def _may_be_ours_alone(error: VignetteError) -> bool:
    if isinstance(error, CatalogueUnavailable):
        return True
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EMFILE
