"""Which file stands for a vignette, and what is said where there is none. The rest is in `test_http_vignette.py`."""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as house_below
from tests.running import until
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import QueueUnavailable, RecipeNotFound
from vignette.model import ImageId, State
from vignette.pixels.pieces import Pieces
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.recipes import Recipe, VignetteFormat
from vignette.use_cases.public_copies import Copies, Wishes
from vignette.use_cases.publishing import PublicCopy
from vignette.use_cases.serving import Nothing, Served, Serving, Wish

JPEG = Wish(takes=("jpeg",))
LARGE = Recipe("large", 400, 400)
FORMATS: tuple[VignetteFormat, ...] = ("avif", "webp", "jpeg")


@pytest.fixture
def serving(house: House) -> Serving:
    return house.context.serving


def ask(house: House, wish: Wish = JPEG, size: str | None = None) -> Served | Nothing:
    return house.context.serving.vignette(NOBODY, ImageId(0), size, wish)


class TestFormats:
    @given(
        formats=st.sampled_from([p for n in (1, 2, 3) for p in itertools.permutations(FORMATS, n)]),
        takes=st.lists(st.sampled_from(FORMATS), unique=True).map(tuple),
        refuses=st.sets(st.sampled_from(FORMATS)),
    )
    def test_the_first_that_the_client_names_else_the_first_that_it_does_not_refuse(
        self,
        formats: tuple[VignetteFormat, ...],
        takes: tuple[VignetteFormat, ...],
        refuses: set[VignetteFormat],
    ) -> None:
        best = Wish(takes, refuses).best(formats)

        assert best in formats
        if named := set(takes) & set(formats):
            assert best in named
            assert not named & set(takes[: takes.index(best)])
        elif others := [offered for offered in formats if offered not in refuses]:
            assert best == others[0]


class TestVignettes:
    def test_one_of_the_recipe_in_force_is_final(self, house: House) -> None:
        image = house.upload(picture(640, 480))
        house.work()

        found = ask(house)

        assert isinstance(found, Served)
        assert (found.image.id, found.recipe, found.file_format, found.is_final) == (image.id, SMALL, "jpeg", True)
        assert found.content == (house.uploads / "0" / found.name).read_bytes()

    def test_one_of_an_earlier_recipe_is_not(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        with house_below(house.root, recipes=[Recipe("small", 64, 64)]) as changed:
            found = ask(changed)

            assert isinstance(found, Served)
            assert (found.name, found.is_final) == (layout.vignette(SMALL, "jpeg"), False)
            assert changed.jobs.hinted == []  # the sweep sees to it

    def test_one_that_was_lost_is_queued(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        (house.uploads / "0" / layout.vignette(SMALL, "jpeg")).unlink()

        found = ask(house)

        assert isinstance(found, Nothing)
        assert (found.failure, house.jobs.hinted) == (None, [0])

    @pytest.mark.parametrize("left", [0, 100], ids=["all of it", "its end"])
    def test_one_that_a_crash_of_the_machine_has_cut_short_is_queued(self, house: House, left: int) -> None:
        house.upload(picture(640, 480))
        house.work()
        os.truncate(house.uploads / "0" / layout.vignette(SMALL, "jpeg"), left)

        found = ask(house)

        assert isinstance(found, Nothing)
        assert (found.failure, house.jobs.hinted) == (None, [0])

    def test_one_with_other_bytes_than_were_written_is_queued(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        file = house.uploads / "0" / layout.vignette(SMALL, "jpeg")
        file.write_bytes(bytes(file.stat().st_size))

        assert isinstance(ask(house), Nothing)
        assert house.jobs.hinted == [0]

    def test_one_that_no_outcome_tells_of_may_be_damaged_and_is_not_served(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        house.store.write(ImageId(0), layout.OUTCOME, b"")
        os.truncate(house.uploads / "0" / layout.vignette(SMALL, "jpeg"), 100)

        assert isinstance(ask(house), Nothing)
        assert house.jobs.hinted == [0]
        house.work()
        assert isinstance(ask(house), Served)

    def test_one_that_was_written_and_not_yet_told_of_may_be_damaged_and_is_not_served(self, tmp_path: Path) -> None:
        with house_below(tmp_path, recipes=[SMALL, LARGE]) as house:
            for _ in range(2):
                house.upload(picture(640, 480))
            house.rendering.render(house.jobs.take())
            house.store.write(ImageId(0), layout.vignette(LARGE, "jpeg"), b"\xff\xd8 and what a crash has left")

            found = ask(house, size="large")

            assert isinstance(found, Nothing)
            assert found.failure is None
            house.work()
            assert isinstance(ask(house, size="large"), Served)

    def test_one_that_cannot_be_made_has_its_failure(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()

        found = ask(house)

        assert isinstance(found, Nothing)
        assert found.failure is not None
        assert found.image.state is State.FAILED

    def test_an_unknown_size_is_told_before_anything_is_looked_for(self, serving: Serving) -> None:
        with pytest.raises(RecipeNotFound, match="there is no size 'huge', only small"):
            serving.vignette(NOBODY, ImageId(99), "huge", JPEG)


class TestWaiting:
    def test_it_ends_when_the_vignette_is_there(self, house: House) -> None:
        house.upload(picture(640, 480))
        worker = threading.Timer(0.1, house.work)
        worker.start()

        found = ask(house, Wish(("jpeg",), patience_s=60))

        worker.join()
        assert isinstance(found, Served)
        assert found.waited

    def test_it_has_an_end(self, house: House) -> None:
        house.upload(picture(640, 480))

        found = ask(house, Wish(("jpeg",), patience_s=0.01))

        assert isinstance(found, Nothing)
        assert found.waited

    def test_for_what_is_there_nobody_waits(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()

        assert not ask(house, Wish(("jpeg",), patience_s=60)).waited


def a_copy(pieces: Pieces) -> PublicCopy:
    return PublicCopy(pieces, "0" * 64, "original.jpg", "image/jpeg", "jpg")


class TestPublicCopies:
    def test_who_waits_gets_it_when_it_is_made(self, house: House) -> None:
        image, serving = house.upload(picture(64, 48)), house.context.serving
        house.jobs.publish_at_once = None
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(serving.public_copy, NOBODY, image, 60)
            until(lambda: house.jobs.published == [image.id])
            house.publishing.make(image.id)
            copy = waiting.result()

        assert copy is not None
        with serving.open_copy(image, copy) as file:
            assert hashlib.sha256(file.read()).hexdigest() == copy.sha256

    def test_who_finds_no_place_to_wait_is_told_at_once(self, house: House) -> None:
        image = house.upload(picture(64, 48))
        house.jobs.publish_at_once = None

        with house.context.capacity.waiter(1):
            assert house.context.serving.public_copy(NOBODY, image, 60) is None

    def test_a_wish_that_could_not_be_queued_is_queued_by_the_next_who_asks(self, house: House) -> None:
        image = house.upload(picture(64, 48))
        house.jobs.publish_at_once, house.jobs.is_down = None, True
        for _ in range(2):
            with pytest.raises(QueueUnavailable):
                house.context.serving.public_copy(NOBODY, image, 0)

        house.jobs.is_down = False
        house.context.serving.public_copy(NOBODY, image, 0)

        assert house.jobs.published == [image.id]

    def test_a_wish_is_queued_again_after_a_while(self) -> None:
        now = 0.0
        wishes = Wishes(clock=lambda: now)

        assert [wishes.is_new(ImageId(number)) for number in (1, 2, 1)] == [True, True, False]
        now = 11.0
        assert wishes.is_new(ImageId(1))
        assert all(wishes.is_new(ImageId(number)) for number in range(10, 2000))

    def test_a_copy_that_nobody_has_used_for_a_minute_is_forgotten(self) -> None:
        """Its image may be deleted by now, and its pieces tell of it."""
        now = 0.0
        copies = Copies(10_000, lambda: now)
        for key in "ab":
            copies.keep(key, a_copy(Pieces()))
        now = 50.0
        assert copies.find("b")
        now = 70.0

        assert copies.find("c") is None

        assert copies.kept_bytes == 512
        assert copies.find("b") is not None

    def test_only_the_copies_that_were_used_last_are_remembered(self) -> None:
        pieces = Pieces()
        pieces.write(bytes(1000))
        copy, copies = a_copy(pieces), Copies(3 * 1700)
        for number in range(3):
            copies.keep(number, copy)
        copies.find(0)
        copies.keep(3, copy)
        copies.keep(3, copy)

        assert [copies.find(number) is not None for number in range(4)] == [True, False, True, True]
        assert copies.kept_bytes <= 3 * 1700


class Death(BaseException):
    """The end of the worker's process: nothing of ours runs any more."""


def other_bytes(*arguments: Any) -> Iterator[Told]:
    """A renderer of a later release: it makes other bytes under the same names."""
    for step in render_in_steps(*arguments):
        yield [replace(made, content=made.content + b"\0") for made in step]


class TestWhileItIsRenderedAgain:
    @pytest.mark.parametrize("written", range(4))
    def test_a_worker_that_dies_takes_no_vignette(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
    ) -> None:
        """It dies after so many files. All further attempts die too."""
        with house_below(tmp_path) as house:
            house.upload(picture(640, 480))
            house.work()
        with house_below(tmp_path, renderer=other_bytes, max_attempts=1) as house:
            replaced = itertools.count()
            replace_file = house.store._replace

            def die(*arguments: Any, **options: Any) -> None:
                if next(replaced) == written:
                    raise Death
                replace_file(*arguments, **options)

            monkeypatch.setattr(house.store, "_replace", die)
            house.renewal.render_again(ImageId(0))
            with pytest.raises(Death):
                house.work()
            self.serves_all(house)

            monkeypatch.undo()
            house.end_leases()
            house.rendering.render(ImageId(0))

            assert house.catalogue.library.get(ImageId(0)).failure is not None
            self.serves_all(house)
            house.renewal.render_again(ImageId(0))
            house.work()
            self.serves_all(house)
            assert house.catalogue.library.get(ImageId(0)).failure is None

    def serves_all(self, house: House) -> None:
        for file_format in SMALL.formats:
            assert isinstance(ask(house, Wish((file_format,))), Served)

    def test_one_that_is_lost_is_not_queued_a_second_time(self, house: House) -> None:
        house.upload(picture(640, 480))
        house.work()
        (house.uploads / "0" / layout.vignette(SMALL, "jpeg")).unlink()
        ask(house)
        house.jobs.take()

        assert isinstance(ask(house), Nothing)

        assert house.jobs.hinted == []
