"""Rebuild the catalogue from the folders alone: the folders are the truth, the catalogue is an index."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from vignette import layout
from vignette.access.names import name_of_earlier
from vignette.errors import FileNotStored, StoreUnavailable
from vignette.model import Edits, Image, ImageFacts, ImageId, Outcome, Record, State, Suspicion, Visibility
from vignette.ports.catalogue import Index
from vignette.ports.store import Files, Listing, Survey
from vignette.records import (
    edits_from_json,
    outcome_from_json,
    record_from_json,
    review_from_json,
    ticket_of_tombstone,
)
from vignette.use_cases.progress import watched

# Folders at and behind the next number that are looked for one by one; the gaps between further ones double.
_PROBED_ONE_BY_ONE: Final = 64
_MOST_NUMBERS: Final = 10**18

_MOST_VIGNETTE_BYTES: Final = 10**12

# A listing of so many folders takes some 50 ms.
_LISTED_AT_A_TIME: Final = 50_000

_NO_RECORD: Final = "folder %d holds no readable record; its number stays taken: %s"

# Stands for a check where Vignette itself wants an image in quarantine.
OURSELVES: Final = "vignette"

Watch = Callable[[Sequence[ImageId]], Iterable[ImageId]]
"""Yields the numbers that it is given, and tells somebody meanwhile how far it is."""

logger = logging.getLogger(__name__)


def log_progress(image_ids: Sequence[ImageId]) -> Iterator[ImageId]:
    """A `Watch` that tells the log."""
    # Not for information alone: whoever starts a service that does not come up for minutes has to see why.
    return watched(image_ids, len(image_ids), lambda progress: logger.warning("reading the folders: %s", progress))


class Reindexing:
    """The use case. Every method may run while uploads go on."""

    def __init__(self, files: Files, survey: Survey, index: Index) -> None:
        self._files = files
        self._survey = survey
        self._index = index

    def rebuild(self, watch: Watch = log_progress) -> int:
        """Rebuild the whole catalogue; return how many images it holds now, deleted ones too."""
        return self._index.restore(self.read_images(watch))

    def catch_up(self) -> bool:
        """
        If the folders are ahead of the catalogue, bring it up to them; return whether they were.

        A crash between rename and commit leaves a single folder ahead. It is whole, and is indexed like any other:
        nothing in it tells whether it was acknowledged, and what was acknowledged is never lost. More than one folder
        ahead means that the catalogue was taken from a backup, and no row of it can be trusted.

        This costs the same however many folders there are, because it lists none of them. Numbers are given without a
        gap, and a deleted image keeps its folder; so if any folder is ahead, the next number has one. Only a person who
        removes folders makes gaps. Some numbers behind the next one are looked for too; `catch_up_with_all` finds the
        folders behind any gap.
        """
        following = self._index.next_id()
        return self._catch_up_with([image_id for image_id in _probes(following) if self._survey.holds(image_id)])

    def catch_up_with_all(self, *, step: int = _LISTED_AT_A_TIME) -> Iterator[None]:
        """
        List all folders, and then do as `catch_up` does. Nothing is done but in steps, of *step* folders each: take
        the next one whenever there is time.
        """
        ahead: list[ImageId] = []
        following = self._index.next_id()
        for count, image_id in enumerate(self._survey.image_ids(), start=1):
            if image_id >= following:
                ahead = sorted([*ahead, image_id])[-2:]
            if count % step == 0:
                yield
        self._catch_up_with(ahead)

    def _catch_up_with(self, found: Iterable[ImageId]) -> bool:
        """`catch_up`, where *found* are two folders ahead, or all if there are fewer; some may have a row by now."""
        # Asked after they were found: the folders of uploads that have come meanwhile are not ahead, but for one whose
        # row may be committed at any moment.
        following = self._index.next_id()
        ahead = [image_id for image_id in found if image_id >= following]
        if not ahead:
            return False
        logger.warning("the catalogue goes up to %d, the folders go on: bringing it up to them", following - 1)
        if ahead == [following]:
            self._index.catch_up(self._read_if_there(following))
        else:
            self.rebuild()
        return True

    def read_images(self, watch: Watch = log_progress) -> Iterator[tuple[ImageId, Image | None]]:
        """
        Yield the image that each folder holds, in order of number; None for a folder without a readable record.

        The folders are listed when the first image is asked for: whoever reads them in a transaction has begun it then.
        Their numbers are held in memory, 40 bytes each.
        """
        for image_id in watch(sorted(self._survey.image_ids())):
            yield image_id, read_anew(self._files, self._survey, image_id)

    def _read_if_there(self, image_id: ImageId) -> Iterator[tuple[ImageId, Image | None]]:
        """
        Yield the image in this folder, if the folder is still there.

        A failed upload may have withdrawn it since it was found, so it is looked at only when the image is asked for.
        """
        if self._survey.holds(image_id):
            yield image_id, read_anew(self._files, self._survey, image_id)


def _probes(following: ImageId) -> Iterator[ImageId]:
    """The numbers by which it is seen that folders are ahead when *following* comes next."""
    yield from (ImageId(following + distance) for distance in range(_PROBED_ONE_BY_ONE))
    distance = _PROBED_ONE_BY_ONE
    while following + distance < _MOST_NUMBERS:
        yield ImageId(following + distance)
        distance *= 2


def read_anew(files: Files, survey: Survey, image_id: ImageId) -> Image | None:
    """
    As `read_image`, for the catalogue; what was made on demand is removed. The folder may come from a stranger, whose
    public copy could show what nobody is to see. At the next wish the copy is made and proven anew.
    """
    listing = _listing(survey, image_id)
    image = None if listing is None else _read_listed(files, survey, listing, image_id)
    if listing is not None and image is not None:
        # What cannot be removed lies in a folder that nobody may write in.
        with suppress(StoreUnavailable):
            for name in sorted(layout.MADE_ON_DEMAND & listing.files.keys()):
                files.remove(image_id, name, flush=False)
    return image


def read_image(files: Files, survey: Survey, image_id: ImageId) -> Image | None:
    """The image as its folder says; None if the folder holds no readable record."""
    listing = _listing(survey, image_id)
    return None if listing is None else _read_listed(files, survey, listing, image_id)


def _listing(survey: Survey, image_id: ImageId) -> Listing | None:
    try:
        return survey.listing(image_id)
    except (FileNotStored, StoreUnavailable) as error:
        logger.warning(_NO_RECORD, image_id, error)
        return None


def _read_listed(files: Files, survey: Survey, listing: Listing, image_id: ImageId) -> Image | None:
    try:
        if layout.TOMBSTONE in listing.files:
            # A copy that was taken while it was deleted has files beside the tombstone: the sweep removes them.
            state = State.DELETED if len(listing.files) == 1 else State.DELETING
            return Image(image_id, replace(_DELETED, ticket=_ticket_of_deleted(files, image_id)), state)
        if layout.TOMBSTONE in listing.others:
            raise ValueError(f"its {layout.TOMBSTONE} is no file, so nobody knows whether it was deleted")
        record = record_from_json(files.read(image_id, layout.RECORD))
        edits = safe_edits(files, listing, image_id, record)
        quarantine = _safe_quarantine(files, listing, image_id, record)
    except (FileNotStored, StoreUnavailable, ValueError) as error:
        logger.warning(_NO_RECORD, image_id, error)
        return None
    if record.public_name is None:
        record = replace(record, public_name=name_of_earlier(image_id, record))
    metadata_bytes = sum(listing.files.get(name, 0) for name in (layout.METADATA_JSON, layout.METADATA_TEXT))
    outcome, made = _read_verdict(files, survey, listing, image_id)
    if outcome is None or (outcome.failure is None and not layout.sizes(made)):
        return Image(
            image_id,
            record,
            State.PENDING,
            visibility=edits.visibility,
            links_ended_at=edits.links_ended_at,
            quarantine=quarantine,
            metadata_bytes=metadata_bytes,
        )
    state = State.READY if outcome.failure is None else State.FAILED
    # A copy that was taken while they were written may have the outcome, and not yet all that it names.
    lacks_some = state is State.READY and (bool(outcome.to_come) or len(made) < len(outcome.vignettes))
    return Image(
        image_id,
        record,
        state,
        0 if lacks_some else outcome.attempts,
        outcome.failure,
        outcome.placeholder,
        recipe_set=layout.recipe_set(made),
        is_completing=lacks_some,
        sizes=layout.sizes(made) if state is State.READY else None,
        visibility=edits.visibility,
        links_ended_at=edits.links_ended_at,
        quarantine=quarantine,
        metadata_bytes=metadata_bytes,
        # What a stranger has written of fingerprints may be any number.
        vignette_bytes=min(max(outcome.vignette_bytes, 0), _MOST_VIGNETTE_BYTES),
    )


def read_edits(files: Files, listing: Listing, image_id: ImageId, record: Record) -> Edits:
    """Return what was said of the image; raise `ValueError` if that cannot be read."""
    content = _read_listed_file(files, listing, image_id, layout.EDITS)
    if content is None:
        return Edits(None if record.public_name is None else Visibility.PUBLIC)
    return edits_from_json(content)


def safe_edits(files: Files, listing: Listing, image_id: ImageId, record: Record) -> Edits:
    """As `read_edits`; if what was said cannot be read, the image is private, and the log says so."""
    try:
        return read_edits(files, listing, image_id, record)
    except ValueError as error:
        logger.warning("image %d is private from now on, as its %s is damaged: %s", image_id, layout.EDITS, error)
        return hidden()


def hidden() -> Edits:
    """Return what is taken to be said of an image of which nobody knows what was: nobody but its owner sees it."""
    return Edits(Visibility.PRIVATE, datetime.now(UTC).replace(microsecond=0))


def read_quarantine(files: Files, listing: Listing, image_id: ImageId) -> Suspicion | None:
    """Return why the image is in quarantine, None if it is not; raise `ValueError` if what tells it cannot be read."""
    content = _read_listed_file(files, listing, image_id, layout.REVIEW)
    if content is None:
        return None
    review = review_from_json(content)
    return review.suspicion if review.decision is None else None


def _read_listed_file(files: Files, listing: Listing, image_id: ImageId, name: str) -> bytes | None:
    """Return the content of a file, None if the folder has nothing of this name; raise `ValueError` otherwise."""
    if name not in listing.files and name not in listing.others:
        return None
    try:
        return files.read(image_id, name)
    except FileNotStored:
        raise ValueError("it is too long, or is no file") from None


def _safe_quarantine(files: Files, listing: Listing, image_id: ImageId, record: Record) -> Suspicion | None:
    try:
        return read_quarantine(files, listing, image_id)
    except ValueError as error:
        logger.warning("image %d is in quarantine, as its %s is damaged: %s", image_id, layout.REVIEW, error)
        return Suspicion(OURSELVES, "review-damaged", record.received_at)


def _read_outcome(files: Files, image_id: ImageId) -> Outcome | None:
    try:
        return outcome_from_json(files.read(image_id, layout.OUTCOME))
    except (FileNotStored, StoreUnavailable, ValueError):
        return None  # the image is then rendered again


def _read_verdict(
    files: Files, survey: Survey, listing: Listing | None, image_id: ImageId
) -> tuple[Outcome | None, Sequence[str]]:
    """
    Return the outcome, and those of its vignettes that the folder has, by their lengths: whoever completes the image
    reads them.

    A worker may end a rendering meanwhile. It removes what an outcome names only when it has written the next one. So a
    vignette is missing if a listing between two readings of the same outcome lacks it.
    """
    before = None
    outcome = _read_outcome(files, image_id)
    while True:
        made = () if outcome is None or listing is None else _there(outcome, listing)
        if outcome is None or outcome == before or len(made) == len(outcome.vignettes):
            return outcome, made
        listing = _listing(survey, image_id)
        before, outcome = outcome, _read_outcome(files, image_id)


def _there(outcome: Outcome, listing: Listing) -> tuple[str, ...]:
    return tuple(name for name in outcome.vignettes if outcome.may_fit(name, listing.files.get(name, 0)))


def _ticket_of_deleted(files: Files, image_id: ImageId) -> str | None:
    try:
        return ticket_of_tombstone(files.read(image_id, layout.TOMBSTONE))
    except FileNotStored:  # it is longer than any of ours
        return None


# All that is known of a deleted image is that its number is taken, and the ticket by which it came.
_DELETED: Final = Record(None, ImageFacts("", "", 0, 0, 0), 0, "", datetime.fromtimestamp(0, UTC))
