"""The check and the description of an upload, in this process and at the door: both find the same."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.corpus import CORPUS, HAS_CORPUS
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
    first, second = (inspect(inspector, tmp_path, picture()) for _ in range(2))
    assert replace(first, cpu_s=0) == replace(second, cpu_s=0)


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


@pytest.mark.corpus
@pytest.mark.skipif(not HAS_CORPUS, reason="VIGNETTE_CORPUS names no folder of real pictures")
def test_real_pictures_are_found_the_same(inspector: Inspector) -> None:
    """The door loads nothing while it reads: what it lacks would be missing from a description."""
    assert [path for path in _real_files() if _found(inspector, path) != _found(InspectorHere(), path)] == []


def _real_files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*") if path.is_file())


def _found(inspector: Inspector, path: Path) -> object:
    limits = {"max_pixels": 10**9, "max_frames": 10**5, "max_memory_bytes": 10**12}
    with path.open("rb", buffering=0) as file:
        try:
            return replace(inspector.inspect(file, path.stat().st_size, **limits), cpu_s=0)
        except Refused as error:
            return type(error), str(error), error.measured, error.limit
