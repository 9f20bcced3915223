"""`/images`: the catalogue, and one image with its metadata."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from vignette import layout
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FileNotStored,
    ImageDeleted,
    ImageNotFailed,
    ImageNotFound,
    MalformedRequest,
    StoreFull,
)
from vignette.model import Image, ImageId
from vignette.pixels.metadata import as_groups, as_privacy
from vignette.ports.jobs import Lane
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    CataloguePage,
    ImageResource,
    ImageWithMetadata,
    absolute_url,
    image_resource,
    image_with_metadata,
)
from vignette.web.context import web_context
from vignette.web.http.answers import as_json
from vignette.web.http.negotiation import HTML, JSON, preferred
from vignette.web.routes.existing import existing

images = Blueprint("images", __name__, url_prefix="/images")

PAGE_SIZE: Final = 50
_MAX_PAGE_SIZE: Final = 500


@images.get("")
@operation(
    "The catalogue, newest first",
    Answer(200, "A page of it", JSON, CataloguePage, headers=("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    problems=(MalformedRequest, CatalogueUnavailable),
    parameters=(
        Parameter("limit", "Images on a page", {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE_SIZE}),
        Parameter("before", "Only numbers below this one", {"type": "integer", "minimum": 0}),
    ),
    curl="{server}/images?limit=10",
)
def catalogue() -> Response:
    limit = _whole_number("limit", PAGE_SIZE, 1, _MAX_PAGE_SIZE)
    before = request.args.get("before")
    # One more than asked for tells whether there is a next page.
    found = web_context().library.newest(
        limit + 1, None if before is None else ImageId(_whole_number("before", 0, 0, 2**63 - 1))
    )
    page = found[:limit]
    following = absolute_url("images.catalogue", limit=limit, before=page[-1].id) if len(found) > limit else None
    resources = [image_resource(image) for image in page]
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(
            render_template("images.html", images=[r.model_dump() for r in resources], next_url=following)
        )
    else:
        response = as_json(CataloguePage(images=resources, next=following))
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    return response


@images.get("/<image_id:image_id>")
@operation(
    "One image and its metadata",
    Answer(200, "The image", JSON, ImageWithMetadata, headers=("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    problems=(ImageNotFound, ImageDeleted, CatalogueUnavailable),
    curl="{server}/images/0",
)
def show(image_id: int) -> Response:
    context = web_context()
    image = existing(context.library, image_id)
    metadata = _metadata_of(image)
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(
            render_template(
                "image.html",
                image=image_resource(image).model_dump(),
                groups=as_groups(metadata),
                revealed=as_privacy(metadata),
                summary=metadata.get("summary", {}),
            )
        )
    else:
        response = as_json(image_with_metadata(image, metadata))
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept")
    return response


def _metadata_of(image: Image) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = json.loads(web_context().files.read(image.id, layout.METADATA_JSON))
    except (FileNotStored, ValueError):
        return {"warnings": [f"{layout.METADATA_JSON} is missing from the folder, or damaged"]}
    return metadata


@images.delete("/<image_id:image_id>")
@operation(
    "Delete an image; its number stays taken",
    Answer(204, "Deleted"),
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
    curl="-X DELETE {server}/images/0",
)
def delete(image_id: int) -> Response:
    web_context().removal.delete(ImageId(image_id))
    response = Response(status=204)
    del response.headers["Content-Type"]  # there is no content, which would otherwise be a page's
    return response


@images.post("/<image_id:image_id>/delete")
@operation(
    "Delete an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "Deleted; the front page", HTML, headers=("Location",)),
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
)
def delete_form(image_id: int) -> Response:
    web_context().removal.delete(ImageId(image_id))
    return make_response(redirect(absolute_url("about.home"), 303))


@images.post("/<image_id:image_id>/retry")
@operation(
    "Try again to make the vignettes of a failed image",
    Answer(202, "It will be tried; the image as it stands now", JSON, ImageResource, headers=("Location", "Vary")),
    Answer(303, "The page of the image, for the form of a browser", HTML, headers=("Location",)),
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, ImageNotFailed, CatalogueUnavailable),
    curl="-X POST {server}/images/0/retry",
)
def retry(image_id: int) -> Response:
    context = web_context()
    context.renewal.retry(ImageId(image_id), Lane.FAST)
    location = absolute_url("images.show", image_id=image_id)
    if preferred(request.accept_mimetypes, [JSON, HTML]) == HTML:
        response = make_response(redirect(location, 303))
    else:
        response = as_json(image_resource(existing(context.library, image_id)), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response


def _whole_number(name: str, default: int, low: int, high: int) -> int:
    """The query parameter *name*, checked."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise MalformedRequest(f"{name} is {text[:30]!r}, and has to be a whole number from {low} to {high}")
    return int(text)
