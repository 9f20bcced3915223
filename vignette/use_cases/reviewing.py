"""Review: what a check has put into quarantine waits until `admin` decides."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from vignette import layout
from vignette.access.actors import OPERATOR, Actor, Scope
from vignette.access.events import What
from vignette.access.policy import Policy
from vignette.errors import FileNotStored, ImageNotQuarantined
from vignette.model import Decision, Image, ImageId, ImageRef, Review, Suspicion, in_milliseconds
from vignette.ports.catalogue import Library, Quarantine
from vignette.ports.store import Editions, Files
from vignette.records import review_from_json, review_to_json
from vignette.use_cases.auditing import NO_TRAIL, Trail
from vignette.use_cases.browsing import Page, admitted, existing, require
from vignette.use_cases.removal import Removal

logger = logging.getLogger(__name__)


class Reviewing:
    """The use case. Every method may run in any number of processes at once, and be repeated."""

    def __init__(
        self,
        files: Files,
        editions: Editions,
        library: Library,
        quarantine: Quarantine,
        removal: Removal,
        policy: Policy,
        *,
        trail: Trail = NO_TRAIL,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._trail = trail
        self._files = files
        self._editions = editions
        self._library = library
        self._quarantine = quarantine
        self._removal = removal
        self._policy = policy
        self._clock = clock

    def waiting(self, actor: Actor, limit: int, before: ImageRef | None = None) -> Page:
        """
        Return at most *limit* images in quarantine, newest first: those with lower numbers than *before*, which is any
        number, or the name of an image.

        Raises:
            NotAllowed: The actor is not `admin`.
            ImageNotFound, ImageDeleted: There is no image called *before*.
        """
        require(self._policy, actor, Scope.ADMIN)
        if before is not None and not isinstance(before, int):
            before = admitted(self._policy, self._library, actor, Scope.READ, before).id
        found = self._quarantine.waiting(limit + 1, before)
        return Page(found[:limit], has_more=len(found) > limit)

    def decide(self, actor: Actor, ref: ImageRef, decision: Decision, note: str | None = None) -> Image | None:
        """
        Let the image out of quarantine, and return it as it stands then; or delete it. Of several decisions at once,
        one counts, and the others raise. *note* is what the actor says of it, and is kept with an accepted image.

        Raises:
            NotAllowed: The actor is not `admin`.
            ImageNotFound: There never was such an image.
            ImageDeleted: It was deleted.
            ImageNotQuarantined: It does not wait for a decision, or not any more.
            StoreFull, StoreUnavailable, FileNotStored: The decision cannot be written down, and is none.
        """
        image = admitted(self._policy, self._library, actor, Scope.ADMIN, ref)
        if image.quarantine is None:
            raise ImageNotQuarantined(f"image {ref} does not wait for a decision")
        if decision is Decision.REJECT:
            # From here on it is a deletion like any other, which the sweep ends if this process cannot.
            self._quarantine.begin_delete(image.id)
            self._trail.note_afterwards(What.IMAGE_REJECTED, actor, image_id=image.id)
            self._removal.finish(image.id)
        else:
            now = in_milliseconds(self._clock())
            review = Review(image.quarantine, decision, now, actor.key_id, note)
            self._quarantine.let_out(image.id, self._writing(image.id, review, What.IMAGE_ACCEPTED, actor))
        about = {"image": image.id, "check": image.quarantine.check, "reason": image.quarantine.reason}
        logger.info("image %sed", decision, extra=about | actor.in_log())
        return None if decision is Decision.REJECT else replace(image, quarantine=None)

    def suspect(self, image_id: ImageId, check: str, reason: str) -> bool:
        """
        Put an image that is there already into quarantine, for a verdict that comes after its arrival. When this
        returns, each process answers accordingly. False, and nothing changes, if it is in quarantine, or if `admin` has
        accepted it after the same *check* gave the same *reason*.

        Raises:
            ImageNotFound, ImageDeleted: There is no such image, any more.
            StoreFull, StoreUnavailable, FileNotStored: It cannot be written down.
        """
        image = existing(self._library, image_id)
        if image.quarantine is not None or self._was_accepted(image_id, check, reason):
            return False
        suspicion = Suspicion(check, reason, in_milliseconds(self._clock()))
        write_down = self._writing(image_id, Review(suspicion), What.IMAGE_QUARANTINED, OPERATOR, check)
        self._quarantine.shut_away(image_id, suspicion, write_down)
        # As in `Editing.set_visibility`: so no web process keeps an answer that it has found meanwhile.
        self._editions.renew_edition(image_id)
        logger.info("image quarantined", extra={"image": image_id, "check": check, "reason": reason})
        return True

    def condemn(self, image_id: ImageId, check: str, reason: str) -> bool:
        """
        Delete an image that is there already, for a verdict that comes after its arrival. False, and nothing changes,
        if `admin` has accepted it after the same *check* gave the same *reason*. Whoever holds a lease on the image may
        call this; the sweep ends the deletion once the lease has ended.

        Raises:
            ImageNotFound, ImageDeleted: There is no such image, any more.
        """
        existing(self._library, image_id)
        if self._was_accepted(image_id, check, reason):
            return False
        self._removal.resume(image_id)
        self._trail.note_afterwards(What.IMAGE_REJECTED, OPERATOR, image_id=image_id, detail=check)
        logger.info("image rejected", extra={"image": image_id, "check": check, "reason": reason})
        return True

    def _writing(
        self, image_id: ImageId, review: Review, what: What, actor: Actor, detail: str | None = None
    ) -> Callable[[], None]:
        """Return what writes the *review* down, and notes in the same transaction that *actor* does *what*."""
        content = review_to_json(review)

        def write_down() -> None:
            self._trail.note(what, actor, image_id=image_id, detail=detail)
            self._files.write(image_id, layout.REVIEW, content)

        return write_down

    def _was_accepted(self, image_id: ImageId, check: str, reason: str) -> bool:
        try:
            review = review_from_json(self._files.read(image_id, layout.REVIEW))
        except (FileNotStored, ValueError):
            return False
        judged = (review.suspicion.check, review.suspicion.reason)
        return review.decision is Decision.ACCEPT and judged == (check, reason)
