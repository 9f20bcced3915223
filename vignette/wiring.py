"""The only module that knows every adapter: it builds what each process needs from the settings."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from pathlib import Path
from threading import BoundedSemaphore

from celery import Celery
from flask import Flask

from vignette.adapters.celery_queue import CeleryJobs, keep_temporary_files_in, producer_app, worker_app
from vignette.adapters.folder_store import FolderStore
from vignette.adapters.sql_catalogue import SqlCatalogue
from vignette.checking import Checkup
from vignette.confinement import confined
from vignette.errors import StoreUnavailable
from vignette.intake import Intake, IntakeLimits
from vignette.limits import ANIMATION_SECONDS, CPU_SHARE, LEASE_MARGIN_S
from vignette.reindexing import read_images, reindex_if_behind
from vignette.renewal import Renewal
from vignette.settings import Settings
from vignette.thumbnails import Thumbnails
from vignette.upkeep import Upkeep
from vignette.web import WebServices, create_app
from vignette.web.admission import Admission
from vignette.web.fast_path import FastPath
from vignette.web.slow_clients import SlowClients
from vignette.web.uploads import RequestLimits
from vignette.worker import WorkerServices, register


def build_web(settings: Settings) -> Flask:
    """The WSGI application."""
    store, catalogue = open_store_and_catalogue(settings)
    jobs = _jobs(settings)
    services = WebServices(
        intake=Intake(
            store,
            catalogue,
            jobs,
            IntakeLimits(
                settings.max_upload_bytes,
                settings.max_pixels,
                settings.max_frames,
                settings.max_render_memory_bytes,
            ),
        ),
        upkeep=Upkeep(store, catalogue, jobs),
        store=store,
        catalogue=catalogue,
        jobs=jobs,
        recipes=settings.recipes,
        request_limits=RequestLimits(settings.max_request_bytes, settings.max_files_per_request),
        # Half of the threads take uploads and a quarter wait: the others go on answering meanwhile.
        admission=Admission(store, places=max(1, settings.web_threads // 2)),
        slow_clients=SlowClients(settings.slow_client_seconds),
        waiting_rooms=BoundedSemaphore(max(1, settings.web_threads // 4)),
    )
    app = create_app(services, public_url=settings.public_url, languages=settings.languages)
    if settings.effective_database_url.startswith("sqlite"):
        # So this is the only machine: with several, each may see a shared folder as it was some seconds ago.
        app.wsgi_app = FastPath(app.wsgi_app, store.edition)  # type: ignore[method-assign]
    return app


def build_worker(settings: Settings) -> Celery:
    """The worker's Celery application."""
    app = worker_app(
        settings.effective_broker_url,
        processes=settings.render_processes,
        soft_time_limit_s=settings.render_seconds,
    )
    keep_temporary_files_in(_made(settings.state_folder / "worker"))

    @lru_cache(maxsize=1)
    def services_of_process(_pid: int) -> WorkerServices:
        store, catalogue = open_store_and_catalogue(settings)
        jobs = _jobs(settings)
        return WorkerServices(
            thumbnails=Thumbnails(
                store,
                catalogue,
                settings.recipes,
                lease_s=_lease_s(settings),
                max_attempts=settings.max_attempts,
                # The stills come first, and are not to be lost with the animation.
                animation_seconds=min(ANIMATION_SECONDS, settings.render_seconds / 4),
                confined=partial(
                    confined,
                    memory_bytes=settings.max_render_memory_bytes,
                    cpu_seconds=settings.render_seconds * CPU_SHARE,
                ),
            ),
            upkeep=Upkeep(store, catalogue, jobs),
            renewal=Renewal(catalogue, jobs, settings.recipes),
            catalogue=catalogue,
        )

    # By process: neither a connection to the database nor one to the queue survives a fork.
    register(app, lambda: services_of_process(os.getpid()))
    return app


def open_upkeep(settings: Settings) -> Upkeep:
    """For the command line: it finds the work of a service that may run beside it, or not."""
    store, catalogue = open_store_and_catalogue(settings)
    return Upkeep(store, catalogue, _jobs(settings))


def open_renewal(settings: Settings) -> Renewal:
    """For `vignette render`: it asks the worker of a service that runs beside it."""
    _, catalogue = open_store_and_catalogue(settings)
    return Renewal(catalogue, _jobs(settings), settings.recipes)


def open_checkup(settings: Settings) -> Checkup:
    """
    For `vignette fsck`: nothing is made, brought up to date or rebuilt before it looks.

    Raises:
        StoreUnavailable: There is no upload folder.
        CatalogueUnavailable: There is no catalogue.
    """
    if not settings.upload_folder.is_dir():
        raise StoreUnavailable(f"there is no upload folder {settings.upload_folder}")
    catalogue = SqlCatalogue(settings.effective_database_url, must_exist=True)
    catalogue.next_id()
    store = FolderStore(settings.upload_folder)
    upkeep = Upkeep(store, catalogue, _jobs(settings))
    return Checkup(store, catalogue, upkeep, settings.recipes)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder} cannot be made: {error.strerror}") from error
    return folder


def _jobs(settings: Settings) -> CeleryJobs:
    return CeleryJobs(producer_app(settings.effective_broker_url), _lease_s(settings))


def _lease_s(settings: Settings) -> int:
    return settings.render_seconds + LEASE_MARGIN_S


def open_store_and_catalogue(settings: Settings) -> tuple[FolderStore, SqlCatalogue]:
    """Both, made if they are missing; the catalogue with its schema up to date and no folder ahead of it."""
    store = FolderStore(settings.upload_folder, settings.durability)
    catalogue = SqlCatalogue(settings.effective_database_url, settings.durability)
    catalogue.migrate(read_images(store))
    reindex_if_behind(store, catalogue)
    return store, catalogue
