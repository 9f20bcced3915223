"""Signed links."""

from __future__ import annotations

from pydantic import Field

from vignette.access.links import Kept, Link, Place, Representation
from vignette.web.api.resources.base import Resource, Timestamp


class LinkMade(Resource):
    url: str = Field(description="Whoever has it needs no key")
    expires_at: Timestamp
    id: str | None = Field(description="By which it can be ended before its time; null if it cannot")


class LinkResource(Resource):
    """A link that can be revoked. Its URL was told once."""

    id: str = Field(examples=["0123456789abcdef"])
    what: Representation
    recipe: str | None = Field(description="Of a vignette: the name of its recipe; null: the first one")
    place: Place
    keep: list[Kept]
    made_at: Timestamp
    made_by: str | None = Field(description="The id of the key that it was made by; null: by none")
    expires_at: Timestamp


class LinkList(Resource):
    links: list[LinkResource]


def link_resource(link: Link) -> LinkResource:
    return LinkResource(
        id=link.id,
        what=link.what,
        recipe=link.size or None,
        place=link.place,
        keep=list(link.keep),
        made_at=link.made_at,
        made_by=link.by or None,
        expires_at=link.expires_at,
    )
