"""What a decoder is given to read."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests import makers
from tests.makers import png_chunk, png_with
from vignette.errors import RenderingFailed
from vignette.pixels import formats
from vignette.pixels.containers.png_pixels import still_picture
from vignette.pixels.containers.reader import Reader
from vignette.pixels.decoder_file import decoder_file
from vignette.pixels.rendering import render
from vignette.recipes import Recipe

WHOLE = Recipe("whole", 64, 64, formats=("webp",), quality=100)


def kinds(png: bytes) -> list[bytes]:
    at, found = 8, []
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        found.append(kind)
        at += 12 + length
    return found


def for_decoder(png: bytes) -> bytes:
    return decoder_file(io.BytesIO(png), len(png), formats.PNG).read()


def wrong_crc(kind: bytes, content: bytes) -> bytes:
    return png_chunk(kind, content)[:-4] + bytes(4)


def pixels(content: bytes) -> bytes:
    (rendition,) = render(io.BytesIO(content), len(content), [WHOLE])
    with Image.open(io.BytesIO(rendition.content)) as vignette:
        return vignette.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_plain_png_is_given_as_it_is(mode: str) -> None:
    image = makers.picture(mode="L").convert("I").convert("I;16") if mode == "I;16" else makers.picture(mode=mode)
    png = makers.encoded(image, "PNG")

    assert for_decoder(png) == png


def test_a_png_is_given_without_its_metadata_and_animation() -> None:
    extra = [png_chunk(kind, b"x") for kind in (b"gAMA", b"tEXt", b"vpAg", b"eXIf")]
    png = png_with(*extra, content=makers.animation("PNG", 3)) + b"behind the end"

    assert kinds(for_decoder(png)) == [b"IHDR", b"IDAT", b"IEND"]


def test_palette_and_transparency_are_given() -> None:
    png = makers.still("PNG", mode="P", transparency=b"\x00\x80\xff")

    assert kinds(for_decoder(png)) == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]


@pytest.mark.parametrize(
    "transparency",
    [png_chunk(b"tRNS", bytes(5)), wrong_crc(b"tRNS", bytes(6))],
    ids=["of a wrong length", "of a wrong checksum"],
)
def test_a_damaged_transparency_is_left_out(transparency: bytes) -> None:
    assert b"tRNS" not in kinds(for_decoder(png_with(transparency)))


def test_places_are_few_whatever_the_number_of_chunks() -> None:
    whole = makers.still("PNG")
    start = whole.index(b"IDAT") - 4
    data = b"".join(png_chunk(b"IDAT", whole[at : at + 1]) for at in range(start + 8, len(whole) - 16))
    png = whole[:start] + png_chunk(b"tEXt", b"k\0v") * 500 + data + png_chunk(b"tEXt", b"k\0v") * 500 + whole[-12:]

    assert len(still_picture(Reader(io.BytesIO(png), len(png)))) == 3
    assert pixels(png) == pixels(whole)


ORDINARY = makers.still("PNG")

FAULTS = {
    "a checksum": [wrong_crc(b"tIME", bytes(7))],
    "the checksum of a text": [wrong_crc(b"tEXt", b"Comment\0Hi")],
    "a bomb of text": [png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000)))],
    "a bomb of international text": [png_chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(3_000_000)))],
    "a bomb of profile": [png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(3_000_000)))],
    "a profile of an unknown method": [png_chunk(b"iCCP", b"p\0\7" + zlib.compress(bytes(300)))],
    "a short gAMA": [png_chunk(b"gAMA", b"\0")],
    "a short cHRM": [png_chunk(b"cHRM", b"\0")],
    "a short pHYs": [png_chunk(b"pHYs", b"\0")],
    "a short sRGB": [png_chunk(b"sRGB")],
    "a short tRNS": [png_chunk(b"tRNS", b"\0")],
    "an animation out of order": [
        png_chunk(b"acTL", struct.pack(">II", 1, 0)),
        png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 40, 30, 0, 0, 1, 1, 0, 0)),
    ],
}


@pytest.mark.parametrize("chunks", FAULTS.values(), ids=FAULTS)
def test_a_fault_beside_the_pixels_costs_no_vignette(chunks: list[bytes]) -> None:
    assert pixels(png_with(*chunks)) == pixels(ORDINARY)


@pytest.mark.parametrize("gamma", [45_455, 100_000, 10_000])
def test_gamma_and_primaries_do_not_change_the_pixels(gamma: int) -> None:
    chunks = [png_chunk(b"gAMA", struct.pack(">I", gamma)), png_chunk(b"sRGB", b"\0")]
    png = png_with(*chunks)

    with Image.open(io.BytesIO(png)) as by_pillow, Image.open(io.BytesIO(ORDINARY)) as plain:
        assert by_pillow.tobytes() == plain.tobytes()
    assert pixels(png) == pixels(ORDINARY)


@pytest.mark.parametrize("file_format", [formats.PNG, formats.JPEG, formats.TIFF, formats.WEBP, formats.AVIF])
def test_no_decoder_learns_the_path(tmp_path: Path, file_format: formats.Format) -> None:
    path = tmp_path / "secret"
    content = makers.still(file_format.name)
    path.write_bytes(content)

    with path.open("rb") as file:
        given = decoder_file(file, path.stat().st_size, file_format)

        assert not hasattr(given, "name")
        assert "secret" not in repr(given)
        assert given.read(1) == content[:1]


UNKNOWN_TO_THE_DECODER = makers.tiff(makers.tiff_page(4, 3, {259: [7]}), data=bytes(12))
CUT_PIXELS = png_with()[: png_with().index(b"IDAT") - 4] + png_chunk(b"IDAT", bytes(200)) + png_chunk(b"IEND")


@pytest.mark.parametrize(
    ("content", "words"),
    [(UNKNOWN_TO_THE_DECODER, "the TIFF cannot be decoded"), (CUT_PIXELS, "the PNG cannot be decoded")],
    ids=["unknown to the decoder", "broken pixels"],
)
def test_a_failure_tells_no_path(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with path.open("rb") as file, pytest.raises(RenderingFailed, match=words) as failure:
        render(file, len(content), [WHOLE])

    assert "secret" not in str(failure.value)
    assert "0x" not in str(failure.value)


def test_a_file_stays_open_behind_its_decoder() -> None:
    file = io.BytesIO(png_with(png_chunk(b"gAMA", b"x")))

    decoder_file(file, len(file.getvalue()), formats.PNG).close()

    assert not file.closed


def test_a_png_with_nothing_beside_its_pixels_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(ORDINARY)

    with path.open("rb") as file:
        given = decoder_file(file, len(ORDINARY), formats.PNG)

        assert given.fileno() == file.fileno()
        assert given.read() == ORDINARY
