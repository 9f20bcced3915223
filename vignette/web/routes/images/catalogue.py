"""`/images`: the catalogue, newest first, and lists out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask import Response, render_template, request

from vignette.access.actors import Scope
from vignette.access.cursors import PATTERN as PLACE
from vignette.access.cursors import cursor_of, place_of
from vignette.access.names import PATTERN
from vignette.access.policy import Access
from vignette.errors import (
    CatalogueUnavailable,
    ImageDeleted,
    ImageNotFound,
    KeyRequired,
    MalformedRequest,
    MissingScope,
)
from vignette.model import Image, ImageId, ImageRef
from vignette.use_cases.browsing import MOST_COUNTED
from vignette.web.api.headers import Parameter, limit
from vignette.web.api.operations import Answer, operation
from vignette.web.api.resources.images import QUARANTINED, ImageResource, as_rendered, image_resource
from vignette.web.api.resources.limits import current_limits
from vignette.web.api.resources.lists import AlikePage, CataloguePage, alike_resource
from vignette.web.api.urls import absolute_url, ref_of
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import page_or_json, wants_a_page, with_next
from vignette.web.http.negotiation import HTML, JSON
from vignette.web.http.problems import told_problem
from vignette.web.http.queries import (
    MOST_DIGESTS,
    MOST_IDS,
    PAGE_SIZE,
    named_in,
    page_size,
    place_in_list,
    said_digests,
    said_ids,
)
from vignette.web.http.sent_cookie import told_sent
from vignette.web.routes.images.blueprint import images

WALL_SIZE: Final = 60


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
        limit("Images"),
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
            "sha256",
            "In place of the catalogue, whether files are here already: of each of these SHA-256 digests, in"
            f" hexadecimal digits with commas between them, at most {MOST_DIGESTS}, the first image with these bytes",
            {"type": "string", "pattern": "^([0-9A-Fa-f]{64}(,[0-9A-Fa-f]{64})*)?$"},
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

    With `sha256`, whether files are here already: of each digest that an image has, the image with
    the lowest number that the client sees in lists, in that order. What it does not see there answers as what is not
    here. All of them fit into one answer, and `next` is null.
    """
    named = said_ids(request.args)
    if named is not None:
        return _some(named)
    if (digests := said_digests(request.args)) is not None:
        return _listed(web_context().deduplication.first_of_each(current_actor(), digests))
    if (like := named_in(request.args, "like")) is not None:
        return _alike(like)
    if _wants_quarantine():
        return _quarantine()
    is_wall = wants_a_page()
    size = page_size(request.args, WALL_SIZE if is_wall else PAGE_SIZE)
    page = newest(size, request.args.get("before"), counted=is_wall)
    response = page_or_json(lambda: wall_page(page), lambda: CataloguePage(images=page.images, next=page.next_url))
    return with_next(response, page.next_url)


def _quarantine() -> Response:
    size = page_size(request.args)
    page = web_context().reviewing.waiting(current_actor(), size, place_in_list(request.args))
    last = ref_of(page.images[-1]) if page.has_more else None
    more = None if last is None else absolute_url("images.catalogue", limit=size, before=last, state=QUARANTINED)
    response = page_or_json(
        lambda: render_template("quarantine.html", images=[as_rendered(image) for image in page.images], next_url=more),
        lambda: CataloguePage(images=[image_resource(image) for image in page.images], next=more),
    )
    return with_next(response, more)


def _wants_quarantine() -> bool:
    state = request.args.get("state")
    if state not in (None, QUARANTINED):
        raise MalformedRequest(f"state is {state[:30]!r}, and can be {QUARANTINED!r} alone")
    return state is not None


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


def _listed(images_in_order: Sequence[Image]) -> Response:
    found = [image_resource(image) for image in images_in_order]
    return page_or_json(lambda: _several_page(found), lambda: CataloguePage(images=found, next=None))


def _alike(ref: ImageRef) -> Response:
    found = web_context().likeness.like(current_actor(), ref, page_size(request.args))
    return page_or_json(
        lambda: _several_page([image_resource(image) for image, _ in found]),
        lambda: AlikePage(images=[alike_resource(image, distance) for image, distance in found]),
    )


def _several_page(found: Sequence[ImageResource]) -> str:
    return render_template("several.html", images=[image.model_dump() for image in found], upload=None, refusals=[])


@dataclass(frozen=True, slots=True)
class _Page:
    """Images, newest first: those `before` one, or the newest of all. `next_url` is that of the page after this one."""

    images: list[ImageResource]
    before: str | None
    next_url: str | None
    count: int | None = None


def newest(size: int, before: str | None = None, *, counted: bool = False) -> _Page:
    """
    Return a page of at most *size* images; if it is the first one, and *counted*, with the number of them all.
    *before* is what the page before has told, or the number or the public name of an image.
    """
    browsing = web_context().browsing
    place = None if before is None else _place(before)
    ref = None
    if before is not None and place is None:
        ref = place_in_list({"before": before}, or_else=", or the place that `next` names")
    found = browsing.newest(current_actor(), size, ref, place=place)
    last = _place_of(found.images[-1]) if found.has_more else None
    following = None if last is None else absolute_url("images.catalogue", limit=size, before=last)
    is_counted = counted and before is None and found.images
    count = browsing.count(current_actor()) if is_counted else None
    return _Page([image_resource(image) for image in found.images], before, following, count)


def wall_page(page: _Page) -> str:
    """Return the HTML of *page*."""
    is_older = page.before is not None
    return render_template(
        "images.html",
        images=[image.model_dump() for image in page.images],
        is_older=is_older,
        is_waiting=any(image.state in ("pending", "processing") for image in page.images),
        next_url=page.next_url,
        canonical_url=absolute_url(str(request.endpoint), before=page.before),
        count=page.count,
        most_counted=MOST_COUNTED,
        limits=current_limits().model_dump(),
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
