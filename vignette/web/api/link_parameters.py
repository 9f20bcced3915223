"""The query parameters of what signed links lead to."""

from __future__ import annotations

from typing import Any, Final

from vignette.access.links import SIGNATURE, Kept, Place
from vignette.web.api.headers import Parameter

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
