"""A picture of the block list is recognised before its first vignette is there; it is put away, or deleted."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from tests.house import House, picture
from tests.unit.pixels.pdq_pictures import PICTURES
from vignette import layout
from vignette.access.actors import OPERATOR
from vignette.errors import ImageDeleted, SettingsError, StoreUnavailable
from vignette.model import Decision, ImageId, Placeholder, State
from vignette.pixels.pdq import read_hashes
from vignette.ports.checks import OnBlocked
from vignette.settings import load_settings
from vignette.use_cases.blocking import CHECK, REASON, Blocking


def sent(house: House, drawn: Pillow.Image, quality: int = 90) -> ImageId:
    content = io.BytesIO()
    drawn.convert("RGB").save(content, "JPEG", quality=quality)
    return house.upload(content.getvalue()).id


@pytest.fixture
def known(house: House) -> str:
    """The hash of a picture that was here before."""
    image_id = sent(house, PICTURES["waves"](320, 240))
    house.work()
    placeholder = house.catalogue.library.get(image_id).placeholder
    assert placeholder is not None
    assert placeholder.pdq is not None
    return placeholder.pdq


def blocking(house: House, known: str, on_blocked: OnBlocked) -> Blocking:
    return Blocking(read_hashes(known), house.reviewing, on_blocked)


@pytest.fixture
def recognising(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., object]], None]:
    return lambda look: monkeypatch.setattr(house.rendering, "_recognise", look)


def test_it_goes_into_quarantine_before_anybody_could_see_a_vignette(
    house: House, known: str, recognising: Callable[[Callable[..., object]], None]
) -> None:
    look, seen = blocking(house, known, OnBlocked.QUARANTINE).look, []

    def watched(image_id: ImageId, placeholder: Placeholder) -> None:
        seen.append([name for name in house.store.names(image_id) if layout.is_vignette(name)])
        look(image_id, placeholder)

    recognising(watched)
    again, other = sent(house, PICTURES["waves"](320, 240), quality=60), sent(house, PICTURES["rings"](320, 240))
    house.work()

    assert seen == [[], []]
    found = house.catalogue.library.get(again)
    assert found.quarantine is not None
    assert (found.quarantine.check, found.quarantine.reason) == (CHECK, REASON)
    assert found.state is State.READY  # whoever decides can look at it
    assert house.catalogue.library.get(other).quarantine is None


def test_what_was_accepted_stays(
    house: House, known: str, recognising: Callable[[Callable[..., object]], None]
) -> None:
    recognising(blocking(house, known, OnBlocked.QUARANTINE).look)
    image_id = sent(house, PICTURES["waves"](320, 240))
    house.work()
    house.reviewing.decide(OPERATOR, image_id, Decision.ACCEPT)

    house.catalogue.waiting.reset(image_id)
    house.work()

    assert house.catalogue.library.get(image_id).quarantine is None


def test_it_is_deleted_if_the_settings_say_so(
    house: House, known: str, recognising: Callable[[Callable[..., object]], None]
) -> None:
    recognising(blocking(house, known, OnBlocked.REJECT).look)
    image_id = sent(house, PICTURES["waves"](320, 240))
    house.work()

    with pytest.raises(ImageDeleted):
        house.context.browsing.existing(OPERATOR, image_id)


def test_while_it_cannot_be_put_away_there_is_no_vignette(
    house: House, recognising: Callable[[Callable[..., object]], None]
) -> None:
    def fails(*_: object) -> None:
        raise StoreUnavailable("read-only")

    recognising(fails)
    image_id = sent(house, PICTURES["waves"](320, 240))
    with pytest.raises(StoreUnavailable):
        house.rendering.render(image_id)

    assert not any(map(layout.is_vignette, house.store.names(image_id)))


@pytest.mark.parametrize(
    ("bits", "quality", "is_known"),
    [(31, 50, True), (0, 100, True), (32, 50, False), (31, 49, False), (0, 0, False)],
)
def test_it_is_known_by_hashes_that_are_near_and_tell_enough(
    house: House, bits: int, quality: int, is_known: bool
) -> None:
    known, image_id = "ab" * 32, house.upload(picture()).id
    near = f"{int(known, 16) ^ ((1 << bits) - 1):064x}"

    blocking(house, known, OnBlocked.REJECT).look(image_id, Placeholder("", "#000000", near, quality))

    assert (house.catalogue.library.get(image_id).state.is_gone) is is_known


def test_what_has_no_hash_is_passed_over(house: House, known: str) -> None:
    image_id = house.upload(picture()).id
    blocking(house, known, OnBlocked.REJECT).look(image_id, Placeholder("", "#000000", None, 100))

    assert not house.catalogue.library.get(image_id).state.is_gone


def test_a_list_has_a_hash_a_line_and_comments() -> None:
    one, two = "ab" * 32, "CD" * 32

    assert read_hashes(f"# mine\n\n{one}\n  {two}  # a comment\n{one.upper()}\n") == (int(one, 16), int(two, 16))
    assert read_hashes("") == ()


@pytest.mark.parametrize("line", ["ab", "ab" * 33, "g" * 64, "0x" + "a" * 62, "ab" * 32 + " ab"])
def test_a_list_that_holds_anything_else_stops_the_start(tmp_path: Path, line: str) -> None:
    (tmp_path / "blocked.txt").write_text(f"{'ab' * 32}\n{line}\n")
    with pytest.raises(SettingsError, match="line 2"):
        load_settings(block_list=str(tmp_path / "blocked.txt"))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(block_list=str(tmp_path / "none.txt"))
