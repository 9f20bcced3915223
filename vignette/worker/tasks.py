"""
The worker's tasks, each thin, and the sweep that runs beside them in the worker's parent process.

No beat and no extra process: whoever runs `celery -A task_celery worker` has the whole of it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.utils.log import get_task_logger

from vignette.adapters.celery_queue import RENDER_TASK
from vignette.errors import RenderingFailed, TooMuchTime, VignetteError
from vignette.limits import SWEEP_INTERVAL_S
from vignette.model import ImageId
from vignette.ports.catalogue import Workers
from vignette.use_cases.rendering import Rendering
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.sweeping import Sweeping

logger: logging.Logger = get_task_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What the worker needs, built once in each of its processes."""

    rendering: Rendering
    sweeping: Sweeping
    renewal: Renewal
    workers: Workers


def register(app: Celery, services: Callable[[], WorkerServices]) -> None:
    """Give *app* the task, the handler of interrupted ones, and the sweep."""

    @app.task(name=RENDER_TASK)
    def render(image_id: int) -> None:
        services().rendering.render(ImageId(image_id))

    def note_interruption(args: tuple[Any, ...], exception: BaseException, **_: Any) -> None:
        try:
            services().rendering.interrupted(ImageId(args[0]), _reason(exception, app.conf.task_soft_time_limit))
        except VignetteError:
            # The lease ends by itself, and the sweep finds the image.
            logger.exception("the interruption of image %s could not be noted", args[0])

    # Sent in the child for what a task raises, in the parent for a child that died or was killed at the hard limit.
    signals.task_failure.connect(note_interruption, sender=render, weak=False)

    stopping = threading.Event()

    def start_sweep(**_: Any) -> None:
        threading.Thread(target=_sweep_until, args=(stopping, services), name="sweep", daemon=True).start()

    signals.worker_ready.connect(start_sweep, weak=False)
    signals.worker_shutting_down.connect(lambda **_: stopping.set(), weak=False)


def _sweep_until(stopping: threading.Event, services: Callable[[], WorkerServices]) -> None:
    name = f"{socket.gethostname()}:{os.getpid()}"
    while not stopping.is_set():
        try:
            services().workers.beat(name)
            services().sweeping.sweep()
            services().renewal.advance()
        except VignetteError as error:
            logger.warning("sweep: %s", error, exc_info=error.__cause__)
        except Exception:
            # The sweep is what keeps the promise that a lost job is found: nothing may end it.
            logger.exception("sweep")
        stopping.wait(SWEEP_INTERVAL_S)


def _reason(exception: BaseException, time_limit_s: int) -> RenderingFailed:
    if isinstance(exception, SoftTimeLimitExceeded | TimeLimitExceeded):
        return TooMuchTime(f"rendering took more than {time_limit_s} seconds", limit=time_limit_s)
    # Of a process that died, its words tell how: the signal, or the status.
    how = str(exception) if isinstance(exception, WorkerLostError) else type(exception).__name__
    return RenderingFailed(f"rendering was cut short: {how}")
