"""The web side: `create_app`, routes, pages, problems. Views parse, call one use case and shape the answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Final

from flask import Flask
from werkzeug.routing import BaseConverter

from vignette.access.names import PATTERN, is_name
from vignette.access.policy import Access
from vignette.model import ImageId, ImageRef, PublicName
from vignette.pixels.geometry import fit
from vignette.web.admission import init_admission
from vignette.web.api.urls import absolute_url
from vignette.web.assets import Assets, init_assets, read_assets
from vignette.web.capacity.buckets import refuse_with_an_empty_bucket
from vignette.web.capacity.turns import refuse_without_a_turn
from vignette.web.context import EXTENSION, WebContext
from vignette.web.cors import init_cors, ticket_admits
from vignette.web.doors import refuse_foreign_hosts
from vignette.web.http.compression import compress_answers
from vignette.web.http.cross_site import refuse_cross_site
from vignette.web.http.headers import init_headers
from vignette.web.http.problems import init_problems
from vignette.web.http.public_address import PublicAddress
from vignette.web.http.queries import MOST_IDS
from vignette.web.pages.i18n import init_i18n
from vignette.web.pages.picture import viewed
from vignette.web.pages.pictures import by_size, by_width, made, obtainable, vignette_url
from vignette.web.pages.sharing import snippets
from vignette.web.pages.wall import days
from vignette.web.rates import init_rates
from vignette.web.refusals import init_refusals
from vignette.web.routes.about import about
from vignette.web.routes.archives import archives
from vignette.web.routes.audit import audit
from vignette.web.routes.docs import docs
from vignette.web.routes.drop_boxes import drop_boxes
from vignette.web.routes.files import files
from vignette.web.routes.frame import frame
from vignette.web.routes.health import health
from vignette.web.routes.images import images
from vignette.web.routes.key_forms import key_forms
from vignette.web.routes.keys import keys
from vignette.web.routes.links import links
from vignette.web.routes.neighbours import neighbours
from vignette.web.routes.quarantine import quarantine
from vignette.web.routes.session_ends import session_ends
from vignette.web.routes.sessions import sessions
from vignette.web.routes.shares import shares
from vignette.web.routes.tickets import tickets
from vignette.web.routes.uploads import uploads
from vignette.web.routes.vignettes import vignettes
from vignette.web.tray import init_tray

__all__ = ["WebContext", "create_app"]

_PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent.parent


_ROUTES: Final = (
    *(about, frame, health, docs),
    *(uploads, images, neighbours, archives, files, vignettes, links, shares),
    *(keys, key_forms, sessions, session_ends, tickets, drop_boxes, quarantine, audit),
)


class _ImageRefConverter(BaseConverter):
    """
    Takes the number of an image or its public name. A number has no sign or leading zero, so that there is one URL, and
    is no larger than a database holds.
    """

    regex = rf"0|[1-9][0-9]{{0,17}}|{PATTERN}"

    def to_python(self, value: str) -> ImageRef:
        return PublicName(value) if is_name(value) else ImageId(int(value))


@cache
def _assets() -> Assets:
    """Read and pack them once, whatever applications there are: they are those of the release."""
    return read_assets(_PROJECT_FOLDER / "static" / "assets")


def create_app(
    context: WebContext,
    *,
    public_url: str,
    languages: Sequence[str],
    others_may_embed: bool = False,
) -> Flask:
    """
    Return the WSGI application.

    Every URL in its answers lies below *public_url*; if that is empty, on the host that the request named. A page is in
    one of *languages*: in the first one, if its reader reads none of them. Pages of other origins may show pictures of
    this service if *others_may_embed* them.
    """
    app = Flask(
        "vignette",
        root_path=str(_PROJECT_FOLDER),
        static_folder=None,
        template_folder="templates",
    )
    app.extensions[EXTENSION] = context
    is_open = context.policy.access is Access.OPEN
    app.url_map.converters["image_id"] = _ImageRefConverter
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_env.globals.update(recipes=context.recipes, fit=fit, vignette_url=vignette_url)
    app.jinja_env.globals.update(by_size=by_size, by_width=by_width, made=made, obtainable=obtainable)
    app.jinja_env.globals.update(snippets=snippets, viewed=viewed)
    app.jinja_env.globals.update(days=partial(days, recipes=context.recipes, by_number=is_open))
    app.jinja_env.globals.update(absolute_url=absolute_url, most_ids=MOST_IDS)
    app.jinja_env.globals.update(
        ref=lambda image: image["id"] if is_open and image["id"] is not None else image["public_name"]
    )
    compress_answers(app)  # as the last one that sees an answer: Flask asks them in reverse
    init_assets(app, _assets())
    init_i18n(app, languages)
    init_problems(app)
    refuse_without_a_turn(app)
    refuse_with_an_empty_bucket(app)
    refuse_foreign_hosts(app)
    init_rates(app, context.rating)
    init_cors(app, context.foreign_readers)
    refuse_cross_site(app, knows_its_scheme=bool(public_url), admits=ticket_admits)
    init_admission(
        app,
        context.policy,
        context.keyholding.authenticate,
        context.signing_in.authenticate,
        context.linking.grant,
        knows_its_scheme=bool(public_url),
    )
    init_refusals(app)
    init_headers(app, others_may_embed=others_may_embed)
    init_tray(app)
    for routes in _ROUTES:
        app.register_blueprint(routes)
    if public_url:
        app.wsgi_app = PublicAddress(app.wsgi_app, public_url)  # type: ignore[method-assign]
    return app
