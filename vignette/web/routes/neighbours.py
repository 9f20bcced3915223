"""`/images/<id>/neighbours`: the images next to one, for viewers that go from picture to picture."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from vignette.access.actors import Scope
from vignette.errors import CatalogueUnavailable, ImageDeleted, ImageNotFound, MalformedRequest
from vignette.model import ImageRef
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import image_resource
from vignette.web.api.resources.lists import NeighboursResource
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, checked_each_time
from vignette.web.http.negotiation import JSON
from vignette.web.http.queries import MOST_IDS, said_ids, whole_number

neighbours = Blueprint("neighbours", __name__, url_prefix="/images")

_USUAL: Final = 1
_MOST: Final = 50


@neighbours.get("/<image_id:image_id>/neighbours")
@operation(
    "The images next to one",
    Answer(
        200,
        "Those that are newer, and those that are older",
        JSON,
        NeighboursResource,
        headers=("Cache-Control", "Vary"),
    ),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=(
        Parameter("limit", "Images on each side; without it, 1", {"type": "integer", "minimum": 1, "maximum": _MOST}),
        Parameter(
            "ids",
            f"Only among these images, in this order, at most {MOST_IDS}: as in `GET /images`",
            {"type": "string", "examples": ["3,1,2"]},
        ),
    ),
    curl="{server}/images/0/neighbours",
)
def show(image_id: ImageRef) -> Response:
    """The nearest comes first on both sides. What the client may not see is passed over."""
    browsing = web_context().browsing
    each = whole_number(request.args, "limit", 1, _MOST) or _USUAL
    image = browsing.existing(current_actor(), image_id)
    found = browsing.neighbours(current_actor(), image, each, said_ids(request.args))
    newer, older = (list(map(image_resource, images)) for images in (found.newer, found.older))
    return checked_each_time(as_json(NeighboursResource(newer=newer, older=older)))
