"""What becomes of an image whose other sizes cannot be made: it keeps what it has, and says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, broken_pixels, picture
from tests.house import house as house_below
from tests.unit.use_cases.first_things.stepwise import (
    DEFAULT,
    LARGE,
    SIZES,
    Decoder,
    crash_twice_more,
    crashed_between,
    is_complete,
    only_the_default,
    raised_beyond_the_default,
    vignettes,
)
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import RenderingFailed, TooMuchMemory
from vignette.model import ImageId, Need, State
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.ports.jobs import Lane
from vignette.recipes import Recipe


def given_up(house: House, decoder: Decoder) -> None:
    """Image 0 is ready, and its other sizes cannot be made."""
    crashed_between(house, decoder)
    house.verdicts.max_attempts = 1
    house.verdicts.interrupted(ImageId(0), RenderingFailed("the process was killed"))


class TestARestThatCannotBeMade:
    def stays_ready_with_what_it_has(self, house: House, reason: str) -> None:
        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need, image.sizes) == (State.READY, None, ("small",))
        assert image.failure is not None
        assert reason in image.failure.detail
        assert vignettes(house) == DEFAULT
        assert house.client.get("/vignette/0").status_code == 200
        answer = house.client.get("/vignette/0?size=large")
        assert (answer.status_code, reason in answer.json["detail"]) == (422, True)
        resource = house.client.get("/images/0").json
        assert (resource["state"], list(resource["links"]["vignettes"])) == ("ready", ["small"])
        assert resource["renditions_pending"] == {}
        house.jobs.hinted.clear()
        house.sweeping.sweep()
        house.renewal.advance()
        assert house.jobs.hinted == []

    @pytest.mark.parametrize("is_left_for_later", [True, False])
    def test_a_decoder_that_gives_up_is_told(
        self, house: House, decoder: Decoder, caplog: pytest.LogCaptureFixture, is_left_for_later: bool
    ) -> None:
        if is_left_for_later:
            only_the_default(house)
        else:
            house.upload(picture(640, 480))

        def give_up(step: int) -> None:
            if step == 1 or decoder.decoded[-1] == ["large", "banner"]:
                raise RenderingFailed("its decoder has a bad day")

        decoder.before = give_up
        house.work()

        assert "image 0 keeps the vignettes that it has: its decoder has a bad day" in caplog.text
        self.stays_ready_with_what_it_has(house, "its decoder has a bad day")

    def test_one_that_takes_too_much_memory_costs_no_default_vignette(self, tmp_path: Path) -> None:
        def render_the_first(*arguments: Any) -> Iterator[Told]:
            yield next(render_in_steps(*arguments))
            raise TooMuchMemory("needs more", limit=64)

        with house_below(tmp_path, recipes=SIZES, renderer=render_the_first) as house:
            house.upload(picture(640, 480))

            house.work()

            self.stays_ready_with_what_it_has(house, "needs more")

    @pytest.mark.parametrize("error", [TooMuchMemory("needs more", limit=64), RenderingFailed("needs more")])
    def test_one_that_fails_before_anything_is_made_costs_no_default_vignette(
        self, house: House, decoder: Decoder, error: Exception
    ) -> None:
        """What all sizes take together may be too much, and what the default one takes alone may not."""
        house.upload(picture(640, 480))

        decoder.before = raised_beyond_the_default(decoder, error)
        house.work()

        self.stays_ready_with_what_it_has(house, "needs more")
        assert decoder.decoded == [["small", "large", "banner"], ["small"], ["large", "banner"]]

    def test_one_that_kills_its_worker_each_time_is_given_up(self, house: House, decoder: Decoder) -> None:
        crashed_between(house, decoder)
        crash_twice_more(house, decoder)

        house.rendering.render(ImageId(0))

        self.stays_ready_with_what_it_has(house, "3 times")

    def test_it_is_made_by_whoever_has_all_rendered_again(self, house: House, decoder: Decoder) -> None:
        crashed_between(house, decoder)
        house.verdicts.max_attempts = 1
        house.verdicts.interrupted(ImageId(0), RenderingFailed("the process was killed"))
        self.stays_ready_with_what_it_has(house, "the process was killed")
        assert list(house.renewal.all_due()) == [0]

        house.renewal.render_again(ImageId(0))
        house.work()

        is_complete(house)

    def test_its_resource_tells_the_reason(self, house: House, decoder: Decoder) -> None:
        given_up(house, decoder)

        resource = house.client.get("/images/0").json

        assert (resource["state"], resource["renditions_pending"]) == ("ready", {})
        assert resource["failure"]["type"] == "/problems/rendering-failed"
        assert resource["failure"]["detail"] == "the process was killed"
        assert house.client.get("/images").json["images"][0]["failure"] == resource["failure"]

    def test_who_tries_it_again_has_only_that_made_and_it_stays_ready(self, house: House, decoder: Decoder) -> None:
        given_up(house, decoder)
        decoder.decoded.clear()

        answer = house.client.post("/images/0/retry")

        assert (answer.status_code, answer.json["state"], answer.json["failure"]) == (202, "ready", None)
        assert list(answer.json["renditions_pending"]) == ["large", "banner"]
        assert house.client.get("/vignette/0").status_code == 200
        assert house.jobs.lanes[ImageId(0)] is Lane.REST
        assert house.client.post("/images/0/retry").status_code == 409
        house.work()
        assert decoder.decoded == [["large", "banner"]]
        is_complete(house)

    def test_it_is_among_those_that_failed(self, house: House, decoder: Decoder) -> None:
        given_up(house, decoder)
        house.upload(broken_pixels())
        house.upload(picture(640, 480))
        house.work()

        failed = list(house.renewal.failed())

        assert failed == [0, 1]
        assert [house.renewal.retry(NOBODY, image_id).state for image_id in failed] == [State.READY, State.PENDING]
        assert list(house.renewal.failed()) == []

    def test_one_that_keeps_vignettes_of_other_recipes_is_rendered_again(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        original = next((house.uploads / "0").glob("original.*"))
        sound = original.read_bytes()
        others = [Recipe("small", 64, 64), Recipe("large", 500, 500)]
        with house_below(house.root, recipes=others) as changed:
            original.write_bytes(broken_pixels())
            changed.renewal.advance()
            changed.work()
            assert changed.client.get("/images/0").json["failure"]["type"] == "/problems/broken-image"
            assert list(changed.renewal.failed()) == [0]
            original.write_bytes(sound)

            changed.renewal.retry(NOBODY, ImageId(0))

            assert changed.catalogue.library.get(ImageId(0)).need is Need.AGAIN
            changed.work()
            assert vignettes(changed) == layout.vignettes(others)

    def test_pages_show_a_vignette_that_it_has_if_the_new_default_one_could_not_be_made(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        next((house.uploads / "0").glob("original.*")).write_bytes(broken_pixels())
        with house_below(house.root, recipes=[Recipe("new", 64, 64), LARGE]) as changed:
            changed.renewal.advance()
            changed.work()

            for path in ("/images", "/images/0"):
                page = changed.client.get(path, headers={"Accept": "text/html"}).text
                assert f"/vignette/0?size=large&amp;v={LARGE.digest}" in page
                assert "size=new" not in page

    def test_pixels_that_cannot_be_decoded_at_all_fail_the_image(self, house: House) -> None:
        house.upload(broken_pixels())

        house.work()

        image = house.catalogue.library.get(ImageId(0))
        assert (image.state, image.need) == (State.FAILED, None)
