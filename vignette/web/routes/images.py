"""`/images`: the catalogue, and one image: its metadata, its deletion, another attempt at its vignettes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request
from pydantic import BaseModel, ConfigDict

from vignette.access.actors import Scope
from vignette.access.names import PATTERN, is_name
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FileNotStored,
    ImageDeleted,
    ImageNotFailed,
    ImageNotFound,
    MalformedRequest,
    Overloaded,
    StoreFull,
    StoreUnavailable,
)
from vignette.model import Image, ImageId, ImageRef, PublicName, RenderingWarning, Visibility
from vignette.use_cases.browsing import MOST_COUNTED
from vignette.web.admission import allowed
from vignette.web.api.headers import Parameter
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    CataloguePage,
    ImageResource,
    ImageWithMetadata,
    absolute_url,
    current_limits,
    image_resource,
    image_with_metadata,
    ref_of,
)
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, page_or_json, wants_a_page
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import told_problem
from vignette.web.http.queries import MOST_IDS, said_ids, said_visibility, whole_number
from vignette.web.http.sent_cookie import told_sent
from vignette.web.pages.picture import has_preview, in_words
from vignette.web.small_bodies import MERGE_PATCH, UNREADABLE, read_json

images = Blueprint("images", __name__, url_prefix="/images")

PAGE_SIZE: Final = 50
WALL_SIZE: Final = 60
_MAX_PAGE_SIZE: Final = 500
_MOST_ID: Final = 2**63 - 1


@images.get("")
@operation(
    "The catalogue, newest first",
    Answer(200, "A page of it", JSON, CataloguePage, headers=("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, CatalogueUnavailable),
    parameters=(
        Parameter("limit", "Images on a page", {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE_SIZE}),
        Parameter(
            "before",
            "Only images older than this one: its number, or its public name",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{PATTERN}$"}]},
        ),
        Parameter(
            "ids",
            f"Only these images, at most {MOST_IDS}: their numbers or public names, with commas between them",
            {"type": "string", "examples": ["3,1,2"]},
        ),
    ),
    curl="{server}/images?limit=10",
)
def catalogue() -> Response:
    """
    With `ids`, those of the images that there are and that the client may see, in that order. Of many images this is
    the cheap way to learn their states; it need not be asked more often than once a second.
    """
    named = said_ids(request.args)
    if named is not None:
        return _some(named)
    is_wall = wants_a_page()
    limit = whole_number(request.args, "limit", 1, _MAX_PAGE_SIZE) or (WALL_SIZE if is_wall else PAGE_SIZE)
    page = newest(limit, _before(), counted=is_wall)
    response = page_or_json(lambda: wall_page(page), lambda: CataloguePage(images=page.images, next=page.next_url))
    if page.next_url:
        response.headers["Link"] = f'<{page.next_url}>; rel="next"'
    return response


@dataclass(frozen=True, slots=True)
class _Page:
    """Images, newest first: those `before` one, or the newest of all. `next_url` is that of the page after this one."""

    images: list[ImageResource]
    before: ImageRef | None
    next_url: str | None
    count: int | None = None


def newest(limit: int, before: ImageRef | None = None, *, counted: bool = False) -> _Page:
    """Return a page of at most *limit* images; if it is the first one, and *counted*, with the number of them all."""
    browsing = web_context().browsing
    found = browsing.newest(current_actor(), limit, before)
    last = ref_of(found.images[-1]) if found.has_more else None
    following = None if last is None else absolute_url("images.catalogue", limit=limit, before=last)
    is_counted = counted and before is None and found.images
    count = browsing.count(current_actor()) if is_counted else None
    return _Page([image_resource(image) for image in found.images], before, following, count)


def wall_page(page: _Page) -> str:
    """Return the HTML of *page*."""
    is_older = page.before is not None
    canonical = absolute_url("images.catalogue", before=page.before) if is_older else absolute_url("about.home")
    return render_template(
        "images.html",
        images=[image.model_dump() for image in page.images],
        is_older=is_older,
        is_waiting=any(image.state in ("pending", "processing") for image in page.images),
        next_url=page.next_url,
        canonical_url=canonical,
        count=page.count,
        most_counted=MOST_COUNTED,
        limits=current_limits().model_dump(),
    )


def _some(named: list[ImageRef]) -> Response:
    found = [image_resource(image) for image in web_context().browsing.several(current_actor(), named)]
    upload = told_sent(request, request.args.get("sent", ""))
    refusals = [
        {"name": each.name, "problem": problem}
        for each in (upload.refusals if upload else ())
        if (problem := told_problem(each.code, each.measured, each.limit))
    ]
    return page_or_json(
        lambda: render_template(
            "several.html", images=[each.model_dump() for each in found], upload=upload, refusals=refusals
        ),
        lambda: CataloguePage(images=found, next=None),
    )


@images.get("/<image_id:image_id>")
@operation(
    "One image and its metadata",
    Answer(200, "The image", JSON, ImageWithMetadata, headers=("Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=(
        Parameter(
            "ids",
            f"For the page: the list that its reader goes through, at most {MOST_IDS}; as in `GET /images`",
            {"type": "string", "examples": ["3,1,2"]},
        ),
    ),
    curl="{server}/images/0",
)
def show(image_id: ImageRef) -> Response:
    browsing, named = web_context().browsing, said_ids(request.args)
    image = browsing.existing(current_actor(), image_id)
    metadata, warnings = browsing.metadata(image), browsing.warnings(image)
    return page_or_json(
        lambda: _page(image, metadata, warnings, named), lambda: image_with_metadata(image, metadata, warnings)
    )


def _page(
    image: Image, metadata: dict[str, Any], warnings: Sequence[RenderingWarning], named: list[ImageRef] | None
) -> str:
    """Return the page of *image*, with links to its neighbours among those *named*, or among all."""
    beside = web_context().browsing.neighbours(current_actor(), image, 1, named)
    newer, older = (next(map(image_resource, images), None) for images in (beside.newer, beside.older))
    return render_template(
        "image.html",
        image=image_resource(image).model_dump(),
        allowed=allowed(image),
        warnings=warnings,
        newer=newer and newer.model_dump(),
        older=older and older.model_dump(),
        ids=None if named is None else ",".join(request.args.getlist("ids")),
        has_preview=has_preview(image, metadata),
        **in_words(metadata),
    )


@images.delete("/<image_id:image_id>")
@operation(
    "Delete an image; its number stays taken",
    Answer(204, "Deleted"),
    scope=Scope.DELETE,
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
    curl="-X DELETE {server}/images/0",
)
def delete(image_id: ImageRef) -> Response:
    end_turn()
    web_context().removal.delete(current_actor(), image_id)
    return no_content()


class ImagePatch(BaseModel):
    """What is to be changed (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    visibility: Visibility


@images.patch("/<image_id:image_id>")
@operation(
    "Say who sees an image",
    Answer(200, "The image as it stands now", JSON, ImageResource, headers=("Cache-Control",)),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, ImageNotFound, ImageDeleted),
        *(CatalogueUnavailable, StoreUnavailable, StoreFull, FileNotStored),
    ),
    bodies={media_type: {"schema": ImagePatch.model_json_schema()} for media_type in (MERGE_PATCH, JSON)},
    curl='-X PATCH --json \'{{"visibility": "private"}}\' {server}/images/0',
)
def change(image_id: ImageRef) -> Response:
    """
    `private`: its owner and `admin` alone see it, from now on; for all others it is as if there were no such image.
    """
    patch = read_json(ImagePatch, (MERGE_PATCH, JSON))
    image = web_context().editing.set_visibility(current_actor(), image_id, patch.visibility)
    response = as_json(image_resource(image))
    response.headers["Cache-Control"] = "no-cache"
    return response


@images.post("/<image_id:image_id>/visibility")
@operation(
    "Say who sees an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "The page of the image", HTML, headers=("Location",)),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, MalformedRequest, ImageNotFound, ImageDeleted),
        *(CatalogueUnavailable, StoreUnavailable, StoreFull, FileNotStored),
    ),
    parameters=(Parameter("visibility", "Who is to see it", {"type": "string", "enum": list(Visibility)}),),
)
def change_form(image_id: ImageRef) -> Response:
    visibility = said_visibility(request.args)
    if visibility is None:
        raise MalformedRequest(f"visibility is missing, and has to be {' or '.join(Visibility)}")
    end_turn()
    image = web_context().editing.set_visibility(current_actor(), image_id, visibility)
    return make_response(redirect(absolute_url("images.show", image_id=ref_of(image)), 303))


@images.post("/<image_id:image_id>/delete")
@operation(
    "Delete an image, for a page without JavaScript: forms know only GET and POST",
    Answer(303, "Deleted; the front page", HTML, headers=("Location",)),
    scope=Scope.DELETE,
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
)
def delete_form(image_id: ImageRef) -> Response:
    end_turn()
    web_context().removal.delete(current_actor(), image_id)
    return make_response(redirect(absolute_url("about.home"), 303))


@images.post("/<image_id:image_id>/retry")
@operation(
    "Try again to make what could not be made of an image",
    Answer(202, "It will be tried; the image as it stands now", JSON, ImageResource, headers=("Location", "Vary")),
    Answer(303, "The page of the image, for the form of a browser", HTML, headers=("Location",)),
    scope=Scope.EDIT,
    problems=(CrossSiteRequest, ImageNotFound, ImageDeleted, ImageNotFailed, CatalogueUnavailable, Overloaded),
    curl="-X POST {server}/images/0/retry",
)
def retry(image_id: ImageRef) -> Response:
    end_turn()
    image = web_context().renewal.retry_if_there_is_room(current_actor(), image_id)
    location = absolute_url("images.show", image_id=ref_of(image))
    if wants_a_page():
        response = make_response(redirect(location, 303))
    else:
        response = as_json(image_resource(image), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response


def _before() -> ImageRef | None:
    """Return what the query parameter `before` names: an image by its public name, or any number."""
    name = request.args.get("before", "")
    if is_name(name):
        return PublicName(name)
    number = whole_number(request.args, "before", 0, _MOST_ID)
    return None if number is None else ImageId(number)
