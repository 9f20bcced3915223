"""
Makes the content of `.service/keys.json` and `.service/tickets.json` from keys and tickets, and reads it.

The folder may come from a stranger, as a backup. So nothing is read but what Vignette itself may have written, and of
a file with anything wrong in it nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter

from vignette.access.keys import Key, networks_of
from vignette.access.origins import origins_of
from vignette.access.tickets import Ticket
from vignette.limits import (
    MAX_EXTERNAL_ID_CHARS,
    MAX_KEY_NAME_CHARS,
    MAX_KEY_NETWORKS,
    MAX_KEY_ORIGINS,
    MAX_KEYS,
    MAX_QUOTA,
    MAX_TICKET_NOTE_CHARS,
    MAX_TICKET_ORIGINS,
    MAX_TICKET_USES,
    MAX_TICKETS,
)
from vignette.pixels.formats import ACCEPTED_MEDIA_TYPES
from vignette.records import ID, SHA_256, clean_name, require_label, require_moment, require_plain_json, require_words

_MEDIA_TYPES: Final = frozenset(ACCEPTED_MEDIA_TYPES)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    keys: tuple[Key, ...]


_SNAPSHOTS: Final = TypeAdapter(_Snapshot)


@dataclass(frozen=True, slots=True)
class _TicketSnapshot:
    tickets: tuple[Ticket, ...]


_TICKET_SNAPSHOTS: Final = TypeAdapter(_TicketSnapshot)


def keys_to_json(keys: Iterable[Key]) -> bytes:
    """The last use of a key is left out: it changes all the time."""
    return json.dumps({"keys": [_as_object(key) for key in keys]}, indent=1, ensure_ascii=False).encode()


def keys_from_json(content: bytes) -> Sequence[Key]:
    """
    Return the keys; what is said of their last use is passed over.

    Raises:
        ValueError: *content* holds no keys that Vignette may have written.
    """
    require_plain_json(content)
    keys = _SNAPSHOTS.validate_json(content, strict=True).keys
    _require_few_and_different("keys", keys, MAX_KEYS)
    for key in keys:
        _require_key(key)
    return without_uses(keys)


def without_uses(keys: Iterable[Key]) -> Sequence[Key]:
    """Return *keys* as `keys_from_json` gives them back."""
    return tuple(replace(key, last_used_at=None) for key in keys)


def tickets_to_json(tickets: Iterable[Ticket]) -> bytes:
    """What was spent of a ticket is left out: it changes with each image, and the folders of the images tell it."""
    # A line each: to indent them takes five times as long, and an app makes a ticket for each of its uploads.
    lines = ",\n".join(json.dumps(_ticket_object(ticket), ensure_ascii=False) for ticket in tickets)
    return f'{{"tickets": [\n{lines}\n]}}\n'.encode()


def tickets_from_json(content: bytes) -> Sequence[Ticket]:
    """
    Return the tickets; what is said of their uses is passed over.

    Raises:
        ValueError: *content* holds no tickets that Vignette may have written.
    """
    require_plain_json(content)
    tickets = _TICKET_SNAPSHOTS.validate_json(content, strict=True).tickets
    _require_few_and_different("tickets", tickets, MAX_TICKETS)
    for ticket in tickets:
        _require_ticket(ticket)
    return without_spent_uses(tickets)


def without_spent_uses(tickets: Iterable[Ticket]) -> Sequence[Ticket]:
    """Return *tickets* as `tickets_from_json` gives them back."""
    return tuple(replace(ticket, spent=0) for ticket in tickets)


def _require_few_and_different(what: str, values: Sequence[Any], most: int) -> None:
    if len(values) > most:
        raise ValueError(f"there are {len(values)} {what}, and at most {most} are taken")
    for name in ("id", "digest"):
        if len({getattr(value, name) for value in values}) < len(values):
            raise ValueError(f"two {what} have the same {name}")


def _ticket_object(ticket: Ticket) -> dict[str, object]:
    return {
        "id": ticket.id,
        "digest": ticket.digest,
        "owner": ticket.owner,
        "uses": ticket.uses,
        "created_at": ticket.created_at.isoformat(),
        "expires_at": None if ticket.expires_at is None else ticket.expires_at.isoformat(),
        "max_bytes": ticket.max_bytes,
        "media_types": ticket.media_types,
        "visibility": ticket.visibility,
        "external_id": ticket.external_id,
        "origins": ticket.origins,
        "note": ticket.note,
    }


def _require_ticket(ticket: Ticket) -> None:
    require_words("id", ticket.id, ID)
    require_words("digest", ticket.digest, SHA_256)
    if ticket.owner is not None:
        require_words("owner", ticket.owner, ID)
    require_moment("created_at", ticket.created_at)
    if ticket.expires_at is not None:
        require_moment("expires_at", ticket.expires_at)
    if ticket.revoked_at is not None:
        raise ValueError(f"ticket {ticket.id} is revoked")
    if not 1 <= ticket.uses <= MAX_TICKET_USES or not (ticket.max_bytes is None or 1 <= ticket.max_bytes < 2**63):
        raise ValueError(f"a number of ticket {ticket.id} is not within its limits")
    if not _MEDIA_TYPES.issuperset(ticket.media_types) or len(ticket.media_types) > len(_MEDIA_TYPES):
        raise ValueError(f"the media types of ticket {ticket.id} are not all accepted")
    if len(ticket.origins) > MAX_TICKET_ORIGINS or origins_of(ticket.origins) != ticket.origins:
        raise ValueError(f"the origins of ticket {ticket.id} are not as we write origins")
    if ticket.external_id is not None:
        require_label("external_id", ticket.external_id, MAX_EXTERNAL_ID_CHARS)
    if ticket.note is not None:
        require_label("note", ticket.note, MAX_TICKET_NOTE_CHARS)


def _as_object(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "digest": key.digest,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at.isoformat(),
        "expires_at": None if key.expires_at is None else key.expires_at.isoformat(),
        "networks": key.networks,
        "quota": asdict(key.quota),
        "origins": key.origins,
    }


def _require_key(key: Key) -> None:
    require_words("id", key.id, ID)
    require_words("digest", key.digest, SHA_256)
    if clean_name(key.name) != key.name or len(key.name) > MAX_KEY_NAME_CHARS:
        raise ValueError(f"the name of key {key.id} is not as we write names")
    if not key.scopes:
        raise ValueError(f"key {key.id} has no scope")
    require_moment("created_at", key.created_at)
    if key.expires_at is not None:
        require_moment("expires_at", key.expires_at)
    if len(key.networks) > MAX_KEY_NETWORKS or networks_of(key.networks) != key.networks:
        raise ValueError(f"the networks of key {key.id} are not as we write networks")
    if len(key.origins) > MAX_KEY_ORIGINS or origins_of(key.origins) != key.origins:
        raise ValueError(f"the origins of key {key.id} are not as we write origins")
    if any(value is not None and not 0 <= value <= MAX_QUOTA for value in asdict(key.quota).values()):
        raise ValueError(f"the quota of key {key.id} is none")
