"""The service with three sizes and a renderer that tests stop at each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import pytest

from tests.house import SMALL, House, picture
from vignette import layout
from vignette.model import ImageId, Outcome, State
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.recipes import Recipe
from vignette.records import outcome_from_json

LARGE = Recipe("large", 400, 400, ("webp",))
BANNER = Recipe("banner", 300, 50, ("jpeg",), fit="cover")
SIZES = [SMALL, LARGE, BANNER]
DEFAULT, BANNERS, ALL = layout.vignettes([SMALL]), layout.vignettes([BANNER]), layout.vignettes(SIZES)
MOVING = layout.moving_vignettes([SMALL, LARGE])


class Crash(BaseException):
    """The end of the process: nothing of ours runs any more."""


class Decoder:
    """The real renderer. It notes the names of the recipes at each decode; *before* is called before each step."""

    def __init__(self) -> None:
        self.decoded: list[list[str]] = []
        self.before: Callable[[int], object] = lambda _step: None

    def __call__(
        self, file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], seconds: float, /
    ) -> Iterator[Told]:
        self.decoded.append([recipe.name for recipe in stills])
        steps = render_in_steps(file, size, stills, moving, seconds)
        number = 0
        while True:
            self.before(number)
            if (step := next(steps, None)) is None:
                return
            yield step
            number += 1


def vignettes(house: House, image_id: int = 0) -> set[str]:
    return {name for name in house.files(image_id) if layout.is_vignette(name)}


def outcome(house: House, image_id: int = 0) -> Outcome:
    return outcome_from_json(house.store.read(ImageId(image_id), layout.OUTCOME))


def only_the_default(house: House) -> House:
    """Image 0 is ready, and incomplete because another one waited."""
    house.upload(picture(640, 480))
    house.upload(picture(64, 48))
    house.rendering.render(house.jobs.take())
    return house


def crash_at(step: int) -> Callable[[int], None]:
    def crash(number: int) -> None:
        if number == step:
            raise Crash

    return crash


def raised_beyond_the_default(decoder: Decoder, error: BaseException) -> Callable[[int], None]:
    """Return a step that raises *error*, unless *decoder* was asked for the default size alone."""

    def fail(_step: int) -> None:
        if decoder.decoded[-1] != ["small"]:
            raise error

    return fail


def crash_twice_more(house: House, decoder: Decoder) -> None:
    """The worker dies at each further attempt at image 0, of which there are two. Then it may be claimed again."""
    decoder.before = crash_at(0)
    for _ in range(2):
        house.end_leases()
        with pytest.raises(Crash):
            house.rendering.render(ImageId(0))
    house.end_leases()


def crashed_between(house: House, decoder: Decoder) -> House:
    """The default vignettes of image 0 are published, and the worker died before the next size."""
    house.upload(picture(640, 480))
    decoder.before = crash_at(1)
    with pytest.raises(Crash):
        house.work()
    decoder.before = lambda _: None
    return house


def is_complete(house: House) -> None:
    image = house.catalogue.library.get(ImageId(0))
    assert (image.state, image.need, image.failure) == (State.READY, None, None)
    assert image.recipe_set == layout.recipe_set(ALL)
    assert image.sizes == ("banner", "large", "small")
    assert image.placeholder is not None
    assert vignettes(house) == ALL
    assert set(outcome(house).vignettes) == ALL
    assert (outcome(house).to_come, outcome(house).placeholder) == ((), image.placeholder)
    assert house.catalogue.waiting.unfinished() == 0
