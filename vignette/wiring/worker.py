"""The worker process."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from celery import Celery, signals

from vignette.adapters.celery_queue import keep_temporary_files_in, worker_app
from vignette.adapters.decoder.decoder import WORK, Decoder
from vignette.adapters.planner.planner import WORK as PLANNING
from vignette.adapters.planner.planner import CellPlanner
from vignette.adapters.stores.folder import FolderStore
from vignette.despair import Despair
from vignette.errors import StoreUnavailable
from vignette.jail.child import trouble_in_a_child
from vignette.jail.modes import keep_files_private
from vignette.limits import ANIMATION_SECONDS, CPU_SHARE, PLANNING_SHARE
from vignette.logs import set_up_logs
from vignette.settings import Settings
from vignette.use_cases.publishing import Publishing
from vignette.use_cases.rendering import Rendering
from vignette.use_cases.rewriting import Rewriting
from vignette.wiring.jobs import open_jobs
from vignette.wiring.sandbox import require_sandbox
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.sweeper import build_sweeper
from vignette.wiring.use_cases import build_blocking, build_verdicts
from vignette.worker.pace import USUAL_PACE, Pace
from vignette.worker.tasks import PoolServices, register


def build_worker(
    settings: Settings, *, decoding: str = WORK, planning: str = PLANNING, pace: Pace = USUAL_PACE
) -> Celery:
    """
    Return the worker's Celery application, for this process and its forks.

    *decoding* and *planning* are the work of its cells: vignettes, and public copies.
    """
    keep_files_private()
    require_sandbox(settings)
    _log_as(settings)
    decoder = Decoder(
        max_file_bytes=settings.max_upload_bytes,
        memory_bytes=settings.max_render_memory_bytes,
        cpu_seconds=settings.render_seconds * CPU_SHARE,
        wall_s=settings.render_seconds + pace.kill_grace_s,
        work=decoding,
    )
    planner = CellPlanner(
        memory_bytes=settings.max_render_memory_bytes,
        cpu_s=settings.render_seconds * CPU_SHARE,
        wall_s=settings.render_seconds * PLANNING_SHARE,
        work=planning,
    )
    app = worker_app(
        settings.effective_broker_url,
        processes=settings.render_processes,
        tasks_per_process=settings.tasks_per_process,
        soft_time_limit_s=settings.render_seconds,
        kill_grace_s=pace.kill_grace_s,
    )
    keep_temporary_files_in(_made(settings.state_folder / "worker"))
    _require_upload_folder(settings)

    @lru_cache(maxsize=1)
    def services_of_process(_pid: int) -> PoolServices:
        # What a crash of the machine takes back here is an image that is rendered again. A deletion begins in the web
        # process, which waits for the disk, and ends in the process that sweeps, which waits too.
        store, catalogue = open_store_and_catalogue(settings, waits_for_disk=False)
        verdicts = build_verdicts(store, catalogue, settings.recipes, max_attempts=settings.max_attempts)
        blocking = build_blocking(settings, store, catalogue)
        rendering = Rendering(
            store,
            catalogue.renderings,
            verdicts,
            open_jobs(settings),
            settings.recipes,
            decoder,
            lease_s=settings.render_seconds + pace.lease_margin_s,
            pause_without_room_s=pace.pause_without_room_s,
            # The stills are made first, and must not be lost with the animation.
            animation_seconds=min(ANIMATION_SECONDS, settings.render_seconds / 4),
            **({} if blocking is None else {"recognise": blocking.look}),
        )
        rewriting = Rewriting(store, catalogue.library, catalogue.removals, decoder.rewrite, planner)
        publishing = Publishing(store, catalogue.library, catalogue.removals, planner, rewriting)
        return PoolServices(rendering, publishing, rewriting, verdicts)

    register(
        app,
        # Each process has its own, because no connection to the database survives a fork.
        services=lambda: services_of_process(os.getpid()),
        sweeper=build_sweeper(settings, pace),
        decoder=decoder,
        despair=Despair(pace.despairs_after_s),
    )
    return app


def _log_as(settings: Settings) -> None:
    """Have Celery log by our formatter, at the level and to the file that its command line names."""

    def set_up(loglevel: int | str, logfile: str | None, **_: object) -> None:
        set_up_logs(settings.log_format, level=loglevel, file=logfile)

    # Celery sets up no log of its own if somebody listens to this.
    signals.setup_logging.connect(set_up, weak=False)


def _require_upload_folder(settings: Settings) -> None:
    """Raise what would fail each job: the folder's disk is not mounted. Where there is a seal, it most probably is."""
    if FolderStore(settings.upload_folder).is_sealed:
        return
    # Not here: no connection to the database survives a fork.
    trouble = trouble_in_a_child(lambda: open_store_and_catalogue(settings)[1].close())
    if trouble is not None:
        raise StoreUnavailable(trouble or "the upload folder cannot be opened")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder
