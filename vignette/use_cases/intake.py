"""Receive: an upload becomes a numbered folder, or is refused and leaves nothing."""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

from vignette import layout
from vignette.access.actors import Actor, Scope
from vignette.access.events import What
from vignette.access.keys import NOT_VALID, Key
from vignette.access.names import new_name
from vignette.access.policy import Policy
from vignette.access.tickets import ENDED_MEANWHILE, NO_MORE_NOW, Ticket
from vignette.errors import (
    EmptyFile,
    ImageDeleted,
    InvalidKey,
    InvalidTicket,
    NumberTaken,
    QueueUnavailable,
    QuotaExceeded,
    StorageQuotaExceeded,
    StoreFull,
    TicketSpent,
    UnsupportedFormat,
)
from vignette.model import Edits, Image, ImageId, Record, Review, Suspicion, Visibility, in_milliseconds
from vignette.ports.catalogue import Arrivals
from vignette.ports.inspector import Inspector
from vignette.ports.jobs import Jobs, Lane
from vignette.ports.store import Room, StagedImage, Staging
from vignette.records import clean_name as clean_name
from vignette.records import edits_to_json, record_to_json, review_to_json
from vignette.tally import NOTHING_ANNOUNCED, SHA_256, Announced, Tally
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import require
from vignette.use_cases.reindexing import Reindexing
from vignette.use_cases.screening import NO_CHECKS, Screening

# A process that was killed may have left a folder ahead of the catalogue, and others may take the number that follows
# it before we do.
_TRIES_FOR_A_NUMBER: Final = 8

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """
    What an upload may have at most: `max_bytes` in a file, `max_pixels` in a frame (width times height), `max_frames`
    in a file, and a need for `max_memory_bytes` of memory to render it.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int
    max_memory_bytes: int = sys.maxsize


class Upload:
    """
    A file on its way in: each chunk goes into the tally, then into the staging folder.

    With the first chunk, room is reserved for the *expected* bytes; for what comes beyond them, chunk by chunk.

    Once it was kept, `is_new` tells whether it has become an image; if not, it is one that came before.
    """

    def __init__(self, staged: StagedImage, tally: Tally, expected: int = 0) -> None:
        self.staged = staged
        self.tally = tally
        self._expected = expected
        self.is_new = False

    def append(self, chunk: bytes) -> None:
        """
        Take the next *chunk*.

        Raises:
            UploadTooLarge: This chunk takes the upload over the limit; nothing of the chunk was written.
            StoreFull: There is no room for it, beside what other uploads have reserved and what has to stay free.
        """
        self.tally.add(chunk)
        self.staged.reserve(max(self._expected, self.tally.bytes))
        self.staged.append(chunk)

    def all_has_come(self) -> None:
        """Give back the room that was reserved in vain: the next file may need it."""
        self.staged.settle()

    def discard(self) -> None:
        """Remove what was staged, unless it has been kept. Repeating it does nothing."""
        self.staged.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.discard()


def _fast(_sender: str, _image: Image) -> Lane:
    return Lane.FAST


class Intake:
    """
    The use case. *lane_of* tells whose turn a new image takes (`FirstTurns.lane_of`). Safe to share between threads.
    """

    def __init__(
        self,
        staging: Staging,
        room: Room,
        arrivals: Arrivals,
        reindexing: Reindexing,
        jobs: Jobs,
        inspector: Inspector,
        limits: IntakeLimits,
        policy: Policy,
        screening: Screening = NO_CHECKS,
        lane_of: Callable[[str, Image], Lane] = _fast,
        *,
        trail: Trail = NO_TRAIL,
    ) -> None:
        self._trail = trail
        self._staging = staging
        self._room = room
        self._arrivals = arrivals
        self._reindexing = reindexing
        self._jobs = jobs
        self._inspector = inspector
        self.limits = limits
        self._policy = policy
        self._screening = screening
        self._lane_of = lane_of

    def expect(
        self,
        actor: Actor,
        announced_bytes: int | None,
        ticket: Ticket | None = None,
        idempotency_keys: Collection[str] = (),
    ) -> None:
        """
        Check that *actor* may upload and that there is room, before a client sends its bytes in vain; None if their
        number was not announced. By a *ticket* that is spent only those may come that came before with one of the
        *idempotency_keys*.

        Raises:
            NotAllowed: The actor may not upload.
            TicketSpent: As many images came by the ticket as may.
            StoreFull: The disk has no room for *announced_bytes*.
            StoreUnavailable: The upload folder cannot be used.
        """
        require(self._policy, actor, Scope.UPLOAD)
        if ticket is not None and ticket.is_spent:
            digests = {_digest(actor, key) for key in idempotency_keys}
            if not digests or not self._arrivals.has_any(digests):
                raise TicketSpent("as many images came by this ticket as may")
        room = self._room.free_bytes()
        if announced_bytes is not None and announced_bytes > room:
            raise StoreFull(
                f"{announced_bytes} bytes are announced, the disk has room for {room}",
                measured=announced_bytes,
                limit=room,
            )

    def begin(
        self, announced: Announced = NOTHING_ANNOUNCED, *, at_most: int = 0, max_bytes: int | None = None
    ) -> Upload:
        """
        Begin an upload. Use it as a context manager: its end discards what was not kept.

        Room is reserved for the length that was announced; without one, for *at_most* bytes, as many as the request as
        a whole still has. The tally of the upload knows what was *announced* of the file. After the last chunk the
        caller has to compare the two (`Tally.is_short`, `Tally.verify`). With *max_bytes*, the file may have no more.
        """
        limit = self.limits.max_bytes if max_bytes is None else min(max_bytes, self.limits.max_bytes)
        tally = Tally(announced, limit=limit, algorithms=[SHA_256])
        expected = at_most if announced.length is None else announced.length
        return Upload(self._staging.stage(), tally, min(expected, limit))

    def keep(
        self,
        actor: Actor,
        upload: Upload,
        name: str | None,
        idempotency_key: str | None = None,
        sender: str = "",
        visibility: Visibility | None = None,
        ticket: Ticket | None = None,
        silent: set[str] | None = None,
    ) -> Image:
        """
        Check what was received, describe it, keep it under the next number as an image of *actor*, and ask for its
        vignettes. If the actor shows a *ticket*, a use of it is counted, and the image is one of the key that made it.

        *name* is a label (see `clean_name`). *sender* tells whose turn in the queue the image takes. Without
        *visibility*, the policy tells who sees the image. If the actor has sent the same bytes with the same
        *idempotency_key* before, its image is returned, and nothing else is kept. By a ticket, the same bytes are the
        same image without a key too.

        What passes our own check is shown to those that the operator has set up, which may want it in quarantine.
        *silent* is that of `Screening.screen`.

        Raises:
            NotAllowed: The actor may not upload.
            Refused: The file is empty, of a format that is not accepted, not whole, or over a limit; or a check of the
                operator's rejects it.
            Overloaded: The file cannot be checked now.
            CheckUnavailable: A check of the operator's gives no verdict, and nothing is kept without it.
            IdempotencyKeyReused: An earlier upload came with this key and other bytes.
            ImageDeleted: An earlier upload came with this key, and its image was deleted.
            InvalidKey, MissingScope: The actor's key was removed, has expired or may not upload any more, while the
                image was on its way.
            TicketSpent, InvalidTicket: No image may come by the ticket any more.
            StorageQuotaExceeded, QuotaExceeded: The image would take the actor's key over its quota.
        """
        require(self._policy, actor, Scope.UPLOAD)
        visibility = visibility or self._policy.of_new
        tally = upload.tally
        if tally.bytes == 0:
            raise EmptyFile("the file has 0 bytes", measured=0)
        with upload.staged.open_original() as file:
            found = self._inspector.inspect(
                file,
                tally.bytes,
                max_pixels=self.limits.max_pixels,
                max_frames=self.limits.max_frames,
                max_memory_bytes=self.limits.max_memory_bytes,
            )
            if ticket is not None:
                _require_media_type(ticket, found.facts.media_type)
            record = Record(
                name=name,
                facts=found.facts,
                bytes=tally.bytes,
                sha256=tally.digest(SHA_256).hex(),
                received_at=in_milliseconds(datetime.now(UTC)),
                idempotency_key=None if idempotency_key is None else _digest(actor, idempotency_key),
                owner=actor.key_id if ticket is None else ticket.owner,
                public_name=new_name(),
                ticket=actor.ticket_id,
                external_id=None if ticket is None else ticket.external_id,
            )
            if self._screening.asks_anybody and (earlier := self._arrivals.sent_before(record)) is not None:
                # It has had its verdict, which is not asked for again.
                _log(actor, earlier, is_new=False)
                return _not_deleted(earlier)
            suspicion = self._screening.screen(file, record, silent)
        upload.staged.complete(
            layout.original(found.facts),
            {
                layout.RECORD: record_to_json(record),
                layout.METADATA_JSON: found.metadata_json,
                layout.METADATA_TEXT: found.metadata_text,
                # Without it an image is public.
                **({layout.EDITS: edits_to_json(Edits(visibility))} if visibility is Visibility.PRIVATE else {}),
                # It comes into being with the folder: so the image is never there without.
                **({} if suspicion is None else {layout.REVIEW: review_to_json(Review(suspicion))}),
            },
        )
        beside = len(found.metadata_json) + len(found.metadata_text)
        try:
            image, upload.is_new = self._add(actor, record, visibility, suspicion, upload.staged, beside, ticket)
        except (StorageQuotaExceeded, QuotaExceeded) as error:
            if ticket is None:
                raise
            raise TicketSpent(NO_MORE_NOW) from error
        _log(actor, image, is_new=upload.is_new)
        if upload.is_new:
            self._hint(image, self._lane_of(sender, image))
        return _not_deleted(image)

    def _add(
        self,
        actor: Actor,
        record: Record,
        visibility: Visibility,
        suspicion: Suspicion | None,
        staged: StagedImage,
        metadata_bytes: int,
        ticket: Ticket | None,
    ) -> tuple[Image, bool]:
        def promote(image_id: ImageId) -> None:
            # First what the database may refuse.
            self._trail.note(What.IMAGE_RECEIVED, actor, image_id=image_id)
            self._staging.promote(staged, image_id)

        for _ in range(_TRIES_FOR_A_NUMBER):
            try:
                return self._arrivals.add(
                    record,
                    promote,
                    staged.withdraw,
                    visibility,
                    suspicion,
                    metadata_bytes=metadata_bytes,
                    admit=partial(self._require_still, actor, ticket),
                )
            except NumberTaken:
                # A crash has left a folder whose row was not committed: index it, and take the next number.
                self._reindexing.catch_up()
        raise NumberTaken("each number that the catalogue gives has a folder already")

    def _require_still(self, actor: Actor, ticket: Ticket | None, key: Key | None) -> None:
        """Ask again what the door has asked of *key*: the bytes may have come for minutes since."""
        is_valid = key is not None and key.is_valid_at(datetime.now(UTC))
        if ticket is not None:
            if key is None or not is_valid or self._policy.why_not(key.actor, Scope.UPLOAD):
                raise InvalidTicket(ENDED_MEANWHILE)
            return
        if key is None or not is_valid or (actor.address is not None and not key.admits(actor.address)):
            raise InvalidKey(NOT_VALID)
        require(self._policy, key.actor, Scope.UPLOAD)

    def _hint(self, image: Image, lane: Lane) -> None:
        try:
            self._jobs.hint(image.id, lane)
        except QueueUnavailable as error:
            # The upload has succeeded all the same: the sweep queues it.
            logger.warning("image %d waits for the sweep: %s", image.id, error)


def _not_deleted(image: Image) -> Image:
    # Not in the words of `browsing.not_deleted`: nobody has named it.
    if image.state.is_gone:
        raise ImageDeleted("the image that came with this key was deleted")
    return image


def _require_media_type(ticket: Ticket, media_type: str) -> None:
    if ticket.media_types and media_type not in ticket.media_types:
        raise UnsupportedFormat(f"the file is {media_type}; this ticket is for {', '.join(ticket.media_types)}")


def _digest(actor: Actor, idempotency_key: str) -> str:
    """The SHA-256 of a key that is the actor's own: another may use the same for other bytes."""
    # No header holds a line feed, so that nobody without a key can send the text of somebody's.
    if actor.ticket_id is not None:
        own = f"\nticket {actor.ticket_id}\n{idempotency_key}"
    else:
        own = idempotency_key if actor.key_id is None else f"\n{actor.key_id}\n{idempotency_key}"
    return hashlib.sha256(own.encode()).hexdigest()


def _log(actor: Actor, image: Image, *, is_new: bool) -> None:
    facts = image.record.facts
    about = {"image": image.id, "bytes": image.record.bytes, "media_type": facts.media_type}
    if is_new:
        size = {"width": facts.width, "height": facts.height}
        words = "image received" if image.quarantine is None else "image received into quarantine"
        logger.info(words, extra={**about, **size, **actor.in_log()})
    else:
        logger.info("image sent again", extra={"image": image.id, **actor.in_log()})
