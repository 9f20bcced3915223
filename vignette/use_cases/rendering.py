"""
Render: make the vignettes of an image and write the verdict. Doing it twice does no harm.

First things first: as long as images wait that have no vignette yet, an image without one is given those of the default
recipe, and leaves the rest for later. When nobody waits, one decode makes all of its vignettes; those of the default
recipe are published as soon as they are made.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final, Protocol

from vignette import layout
from vignette.errors import (
    CatalogueUnavailable,
    FileNotStored,
    Overloaded,
    QueueUnavailable,
    Refused,
    RenderingFailed,
    StoreFull,
    Unavailable,
)
from vignette.limits import ANIMATION_SECONDS
from vignette.model import Failure, Fingerprint, ImageId, Need, Outcome, Placeholder, RenderingWarning
from vignette.pixels.formats import moves
from vignette.pixels.renditions import Step, Told
from vignette.ports.catalogue import Claim, Renderings
from vignette.ports.jobs import Jobs, Lane
from vignette.ports.store import Files
from vignette.recipes import Recipe
from vignette.records import outcome_from_json, outcome_to_json
from vignette.use_cases.verdicts import Verdicts, to_failure

# The pause after a rendering that found no room on the disk, or could not use the folder or the catalogue. That says
# nothing about the image, so the attempt does not count.
PAUSE_WITHOUT_ROOM_S: Final = 5.0

logger = logging.getLogger(__name__)


class Renderer(Protocol):
    """A function that makes vignettes, some at a time; see `pixels.rendering.render_in_steps`."""

    def __call__(
        self, file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float, /
    ) -> Iterator[Told]: ...


@dataclass(slots=True)
class _Work:
    """
    A claimed image, and what its `outcome.json` would say now if nothing more were to come. The claim is another once
    the image is published. `earlier` is the outcome of what an image that is ready had before. One that is rendered
    again `keeps_earlier` vignettes until all new ones are there.
    """

    claim: Claim
    outcome: Outcome
    earlier: Outcome = field(default_factory=Outcome)
    keeps_earlier: bool = False

    def so_far(self) -> Outcome:
        """Return the outcome with what earlier recipes made of the sizes that are still to come."""
        kept = [
            name
            for size in layout.sizes(self.outcome.to_come)
            for moves in (False, True)
            for name in layout.vignettes_named(size, self.earlier.vignettes, moves=moves).values()
            if name not in self.outcome.to_come
        ]
        known = {name: self.earlier.fingerprints[name] for name in kept if name in self.earlier.fingerprints}
        return replace(
            self.outcome,
            vignettes=tuple(dict.fromkeys((*self.outcome.vignettes, *kept))),
            fingerprints={**known, **self.outcome.fingerprints},
        )

    def add(self, made: Mapping[str, bytes]) -> None:
        self.outcome = replace(
            self.outcome,
            vignettes=self.outcome.vignettes + tuple(made),
            to_come=tuple(name for name in self.outcome.to_come if name not in made),
            fingerprints={**self.outcome.fingerprints, **{name: Fingerprint.of(made[name]) for name in made}},
        )

    def warn(self, warning: str) -> None:
        warnings = dict.fromkeys((*self.outcome.warnings, warning))
        self.outcome = replace(self.outcome, warnings=tuple(map(str, warnings)))


class Rendering:
    """
    The use case of the worker. The first of *recipes* is the default one. *renderer* makes the vignettes; it raises
    `Overloaded` if it cannot do so now.

    A rendering that takes longer than *lease_s* seconds counts as dead. Making vignettes that move may take
    *animation_seconds*. An image waits *pause_without_room_s* seconds after the machine had no room for it.

    *recognise* is called with what stands for the picture, before its first vignette is written.

    *renderer* raises `TooMuchMemory` or `TooMuchTime` for a step that takes too much. No other attempt follows then,
    because it would take as much; but the default vignettes are tried alone, if nothing is made by then.
    """

    def __init__(
        self,
        files: Files,
        renderings: Renderings,
        verdicts: Verdicts,
        jobs: Jobs,
        recipes: Sequence[Recipe],
        renderer: Renderer,
        *,
        lease_s: float,
        animation_seconds: float = ANIMATION_SECONDS,
        pause_without_room_s: float = PAUSE_WITHOUT_ROOM_S,
        recognise: Callable[[ImageId, Placeholder], object] = lambda _id, _placeholder: None,
    ) -> None:
        self._recognise = recognise
        self._files = files
        self._renderings = renderings
        self._verdicts = verdicts
        self._jobs = jobs
        self._recipes = recipes
        self._lease_s = lease_s
        self._animation_seconds = animation_seconds
        self._pause_without_room_s = pause_without_room_s
        self._renderer = renderer

    def render(self, image_id: ImageId, lane: Lane | None = None) -> None:
        """
        Render the image if it waits for that; return at once if it is done, deleted or claimed by another worker.

        An image that is ready is completed only by a job of the *lane* for that, or of none: an image that is queued
        twice would else have its turn twice, before the first vignette of those behind it.

        An image that is rendered again keeps its earlier vignettes until all new ones are there. But if it has lost its
        default ones, it is completed: it is given those first. An image that is ready stays so if its rendering fails
        for good: it keeps what it has, the reason is logged, and no further attempt follows by itself.
        """
        claim = self._renderings.claim(image_id, self._lease_s, to_complete=lane not in (Lane.FAST, Lane.BULK))
        if claim is None:
            return
        work = _Work(claim, Outcome(attempts=claim.attempt, placeholder=claim.image.placeholder))
        try:
            self._attempt(work)
        except Unavailable as error:
            if not self._is_the_machines(error):
                raise
            logger.warning("image %d has to wait: %s", image_id, error)
            self._renderings.postpone(work.claim, to_failure(error), self._pause_without_room_s)

    def _attempt(self, work: _Work) -> None:
        claim = work.claim
        if claim.attempt > self._verdicts.max_attempts:
            self._verdicts.conclude(claim, Outcome(failure=_gave_up(claim), attempts=claim.attempt - 1))
            return
        try:
            is_ended = self._make_vignettes(work)
        except (RenderingFailed, Refused, FileNotStored) as error:
            failed = Outcome(failure=to_failure(error), attempts=work.claim.attempt)
            self._verdicts.conclude(work.claim, failed)
            return
        if is_ended:
            self._verdicts.conclude(work.claim, replace(work.outcome, to_come=()))

    def _is_the_machines(self, error: Unavailable) -> bool:
        """
        Whether *error* comes from the state of the machine, which will pass, and not from the image.

        If one original cannot be read on a disk that works otherwise, the fault is the image's, and the attempt counts.
        """
        if isinstance(error, StoreFull | CatalogueUnavailable | Overloaded):
            return True
        try:
            self._files.probe()
        except Unavailable:
            return True
        return False

    def _make_vignettes(self, work: _Work) -> bool:
        """Make what the image lacks; return whether all is made that can be, and nothing was left for later."""
        self._find_what_is_there(work)
        stills, moving = self._lacking(work.outcome)
        if len(stills) <= 1 and not moving:
            return self._make(work, stills, moving, has_to_hurry=False)
        if not self._has_to_hurry(work):
            try:
                return self._make(work, stills, moving, has_to_hurry=False)
            except (RenderingFailed, Refused) as error:
                if not self._lacks_the_first(work):
                    raise
                logger.info("the first size of image %d is tried alone: %s", work.claim.image.id, error)
        return self._make(work, stills[:1], [], has_to_hurry=True)

    def _make(self, work: _Work, stills: Sequence[Recipe], moving: Sequence[Recipe], *, has_to_hurry: bool) -> bool:
        image, unwritten = work.claim.image, dict[str, bytes]()
        with self._files.open(image.id, layout.original(image.record.facts)) as file:
            steps = self._renderer(file, image.record.bytes, stills, moving, self._animation_seconds)
            for step in steps:
                if isinstance(step, RenderingWarning):
                    work.warn(step)
                    continue
                made = _by_name(step)
                unwritten |= made
                work.add(made)
                if step[0].recipe == self._recipes[0] and step[0].placeholder:
                    work.outcome = replace(work.outcome, placeholder=step[0].placeholder)
                    self._recognise(image.id, step[0].placeholder)
                if work.keeps_earlier:
                    continue  # these are served until all new ones are there
                self._files.write_all(image.id, unwritten, flush=False)
                unwritten.clear()
                if work.outcome.to_come and not self._goes_on(work, has_to_hurry=has_to_hurry):
                    return False
        if unwritten:
            self._files.write_all(image.id, _announcement(work.earlier, unwritten) | unwritten, flush=False)
        return True

    def _find_what_is_there(self, work: _Work) -> None:
        """Note what the recipes in force make of the image, and what it has by now if it is ready."""
        image = work.claim.image
        wanted = layout.vignettes(self._recipes)
        if moves(image.record.facts.media_type, image.record.facts.frames):
            wanted |= layout.moving_vignettes(self._recipes)
        work.outcome = replace(work.outcome, to_come=tuple(sorted(wanted)))
        if image.need is Need.FIRST:
            return
        work.earlier = self._earlier_outcome(image.id)
        if image.need is Need.AGAIN:
            default = layout.vignettes_named(self._recipes[0].name, work.earlier.vignettes).values()
            work.keeps_earlier = bool(self._sound(image.id, default, work.earlier))
        if not work.keeps_earlier:
            for warning in work.earlier.warnings:
                work.warn(warning)
            work.add(self._sound(image.id, wanted, work.earlier))

    def _sound(self, image_id: ImageId, wanted: Iterable[str], earlier: Outcome) -> dict[str, bytes]:
        """Read those of the *wanted* vignettes that are there, and that no crash of the machine has damaged."""
        sound = {}
        for name in sorted(set(wanted).intersection(earlier.vignettes)):
            with suppress(FileNotStored):
                content = self._files.read(image_id, name)
                if earlier.fits(name, content):
                    sound[name] = content
        return sound

    def _earlier_outcome(self, image_id: ImageId) -> Outcome:
        try:
            return outcome_from_json(self._files.read(image_id, layout.OUTCOME))
        except (FileNotStored, ValueError):
            return Outcome()  # all is made anew

    def _lacking(self, outcome: Outcome) -> tuple[list[Recipe], list[Recipe]]:
        """Return the recipes that stills are still to be made by, and those of vignettes that move."""
        to_come = set(outcome.to_come)
        stills = [recipe for recipe in self._recipes if to_come & layout.vignettes([recipe])]
        moving = [recipe for recipe in self._recipes if to_come & layout.moving_vignettes([recipe])]
        return stills, moving

    def _lacks_the_first(self, work: _Work) -> bool:
        """
        Whether the image has no default vignettes. One that is ready may have lost them: in a copy, or in a crash of
        the machine.
        """
        stills, _ = self._lacking(work.outcome)
        return self._recipes[0] in stills and not work.keeps_earlier

    def _has_to_hurry(self, work: _Work) -> bool:
        """Whether only the default vignettes are to be made now: other images wait for theirs."""
        if not self._lacks_the_first(work):
            return False
        # An attempt that died may have died of another size, which must not cost the image its default one.
        return work.claim.attempt > 1 or self._renderings.newcomers_wait()

    def _goes_on(self, work: _Work, *, has_to_hurry: bool) -> bool:
        """Publish what is made by now; return whether to make the rest at once. If not, it is left to another job."""
        image_id = work.claim.image.id
        is_left = has_to_hurry or self._renderings.newcomers_wait()
        published = self._verdicts.publish(work.claim, work.so_far(), goes_on=not is_left)
        if published is None:  # it was deleted, or another worker has taken it over
            return False
        work.claim = published
        if is_left:
            try:
                self._jobs.hint(image_id, Lane.REST)
            except QueueUnavailable as error:
                logger.warning("the other sizes of image %d wait for the sweep: %s", image_id, error)
        return not is_left


def _by_name(step: Step) -> dict[str, bytes]:
    return {layout.vignette(made.recipe, made.file_format, moves=made.moves): made.content for made in step}


def _announcement(earlier: Outcome, made: Mapping[str, bytes]) -> dict[str, bytes]:
    """
    Return an outcome that fits the *earlier* vignettes and those that were *made* to replace them, if any. It is
    written first: then all vignettes are served whenever the worker dies.
    """
    others = [name for name in earlier.vignettes if name in made and not earlier.fits(name, made[name])]
    if not others:
        return {}
    new = {name: (*earlier.replacements.get(name, ()), Fingerprint.of(made[name])) for name in others}
    announced = replace(earlier, replacements={**earlier.replacements, **new})
    return {layout.OUTCOME: outcome_to_json(announced)}


def _gave_up(claim: Claim) -> Failure:
    """Return the reason that the last attempt left; if the whole worker died each time and left none, say that."""
    return claim.image.failure or Failure(
        RenderingFailed.code, f"the worker died {claim.attempt - 1} times while it rendered this image"
    )
