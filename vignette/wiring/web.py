"""The web process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from flask import Flask

from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.despair import DESPAIRS_AFTER_S, Despair
from vignette.jail.sandbox import abilities
from vignette.ports.jobs import Jobs
from vignette.recipes import Recipe
from vignette.settings import Settings
from vignette.use_cases.browsing import Browsing
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.use_cases.serving import Serving
from vignette.web import WebContext, create_app
from vignette.web.capacity import Capacity
from vignette.web.doors import HostDoor
from vignette.web.fast_path import FastPath
from vignette.web.http.bodies import RequestLimits
from vignette.web.http.hosts import Hosts
from vignette.web.http.lingering import LingeringClose
from vignette.web.replacement import Replacement, end_this_process
from vignette.wiring.jobs import open_jobs
from vignette.wiring.sandbox import require_sandbox
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.successor import successor_can
from vignette.wiring.use_cases import build_health, build_reindexing, build_removal, build_renewal

# Of granian: it starts another process in place of one that ends. Other servers would not, or stop as a whole.
_RESPAWNS: Final = "--respawn-failed-workers"


def build_web(settings: Settings, *, despairs_after_s: float = DESPAIRS_AFTER_S) -> Flask:
    """
    Return the WSGI application.

    If the server would replace this process, the process ends when it has taken no upload for *despairs_after_s*
    although a fresh process could.
    """
    require_sandbox(settings)
    store, catalogue = open_store_and_catalogue(settings)
    context = build_context(
        store,
        catalogue,
        open_jobs(settings),
        settings.recipes,
        IntakeLimits(
            settings.max_upload_bytes, settings.max_pixels, settings.max_frames, settings.max_render_memory_bytes
        ),
        RequestLimits(settings.max_request_bytes, settings.max_files_per_request),
        Capacity.of_threads(settings.web_threads, settings.slow_client_seconds),
    )
    if _RESPAWNS in sys.argv:
        health = context.health
        replacement = Replacement(
            Despair(despairs_after_s),
            fresh_process_can=partial(successor_can, settings),
            this_process_can=lambda: health.report().readiness != "unavailable",
            end=end_this_process,
        )
        context = replace(context, upload_ended=replacement.note)
    app = create_app(
        context,
        public_url=settings.public_url,
        languages=settings.languages,
        others_may_embed=settings.others_may_embed,
    )
    refusing = app.wsgi_app
    if settings.effective_database_url.startswith("sqlite"):
        # With SQLite this is the only machine. Several machines may see a shared folder as it was some seconds ago.
        app.wsgi_app = FastPath(app.wsgi_app, store.edition)  # type: ignore[method-assign]
    app.wsgi_app = HostDoor(app.wsgi_app, refusing, Hosts(settings.own_hosts))  # type: ignore[method-assign]
    app.wsgi_app = LingeringClose(app.wsgi_app, context.capacity.slow_clients.moving)  # type: ignore[method-assign]
    return app


def build_context(
    store: FolderStore,
    catalogue: SqlCatalogue,
    jobs: Jobs,
    recipes: Sequence[Recipe],
    intake_limits: IntakeLimits,
    request_limits: RequestLimits,
    capacity: Capacity,
) -> WebContext:
    """Return what the views work with. Tests use this too."""
    browsing = Browsing(store, catalogue.library)
    renewal = build_renewal(catalogue, jobs, recipes)
    return WebContext(
        intake=Intake(store, store, catalogue.arrivals, build_reindexing(store, catalogue), jobs, intake_limits),
        browsing=browsing,
        serving=Serving(store, browsing, renewal, recipes, at_work=capacity.download, at_rest=capacity.waiter),
        removal=build_removal(store, catalogue),
        renewal=renewal,
        health=build_health(store, catalogue, jobs),
        capacity=capacity,
        recipes=tuple(recipes),
        request_limits=request_limits,
        sandbox=abilities(),
    )
