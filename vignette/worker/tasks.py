"""
The worker's task, and what the parent of its pool does beside it.

There is no beat and no extra command: `celery -A task_celery worker` starts everything.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery, Task, signals
from celery.concurrency import get_implementation
from celery.concurrency.prefork import TaskPool as PoolOfForks
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.log import get_task_logger
from celery.worker import state

from vignette.adapters.celery_queue import ENLARGE_TASK, PUBLISH_TASK, RENDER_TASK, lane_of
from vignette.adapters.decoder.decoder import Decoder, DecoderDied
from vignette.despair import Despair
from vignette.errors import CatalogueUnavailable, VignetteError
from vignette.model import ImageId
from vignette.use_cases.publishing import Publishing
from vignette.use_cases.rendering import Rendering
from vignette.use_cases.rewriting import ZOOMED, Rewriting
from vignette.use_cases.verdicts import Verdicts
from vignette.worker.notes import Interrupted, Pulse, Stopping
from vignette.worker.sweeper import KEEP_EVERY_S, Sweeper
from vignette.worker.upkeep import reason_of

logger: logging.Logger = get_task_logger(__name__)


@dataclass(frozen=True, slots=True)
class PoolServices:
    """What a process of the pool needs, built once in each."""

    rendering: Rendering
    publishing: Publishing
    rewriting: Rewriting
    verdicts: Verdicts


def register(
    app: Celery, services: Callable[[], PoolServices], sweeper: Sweeper, decoder: Decoder, despair: Despair
) -> None:
    """
    Give *app* the tasks, the handler of interrupted ones, the *sweeper*, and the *decoder* that *services* have. Only
    the pool calls *services*.
    """
    parent = os.getpid()

    @app.task(name=RENDER_TASK, bind=True)
    def render(self: Task[Any, Any], image_id: int) -> None:
        lane = lane_of(self.request.delivery_info)
        work(image_id, lambda image: services().rendering.render(image, lane))

    @app.task(name=PUBLISH_TASK)
    def publish(image_id: int) -> None:
        # If it dies, nothing is lost: whoever asks for the copy again has it queued again.
        work(image_id, lambda image: services().publishing.make(image))

    @app.task(name=ENLARGE_TASK)
    def enlarge(image_id: int) -> None:
        work(image_id, lambda image: services().rewriting.make(image, ZOOMED))

    def work(image_id: int, job: Callable[[ImageId], None]) -> None:
        if not _is_image_id(image_id):
            logger.warning("a job that names no image is thrown away: %.100r", image_id)
            return
        try:
            job(ImageId(image_id))
        except CatalogueUnavailable as error:
            if not despair.failed():
                raise
            logger.exception("this process cannot use the catalogue: another takes its place")
            # Celery logs this exit, and starts another process.
            raise SystemExit(1) from error
        despair.succeeded()

    def note_interruption(args: tuple[Any, ...], exception: BaseException, **_: Any) -> None:
        if not args or not _is_image_id(args[0]):
            return
        note = _interruption(args[0], exception, app.conf.task_soft_time_limit)
        # Celery sends this in the parent if a child died or was killed at the hard limit, and in the child if a task
        # raised something.
        if os.getpid() == parent:
            sweeper.tell(note)
        elif not isinstance(exception, CatalogueUnavailable):
            try:
                services().verdicts.interrupted(ImageId(note.image_id), reason_of(note))
            except VignetteError:
                # The lease ends by itself, and the sweep finds the image.
                logger.exception("the interruption of image %s could not be noted", note.image_id)

    signals.task_failure.connect(note_interruption, sender=render, weak=False)
    _keep(sweeper, decoder)
    # A process of the pool has a cell at hand for its first job.
    signals.worker_process_init.connect(lambda **_: decoder.warm(), weak=False)


def _is_image_id(value: object) -> bool:
    # Another broker than Redis brings what it likes (`adapters.celery_transport` looks at each message first).
    return type(value) is int and 0 <= value < 2**63


def _keep(sweeper: Sweeper, decoder: Decoder) -> None:
    """
    Have the parent's event loop look after *sweeper*, and after the libraries of *decoder*, from
    when the worker is ready until it stops.
    """
    pulse = _PulseOfThePool()
    is_kept = False

    def fork(sender: Any, **_: Any) -> None:
        # Celery has opened nothing yet. A pool without forks may have replaced `os.fork` and threads by its own.
        if sys.platform == "linux" and issubclass(get_implementation(sender.pool_cls), PoolOfForks):
            sweeper.fork()
            # Loads while Celery starts. In another pool the process that decodes has its libraries loaded by itself.
            decoder.share()

    def start(sender: Any, **_: Any) -> None:
        nonlocal is_kept
        # The signal comes again after each loss of the connection to the queue.
        if not is_kept:
            is_kept = True
            sender.timer.call_repeatedly(KEEP_EVERY_S, look, (sender.pool,))
            sweeper.keep()

    def look(pool: Any) -> None:
        # If a child is just ending, Celery looks too early whether it has ended, and again only five seconds later.
        pool.maintain_pool()
        decoder.keep()
        sweeper.keep()
        sweeper.tell(pulse.take())

    def stop(**_: Any) -> None:
        sweeper.stop()
        decoder.close()

    signals.worker_init.connect(fork, weak=False)
    signals.worker_ready.connect(start, weak=False)
    signals.worker_shutting_down.connect(lambda **_: sweeper.tell(Stopping()), weak=False)
    signals.worker_shutdown.connect(stop, weak=False)


class _PulseOfThePool:
    """Take it every `KEEP_EVERY_S` seconds. A job goes to a process of the pool as soon as the worker receives it."""

    def __init__(self) -> None:
        self._waited_s: dict[str, float] = {}

    def take(self) -> Pulse:
        waiting = [request.id for request in state.reserved_requests if request not in state.active_requests]
        # This counts looks and not the clock: while the machine was suspended, nobody could begin.
        self._waited_s = {job: self._waited_s.get(job, -KEEP_EVERY_S) + KEEP_EVERY_S for job in waiting}
        return Pulse(state.all_total_count[0], max(self._waited_s.values(), default=0.0))


def _interruption(image_id: int, exception: BaseException, time_limit_s: int) -> Interrupted:
    is_out_of_time = isinstance(exception, SoftTimeLimitExceeded | TimeLimitExceeded)
    # The words of these two tell how the process died: by which signal, or with which status.
    how = str(exception) if isinstance(exception, WorkerLostError | DecoderDied) else type(exception).__name__
    return Interrupted(image_id, how, time_limit_s if is_out_of_time else None)
