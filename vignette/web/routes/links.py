"""`/images/<image>/links`: signed links are made, looked at and ended."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Blueprint, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vignette.access.actors import Scope
from vignette.access.links import Kept, Place, Representation
from vignette.errors import (
    CatalogueUnavailable,
    CrossSiteRequest,
    FileNotStored,
    ImageDeleted,
    ImageNotFound,
    LinkNotFound,
    RecipeNotFound,
    StoreFull,
    TooManyLinks,
)
from vignette.model import ImageRef
from vignette.use_cases.linking import Wanted
from vignette.web.api.operations import UNWRITABLE, Answer, operation
from vignette.web.api.resources.links import LinkList, LinkMade, link_resource
from vignette.web.capacity.turns import end_turn
from vignette.web.context import current_actor, web_context
from vignette.web.http.answers import as_json, no_content, unstored
from vignette.web.http.negotiation import JSON
from vignette.web.linked import linked_url
from vignette.web.small_bodies import UNREADABLE, read_json

links = Blueprint("links", __name__, url_prefix="/images/<image_id:image_id>/links")

_GONE: Final = (ImageNotFound, ImageDeleted)


class NewLink(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    what: Representation
    expires_at: AwareDatetime
    place: Annotated[
        Place, Field(description="What it tells of the place at most. The original can be linked with `exact` alone")
    ] = Place.NONE
    recipe: Annotated[
        str | None, Field(max_length=40, description="Of a vignette: the name of a recipe; null: the first one")
    ] = None
    keep: Annotated[
        tuple[Kept, ...],
        Field(max_length=10, description="Of a page: what it tells all the same. `credit`: author, copyright, credit"),
    ] = ()
    revocable: Annotated[bool, Field(description="Whether it can be ended before its time")] = False


@links.post("")
@operation(
    "Make a signed link: whoever has it reads this image, in one representation, until a time",
    Answer(201, "The link. Its URL is told here and never again", JSON, LinkMade, ("Cache-Control",)),
    scope=Scope.SHARE,
    problems=(
        *(CrossSiteRequest, *UNREADABLE, *_GONE, RecipeNotFound, TooManyLinks),
        *UNWRITABLE,
    ),
    bodies={JSON: NewLink},
    curl='--json \'{{"what": "page", "expires_at": "2030-01-01T00:00:00Z"}}\' {server}/images/0/links',
)
def add(image_id: ImageRef) -> Response:
    """
    It ends with its time and with the image; when the image is made private after that; and when the key that it was
    made by may not share the image any more.
    """
    wanted = read_json(NewLink)
    link = web_context().linking.make(current_actor(), image_id, Wanted(**wanted.model_dump()))
    return unstored(as_json(LinkMade(url=linked_url(link), expires_at=link.expires_at, id=link.id or None), 201))


@links.get("")
@operation(
    "The links to an image that can be revoked, newest first",
    Answer(200, "The links, without their URLs", JSON, LinkList, ("Cache-Control",)),
    scope=Scope.SHARE,
    problems=(*_GONE, CatalogueUnavailable),
    curl="{server}/images/0/links",
)
def catalogue(image_id: ImageRef) -> Response:
    found = web_context().linking.of_image(current_actor(), image_id)
    return unstored(as_json(LinkList(links=[link_resource(link) for link in found])))


@links.delete("")
@operation(
    "End all links to an image that were made until now, revocable or not",
    Answer(204, "They are ended"),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, *_GONE, *UNWRITABLE, FileNotStored),
    curl="-X DELETE {server}/images/0/links",
)
def end(image_id: ImageRef) -> Response:
    end_turn()
    web_context().linking.end_all(current_actor(), image_id)
    return no_content()


@links.delete("/<link_id>")
@operation(
    "End one link to an image",
    Answer(204, "It is ended"),
    scope=Scope.SHARE,
    problems=(CrossSiteRequest, *_GONE, LinkNotFound, CatalogueUnavailable, StoreFull),
    curl="-X DELETE {server}/images/0/links/0123456789abcdef",
)
def revoke(image_id: ImageRef, link_id: str) -> Response:
    end_turn()
    web_context().linking.revoke(current_actor(), image_id, link_id)
    return no_content()
