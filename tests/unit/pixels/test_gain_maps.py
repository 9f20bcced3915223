"""A gain map, sound or broken, costs a picture nothing, and changes nothing in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.makers import HeifItem, box, coded, encoded, full_box, heif, ispe, jpeg_segment, jpeg_with, mpo
from tests.unit.pixels.engines.scenes import decoded, scene
from tests.unit.pixels.publishing.reading import published
from tests.unit.pixels.reading import anatomy
from vignette.errors import BrokenImage
from vignette.pixels import engines

APPLE = b"urn:com:apple:photo:2020:aux:hdrgainmap"
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
HDRGM = (
    b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>'
)
ISO = b"urn:iso:std:iso:ts:21496:-1\0"


def auxiliary(name: bytes, **more: object) -> HeifItem:
    """A picture beside the first item, without the configuration of its decoder."""
    return HeifItem(properties=(ispe(32, 24), full_box(b"auxC", name + b"\0")), references={b"auxl": (1,)}, **more)  # type: ignore[arg-type]


BASE = encoded(scene(), "JPEG", quality=90)
MAP = encoded(scene(101, 76).convert("L"), "JPEG")

ULTRA_HDR: dict[str, Callable[[], bytes]] = {
    "whole": lambda: mpo(MAP, content=jpeg_with(jpeg_segment(0xE1, HDRGM), content=BASE)),
    "cut off": lambda: mpo(MAP, content=BASE)[:-200],
    "missing": lambda: mpo(MAP, content=BASE)[: -len(MAP)],
    "no picture": lambda: mpo(b"\0" * 500, content=BASE),
    "an index that is damaged": lambda: (
        jpeg_with(jpeg_segment(0xE2, b"MPF\0MM\0*\xff\xff\xff\xff"), content=BASE) + MAP
    ),
    "by ISO 21496-1": lambda: jpeg_with(jpeg_segment(0xE2, ISO + bytes(4)), content=BASE) + MAP,
    "by ISO 21496-1, damaged": lambda: jpeg_with(jpeg_segment(0xE2, ISO + b"\xff" * 60), content=BASE) + MAP[:90],
}


@pytest.mark.parametrize("make", ULTRA_HDR.values(), ids=ULTRA_HDR)
@pytest.mark.parametrize("size", [(96, 72), (403, 302)])
def test_a_jpeg_with_one_looks_as_without(make: Callable[[], bytes], size: tuple[int, int]) -> None:
    assert decoded(engines, make(), size).tobytes() == decoded(engines, BASE, size).tobytes()


def test_a_broken_gain_map_of_a_phone_is_passed_over() -> None:
    assert anatomy(heif(coded(), auxiliary(APPLE))).upright_size == (64, 48)


def test_broken_transparency_is_not() -> None:
    with pytest.raises(BrokenImage, match="configuration"):
        anatomy(heif(coded(), auxiliary(ALPHA)))


@pytest.mark.parametrize("content", [b"", b"\xff" * 80], ids=["empty", "nonsense"])
def test_a_tone_map_that_is_broken_is_passed_over(content: bytes) -> None:
    """The item `tmap` of ISO 21496-1 stands beside the base picture, which is the primary one."""
    tone_map = HeifItem(b"tmap", content, (ispe(64, 48),), {b"dimg": (1, 3)})
    gain_map = HeifItem(properties=(ispe(32, 24), box(b"free")))

    read = anatomy(heif(coded(), tone_map, gain_map, brands=(b"heic", b"mif1", b"tmap")))

    assert read.upright_size == (64, 48)


def test_the_public_copy_has_none() -> None:

    assert published(ULTRA_HDR["whole"]()) == published(BASE)
