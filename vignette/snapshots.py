"""
Makes the content of `.service/keys.json` from the keys, and reads it.

The folder may come from a stranger, as a backup. So nothing is read but what Vignette itself may have written, and of
a file with anything wrong in it nothing at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from pydantic import TypeAdapter

from vignette.access.keys import Key, networks_of
from vignette.access.origins import origins_of
from vignette.limits import MAX_KEY_NAME_CHARS, MAX_KEY_NETWORKS, MAX_KEY_ORIGINS, MAX_KEYS, MAX_QUOTA
from vignette.records import clean_name, require_moment, require_plain_json, require_words

_KEY_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SHA_256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    keys: tuple[Key, ...]


_SNAPSHOTS: Final = TypeAdapter(_Snapshot)


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
    if len(keys) > MAX_KEYS:
        raise ValueError(f"there are {len(keys)} keys, and at most {MAX_KEYS} are taken")
    for key in keys:
        _require_key(key)
    for name in ("id", "digest"):
        if len({getattr(key, name) for key in keys}) < len(keys):
            raise ValueError(f"two keys have the same {name}")
    return without_uses(keys)


def without_uses(keys: Iterable[Key]) -> Sequence[Key]:
    """Return *keys* as `keys_from_json` gives them back."""
    return tuple(replace(key, last_used_at=None) for key in keys)


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
    require_words("id", key.id, _KEY_ID)
    require_words("digest", key.digest, _SHA_256)
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
