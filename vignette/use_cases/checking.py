"""
Check every folder against its record and its row, and repair what can be repaired without losing anything.

The check may run beside the service. It looks at each suspect again some seconds later, so that an image that was just
being uploaded, rendered or deleted is no finding.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any, Final

from vignette import layout
from vignette.errors import FileNotStored, ImageNotFound, Overloaded, Refused, StoreUnavailable
from vignette.limits import CHUNK_BYTES, STAGING_MAX_AGE_S, SWEEP_INTERVAL_S
from vignette.model import Edits, Image, ImageId, Need, Outcome, Record, Review, State
from vignette.ports.catalogue import Index, Library
from vignette.ports.inspector import Inspector
from vignette.ports.store import Files, Staging, Survey
from vignette.recipes import Recipe
from vignette.records import (
    edits_to_json,
    metadata_from_json,
    outcome_from_json,
    record_from_json,
    record_to_json,
    review_to_json,
    tombstone_to_json,
)
from vignette.use_cases.findings import METADATA, Finding, Folder, Kind, Remedy, judge
from vignette.use_cases.reindexing import read_anew, read_edits, read_quarantine
from vignette.use_cases.removal import Removal
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.snapshotting import Snapshots

# Longer than the time between two writes of a rendering, and longer than the time between two sweeps.
_SETTLE_S: Final = 2 * SWEEP_INTERVAL_S

# Images with findings that are held in memory: 10 MB, and a pause for each so many of them.
_SUSPECTS_AT_A_TIME: Final = 10_000

_Suspect = tuple[ImageId, set[tuple[Kind, str | None]]]


def settle() -> None:
    """Pause for so long that an upload, rendering or deletion under way has most probably taken its next step."""
    time.sleep(_SETTLE_S)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers below *following*, then those of *beyond*."""

    following: ImageId
    beyond: Sequence[ImageId]

    def __len__(self) -> int:
        return self.following + len(self.beyond)

    def __iter__(self) -> Iterator[ImageId]:
        return chain(map(ImageId, range(self.following)), self.beyond)


class Checkup:
    """
    The use case.

    The check calls *settle* before it looks at the suspects again. A leftover is what has lain in the staging folder
    unchanged for more than *staging_max_age_s* seconds.
    """

    def __init__(
        self,
        files: Files,
        staging: Staging,
        survey: Survey,
        library: Library,
        index: Index,
        removal: Removal,
        renewal: Renewal,
        snapshots: Sequence[Snapshots[Any]],
        inspector: Inspector,
        recipes: Sequence[Recipe],
        *,
        settle: Callable[[], object] = settle,
        staging_max_age_s: float = STAGING_MAX_AGE_S,
    ) -> None:
        self._files = files
        self._staging = staging
        self._survey = survey
        self._library = library
        self._index = index
        self._removal = removal
        self._renewal = renewal
        self._snapshots = snapshots
        self._inspector = inspector
        self._vignettes = layout.vignettes(recipes)
        self._settle = settle
        self._staging_max_age_s = staging_max_age_s
        self.incomplete = 0
        """How many ready images `run` has come across whose vignettes are still to come in part."""
        self.not_completed = 0
        """How many ready images `run` has come across of which some vignettes could not be made."""

    def image_ids(self) -> Numbers:
        """Return every number that was given out, and every higher number that has a folder."""
        following = self._index.next_id()
        return Numbers(following, sorted(image_id for image_id in self._survey.image_ids() if image_id >= following))

    def run(
        self, image_ids: Iterable[ImageId], *, repair: bool = False, checked: Callable[[ImageId], None] = lambda _: None
    ) -> Iterator[Finding]:
        """
        Check the images with these numbers, then what lies beside their folders; yield what is wrong.

        *checked* is called after the first look at each image. With *repair*, the remedy of each finding is tried
        before the finding is yielded. What is held in memory is bounded, even if every image has a finding.

        Raises:
            StoreUnavailable: The upload folder cannot be used.
            CatalogueUnavailable: The catalogue cannot be used.
        """
        suspects: list[_Suspect] = []
        for image_id in image_ids:
            found, row = self._look(image_id)
            self._count(row)
            if found:
                suspects.append((image_id, {(finding.kind, finding.name) for finding in found}))
            checked(image_id)
            if len(suspects) == _SUSPECTS_AT_A_TIME:
                yield from self._look_again(suspects, repair=repair)
                suspects = []
        yield from self._look_again(suspects, repair=repair)
        for finding in self._look_beside():
            yield self._repaired(finding) if repair else finding

    def _look_again(self, suspects: Sequence[_Suspect], *, repair: bool) -> Iterator[Finding]:
        if suspects:
            self._settle()
        for image_id, before in suspects:
            for finding in self._look(image_id)[0]:
                if (finding.kind, finding.name) in before:
                    yield self._repaired(finding) if repair else finding

    def _count(self, row: Image | None) -> None:
        if row is not None and row.state is State.READY:
            self.incomplete += row.need is Need.REST
            self.not_completed += row.has_failed

    def _look(self, image_id: ImageId) -> tuple[list[Finding], Image | None]:
        """Return what is wrong with the image, and its row."""
        row = self._row(image_id)
        try:
            folder = self._folder(image_id, row)
        except StoreUnavailable as error:
            return [Finding(Kind.UNREADABLE, str(error), image_id)], row
        # Nobody can tell a crash's leftover at the counter from an upload that is just being indexed. The next upload
        # indexes it either way.
        if row is None and image_id == self._index.next_id():
            return [], row
        found = judge(row, folder, self._vignettes)
        return [replace(finding, image_id=image_id) for finding in found], row

    def _row(self, image_id: ImageId) -> Image | None:
        try:
            return self._library.get(image_id)
        except ImageNotFound:
            return None

    def _folder(self, image_id: ImageId, row: Image | None) -> Folder | None:
        try:
            listing = self._survey.listing(image_id)
        except FileNotStored:
            return None
        names, others = frozenset(listing.files), tuple(listing.others)
        if layout.TOMBSTONE in names:
            return Folder(names, others=others)
        record = self._record(image_id)
        basis = record or (row.record if row else None)
        digest, size = (None, None) if basis is None else self._measure(image_id, layout.original(basis.facts))
        bad_metadata = tuple(name for name in METADATA if not self._is_readable(image_id, name))
        outcome = self._outcome(image_id)
        bad_vignettes = tuple(self._bad_vignettes(image_id, names, outcome)) if outcome else ()
        has_bad_edits, edits = False, Edits()
        has_bad_review, quarantine = False, None
        if record is not None:
            try:
                edits = read_edits(self._files, listing, image_id, record)
            except ValueError:
                has_bad_edits = True
            try:
                quarantine = read_quarantine(self._files, listing, image_id)
            except ValueError:
                has_bad_review = True
        return Folder(
            *(names, record, edits, outcome, digest, size, bad_metadata, bad_vignettes, others),
            has_bad_edits=has_bad_edits,
            quarantine=quarantine,
            has_bad_review=has_bad_review,
        )

    def _record(self, image_id: ImageId) -> Record | None:
        try:
            return record_from_json(self._files.read(image_id, layout.RECORD))
        except (FileNotStored, ValueError):
            return None

    def _outcome(self, image_id: ImageId) -> Outcome | None:
        try:
            return outcome_from_json(self._files.read(image_id, layout.OUTCOME))
        except (FileNotStored, ValueError):
            return None

    def _bad_vignettes(self, image_id: ImageId, names: frozenset[str], outcome: Outcome) -> Iterator[str]:
        for name in outcome.vignettes:
            if name in names and not self._is_whole(image_id, name, outcome):
                yield name

    def _is_whole(self, image_id: ImageId, name: str, outcome: Outcome) -> bool:
        try:
            return outcome.fits(name, self._files.read(image_id, name))
        except FileNotStored:  # it is longer than any vignette, or has just been removed
            return False

    def _is_readable(self, image_id: ImageId, name: str) -> bool:
        try:
            content = self._files.read(image_id, name)
            if name == layout.METADATA_JSON:
                metadata_from_json(content)
        except (FileNotStored, ValueError):
            return False
        return True

    def _measure(self, image_id: ImageId, name: str) -> tuple[str | None, int | None]:
        digest, size = hashlib.sha256(), 0
        try:
            with self._files.open(image_id, name) as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
        except FileNotStored:
            return None, None
        except OSError as error:  # the disk failed in the middle of the file
            raise StoreUnavailable(f"the original cannot be read: {error.strerror}") from error
        return digest.hexdigest(), size

    def _look_beside(self) -> Iterator[Finding]:
        for name in self._survey.strangers():
            yield Finding(Kind.STRANGER, "the upload folder holds something that is none of ours", name=name)
        for name in self._staging.leftovers(self._staging_max_age_s):
            yield Finding(
                Kind.LEFTOVER,
                f"the staging folder holds what was left there more than {self._staging_max_age_s:g} s ago",
                name=name,
                remedy=Remedy.CLEAR,
            )
        for snapshots in self._snapshots:
            yield from self._look_at(snapshots)

    def _look_at(self, snapshots: Snapshots[Any]) -> Iterator[Finding]:
        what, place = snapshots.form.what, snapshots.form.place
        kind = Kind(f"{what}-differ")
        if snapshots.is_behind():
            self._settle()
            if snapshots.is_behind():
                detail = f"it does not hold the {what} of the catalogue: a copy of the upload folder would have others"
                yield Finding(kind, detail, name=place, remedy=Remedy.SERVICE)
        elif (words := snapshots.not_taken()) is not None:
            yield Finding(kind, f"{words}; `vignette reindex` takes it if it can be read", name=place)

    def _repaired(self, finding: Finding) -> Finding:
        if finding.remedy is None:
            return replace(finding, is_repaired=False)
        try:
            self._repair(finding)
        except (StoreUnavailable, FileNotStored, Refused, Overloaded, ImageNotFound) as error:
            return replace(finding, is_repaired=False, detail=f"{finding.detail}; not repaired: {error}")
        return replace(finding, is_repaired=True)

    def _repair(self, finding: Finding) -> None:
        image_id, name = finding.image_id, finding.name
        if finding.remedy is Remedy.SERVICE:
            next(each for each in self._snapshots if each.form.place == name).write_anew()
        elif image_id is None:
            self._staging.clear_staging(self._staging_max_age_s)
        elif finding.remedy is Remedy.INDEX:
            self._index.index(image_id, partial(read_anew, self._files, self._survey, image_id))
        elif finding.remedy is Remedy.RENDER:
            self._renewal.render_again(image_id)
        elif finding.remedy is Remedy.DELETE:
            self._removal.resume(image_id)
        elif finding.remedy is Remedy.ENTOMB:
            self._entomb(image_id)
        elif finding.remedy is Remedy.RECORD:
            record = self._library.get(image_id).record
            self._files.write(image_id, layout.RECORD, record_to_json(record))
        elif finding.remedy is Remedy.EDITS:
            row = self._library.get(image_id)
            edits = Edits(row.visibility, row.links_ended_at)
            self._files.write(image_id, layout.EDITS, edits_to_json(edits))
        elif finding.remedy is Remedy.REVIEW:
            self._write_review(image_id)
        elif finding.remedy is Remedy.METADATA:
            self._write_metadata(image_id)
        elif name is not None:
            self._files.remove(image_id, name)

    def _write_review(self, image_id: ImageId) -> None:
        suspicion = self._library.get(image_id).quarantine
        if suspicion is not None:
            self._files.write(image_id, layout.REVIEW, review_to_json(Review(suspicion)))

    def _entomb(self, image_id: ImageId) -> None:
        tombstone = tombstone_to_json(datetime.now(UTC), self._library.get(image_id).record.ticket)
        try:
            self._files.write(image_id, layout.TOMBSTONE, tombstone)
        except FileNotStored:
            staged = self._staging.stage()
            staged.append(tombstone)
            staged.complete(layout.TOMBSTONE, {})
            self._staging.promote(staged, image_id)

    def _write_metadata(self, image_id: ImageId) -> None:
        record = record_from_json(self._files.read(image_id, layout.RECORD))
        with self._files.open(image_id, layout.original(record.facts)) as file:
            # The picture was within the limits when it came; they may be lower now.
            found = self._inspector.inspect(
                file, record.bytes, max_pixels=sys.maxsize, max_frames=sys.maxsize, max_memory_bytes=sys.maxsize
            )
        self._files.write(image_id, layout.METADATA_TEXT, found.metadata_text)
        self._files.write(image_id, layout.METADATA_JSON, found.metadata_json)
