"""The worker process."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from pathlib import Path

from celery import Celery

from vignette.adapters.celery_queue import keep_temporary_files_in, worker_app
from vignette.errors import StoreUnavailable
from vignette.jail.confinement import confined, give_back_what_is_freed
from vignette.limits import ANIMATION_SECONDS, CPU_SHARE
from vignette.settings import Settings
from vignette.use_cases.rendering import Rendering
from vignette.wiring.jobs import lease_s, open_jobs
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.use_cases import build_renewal, build_sweeping
from vignette.worker.tasks import WorkerServices, register


def build_worker(settings: Settings) -> Celery:
    """The worker's Celery application, for this process and its forks."""
    give_back_what_is_freed()
    app = worker_app(
        settings.effective_broker_url,
        processes=settings.render_processes,
        soft_time_limit_s=settings.render_seconds,
    )
    keep_temporary_files_in(_made(settings.state_folder / "worker"))

    @lru_cache(maxsize=1)
    def services_of_process(_pid: int) -> WorkerServices:
        store, catalogue = open_store_and_catalogue(settings)
        jobs = open_jobs(settings)
        return WorkerServices(
            rendering=Rendering(
                store,
                catalogue.library,
                catalogue.renderings,
                settings.recipes,
                lease_s=lease_s(settings),
                max_attempts=settings.max_attempts,
                # The stills come first, and are not to be lost with the animation.
                animation_seconds=min(ANIMATION_SECONDS, settings.render_seconds / 4),
                confined=partial(
                    confined,
                    memory_bytes=settings.max_render_memory_bytes,
                    cpu_seconds=settings.render_seconds * CPU_SHARE,
                ),
            ),
            sweeping=build_sweeping(store, catalogue, jobs),
            renewal=build_renewal(catalogue, jobs, settings.recipes),
            workers=catalogue.workers,
        )

    # By process: neither a connection to the database nor one to the queue survives a fork.
    register(app, lambda: services_of_process(os.getpid()))
    return app


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder
