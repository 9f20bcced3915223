"""The headers that operations take and give, each described once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vignette.web.http.queries import MOST_IDS, MOST_ON_A_PAGE

_TEXT: Final[dict[str, Any]] = {"type": "string"}
_DIGEST_EXAMPLE: Final = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
_TAG_EXAMPLE: Final = '"3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea"'


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a header, with its JSON schema."""

    name: str
    meaning: str
    schema: Mapping[str, Any]
    place: str = "query"


def limit(what: str) -> Parameter:
    """The size of a page of *what*: see `http.queries.page_size`."""
    return Parameter("limit", f"{what} on a page", {"type": "integer", "minimum": 1, "maximum": MOST_ON_A_PAGE})


def header(name: str, meaning: str, schema: Mapping[str, Any] = _TEXT) -> Parameter:
    """A header of a request."""
    return Parameter(name, meaning, schema, "header")


IF_NONE_MATCH: Final = header(
    "If-None-Match",
    "The `ETag` of what the client has: if it is still that, 304",
    {**_TEXT, "examples": [_TAG_EXAMPLE]},
)
IF_MATCH: Final = header("If-Match", "An `ETag`: if it is another by now, 412", {**_TEXT, "examples": [_TAG_EXAMPLE]})
IF_MODIFIED_SINCE: Final = header(
    "If-Modified-Since", "The `Last-Modified` of what the client has: if it is still that, 304"
)
IF_UNMODIFIED_SINCE: Final = header("If-Unmodified-Since", "A `Last-Modified`: if it is later by now, 412")
RANGE: Final = header(
    "Range",
    "One range of bytes. What names several is answered with the whole",
    {**_TEXT, "examples": ["bytes=0-1023"]},
)
IF_RANGE: Final = header("If-Range", "The `ETag` of which a range is wanted: if it is another by now, the whole comes")
DELETE_TOKEN: Final = (
    header(
        "Delete-Token",
        "What the answer to an upload without a key has told: who shows it needs no right to delete",
        {**_TEXT, "pattern": "^vd_"},
    ),
    Parameter("token", "The same, for a link", {**_TEXT, "pattern": "^vd_"}),
)
IN_A_LIST: Final = Parameter(
    "ids",
    f"For the page: the list that its reader goes through, at most {MOST_IDS}; as in `GET /images`",
    {"type": "string", "examples": ["3,1,2"]},
)

BY_TAG: Final = (IF_NONE_MATCH, IF_MATCH)

CONTENT_DIGEST: Final = header(
    "Content-Digest",
    "The digest of the body (RFC 9530, sha-256 or sha-512): if other bytes arrive, nothing is kept",
    {**_TEXT, "examples": [_DIGEST_EXAMPLE]},
)
REPR_DIGEST: Final = header("Repr-Digest", "Checked as `Content-Digest` is", {**_TEXT, "examples": [_DIGEST_EXAMPLE]})


def as_header(parameter: Parameter) -> dict[str, Any]:
    """*parameter* as what OpenAPI calls a Header Object: the header of a part."""
    return {"description": parameter.meaning, "schema": parameter.schema}


ANSWERED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "Accept-Ranges": ("`bytes`: a range may be asked for", {"type": "string", "const": "bytes"}),
    "Cache-Control": ("How long the answer holds", _TEXT),
    "Content-Digest": ("The digest of the bytes in this answer (RFC 9530)", _TEXT),
    "Content-Disposition": ("The name under which a browser saves it", _TEXT),
    "Content-Language": ("The language of a page, chosen by `Accept-Language`", _TEXT),
    "Content-Range": ("Which bytes these are, of how many; after 416, of how many there are", _TEXT),
    "Delete-Token": ("By it, whoever has sent this one image without a key may delete it", _TEXT),
    "ETag": ("Changes whenever the content does", _TEXT),
    "Last-Modified": ("When it was received", _TEXT),
    "Link": ('The page after this one, with rel="next"', _TEXT),
    "Location": ("The absolute URL of what to ask for next", {"type": "string", "format": "uri"}),
    "Preference-Applied": ("`wait`: it was waited for the vignette", _TEXT),
    "Repr-Digest": ("The digest of the whole file (RFC 9530)", _TEXT),
    "Set-Cookie": ("The cookie of the session (RFC 6265)", {"type": "string"}),
    "Clear-Site-Data": ("Has the browser forget what it has kept", {"type": "string"}),
    "Vignette-Public-Copy": (
        "`same-pixels`: those of the original; `re-encoded`: the picture was written anew, in another format",
        {"type": "string", "enum": ["same-pixels", "re-encoded"]},
    ),
    "RateLimit": ('What is left, for how many seconds: `"address";r=5990;t=1`', _TEXT),
    "RateLimit-Policy": ('How much may be spent in how many seconds: `"address";q=6000;w=60`', _TEXT),
    "WWW-Authenticate": (
        "What is wrong with the key, and which scope is needed, if one is (RFC 6750)",
        {"type": "string"},
    ),
    "Retry-After": ("Seconds until it is worth asking again", {"type": "integer", "minimum": 1}),
    "Vary": ("The headers of the request that chose this answer", _TEXT),
}
"""Those of answers: what each means, and its schema."""
