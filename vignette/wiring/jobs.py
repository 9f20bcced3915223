"""Opens the queue for a process that puts jobs into it."""

from __future__ import annotations

from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.settings import Settings


def open_jobs(settings: Settings) -> CeleryJobs:
    return CeleryJobs(producer_app(settings.effective_broker_url))
