"""`/images/<id>`: one image and its metadata, as a page and as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from flask import Response, make_response, render_template, request

from vignette.access.actors import Scope
from vignette.access.links import Representation
from vignette.errors import (
    CatalogueUnavailable,
    EditedMeanwhile,
    ImageDeleted,
    ImageNotFound,
    MalformedRequest,
    VignetteError,
)
from vignette.model import Image, ImageRef, RenderingWarning
from vignette.use_cases.editing import edition_of
from vignette.web.admission import allowed
from vignette.web.api.headers import BY_TAG, IN_A_LIST
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import as_rendered, image_resource
from vignette.web.api.resources.metadata import ImageWithMetadata, image_with_metadata
from vignette.web.api.urls import absolute_url
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, checked_each_time, unstored, wants_a_page
from vignette.web.http.conditions import settle
from vignette.web.http.delete_tokens import token_of_this_browser
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.queries import said_ids, said_list
from vignette.web.linked import current_link
from vignette.web.pages.linked_page import told
from vignette.web.pages.picture import has_preview, in_words
from vignette.web.routes.images.blueprint import images

_TAG_CHARS: Final = 16


@images.get("/<image_id:image_id>")
@operation(
    "One image and its metadata",
    Answer(200, "The image", JSON, ImageWithMetadata, headers=("Cache-Control", "ETag", "Vary")),
    Answer(200, "", HTML),
    Answer(304, "It has not changed", headers=("Cache-Control", "ETag", "Vary")),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("ETag",)),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, ImageDeleted, EditedMeanwhile, CatalogueUnavailable),
    parameters=(*BY_TAG, IN_A_LIST),
    link=Representation.PAGE,
    curl="{server}/images/0",
)
def show(image_id: ImageRef) -> Response:
    """
    The `ETag` of the JSON begins with the edition of the image: what was said of it, and nothing that the worker adds.
    It is what `PATCH` wants in `If-Match`.
    """
    browsing, named = web_context().browsing, said_ids(request.args)
    image = browsing.existing(current_actor(), image_id)
    if (link := current_link()) is not None:
        metadata = browsing.metadata(image)
        resource = image_resource(image).model_dump()
        page = render_template("linked.html", link=link, **told(link, resource, metadata, in_words(metadata)))
        response = make_response(page)
        # What is still to come is asked for in the same place, and at once.
        return unstored(response) if resource["renditions_pending"] else response
    if not wants_a_page():
        response = tagged_json(image)
        response.vary.add("Accept")
        return settle(response, request) or response
    token = token_of_this_browser(request)
    page = _page(image, browsing.metadata(image), browsing.warnings(image), named, _link_to_take_back(image, token))
    response = checked_each_time(make_response(page))
    response.vary.add("Accept")
    return response if token is None else unstored(response)


def tagged_json(image: Image) -> Response:
    """Return the image and its metadata as JSON, with its tag: the edition of the image, and a digest of all of it."""
    browsing = web_context().browsing
    response = as_json(image_with_metadata(image, browsing.metadata(image), browsing.warnings(image)))
    digest = hashlib.sha256(response.get_data()).hexdigest()[:_TAG_CHARS]
    response.set_etag(f"{edition_of(image)}-{digest}")
    return checked_each_time(response)


def _link_to_take_back(image: Image, token: str | None) -> str | None:
    """Return the link to keep for a browser that has sent *image* without a key, and so has its *token*."""
    if token is None:
        return None
    try:
        web_context().taking_back.find(image.public_name or image.id, token)
    except VignetteError:
        return None
    return absolute_url("images.take_back", image_id=image.public_name, token=token)


def _page(
    image: Image,
    metadata: dict[str, Any],
    warnings: Sequence[RenderingWarning],
    named: list[ImageRef] | None,
    take_back_url: str | None,
) -> str:
    """Return the page of *image*, with links to its neighbours among those *named*, or among all."""
    beside = web_context().browsing.neighbours(current_actor(), image, 1, named)
    newer, older = (next(map(image_resource, images), None) for images in (beside.newer, beside.older))
    return render_template(
        "image.html",
        image=as_rendered(image),
        take_back_url=take_back_url,
        allowed=allowed(image),
        warnings=warnings,
        newer=newer and newer.model_dump(),
        older=older and older.model_dump(),
        ids=said_list(request.args),
        has_preview=has_preview(image, metadata),
        **in_words(metadata),
    )
