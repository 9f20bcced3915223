"""The check and the description of an upload, in this process and at the door: both find the same."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.house import picture
from vignette.adapters.door.door import Door
from vignette.adapters.door.inspecting import InspectorHere
from vignette.errors import BrokenImage, Refused, TooManyFrames, TooManyPixels, TooMuchMemory, UnsupportedFormat
from vignette.model import ImageFacts
from vignette.ports.inspector import Inspected, Inspector


def two_frames() -> bytes:
    content = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("teal", "red")]
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    return content.getvalue()


@pytest.fixture(scope="module", params=["in this process", "at the door"])
def inspector(request: pytest.FixtureRequest) -> Iterator[Inspector]:
    if request.param == "in this process":
        yield InspectorHere()
        return
    door = Door()
    yield door
    door.close()


def inspect(inspector: Inspector, folder: Path, content: bytes, **limits: int) -> Inspected:
    path = folder / "original"
    path.write_bytes(content)
    usual = {"max_pixels": 10**6, "max_frames": 20, "max_memory_bytes": 10**9}
    with path.open("rb", buffering=0) as file:
        return inspector.inspect(file, len(content), **usual | limits)


def test_a_picture_is_described(inspector: Inspector, tmp_path: Path) -> None:
    found = inspect(inspector, tmp_path, picture())
    assert found.facts == ImageFacts("image/jpeg", "jpg", 40, 30, 1)
    assert isinstance(json.loads(found.metadata_json), dict)
    assert found.metadata_text.decode().isprintable() is False  # it has lines


def test_the_same_picture_is_described_in_the_same_way_twice(inspector: Inspector, tmp_path: Path) -> None:
    assert inspect(inspector, tmp_path, picture()) == inspect(inspector, tmp_path, picture())


@pytest.mark.parametrize(
    ("content", "limits", "kind"),
    [
        (b"no picture at all", {}, UnsupportedFormat),
        (picture()[:-20], {}, BrokenImage),
        (picture(), {"max_pixels": 1199}, TooManyPixels),
        (two_frames(), {"max_frames": 1}, TooManyFrames),
        (picture(2000, 2000, "GIF"), {"max_pixels": 10**7, "max_memory_bytes": 100}, TooMuchMemory),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_refusal_has_its_words_and_numbers(
    inspector: Inspector,
    tmp_path: Path,
    content: bytes,
    limits: dict[str, int],
    kind: type[Refused],
) -> None:
    with pytest.raises(kind) as here:
        inspect(InspectorHere(), tmp_path, content, **limits)
    with pytest.raises(kind) as caught:
        inspect(inspector, tmp_path, content, **limits)
    assert type(caught.value) is kind
    assert str(caught.value) == str(here.value)
    assert (caught.value.measured, caught.value.limit) == (here.value.measured, here.value.limit)
