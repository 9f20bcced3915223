from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest
from PIL import Image as Pillow

from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as house_below
from tests.makers import animation
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import (
    CatalogueUnavailable,
    RenderingFailed,
    StoreFull,
    StoreUnavailable,
    TooMuchMemory,
    TooMuchTime,
    VignetteError,
)
from vignette.model import Failure, State
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.recipes import Recipe
from vignette.records import outcome_from_json

WEBP = layout.vignette(SMALL, "webp")
JPEG = layout.vignette(SMALL, "jpeg")
MOVING = layout.vignette(SMALL, "webp", moves=True)
OTHER = Recipe("small", 64, 64, ("webp", "avif"))


def test_vignettes_are_made_in_every_format_of_the_recipe(house: House) -> None:
    house.upload(picture(640, 480))

    house.work()

    assert house.catalogue.library.get(0).state is State.READY
    for name, file_format in ((WEBP, "WEBP"), (JPEG, "JPEG")):
        with Pillow.open(house.uploads / "0" / name) as vignette:
            assert (vignette.format, vignette.size) == (file_format, (256, 192))


def test_the_outcome_names_what_was_made(house: House) -> None:
    house.upload(picture())

    house.work()

    outcome = outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes())
    assert (set(outcome.vignettes), outcome.failure, outcome.attempts) == ({WEBP, JPEG}, None, 1)


def test_a_picture_that_moves_has_a_vignette_that_moves_beside_the_still_ones(house: House) -> None:
    house.upload(animation("GIF", 3))

    house.work()

    outcome = outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes())
    assert set(outcome.vignettes) == {MOVING, WEBP, JPEG}
    for name, frames in ((MOVING, 3), (WEBP, 1), (JPEG, 1)):
        with Pillow.open(house.uploads / "0" / name) as vignette:
            assert getattr(vignette, "n_frames", 1) == frames


def warnings_of(house: House) -> tuple[str, ...]:
    return outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes()).warnings


def test_a_rendering_that_passes_over_nothing_warns_of_nothing(house: House) -> None:
    house.upload(animation("GIF", 3))

    house.work()

    assert warnings_of(house) == ()


def test_an_animation_without_time_costs_no_still_vignette(tmp_path: Path) -> None:
    def render_without_time(
        file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], _: float
    ) -> Iterator[Told]:
        return render_in_steps(file, size, stills, moving, animation_seconds=-1)

    with house_below(tmp_path, renderer=render_without_time) as house:
        house.upload(animation("GIF", 3))

        house.work()

        assert house.catalogue.library.get(0).state is State.READY
        assert warnings_of(house) == ("animation-too-costly",)
        assert vignettes(house) == {WEBP, JPEG}


def test_the_outcome_holds_what_to_show_until_a_vignette_is_there(house: House) -> None:
    house.upload(picture(640, 480, colour="red"))
    assert house.catalogue.library.get(0).placeholder is None

    house.work()

    placeholder = house.catalogue.library.get(0).placeholder
    assert placeholder is not None
    red, green, blue = bytes.fromhex(placeholder.colour.removeprefix("#"))
    assert red > 250
    assert max(green, blue) < 5
    assert len(base64.b64decode(placeholder.thumbhash)) in range(14, 26)
    outcome = outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes())
    assert outcome.placeholder == placeholder


def test_transparency_is_in_the_placeholder(house: House) -> None:
    content = io.BytesIO()
    half = Pillow.new("RGBA", (200, 100))
    half.paste("blue", (100, 0, 200, 100))
    half.save(content, "PNG")
    house.upload(content.getvalue())

    house.work()

    placeholder = house.catalogue.library.get(0).placeholder
    assert placeholder is not None
    assert placeholder.colour.startswith("#0000f")
    assert base64.b64decode(placeholder.thumbhash)[2] & 0x80


def test_what_could_not_be_rendered_has_no_placeholder(house: House) -> None:
    house.upload(broken_pixels())

    house.work()

    assert house.catalogue.library.get(0).placeholder is None


def test_an_outcome_of_before_there_were_placeholders_is_read() -> None:
    assert outcome_from_json(b'{"vignettes": ["vignette-a.webp"], "failure": null, "attempts": 1}').placeholder is None


def test_each_recipe_has_its_vignettes(tmp_path: Path) -> None:
    small, large = Recipe("small", 64, 64, ("webp",)), Recipe("large", 128, 128, ("webp",))
    house = House(tmp_path, recipes=[small, large])
    house.upload(picture(640, 480))

    house.work()

    sizes = {}
    for path in (tmp_path / "uploads" / "0").glob("vignette-*"):
        with Pillow.open(path) as vignette:
            sizes[path.name] = vignette.size
    assert sizes == {layout.vignette(small, "webp"): (64, 48), layout.vignette(large, "webp"): (128, 96)}
    house.close()


def test_pixels_that_cannot_be_decoded_end_failed_with_the_reason(house: House) -> None:
    house.upload(broken_pixels())

    house.work()

    image = house.catalogue.library.get(0)
    assert image.state is State.FAILED
    assert image.failure is not None
    assert image.failure.code == "rendering-failed"
    assert "PNG" in image.failure.detail
    outcome = outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes())
    assert outcome.failure == image.failure


def test_one_bad_file_does_not_hold_up_the_next(house: House) -> None:
    house.upload(broken_pixels())
    house.upload(picture())

    house.work()

    assert [house.catalogue.library.get(number).state for number in (0, 1)] == [State.FAILED, State.READY]


def test_rendering_twice_gives_the_same_bytes(house: House) -> None:
    house.upload(picture(640, 480))
    house.work()
    before = (house.uploads / "0" / WEBP).read_bytes()

    house.renewal.render_again(0)
    house.work()

    assert (house.uploads / "0" / WEBP).read_bytes() == before
    assert house.catalogue.library.get(0).state is State.READY


def test_a_job_that_comes_twice_is_done_once(house: House) -> None:
    house.upload(picture())
    house.work()

    house.rendering.render(0)

    assert house.catalogue.library.get(0).attempts == 1


def test_an_interrupted_rendering_is_tried_again_after_a_pause(house: House) -> None:
    house.upload(picture())
    house.catalogue.renderings.claim(0, 60)

    house.verdicts.interrupted(0, RenderingFailed("the process was killed"))

    image = house.catalogue.library.get(0)
    assert image.state is State.PROCESSING
    assert image.failure is not None
    assert image.failure.detail == "the process was killed"
    assert house.catalogue.renderings.claim(0, 60) is None


def test_the_pause_doubles_with_each_attempt_and_never_is_longer_than_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, max_attempts=20)
    house.upload(picture())
    pauses: list[float] = []
    monkeypatch.setattr(house.catalogue.renderings, "release", lambda _id, _failure, pause_s: pauses.append(pause_s))

    for _ in range(9):
        assert house.catalogue.renderings.claim(0, lease_s=-1) is not None
        house.verdicts.interrupted(0, RenderingFailed("the process was killed"))

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    house.close()


def test_after_the_last_attempt_an_interrupted_image_is_failed_with_the_reason(tmp_path: Path) -> None:
    house = House(tmp_path, max_attempts=1)
    house.upload(picture())
    house.catalogue.renderings.claim(0, 60)

    house.verdicts.interrupted(0, TooMuchTime("rendering took more than 60 seconds", limit=60))

    image = house.catalogue.library.get(0)
    assert image.state is State.FAILED
    assert image.failure is not None
    assert image.failure == Failure("too-much-time", "rendering took more than 60 seconds", limit=60)
    house.close()


@pytest.mark.parametrize("error", [TooMuchMemory("needs more", limit=64), TooMuchTime("needs more", limit=30)])
def test_an_image_that_takes_too_much_of_the_machine_is_failed_at_once(tmp_path: Path, error: VignetteError) -> None:
    """The next attempt would take the same."""
    house = House(tmp_path, max_attempts=3, renderer=lambda *_: raise_(error))
    house.upload(picture())

    house.work()

    image = house.catalogue.library.get(0)
    assert image.state is State.FAILED
    assert image.failure == Failure(error.code, "needs more", limit=error.limit)
    assert outcome_from_json((house.uploads / "0" / "outcome.json").read_bytes()).attempts == 1
    house.close()


def test_an_image_that_kills_its_worker_each_time_is_failed_after_the_last_attempt(house: House) -> None:
    house.upload(picture())
    for _ in range(3):
        assert house.catalogue.renderings.claim(0, lease_s=-1) is not None

    house.rendering.render(0)

    image = house.catalogue.library.get(0)
    assert image.state is State.FAILED
    assert image.failure is not None
    assert "3 times" in image.failure.detail


@pytest.mark.parametrize("error", [StoreFull, CatalogueUnavailable])
def test_an_attempt_that_found_no_room_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[VignetteError]
) -> None:
    house = House(tmp_path, max_attempts=1, pause_without_room_s=-1)
    image = house.upload(picture())
    with monkeypatch.context() as full:
        full.setattr(house.store, "write_all", lambda *_, **__: raise_(error("no room")))
        for _ in range(3):
            house.rendering.render(image.id)

        assert house.catalogue.library.get(image.id).state is State.PROCESSING

    house.rendering.render(image.id)

    assert house.catalogue.library.get(image.id).state is State.READY
    assert outcome_from_json(house.store.read(image.id, "outcome.json")).attempts == 1
    house.close()


def test_an_attempt_that_found_no_room_is_made_again_after_a_pause(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = house.upload(picture())
    with monkeypatch.context() as full:
        full.setattr(house.store, "write_all", lambda *_, **__: raise_(StoreFull("no room")))
        house.rendering.render(image.id)

    house.rendering.render(image.id)

    assert house.catalogue.library.get(image.id).state is State.PROCESSING


def test_one_original_that_cannot_be_read_counts_as_the_fault_of_its_image(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = house.upload(picture())
    monkeypatch.setattr(house.store, "open", lambda *_: raise_(StoreUnavailable("Input/output error")))

    with pytest.raises(StoreUnavailable):
        house.rendering.render(image.id)

    assert house.catalogue.library.get(image.id).attempts == 1


def test_a_folder_that_cannot_be_used_at_all_does_not_count(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    image = house.upload(picture())
    for name in ("open", "probe"):
        monkeypatch.setattr(house.store, name, lambda *_: raise_(StoreUnavailable("Read-only file system")))

    house.rendering.render(image.id)

    assert house.catalogue.library.get(image.id).attempts == 0


@pytest.fixture
def changed(house: House) -> Iterator[House]:
    """The recipes have changed since, and the sweep has queued the image."""
    house.upload(picture(640, 480))
    house.work()
    with house_below(house.root, recipes=[OTHER], max_attempts=2) as changed:
        changed.renewal.advance()
        yield changed


def vignettes(house: House) -> set[str]:
    return {name for name in house.files(0) if layout.is_vignette(name)}


def test_an_image_that_is_rendered_again_is_ready_all_the_while_and_loses_the_earlier_vignettes_last(
    changed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = layout.vignettes([OTHER])
    seen: list[tuple[str, bool, State]] = []
    replace, remove = changed.store._replace, changed.store.remove

    def watch(step: str) -> None:
        seen.append((step, {WEBP, JPEG} <= vignettes(changed), changed.catalogue.library.get(0).state))

    monkeypatch.setattr(changed.store, "_replace", lambda *a, **k: (replace(*a, **k), watch(a[1])))
    monkeypatch.setattr(changed.store, "remove", lambda *a, **k: (watch(f"remove {a[1]}"), remove(*a, **k)))

    changed.work()

    assert {step for step, _, _ in seen[:-3]} == new
    assert [step for step, _, _ in seen[-3:]] == ["outcome.json", f"remove {JPEG}", f"remove {WEBP}"]
    assert all(has_earlier for _, has_earlier, _ in seen[:-1])
    assert {state for _, _, state in seen} == {State.READY}
    assert vignettes(changed) == new
    image = changed.catalogue.library.get(0)
    assert (image.state, image.is_renewing, image.recipe_set) == (State.READY, False, layout.recipe_set(new))


def test_one_that_cannot_be_rendered_again_keeps_its_vignettes_and_is_not_tried_for_ever(
    changed: House, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = changed.store.read(0, "outcome.json")

    with house_below(
        changed.root, recipes=[OTHER], renderer=lambda *_: raise_(RenderingFailed("its decoder has a bad day"))
    ) as unlucky:
        unlucky.rendering.render(changed.jobs.hinted.pop())

    image = changed.catalogue.library.get(0)
    assert (image.state, image.is_renewing) == (State.READY, False)
    assert image.placeholder is not None
    assert vignettes(changed) == {WEBP, JPEG}
    assert changed.store.read(0, "outcome.json") == outcome
    assert "image 0 keeps its earlier vignettes: its decoder has a bad day" in caplog.text
    changed.renewal.advance()
    changed.sweeping.sweep()
    assert changed.jobs.hinted == []


def test_one_that_kills_its_worker_each_time_it_is_rendered_again_keeps_its_vignettes(changed: House) -> None:
    for _ in range(2):
        assert changed.catalogue.renderings.claim(0, lease_s=-1) is not None

    changed.work()

    image = changed.catalogue.library.get(0)
    assert (image.state, image.is_renewing) == (State.READY, False)
    assert image.failure is not None
    assert "2 times" in image.failure.detail
    assert vignettes(changed) == {WEBP, JPEG}


def test_an_interrupted_second_rendering_is_tried_again_after_a_pause_and_then_given_up(changed: House) -> None:
    changed.verdicts.interrupted(0, RenderingFailed("of a job that came twice"))
    assert changed.catalogue.library.get(0).failure is None

    changed.catalogue.renderings.claim(0, 60)
    changed.verdicts.interrupted(0, RenderingFailed("the process was killed"))
    assert changed.catalogue.renderings.claim(0, 60) is None
    assert changed.catalogue.library.get(0).is_renewing

    changed.catalogue.renderings.release(0, Failure("rendering-failed", "the process was killed"), pause_s=-1)
    changed.catalogue.renderings.claim(0, 60)
    changed.verdicts.interrupted(0, RenderingFailed("the process was killed"))

    image = changed.catalogue.library.get(0)
    assert (image.state, image.is_renewing) == (State.READY, False)
    assert image.failure is not None
    assert vignettes(changed) == {WEBP, JPEG}


def delete_before_the_next_write(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the image deleted when the worker has rendered it, and is about to write the first file."""
    write_all = house.store.write_all

    def delete_in_between(image_id: int, files: Mapping[str, bytes], **how: bool) -> None:
        monkeypatch.undo()
        house.removal.delete(NOBODY, image_id)
        write_all(image_id, files, **how)

    monkeypatch.setattr(house.store, "write_all", delete_in_between)


def test_one_deleted_while_it_is_rendered_again_stays_deleted(changed: House, monkeypatch: pytest.MonkeyPatch) -> None:
    delete_before_the_next_write(changed, monkeypatch)

    changed.work()

    assert changed.files(0) == {"deleted.json"}
    changed.sweeping.sweep()
    assert changed.catalogue.library.get(0).state is State.DELETED


def raise_(error: Exception) -> NoReturn:
    raise error


def test_an_image_deleted_while_it_is_rendered_stays_deleted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.upload(picture())
    delete_before_the_next_write(house, monkeypatch)

    house.work()

    assert house.files(0) == {"deleted.json"}
    house.sweeping.sweep()
    assert house.catalogue.library.get(0).state is State.DELETED


def test_what_a_worker_wrote_after_the_deletion_is_removed_although_the_worker_was_killed(house: House) -> None:
    house.upload(picture())
    house.catalogue.renderings.claim(0, lease_s=60)
    house.removal.delete(NOBODY, 0)
    house.store.write(0, JPEG, b"and here it was killed")
    house.sweeping.sweep()
    assert house.catalogue.library.get(0).state is not State.DELETED
    house.end_leases()

    house.sweeping.sweep()

    assert house.catalogue.library.get(0).state is State.DELETED
    assert house.files(0) == {"deleted.json"}


def test_a_vignette_holds_no_metadata_of_the_original(house: House) -> None:
    content = io.BytesIO()
    exif = Pillow.Exif()
    exif[0x010F] = "Secret Camera"
    Pillow.new("RGB", (600, 400)).save(content, "JPEG", exif=exif, comment=b"secret", xmp=b"<x:xmpmeta secret/>")
    house.upload(content.getvalue())

    house.work()

    for name in (WEBP, JPEG):
        vignette = (house.uploads / "0" / name).read_bytes()
        assert b"ecret" not in vignette
