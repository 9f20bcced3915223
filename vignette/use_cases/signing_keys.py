"""
The secrets by which links are signed, in `.service/signing-keys.json`: no database holds them.

The file is replaced as a whole, by one process at a time, and read at each use. So a rotation is noticed at once in
every process, and the links of a key that was removed end at once. Who lacks the file, or finds another in its place,
signs nothing and believes no signature.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from pydantic import TypeAdapter

from vignette import layout
from vignette.access.secrets import LINK_PREFIX, new_token
from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    KeyNotFound,
    MalformedRequest,
    StoreUnavailable,
    TooManyKeys,
)
from vignette.limits import MAX_SIGNING_KEY_NAME_CHARS, MAX_SIGNING_KEYS
from vignette.model import in_milliseconds
from vignette.ports.links import Alone
from vignette.ports.store import ServiceFiles
from vignette.records import ID, clean_name, require_moment, require_plain_json, require_words

PLACE: Final = f"{layout.SERVICE}/{layout.SIGNING_KEYS}"

_SECRET: Final = re.compile(rf"{LINK_PREFIX}[a-z2-7]{{59}}", re.ASCII)
_OWN_NAME: Final = "this service"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`id` is public: 16 hexadecimal digits. `secret` is what HMAC is keyed by; `name` is a label."""

    id: str
    secret: str
    name: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Ring:
    """All signing keys, the newest first. The service itself signs by the one with the id `signs`."""

    keys: tuple[SigningKey, ...]
    signs: str

    def find(self, key_id: str) -> SigningKey | None:
        return next((key for key in self.keys if key.id == key_id), None)


_RINGS: Final = TypeAdapter(Ring)


class SigningKeys:
    """
    The use case. It asks nobody who he is: only whoever runs commands on the machine manages these keys.

    Every method raises `StoreUnavailable` if the file cannot be used, or is none that Vignette has written. Those that
    change keys raise `CatalogueUnavailable` too: then nothing changed.
    """

    def __init__(
        self, files: ServiceFiles, alone: Alone, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._files = files
        self._alone = alone
        self._clock = clock
        self._known: tuple[bytes, Ring] | None = None

    def ring(self) -> Ring | None:
        """Return the keys; None if there is no file."""
        try:
            content = self._files.read_service(layout.SIGNING_KEYS)
        except FileNotStored:
            return None
        known = self._known
        if known is None or known[0] != content:
            try:
                known = self._known = (content, _from_json(content))
            except ValueError:  # whose words may hold a secret
                raise StoreUnavailable(
                    f"{PLACE} holds no signing keys that Vignette has written: take it from a backup, or remove it and"
                    " all links that were made"
                ) from None
        return known[1]

    def secret_of(self, key_id: str) -> str | None:
        """Return the secret of a key; None if there is none of this id."""
        ring = self.ring()
        key = None if ring is None else ring.find(key_id)
        return None if key is None else key.secret

    def told(self, key_id: str) -> str:
        """Return the secret of a key, for its owner; raise `KeyNotFound` if there is none of this id."""
        secret = self.secret_of(key_id)
        if secret is None:
            raise _not_found(key_id)
        return secret

    def signing(self) -> SigningKey:
        """Return the key by which the service signs now. Where there is none at all, the first one is made."""
        ring = self.ring() or self._made_if_missing()
        key = ring.find(ring.signs)
        assert key is not None
        return key

    def make_at_start(self, *, is_first: bool = False) -> None:
        """
        Make the first key, if there is none. It raises nothing: images are served all the same, and who wants a link is
        told what is wrong. At the first start of all (*is_first*), keys that are there came with the folder: the log
        says so.
        """
        try:
            if is_first and (ring := self.ring()) is not None:
                logger.warning(
                    "%s came with the folder (%d): who has made it may have signed links to each image;"
                    " `vignette signing-keys rotate` and `rm` end them",
                    PLACE,
                    len(ring.keys),
                )
            self.signing()
        except (StoreUnavailable, CatalogueUnavailable) as error:
            logger.warning("no link can be signed: %s", error)

    def all(self) -> Ring:
        """Return all keys; raise `KeyNotFound` if there is no file yet."""
        ring = self.ring()
        if ring is None:
            raise KeyNotFound("there is no signing key yet: the first start makes one, and so does `rotate`")
        return ring

    def add(self, name: str) -> SigningKey:
        """
        Make a key for somebody who signs elsewhere. The service goes on signing by its own.

        Raises:
            MalformedRequest: The name is empty or too long.
            TooManyKeys: There are as many as there may be.
        """
        key = self._new(_label(name))
        self._change(lambda ring: _with(ring, key, ring.signs if ring.signs else key.id))
        return key

    def rotate(self) -> SigningKey:
        """Make a key by which the service signs from now on. What others have signed holds until they are removed."""
        key = self._new(_OWN_NAME)
        self._change(lambda ring: _with(ring, key, key.id))
        return key

    def remove(self, key_id: str) -> None:
        """
        Remove a key: the links that it has signed end at once.

        Raises:
            KeyNotFound: There is no key of this id.
            MalformedRequest: It is the one by which the service signs.
        """

        def without(ring: Ring) -> Ring:
            if ring.find(key_id) is None:
                raise _not_found(key_id)
            if key_id == ring.signs:
                raise MalformedRequest("the service signs by this key: `vignette signing-keys rotate` makes another")
            return replace(ring, keys=tuple(key for key in ring.keys if key.id != key_id))

        self._change(without)

    def _made_if_missing(self) -> Ring:
        def make() -> None:
            if self.ring() is None:
                key = self._new(_OWN_NAME)
                self._write(Ring((key,), key.id))

        self._alone.alone(make)
        return self.all()

    def _change(self, edit: Callable[[Ring], Ring]) -> None:
        self._alone.alone(lambda: self._write(edit(self.ring() or Ring((), ""))))

    def _write(self, ring: Ring) -> None:
        self._files.write_service(layout.SIGNING_KEYS, _to_json(ring))

    def _new(self, name: str) -> SigningKey:
        return SigningKey(secrets.token_hex(8), new_token(LINK_PREFIX), name, in_milliseconds(self._clock()))


def _with(ring: Ring, key: SigningKey, signs: str) -> Ring:
    if len(ring.keys) >= MAX_SIGNING_KEYS:
        raise TooManyKeys(
            f"there are {MAX_SIGNING_KEYS} signing keys already", measured=len(ring.keys), limit=MAX_SIGNING_KEYS
        )
    return Ring((key, *ring.keys), signs)


def _not_found(key_id: str) -> KeyNotFound:
    return KeyNotFound(f"there is no signing key {key_id[:40]!r}")


def _label(name: str) -> str:
    label = clean_name(name.strip())
    if label is None or len(label) > MAX_SIGNING_KEY_NAME_CHARS:
        raise MalformedRequest(
            f"the name of a signing key has 1 to {MAX_SIGNING_KEY_NAME_CHARS} characters",
            measured=len(label or ""),
            limit=MAX_SIGNING_KEY_NAME_CHARS,
        )
    return label


def _to_json(ring: Ring) -> bytes:
    keys = [
        {"id": key.id, "secret": key.secret, "name": key.name, "made_at": key.made_at.isoformat()} for key in ring.keys
    ]
    return json.dumps({"keys": keys, "signs": ring.signs}, indent=1, ensure_ascii=False).encode()


def _from_json(content: bytes) -> Ring:
    """Return the keys; raise `ValueError` if *content* holds none that `_to_json` may have written."""
    require_plain_json(content)
    ring = _RINGS.validate_json(content, strict=True)
    if not 0 < len(ring.keys) <= MAX_SIGNING_KEYS or ring.find(ring.signs) is None:
        raise ValueError("there are too many keys, or the one that signs is missing")
    for key in ring.keys:
        require_words("id", key.id, ID)
        if not _SECRET.fullmatch(key.secret):  # which no error may tell
            raise ValueError(f"the secret of {key.id} is not as we write secrets")
        if clean_name(key.name) != key.name:
            raise ValueError(f"the name of {key.id} is not as we write names")
        require_moment("made_at", key.made_at)
    if len({key.id for key in ring.keys}) < len(ring.keys):
        raise ValueError("two keys have the same id")
    return ring
