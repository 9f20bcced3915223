"""`/images`: the catalogue, and one image: its metadata, its deletion, another attempt at its vignettes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request
from pydantic import BaseModel, ConfigDict

from vignette.access.actors import Scope
from vignette.access.cursors import PATTERN as PLACE
from vignette.access.cursors import cursor_of, place_of
from vignette.access.links import Representation
from vignette.access.names import PATTERN
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
    KeyRequired,
    MalformedRequest,
    MissingScope,
    Overloaded,
    StoreFull,
    StoreUnavailable,
    VignetteError,
)
from vignette.model import Image, ImageId, ImageRef, RenderingWarning, Visibility
from vignette.use_cases.browsing import MOST_COUNTED
from vignette.use_cases.editing import edition_of
from vignette.use_cases.weighing import rendering_s
from vignette.web.admission import allowed
from vignette.web.api.headers import BY_TAG, DELETE_TOKEN, Parameter, header
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import QUARANTINED, ImageResource, as_rendered, image_resource
from vignette.web.api.resources.limits import current_limits
from vignette.web.api.resources.lists import AlikePage, CataloguePage, alike_resource
from vignette.web.api.resources.metadata import ImageWithMetadata, image_with_metadata
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, page_or_json, unstored, wants_a_page
from vignette.web.http.conditions import settle
from vignette.web.http.delete_tokens import delete_token, token_of_this_browser
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import told_problem
from vignette.web.http.queries import MOST_IDS, named_in, place_in_list, said_ids, said_visibility, whole_number
from vignette.web.http.sent_cookie import told_sent
from vignette.web.linked import current_link
from vignette.web.pages.linked_page import told
from vignette.web.pages.picture import has_preview, in_words
from vignette.web.rates import note_cost
from vignette.web.small_bodies import MERGE_PATCH, UNREADABLE, read_json

images = Blueprint("images", __name__, url_prefix="/images")

PAGE_SIZE: Final = 50
WALL_SIZE: Final = 60
_MAX_PAGE_SIZE: Final = 500
_TAG_CHARS: Final = 16


@images.get("")
@operation(
    "The catalogue, newest first",
    Answer(200, "A page of it", JSON, (CataloguePage, AlikePage), headers=("Link", "Cache-Control", "Vary")),
    Answer(200, "", HTML),
    scope=Scope.READ,
    problems=(MalformedRequest, KeyRequired, MissingScope, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=(
        Parameter(
            "state",
            "`quarantined`: those that wait for a decision, for keys with the scope `admin`. No other list has them",
            {"type": "string", "enum": [QUARANTINED]},
        ),
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
            "ids",
            f"Only these images, at most {MOST_IDS}: their numbers or public names, with commas between them",
            {"type": "string", "examples": ["3,1,2"]},
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
    """
    With `ids`, those of the images that there are and that the client may see, in that order. Of many images this is
    the cheap way to learn their states; it need not be asked more often than once a second.
    """
    named = said_ids(request.args)
    if named is not None:
        return _some(named)
    if (like := named_in(request.args, "like")) is not None:
        return _alike(like)
    if _wants_quarantine():
        return _quarantine()
    is_wall = wants_a_page()
    limit = whole_number(request.args, "limit", 1, _MAX_PAGE_SIZE) or (WALL_SIZE if is_wall else PAGE_SIZE)
    page = newest(limit, request.args.get("before"), counted=is_wall)
    response = page_or_json(lambda: wall_page(page), lambda: CataloguePage(images=page.images, next=page.next_url))
    if page.next_url:
        response.headers["Link"] = f'<{page.next_url}>; rel="next"'
    return response


def _quarantine() -> Response:
    limit = whole_number(request.args, "limit", 1, _MAX_PAGE_SIZE) or PAGE_SIZE
    page = web_context().reviewing.waiting(current_actor(), limit, place_in_list(request.args))
    last = ref_of(page.images[-1]) if page.has_more else None
    more = None if last is None else absolute_url("images.catalogue", limit=limit, before=last, state=QUARANTINED)
    response = page_or_json(
        lambda: render_template("quarantine.html", images=[as_rendered(image) for image in page.images], next_url=more),
        lambda: CataloguePage(images=[image_resource(image) for image in page.images], next=more),
    )
    if more:
        response.headers["Link"] = f'<{more}>; rel="next"'
    return response


@dataclass(frozen=True, slots=True)
class _Page:
    """Images, newest first: those `before` one, or the newest of all. `next_url` is that of the page after this one."""

    images: list[ImageResource]
    before: str | None
    next_url: str | None
    count: int | None = None


def newest(limit: int, before: str | None = None, *, counted: bool = False) -> _Page:
    """
    Return a page of at most *limit* images; if it is the first one, and *counted*, with the number of them all.
    *before* is what the page before has told, or the number or the public name of an image.
    """
    browsing = web_context().browsing
    place = None if before is None else _place(before)
    ref = None if before is None or place is not None else place_in_list({"before": before})
    found = browsing.newest(current_actor(), limit, ref, place=place)
    last = _place_of(found.images[-1]) if found.has_more else None
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
        if (problem := told_problem(each.code, each.measured, each.limit, each.reason))
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
    Answer(200, "The image", JSON, ImageWithMetadata, headers=("Cache-Control", "ETag", "Vary")),
    Answer(200, "", HTML),
    Answer(304, "It has not changed", headers=("Cache-Control", "ETag", "Vary")),
    Answer(412, "It is not the one that `If-Match` asks for", headers=("Cache-Control", "ETag", "Vary")),
    scope=Scope.READ,
    problems=(MalformedRequest, ImageNotFound, ImageDeleted, CatalogueUnavailable),
    parameters=(
        *BY_TAG,
        Parameter(
            "ids",
            f"For the page: the list that its reader goes through, at most {MOST_IDS}; as in `GET /images`",
            {"type": "string", "examples": ["3,1,2"]},
        ),
    ),
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
        return make_response(page)
    if not wants_a_page():
        response = _json_of(image)
        response.vary.add("Accept")
        if settle(response, request):
            response.data = b""
        return response
    token = token_of_this_browser(request)
    page = _page(image, browsing.metadata(image), browsing.warnings(image), named, _link_to_take_back(image, token))
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
        ids=None if named is None else ",".join(request.args.getlist("ids")),
        has_preview=has_preview(image, metadata),
        **in_words(metadata),
    )


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
    note_cost(rendering_s(image.record.facts))
    location = absolute_url("images.show", image_id=ref_of(image))
    if wants_a_page():
        response = make_response(redirect(location, 303))
    else:
        response = as_json(image_resource(image), 202)
        response.headers["Location"] = location
    response.vary.add("Accept")
    return response


def _wants_quarantine() -> bool:
    state = request.args.get("state")
    if state not in (None, QUARANTINED):
        raise MalformedRequest(f"state is {state[:30]!r}, and can be {QUARANTINED!r} alone")
    return state is not None


def _checked_each_time(response: Response) -> Response:
    """Return *response*, of which caches have to ask each time whether it still holds."""
    response.headers["Cache-Control"] = "no-cache"
    return response


def _alike(ref: ImageRef) -> Response:
    limit = whole_number(request.args, "limit", 1, _MAX_PAGE_SIZE) or PAGE_SIZE
    found = web_context().likeness.like(current_actor(), ref, limit)
    return page_or_json(
        lambda: render_template(
            "several.html", images=[image_resource(image).model_dump() for image, _ in found], upload=None, refusals=[]
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


def _place(cursor: str) -> ImageId | None:
    """Return the place that *cursor* tells in disguise; None if it names an image."""
    if not cursor.startswith("~"):
        return None
    secret = web_context().cursor_secret()
    place = None if secret is None else place_of(secret, cursor)
    if place is None:
        raise MalformedRequest(f"before is {cursor[:30]!r}, which no page here has told")
    return place
