"""Render: make the vignettes of an image and write the verdict. Doing it twice does no harm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from vignette import layout
from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    Refused,
    RenderingFailed,
    StoreFull,
    Unavailable,
    VignetteError,
)
from vignette.limits import ANIMATION_SECONDS
from vignette.model import Failure, Image, ImageId, Outcome, Placeholder, State
from vignette.pixels.rendering import placeholder_of, render
from vignette.ports.catalogue import Claim, Library, Renderings
from vignette.ports.store import Files
from vignette.recipes import Recipe
from vignette.records import outcome_to_json

# The pause before an interrupted rendering is tried again: doubles with each attempt, to an end. With 20 attempts, as
# the settings allow, it would be days.
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0

# The pause before a rendering is tried again that found no room on the disk, or the folder or the catalogue away. Such
# a minute says nothing of the image: the attempt does not count.
_PAUSE_WITHOUT_ROOM_S: Final = 5.0

logger = logging.getLogger(__name__)


class Rendering:
    """
    The use case of the worker.

    `lease_s` is how long one rendering may take before it counts as dead, in seconds; `max_attempts` how many may die
    before the image is called failed; `animation_seconds` how long vignettes that move may take to make.
    Decoders run within `confined`, which raises `TooMuchMemory` or `TooMuchTime` where they take too much: a verdict at
    once, as the next attempt would take the same.
    """

    def __init__(
        self,
        files: Files,
        library: Library,
        renderings: Renderings,
        recipes: Sequence[Recipe],
        *,
        lease_s: float,
        max_attempts: int,
        animation_seconds: float = ANIMATION_SECONDS,
        confined: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._files = files
        self._library = library
        self._renderings = renderings
        self._recipes = recipes
        self._recipe_set = layout.recipe_set(layout.vignettes(recipes))
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._animation_seconds = animation_seconds
        self._confined = confined

    def render(self, image_id: ImageId) -> None:
        """
        Render the image if it waits for that; return at once if it is done, deleted or in another's hands.

        One that is rendered again has its vignettes replaced when all new ones are there; if that cannot be, it keeps
        those that it has, is not tried again by itself, and the reason is logged.
        """
        claim = self._renderings.claim(image_id, self._lease_s)
        if claim is None:
            return
        try:
            self._attempt(claim)
        except Unavailable as error:
            if not self._is_the_machines(error):
                raise
            logger.warning("image %d has to wait: %s", image_id, error)
            self._renderings.postpone(claim, _to_failure(error), _PAUSE_WITHOUT_ROOM_S)

    def _attempt(self, claim: Claim) -> None:
        if claim.attempt > self._max_attempts:
            self._conclude(claim, Outcome(failure=_gave_up(claim), attempts=claim.attempt - 1))
            return
        try:
            vignettes, placeholder = self._make_vignettes(claim)
            outcome = Outcome(vignettes=vignettes, attempts=claim.attempt, placeholder=placeholder)
        except (RenderingFailed, Refused, FileNotStored) as error:
            outcome = Outcome(failure=_to_failure(error), attempts=claim.attempt)
        self._conclude(claim, outcome)

    def _is_the_machines(self, error: Unavailable) -> bool:
        """
        Whether *error* is the state of the machine, which will pass and is no fault of the image. One original that
        cannot be read on a disk that works otherwise is its own affair, and counts.
        """
        if isinstance(error, StoreFull | CatalogueUnavailable):
            return True
        try:
            self._files.probe()
        except Unavailable:
            return True
        return False

    def interrupted(self, image_id: ImageId, reason: RenderingFailed) -> None:
        """A rendering of the image died, of *reason*: try again after a pause, or give up."""
        image = self._library.get(image_id)
        if not _is_in_hand(image):
            return
        failure = _to_failure(reason)
        if image.attempts < self._max_attempts:
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (image.attempts - 1))
            self._renderings.release(image_id, failure, pause_s)
        else:
            self._conclude(Claim(image, image.attempts), Outcome(failure=failure, attempts=image.attempts))

    def _make_vignettes(self, claim: Claim) -> tuple[tuple[str, ...], Placeholder]:
        image = claim.image
        with self._files.open(image.id, layout.original(image.record.facts)) as file, self._confined():
            renditions = render(file, image.record.bytes, self._recipes, self._animation_seconds)
        names = []
        for rendition in renditions:
            name = layout.vignette(rendition.recipe, rendition.file_format, moves=rendition.moves)
            self._files.write(image.id, name, rendition.content)
            names.append(name)
        return tuple(names), placeholder_of(renditions)

    def _conclude(self, claim: Claim, outcome: Outcome) -> None:
        image_id = claim.image.id
        keeps_its_vignettes = claim.image.is_renewing and outcome.failure is not None
        # File first, row second: the folder is the truth, and a row that is ready without its files is a broken
        # promise.
        if self._holds(claim) and not keeps_its_vignettes:
            self._write_outcome(image_id, outcome)
        if outcome.failure is not None:
            what = "keeps its earlier vignettes" if keeps_its_vignettes else "failed"
            logger.warning("image %d %s: %s", image_id, what, outcome.failure.detail)
        is_finished = self._renderings.finish(claim, outcome.failure, outcome.placeholder, self._recipe_set)
        if not is_finished and self._library.get(image_id).state.is_gone:
            # It was deleted while we rendered it. If we are killed here, the sweep does this once our lease has ended.
            self._files.remove_all_but(image_id, layout.TOMBSTONE)

    def _write_outcome(self, image_id: ImageId, outcome: Outcome) -> None:
        try:
            self._files.write(image_id, layout.OUTCOME, outcome_to_json(outcome))
            if outcome.failure is None:
                # Earlier ones, which no outcome names any more. Before the row: whoever is killed here renders it once
                # more, and clears them away; after it nobody would come back.
                for name in self._files.names(image_id):
                    if layout.is_vignette(name) and name not in outcome.vignettes:
                        self._files.remove(image_id, name)
        except FileNotStored:
            logger.warning("image %d has a row but no folder", image_id)

    def _holds(self, claim: Claim) -> bool:
        """Whether the image is still ours to judge: not deleted meanwhile, nor taken over once our lease had ended."""
        image = self._library.get(claim.image.id)
        return _is_in_hand(image) and image.attempts == claim.attempt


def _is_in_hand(image: Image) -> bool:
    """Whether a worker has claimed the image, and given no verdict yet."""
    return image.state is State.PROCESSING or (image.is_renewing and image.attempts > 0)


def _to_failure(error: VignetteError) -> Failure:
    return Failure(error.code, str(error), error.measured, error.limit)


def _gave_up(claim: Claim) -> Failure:
    """The reason that the last attempt left behind; there is none if the whole worker died each time."""
    return claim.image.failure or Failure(
        RenderingFailed.code, f"the worker died {claim.attempt - 1} times while it rendered this image"
    )
