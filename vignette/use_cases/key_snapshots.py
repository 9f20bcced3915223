"""
Keep a copy of all keys in the upload folder (`.service/keys.json`), so that a copy of the folder is the whole backup.

The copy is written before a change of the keys is committed. So a change that cannot be written down does not happen,
and a key that was revoked is in no copy that is made of the folder afterwards. Whoever is killed between the two leaves
a copy that is ahead: the change was not acknowledged, the catalogue is right, and the next start writes the copy anew.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from vignette import layout
from vignette.access.keys import Key
from vignette.errors import CatalogueUnavailable, FileNotStored, StoreUnavailable
from vignette.limits import MAX_KEYS
from vignette.ports.access import KeyCopies, Keys
from vignette.ports.store import ServiceFiles
from vignette.snapshots import keys_from_json, keys_to_json, without_uses

PLACE: Final = f"{layout.SERVICE}/{layout.KEYS}"

logger = logging.getLogger(__name__)


class KeySnapshots:
    """The use case. Each method may run while others change keys."""

    def __init__(self, keys: Keys, copies: KeyCopies, files: ServiceFiles) -> None:
        self._keys = keys
        self._copies = copies
        self._files = files

    def write(self, keys: Sequence[Key]) -> None:
        """Write *keys* down in the place of all others; see `ports.access.Keep`."""
        self._files.write_service(layout.KEYS, keys_to_json(keys))

    def is_behind(self) -> bool:
        """Whether the catalogue has keys, and the snapshot is not what they are. A change may be under way."""
        keys = self._keys.all(MAX_KEYS)
        return bool(keys) and self._differ(keys)

    def not_taken(self) -> str | None:
        """Say what the snapshot holds, if the catalogue has no keys and the snapshot is not empty."""
        if self._keys.all(1):
            return None
        try:
            keys = self._read()
        except ValueError as error:
            return f"it holds no keys that Vignette has written: {_in_a_line(error)}"
        return f"it holds keys ({len(keys)}), and the catalogue has none" if keys else None

    def mend(self) -> None:
        """
        At a start: write the snapshot anew if it is not what the catalogue says. It raises nothing: images are served
        all the same, and the next change writes the snapshot, or fails.
        """
        try:
            if self.is_behind():
                self.write_anew()
            elif (words := self.not_taken()) is not None:
                logger.warning("%s is not taken: %s; `vignette reindex` takes it if it can be read", PLACE, words)
        except (CatalogueUnavailable, StoreUnavailable) as error:
            logger.warning("%s is not as the catalogue says; the next start tries it again: %s", PLACE, error)

    def write_anew(self) -> None:
        """Write the keys of the catalogue down, unless that was done meanwhile."""
        self._copies.keep(self._write_if_they_differ)

    def bring_back(self) -> int:
        """
        If the catalogue has no keys, take those of the snapshot, and return how many they are. Otherwise the catalogue
        is right, and the snapshot is written anew if it differs.

        Nothing is taken of a snapshot that Vignette has not written; the log says so.

        Raises:
            StoreUnavailable: The upload folder cannot be used.
            CatalogueUnavailable: The catalogue cannot be used.
        """
        try:
            count = self._copies.restore(self._read)
        except ValueError as error:
            logger.warning("%s is not taken: it holds no keys that Vignette has written: %s", PLACE, _in_a_line(error))
            return 0
        if count:
            logger.warning("%s has brought its keys back (%d): `vignette keys ls` lists them", PLACE, count)
        elif self.is_behind():
            self.write_anew()
        return count

    def _write_if_they_differ(self, keys: Sequence[Key]) -> None:
        if self._differ(keys):
            self.write(keys)

    def _differ(self, keys: Sequence[Key]) -> bool:
        try:
            return self._read() != without_uses(keys)
        except ValueError:
            return True

    def _read(self) -> Sequence[Key]:
        """The keys of the snapshot, none if there is no snapshot; `ValueError` if it cannot be what we have written."""
        try:
            content = self._files.read_service(layout.KEYS)
        except FileNotStored:
            return ()
        return keys_from_json(content)


def _in_a_line(error: ValueError) -> str:
    """What went wrong, without the advice that pydantic adds."""
    return " ".join(str(error).split())[:200]
