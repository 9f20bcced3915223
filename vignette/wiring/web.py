"""The web process."""

from __future__ import annotations

from threading import BoundedSemaphore

from flask import Flask

from vignette.settings import Settings
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.web import WebContext, create_app
from vignette.web.capacity.admission import Admission
from vignette.web.capacity.downloads import Downloads
from vignette.web.capacity.slow_clients import SlowClients
from vignette.web.fast_path import FastPath
from vignette.web.http.bodies import RequestLimits
from vignette.web.http.lingering import LingeringClose
from vignette.wiring.jobs import open_jobs
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.use_cases import build_health, build_reindexing, build_removal, build_renewal


def build_web(settings: Settings) -> Flask:
    """The WSGI application."""
    store, catalogue = open_store_and_catalogue(settings)
    jobs = open_jobs(settings)
    slow_clients = SlowClients(settings.slow_client_seconds)
    context = WebContext(
        intake=Intake(
            store,
            catalogue.arrivals,
            build_reindexing(store, catalogue),
            jobs,
            IntakeLimits(
                settings.max_upload_bytes,
                settings.max_pixels,
                settings.max_frames,
                settings.max_render_memory_bytes,
            ),
        ),
        removal=build_removal(store, catalogue),
        renewal=build_renewal(catalogue, jobs, settings.recipes),
        files=store,
        library=catalogue.library,
        health=build_health(store, catalogue, jobs),
        recipes=settings.recipes,
        request_limits=RequestLimits(settings.max_request_bytes, settings.max_files_per_request),
        # Half of the threads take uploads, a quarter sends files, an eighth waits; the others go on answering.
        admission=Admission(store, places=max(1, settings.web_threads // 2)),
        slow_clients=slow_clients,
        downloads=Downloads(slow_clients, places=max(1, settings.web_threads // 4)),
        waiting_rooms=BoundedSemaphore(max(1, settings.web_threads // 8)),
    )
    app = create_app(context, public_url=settings.public_url, languages=settings.languages)
    if settings.effective_database_url.startswith("sqlite"):
        # So this is the only machine: with several, each may see a shared folder as it was some seconds ago.
        app.wsgi_app = FastPath(app.wsgi_app, store.edition)  # type: ignore[method-assign]
    app.wsgi_app = LingeringClose(app.wsgi_app, slow_clients.moving)  # type: ignore[method-assign]
    return app
