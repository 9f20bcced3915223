"""Receive: an upload becomes a numbered folder, or is refused and leaves nothing."""

from __future__ import annotations

import hashlib
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from vignette import layout
from vignette.access.actors import Actor, Scope
from vignette.access.events import What
from vignette.access.names import new_name
from vignette.access.policy import Policy
from vignette.errors import (
    EmptyFile,
    NumberTaken,
    QueueUnavailable,
    StoreFull,
)
from vignette.model import Edits, Image, ImageId, Record, Visibility, in_milliseconds
from vignette.ports.catalogue import Arrivals
from vignette.ports.inspector import Inspector
from vignette.ports.jobs import Jobs
from vignette.ports.jobs import Lane as Lane  # in the signature of `keep`
from vignette.ports.store import Room, StagedImage, Staging
from vignette.records import clean_name as clean_name
from vignette.records import edits_to_json, record_to_json
from vignette.tally import NOTHING_ANNOUNCED, SHA_256, Announced, Tally
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import not_deleted, require
from vignette.use_cases.reindexing import Reindexing

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
    """

    def __init__(self, staged: StagedImage, tally: Tally, expected: int = 0) -> None:
        self.staged = staged
        self.tally = tally
        self._expected = expected

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


class Intake:
    """The use case. Safe to share between threads."""

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

    def expect(self, actor: Actor, announced_bytes: int | None) -> None:
        """
        Check that *actor* may upload and that there is room, before a client sends its bytes in vain; None if their
        number was not announced.

        Raises:
            NotAllowed: The actor may not upload.
            StoreFull: The disk has no room for *announced_bytes*.
            StoreUnavailable: The upload folder cannot be used.
        """
        require(self._policy, actor, Scope.UPLOAD)
        room = self._room.free_bytes()
        if announced_bytes is not None and announced_bytes > room:
            raise StoreFull(
                f"{announced_bytes} bytes are announced, the disk has room for {room}",
                measured=announced_bytes,
                limit=room,
            )

    def begin(self, announced: Announced = NOTHING_ANNOUNCED, *, at_most: int = 0) -> Upload:
        """
        Begin an upload. Use it as a context manager: its end discards what was not kept.

        Room is reserved for the length that was announced; without one, for *at_most* bytes, as many as the request as
        a whole still has. The tally of the upload knows what was *announced* of the file. After the last chunk the
        caller has to compare the two (`Tally.is_short`, `Tally.verify`).
        """
        tally = Tally(announced, limit=self.limits.max_bytes, algorithms=[SHA_256])
        expected = at_most if announced.length is None else announced.length
        return Upload(self._staging.stage(), tally, min(expected, self.limits.max_bytes))

    def keep(
        self,
        actor: Actor,
        upload: Upload,
        name: str | None,
        idempotency_key: str | None = None,
        lane: Lane = Lane.FAST,
        visibility: Visibility | None = None,
    ) -> Image:
        """
        Check what was received, describe it, keep it under the next number as an image of *actor*, and ask for its
        vignettes.

        *name* is a label (see `clean_name`). The job for the vignettes goes into *lane*. Without *visibility*, the
        policy tells who sees the image. If the actor has sent the same bytes with the same *idempotency_key* before,
        its image is returned, and nothing else is kept.

        Raises:
            NotAllowed: The actor may not upload.
            Refused: The file is empty, of a format that is not accepted, not whole, or over a limit.
            Overloaded: The file cannot be checked now.
            IdempotencyKeyReused: An earlier upload came with this key and other bytes.
            ImageDeleted: An earlier upload came with this key, and its image was deleted.
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
        record = Record(
            name=name,
            facts=found.facts,
            bytes=tally.bytes,
            sha256=tally.digest(SHA_256).hex(),
            received_at=in_milliseconds(datetime.now(UTC)),
            idempotency_key=None if idempotency_key is None else _digest(actor, idempotency_key),
            owner=actor.key_id,
            public_name=new_name(),
        )
        upload.staged.complete(
            layout.original(found.facts),
            {
                layout.RECORD: record_to_json(record),
                layout.METADATA_JSON: found.metadata_json,
                layout.METADATA_TEXT: found.metadata_text,
                # Without it an image is public.
                **({layout.EDITS: edits_to_json(Edits(visibility))} if visibility is Visibility.PRIVATE else {}),
            },
        )
        image, is_new = self._add(actor, record, visibility, upload.staged)
        _log(actor, image, is_new=is_new)
        if is_new:
            self._hint(image, lane)
        return not_deleted(image)

    def _add(self, actor: Actor, record: Record, visibility: Visibility, staged: StagedImage) -> tuple[Image, bool]:
        def promote(image_id: ImageId) -> None:
            # First what the database may refuse.
            self._trail.note(What.IMAGE_RECEIVED, actor, image_id=image_id)
            self._staging.promote(staged, image_id)

        for _ in range(_TRIES_FOR_A_NUMBER):
            try:
                return self._arrivals.add(record, promote, staged.withdraw, visibility)
            except NumberTaken:
                # A crash has left a folder whose row was not committed: index it, and take the next number.
                self._reindexing.catch_up()
        raise NumberTaken("each number that the catalogue gives has a folder already")

    def _hint(self, image: Image, lane: Lane) -> None:
        try:
            self._jobs.hint(image.id, lane)
        except QueueUnavailable as error:
            # The upload has succeeded all the same: the sweep queues it.
            logger.warning("image %d waits for the sweep: %s", image.id, error)


def _digest(actor: Actor, idempotency_key: str) -> str:
    """The SHA-256 of a key that is the actor's own: another may use the same for other bytes."""
    # No header holds a line feed, so that nobody without a key can send the text of somebody's.
    own = idempotency_key if actor.key_id is None else f"\n{actor.key_id}\n{idempotency_key}"
    return hashlib.sha256(own.encode()).hexdigest()


def _log(actor: Actor, image: Image, *, is_new: bool) -> None:
    facts = image.record.facts
    about = {"image": image.id, "bytes": image.record.bytes, "media_type": facts.media_type}
    if is_new:
        size = {"width": facts.width, "height": facts.height}
        logger.info("image received", extra={**about, **size, **actor.in_log()})
    else:
        logger.info("image sent again", extra={"image": image.id, **actor.in_log()})
