"""
Make `image_test/`: a photo as a phone writes it, and a text file that is no image.

    .venv/bin/python script/make_image_test.py [folder]

Everything is invented except the coordinates, which are those of a public park. Each run makes the same bytes: the
noise has a seed, the ICC profile has a fixed date, and the drawing computes with whole numbers wherever it can. Pillow
draws and compresses. It can write neither a thumbnail directory nor every type of value, so we write the EXIF here.
"""

from __future__ import annotations

import io
import math
import random
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageCms, ImageDraw

PROJECT_FOLDER: Final = Path(__file__).resolve().parent.parent

# The size of the upright picture. The file stores it lying on its side, as a sensor reads it.
WIDTH, HEIGHT = 1200, 1600
HORIZON: Final = 940
SHORE: Final = 1270
SUN: Final = (860, 420, 62)  # centre and radius, in pixels
# EXIF orientation (tag 0x0112): a viewer turns the stored picture by 90° clockwise.
TURN_CLOCKWISE: Final = 6

NOTES: Final = """\
This file is no image. It is here to be refused:

    curl -F file=@image_test/notes.txt http://127.0.0.1:5000/images

Beside it is photo.jpg, made by script/make_image_test.py: a picture that nobody took, by a phone that nobody sells.
"""


# The pixels


def landscape() -> Image.Image:
    """Draw a lake between hills in the evening, with a tree, a temple and birds: nobody doubts which side is up."""
    chance = random.Random(1869)  # noqa: S311 (no secret, but a grain that comes out the same each time)
    picture = _gradient((38, 84, 158), (252, 205, 150), HORIZON + 60)
    _glow(picture)
    picture.paste((255, 228, 208), mask=_clouds(chance))
    draw = ImageDraw.Draw(picture)
    for top, swing, period, colour in (
        (700, 70, 520, (126, 138, 176)),
        (790, 58, 390, (92, 112, 138)),
        (860, 44, 300, (62, 92, 92)),
    ):
        draw.polygon(_ridge(top, swing, period, HORIZON), fill=colour)
    _temple(draw, 480, 792)
    _water(picture)
    draw.polygon(_ridge(SHORE, 26, 700, HEIGHT), fill=(46, 66, 30))
    _grass(draw, chance)
    _tree(draw, chance, x=205, foot=1390)
    for x, y in ((640, 250), (700, 285), (560, 300)):
        draw.arc((x - 26, y, x, y + 18), 200, 340, fill=(40, 44, 60), width=4)
        draw.arc((x, y, x + 26, y + 18), 200, 340, fill=(40, 44, 60), width=4)
    return ImageChops.overlay(picture, _grain(chance))


def _gradient(top: tuple[int, int, int], bottom: tuple[int, int, int], height: int) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), bottom)
    draw = ImageDraw.Draw(picture)
    for y in range(height):
        colour = tuple(a + (b - a) * y * y // (height * height) for a, b in zip(top, bottom, strict=True))
        draw.line((0, y, WIDTH, y), fill=colour)
    return picture


def _noise(chance: random.Random, width: int, height: int) -> Image.Image:
    return Image.frombytes("L", (width, height), chance.randbytes(width * height))


def _clouds(chance: random.Random) -> Image.Image:
    """Make a mask that says how much cloud each pixel has: soft noise in three sizes, denser near the horizon."""
    layers = [
        _noise(chance, width, height).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        for width, height in ((5, 13), (11, 37), (31, 101))
    ]
    soft = Image.blend(Image.blend(layers[0], layers[1], 0.5), layers[2], 0.25)
    threshold = soft.point([max(0, min(200, (level - 128) * 4)) for level in range(256)])
    fade = Image.linear_gradient("L").resize((WIDTH, HORIZON))
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(ImageChops.multiply(threshold.crop((0, 0, WIDTH, HORIZON)), fade))
    return mask


def _glow(picture: Image.Image) -> None:
    """Paint the sun and the light around it."""
    x, y, radius = SUN
    reach = radius * 8
    # 0 in the centre, 255 at the rim and beyond.
    distance = Image.radial_gradient("L").resize((2 * reach, 2 * reach), Image.Resampling.BILINEAR)
    light = distance.point([max(0, 200 - 2 * level) for level in range(256)])
    picture.paste((255, 226, 170), (x - reach, y - reach), mask=light)
    ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 248, 224))


def _ridge(top: int, swing: int, period: int, bottom: int) -> list[tuple[int, int]]:
    """Return the outline of a chain of hills that reaches down to *bottom*."""
    line = [
        (x, round(top - swing * (math.sin(x * 6.28 / period + top) + 0.4 * math.sin(x * 17.3 / period))))
        for x in range(0, WIDTH + 8, 8)
    ]
    return [(0, bottom), *line, (WIDTH, bottom)]


def _temple(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    """Draw a round temple on a rock; (*x*, *y*) is the middle of its floor."""
    stone, shade = (226, 214, 196), (150, 140, 132)
    draw.polygon([(x - 90, HORIZON), (x - 52, y), (x + 52, y), (x + 84, HORIZON)], fill=(94, 88, 84))
    for column in range(-40, 41, 16):
        draw.rectangle((x + column - 4, y - 62, x + column + 4, y), fill=stone if column < 10 else shade)
    draw.rectangle((x - 50, y - 72, x + 50, y - 60), fill=stone)
    draw.pieslice((x - 44, y - 112, x + 44, y - 32), 180, 360, fill=shade)


def _water(picture: Image.Image) -> None:
    """Paint the lake: a darker mirror image of what is above the horizon, in rippled bands."""
    depth = SHORE + 60 - HORIZON
    mirror = picture.crop((0, HORIZON - depth, WIDTH, HORIZON)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    mirror = ImageChops.multiply(mirror, Image.new("RGB", mirror.size, (168, 186, 206)))
    picture.paste(mirror, (0, HORIZON))
    draw = ImageDraw.Draw(picture)
    for y in range(depth):
        shift = round((2 + y / 24) * math.sin(y * y / 900 + y / 5))
        picture.paste(mirror.crop((0, y, WIDTH, y + 1)), (shift, HORIZON + y))
    for y in range(4, depth, 9):
        reach = 24 + y // 5 + y * y % 23
        draw.line((SUN[0] - reach, HORIZON + y, SUN[0] + reach, HORIZON + y), fill=(240, 208, 164), width=1 + y // 90)


def _grass(draw: ImageDraw.ImageDraw, chance: random.Random) -> None:
    for _ in range(2600):
        x, y = chance.randrange(WIDTH), chance.randrange(SHORE + 30, HEIGHT)
        length = 6 + (y - SHORE) // 9
        green = 60 + chance.randrange(70)
        draw.line((x, y, x + chance.randrange(-6, 7), y - length), fill=(green * 3 // 4, green, 34), width=2)


def _tree(draw: ImageDraw.ImageDraw, chance: random.Random, x: int, foot: int) -> None:
    draw.polygon([(x - 24, foot), (x - 10, foot - 420), (x + 12, foot - 420), (x + 30, foot)], fill=(52, 38, 28))
    for _ in range(420):
        # The sum of two random numbers puts more leaves into the middle of the crown than at its rim.
        across = chance.randrange(-90, 91) + chance.randrange(-80, 81)
        up = chance.randrange(-110, 111) + chance.randrange(-90, 91)
        size = chance.randrange(12, 30)
        left, top = x + across - size // 2, foot - 500 + up - size // 2
        green = 46 + chance.randrange(52)
        draw.ellipse((left, top, left + size, top + size), fill=(green * 2 // 3, green, 30))


def _grain(chance: random.Random) -> Image.Image:
    """Make the noise of a small sensor: around the middle grey, a little coarser than a pixel."""
    coarse = _noise(chance, WIDTH * 2 // 3, HEIGHT * 2 // 3).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    return coarse.point([128 + (level - 128) // 12 for level in range(256)]).convert("RGB")


# The metadata: EXIF 3.0 (CIPA DC-008), in a TIFF structure with big-endian numbers

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10

Value = bytes | str | Sequence[int] | Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag with its type and values: text, bytes, numbers, or (numerator, denominator) pairs."""

    tag: int
    type: int
    value: Value

    def packed(self) -> bytes:
        if isinstance(self.value, str):
            return self.value.encode() + b"\0"
        if isinstance(self.value, bytes):
            return self.value
        letter = {BYTE: "B", SHORT: "H", LONG: "L", RATIONAL: "LL", SRATIONAL: "ll"}[self.type]
        flat = [number for item in self.value for number in (item if isinstance(item, tuple) else (item,))]
        return struct.pack(">" + letter * len(self.value), *flat)

    def count(self) -> int:
        return len(self.packed()) if isinstance(self.value, str | bytes) else len(self.value)


def _pointer(tag: int, offset: int) -> Entry:
    return Entry(tag, LONG, [offset])


def _size(entries: Sequence[Entry]) -> int:
    return len(_directory(entries, 0, 0))


def _directory(entries: Sequence[Entry], offset: int, next_offset: int) -> bytes:
    """Make an image file directory that begins at *offset*. Values that do not fit into its entries follow it."""
    table, values = struct.pack(">H", len(entries)), b""
    values_offset = offset + 2 + 12 * len(entries) + 4
    for entry in sorted(entries, key=lambda entry: entry.tag):
        packed = entry.packed()
        if len(packed) <= 4:
            place = packed.ljust(4, b"\0")
        else:
            place = struct.pack(">L", values_offset + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        table += struct.pack(">HHL", entry.tag, entry.type, entry.count()) + place
    return table + struct.pack(">L", next_offset) + values


def exif(maker_note: bytes, thumbnail: bytes) -> bytes:
    """Make the content of an APP1 segment: IFD0 with Exif, GPS and Interoperability, and IFD1 with *thumbnail*."""
    ifd0 = [
        Entry(0x010F, ASCII, "Aurore"),  # Make
        Entry(0x0110, ASCII, "Aurore P5"),  # Model
        Entry(0x0112, SHORT, [TURN_CLOCKWISE]),  # Orientation
        Entry(0x011A, RATIONAL, [(72, 1)]),  # XResolution
        Entry(0x011B, RATIONAL, [(72, 1)]),  # YResolution
        Entry(0x0128, SHORT, [2]),  # ResolutionUnit: inch
        Entry(0x0131, ASCII, "AuroreOS 14.2"),  # Software
        Entry(0x0132, ASCII, "2026:05:17 18:42:09"),  # DateTime
        Entry(0x013C, ASCII, "Aurore P5"),  # HostComputer
        Entry(0x0213, SHORT, [1]),  # YCbCrPositioning: centred
    ]
    photo = [
        Entry(0x829A, RATIONAL, [(1, 250)]),  # ExposureTime, in seconds
        Entry(0x829D, RATIONAL, [(9, 5)]),  # FNumber
        Entry(0x8822, SHORT, [2]),  # ExposureProgram: normal
        Entry(0x8827, SHORT, [64]),  # PhotographicSensitivity
        Entry(0x8830, SHORT, [2]),  # SensitivityType: recommended exposure index
        Entry(0x9000, UNDEFINED, b"0232"),  # ExifVersion
        Entry(0x9003, ASCII, "2026:05:17 18:42:09"),  # DateTimeOriginal
        Entry(0x9004, ASCII, "2026:05:17 18:42:09"),  # DateTimeDigitized
        Entry(0x9010, ASCII, "+02:00"),  # OffsetTime
        Entry(0x9011, ASCII, "+02:00"),  # OffsetTimeOriginal
        Entry(0x9012, ASCII, "+02:00"),  # OffsetTimeDigitized
        Entry(0x9101, UNDEFINED, bytes([1, 2, 3, 0])),  # ComponentsConfiguration: Y, Cb, Cr
        Entry(0x9201, SRATIONAL, [(7966, 1000)]),  # ShutterSpeedValue, APEX
        Entry(0x9202, RATIONAL, [(1696, 1000)]),  # ApertureValue, APEX
        Entry(0x9203, SRATIONAL, [(-37, 100)]),  # BrightnessValue, APEX: below 0 in the dusk
        Entry(0x9204, SRATIONAL, [(0, 1)]),  # ExposureBiasValue, APEX
        Entry(0x9205, RATIONAL, [(169, 100)]),  # MaxApertureValue, APEX
        Entry(0x9207, SHORT, [5]),  # MeteringMode: pattern
        Entry(0x9209, SHORT, [16]),  # Flash: did not fire, switched off
        Entry(0x920A, RATIONAL, [(54, 10)]),  # FocalLength, in mm
        Entry(0x9214, SHORT, [800, 600, 320, 240]),  # SubjectArea: centre, width, height
        Entry(0x927C, UNDEFINED, maker_note),  # MakerNote
        Entry(0x9286, UNDEFINED, b"UNICODE\0" + "Été au parc".encode("utf-16-be")),  # UserComment
        Entry(0x9290, ASCII, "137"),  # SubSecTime
        Entry(0x9291, ASCII, "137"),  # SubSecTimeOriginal
        Entry(0x9292, ASCII, "137"),  # SubSecTimeDigitized
        Entry(0xA000, UNDEFINED, b"0100"),  # FlashpixVersion
        Entry(0xA001, SHORT, [1]),  # ColorSpace: sRGB
        Entry(0xA002, LONG, [HEIGHT]),  # PixelXDimension, as stored
        Entry(0xA003, LONG, [WIDTH]),  # PixelYDimension, as stored
        Entry(0xA217, SHORT, [2]),  # SensingMethod: one-chip colour area sensor
        Entry(0xA301, UNDEFINED, b"\x01"),  # SceneType: directly photographed
        Entry(0xA402, SHORT, [0]),  # ExposureMode: auto
        Entry(0xA403, SHORT, [0]),  # WhiteBalance: auto
        Entry(0xA404, RATIONAL, [(1, 1)]),  # DigitalZoomRatio
        Entry(0xA405, SHORT, [26]),  # FocalLengthIn35mmFilm, in mm
        Entry(0xA406, SHORT, [0]),  # SceneCaptureType: standard
        Entry(0xA432, RATIONAL, [(54, 10), (54, 10), (9, 5), (9, 5)]),  # LensSpecification: mm, mm, F, F
        Entry(0xA433, ASCII, "Aurore"),  # LensMake
        Entry(0xA434, ASCII, "Aurore P5 back camera 5.4mm f/1.8"),  # LensModel
    ]
    # The park of Buttes-Chaumont in Paris.
    gps = [
        Entry(0x0000, BYTE, [2, 3, 0, 0]),  # GPSVersionID
        Entry(0x0001, ASCII, "N"),  # GPSLatitudeRef
        Entry(0x0002, RATIONAL, [(48, 1), (52, 1), (4680, 100)]),  # GPSLatitude
        Entry(0x0003, ASCII, "E"),  # GPSLongitudeRef
        Entry(0x0004, RATIONAL, [(2, 1), (22, 1), (5850, 100)]),  # GPSLongitude
        Entry(0x0005, BYTE, [0]),  # GPSAltitudeRef: above the sea
        Entry(0x0006, RATIONAL, [(913, 10)]),  # GPSAltitude, in metres
        Entry(0x0007, RATIONAL, [(16, 1), (42, 1), (8, 1)]),  # GPSTimeStamp, UTC
        Entry(0x0010, ASCII, "T"),  # GPSImgDirectionRef: true north
        Entry(0x0011, RATIONAL, [(29125, 100)]),  # GPSImgDirection, in degrees
        Entry(0x001B, UNDEFINED, b"ASCII\0\0\0GPS"),  # GPSProcessingMethod
        Entry(0x001D, ASCII, "2026:05:17"),  # GPSDateStamp
        Entry(0x001F, RATIONAL, [(4717, 1000)]),  # GPSHPositioningError, in metres
    ]
    interop = [
        Entry(0x0001, ASCII, "R98"),  # InteroperabilityIndex
        Entry(0x0002, UNDEFINED, b"0100"),  # InteroperabilityVersion
    ]
    ifd1 = [
        Entry(0x0103, SHORT, [6]),  # Compression: JPEG
        Entry(0x0112, SHORT, [TURN_CLOCKWISE]),  # Orientation
        Entry(0x011A, RATIONAL, [(72, 1)]),  # XResolution
        Entry(0x011B, RATIONAL, [(72, 1)]),  # YResolution
        Entry(0x0128, SHORT, [2]),  # ResolutionUnit: inch
        Entry(0x0202, LONG, [len(thumbnail)]),  # JPEGInterchangeFormatLength
    ]
    # A pointer takes no room outside its entry, so we know the sizes of the directories before the offsets.
    ifd0_at = 8
    photo_at = ifd0_at + _size([*ifd0, _pointer(0x8769, 0), _pointer(0x8825, 0)])
    gps_at = photo_at + _size([*photo, _pointer(0xA005, 0)])
    interop_at = gps_at + _size(gps)
    ifd1_at = interop_at + _size(interop)
    thumbnail_at = ifd1_at + _size([*ifd1, _pointer(0x0201, 0)])
    return b"Exif\0\0" + b"".join(
        (
            struct.pack(">2sHL", b"MM", 42, ifd0_at),
            _directory([*ifd0, _pointer(0x8769, photo_at), _pointer(0x8825, gps_at)], ifd0_at, ifd1_at),
            _directory([*photo, _pointer(0xA005, interop_at)], photo_at, 0),
            _directory(gps, gps_at, 0),
            _directory(interop, interop_at, 0),
            _directory([*ifd1, _pointer(0x0201, thumbnail_at)], ifd1_at, 0),
            thumbnail,
        )
    )


def maker_note() -> bytes:
    """Make a maker's private notes: a name, then bytes that are no text in any encoding."""
    return b"AURORE\0\x01" + bytes(range(0xFF, 0x7F, -1)) + random.Random(5).randbytes(248)  # noqa: S311


XMP: Final = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:Rating="4"
    xmp:CreateDate="2026-05-17T18:42:09.137+02:00"
    xmp:CreatorTool="AuroreOS 14.2">
   <dc:title>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">The lake in the evening</rdf:li>
     <rdf:li xml:lang="en">The lake in the evening</rdf:li>
     <rdf:li xml:lang="fr">Le lac, un soir d’été</rdf:li>
    </rdf:Alt>
   </dc:title>
   <dc:description>
    <rdf:Alt>
     <rdf:li xml:lang="x-default">Sunset over the lake, with the temple on its rock &amp; the old tree</rdf:li>
    </rdf:Alt>
   </dc:description>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>lake</rdf:li>
     <rdf:li>sunset</rdf:li>
     <rdf:li>été</rdf:li>
    </rdf:Bag>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def srgb_profile() -> bytes:
    """Make Little CMS' sRGB profile, with a fixed date in place of the time at which it was made."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # ICC.1:2022 §7.2.8: the date and time of creation.
    profile[24:36] = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    return bytes(profile)


def photo() -> bytes:
    """Make the whole JPEG file."""
    stored = landscape().transpose(Image.Transpose.ROTATE_90)
    small = stored.resize((160, 120), Image.Resampling.LANCZOS)
    return _jpeg(
        stored,
        quality=82,
        optimize=True,
        exif=exif(maker_note(), _jpeg(small, quality=70)),
        xmp=XMP.encode(),
        icc_profile=srgb_profile(),
    )


def _jpeg(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def files() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of each file in `image_test/`."""
    yield "photo.jpg", photo()
    yield "notes.txt", NOTES.encode()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT_FOLDER / "image_test"
    folder.mkdir(exist_ok=True)
    for name, content in files():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
