"""The front page, and the limits in force."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, render_template

from vignette.access.actors import Scope
from vignette.errors import CatalogueUnavailable
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.limits import LimitsResource, QuotaStandingResource, RateResource, current_limits
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import page_or_json, unstored
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.rates import standings
from vignette.web.routes.images.catalogue import WALL_SIZE, newest, wall_page

about = Blueprint("about", __name__)


@about.get("/")
@operation(
    "The front page",
    Answer(200, "The newest images; if there are none, what this is, and a form to upload", HTML),
    scope=Scope.READ,
    problems=[CatalogueUnavailable],
)
def home() -> str:
    return wall_page(newest(WALL_SIZE, counted=True))


@about.get("/add")
@operation(
    "The form that uploads images, for a page without JavaScript", Answer(200, "The form", HTML), scope=Scope.UPLOAD
)
def add() -> str:
    return render_template("add.html", limits=current_limits().model_dump())


@about.get("/limits")
@operation(
    "The limits in force, and what who asks has left",
    Answer(200, "The limits", JSON, LimitsResource, headers=("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=None,
    problems=[CatalogueUnavailable],
)
def limits() -> Response:
    found = current_limits().model_copy(update=_left())
    return unstored(page_or_json(lambda: render_template("limits.html", limits=found.model_dump()), lambda: found))


def _left() -> dict[str, Any]:
    """Return what of the limits differs between those who ask."""
    context, actor = web_context(), current_actor()
    rates = [
        RateResource(
            policy=standing.rate.name,
            units=standing.rate.units,
            window_s=standing.rate.window_s,
            left=standing.left,
            reset_s=math.ceil(standing.reset_s),
        )
        for standing in standings()
    ]
    if (rate := context.rate_of_requests) is not None:
        rates.append(RateResource(policy=rate.name, units=rate.units, window_s=rate.window_s, left=None, reset_s=None))
    if actor.key_id is None:
        return {"rates": rates}
    quota, usage = context.allowances.standing(actor)
    return {
        "rates": rates,
        "quota": QuotaStandingResource(
            **asdict(quota), used_images=usage.images, used_bytes=usage.bytes, used_images_today=usage.images_today
        ),
        "max_uploads_at_once": context.capacity.uploads_of_key.count or None,
    }
