"""The queue, as those see it who put jobs into it."""

from __future__ import annotations

from vignette.adapters.celery_queue import CeleryJobs, producer_app
from vignette.limits import LEASE_MARGIN_S
from vignette.settings import Settings


def open_jobs(settings: Settings) -> CeleryJobs:
    return CeleryJobs(producer_app(settings.effective_broker_url), lease_s(settings))


def lease_s(settings: Settings) -> int:
    """For how long a worker may keep a job."""
    return settings.render_seconds + LEASE_MARGIN_S
