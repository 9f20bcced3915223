"""
The colours that a PNG tells by chunks of numbers: W3C Portable Network Graphics, Third Edition (2025), 11.3.2.

Of those that are there, the first counts: cICP, iCCP, sRGB, then gAMA and cHRM (table 7). A cHRM without a gAMA counts
for nothing in browsers.
"""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.colour_space import BT_1886, ColourSpace, by_cicp, by_gamma, knows_cicp
from vignette.pixels.containers.collector import Collector

_CICP, _SRGB, _GAMMA, _CHROMATICITIES = b"cICP", b"sRGB", b"gAMA", b"cHRM"
COLOUR_CHUNKS: Final = {_CICP: 4, _SRGB: 1, _GAMMA: 4, _CHROMATICITIES: 32}
"""How long each is."""

_POINTS: Final = struct.Struct(">8I")
_INTENTS: Final = 4


class ColourChunks:
    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._found: dict[bytes, bytes] = {}

    def take(self, kind: bytes, content: bytes) -> None:
        """Take the *content* of a sound chunk; a second one of its *kind* does not count."""
        self._found.setdefault(kind, content)

    def colour(self, profile: bytes | None) -> ColourSpace | bytes | None:
        """Return what the samples mean: *profile*, that of the iCCP, or what counts before or instead of it."""
        if self._has_cicp():
            primaries, transfer, *_ = self._found[_CICP]
            return by_cicp(primaries, transfer, BT_1886)
        if profile is not None or self._has_srgb() or _GAMMA not in self._found:
            return profile
        (gamma,) = struct.unpack(">I", self._found[_GAMMA])
        points = self._found.get(_CHROMATICITIES)
        try:
            return by_gamma(gamma, None if points is None else _POINTS.unpack(points))
        except ValueError as error:
            self._collector.warn(f"the chunks 'gAMA' and 'cHRM' are ignored: {error}")
            return None

    def _has_cicp(self) -> bool:
        if _CICP not in self._found:
            return False
        primaries, transfer, matrix, is_full = self._found[_CICP]
        if not matrix and is_full == 1 and knows_cicp(primaries, transfer):
            return True
        numbers = f"{primaries}, {transfer}, {matrix}, {is_full}"
        self._collector.warn(f"the chunk 'cICP' is ignored: {numbers} are no colours of a PNG")
        return False

    def _has_srgb(self) -> bool:
        return _SRGB in self._found and self._found[_SRGB][0] < _INTENTS
