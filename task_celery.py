"""The worker process: `celery -A task_celery worker --loglevel=info`."""

from __future__ import annotations

from vignette.settings import load_settings_or_exit
from vignette.wiring import build_worker

app = build_worker(load_settings_or_exit())
