"""`/images`: the catalogue, and one image: its metadata, its deletion, another attempt at its vignettes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request
from pydantic import BaseModel, ConfigDict

from vignette.access.actors import Scope
from vignette.access.cursors import PATTERN as PLACE
from vignette.access.cursors import cursor_of, place_of
from vignette.access.names import PATTERN, is_name
from vignette.access.policy import Access
from vignette.errors import (
    CatalogueUnavailable,
    ConditionRequired,
    CrossSiteRequest,
    EditedMeanwhile,
    FileNotStored,
    ImageDeleted,
    ImageNotFailed,
    ImageNotFound,
    InvalidDeleteToken,
    MalformedRequest,
    Overloaded,
    StoreFull,
    StoreUnavailable,
    VignetteError,
)
from vignette.model import Image, ImageId, ImageRef, PublicName, Visibility
from vignette.pixels.metadata import as_groups, as_privacy
from vignette.use_cases.editing import edition_of
from vignette.web.admission import allowed
from vignette.web.api.headers import BY_TAG, DELETE_TOKEN, Parameter, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources import (
    AlikePage,
    CataloguePage,
    ImageResource,
    ImageWithMetadata,
    absolute_url,
    alike_resource,
    image_resource,
    image_with_metadata,
    ref_of,
)
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, unstored
from vignette.web.http.conditions import settle
from vignette.web.http.delete_tokens import delete_token, token_of_this_browser
from vignette.web.http.negotiation import HTML, JSON, accepted_types, preferred
from vignette.web.http.queries import said_visibility, whole_number
from vignette.web.small_bodies import MERGE_PATCH, UNREADABLE, read_json

images = Blueprint("images", __name__, url_prefix="/images")

PAGE_SIZE: Final = 50
_MAX_PAGE_SIZE: Final = 500
_MOST_ID: Final = 2**63 - 1
_TAG_CHARS: Final = 16

# What the page shows of a summary: words, and numbers.
_TEXTS: Final = ("alt_text", "description", "taken_at", "camera_make", "camera_model", "author")
_NUMBERS: Final = ("iso", "focal_length_mm", "exposure_time_s", "f_number", "latitude", "longitude")
_MOST_NUMBER: Final = 10**12

logger = logging.getLogger(__name__)


@images.get("")
@operation(
    "The catalogue, newest first",
    Answer(200, "A page of it", JSON, (CataloguePage, AlikePage), headers=("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=(
        Parameter("limit", "Images on a page", {"type": "integer", "minimum": 1, "maximum": _MAX_PAGE_SIZE}),
        Parameter(
            "before",
            "Only images older than this one: its number, its public name, or its place as `next` names it",
            {
                "anyOf": [
                    {"type": "integer", "minimum": 0},
                    {"type": "string", "pattern": f"^{PATTERN}$"},
                    {"type": "string", "pattern": f"^{PLACE}$"},
                ]
            },
        ),
        Parameter(
            "like",
            "In place of the catalogue, only images that look like this one, the nearest first: its number, or its"
            " public name. It has to be rendered",
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{PATTERN}$"}]},
        ),
    ),
    curl="{server}/images?limit=10",
)
def catalogue() -> Response:
    like = _named_in("like")
    limit = whole_number(request.args, "limit", 1, _MAX_PAGE_SIZE) or PAGE_SIZE
    if like is not None:
        return _alike(like, limit)
    page = web_context().browsing.newest(current_actor(), limit, _before(), place=_place())
    last = _place_of(page.images[-1]) if page.has_more else None
    following = None if last is None else absolute_url("images.catalogue", limit=limit, before=last)
    resources = [image_resource(image) for image in page.images]
    response = _page_or_json(
        lambda: render_template("images.html", images=[r.model_dump() for r in resources], next_url=following),
        lambda: CataloguePage(images=resources, next=following),
    )
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


@images.get("/<image_id:image_id>")
@operation(
    "One image and its metadata",
    Answer(200, "The image", JSON, ImageWithMetadata, headers=("Cache-Control", "ETag", "Vary")),
    Answer(200, "", HTML),
    Answer(304, "It has not changed", headers=("Cache-Control", "ETag", "Vary")),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("Cache-Control", "ETag", "Vary")),
    scope=Scope.READ,
    problems=(ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=BY_TAG,
    curl="{server}/images/0",
)
def show(image_id: ImageRef) -> Response:
    """
    The `ETag` of the JSON begins with the edition of the image: what was said of it, and nothing that the worker adds.
    It is what `PATCH` wants in `If-Match`.
    """
    browsing = web_context().browsing
    image = browsing.existing(current_actor(), image_id)
    if not _wants_a_page():
        response = _json_of(image)
        response.vary.add("Accept")
        if settle(response, request):
            response.data = b""
        return response
    token = token_of_this_browser(request)
    page = render_template(
        "image.html",
        image=image_resource(image).model_dump(),
        take_back_url=_link_to_take_back(image, token),
        allowed=allowed(image),
        warnings=browsing.warnings(image),
        **_in_words(browsing.metadata(image)),
    )
    response = _checked_each_time(make_response(page))
    response.vary.add("Accept")
    return response if token is None else unstored(response)


def _json_of(image: Image) -> Response:
    """Return the image and its metadata as JSON, with its tag: the edition of the image, and a digest of all of it."""
    browsing = web_context().browsing
    response = as_json(image_with_metadata(image, browsing.metadata(image), browsing.warnings(image)))
    digest = hashlib.sha256(response.get_data()).hexdigest()[:_TAG_CHARS]
    response.set_etag(f"{edition_of(image)}-{digest}")
    return _checked_each_time(response)


def _link_to_take_back(image: Image, token: str | None) -> str | None:
    """Return the link to keep for a browser that has sent *image* without a key, and so has its *token*."""
    if token is None:
        return None
    try:
        web_context().taking_back.find(image.public_name or image.id, token)
    except VignetteError:
        return None
    return absolute_url("images.take_back", image_id=image.public_name, token=token)


def _in_words(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what the page tells of *metadata*. A backup of a stranger may hold anything: then it tells that."""
    try:
        words = {"groups": as_groups(metadata), "revealed": as_privacy(metadata)}
        return {**words, "summary": _usable(metadata.get("summary", {}))}
    except Exception:
        logger.exception("the metadata cannot be told in words")
        damaged = {"warnings": ["metadata.json is damaged"]}
        return {"groups": as_groups(damaged), "revealed": [], "summary": {}}


def _usable(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of *summary* is of the kind that the page shows."""
    texts = {name: summary[name] for name in _TEXTS if isinstance(summary.get(name), str)}
    return texts | {
        name: number
        for name in _NUMBERS
        if isinstance(number := summary.get(name), int | float) and abs(number) < _MOST_NUMBER
    }


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


class ImagePatch(BaseModel):
    """What is to be changed (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    visibility: Visibility


@images.patch("/<image_id:image_id>")
@operation(
    "Say who sees an image",
    Answer(200, "The image as it stands now", JSON, ImageResource, headers=("Cache-Control", "ETag")),
    scope=Scope.EDIT,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, ImageNotFound, ImageDeleted, ConditionRequired, EditedMeanwhile),
        *(CatalogueUnavailable, StoreUnavailable, StoreFull, FileNotStored),
    ),
    bodies={media_type: {"schema": ImagePatch.model_json_schema()} for media_type in (MERGE_PATCH, JSON)},
    parameters=(
        header(
            "If-Match",
            "The `ETag` of the image that is to be changed: if somebody has changed it meanwhile, 412, and nothing"
            " happens. `*`: change it whatever it is. Without it, 428",
            {"type": "string", "examples": ["*"]},
        ),
    ),
    curl='-X PATCH -H "If-Match: *" --json \'{{"visibility": "private"}}\' {server}/images/0',
)
def change(image_id: ImageRef) -> Response:
    """
    `private`: its owner and `admin` alone see it, from now on; for all others it is as if there were no such image.
    """
    editions = _editions_named()
    patch = read_json(ImagePatch, (MERGE_PATCH, JSON))
    image = web_context().editing.set_visibility(current_actor(), image_id, patch.visibility, editions)
    response = _checked_each_time(as_json(image_resource(image)))
    response.headers["ETag"] = _json_of(image).headers["ETag"]
    return response


def _editions_named() -> frozenset[str] | None:
    """
    Return the editions that `If-Match` names, None for whatever edition there is. All of the tag but the edition is
    passed over: a vignette that was made meanwhile is no reason to refuse.

    Raises:
        ConditionRequired: There is no `If-Match` (RFC 6585, section 3).
    """
    if "If-Match" not in request.headers:
        raise ConditionRequired("a change of an image needs If-Match: the ETag of the image, or *")
    if request.if_match.star_tag:
        return None
    return frozenset(tag.partition("-")[0] for tag in request.if_match.as_set())


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
    Answer(200, "Deleted by a delete token", HTML),
    scope=Scope.DELETE,
    problems=(CrossSiteRequest, InvalidDeleteToken, ImageNotFound, ImageDeleted, CatalogueUnavailable, StoreFull),
    parameters=DELETE_TOKEN,
    takes_delete_tokens=True,
)
def delete_form(image_id: ImageRef) -> Response:
    end_turn()
    _delete(image_id)
    if delete_token(request) is not None:  # the front page may not be for who asks
        return unstored(make_response(render_template("take_back.html", name=None, action=None)))
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
    if _wants_a_page():
        response = make_response(redirect(location, 303))
    else:
        response = as_json(image_resource(image), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response


def _page_or_json(page: Callable[[], str], resource: Callable[[], BaseModel]) -> Response:
    """Return the *page* for a browser, the *resource* for everybody else."""
    response = _checked_each_time(make_response(page()) if _wants_a_page() else as_json(resource()))
    response.vary.add("Accept")
    return response


def _checked_each_time(response: Response) -> Response:
    """Return *response*, of which caches have to ask each time whether it still holds."""
    response.headers["Cache-Control"] = "no-cache"
    return response


def _wants_a_page() -> bool:
    return preferred(accepted_types(request.headers), [JSON, HTML]) == HTML


def _alike(ref: ImageRef, limit: int) -> Response:
    found = web_context().browsing.like(current_actor(), ref, limit)
    return _page_or_json(
        lambda: render_template(
            "images.html", images=[image_resource(image).model_dump() for image, _ in found], next_url=None
        ),
        lambda: AlikePage(images=[alike_resource(image, distance) for image, distance in found]),
    )


def _place_of(image: Image) -> ImageRef | str:
    """Return what stands for *image* in the address of the next page, and goes on doing so when it is gone."""
    context = web_context()
    if context.policy.access is Access.OPEN:
        return image.id
    secret = context.cursor_secret()
    return ref_of(image) if secret is None else cursor_of(secret, image.id)


def _place() -> ImageId | None:
    """Return the place that the query parameter `before` names, if it names one."""
    cursor = request.args.get("before", "")
    if not cursor.startswith("~"):
        return None
    secret = web_context().cursor_secret()
    place = None if secret is None else place_of(secret, cursor)
    if place is None:
        raise MalformedRequest(f"before is {cursor[:30]!r}, which no page here has told")
    return place


def _before() -> ImageRef | None:
    """Return what the query parameter `before` names: an image by its public name, or any number."""
    if request.args.get("before", "").startswith("~"):
        return None
    return _named_in("before")


def _named_in(parameter: str) -> ImageRef | None:
    """Return the public name or the number that this query parameter is; None if there is none."""
    name = request.args.get(parameter, "")
    if is_name(name):
        return PublicName(name)
    number = whole_number(request.args, parameter, 0, _MOST_ID)
    return None if number is None else ImageId(number)
