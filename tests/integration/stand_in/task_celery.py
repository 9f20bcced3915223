"""A worker process that does what a test of the launcher asks of it."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

from vignette.adapters.celery_queue import keep_temporary_files_in
from vignette.settings import load_settings

settings = load_settings()

# Most of these workers are killed.
keep_temporary_files_in(settings.state_folder)

app = Celery("stand-in", broker=settings.effective_broker_url)
app.conf.update(
    task_default_queue="vignette",
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=settings.render_processes,
    task_time_limit=settings.render_seconds,
)


@app.task(name="work")
def work(file: str, forever: bool) -> None:
    Path(file).write_text(str(os.getpid()))
    while forever:
        pass
