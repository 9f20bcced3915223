"""
Keep a copy of what no image's folder holds in the upload folder (`.service/`), so that a copy of the folder is the
whole backup.

The copy is written before a change is committed. So a change that cannot be written down does not happen, and what was
taken back is in no copy that is made of the folder afterwards. Whoever is killed between the two leaves a copy that is
ahead: the change was not acknowledged, the catalogue is right, and the next start or the sweep writes the copy anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from vignette import layout
from vignette.errors import CatalogueUnavailable, FileNotStored, StoreUnavailable
from vignette.ports.store import ServiceFiles

Value = TypeVar("Value")

logger = logging.getLogger(__name__)


class Copies(Protocol[Value]):
    """What `ports.access.KeyCopies` and `ports.tickets.TicketCopies` have in common."""

    def is_empty(self) -> bool: ...

    def kept(self) -> list[Value]: ...

    def keep(self, keep: Callable[[Sequence[Value]], None]) -> None: ...

    def restore(self, read: Callable[[], Sequence[Value]]) -> int: ...


@dataclass(frozen=True, slots=True)
class Form(Generic[Value]):
    """
    What is kept, under which name, and how it is written. `what` is what it is called in the log, in the plural. `read`
    raises `ValueError` if Vignette has not written the content; `comparable` makes of values what `read` gives back.
    `listed_by` is the command that lists them.
    """

    what: str
    name: str
    write: Callable[[Sequence[Value]], bytes]
    read: Callable[[bytes], Sequence[Value]]
    comparable: Callable[[Sequence[Value]], Sequence[Value]]
    listed_by: str

    @property
    def place(self) -> str:
        return f"{layout.SERVICE}/{self.name}"


class Snapshots(Generic[Value]):
    """The use case. Each method may run while others change what is kept."""

    def __init__(self, form: Form[Value], copies: Copies[Value], files: ServiceFiles) -> None:
        self.form = form
        self._copies = copies
        self._files = files

    def write(self, values: Sequence[Value]) -> None:
        """Write *values* down in the place of all others; see `ports.access.Keep` and `ports.tickets.Keep`."""
        self._files.write_service(self.form.name, self.form.write(values))

    def is_behind(self) -> bool:
        """Whether the catalogue has some, and the snapshot is not what they are. A change may be under way."""
        return not self._copies.is_empty() and self._differ(self._copies.kept())

    def not_taken(self) -> str | None:
        """Say what the snapshot holds, if the catalogue has none and the snapshot is not empty."""
        if not self._copies.is_empty():
            return None
        what = self.form.what
        try:
            values = self._read()
        except ValueError as error:
            return f"it holds no {what} that Vignette has written: {_in_a_line(error)}"
        return f"it holds {what} ({len(values)}), and the catalogue has none" if values else None

    def mend(self) -> None:
        """
        At a start: write the snapshot anew if it is not what the catalogue says. It raises nothing: images are served
        all the same, and the next change writes the snapshot, or fails.
        """
        place = self.form.place
        try:
            self.settle()
            if (words := self.not_taken()) is not None:
                logger.warning("%s is not taken: %s; `vignette reindex` takes it if it can be read", place, words)
        except (CatalogueUnavailable, StoreUnavailable) as error:
            logger.warning("%s is not as the catalogue says; the next start tries it again: %s", place, error)

    def settle(self) -> None:
        """Write the snapshot anew if whoever changed it was killed before the catalogue had the change."""
        if self.is_behind():
            self.write_anew()

    def write_anew(self) -> None:
        """Write down what the catalogue has, unless that was done meanwhile."""
        self._copies.keep(self._write_if_they_differ)

    def bring_back(self) -> int:
        """
        If the catalogue has none, take those of the snapshot, and return how many they are. Otherwise the catalogue
        is right, and the snapshot is written anew if it differs.

        Nothing is taken of a snapshot that Vignette has not written; the log says so.

        Raises:
            StoreUnavailable: The upload folder cannot be used.
            CatalogueUnavailable: The catalogue cannot be used.
        """
        place, what = self.form.place, self.form.what
        try:
            count = self._copies.restore(self._read)
        except ValueError as error:
            words = _in_a_line(error)
            logger.warning("%s is not taken: it holds no %s that Vignette has written: %s", place, what, words)
            return 0
        if count:
            logger.warning("%s has brought its %s back (%d): `%s` lists them", place, what, count, self.form.listed_by)
        else:
            self.settle()
        return count

    def differ(self, written: Sequence[Value], values: Sequence[Value]) -> bool:
        """Whether what was *written* is not what *values* are now."""
        return written != self.form.comparable(values)

    def _write_if_they_differ(self, values: Sequence[Value]) -> None:
        if self._differ(values):
            self.write(values)

    def _differ(self, values: Sequence[Value]) -> bool:
        try:
            return self.differ(self._read(), values)
        except ValueError:
            return True

    def _read(self) -> Sequence[Value]:
        """
        What the snapshot holds, nothing if there is no snapshot; `ValueError` if it cannot be what we have written.
        """
        try:
            content = self._files.read_service(self.form.name)
        except FileNotStored:
            return ()
        return self.form.read(content)


def _in_a_line(error: ValueError) -> str:
    """What went wrong, without the advice that pydantic adds."""
    return " ".join(str(error).split())[:200]
