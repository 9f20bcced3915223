"""A default vignette that was lost comes first again, whatever becomes of the other sizes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.house import House, picture
from tests.unit.use_cases.first_things.stepwise import (
    ALL,
    BANNERS,
    DEFAULT,
    Crash,
    Decoder,
    is_complete,
    raised_beyond_the_default,
    vignettes,
)
from vignette.access.actors import NOBODY
from vignette.errors import TooMuchMemory
from vignette.model import ImageId, State


def reindexed(house: House) -> None:
    house.reindexing.rebuild()
    house.sweeping.sweep()


def viewed(house: House) -> None:
    assert house.client.get("/vignette/0").status_code == 202


def repaired(house: House) -> None:
    house.renewal.render_again(ImageId(0))


class TestADefaultThatWasLost:
    """The image has one of its other sizes still; the third one cannot be made any more."""

    @pytest.fixture
    def lossy(self, house: House, decoder: Decoder) -> House:
        house.upload(picture(640, 480))
        house.work()
        for name in ALL - BANNERS:
            (house.uploads / "0" / name).unlink()
        decoder.decoded.clear()
        return house

    def has_all_but_the_large_one(self, house: House) -> None:
        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.sizes) == (State.READY, None, ("banner", "small"))
        assert house.client.get("/vignette/0").status_code == 200
        assert house.client.get("/vignette/0?size=large").status_code == 422
        assert vignettes(house) == DEFAULT | BANNERS

    @pytest.mark.parametrize("noticed", [reindexed, viewed, repaired])
    def test_a_size_that_takes_too_much_does_not_keep_it_away(
        self, lossy: House, decoder: Decoder, noticed: Callable[[House], None]
    ) -> None:
        decoder.before = raised_beyond_the_default(decoder, TooMuchMemory("needs more", limit=64))
        noticed(lossy)
        lossy.work()

        self.has_all_but_the_large_one(lossy)
        assert decoder.decoded == [["small", "large"], ["small"], ["large"]]
        lossy.renewal.retry(NOBODY, ImageId(0))
        lossy.work()
        self.has_all_but_the_large_one(lossy)

    @pytest.mark.parametrize("noticed", [reindexed, viewed, repaired])
    def test_a_size_that_kills_its_worker_does_not_keep_it_away(
        self, lossy: House, decoder: Decoder, noticed: Callable[[House], None]
    ) -> None:
        decoder.before = raised_beyond_the_default(decoder, Crash())
        noticed(lossy)
        for _ in range(3 * lossy.verdicts.max_attempts):
            lossy.end_leases()
            with suppress(Crash):
                lossy.rendering.render(ImageId(0))

        self.has_all_but_the_large_one(lossy)

    @pytest.mark.parametrize("noticed", [reindexed, viewed, repaired])
    def test_it_comes_first_while_others_wait(
        self, lossy: House, decoder: Decoder, noticed: Callable[[House], None]
    ) -> None:
        noticed(lossy)
        lossy.upload(picture(64, 48))

        lossy.rendering.render(ImageId(0))

        assert decoder.decoded == [["small"]]
        assert lossy.client.get("/vignette/0").status_code == 200
        lossy.work()
        is_complete(lossy)
