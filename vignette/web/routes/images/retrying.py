"""`/images/<id>/retry`: another attempt at the vignettes of an image."""

from __future__ import annotations

from flask import Response, request

from vignette.access.actors import Scope
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    ImageDeleted,
    ImageNotFailed,
    ImageNotFound,
    MalformedRequest,
    Overloaded,
)
from vignette.model import ImageRef
from vignette.use_cases.weighing import rendering_s
from vignette.web.api.headers import IN_A_LIST
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import ImageResource, image_resource
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, see_other, wants_a_page
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import said_list
from vignette.web.rates import note_cost
from vignette.web.routes.images.blueprint import images


@images.post("/<image_id:image_id>/retry")
@operation(
    "Try again to make what could not be made of an image",
    Answer(202, "It will be tried; the image as it stands now", JSON, ImageResource, headers=("Location", "Vary")),
    Answer(303, "The page of the image, for the form of a browser", HTML, headers=("Location",)),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, MalformedRequest, ImageNotFound, ImageDeleted, ImageNotFailed),
        *(CatalogueUnavailable, Overloaded),
    ),
    parameters=(IN_A_LIST,),
    curl="-X POST {server}/images/0/retry",
)
def retry(image_id: ImageRef) -> Response:
    ids = said_list(request.args)
    end_turn()
    image = web_context().renewal.retry_if_there_is_room(current_actor(), image_id)
    note_cost(rendering_s(image.record.facts))
    location = absolute_url("images.show", image_id=ref_of(image), ids=ids)
    if wants_a_page():
        response = see_other(location)
    else:
        response = as_json(image_resource(image), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response
