"""What is kept of the metadata is bounded by the file that it tells of, and bounds nothing real."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import pytest

from tests.corpus import CORPUS, needs_corpus
from vignette.errors import VignetteError
from vignette.limits import MAX_DESCRIPTION_BYTES
from vignette.pixels.inspection import inspect
from vignette.pixels.metadata import describe
from vignette.pixels.metadata.keeping import kept, most_bytes
from vignette.pixels.metadata.text import as_text
from vignette.pixels.metadata.writing import as_json


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    whole = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in whole
    )


def text(keyword: bytes, content: bytes) -> tuple[bytes, bytes]:
    return b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(content, 9)


def xmp(count: int, value: bytes) -> tuple[bytes, bytes]:
    fields = b"".join(b"<a:p%d>%s</a:p%d>" % (number, value, number) for number in range(count))
    return text(
        b"XML:com.adobe.xmp",
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:a="http://a/">' + fields + b"</rdf:Description></rdf:RDF></x:xmpmeta>",
    )


def described(content: bytes) -> dict[str, object]:
    _, blocks = inspect(io.BytesIO(content), len(content), max_pixels=10**8, max_frames=1000)
    return describe(blocks)


AMPLIFIERS = [
    pytest.param(png(*(text(b"t%d" % number, b"x" * 500_000) for number in range(2))), id="long texts"),
    pytest.param(png(*(text(b"t%d" % number, b"\n" * 4000) for number in range(900))), id="line feeds"),
    pytest.param(png(*(text(b"t%d" % number, b"y" * 3000) for number in range(900))), id="many texts"),
    pytest.param(png(xmp(1, b"v" * 250_000)), id="a long property"),
    pytest.param(png(xmp(2000, b"v" * 300)), id="many properties"),
    pytest.param(png(xmp(200, "é".encode() * 2000)), id="long properties of two bytes a letter"),
    pytest.param(png(text(b"Author", b"\0\1" * 200_000), text(b"Comment", b'"\\' * 200_000)), id="what JSON escapes"),
]


@pytest.mark.parametrize("content", AMPLIFIERS)
def test_a_small_file_gets_small_files_beside_it_and_is_told_so(content: bytes) -> None:
    description = described(content)
    assert len(as_json(description)) + len(as_text(description).encode()) > most_bytes(len(content))

    found = kept(description, len(content))

    assert len(found.json) + len(found.text) <= most_bytes(len(content)) <= 2**16 + 4 * len(content)
    assert "may have" in json.loads(found.json)["warnings"][0]
    assert b"may have" in found.text or found.text.endswith(b"Further lines are in the JSON.\n")
    assert found.text.decode().endswith("\n")


def test_a_large_file_gets_no_more_than_a_page_can_tell_quickly() -> None:
    content = png(text(b"Comment", b"c" * 300_000))
    description = described(content) | {"xmp": {f"n{number}": "v" * 900 for number in range(2000)}}

    found = kept(description, 100 * 2**20)

    assert len(found.json) + len(found.text) <= most_bytes(100 * 2**20) == MAX_DESCRIPTION_BYTES
    assert "may have" in json.loads(found.json)["warnings"][0]


def test_what_was_left_out_is_not_pointed_at() -> None:
    content = png(xmp(200, b"v" * 4000), text(b"Author", b"somebody"))

    found = json.loads(kept(described(content), len(content)).json)

    for pointers in found.get("privacy", {}).values():
        for pointer in pointers:
            place = found
            for name in pointer.split("/")[1:]:
                place = place[int(name) if isinstance(place, list) else name]


@pytest.mark.parametrize("bytes_of_warnings", [10, 10_000_000])
def test_warnings_alone_are_bounded_too(bytes_of_warnings: int) -> None:
    description = {"warnings": ["w" * 400 for _ in range(bytes_of_warnings // 400)]}

    found = kept(description, 100)

    assert len(found.json) + len(found.text) <= most_bytes(100)


@needs_corpus[0]
@needs_corpus[1]
def test_real_files_keep_all_of_their_metadata() -> None:
    looked_at = 0
    for path in (path for path in Path(CORPUS).rglob("*") if path.is_file()):
        content = path.read_bytes()
        try:
            description = described(content)
        except VignetteError:
            continue
        looked_at += 1
        assert kept(description, len(content)) == (as_json(description), as_text(description).encode()), path
    assert looked_at > 50
