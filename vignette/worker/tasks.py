"""
The worker's tasks, each thin, and what the parent of its pool does beside them.

No beat and no extra command: whoever runs `celery -A task_celery worker` has the whole of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.log import get_task_logger
from celery.worker import state

from vignette.adapters.celery_queue import RENDER_TASK
from vignette.errors import CatalogueUnavailable, VignetteError
from vignette.model import ImageId
from vignette.use_cases.rendering import Rendering
from vignette.use_cases.verdicts import Verdicts
from vignette.worker.despair import Despair
from vignette.worker.notes import Interrupted, Pulse, Stopping
from vignette.worker.sweeper import KEEP_EVERY_S, Sweeper
from vignette.worker.upkeep import reason_of

logger: logging.Logger = get_task_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolServices:
    """What a process of the pool needs, built once in each."""

    rendering: Rendering
    verdicts: Verdicts


def register(app: Celery, services: Callable[[], PoolServices], sweeper: Sweeper, despair: Despair) -> None:
    """Give *app* the task, the handler of interrupted ones, and the *sweeper*. Only the pool asks for *services*."""
    parent = os.getpid()

    @app.task(name=RENDER_TASK)
    def render(image_id: int) -> None:
        try:
            services().rendering.render(ImageId(image_id))
        except CatalogueUnavailable as error:
            if not despair.failed():
                raise
            logger.exception("this process cannot use the catalogue: another takes its place")
            # Celery has its words for it in the log, and starts another.
            raise SystemExit(1) from error
        despair.succeeded()

    def note_interruption(args: tuple[Any, ...], exception: BaseException, **_: Any) -> None:
        note = _interruption(args[0], exception, app.conf.task_soft_time_limit)
        # Sent in the parent for a child that died or was killed at the hard limit, in the child for what a task raises.
        if os.getpid() == parent:
            sweeper.tell(note)
        elif not isinstance(exception, CatalogueUnavailable):
            try:
                services().verdicts.interrupted(ImageId(note.image_id), reason_of(note))
            except VignetteError:
                # The lease ends by itself, and the sweep finds the image.
                logger.exception("the interruption of image %s could not be noted", note.image_id)

    signals.task_failure.connect(note_interruption, sender=render, weak=False)
    _keep(sweeper)


def _keep(sweeper: Sweeper) -> None:
    """Have the parent's event loop look after *sweeper*, from when the worker is ready until it stops."""
    pulse = _PulseOfThePool()
    is_kept = False

    def start(sender: Any, **_: Any) -> None:
        nonlocal is_kept
        # The signal comes again after each loss of the connection to the queue.
        if not is_kept:
            is_kept = True
            sender.timer.call_repeatedly(KEEP_EVERY_S, look, (sender.pool,))
            sweeper.keep()

    def look(pool: Any) -> None:
        # Celery looks too early whether a child that is just ending has ended, and then every five seconds only.
        pool.maintain_pool()
        sweeper.keep()
        sweeper.tell(pulse.take())

    signals.worker_ready.connect(start, weak=False)
    signals.worker_shutting_down.connect(lambda **_: sweeper.tell(Stopping()), weak=False)
    signals.worker_shutdown.connect(lambda **_: sweeper.stop(), weak=False)


class _PulseOfThePool:
    """To be taken every `KEEP_EVERY_S` seconds. A job is given to a process of the pool as soon as it is received."""

    def __init__(self) -> None:
        self._waited_s: dict[str, float] = {}

    def take(self) -> Pulse:
        waiting = [request.id for request in state.reserved_requests if request not in state.active_requests]
        # Not by the clock: while the machine was suspended, nobody could begin.
        self._waited_s = {job: self._waited_s.get(job, -KEEP_EVERY_S) + KEEP_EVERY_S for job in waiting}
        return Pulse(state.all_total_count[0], max(self._waited_s.values(), default=0.0))


def _interruption(image_id: int, exception: BaseException, time_limit_s: int) -> Interrupted:
    is_out_of_time = isinstance(exception, SoftTimeLimitExceeded | TimeLimitExceeded)
    # Of a process that died, its words tell how: the signal, or the status.
    how = str(exception) if isinstance(exception, WorkerLostError) else type(exception).__name__
    return Interrupted(image_id, how, time_limit_s if is_out_of_time else None)
