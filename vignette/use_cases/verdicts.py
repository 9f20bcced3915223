"""Decide what becomes of an image whose rendering has ended, well or not. This module needs no decoder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from vignette import layout
from vignette.errors import FileNotStored, RenderingFailed, VignetteError
from vignette.model import Failure, Image, ImageId, Outcome, State
from vignette.ports.catalogue import Claim, Library, Renderings
from vignette.ports.store import Files
from vignette.recipes import Recipe
from vignette.records import outcome_to_json

# The pause before an interrupted rendering is tried again. It doubles with each attempt, but only up to the longest:
# the settings allow 20 attempts, and the pauses would grow to days.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0

logger = logging.getLogger(__name__)


class Verdicts:
    """`max_attempts` is how many renderings of an image may die before it is called failed."""

    def __init__(
        self, files: Files, library: Library, renderings: Renderings, recipes: Sequence[Recipe], *, max_attempts: int
    ) -> None:
        self._files = files
        self._library = library
        self._renderings = renderings
        self._recipe_set = layout.recipe_set(layout.vignettes(recipes))
        self.max_attempts = max_attempts

    def publish(self, claim: Claim, outcome: Outcome, *, goes_on: bool) -> Claim | None:
        """
        Write the *outcome* of a rendering of which something is still to come: the image is ready. If the worker *goes
        on*, it keeps its lease.

        Returns:
            The claim to go on with; None if *claim* no longer holds, as in `conclude`.
        """
        if self._holds(claim):
            self._write_outcome(claim.image.id, outcome)
        made = outcome.vignettes
        published = self._renderings.publish(
            claim,
            outcome.placeholder,
            layout.recipe_set(made),
            layout.sizes(made),
            goes_on=goes_on,
            vignette_bytes=outcome.vignette_bytes,
        )
        if published is None:
            self._remove_if_deleted(claim.image.id)
        else:
            logger.info("image ready", extra=_about(claim) | {"vignettes": len(made)})
        return published

    def conclude(self, claim: Claim, outcome: Outcome) -> None:
        """
        Write the *outcome* of a rendering, if *claim* still holds. It does not if the image was deleted meanwhile, or
        if another worker claimed it after the lease had ended.

        An image that was ready, and was to be completed or rendered again, keeps its outcome and its vignettes if that
        failed.
        """
        image_id = claim.image.id
        keeps_its_vignettes = claim.image.state is State.READY and outcome.failure is not None
        # File first, row second: the folder is the truth, and a row that is ready without its files is a broken
        # promise.
        if self._holds(claim) and not keeps_its_vignettes:
            self._write_outcome(image_id, outcome)
        if outcome.failure is not None:
            words = "image %d %s: %s"
            about = _about(claim) | {"problem": outcome.failure.code}
            logger.warning(words, image_id, _fate(claim.image), outcome.failure.detail, extra=about)
        sizes = layout.sizes(outcome.vignettes)
        is_done = self._renderings.finish(
            claim, outcome.failure, outcome.placeholder, self._recipe_set, sizes, outcome.vignette_bytes
        )
        if not is_done:
            self._remove_if_deleted(image_id)
        elif outcome.failure is None:
            logger.info("image complete", extra=_about(claim) | {"vignettes": len(outcome.vignettes)})

    def _remove_if_deleted(self, image_id: ImageId) -> None:
        """Remove what we have written of an image that was deleted while we rendered it."""
        if self._library.get(image_id).state.is_gone:
            # If we are killed here, the sweep does this once our lease has ended.
            self._files.remove_all_but(image_id, layout.TOMBSTONE)

    def interrupted(self, image_id: ImageId, reason: RenderingFailed) -> None:
        """Note that a rendering of the image died for *reason*: have it tried again after a pause, or give up."""
        claim = self._renderings.in_hand(image_id)
        if claim is None:
            return
        failure = to_failure(reason)
        if claim.attempt < self.max_attempts:
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (claim.attempt - 1))
            self._renderings.release(image_id, failure, pause_s)
            about = _about(claim) | {"problem": failure.code, "pause_s": pause_s}
            logger.warning("image %d is tried again: %s", image_id, failure.detail, extra=about)
        else:
            self.conclude(claim, Outcome(failure=failure, attempts=claim.attempt))

    def _write_outcome(self, image_id: ImageId, outcome: Outcome) -> None:
        try:
            self._files.write_all(image_id, {layout.OUTCOME: outcome_to_json(outcome)}, flush=False)
            if outcome.failure is None:
                # Remove old vignettes before the row is updated: if we are killed here, the next attempt removes them.
                # After the update there would be no next attempt.
                for name in self._files.names(image_id):
                    if layout.is_vignette(name) and name not in outcome.vignettes + outcome.to_come:
                        self._files.remove(image_id, name, flush=False)
        except FileNotStored:
            logger.warning("image %d has a row but no folder", image_id)

    def _holds(self, claim: Claim) -> bool:
        """Whether *claim* still holds: the image was not deleted, and no other worker claimed it after the lease."""
        last = self._renderings.in_hand(claim.image.id)
        return last is not None and (last.attempt, last.lease_until) == (claim.attempt, claim.lease_until)


def to_failure(error: VignetteError) -> Failure:
    return Failure(error.code, str(error), error.measured, error.limit)


def _about(claim: Claim) -> dict[str, object]:
    return {"image": claim.image.id, "attempt": claim.attempt}


def _fate(image: Image) -> str:
    """What becomes of an image whose rendering has failed for good."""
    if image.state is not State.READY:
        return "failed"
    return "keeps the vignettes that it has" if image.is_completing else "keeps its earlier vignettes"
