"""
On real pictures, what we read is what exiftool reads.

exiftool's reading (`exiftool -j -G1 -n -struct`) lies beside the corpus. It names some tags in its own way and turns
some values into others (APEX to seconds, degrees to decimals); the tables below say which.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.corpus import CORPUS, needs_corpus, rows
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.metadata import describe

pytestmark = needs_corpus

DIRECTORIES = {"IFD0": "IFD0", "ExifIFD": "Exif", "GPS": "GPS", "InteropIFD": "Interop", "IFD1": "IFD1"}

# exiftool's name of a tag, where it is not that of the specification.
EXIF_NAMES = {
    "CreateDate": "DateTimeDigitized",
    "ExifImageHeight": "PixelYDimension",
    "ExifImageWidth": "PixelXDimension",
    "ExposureCompensation": "ExposureBiasValue",
    "FocalLengthIn35mmFormat": "FocalLengthIn35mmFilm",
    "ISO": "PhotographicSensitivity",
    "ImageHeight": "ImageLength",
    "InteropIndex": "InteroperabilityIndex",
    "InteropVersion": "InteroperabilityVersion",
    "LensInfo": "LensSpecification",
    "ModifyDate": "DateTime",
    "Opto-ElectricConvFactor": "OECF",
    "OtherImageLength": "JPEGInterchangeFormatLength",
    "RelatedImageHeight": "RelatedImageLength",
    "SerialNumber": "BodySerialNumber",
    "SubfileType": "NewSubfileType",
    "ThumbnailLength": "JPEGInterchangeFormatLength",
    "ThumbnailOffset": "JPEGInterchangeFormat",
}
# exiftool counts these from the beginning of the file, we as they stand: from the beginning of the TIFF stream. So does
# exiftool where the stream is written in a PNG's text.
OFFSETS = {"ThumbnailOffset", "StripOffsets", "TileOffsets"}
APEX_TIMES = {"ShutterSpeedValue"}
APEX_APERTURES = {"ApertureValue", "MaxApertureValue"}
DEGREES = {"GPSLatitude", "GPSLongitude", "GPSDestLatitude", "GPSDestLongitude"}

# exiftool's name of a namespace or property, where it is not that of XMP.
XMP_PREFIXES = {"iptcCore": "Iptc4xmpCore", "iptcExt": "Iptc4xmpExt", "microsoft": "MicrosoftPhoto"}
XMP_NAMES = {
    "MicrosoftPhoto:RatingPercent": "MicrosoftPhoto:Rating",
    "crs:ColorTemperature": "crs:Temperature",
    "exif:ExifImageHeight": "exif:PixelYDimension",
    "exif:ExifImageWidth": "exif:PixelXDimension",
    "exif:ExposureCompensation": "exif:ExposureBiasValue",
    "exif:FocalLengthIn35mmFormat": "exif:FocalLengthIn35mmFilm",
    "exif:GPSDateTime": "exif:GPSTimeStamp",
    "exif:ISO": "exif:ISOSpeedRatings",
    "mwg-rs:RegionInfo": "mwg-rs:Regions",
    "photoshop:ICCProfileName": "photoshop:ICCProfile",
    "tiff:ImageHeight": "tiff:ImageLength",
    "x:XMPToolkit": "x:xmptk",
}

# Not those of MPF: exiftool takes the word of an index whose pictures were cut off.
PREVIEW_NAMES = {"JFXX:ThumbnailImage": "JFXXThumbnail", "Photoshop:PhotoshopThumbnail": "PhotoshopThumbnail"}

PLUS_VOCABULARY = "http://ns.useplus.org/ldf/vocab/"

XMP_OF_AUXILIARY_PICTURES = {"HDRGainMap", "apdi", "depthBlurEffect", "depthData", "portraitLightingEffect"}
AUXILIARY_PICTURES = (
    "of XMP are not compared: packets of pictures within the picture (depth, gain map), which exiftool reads too. They "
    "say nothing of the picture"
)

DIFFERENCES_WITH_A_REASON = {
    ("photos/oppo-r7-plus-13mp.jpg", "GPS:GPSProcessingMethod"): "written with the type ASCII, but with a character "
    "code before the text: exiftool stops at the NUL behind the code, we read the text",
}

# Where the summary has the values that required.json asks for.
REQUIRED = {
    "Artist": "author",
    "Copyright": "copyright",
    "DateTimeOriginal": "taken_at",
    "ExposureTime": "exposure_time_s",
    "FNumber": "f_number",
    "FocalLength": "focal_length_mm",
    "GPSLatitude": "latitude",
    "GPSLongitude": "longitude",
    "ISO": "iso",
    "LensModel": "lens",
    "Make": "camera_make",
    "Model": "camera_model",
    "Orientation": "orientation",
    "Software": "software",
}


@dataclass(frozen=True)
class Comparison:
    path: str
    tag: str
    theirs: Any
    ours: Any
    agrees: bool


@pytest.fixture(scope="module")
def descriptions() -> dict[str, tuple[dict[str, Any], dict[str, Any], int]]:
    """For each picture to be accepted: exiftool's reading, ours, and where its TIFF stream begins in the file."""
    accepted = {row["path"] for row in rows("accept")}
    readings = json.loads((CORPUS.parent / "truth" / "exif.json").read_text(encoding="utf-8"))
    found = {}
    for theirs in readings:
        path = CORPUS / theirs["SourceFile"]
        if theirs["SourceFile"] not in accepted:
            continue
        with path.open("rb") as file:
            blocks = read_anatomy(file, path.stat().st_size).blocks
        stream_start = path.read_bytes().find(blocks.exif[:256]) if blocks.exif else 0
        found[theirs["SourceFile"]] = theirs, describe(blocks), stream_start
    return found


def test_exif_is_what_exiftool_reads(descriptions, capsys):
    compared = [
        comparison
        for path, (theirs, ours, stream_start) in descriptions.items()
        for comparison in _compare_exif(path, theirs, ours, stream_start)
    ]

    _report("EXIF", compared, capsys)


def test_xmp_is_what_exiftool_reads(descriptions, capsys):
    compared = [
        comparison
        for path, (theirs, ours, _) in descriptions.items()
        for comparison in _compare_xmp(path, theirs, ours)
    ]

    left_out = Counter(
        path for path, (theirs, _, _) in descriptions.items() for key in theirs if _is_of_auxiliary_picture(key)
    )
    _report(
        "XMP", compared, capsys, [f"{path}: {count} values {AUXILIARY_PICTURES}" for path, count in left_out.items()]
    )


def test_iptc_is_what_exiftool_reads(descriptions, capsys):
    compared = [
        comparison
        for path, (theirs, ours, _) in descriptions.items()
        for comparison in _compare_iptc(path, theirs, ours)
    ]

    _report("IPTC", compared, capsys)


def test_previews_elsewhere_than_in_exif_are_as_long_as_exiftool_reads_them(descriptions, capsys):
    compared = [
        Comparison(
            path, key, theirs[key], ours_length, str(theirs[key]).startswith(f"(Binary data {ours_length} bytes")
        )
        for path, (theirs, ours, _) in descriptions.items()
        for key in PREVIEW_NAMES.keys() & theirs.keys()
        for ours_length in [ours.get("previews", {}).get(PREVIEW_NAMES[key], {}).get("length")]
    ]

    _report("Previews", compared, capsys)


def test_the_summary_holds_what_every_reader_shows(descriptions):
    required = json.loads((CORPUS.parent / "truth" / "required.json").read_text(encoding="utf-8"))

    missing = [
        (path, name, value, summary.get(REQUIRED[name]))
        for path, asked in required.items()
        for summary in [descriptions[path][1].get("summary", {})]
        for name, value in asked.items()
        if not _required_agrees(name, value, summary.get(REQUIRED[name]))
    ]

    assert missing == []


def _required_agrees(name: str, theirs: Any, ours: Any) -> bool:
    if ours is None:
        return False
    if name == "DateTimeOriginal":
        return ours[:19] == theirs[:19].replace(":", "-", 2).replace(" ", "T")
    return _same(ours, theirs)


def _report(part: str, compared: list[Comparison], capsys, left_out: Sequence[str] = ()) -> None:
    different = [comparison for comparison in compared if not comparison.agrees]
    share = 1 - len(different) / len(compared)
    lines = [f"{part}: {len(compared) - len(different)} of {len(compared)} values agree ({share:.2%})"]
    lines += [f"{item.path} {item.tag}: theirs {item.theirs!r}, ours {item.ours!r}"[:300] for item in different]
    lines += left_out
    with capsys.disabled():
        print("", *lines, sep="\n  ")  # noqa: T201  (the report is what this test is run for)

    assert share >= 0.995
    assert {(item.path, item.tag) for item in different} <= set(DIFFERENCES_WITH_A_REASON)


def _compare_exif(path: str, theirs: dict[str, Any], ours: dict[str, Any], stream_start: int) -> Iterator[Comparison]:
    for key, value in theirs.items():
        group, _, tag = key.partition(":")
        if group not in DIRECTORIES:
            continue
        directory = ours.get("exif", {}).get(DIRECTORIES[group], {})
        our_value = directory.get(EXIF_NAMES.get(tag, tag), _MISSING)
        yield Comparison(path, key, value, our_value, _exif_agrees(tag, value, our_value, stream_start))


_MISSING = "(missing)"


def _exif_agrees(tag: str, theirs: Any, ours: Any, stream_start: int) -> bool:
    if ours == _MISSING:
        return False
    if isinstance(theirs, str) and theirs.startswith("(Binary data"):
        # Long lists are "binary" to exiftool as well: it counts the characters that it would print.
        length = ours["length"] if isinstance(ours, dict) else len(" ".join(map(str, ours)))
        return theirs.split()[2] == str(length)
    scalars = _scalars(ours)
    if tag in OFFSETS and not _agree(scalars, theirs):
        scalars = [number + stream_start for number in scalars]
    elif tag in APEX_TIMES:
        scalars = [2**-number if abs(number) < 100 else 0 for number in scalars]  # exiftool's own bound
    elif tag in APEX_APERTURES:
        scalars = [2 ** (number / 2) for number in scalars]
    elif tag in DEGREES:
        scalars = [
            sum((number if isinstance(number, float) else 0) / 60**power for power, number in enumerate(scalars))
        ]
    elif tag == "GPSTimeStamp":
        hours, minutes, seconds = scalars
        scalars = [f"{hours:02.0f}:{minutes:02.0f}:{'0' if seconds < 10 else ''}{seconds:g}"]
    elif tag == "CFAPattern":
        raw = base64.b64decode(ours["base64"])
        scalars = [*struct.unpack(">2H" if raw[0] == 0 else "<2H", raw[:4]), *raw[4:]]
    return _agree(scalars, theirs)


def _scalars(value: Any) -> list[Any]:
    """A value of ours as the flat list of what exiftool prints for it."""
    match value:
        case list():
            return [scalar for item in value for scalar in _scalars(item)]
        case {"type": "rational", "value": None, "numerator": numerator}:
            return ["inf" if numerator else "undef"]
        case {"type": "rational", "value": number}:
            return [number]
        case {"type": "bytes", "base64": encoded}:
            return list(base64.b64decode(encoded))
        case {"text": text}:
            return [text]
        case _:
            return [value]


def _agree(scalars: list[Any], theirs: Any) -> bool:
    if isinstance(theirs, list):
        return len(scalars) == len(theirs) and all(map(_same, scalars, theirs))
    if len(scalars) == 1:
        return _same(scalars[0], theirs)
    printed = str(theirs).split()
    return len(scalars) == len(printed) and all(map(_same, scalars, printed))


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two scalars are the same: numbers within 0.1 %, texts without the space around them."""
    try:
        ours_number, theirs_number = float(ours), float(theirs)
    except ValueError:
        return str(ours).strip("\0 \t\r\n") == str(theirs).strip("\0 \t\r\n")
    return abs(ours_number - theirs_number) <= 0.001 * abs(theirs_number)


def _compare_xmp(path: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Comparison]:
    properties = {name.lower(): value for name, value in ours.get("xmp", {}).items()}
    for key, value in theirs.items():
        group, _, tag = key.partition(":")
        prefix = group.removeprefix("XMP-")
        if prefix == group or _is_of_auxiliary_picture(key):
            continue
        name = f"{XMP_PREFIXES.get(prefix, prefix)}:{tag}"
        our_value = properties.get(XMP_NAMES.get(name, name).lower(), _MISSING)
        yield Comparison(path, key, value, our_value, _xmp_agrees(tag, value, our_value))


def _is_of_auxiliary_picture(key: str) -> bool:
    return key.partition(":")[0].removeprefix("XMP-") in XMP_OF_AUXILIARY_PICTURES


def _xmp_agrees(tag: str, theirs: Any, ours: Any) -> bool:
    if tag in APEX_TIMES | APEX_APERTURES:
        ours = 2 ** -_number(ours) if tag in APEX_TIMES else 2 ** (_number(ours) / 2)
    return _normal(ours) == _normal(theirs)


def _number(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator) if denominator else float(numerator)


def _normal(value: Any) -> Any:
    """A value of XMP, theirs or ours, in one form: no prefixes, numbers rounded, dates with colons."""
    match value:
        case {"x-default": text}:
            return _normal(text)
        case dict():
            return {name.partition(":")[2].lower() or name.lower(): _normal(item) for name, item in value.items()}
        case list():
            return [_normal(item) for item in value]
        case str() if re.fullmatch(r"(\d+/\d+ ?){4}", value):
            return " ".join(f"{_number(part):g}" if part != "0/0" else "undef" for part in value.split())
        case str() if value.startswith(PLUS_VOCABULARY):
            return value.removeprefix(PLUS_VOCABULARY)
        case str() if re.fullmatch(r"-?\d+/\d+", value):
            return _normal(_number(value))
        case str() if re.fullmatch(r"\d+,[\d.]+[NSEW]", value):
            degrees, _, minutes = value[:-1].partition(",")
            return _normal((int(degrees) + float(minutes) / 60) * (-1 if value[-1] in "SW" else 1))
        case str() if re.match(r"\d{4}-\d\d-\d\d", value):
            return value.replace("-", ":", 2).replace("T", " ")
        case str() if value in ("True", "False"):
            return float(value == "True")
        case str():
            try:
                return _normal(float(value))
            except ValueError:
                return value.strip()
        case _:
            return float(f"{value:.6g}")


def _compare_iptc(path: str, theirs: dict[str, Any], ours: dict[str, Any]) -> Iterator[Comparison]:
    for key, value in theirs.items():
        group, _, tag = key.partition(":")
        if group == "IPTC":
            our_value = ours.get("iptc", {}).get(tag, _MISSING)
            yield Comparison(path, key, value, our_value, _iptc_agrees(value, our_value))


def _iptc_agrees(theirs: Any, ours: Any) -> bool:
    if ours == "UTF-8":
        return theirs == "\x1b%G"
    if isinstance(ours, dict):
        return str(ours["value"]).replace("-", ":") == str(theirs).replace("-", ":")
    return _agree(_scalars(ours), theirs)
