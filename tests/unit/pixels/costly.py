"""Makes files that ask for much work with few bytes: each kind is named after what it has too much of."""

from __future__ import annotations

import io
import math
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise

from tests.makers import (
    av1_header,
    av1_unit,
    box,
    full_box,
    hevc_unit,
    hvcc,
    ispe,
    jpeg_segment,
    jpeg_with,
    photoshop_resource,
    png_chunk,
    png_raw_profile,
    png_with,
    riff_chunk,
    sps,
    still,
    tiff,
    tiff_page,
    vp8x,
    webp,
)
from vignette.errors import VignetteError
from vignette.limits import KIB, MIB
from vignette.pixels.inspection import inspect
from vignette.pixels.metadata import as_json, as_text, describe


def look_at(content: bytes, max_frames: int = 1000) -> None:
    """Do all that is done for an upload before it is stored; a refusal is fine."""
    with suppress(VignetteError):
        _, blocks = inspect(io.BytesIO(content), len(content), max_pixels=10**8, max_frames=max_frames)
        description = describe(blocks)
        as_json(description)
        as_text(description).encode()


def icc_of_shared_texts(tags: int, languages: int, text: bytes = b"\xd8\0" * (32 * KIB)) -> bytes:
    """Make a profile whose *tags* are one element, of which each of *languages* is the whole."""
    element = b"mluc" + bytes(4) + struct.pack(">II", languages, 12)
    element += b"".join(
        struct.pack(">2s2sII", bytes([65 + number // 26, 65 + number % 26]), b"XX", len(text), 0)
        for number in range(languages)
    )
    element = element.ljust(len(text), b"\0")[: len(element)] + text[len(element) :]
    start = 132 + 12 * tags
    header = bytearray(128)
    struct.pack_into(">I4xI4s4s4s12x4s", header, 0, start + len(element), 4 << 24, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    table = struct.pack(">4sII", b"desc", start, len(element)) * tags
    return bytes(header) + struct.pack(">I", tags) + table + element


def compressed_text(keyword: bytes, text: bytes) -> bytes:
    return png_chunk(b"iTXt", keyword + b"\0\1\0\0\0" + zlib.compress(text, 9))


def compressed_profile(profile: bytes) -> bytes:
    return png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(profile, 9))


def xmp(content: str, attributes: str = "") -> bytes:
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}"><rdf:Description xmlns:a="urn:a" {attributes}>'
        f"{content}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def xmp_chunk(packet: bytes) -> bytes:
    return compressed_text(b"XML:com.adobe.xmp", packet)


def heif_of_shared_data(
    data: bytes, sharing: int, *, kind: bytes = b"av01", extents: int = 1, derived: bool = False
) -> bytes:
    """
    Make a HEIF of a picture *data* in *extents* pieces, which *sharing* auxiliary pictures are too.

    Those are items of the same pieces; or, if *derived*, made of the picture.
    """
    configuration = box(b"av1C", b"\x81\0\0\0") if kind == b"av01" else hvcc(sps(64, 64))
    others = range(2, 2 + sharing)
    number = struct.Struct(">H").pack
    entries = [
        full_box(b"infe", struct.pack(">HH", item, 0), b"iden" if derived and item > 1 else kind, b"\0", version=2)
        for item in (1, *others)
    ]
    located = (1,) if derived else (1, *others)
    references = [box(b"auxl", struct.pack(">HHH", item, 1, 1)) for item in others]
    references += [box(b"dimg", struct.pack(">HHH", item, 1, 1)) for item in others if derived]
    pieces = [len(data) * index // extents for index in range(extents + 1)]

    def made(base: int) -> bytes:
        places = b"".join(struct.pack(">II", base + start, stop - start) for start, stop in pairwise(pieces))
        locations = b"".join(struct.pack(">HHH", item, 0, extents) + places for item in located)
        associations = b"".join(struct.pack(">HB", item, 2) + b"\1\x82" for item in (1, *others))
        meta = full_box(
            b"meta",
            full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", number(1)),
            full_box(b"iinf", number(1 + sharing), *entries),
            full_box(b"iloc", b"\x44\0", number(len(located)), locations),
            box(
                b"iprp",
                box(b"ipco", ispe(64, 64), configuration),
                full_box(b"ipma", struct.pack(">I", 1 + sharing), associations),
            ),
            full_box(b"iref", *references),
        )
        brand = b"avif" if kind == b"av01" else b"heic"
        return box(b"ftyp", brand, bytes(4), brand, b"mif1") + meta

    return made(len(made(0)) + 8) + box(b"mdat", data)


def av1_of(*, units: int = 0, headers: int = 0, padding: int = 0) -> bytes:
    """Make an AV1 picture of 64 × 64 pixels: so many *headers* of a KiB, so many empty *units*, and *padding*."""
    header = av1_header(64, 64)
    return (
        header
        + _long_unit(1, header[2:].ljust(KIB, b"\0")) * headers
        + av1_unit(15, b"") * units
        + _long_unit(15, bytes(padding))
    )


def _long_unit(kind: int, content: bytes) -> bytes:
    length = len(content)
    return bytes([kind << 3 | 2, 0x80 | length & 0x7F, 0x80 | length >> 7 & 0x7F, length >> 14]) + content


def hevc_of(sets: int) -> bytes:
    return hevc_unit(sps(64, 64).ljust(KIB, b"\0")) * sets


def films(tracks: int, boxes: int) -> bytes:
    """Make an AVIF of so many *tracks*, with as many empty *boxes* at each level of each."""

    def padded(kind: bytes, *content: bytes) -> bytes:
        return box(kind, box(b"free") * boxes, *content)

    sequence = av1_header(64, 64)
    start = box(b"ftyp", b"avis", bytes(4), b"avif", b"avis", b"msf1")
    entry = box(b"av01", bytes(24), struct.pack(">HH", 64, 64), bytes(50), box(b"free") * boxes)
    table = padded(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stsz", struct.pack(">II", len(sequence), 1)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, 1, 1)),
        full_box(b"stco", struct.pack(">II", 1, len(start) + 8)),
    )
    media = padded(b"mdia", full_box(b"hdlr", bytes(4), b"auxv", bytes(13)), padded(b"minf", table))
    track = padded(b"trak", full_box(b"tkhd", bytes(72), struct.pack(">II", 64 << 16, 64 << 16)), media)
    return start + box(b"mdat", sequence) + box(b"moov", track * tracks)


def directories(count: int, entries: int, *, apart: int = 0, reduced: bool = True, tag: int = 0) -> bytes:
    """
    Make a TIFF of *count* further directories of so many *entries*, every other one *apart* bytes from the others.

    They are of *reduced* copies, or pages. Each has the entry *tag* again and again, or tags of its own.
    """
    first = tiff(tiff_page(), data=bytes(12))
    page = [(index, 4, 1, 1) for index in (256, 257, 258, 259, 262, 277, 278)] + [(273, 4, 1, 8), (279, 4, 1, 1)]
    head = [(254, 4, 1, 1)] if reduced else page
    more = [(tag or 40_000 + index, 1, 1, 0) for index in range(entries - len(head))]
    body = struct.pack("<H", entries) + b"".join(struct.pack("<HHII", *entry) for entry in (*head, *more))
    step = len(body) + 4

    def at(index: int) -> int:
        return len(first) + (index // 2 * step + index % 2 * apart if apart else index * step)

    content = bytearray(first) + bytes(at(count) + apart + step - len(first))
    link = len(first) - 4
    for index in range(count):
        struct.pack_into("<I", content, link, at(index))
        content[at(index) : at(index) + len(body)] = body
        link = at(index) + len(body)
    return bytes(content)


def exif(entries: int, texts: Sequence[bytes] = ()) -> bytes:
    """Make a TIFF stream of so many *entries*, a thousand to a page; the first are *texts*."""
    counts = [min(1000, entries - index) for index in range(0, entries, 1000)]
    start = 8 + sum(2 + 12 * count + 4 for count in counts)
    made, values = bytearray(b"II*\0\x08\0\0\0"), bytearray()
    waiting = list(texts)
    for number, count in enumerate(counts):
        made += struct.pack("<H", count)
        for index in range(count):
            if waiting:
                text = waiting.pop(0)
                made += struct.pack("<HHII", 40_000 + index, 2, len(text), start + len(values))
                values += text
            else:
                made += struct.pack("<HHII", 40_000 + index, 3, 1, index)
        made += struct.pack("<I", len(made) + 4 if number + 1 < len(counts) else 0)
    return bytes(made + values)


def iptc(datasets: int) -> bytes:
    return b"".join(b"\x1c\2\x19\0\5k%04d" % (number % 10_000) for number in range(datasets))


def gif(*blocks: bytes) -> bytes:
    """Make a GIF of a pixel with *blocks* before its frame."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return head + b"".join(blocks) + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0\x3b"


def gif_cut_in_codes(codes: int) -> bytes:
    """Make a GIF whose last frame is cut off in *codes* of two bits, each second of which starts anew."""
    whole = gif()
    # 10 is the code that starts anew, 00 a pixel.
    data = b"\x22" * (codes // 4)
    coded = b"".join(bytes([len(part)]) + part for part in (data[i : i + 255] for i in range(0, len(data), 255)))
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 60_000, 1000, 0) + b"\1" + coded
    return struct.pack("<6sHH", b"GIF89a", 60_000, 1000) + whole[10:-1] + frame[:-1]


# The end-of-image marker, and data behind it that are no picture.
DAMAGED_END = b"\xff\xd9damaged"
ONE_BIT_TABLE = bytes([1] + [0] * 15) + b"\0"


def jpeg_unended(
    length: int, *, width: int = 16_000, height: int = 6_000, components: int = 1, factors: int = 0x11
) -> bytes:
    """Make a JPEG whose only scan, of *length* bytes, has codes of one bit and no end."""
    numbers = range(1, components + 1)
    told = b"".join(bytes([number, factors, 0]) for number in numbers)
    frame = jpeg_segment(0xC0, struct.pack(">BHHB", 8, height, width, components) + told)
    tables = jpeg_segment(0xC4, b"\0" + ONE_BIT_TABLE) + jpeg_segment(0xC4, b"\x10" + ONE_BIT_TABLE)
    scan = jpeg_segment(0xDA, bytes([components]) + b"".join(bytes([number, 0]) for number in numbers) + b"\0\x3f\0")
    return b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + b"\1" * 64) + frame + tables + scan + bytes(length)


def jpeg_of_passes(passes: int, *, side: int = 1900, restart: int = 0, tables: Sequence[bytes] = ()) -> bytes:
    """Make a progressive JPEG without end that refines the same coefficients in so many *passes*."""
    frame = jpeg_segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    # One code, of one bit: a run of 32,768 blocks.
    table = jpeg_segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0") + jpeg_segment(0xC4, b"\0" + ONE_BIT_TABLE)
    blocks = math.ceil(side / 8) ** 2
    data = bytes(8) if not restart else b"\0\xff\xd0" * (math.ceil(blocks / restart) - 1) + b"\0"
    direct = jpeg_segment(0xDA, b"\1\1\0\0\0\0") + (data if restart else bytes(blocks // 8 + 1))
    first = jpeg_segment(0xDA, b"\1\1\0\1\x3f\1") + data
    refining = jpeg_segment(0xDA, b"\1\1\0\1\x3f\x10") + data
    more = b"".join(tables) + jpeg_segment(0xDD, struct.pack(">H", restart))
    head = b"\xff\xd8" + jpeg_segment(0xDB, b"\0" + b"\1" * 64) + frame + more + table
    return head + direct + first + refining * passes


def rich() -> bytes:
    """Make a PNG that has of each metadata as much as is read, with line feeds wherever there may be any."""
    lines = b"\n" * 3990
    return png_with(
        png_chunk(b"eXIf", exif(32_000, [lines] * 500)),
        png_raw_profile(b"iptc", iptc(9_900)),
        xmp_chunk(xmp("".join(f"<a:p{number}>v</a:p{number}>" for number in range(49_000)))),
        *(png_chunk(b"tEXt", b"k%d\0v" % number) for number in range(1000)),
        compressed_profile(icc_of_shared_texts(256, 256)),
    )


def _resources(count: int) -> bytes:
    return photoshop_resource(0x0409, b"") * count


KINDS: dict[str, Callable[[], bytes]] = {
    "texts of a profile": lambda: png_with(compressed_profile(icc_of_shared_texts(256, 256))),
    "pictures made of one picture": lambda: heif_of_shared_data(
        av1_of(padding=39_990), 1900, extents=40_000, derived=True
    ),
    "pictures of the same units": lambda: heif_of_shared_data(av1_of(units=5_000), 3000),
    "pictures of the same headers": lambda: heif_of_shared_data(av1_of(headers=1000), 3000),
    "pictures of the same parameter sets": lambda: heif_of_shared_data(hevc_of(1000), 3000, kind=b"hvc1"),
    "pieces of a byte": lambda: heif_of_shared_data(av1_of(headers=20), 1, extents=20_000),
    "boxes of a film": lambda: films(16, 9_900),
    "directories apart": lambda: directories(19_990, 50, apart=30 * MIB),
    "directories": lambda: directories(19_990, 50),
    "directories of a thousand entries": lambda: directories(990, 1000),
    "pages": lambda: directories(19_990, 12, reduced=False),
    "pages that repeat a tag": lambda: directories(990, 1000, reduced=False, tag=258),
    "a long profile in a text": lambda: png_with(
        png_chunk(b"tEXt", b"Raw profile type exif\0\n exif\n 8000000\n49492a0008000000" + b"00" * 7_990_000)
    ),
    "profiles in long texts": lambda: png_with(
        png_chunk(b"tEXt", b"Raw profile type 8bim\0\n8bim\n 11880\n" + _resources(990).hex().encode()) * 600
    ),
    "profiles in texts": lambda: png_with(png_raw_profile(b"8bim", _resources(990)) * 5_000),
    "chunks of pixels": lambda: png_with(content=still("PNG")[:-12] + png_chunk(b"IDAT") * 99_900 + still("PNG")[-12:]),
    "colours of a PNG": lambda: png_with(png_chunk(b"gAMA", bytes(4)) * 99_900),
    "frames of a PNG": lambda: png_with(
        png_chunk(b"acTL", struct.pack(">II", 1, 0)),
        content=still("PNG")[:-12]
        + png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 40, 30, 0, 0, 1, 1, 0, 0))
        + b"".join(png_chunk(b"fdAT", struct.pack(">IB", number, 0)) for number in range(1, 99_900))
        + still("PNG")[-12:],
    ),
    "chunks of text": lambda: png_with(png_chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a")) * 99_900),
    "chunks of profiles": lambda: png_with(compressed_profile(bytes(200)) * 99_900),
    "stored bytes": lambda: png_with(png_chunk(b"zTXt", b"k\0\0\x78\1" + b"\0\0\0\xff\xff" * (3 * MIB))),
    "metadata": rich,
    "marks of XML": lambda: png_with(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(">" * 15 * MIB))),
    "elements of XML": lambda: png_with(xmp_chunk(xmp("<a:b/>" * 300_000))),
    "attributes of XML": lambda: png_with(xmp_chunk(xmp("", " ".join(f"a:k{n}=''" for n in range(99_000))))),
    "namespaces of XML": lambda: png_with(xmp_chunk(xmp("".join(f"<q:b xmlns:q='u{n}'/>" for n in range(49_000))))),
    "lines of XML": lambda: png_with(xmp_chunk(xmp("<a:b>" + "\n'" * 999_000 + "</a:b>"))),
    "comments of a JPEG": lambda: jpeg_with(jpeg_segment(0xFE, b"x") * 19_900),
    "segments of a JPEG": lambda: jpeg_with(jpeg_segment(0xE1, b"Exif\0\0II*\0") * 19_900),
    "codes of a bit": lambda: jpeg_unended(3 * MIB // 2 - 10),
    "blocks of a bit": lambda: jpeg_unended(3 * MIB // 2 - 10, width=10_000, height=9_900, components=3),
    "passes of a JPEG": lambda: jpeg_of_passes(97),
    "restarts of a JPEG": lambda: jpeg_of_passes(3, restart=1),
    "tables of a JPEG": lambda: jpeg_of_passes(
        90, side=8, tables=[jpeg_segment(0xC4, bytes(17)) + jpeg_segment(0xDD, b"\0\0")] * 9_900
    ),
    "long tables of a JPEG": lambda: jpeg_of_passes(90, side=8, tables=[jpeg_segment(0xC4, bytes(17 * 3_800))]),
    "blocks of a unit": lambda: jpeg_unended(1000, width=32, height=32, components=4, factors=0x44),
    "codes of a bit that look damaged": lambda: jpeg_unended(128 * KIB - 10) + DAMAGED_END,
    "blocks that look damaged": lambda: (
        jpeg_unended(128 * KIB - 10, width=2_000, height=1_000, components=3) + DAMAGED_END
    ),
    "passes that look damaged": lambda: jpeg_of_passes(97) + DAMAGED_END,
    "restarts that look damaged": lambda: jpeg_of_passes(3, side=700, restart=1) + DAMAGED_END,
    "tables that look damaged": lambda: (
        jpeg_of_passes(90, side=8, tables=[jpeg_segment(0xC4, bytes(17 * 3_800))]) + DAMAGED_END
    ),
    "LZW of a TIFF": lambda: tiff(
        tiff_page(8_000, 8_000, tags={259: [5], 278: [4], 273: [8] * 2_000, 279: [500] * 2_000}), data=b"\x80\0" * 999
    ),
    "a long strip in LZW": lambda: tiff(tiff_page(8_000, 8_000, tags={259: [5], 279: [MIB]}), data=b"\x80" * MIB),
    "strips in Deflate": lambda: tiff(
        tiff_page(1_000, 2_000, tags={259: [8], 278: [1], 273: [8] * 2_000, 279: [1_900] * 2_000}),
        data=zlib.compress(random.Random(1).randbytes(1_900), 0),
    ),
    "extensions of a GIF": lambda: gif(b"\x21\xff\x0bXMP DataXMP\1a\0" * 99_900),
    "comments of a GIF": lambda: gif(b"\x21\xfe\1a\0" * 99_900),
    "a comment of a GIF in bytes": lambda: gif(b"\x21\xfe" + b"\1a" * 1_999_000 + b"\0"),
    "codes of two bits": lambda: gif_cut_in_codes(4_160_000),
    "chunks of a WebP": lambda: webp(vp8x(40, 30), riff_chunk(b"EXIF", b"II*\0") * 90_000, still("WEBP")[12:]),
}
