"""
Signed links: whoever has the URL may read one image, in one representation, until a time.

Pure. What is signed is a text of a few lines (`canonical`), so that the backend of an app can sign in any language:
docs/links.md describes it, with test vectors.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from vignette.model import PublicName

EDITION: Final = "vignette-link-v1"
"""The first line of what is signed. Another text needs another edition: no signature then fits both."""

SIGNATURE: Final = "signature"
"""The query parameter that makes a URL a signed link."""

MOST_AHEAD_S: Final = 30
"""How far the clock of a signer may be ahead of ours, in seconds: so long a link may outlive a change to private."""

_PARAMETERS: Final = ("expires", "made", "place", "keep", "link", "by", "key", SIGNATURE)

_TIME: Final = re.compile(r"0|[1-9][0-9]{0,10}", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SIZE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
# RFC 4648, section 5, without padding: 256 bits.
_SIGNATURE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

_A_SECOND: Final = timedelta(seconds=1)


class Representation(StrEnum):
    PAGE = "page"
    ORIGINAL = "original"
    PUBLIC = "public"
    VIGNETTE = "vignette"


class Place(StrEnum):
    """What is told of the place at most: nothing, coordinates to a tenth of a degree (11 km), or all that is known."""

    NONE = "none"
    COARSE = "coarse"
    EXACT = "exact"


class Kept(StrEnum):
    """What is told of the metadata although the place is not."""

    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Link:
    """
    What is signed. Times are whole seconds since the epoch.

    `size` is the name of a recipe; empty: the first one. It is of vignettes alone. `keep` is in alphabetical order.
    `id` is that of a link that can be revoked, `by` that of the key (`access.keys`) on whose behalf it was made; either
    may be empty. `key` is the id of the signing key.
    """

    what: Representation
    image: PublicName
    key: str
    made: int
    expires: int
    place: Place = Place.NONE
    size: str = ""
    keep: tuple[Kept, ...] = ()
    id: str = ""
    by: str = ""

    def is_valid_at(self, now: datetime) -> bool:
        return self.made <= now.timestamp() + MOST_AHEAD_S and now.timestamp() < self.expires

    def is_ended_by(self, moment: datetime | None) -> bool:
        """Whether it was made until *moment*, to the second, when links of the image were ended; None: never."""
        return moment is not None and self.made <= int(moment.timestamp())

    @property
    def made_at(self) -> datetime:
        return datetime.fromtimestamp(self.made, UTC)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


def fault_of(link: Link) -> str | None:
    """Say why there can be no such link; None if there can."""
    if link.what is Representation.ORIGINAL and (link.place is not Place.EXACT or link.keep):
        return "the original tells all that it holds: it can be linked with place=exact alone, and without keep"
    if link.what is not Representation.VIGNETTE and link.size:
        return "a recipe is for vignettes alone"
    if link.what is not Representation.PAGE and link.keep:
        return f"keep is for pages alone: a {link.what} tells nothing of the metadata"
    return None


def canonical(link: Link) -> str:
    """Return what is signed. No value holds a line feed, so each text is that of one link."""
    return "\n".join(
        (
            EDITION,
            link.what,
            link.image,
            link.size,
            str(link.made),
            str(link.expires),
            link.place,
            ",".join(link.keep),
            link.id,
            link.by,
            link.key,
        )
    )


def signature_of(link: Link, secret: str) -> str:
    """Return the signature: HMAC-SHA256 of the text, keyed by the characters of *secret*, in base64url."""
    digest = hmac.digest(secret.encode(), canonical(link).encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_signed(link: Link, secret: str, signature: str) -> bool:
    """Whether *signature* is the one of *link*; it takes the same time whichever characters are wrong."""
    return hmac.compare_digest(signature_of(link, secret).encode(), signature.encode(errors="replace"))


def query_of(link: Link, signature: str) -> dict[str, str]:
    """Return the query parameters of the URL; those of no value are left out."""
    values = {
        "size": link.size,
        "expires": str(link.expires),
        "made": str(link.made),
        "place": link.place,
        "keep": ",".join(link.keep),
        "link": link.id,
        "by": link.by,
        "key": link.key,
        SIGNATURE: signature,
    }
    return {name: str(value) for name, value in values.items() if value}


def read_link(what: Representation, image: PublicName, query: Mapping[str, Sequence[str]]) -> tuple[Link, str]:
    """
    Return the link that the *query* of a URL for *image* says, and its signature, which nobody has checked.

    Raises:
        ValueError: It is none that `query_of` may have written.
    """
    link = Link(
        what=what,
        image=image,
        key=_one(query, "key", _ID),
        made=int(_one(query, "made", _TIME)),
        expires=int(_one(query, "expires", _TIME)),
        place=Place(_one(query, "place")),
        size=_one(query, "size", _SIZE, or_none=True) if what is Representation.VIGNETTE else "",
        keep=kept_of(filter(None, _one(query, "keep", or_none=True).split(","))),
        id=_one(query, "link", _ID, or_none=True),
        by=_one(query, "by", _ID, or_none=True),
    )
    signature = _one(query, SIGNATURE, _SIGNATURE)
    wanted = query_of(link, signature)
    said = {name: list(query[name]) for name in _PARAMETERS if name in query}
    if said != {name: [value] for name, value in wanted.items() if name in _PARAMETERS}:
        raise ValueError("the query is not as links are written")
    if fault := fault_of(link):
        raise ValueError(fault)
    return link, signature


def kept_of(names: Iterable[str]) -> tuple[Kept, ...]:
    """Return what *names* say is kept, in order, each once; raise `ValueError` if one says nothing."""
    return tuple(sorted({Kept(name) for name in names}))


def end_of_links(at: datetime, before: datetime | None) -> datetime:
    """
    Return the moment to write down when the links of an image are ended *at* a time: those made until then hold no
    more. It is later than *before*, the last such moment, by a second at least: so is the first link made after that.
    """
    second = at.replace(microsecond=0)
    return second if before is None else max(second, before + _A_SECOND)


def first_second_after(moment: datetime | None, now: datetime) -> int:
    """Return when a link is made that is made *now*: in the second after *moment* at the earliest, if links ended."""
    return int(now.timestamp()) if moment is None else max(int(now.timestamp()), int(moment.timestamp()) + 1)


def _one(
    query: Mapping[str, Sequence[str]], name: str, form: re.Pattern[str] | None = None, *, or_none: bool = False
) -> str:
    values = query.get(name, ())
    if not values and or_none:
        return ""
    if len(values) != 1 or (form is not None and not form.fullmatch(values[0])):
        raise ValueError(f"{name} is missing, comes twice, or is not as links write it")
    return values[0]
