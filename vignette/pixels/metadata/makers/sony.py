"""Sony: a directory behind "SONY DSC \\0\\0\\0", whose offsets count from the TIFF stream (ExifTool, Sony Tags)."""

from __future__ import annotations

import re
from typing import Final

from vignette.pixels.metadata.makers.lens_names import Numbers, lens_name
from vignette.pixels.metadata.makers.note import LINK_BYTES, Note
from vignette.pixels.metadata.values import Fields

_SERIAL, _LENS_TYPE, _LENS_SPEC = 0x2031, 0xB027, 0xB02A

_SIGNATURES: Final = (b"SONY DSC", b"SONY CAM", b"SONY MOBILE", b"\0\0SONY PIC\0", b"VHAB     \0")
_HEADER_BYTES: Final = 12
_FOREIGN: Final = (b"SONY PI", b"PREMI\0", b"SEMC MS\0", b"\1\0")

_SPEC_BYTES: Final = 8
# The features that LensSpec names by the bits of its first and last byte, in the order of a lens' name. Those of the
# first list stand before the numbers.
_BEFORE: Final = (
    (0x0300, {0x0100: "DT", 0x0200: "FE", 0x0300: "E"}),
    (0x4000, {0x4000: "PZ"}),
)
_BEHIND: Final = (
    (0x00E0, {0x0020: "STF", 0x0040: "Reflex", 0x0060: "Macro", 0x0080: "Fisheye"}),
    (0x000C, {0x0004: "ZA", 0x0008: "G"}),
    (0x0003, {0x0001: "SSM", 0x0002: "SAM"}),
    (0x8000, {0x8000: "OSS"}),
    (0x2000, {0x2000: "LE"}),
    (0x0800, {0x0800: "II"}),
)
_WITH_LINK: Final = re.compile(r"DSLR-.*|SLT-A(33|35|55V)|NEX-(3|5|C3|VG10E)")
_DATE_LIKE: Final = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)


def read(note: Note) -> Fields:
    if any(map(note.begins, _FOREIGN)):
        return {}
    header = _HEADER_BYTES if any(map(note.begins, _SIGNATURES)) else 0
    # Only the first cameras have a link behind the directory.
    gap = LINK_BYTES if _WITH_LINK.fullmatch(note.model) else 0
    found = note.directory(note.start + header, 0, gap=gap)
    numbers, words = _specification(found[_LENS_SPEC].raw)
    types = found[_LENS_TYPE].numbers
    # A camera without an A-mount writes 65535, or 0, which is the number of a lens too.
    name = lens_name("sony", str(types[0]), numbers) if types and (types[0] or words) else ""
    return {"Lens": name or words, "SerialNumber": _serial(found[_SERIAL].text)}


def _specification(raw: bytes) -> tuple[Numbers, str]:
    """
    Return the numbers of a LensSpec and the lens in words: "E 18-55mm F3.5-5.6 OSS".

    The focal lengths are two bytes each, the f-numbers one in tenths, all of them in decimal digits (BCD).
    """
    if len(raw) != _SPEC_BYTES:
        return Numbers(), ""
    digits = raw.hex()
    lengths, tenths = (digits[2:6], digits[6:10]), (digits[10:12], digits[12:14])
    if not all(length.isdigit() for length in lengths) or not all(number[1].isdigit() for number in tenths):
        return Numbers(), ""
    shortest, longest = map(int, lengths)
    # "b0" is f/11: the first digit may be over 9.
    widest, narrowest = (int(number[0], 16) + int(number[1]) / 10 for number in tenths)
    if not shortest or not widest or (longest and longest < shortest) or (narrowest and narrowest < widest):
        return Numbers(), ""
    focal = f"{shortest}-{longest}" if longest not in (0, shortest) else f"{shortest}"
    aperture = f"{widest:g}-{narrowest:g}" if narrowest not in (0, widest) else f"{widest:g}"
    flags = raw[0] << 8 | raw[7]
    words = [*_features(_BEFORE, flags), f"{focal}mm F{aperture}", *_features(_BEHIND, flags)]
    return Numbers(shortest, longest or shortest, widest), " ".join(words)


def _features(named: tuple[tuple[int, dict[int, str]], ...], flags: int) -> list[str]:
    return [name for mask, names in named if (name := names.get(flags & mask))]


def _serial(text: str) -> str:
    """Return the number as it stands on the camera: the pairs of its digits are written from the last to the first."""
    match = _DATE_LIKE.fullmatch(text)
    return "".join(reversed(match.groups())) if match else text
