"""Give out keys, change and remove them, and tell who shows one."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict, Unpack

from vignette.access.actors import NOBODY, Actor, Scope
from vignette.access.events import What
from vignette.access.keys import NOT_VALID, Key, networks_of
from vignette.access.origins import origins_of
from vignette.access.quotas import UNBOUNDED, Quota
from vignette.access.secrets import digest_of, is_well_formed, new_token
from vignette.errors import (
    CatalogueUnavailable,
    InvalidKey,
    KeyNotFound,
    MalformedRequest,
    MissingScope,
    StoreFull,
    TooManyKeys,
)
from vignette.limits import (
    KEY_USE_NOTED_EVERY_S,
    MAX_KEY_NAME_CHARS,
    MAX_KEY_NETWORKS,
    MAX_KEY_ORIGINS,
    MAX_KEYS,
    MAX_QUOTA,
)
from vignette.model import in_milliseconds
from vignette.ports.access import Keep, Keys
from vignette.use_cases.auditing import NO_TRAIL, Trail, noting
from vignette.use_cases.checked import checked_end_or_none, checked_label, few

_MISTYPED: Final = "it is mistyped: no key that was ever given out is written like that"

_NOTED_EVERY: Final = timedelta(seconds=KEY_USE_NOTED_EVERY_S)
_KEY_ID_CHARS: Final = 16


class KeyChanges(TypedDict, total=False):
    """
    What may change of a key. What is left out stays, also of the fields of `quota`. `expires_at` may be None: then the
    key does not expire.
    """

    name: str
    scopes: Collection[Scope]
    expires_at: datetime | None
    networks: Collection[str]
    origins: Collection[str]
    quota: Mapping[str, int | None]


class _NotFirst(Exception):
    """There is a key with the scope `admin` already."""


class Keyholding:
    """
    The use case. *keep* writes all keys down at each change (`KeySnapshots.write`). *clock* tells the time, in UTC.

    Only `Scope.ADMIN` manages keys. It has every scope; so no key gives a scope that whoever made it has not.

    Every method may raise `CatalogueUnavailable`, and those that change keys `StoreUnavailable`: then nothing changed.
    """

    def __init__(
        self,
        keys: Keys,
        keep: Keep,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        trail: Trail = NO_TRAIL,
    ) -> None:
        self._trail = trail
        self._keys = keys
        self._keep = keep
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    def add(
        self,
        actor: Actor,
        name: str,
        scopes: Iterable[Scope],
        *,
        expires_at: datetime | None = None,
        networks: Iterable[str] = (),
        origins: Iterable[str] = (),
        quota: Quota = UNBOUNDED,
    ) -> tuple[Key, str]:
        """
        Make a key; return it and its token, which nobody can tell again.

        Raises:
            MissingScope: *actor* may not manage keys.
            MalformedRequest: The name is empty or too long, there is no scope, what should be a network or an origin is
                none, a quota is negative, or the key would have expired already.
            TooManyKeys: There are as many as there may be.
        """
        _require_admin(actor)
        key, token = self._new(name, scopes, expires_at, networks)
        key = replace(key, origins=_origins(origins), quota=_quota(quota))
        with self._trail.along(What.KEY_MADE, actor, subject=key.id, detail=_in_order(key)) as note:
            self._keys.add(key, noting(note, self._keep_if_not_too_many))
        return key, token

    def add_first(self, name: str, actor: Actor = NOBODY) -> tuple[Key, str] | None:
        """As `add`, for a key with the scope `admin`, if there is none with it; None if there is."""
        key, token = self._new(name, [Scope.ADMIN])

        def keep_if_first(keys: Sequence[Key]) -> None:
            if self._administers([each for each in keys if each.id != key.id]):
                raise _NotFirst
            self._keep_if_not_too_many(keys)

        try:
            with self._trail.along(What.KEY_MADE, actor, subject=key.id, detail="first key") as note:
                self._keys.add(key, noting(note, keep_if_first))
        except _NotFirst:
            return None
        return key, token

    def all(self, actor: Actor, limit: int = MAX_KEYS, after: str | None = None) -> list[Key]:
        """
        Return at most *limit* keys, the newest first: those that follow the key with the id *after*.

        Raises:
            MissingScope: *actor* may not manage keys.
            KeyNotFound: There is no key with the id *after*, any more.
        """
        _require_admin(actor)
        return self._keys.all(limit, after)

    def get(self, actor: Actor, key_id: str) -> Key:
        """
        Return a key.

        Raises:
            MissingScope: *actor* may not manage keys, and it is not his own.
            KeyNotFound: There is no key of this id.
        """
        if key_id != actor.key_id:
            _require_admin(actor)
        return self._keys.get(key_id)

    def origins(self) -> frozenset[str]:
        """Return the origins that valid keys name."""
        now = self._clock()
        keys = self._keys.all(MAX_KEYS)
        return frozenset(origin for key in keys if key.is_valid_at(now) for origin in key.origins)

    def has_admin(self) -> bool:
        """Whether there is a key by which others can be managed."""
        return self._administers(self._keys.all(MAX_KEYS))

    def _administers(self, keys: Sequence[Key]) -> bool:
        now = self._clock()
        return any(Scope.ADMIN in key.scopes and key.is_valid_at(now) for key in keys)

    def mine(self, actor: Actor) -> Key:
        """Return the key that *actor* has shown; raise `KeyNotFound` if he has shown none, or it was just removed."""
        if actor.key_id is None:
            raise KeyNotFound("no key was shown")
        return self._keys.get(actor.key_id)

    def change(self, actor: Actor, key_id: str, **changes: Unpack[KeyChanges]) -> Key:
        """
        Change a key; return it as it is now.

        Raises:
            MissingScope, MalformedRequest: As of `add`.
            KeyNotFound: There is no key of this id.
        """
        _require_admin(actor)
        checked: KeyChanges = {}
        if "name" in changes:
            checked["name"] = _label(changes["name"])
        if "scopes" in changes:
            checked["scopes"] = _some_scopes(changes["scopes"])
        if "expires_at" in changes:
            checked["expires_at"] = checked_end_or_none(changes["expires_at"], self._clock())
        if "networks" in changes:
            checked["networks"] = _networks(changes["networks"])
        if "origins" in changes:
            checked["origins"] = _origins(changes["origins"])

        def edit(key: Key) -> Key:
            quota = _quota(replace(key.quota, **changes.get("quota", {})))
            return replace(key, **checked, quota=quota)  # type: ignore[arg-type, misc]

        with self._trail.along(What.KEY_CHANGED, actor, subject=_short(key_id), detail=",".join(changes)) as note:
            return self._keys.change(key_id, edit, noting(note, self._keep))

    def remove(self, actor: Actor, key_id: str) -> None:
        """
        Remove a key: from now on no process takes its token.

        Raises:
            MissingScope: *actor* may not manage keys.
            KeyNotFound: There is no key of this id.
        """
        _require_admin(actor)
        with self._trail.along(What.KEY_REMOVED, actor, subject=_short(key_id)) as note:
            self._keys.remove(key_id, noting(note, self._keep))

    def authenticate(self, token: str, address: str | None) -> Actor:
        """
        Tell who shows this *token* from this IP *address*. The catalogue is asked each time, so that a key that was
        removed is never taken again, in any process.

        That a key was used is noted at most once a minute. If that cannot be done, nobody waits for it.

        Raises:
            InvalidKey: Nobody: the token is mistyped, or the key is not valid.
        """
        if not is_well_formed(token):
            raise InvalidKey(_MISTYPED)
        digest, now = digest_of(token), in_milliseconds(self._clock())
        key = self._keys.with_digest(digest)
        if (
            key is None
            or not hmac.compare_digest(key.digest, digest)
            or not key.is_valid_at(now)
            or not key.admits(address)
        ):
            raise InvalidKey(NOT_VALID)
        self._note_use(key, now)
        return key.actor

    def actor_of(self, key_id: str, address: str | None) -> Actor | None:
        """Return who holds this key, if it is valid from this address; None if not, or if there is none any more."""
        key = self._valid(key_id)
        return key.actor if key is not None and key.admits(address) else None

    def rights_of(self, key_id: str) -> Actor | None:
        """
        Return who holds this key, wherever he is; None if it has expired, or there is none any more. For what he has
        let others do.
        """
        key = self._valid(key_id)
        return None if key is None else key.actor

    def _valid(self, key_id: str) -> Key | None:
        try:
            key = self._keys.get(key_id)
        except KeyNotFound:
            return None
        return key if key.is_valid_at(self._clock()) else None

    def _note_use(self, key: Key, now: datetime) -> None:
        # What this process has tried counts too: if the database takes no notes, not each request is to wait for that.
        last = max(filter(None, (key.last_used_at, self._noted.get(key.id))), default=None)
        if last is not None and now - last < _NOTED_EVERY:
            return
        if len(self._noted) >= MAX_KEYS:
            self._noted.clear()
        self._noted[key.id] = now
        with suppress(CatalogueUnavailable, StoreFull):
            self._keys.note_use(key.id, now)

    def _new(
        self, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None, networks: Iterable[str] = ()
    ) -> tuple[Key, str]:
        token = new_token()
        key = Key(
            id=secrets.token_hex(8),
            digest=digest_of(token),
            name=_label(name),
            scopes=_some_scopes(scopes),
            created_at=in_milliseconds(self._clock()),
            expires_at=checked_end_or_none(expires_at, self._clock()),
            networks=_networks(networks),
        )
        return key, token

    def _keep_if_not_too_many(self, keys: Sequence[Key]) -> None:
        if len(keys) > MAX_KEYS:
            raise TooManyKeys(f"there are {MAX_KEYS} keys already", measured=len(keys), limit=MAX_KEYS)
        self._keep(keys)


def _in_order(key: Key) -> str:
    return ",".join(scope.value for scope in Scope if scope in key.scopes)


def _short(key_id: str) -> str:
    """Return what may be the id of a key, no longer than one."""
    return key_id[:_KEY_ID_CHARS]


def _require_admin(actor: Actor) -> None:
    if not actor.has(Scope.ADMIN):
        raise MissingScope(Scope.ADMIN, actor.scopes)


def _label(name: str) -> str:
    label = checked_label("the name", name, MAX_KEY_NAME_CHARS)
    if label is None:
        raise MalformedRequest("a key needs a name, by which you know it again")
    return label


def _some_scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    some = frozenset(scopes)
    if not some:
        raise MalformedRequest(f"a key needs a scope at least: {', '.join(Scope)}")
    return some


def _networks(networks: Iterable[str]) -> tuple[str, ...]:
    return few("networks", networks_of, networks, MAX_KEY_NETWORKS)


def _origins(origins: Iterable[str]) -> tuple[str, ...]:
    return few("origins", origins_of, origins, MAX_KEY_ORIGINS)


def _quota(quota: Quota) -> Quota:
    for name, value in asdict(quota).items():
        if value is not None and not 0 <= value <= MAX_QUOTA:
            raise MalformedRequest(f"quota.{name} is {value}, and may be from 0 to {MAX_QUOTA}", limit=MAX_QUOTA)
    return quota
