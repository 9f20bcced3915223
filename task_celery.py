"""The worker process: `celery -A task_celery worker --loglevel=info`."""

from __future__ import annotations

from vignette.settings import exit_with_words, load_settings
from vignette.wiring.worker import build_worker

with exit_with_words():
    app = build_worker(load_settings())
