"""Judge what is wrong with an image from its row and its folder, and report it. Nothing here reads or writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from vignette import layout
from vignette.access.names import name_of_earlier
from vignette.model import Edits, Image, ImageId, Outcome, Record, State, Suspicion

METADATA: Final = (layout.METADATA_TEXT, layout.METADATA_JSON)

# The first release left files with such names when it was killed while it wrote one.
_PART: Final = re.compile(r"\..+\.[0-9a-f]{16}")


class Kind(StrEnum):
    """What can be wrong. The strings are stable, for programs that read the report."""

    UNREADABLE = "unreadable"
    NUMBER_LOST = "number-lost"
    FOLDER_MISSING = "folder-missing"
    ROW_MISSING = "row-missing"
    ROW_DIFFERS = "row-differs"
    RECORD_MISSING = "record-missing"
    ORIGINAL_MISSING = "original-missing"
    ORIGINAL_CHANGED = "original-changed"
    METADATA_MISSING = "metadata-missing"
    EDITS_DAMAGED = "edits-damaged"
    REVIEW_DAMAGED = "review-damaged"
    OUTCOME_MISSING = "outcome-missing"
    VIGNETTE_MISSING = "vignette-missing"
    VIGNETTE_DAMAGED = "vignette-damaged"
    VIGNETTE_STALE = "vignette-stale"
    DELETION_UNFINISHED = "deletion-unfinished"
    TOMBSTONE_MISSING = "tombstone-missing"
    LEFTOVER = "leftover"
    STRANGER = "stranger"
    KEYS_DIFFER = "keys-differ"
    TICKETS_DIFFER = "tickets-differ"


class Remedy(StrEnum):
    """What `--repair` does about a finding. None removes an original unless somebody asked to delete the image."""

    INDEX = "write the row from the folder"
    RENDER = "render it again"
    DELETE = "finish the deletion"
    ENTOMB = "write the tombstone"
    RECORD = "write the record from the row"
    EDITS = "write what was said of it from the row"
    REVIEW = "write why it is in quarantine from the row"
    METADATA = "read the metadata from the original again"
    REMOVE = "remove the file"
    CLEAR = "clear the staging folder"
    SERVICE = "write down what the catalogue has"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. Without a `remedy` it needs a person. `is_repaired` is None if no repair was asked."""

    kind: Kind
    detail: str
    image_id: ImageId | None = None
    name: str | None = None
    remedy: Remedy | None = None
    is_repaired: bool | None = None


@dataclass(frozen=True, slots=True)
class Folder:
    """
    What lies in an image's folder.

    `digest` (SHA-256, in hex) and `size` (in bytes) are those of the original, and None if it is not there.
    `bad_metadata` names the metadata files that are missing or unreadable, `bad_vignettes` the vignettes that are there
    and not as they were made. `others` are no files. If the edits are damaged (`has_bad_edits`), nobody knows
    what was said of it (`edits`); if the review is (`has_bad_review`), whether it is in `quarantine`.
    """

    names: frozenset[str]
    record: Record | None = None
    edits: Edits = field(default_factory=Edits)
    outcome: Outcome | None = None
    digest: str | None = None
    size: int | None = None
    bad_metadata: tuple[str, ...] = ()
    bad_vignettes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    has_bad_edits: bool = False
    quarantine: Suspicion | None = None
    has_bad_review: bool = False


def judge(row: Image | None, folder: Folder | None, vignettes: frozenset[str]) -> list[Finding]:
    """
    Return what is wrong with an image that has this *row* and this *folder*.

    *vignettes* are the names of the vignettes that the recipes in force make. A ready image whose vignettes were made
    by other recipes is well if it has those that its outcome names: it will be rendered again, or that has failed. So
    is one whose other sizes are still to come.
    """
    if folder is None:
        return [_without_folder(row)]
    if layout.TOMBSTONE in folder.names:
        return _entombed(row, folder)
    if row is not None and row.state is State.DELETING:
        return [Finding(Kind.DELETION_UNFINISHED, "its deletion was begun and not ended", remedy=Remedy.DELETE)]
    if row is not None and row.state is State.DELETED:
        return [_without_tombstone(folder)]
    return [*_facts(row, folder), *_verdict(row, folder, vignettes), *_surplus(row, folder, vignettes)]


def _without_folder(row: Image | None) -> Finding:
    if row is None:
        return Finding(Kind.NUMBER_LOST, "there is neither a folder nor a row of this number, which was given out")
    if row.state is State.DELETED:
        return Finding(Kind.TOMBSTONE_MISSING, "it was deleted, and its folder is gone", remedy=Remedy.ENTOMB)
    if row.state is State.DELETING:
        return Finding(Kind.DELETION_UNFINISHED, "its deletion was begun and not ended", remedy=Remedy.DELETE)
    return Finding(Kind.FOLDER_MISSING, "its folder is gone: take it from a backup")


def _entombed(row: Image | None, folder: Folder) -> list[Finding]:
    if row is None:
        return [Finding(Kind.ROW_MISSING, "the catalogue does not know this deleted image", remedy=Remedy.INDEX)]
    rest = len(folder.names) - 1 + len(folder.others)
    if row.state is State.DELETED and not rest:
        return []
    detail = f"it has a tombstone; the catalogue says {row.state}, other files: {rest}"
    return [Finding(Kind.DELETION_UNFINISHED, detail, remedy=Remedy.DELETE)]


def _without_tombstone(folder: Folder) -> Finding:
    if not folder.names:
        return Finding(Kind.TOMBSTONE_MISSING, "it was deleted, and its folder is empty", remedy=Remedy.ENTOMB)
    detail = "the catalogue says that it was deleted, its files are there: `reindex` brings it back"
    return Finding(Kind.TOMBSTONE_MISSING, detail)


def _facts(row: Image | None, folder: Folder) -> Iterator[Finding]:
    """Judge the record, the original and the metadata."""
    basis = folder.record or (row.record if row else None)
    if basis is None:
        yield Finding(Kind.RECORD_MISSING, "it has no readable record and no row: nothing tells what it is")
        return
    is_sound = _is_sound(basis, folder)
    if folder.record is None:
        remedy = Remedy.RECORD if is_sound else None
        yield Finding(Kind.RECORD_MISSING, "it has no readable record", remedy=remedy)
    elif row is None:
        yield Finding(Kind.ROW_MISSING, "the catalogue does not know it", remedy=Remedy.INDEX)
    elif _under_its_name(folder.record, row) != row.record:
        yield Finding(Kind.ROW_DIFFERS, "the catalogue says other things of it than its record", remedy=Remedy.INDEX)
    elif folder.has_bad_edits:
        yield Finding(Kind.EDITS_DAMAGED, "what was said of it cannot be read", name=layout.EDITS, remedy=Remedy.EDITS)
    elif folder.edits.visibility is not row.visibility:
        detail = f"the catalogue says that it is {row.visibility}, its folder that it is {folder.edits.visibility}"
        yield Finding(Kind.ROW_DIFFERS, detail, remedy=Remedy.INDEX)
    elif folder.edits.links_ended_at != row.links_ended_at:
        detail = "the catalogue and its folder differ in when its links were ended"
        yield Finding(Kind.ROW_DIFFERS, detail, remedy=Remedy.INDEX)
    if folder.record is not None and row is not None:
        yield from _review(row, folder)
    name = layout.original(basis.facts)
    if folder.digest is None:
        yield Finding(Kind.ORIGINAL_MISSING, "its original is gone: take it from a backup", name=name)
    elif not is_sound:
        detail = (
            f"its original has changed: {folder.size} bytes with SHA-256 {folder.digest}, and it came as {basis.bytes} "
            f"bytes with {basis.sha256}: take it from a backup"
        )
        yield Finding(Kind.ORIGINAL_CHANGED, detail, name=name)
    for name in folder.bad_metadata:
        remedy = Remedy.METADATA if is_sound else None
        yield Finding(Kind.METADATA_MISSING, f"its {name} is missing or unreadable", name=name, remedy=remedy)


def _review(row: Image, folder: Folder) -> Iterator[Finding]:
    if folder.has_bad_review:
        # Without the file it is as if nobody had ever suspected it, which is what the row says.
        remedy = Remedy.REMOVE if row.quarantine is None else Remedy.REVIEW
        detail = "whether it is in quarantine cannot be read"
        yield Finding(Kind.REVIEW_DAMAGED, detail, name=layout.REVIEW, remedy=remedy)
    elif folder.quarantine != row.quarantine:
        said = [("in" if each else "out of") for each in (row.quarantine, folder.quarantine)]
        detail = f"the catalogue says that it is {said[0]} quarantine, its folder that it is {said[1]} it"
        if said[0] == said[1]:
            detail = "the catalogue and its folder tell different reasons for its quarantine"
        yield Finding(Kind.ROW_DIFFERS, detail, remedy=Remedy.INDEX)


def _under_its_name(record: Record, row: Image) -> Record:
    """Return *record*; if it has no name of its own, or that of the folder it was copied from, with the one in use."""
    name = name_of_earlier(row.id, record)
    return replace(record, public_name=name) if row.public_name == name else record


def _verdict(row: Image | None, folder: Folder, vignettes: frozenset[str]) -> Iterator[Finding]:
    """Judge the outcome and the vignettes that it names."""
    if row is None or row.state not in (State.READY, State.FAILED):
        return
    remedy = Remedy.RENDER if _is_sound(folder.record or row.record, folder) else None
    if folder.outcome is None:
        yield Finding(Kind.OUTCOME_MISSING, f"it is {row.state} without a readable outcome", remedy=remedy)
    elif (folder.outcome.failure is None) != (row.state is State.READY):
        yield Finding(Kind.ROW_DIFFERS, f"it is {row.state}, its outcome says otherwise", remedy=Remedy.INDEX)
    elif row.state is State.READY:
        made = frozenset(folder.outcome.vignettes)
        in_force = layout.recipe_set(vignettes)
        if row.need is None and row.failure is None and folder.outcome.to_come:
            detail = "the catalogue says that all of its vignettes are made, its outcome tells of some to come"
            yield Finding(Kind.ROW_DIFFERS, detail, remedy=Remedy.INDEX)
        elif row.recipe_set == in_force != layout.recipe_set(made) and row.need is None and row.failure is None:
            detail = "the catalogue says that the recipes in force have made its vignettes, its outcome names others"
            yield Finding(Kind.ROW_DIFFERS, detail, remedy=Remedy.INDEX)
        for name in sorted(made - folder.names):
            yield Finding(Kind.VIGNETTE_MISSING, "it is ready without this vignette", name=name, remedy=remedy)
        for name in folder.bad_vignettes:
            yield Finding(Kind.VIGNETTE_DAMAGED, "this vignette is not as it was made", name=name, remedy=remedy)


def _surplus(row: Image | None, folder: Folder, vignettes: frozenset[str]) -> Iterator[Finding]:
    """Find the files that should not be there."""
    basis = folder.record or (row.record if row else None)
    ours = {
        layout.RECORD,
        layout.EDITS,
        layout.REVIEW,
        layout.OUTCOME,
        *layout.MADE_ON_DEMAND,
        *METADATA,
        *vignettes,
    } | ({layout.original(basis.facts)} if basis else set())
    ours.update(folder.outcome.vignettes if folder.outcome else ())
    is_being_rendered = row is not None and row.need is not None
    for name in folder.others:
        yield Finding(Kind.STRANGER, "a link, a folder or a device; Vignette never looks behind it", name=name)
    for name in sorted(folder.names - ours):
        if _PART.fullmatch(name):
            if not is_being_rendered:
                yield Finding(Kind.LEFTOVER, "a file that was not written to its end", name=name, remedy=Remedy.REMOVE)
        elif layout.is_vignette(name):
            if not is_being_rendered:
                detail = "a vignette that its outcome does not name, of no recipe in force"
                yield Finding(Kind.VIGNETTE_STALE, detail, name=name, remedy=Remedy.REMOVE)
        elif basis is not None:
            yield Finding(Kind.STRANGER, "a file that is none of ours", name=name)


def _is_sound(record: Record, folder: Folder) -> bool:
    return (folder.digest, folder.size) == (record.sha256, record.bytes)


@dataclass(frozen=True, slots=True)
class Report:
    """
    The findings of a check; `images` is how many numbers it checked. Of `incomplete` ready images, some vignettes are
    still to come. Of `not_completed` ready images, some could not be made. Neither is a finding.
    """

    images: int
    findings: list[Finding]
    incomplete: int = 0
    not_completed: int = 0

    @property
    def is_well(self) -> bool:
        """Whether every finding was repaired."""
        return all(finding.is_repaired for finding in self.findings)

    def as_text(self) -> str:
        lines = [_line(finding) for finding in self.findings]
        repaired = sum(1 for finding in self.findings if finding.is_repaired)
        counts = f"{self.images} numbers checked, {len(lines)} findings" + (
            f", {repaired} repaired" if repaired else ""
        )
        return "\n".join([*lines, *self._partly_made(), counts])

    def _partly_made(self) -> Iterator[str]:
        if self.incomplete:
            yield f"{self.incomplete} images are ready, and some of their vignettes still to come"
        if self.not_completed:
            yield (
                f"{self.not_completed} images are ready, and some of their vignettes could not be made:"
                " `vignette retry --all-failed` tries again"
            )

    def as_json(self) -> str:
        findings = [
            {
                "image": finding.image_id,
                "kind": finding.kind,
                "name": finding.name,
                "detail": finding.detail,
                "remedy": finding.remedy,
                "repaired": finding.is_repaired,
            }
            for finding in self.findings
        ]
        counts = {"checked": self.images, "incomplete": self.incomplete, "not_completed": self.not_completed}
        return json.dumps({**counts, "findings": findings}, indent=1)


def _line(finding: Finding) -> str:
    place = "upload folder" if finding.image_id is None else f"image {finding.image_id}"
    # A file name may hold control characters, which a terminal would obey.
    named = f" {finding.name!a}" if finding.name else ""
    if finding.remedy is None:
        hint = "no repair"
    elif finding.is_repaired is None:
        hint = f"--repair would {finding.remedy}"
    else:
        hint = f"{'repaired' if finding.is_repaired else 'tried'}: {finding.remedy}"
    return f"{place}: {finding.kind}{named}: {finding.detail} ({hint})"
