"""Signed links as JSON, and as the query parameters of what they lead to."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from vignette.access.links import SIGNATURE, Kept, Link, Place, Representation
from vignette.web.api.headers import Parameter
from vignette.web.api.resources import Resource, Timestamp

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_SECONDS: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}

LINK_PARAMETERS: Final = (
    Parameter(
        SIGNATURE,
        "Of a signed link (see docs/links.md): who has the link needs no key, and any key that is shown is ignored",
        _TEXT,
    ),
    Parameter("expires", "Of a signed link: when it ends, in seconds since the epoch", _SECONDS),
    Parameter("made", "Of a signed link: when it was made, in seconds since the epoch", _SECONDS),
    Parameter("place", "Of a signed link: what it tells of the place", {**_TEXT, "enum": list(Place)}),
    Parameter("keep", "Of a signed link: what it tells all the same", {**_TEXT, "enum": list(Kept)}),
    Parameter("link", "Of a signed link that can be revoked: its id", _TEXT),
    Parameter("by", "Of a signed link: the id of the key that it was made by", _TEXT),
    Parameter("key", "Of a signed link: the id of the signing key", _TEXT),
)


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
