"""The web process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from flask import Flask

from vignette.access.policy import Policy
from vignette.access.rates import Rate
from vignette.adapters.door.door import Door
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.adapters.stores.offer_file import OfferFile
from vignette.despair import DESPAIRS_AFTER_S, Despair
from vignette.jail.modes import keep_files_private
from vignette.jail.sandbox import abilities
from vignette.logs import set_up_logs as set_up_logs  # for the entry script, which preloads only this module
from vignette.ports.access import Offers
from vignette.ports.inspector import Inspector
from vignette.ports.jobs import AllJobs
from vignette.recipes import Recipe
from vignette.settings import Settings
from vignette.use_cases.allowances import Allowances
from vignette.use_cases.auditing import Auditing, Trail
from vignette.use_cases.browsing import Browsing
from vignette.use_cases.deduplication import Deduplication
from vignette.use_cases.editing import Editing
from vignette.use_cases.first_key import FirstKey
from vignette.use_cases.first_turns import FirstTurns
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.use_cases.likeness import Likeness
from vignette.use_cases.linking import Linking
from vignette.use_cases.rating import Rating
from vignette.use_cases.screening import NO_CHECKS, Screening
from vignette.use_cases.serving import Serving
from vignette.use_cases.signing_in import SigningIn
from vignette.use_cases.taking_back import TakingBack
from vignette.web import WebContext, create_app
from vignette.web.capacity import Capacity
from vignette.web.capacity.buckets import AddressBuckets
from vignette.web.capacity.crowd import keep_room
from vignette.web.capacity.turns import Turns
from vignette.web.doors import HostDoor
from vignette.web.fast_path import FastPath
from vignette.web.http.bodies import RequestLimits
from vignette.web.http.clients import NamedClients
from vignette.web.http.foreign_readers import ForeignReaders, KnownOrigins
from vignette.web.http.hosts import Hosts
from vignette.web.http.lingering import LingeringClose
from vignette.web.rates import note_cost
from vignette.web.replacement import Replacement, end_this_process
from vignette.web.request_log import RequestLog
from vignette.wiring.checks import build_screening
from vignette.wiring.fair_checks import FairChecks
from vignette.wiring.jobs import open_jobs
from vignette.wiring.rates import open_rating
from vignette.wiring.rates import rate_of_requests as rate_of_requests_in
from vignette.wiring.sandbox import require_sandbox
from vignette.wiring.stores import open_store_and_catalogue
from vignette.wiring.successor import successor_can
from vignette.wiring.use_cases import (
    build_health,
    build_keyholding,
    build_reindexing,
    build_removal,
    build_renewal,
    build_reviewing,
    build_service_secret,
    build_signing_keys,
    build_ticketing,
    build_trail,
)

# Of granian: it starts another process in place of one that ends. Other servers would not, or stop as a whole.
_RESPAWNS: Final = "--respawn-failed-workers"

# Of granian: how many connections it accepts.
_MOST_CONNECTIONS: Final = "--backpressure"


def build_web(settings: Settings, *, despairs_after_s: float = DESPAIRS_AFTER_S) -> Flask:
    """
    Return the WSGI application.

    If the server would replace this process, the process ends when it has taken no upload for *despairs_after_s*
    although a fresh process could.
    """
    keep_files_private()
    require_sandbox(settings)
    policy = Policy(settings.access, settings.visibility_of_earlier, settings.visibility)
    door = Door()
    door.warm()
    store, catalogue = open_store_and_catalogue(settings)
    context = build_context(
        store,
        catalogue,
        open_jobs(settings),
        FairChecks(door),
        settings.recipes,
        IntakeLimits(
            settings.max_upload_bytes, settings.max_pixels, settings.max_frames, settings.max_render_memory_bytes
        ),
        RequestLimits(settings.max_request_bytes, settings.max_files_per_request),
        Capacity.of_threads(
            settings.web_threads,
            settings.slow_client_seconds,
            uploads_of_key=settings.uploads_at_once_of_key if settings.limits_rates else 0,
        ),
        policy,
        OfferFile(settings.first_key_file),
        screening=build_screening(settings),
        cache_vignettes_s=settings.cache_vignettes_seconds,
        trail=build_trail(settings, catalogue),
        rating=open_rating(settings),
        rate_of_requests=rate_of_requests_in(settings),
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
    if _MOST_CONNECTIONS in sys.argv:
        keep_room(int(sys.argv[sys.argv.index(_MOST_CONNECTIONS) + 1]))
    app = create_app(
        context,
        public_url=settings.public_url,
        languages=settings.languages,
        others_may_embed=settings.others_may_embed,
    )
    readers = context.foreign_readers
    app.wsgi_app = Turns(app.wsgi_app, readers=readers)  # type: ignore[method-assign]
    refusing = app.wsgi_app
    if settings.uses_sqlite:
        # With SQLite this is the only machine. Several machines may see a shared folder as it was some seconds ago.
        app.wsgi_app = FastPath(app.wsgi_app, store.edition)  # type: ignore[method-assign]
    if context.rate_of_requests is not None:
        app.wsgi_app = AddressBuckets(  # type: ignore[method-assign]
            app.wsgi_app, refusing, context.rate_of_requests, readers=readers
        )
    app.wsgi_app = HostDoor(app.wsgi_app, refusing, Hosts(settings.own_hosts))  # type: ignore[method-assign]
    app.wsgi_app = LingeringClose(app.wsgi_app, context.capacity.slow_clients.moving)  # type: ignore[method-assign]
    if settings.log_requests:
        app.wsgi_app = RequestLog(app.wsgi_app, settings.log_format)  # type: ignore[method-assign]
    app.wsgi_app = NamedClients(app.wsgi_app, settings.proxy_networks)  # type: ignore[method-assign]
    return app


def build_context(
    store: FolderStore,
    catalogue: SqlCatalogue,
    jobs: AllJobs,
    inspector: Inspector,
    recipes: Sequence[Recipe],
    intake_limits: IntakeLimits,
    request_limits: RequestLimits,
    capacity: Capacity,
    policy: Policy,
    offers: Offers,
    *,
    screening: Screening = NO_CHECKS,
    cache_vignettes_s: int,
    trail: Trail,
    rating: Rating | None = None,
    rate_of_requests: Rate | None = None,
) -> WebContext:
    """Return what the views work with. Tests use this too."""
    browsing = Browsing(store, catalogue.library, policy)
    keyholding = build_keyholding(store, catalogue, trail)
    renewal = build_renewal(catalogue, jobs, recipes, policy, trail)
    removal = build_removal(store, catalogue, policy, trail)
    editing = Editing(store, store, catalogue.library, catalogue.editing, policy, trail=trail)
    signing_keys = build_signing_keys(store, catalogue)
    secret = build_service_secret(store, catalogue)
    ticketing = build_ticketing(store, catalogue, keyholding, policy, trail)
    return WebContext(
        intake=Intake(
            store,
            store,
            catalogue.arrivals,
            build_reindexing(store, catalogue),
            jobs,
            inspector,
            intake_limits,
            policy,
            screening,
            FirstTurns(catalogue.library).lane_of,
            trail=trail,
        ),
        browsing=browsing,
        likeness=Likeness(browsing, catalogue.alike, policy),
        deduplication=Deduplication(catalogue.same_bytes, policy),
        serving=Serving(store, browsing, renewal, jobs, recipes, at_rest=capacity.waiter, spend=note_cost),
        removal=removal,
        taking_back=TakingBack(catalogue.library, removal, policy, partial(secret.derived, "delete tokens")),
        editing=editing,
        reviewing=build_reviewing(store, catalogue, policy, trail),
        renewal=renewal,
        keyholding=keyholding,
        ticketing=ticketing,
        signing_in=SigningIn(catalogue.sessions, keyholding, trail=trail),
        linking=Linking(
            catalogue.library, catalogue.links, keyholding, signing_keys, editing, policy, recipes, trail=trail
        ),
        first_key=FirstKey(offers, keyholding),
        health=build_health(store, catalogue, jobs),
        capacity=capacity,
        recipes=tuple(recipes),
        request_limits=request_limits,
        cache_vignettes_s=cache_vignettes_s,
        policy=policy,
        trail=trail,
        cursor_secret=partial(secret.derived, "cursors"),
        auditing=Auditing(catalogue.audit),
        sandbox=abilities(),
        allowances=Allowances(catalogue.quotas),
        foreign_readers=ForeignReaders(KnownOrigins(keyholding.origins), KnownOrigins(ticketing.origins)),
        rating=rating,
        rate_of_requests=rate_of_requests,
    )
