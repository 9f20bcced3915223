"""An image is deleted: by the right of who asks, or by a delete token."""

from __future__ import annotations

from flask import Response, make_response, render_template, request

from vignette.access.actors import Scope
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    ImageDeleted,
    ImageNotFound,
    InvalidDeleteToken,
    MalformedRequest,
    StoreFull,
)
from vignette.model import ImageRef
from vignette.web.api.headers import DELETE_TOKEN, IN_A_LIST
from vignette.web.api.operations import Answer, operation
from vignette.web.api.urls import absolute_url
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import no_content, see_other, unstored
from vignette.web.http.delete_tokens import delete_token
from vignette.web.http.negotiation import HTML
from vignette.web.http.queries import said_list
from vignette.web.routes.images.blueprint import images


@images.delete("/<image_id:image_id>")
@operation(
    "Delete an image; its number stays taken",
    Answer(204, "Deleted"),
    scope=Scope.DELETE,
    problems=(CrossSiteRequest, InvalidDeleteToken, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
    parameters=DELETE_TOKEN,
    curl="-X DELETE {server}/images/0",
    takes_delete_tokens=True,
)
def delete(image_id: ImageRef) -> Response:
    end_turn()
    _delete(image_id)
    return no_content()


@images.post("/<image_id:image_id>/delete")
@operation(
    "Delete an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "Deleted; the list that its reader went through, or the front page", HTML, headers=("Location",)),
    Answer(200, "Deleted by a delete token", HTML),
    scope=Scope.DELETE,
    problems=(
        *(CrossSiteRequest, MalformedRequest, InvalidDeleteToken, ImageNotFound, ImageDeleted),
        *(CatalogueUnavailable, StoreFull),
    ),
    parameters=(*DELETE_TOKEN, IN_A_LIST),
    takes_delete_tokens=True,
)
def delete_form(image_id: ImageRef) -> Response:
    ids = said_list(request.args)
    end_turn()
    _delete(image_id)
    if delete_token(request) is not None:  # the front page may not be for who asks
        return unstored(make_response(render_template("take_back.html", name=None, action=None)))
    return see_other(absolute_url("images.catalogue", ids=ids) if ids else absolute_url("about.home"))


def _delete(image_id: ImageRef) -> None:
    """Delete the image by the right of who asks, or, if a delete token is shown, by that alone."""
    token = delete_token(request)
    if token is None:
        web_context().removal.delete(current_actor(), image_id)
    else:
        web_context().taking_back.take_back(current_actor(), image_id, token)


@images.get("/<image_id:image_id>/take-back")
@operation(
    "The page by which whoever has sent an image without a key may take it back",
    Answer(200, "What will be gone, and a form", HTML),
    scope=None,
    problems=(InvalidDeleteToken, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=DELETE_TOKEN,
)
def take_back(image_id: ImageRef) -> Response:
    token = delete_token(request) or ""
    image = web_context().taking_back.find(image_id, token)
    action = absolute_url("images.delete_form", image_id=image_id, token=token)
    return unstored(make_response(render_template("take_back.html", name=image.record.name, action=action)))
