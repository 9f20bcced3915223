"""Render: make the vignettes of an image and write the verdict. Doing it twice does no harm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import BinaryIO, Final, Protocol

from vignette import layout
from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    Refused,
    RenderingFailed,
    StoreFull,
    Unavailable,
)
from vignette.limits import ANIMATION_SECONDS
from vignette.model import Failure, Fingerprint, ImageId, Outcome
from vignette.pixels.rendering import Rendered, render_with_placeholder
from vignette.ports.catalogue import Claim, Renderings
from vignette.ports.store import Files
from vignette.recipes import Recipe
from vignette.use_cases.verdicts import Verdicts, to_failure

# The pause after a rendering that found no room on the disk, or could not use the folder or the catalogue. That says
# nothing about the image, so the attempt does not count.
PAUSE_WITHOUT_ROOM_S: Final = 5.0

logger = logging.getLogger(__name__)


class Renderer(Protocol):
    """A function that makes the vignettes; see `pixels.rendering.render_with_placeholder`."""

    def __call__(
        self, file: BinaryIO, size: int, recipes: Sequence[Recipe], animation_seconds: float, /
    ) -> Rendered: ...


class Rendering:
    """
    The use case of the worker.

    A rendering that takes longer than *lease_s* seconds counts as dead. Making vignettes that move may take
    *animation_seconds*. An image waits *pause_without_room_s* seconds after the machine had no room for it.

    Decoders run within *confined*, which raises `TooMuchMemory` or `TooMuchTime` if they take too much. The image then
    fails at once, because the next attempt would take as much.
    """

    def __init__(
        self,
        files: Files,
        renderings: Renderings,
        verdicts: Verdicts,
        recipes: Sequence[Recipe],
        *,
        lease_s: float,
        animation_seconds: float = ANIMATION_SECONDS,
        pause_without_room_s: float = PAUSE_WITHOUT_ROOM_S,
        confined: Callable[[], AbstractContextManager[None]] = nullcontext,
        renderer: Renderer = render_with_placeholder,
    ) -> None:
        self._files = files
        self._renderings = renderings
        self._verdicts = verdicts
        self._recipes = recipes
        self._lease_s = lease_s
        self._animation_seconds = animation_seconds
        self._pause_without_room_s = pause_without_room_s
        self._confined = confined
        self._renderer = renderer

    def render(self, image_id: ImageId) -> None:
        """
        Render the image if it waits for that; return at once if it is done, deleted or claimed by another worker.

        An image that is rendered again keeps its earlier vignettes until all new ones are there. If the rendering
        fails for good, the image keeps them, the reason is logged, and no further attempt follows by itself.
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
            self._renderings.postpone(claim, to_failure(error), self._pause_without_room_s)

    def _attempt(self, claim: Claim) -> None:
        if claim.attempt > self._verdicts.max_attempts:
            self._verdicts.conclude(claim, Outcome(failure=_gave_up(claim), attempts=claim.attempt - 1))
            return
        try:
            outcome = self._make_vignettes(claim)
        except (RenderingFailed, Refused, FileNotStored) as error:
            outcome = Outcome(failure=to_failure(error), attempts=claim.attempt)
        self._verdicts.conclude(claim, outcome)

    def _is_the_machines(self, error: Unavailable) -> bool:
        """
        Whether *error* comes from the state of the machine, which will pass, and not from the image.

        If one original cannot be read on a disk that works otherwise, the fault is the image's, and the attempt counts.
        """
        if isinstance(error, StoreFull | CatalogueUnavailable):
            return True
        try:
            self._files.probe()
        except Unavailable:
            return True
        return False

    def _make_vignettes(self, claim: Claim) -> Outcome:
        image = claim.image
        with self._files.open(image.id, layout.original(image.record.facts)) as file, self._confined():
            rendered = self._renderer(file, image.record.bytes, self._recipes, self._animation_seconds)
        vignettes = {
            layout.vignette(made.recipe, made.file_format, moves=made.moves): made.content
            for made in rendered.renditions
        }
        self._files.write_all(image.id, vignettes, flush=False)
        return Outcome(
            vignettes=tuple(vignettes),
            attempts=claim.attempt,
            placeholder=rendered.placeholder,
            fingerprints={name: Fingerprint.of(content) for name, content in vignettes.items()},
        )


def _gave_up(claim: Claim) -> Failure:
    """Return the reason that the last attempt left; if the whole worker died each time and left none, say that."""
    return claim.image.failure or Failure(
        RenderingFailed.code, f"the worker died {claim.attempt - 1} times while it rendered this image"
    )
