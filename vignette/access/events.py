"""Events: who did what to which image, key or session, when, and from where; and which right somebody was refused."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from vignette.access.actors import OPERATOR, Actor
from vignette.model import ImageId


class What(StrEnum):
    """What has happened. Clients may test these words."""

    IMAGE_RECEIVED = "image-received"
    IMAGE_CHANGED = "image-changed"
    IMAGE_RETRIED = "image-retried"
    IMAGE_DELETED = "image-deleted"
    IMAGE_QUARANTINED = "image-quarantined"
    IMAGE_ACCEPTED = "image-accepted"
    IMAGE_REJECTED = "image-rejected"
    LINK_MADE = "link-made"
    LINK_ENDED = "link-ended"
    TICKET_MADE = "ticket-made"
    TICKET_REVOKED = "ticket-revoked"
    KEY_MADE = "key-made"
    KEY_CHANGED = "key-changed"
    KEY_REMOVED = "key-removed"
    SESSION_BEGUN = "session-begun"
    SESSION_ENDED = "session-ended"
    SIGN_IN_REFUSED = "sign-in-refused"
    REFUSED = "refused"


class Addresses(StrEnum):
    """How much of an address is kept."""

    FULL = "full"
    NETWORK = "network"
    NONE = "none"


NOBODY: Final = "nobody"
"""Who shows no key."""

THE_OPERATOR: Final = "operator"
"""Who runs commands on the machine."""

# What a provider gives to many customers: so a network tells nobody from his neighbours.
_NETWORK_BITS: Final = {4: 24, 6: 48}


@dataclass(frozen=True, slots=True)
class Event:
    """
    `actor` is the id of a key, "ticket:" with that of a ticket, or one of the words above. `subject` is the id of the
    key, session, ticket or link that was made, changed or removed. `detail` is a word or two of ours; it holds nothing
    that anybody has sent. `times` counts refusals that are told as one.
    """

    at: datetime
    what: What
    actor: str
    address: str | None = None
    image_id: ImageId | None = None
    subject: str | None = None
    detail: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """The place of an event among all: by its time in milliseconds, and by its number among those of one time."""

    at_ms: int
    number: int


def name_of(actor: Actor) -> str:
    """Return what events call *actor*."""
    if actor.key_id is not None:
        return actor.key_id
    if actor.ticket_id is not None:
        return f"ticket:{actor.ticket_id}"
    return THE_OPERATOR if actor == OPERATOR else NOBODY


def kept(address: str | None, addresses: Addresses) -> str | None:
    """
    Return what may be kept of an IP *address*: all of it, its network, a /24 of IPv4 or a /48 of IPv6, or nothing. What
    is no address is not kept.
    """
    if address is None or addresses is Addresses.NONE:
        return None
    try:
        whole = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    whole = getattr(whole, "ipv4_mapped", None) or whole
    if addresses is Addresses.FULL:
        return str(whole)
    return str(ipaddress.ip_network((whole, _NETWORK_BITS[whole.version]), strict=False))
