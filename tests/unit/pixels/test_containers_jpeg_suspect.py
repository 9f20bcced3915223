"""A JPEG in which a run of the same byte, or what stands behind its end, tells of damage is counted at the door."""

from __future__ import annotations

import io
import random
import re

import pytest

from tests.makers import encoded, mpo, still
from tests.unit.pixels.engines.scenes import scene
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.inspection import read_anatomy

KINDS: dict[str, dict[str, object]] = {
    "baseline": {},
    "optimised": {"optimize": True},
    "without subsampling": {"subsampling": "4:4:4"},
    "restarts at each row": {"restart_marker_rows": 1},
    "restarts at each block": {"restart_marker_blocks": 1},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}
MODES = ["L", "RGB", "CMYK"]
WORDS = r"^the picture data are damaged: they do not code its pixels$"
BEHIND = {
    "nothing": b"",
    "zeros": bytes(1000),
    "a further picture": still("JPEG"),
    "a text": b"made by an app",
    "noise": random.Random(7).randbytes(30_000),
}


def photo(kind: str = "baseline", mode: str = "RGB") -> bytes:
    return encoded(scene(480, 360).convert(mode), "JPEG", quality=90, **KINDS[kind])


def overwritten(content: bytes, data: bytes, share: float = 0.6) -> bytes:
    at = int(len(content) * share)
    return content[:at] + data + content[at + len(data) :]


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_jpeg_is_taken_whatever_is_behind_it(kind: str, mode: str, behind: bytes) -> None:
    assert anatomy(photo(kind, mode) + behind).width == 480


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", ["white", "black", "grey"])
def test_a_plain_ground_is_no_damage(kind: str, mode: str, colour: str) -> None:
    image = scene(480, 360).copy()
    image.paste(colour, (0, 60, 480, 360))

    assert anatomy(encoded(image.convert(mode), "JPEG", quality=90, **KINDS[kind])).width == 480


@pytest.mark.parametrize("byte", [b"\0", b"\xa5", b"\x55"], ids=lambda byte: byte.hex())
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_was_overwritten_is_refused(kind: str, mode: str, byte: bytes) -> None:
    with pytest.raises(BrokenImage, match=WORDS):
        anatomy(overwritten(photo(kind, mode), byte * 2_000))


@pytest.mark.parametrize("kind", ["baseline", "optimised", "without subsampling", "progressive"])
def test_an_end_in_the_middle_is_refused_if_the_rest_follows(kind: str) -> None:
    with pytest.raises(BrokenImage, match=WORDS):
        anatomy(overwritten(photo(kind), b"\xff\xd9"))


@pytest.mark.parametrize(
    "extra", [bytes(5_000), b"\xff" * 100, b"\x5a" * 13], ids=lambda extra: f"{len(extra)} of {extra[:1].hex()}"
)
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_fill_up_the_data_are_no_damage(kind: str, extra: bytes) -> None:
    """As for the decoder."""
    assert anatomy(photo(kind)[:-2] + extra + b"\xff\xd9behind").width == 480


def test_further_pictures_of_a_camera_are_not_looked_at() -> None:
    assert anatomy(mpo(still("JPEG"), content=photo())).width == 480


def test_a_jpeg_without_tables_is_left_to_the_decoder() -> None:
    """It takes those of Motion JPEG."""
    content = re.sub(rb"\xff\xc4..", lambda match: b"\xff\xfe" + match[0][2:], photo(), flags=re.DOTALL)

    assert anatomy(content + b"behind").width == 480


def test_of_a_large_jpeg_the_decoder_tells() -> None:
    content = encoded(scene(2400, 1800), "JPEG", quality=99)
    assert len(content) > 500_000

    assert anatomy(overwritten(content, bytes(2_000))).width == 2400


def test_the_worker_does_not_look_twice() -> None:
    content = overwritten(photo(), bytes(2_000))

    assert read_anatomy(io.BytesIO(content), len(content), Bounds(checksums=False)).width == 480
