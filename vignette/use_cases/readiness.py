"""Ready: whether an upload can be taken now, and whether its vignette would come soon."""

from __future__ import annotations

from collections.abc import Callable

from vignette.errors import QueueUnavailable, VignetteError
from vignette.limits import WORKER_SILENCE_S
from vignette.ports.catalogue import Workers
from vignette.ports.health import Part
from vignette.ports.jobs import Jobs
from vignette.ports.store import Files


class Readiness:
    """The use case."""

    def __init__(self, files: Files, database: Part, jobs: Jobs, workers: Workers) -> None:
        self._workers = workers
        self._probes: dict[str, Callable[[], object]] = {
            "folder": files.probe,
            "catalogue": database.probe,
            "queue": jobs.backlog,
            "worker": self._probe_workers,
        }

    def check(self) -> dict[str, str | None]:
        """What is wrong with each part, by its name; None where nothing is."""
        return {name: _fault(probe) for name, probe in self._probes.items()}

    def _probe_workers(self) -> None:
        silence_s = self._workers.seconds_since_beat()
        if silence_s is None:
            raise QueueUnavailable("no worker has ever been here")
        if silence_s > WORKER_SILENCE_S:
            raise QueueUnavailable(f"no worker has been heard of for {silence_s:.0f} seconds")


def _fault(probe: Callable[[], object]) -> str | None:
    try:
        probe()
    except VignetteError as error:
        return str(error)
    return None
