"""Makes small pictures, sound and odd ones: with Pillow if it can, else by hand, box by box."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

ORIENTATION = 0x0112

_D50 = tuple(round(65536 * value) for value in (0.9642, 1.0, 0.8249))


def picture(width: int = 40, height: int = 30, mode: str = "RGB", shift: int = 0) -> Image.Image:
    """Make a picture in which no two neighbouring pixels are alike. Another *shift* makes another picture."""
    image = Image.new("RGB", (width, height))
    image.putdata(
        [((x * 6 + shift) % 256, (y * 8) % 256, (x * y + shift) % 256) for y in range(height) for x in range(width)]
    )
    return image.convert(mode)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, file_format, **options)
    return content.getvalue()


def still(file_format: str, width: int = 40, height: int = 30, mode: str = "RGB", **options: object) -> bytes:
    return encoded(picture(width, height, mode), file_format, **options)


def animation(file_format: str, frames: int, width: int = 40, height: int = 30, **options: object) -> bytes:
    """Encode an animation of *frames* different pictures; a TIFF has them as pages."""
    first, *others = [picture(width, height, shift=40 * index) for index in range(frames)]
    return encoded(first, file_format, save_all=True, append_images=others, **options)


def exif(orientation: int, order: str = "<") -> bytes:
    """Make a TIFF stream whose only tag is the orientation; *order* is "<" or ">", as in `struct`."""
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(f"{order}HIHHHIHHI", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0)


def icc_profile(length: int = 200) -> bytes:
    """
    Make what passes for an ICC profile of *length* bytes: header and list of tags are sound, and its table is none. If
    *length* is less than 144, it is cut off.
    """
    header = struct.pack(">I4xI4s4s4s12x4s28x3i", length, 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp", *_D50)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, max(length - 144, 0))
    return (header.ljust(128, b"\0") + tags + bytes(index % 251 for index in range(length)))[:length]


def photoshop(iptc: bytes) -> bytes:
    """Make Photoshop resources: a resolution, the *iptc* datasets, and one more resource behind them."""
    return (
        photoshop_resource(0x03ED, bytes(16))
        + photoshop_resource(0x0404, iptc, b"x")
        + photoshop_resource(0x0425, bytes(16))
    )


def photoshop_resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    head = b"8BIM" + struct.pack(">H", number) + _even(bytes([len(name)]) + name)
    return head + struct.pack(">I", len(content)) + _even(content)


def photoshop_thumbnail(content: bytes, number: int = 0x040C) -> bytes:
    """Make the resource of a thumbnail; *content* should be a small JPEG."""
    return photoshop_resource(number, struct.pack(">6I2H", 1, 4, 3, 12, 36, len(content), 24, 1) + content)


def _even(content: bytes) -> bytes:
    return content + bytes(len(content) % 2)


def jpeg_segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def jpeg_with(*segments: bytes, content: bytes | None = None) -> bytes:
    """Insert *segments* at the beginning of a JPEG, *content* or else a plain one."""
    content = content or still("JPEG")
    return content[:2] + b"".join(segments) + content[2:]


def mpo(*further: bytes, content: bytes | None = None) -> bytes:
    """Make an MPO: a JPEG with the JPEGs *further* behind its end, and an index of them."""
    content = content or still("JPEG")
    count = 1 + len(further)
    index = bytearray(b"MPF\0II" + struct.pack("<HIH", 42, 8, 2))
    index += struct.pack("<HHIIHHIII", 0xB001, 4, 1, count, 0xB002, 7, 16 * count, 38, 0) + bytes(16 * count)
    header = 2 + 4 + 4  # the TIFF stream begins at this byte of the file
    at = len(content) + 4 + len(index)
    struct.pack_into("<II", index, 4 + 38, 0x030000, at)
    for number, picture in enumerate(further, 1):
        struct.pack_into("<III", index, 4 + 38 + 16 * number, 0x020003, len(picture), at - header)
        at += len(picture)
    return jpeg_with(jpeg_segment(0xE2, bytes(index)), content=content) + b"".join(further)


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes, content: bytes | None = None) -> bytes:
    """Insert *chunks* behind the header of a PNG, *content* or else a plain one."""
    content = content or still("PNG")
    after_header = 8 + 25
    return content[:after_header] + b"".join(chunks) + content[after_header:]


def png_raw_profile(kind: bytes, profile: bytes) -> bytes:
    """Make a chunk that holds *profile* as ImageMagick writes it: as a text of hexadecimal digits."""
    text = b"\n%s\n%8d\n%s\n" % (kind, len(profile), profile.hex().encode())
    return png_chunk(b"zTXt", b"Raw profile type " + kind + b"\0\0" + zlib.compress(text))


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + _even(content)


def webp(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def vp8x(width: int, height: int, flags: int = 0) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas)


def bmp(width: int, height: int, bits: int = 24, *, compression: int = 0, header: int = 40, pixels: bytes) -> bytes:
    """Make a bitmap whose header has *header* bytes (12, or 40 and more); *pixels* are its raw bytes."""
    if header == 12:
        fields = struct.pack("<IHHHH", header, width, height, 1, bits)
    else:
        fields = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    fields = fields.ljust(header, b"\0")
    start = 14 + len(fields)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + fields + pixels


TiffTags = Mapping[int, Sequence[int] | bytes]
"""The values of a directory by their tag: numbers of type LONG, or bytes of type BYTE."""


def tiff_page(width: int = 4, height: int = 3, tags: TiffTags | None = None) -> TiffTags:
    """
    Make the directory of a grey picture whose only strip begins at byte 8.

    *tags* replace tags of it; a tag without any value is removed.
    """
    page: dict[int, Sequence[int] | bytes] = {
        256: [width],
        257: [height],
        258: [8],
        259: [1],
        262: [1],
        273: [8],
        277: [1],
        278: [height],
        279: [width * height],
        **(tags or {}),
    }
    return {tag: values for tag, values in page.items() if values}


def tiff(*pages: TiffTags, data: bytes = b"", order: str = "<", link: int = 0, is_big: bool = False) -> bytes:
    """
    Make a TIFF: *data* at byte 8, then the directories *pages*. The last one names byte *link* as its next one.

    In a BigTIFF *data* is at byte 16, and numbers have 64 bits.
    """
    number, count, kind, size = ("Q", "Q", 16, 8) if is_big else ("I", "H", 4, 4)
    entry_bytes = 4 + 2 * size
    head = struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if is_big else struct.pack(f"{order}HI", 42, 0)
    content = bytearray((b"II" if order == "<" else b"MM") + head + _even(data))
    pointer = 8 if is_big else 4
    for page in pages:
        struct.pack_into(f"{order}{number}", content, pointer, len(content))
        told = struct.pack(f"{order}{count}", len(page))
        start = len(content) + len(told)
        pointer = start + entry_bytes * len(page)
        content += told + bytes(entry_bytes * len(page)) + struct.pack(f"{order}{number}", link)
        for index, (tag, values) in enumerate(sorted(page.items())):
            is_bytes = isinstance(values, bytes)
            raw = bytes(values) if is_bytes else struct.pack(f"{order}{len(values)}{number}", *values)
            at = start + entry_bytes * index
            struct.pack_into(f"{order}HH{number}", content, at, tag, 1 if is_bytes else kind, len(values))
            at += 4 + size
            if len(raw) <= size:
                content[at : at + len(raw)] = raw
            else:
                struct.pack_into(f"{order}{number}", content, at, len(content))
                content += _even(raw)
    return bytes(content)


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, *content: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def irot(quarters: int) -> bytes:
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def colr(profile: bytes) -> bytes:
    return box(b"colr", b"prof", profile)


def clap(width: int, height: int, right: int = 0, below: int = 0) -> bytes:
    """Make a clean aperture whose centre is *right* and *below* of the middle."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 1, below, 1))


def with_aperture(content: bytes, aperture: bytes) -> bytes:
    """Put the box *aperture* in the place of each profile in an AVIF; the profiles have to be a little longer."""
    while b"colrprof" in content:
        at = content.index(b"colrprof") - 4
        room = int.from_bytes(content[at : at + 4], "big") - len(aperture)
        content = content[:at] + aperture + box(b"free", bytes(room - 8)) + content[at + len(aperture) + room :]
    return content


def grid(rows: int, columns: int, width: int, height: int) -> bytes:
    """Make the content of an item of type `grid`: a picture of *rows* × *columns* tiles."""
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


def bits(*fields: tuple[int, int]) -> bytes:
    """Pack *fields*, each a number and the count of its bits; zeros fill up the last byte."""
    text = "".join(f"{number:0{count}b}" for number, count in fields if count)
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def exp_golomb(number: int) -> tuple[int, int]:
    """Code *number* in Exp-Golomb, as a field of `bits`."""
    return number + 1, 2 * (number + 1).bit_length() - 1


def sps(width: int, height: int, layers: int = 0, chroma: int = 1, window: Sequence[int] = ()) -> bytes:
    """
    Make an HEVC sequence parameter set that ends behind the size, or behind the *window*: left, right, top, bottom.

    *layers* counts sub-layers below the highest.
    """
    flags = [(3, 2)] * layers + [(0, 2 * (8 - layers) if layers else 0)]
    profile = [(0, 4), (layers, 3), (1, 1), (0, 96), *flags, *[(0, 96)] * layers]
    size = [exp_golomb(width), exp_golomb(height)]
    size += [(1, 1), *map(exp_golomb, window), (255, 8)] if window else []
    raw = bits(*profile, exp_golomb(0), exp_golomb(chroma), *([(0, 1)] if chroma == 3 else []), *size)
    return b"\x42\1" + raw.replace(b"\0\0", b"\0\0\3")


def hvcc(*sets: bytes, lengths: int = 4) -> bytes:
    """Make the box that configures an HEVC decoder: parameter *sets*, and the size in bytes of unit *lengths*."""
    units = b"".join(struct.pack(">H", len(unit)) + unit for unit in sets)
    return box(b"hvcC", bytes(21), bytes([lengths - 1, 1, 33]), struct.pack(">H", len(sets)), units)


def hevc_unit(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def av1_unit(kind: int, content: bytes) -> bytes:
    return bytes([kind << 3 | 2, len(content)]) + content


def av1_header(width: int, height: int) -> bytes:
    """Make the AV1 sequence header of a still picture."""
    return av1_unit(1, bits((0, 3), (1, 1), (1, 1), (0, 5), (15, 4), (15, 4), (width - 1, 16), (height - 1, 16)))


@dataclass(frozen=True)
class HeifItem:
    """An item of a HEIF file. `references` holds the numbers of other items, from 1, by the type of the reference."""

    kind: bytes = b"hvc1"
    content: bytes = hevc_unit(b"no decoder has ever seen these bytes")
    properties: Sequence[bytes] = (ispe(64, 48), hvcc(sps(64, 48)))
    references: Mapping[bytes, Sequence[int]] = field(default_factory=dict)
    content_type: bytes = b""


def coded(width: int = 64, height: int = 48, *properties: bytes) -> HeifItem:
    return HeifItem(properties=(ispe(width, height), hvcc(sps(width, height)), *properties))


def heif(*items: HeifItem, brands: Sequence[bytes] = (b"heic", b"mif1"), in_idat: bool = False) -> bytes:
    """
    Make a HEIF file of *items*; the first one is the primary item.

    We have no encoder for HEIF, so no decoder can read the pictures.
    """
    items = items or (HeifItem(),)
    start = box(b"ftyp", brands[0], bytes(4), *brands[1:])
    # Offsets do not change the length of the boxes that hold them.
    meta_length = len(_meta(items, 0, in_idat))
    data = b"".join(item.content for item in items)
    if in_idat:
        return start + _meta(items, 0, in_idat)
    return start + _meta(items, len(start) + meta_length + 8, in_idat) + box(b"mdat", data)


def _meta(items: Sequence[HeifItem], data_start: int, in_idat: bool) -> bytes:
    entries, locations, references, properties, associations = [], [], [], [], []
    offset = data_start
    for number, item in enumerate(items, 1):
        entries.append(
            full_box(b"infe", struct.pack(">HH", number, 0), item.kind, b"\0", item.content_type + b"\0", version=2)
        )
        locations.append(struct.pack(">HHHHII", number, in_idat, 0, 1, offset, len(item.content)))
        offset += len(item.content)
        properties += [prop for prop in item.properties if prop not in properties]
        indices = [properties.index(prop) + 1 for prop in item.properties]
        associations.append(struct.pack(">HB", number, len(indices)) + bytes(0x80 | index for index in indices))
        for kind, targets in item.references.items():
            references.append(box(kind, struct.pack(f">HH{len(targets)}H", number, len(targets), *targets)))
    count = struct.pack(">H", len(items))
    return full_box(
        b"meta",
        full_box(b"hdlr", bytes(4), b"pict", bytes(13)),
        full_box(b"pitm", struct.pack(">H", 1)),
        full_box(b"iinf", count, *entries),
        full_box(b"iloc", b"\x44\x00", count, *locations, version=1),
        box(
            b"iprp",
            box(b"ipco", *properties),
            full_box(b"ipma", struct.pack(">I", len(items)), *associations),
        ),
        full_box(b"iref", *references),
        box(b"idat", *(item.content for item in items)) if in_idat else b"",
    )
