"""
The queue: Celery on Redis (or anything that speaks its protocol).

Whatever its settings, Celery on Redis loses messages, for example if a worker is killed after it took a message and
before it noted that (kombu issue 305); and it restores others late. So the settings here make the usual case quick, and
the sweep makes it sure.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from multiprocessing import current_process
from pathlib import Path
from typing import Any, Final, TypeVar

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError, ResponseError

from vignette.adapters.celery_transport import ENLARGE_TASK as ENLARGE_TASK
from vignette.adapters.celery_transport import PUBLISH_TASK as PUBLISH_TASK
from vignette.adapters.celery_transport import QUEUE as QUEUE
from vignette.adapters.celery_transport import RENDER_TASK as RENDER_TASK
from vignette.adapters.celery_transport import prove_that_it_takes_jobs, use_for_redis
from vignette.adapters.impatient import Impatient
from vignette.errors import QueueUnavailable
from vignette.limits import KILL_GRACE_S
from vignette.model import ImageId
from vignette.ports.jobs import Lane

# Keeps our keys apart from those of other applications on the same Redis database: kombu's names are the same for all.
_KEY_PREFIX: Final = "vignette:"

# On Redis, 0 is the highest and 9 the lowest. Each step of the one queue is a list of its own there; a worker looks
# into them in order. 0 and 9 have to stay: earlier releases knew only these, and their jobs may still be in the queue.
_PRIORITIES: Final = {Lane.FAST: 0, Lane.BULK: 3, Lane.REST: 6, Lane.RENEWAL: 9}
_LANES: Final = {priority: lane for lane, priority in _PRIORITIES.items()}
_PRIORITY_STEPS: Final = sorted(_PRIORITIES.values())

_COMMON: Final[dict[str, Any]] = {
    "task_default_queue": QUEUE,
    "task_ignore_result": True,  # the catalogue holds the state
    "task_serializer": "json",
    "accept_content": ["json"],
    "broker_connection_retry_on_startup": True,
}

# The web process would rather lose a hint than keep a client waiting, so there is one try. Without `socket_timeout`, a
# Redis that accepts a connection and never answers would be waited for in the background, for ever.
_PRODUCER_TRANSPORT: Final[dict[str, Any]] = {
    "global_keyprefix": _KEY_PREFIX,
    "priority_steps": _PRIORITY_STEPS,
    "socket_timeout": 0.4,
    "socket_connect_timeout": 0.4,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}

# How long anybody waits for the queue in all: for one job, however many answers it takes, and more for each of many.
_PATIENCE_S: Final = 0.45
_PATIENCE_FOR_A_JOB_S: Final = 0.01

# After a hint has failed, none is tried for this long; the sweep finds the work meanwhile.
_PAUSE_AFTER_FAILURE_S: Final = 5.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


def producer_app(broker_url: str) -> Celery:
    """The Celery application of a process that only queues jobs."""
    use_for_redis()
    app = Celery("vignette", broker=broker_url)
    app.conf.update(_COMMON, broker_transport_options=_PRODUCER_TRANSPORT)
    return app


def keep_temporary_files_in(folder: Path) -> None:
    """
    Have the worker's pool make the file through which it shares memory in *folder*; it removes the file's name at once.

    Otherwise the pool makes a folder for that file in the system's temporary one, which stays behind when the worker is
    killed.
    """
    current_process()._config["tempdir"] = str(folder)  # type: ignore[attr-defined]


def worker_app(
    broker_url: str,
    *,
    processes: int,
    tasks_per_process: int,
    soft_time_limit_s: int,
    kill_grace_s: float = KILL_GRACE_S,
) -> Celery:
    """The Celery application of the worker. It kills a job *kill_grace_s* after its soft time limit."""
    use_for_redis()
    transport: dict[str, Any] = {"global_keyprefix": _KEY_PREFIX, "priority_steps": _PRIORITY_STEPS}
    if not broker_url.startswith("redis+socket:"):
        # Never a short `socket_timeout` here: if Redis stalls for longer while a job is acknowledged, the worker loses
        # the place that it had for the job, for good (celery issue 10205).
        transport |= {"socket_keepalive": True, "socket_timeout": 120}
    app = Celery("vignette", broker=broker_url)
    app.conf.update(
        _COMMON,
        broker_transport_options=transport,
        broker_connection_max_retries=None,
        # A queue that answers and refuses (it is read-only, or full) does not end the worker.
        broker_channel_error_retry=True,
        # A job leaves the queue as soon as a process has it; from then on the catalogue holds the lease. With True,
        # Celery would queue a job that kills its process again without end.
        task_acks_late=False,
        # A worker takes a job only when a process is free for it, because the jobs that it holds are lost with it.
        worker_disable_prefetch=True,
        task_soft_time_limit=soft_time_limit_s,
        task_time_limit=soft_time_limit_s + kill_grace_s,
        worker_concurrency=processes,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=tasks_per_process,
        worker_max_memory_per_child=500_000,  # KiB
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
    )
    return app


def lane_of(delivery_info: object) -> Lane | None:
    """Return the lane of a job, by what its task finds in `request.delivery_info`; None if it tells none."""
    priority = delivery_info.get("priority") if isinstance(delivery_info, dict) else None
    return _LANES.get(priority) if isinstance(priority, int) else None


class CeleryJobs:
    """
    `Jobs` over a Celery application; safe to share between threads.

    Nobody waits for a slow queue: what it does not take within half a second goes on in the background, and meanwhile
    the queue counts as down.
    """

    def __init__(self, app: Celery, *, pause_after_failure_s: float = _PAUSE_AFTER_FAILURE_S) -> None:
        self._app = app
        self._pause_after_failure_s = pause_after_failure_s
        self._silent_until = 0.0
        self._impatient = Impatient()

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        self.hint_all([image_id], lane)

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        self._send(RENDER_TASK, image_ids, lane)

    def publish(self, image_id: ImageId) -> None:
        self._send(PUBLISH_TASK, [image_id], Lane.BULK)

    def enlarge(self, image_id: ImageId) -> None:
        self._send(ENLARGE_TASK, [image_id], Lane.BULK)

    def _send(self, task: str, image_ids: Sequence[ImageId], lane: Lane) -> None:
        self._raise_if_silent()
        try:
            self._ask(
                lambda: self._send_now(task, image_ids, lane), _PATIENCE_S + len(image_ids) * _PATIENCE_FOR_A_JOB_S
            )
        except QueueUnavailable:
            self._be_silent()
            raise

    def _be_silent(self) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + self._pause_after_failure_s

    def _raise_if_silent(self) -> None:
        if time.monotonic() < self._silent_until:
            raise QueueUnavailable("the queue did not answer a moment ago")

    def _send_now(self, task: str, image_ids: Sequence[ImageId], lane: Lane) -> None:
        # Those that waited for a call that has failed do not fail each by itself.
        self._raise_if_silent()
        try:
            with self._app.producer_or_acquire() as producer:
                for image_id in image_ids:
                    self._app.send_task(
                        task,
                        (image_id,),
                        priority=_PRIORITIES[lane],
                        producer=producer,
                        retry=True,
                        retry_policy=_NO_RETRY,
                    )
        except Exception:
            self._be_silent()
            raise

    def backlog(self) -> int:
        return self._ask(self._count_now, _PATIENCE_S)

    def _count_now(self) -> int:
        with self._app.producer_or_acquire() as producer:
            channel: Any = producer.channel
            prove_that_it_takes_jobs(channel)
            # Declaring a queue changes nothing on Redis, and tells how many jobs of all priorities are in it.
            return int(channel.queue_declare(QUEUE).message_count)

    def _ask(self, call: Callable[[], T], patience_s: float) -> T:
        try:
            return self._impatient.call(call, patience_s)
        except QueueUnavailable:
            raise
        except TimeoutError as error:
            raise QueueUnavailable("the queue takes too long to answer") from error
        except ResponseError as error:
            raise QueueUnavailable("the queue answers, and takes no jobs") from error
        except Exception as error:  # kombu lets any error through that a strange answer of the broker brings about
            _note_if_strange(error)
            raise QueueUnavailable("the queue does not answer") from error


def _note_if_strange(error: Exception) -> None:
    if not isinstance(error, OperationalError | RedisError | OSError):
        logger.error("the queue answers what nobody expects", exc_info=error)


_NO_RETRY: Final = {"max_retries": 0}
