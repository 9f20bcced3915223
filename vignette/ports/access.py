"""
Keys, in the database of the catalogue. What the folders hold does not bring them back: see `KeyCopies`.

Every change is one transaction, and raises as those of `ports.catalogue`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from vignette.access.keys import Key
from vignette.access.offers import Offer

Keep = Callable[[Sequence[Key]], None]
"""Writes all keys down elsewhere, the newest first, and raises if that cannot be done."""


class Offers(Protocol):
    """The offer of a first key, if one stands. Every method raises `StoreUnavailable` if it cannot be kept."""

    def read(self) -> Offer | None:
        """Return the offer; None if none stands, or it cannot be read."""

    def write(self, offer: Offer) -> None:
        """Write the offer down in place of any other."""

    def remove(self) -> None:
        """Remove the offer, if one stands."""


class Keys(Protocol):
    """
    For those who look keys up and change them.

    Each change takes a *keep*, and calls it with all keys as they are to be, before it commits: what was written down
    is never behind what was committed. If *keep* raises, nothing changes. If it was called and the change fails all the
    same, *keep* is called once more, with the keys that there are, and that may fail. No two changes happen at once.
    """

    def add(self, key: Key, keep: Keep) -> None:
        """Add *key*, whose id and digest no other key has."""

    def get(self, key_id: str) -> Key:
        """Return the key; raise `KeyNotFound` if there is none of this id."""

    def with_digest(self, digest: str) -> Key | None:
        """Return the key whose token has this *digest*; None if there is none."""

    def all(self, limit: int, after: str | None = None) -> list[Key]:
        """
        Return at most *limit* keys, the newest first: those that follow the key with the id *after*.

        Raises:
            KeyNotFound: There is no key with the id *after*, any more.
        """

    def change(self, key_id: str, edit: Callable[[Key], Key], keep: Keep) -> Key:
        """
        Replace the name, the scopes, the end, the networks, the origins and the quota of a key by those of the key that
        *edit* makes of it; return that. *edit* is called while nobody else can change the key.

        Raises:
            KeyNotFound: There is no key of this id.
        """

    def remove(self, key_id: str, keep: Keep) -> None:
        """Remove the key; raise `KeyNotFound` if there is none of this id."""

    def note_use(self, key_id: str, at: datetime) -> None:
        """
        Note that the key was last used *at* this time, unless it was used later. A crash may lose it.

        Raises:
            CatalogueUnavailable: Others have kept the database from writing for a tenth of a second. Nothing is noted.
        """


class KeyCopies(Protocol):
    """For those who hold the keys against what was written down of them."""

    def is_empty(self) -> bool:
        """Whether there is no key."""

    def kept(self) -> list[Key]:
        """All keys, the newest first."""

    def keep(self, keep: Keep) -> None:
        """Call *keep* with all keys, while none can be added, changed or removed."""

    def restore(self, read: Callable[[], Sequence[Key]]) -> int:
        """
        If there is no key, add those that *read* returns, and return how many they are; 0 otherwise. *read* is called
        while none can be added.
        """
