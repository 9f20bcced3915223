"""
kombu's transport for Redis, made to go on whatever lies in the queue.

Whoever can write to the broker could stop the worker for good with a single message: kombu and Celery raise in the
worker's own loop at one that is no JSON, lacks a field or has another type in it, and find it again after each restart.
Here such a message is logged and thrown away. A queue is a hint: the sweep finds the work of a job that is lost.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64decode
from queue import Empty
from typing import Any, Final

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ResponseError

RENDER_TASK: Final = "vignette.render"
PUBLISH_TASK: Final = "vignette.publish"
ENLARGE_TASK: Final = "vignette.enlarge"

# A name of our own, because a worker of another application on the same Redis discards jobs that it does not know.
QUEUE: Final = "vignette"

# The name that kombu gives to these keys since its release 5.6; the one of the others is an option of its own.
_PERMANENT_BINDINGS: Final = "_kombu.binding_permanent.%s"

_MOST_ID: Final = 2**63 - 1
_MOST_PRIORITY: Final = 9
_MOST_CHARS: Final = 200

_PROOF: Final = "takes-jobs"

# For so long the worker's parent does nothing else, which is no harm: it looks after its processes once a second.
_PAUSE_AFTER_REFUSAL_S: Final = 0.5

logger = logging.getLogger(__name__)


def use_for_redis() -> None:
    """Have each connection of this process to Redis be of this transport. Repeating it does nothing."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"


def as_job(message: Any) -> dict[str, Any] | None:
    """
    Return what Celery is to be told of *message*: a job of ours, of which only what we write is left. None if it is
    none.
    """
    try:
        headers, properties = message["headers"], message["properties"]
        arguments, options, after = json.loads(b64decode(message["body"], validate=True))
        (image_id,) = arguments
        task, job_id, tag = headers["task"], headers["id"], properties["delivery_tag"]
        is_job = task in (RENDER_TASK, PUBLISH_TASK, ENLARGE_TASK) and _is_image_id(image_id)
        if not is_job or options or any(after.values()) or not _is_word(job_id) or not _is_word(tag):
            return None
        priority = properties.get("priority")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return {
        "body": message["body"],
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": task,
            "id": job_id,
            "root_id": job_id,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": f"({image_id},)",
            "kwargsrepr": "{}",
            "ignore_result": True,
        },
        "properties": {
            "correlation_id": job_id,
            "delivery_mode": 2,
            "body_encoding": "base64",
            "delivery_tag": tag,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "priority": priority if type(priority) is int and 0 <= priority <= _MOST_PRIORITY else 0,
        },
    }


def _is_image_id(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MOST_ID


def _is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARS


class _QoS(redis.QoS):
    """What the worker has taken and not acknowledged yet."""

    def restore_visible(self, *arguments: Any, **options: Any) -> None:
        try:
            super().restore_visible(*arguments, **options)
        except ResponseError as error:
            logger.warning("the queue lets nothing be put back now: %s", error)

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        try:
            super().restore_by_tag(tag, client, leftmost)
        except self.channel.connection_errors:  # type: ignore[attr-defined]  # kombu's types lack it, as those below
            raise
        except Exception:
            logger.exception("what was taken from the queue cannot be put back, and is thrown away")
            self._remove_from_indices(tag).execute()  # type: ignore[attr-defined]


class _Channel(redis.Channel):
    QoS = _QoS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._remove_what_is_of_another_type()

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except (Empty, *self.connection_errors):  # type: ignore[attr-defined]
            raise
        except ResponseError as error:
            # A queue that is read-only or full, or a key of another type. The worker would ask again at once.
            logger.warning("the queue gives no jobs: %s", error)
            self._remove_what_is_of_another_type()
            time.sleep(_PAUSE_AFTER_REFUSAL_S)
            raise Empty from error
        except Exception as error:
            logger.warning("what was taken from the queue is no job, and is thrown away: %s", error)
            raise Empty from error

    def prove_that_it_takes_jobs(self) -> None:
        """Write what is gone a second later; raise `redis.exceptions.ResponseError` where that is refused."""
        with self.conn_or_acquire() as client:
            client.set(_PROOF, "", ex=1)

    def _remove_what_is_of_another_type(self) -> None:
        """Every command on a key of another type than kombu gave it would fail, now and for ever."""
        lists = (self._q_for_pri(QUEUE, priority) for priority in self.priority_steps)  # type: ignore[attr-defined]
        types = dict.fromkeys(lists, b"list")
        types |= {self.unacked_key: b"hash", self.unacked_index_key: b"zset", self.unacked_mutex_key: b"string"}
        for key in (self.keyprefix_queue, _PERMANENT_BINDINGS):
            types[key % (QUEUE,)] = b"set"
        try:
            with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
                for key in types:
                    pipe.execute_command("TYPE", f"{self.global_keyprefix}{key}")
                found = dict(zip(types, pipe.execute(), strict=True))
                for key, kind in found.items():
                    if kind not in (types[key], b"none"):
                        logger.warning("%s of the queue was a %s, and is removed", key, kind.decode())
                        client.execute_command("DEL", key)
        except ResponseError as error:  # a broker of others may not allow the command
            logger.warning("the types in the queue cannot be looked at: %s", error)


def prove_that_it_takes_jobs(channel: object) -> None:
    """Raise an error of redis-py if the queue is a Redis that can be read and not written: full, or read-only."""
    if isinstance(channel, _Channel):
        channel.prove_that_it_takes_jobs()


class Transport(redis.Transport):
    """See the module."""

    Channel = _Channel

    def _deliver(self, message: Any, queue: str | None) -> None:
        if queue == QUEUE:
            job = as_job(message)
            if job is None:
                logger.warning("a message in the queue is no job of ours, and is thrown away: %.200r", message)
                return
            super()._deliver(job, queue)
            return
        try:  # what Celery's own tools send to a worker
            super()._deliver(message, queue)
        except self.connection_errors:
            raise
        except Exception:
            logger.exception("a message to the worker itself cannot be read, and is thrown away")
