"""Makes ICC profiles by hand (ICC.1:2022; the profiles are of version 2), and computes the colours that they mean."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

Matrix = Sequence[tuple[float, float, float]]

# Pure red, green and blue as XYZ under D50: the values of `rXYZ`, `gXYZ` and `bXYZ`.
SRGB: Matrix = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3: Matrix = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB: Matrix = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
SWAPPED: Matrix = (SRGB[1], SRGB[2], SRGB[0])
"""With these, the red of a profile is green, its green is blue, and its blue is red."""

_D50 = (0.9642, 1.0, 0.8249)

# The inverse of `SRGB`, row by row.
_TO_LINEAR_SRGB: Matrix = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)


def rgb_profile(primaries: Matrix, gamma: float = 2.2) -> bytes:
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, primaries), strict=True))
    return _profile(b"RGB ", b"XYZ ", tags | {name: _curve(gamma) for name in (b"rTRC", b"gTRC", b"bTRC")})


def grey_profile(gamma: float) -> bytes:
    return _profile(b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def cmyk_profile(inks: Sequence[tuple[float, float, float]]) -> bytes:
    """Make a profile of four *inks*: each alone has this L*a*b*, bare paper is white, two or more inks are black."""
    nodes = [(0.0, 0.0, 0.0)] * 16
    nodes[0] = (100.0, 0.0, 0.0)
    for index, ink in enumerate(inks):
        nodes[8 >> index] = ink
    table = bytes(round(value) for light, a, b in nodes for value in (light * 2.55, a + 128, b + 128))
    straight = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (index % 4 == 0) for index in range(9)))
    lookup = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + table + straight * 3
    return _profile(b"CMYK", b"Lab ", {b"A2B0": lookup}, kind=b"prtr")


def in_srgb(colour: Sequence[int], primaries: Matrix, gamma: float = 2.2) -> tuple[int, ...]:
    """Convert the 8-bit *colour*, of an `rgb_profile` with the same arguments, to sRGB."""
    linear = [(value / 255) ** gamma for value in colour]
    xyz = [sum(part * column[row] for part, column in zip(linear, primaries, strict=True)) for row in range(3)]
    return tuple(
        srgb_value(sum(factor * part for factor, part in zip(row, xyz, strict=True))) for row in _TO_LINEAR_SRGB
    )


def srgb_value(light: float) -> int:
    """Return the 8-bit value of sRGB (IEC 61966-2-1) for linear *light*, where 1 is white."""
    light = min(max(light, 0.0), 1.0)
    return round(255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055))


def lab_in_srgb(lightness: float, a: float, b: float) -> tuple[int, ...]:
    """Convert L*a*b* under D50 to sRGB."""
    y = (lightness + 16) / 116
    parts = [part**3 if part > 6 / 29 else (part - 4 / 29) * 108 / 841 for part in (y + a / 500, y, y - b / 200)]
    xyz = [part * white for part, white in zip(parts, _D50, strict=True)]
    return tuple(
        srgb_value(sum(factor * part for factor, part in zip(row, xyz, strict=True))) for row in _TO_LINEAR_SRGB
    )


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def _profile(model: bytes, connection: bytes, tags: Mapping[bytes, bytes], kind: bytes = b"mntr") -> bytes:
    words = b"a test"
    description = b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + bytes(1 + 78)
    tags = {b"desc": description, b"wtpt": _xyz(_D50), b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, kind, model, connection)
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in _D50)) + bytes(4)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
