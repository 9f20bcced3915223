"""
The colours of a HEIF or an AVIF: the property `colr` (ISO/IEC 23008-12:2022, 6.5.5; ISO/IEC 14496-12:2022, 12.1.5).

A profile counts first, then the numbers of `nclx`, then those within the coded picture. There may be several `colr`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vignette.pixels.colour_space import SRGB_CURVE, ColourSpace, by_cicp
from vignette.pixels.containers import icc
from vignette.pixels.containers.boxes import Box
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.reader import Reader

Cicp = tuple[int, int]
"""The numbers of primaries and transfer characteristics (ITU-T H.273)."""

_KIND_BYTES: Final = 4
_PROFILES: Final = (b"prof", b"rICC")
_NUMBERS: Final = b"nclx"
_NUMBERS_BYTES: Final = _KIND_BYTES + 4


class HeifColours:
    def __init__(self, reader: Reader, collector: Collector) -> None:
        self._reader = reader
        self._collector = collector
        self._told: Cicp | None = None
        self._coded: Cicp | None = None
        self._is_coded = self._is_grey = False

    def take(self, properties: Sequence[Box]) -> None:
        """Take the boxes `colr` among *properties*; those that were taken before count more."""
        for box in properties:
            length = box.end - box.start
            if box.kind != b"colr" or length < _KIND_BYTES:
                continue
            kind = self._reader.read(box.start, _KIND_BYTES, box.what)
            if kind in _PROFILES and self._collector.icc is None:
                self._take_profile(box)
            elif kind == _NUMBERS and length >= _NUMBERS_BYTES and self._told is None:
                numbers = self._reader.read(box.start + _KIND_BYTES, 4, box.what)
                self._told = int.from_bytes(numbers[:2], "big"), int.from_bytes(numbers[2:], "big")

    def take_coded(self, cicp: Cicp | None, *, is_grey: bool = False) -> None:
        """Take what a coded picture says itself; only the first one counts."""
        if not self._is_coded:
            self._is_coded, self._coded, self._is_grey = True, cicp, is_grey

    def profile(self) -> bytes | None:
        return self._collector.sound_profile(*((icc.GREY, icc.RGB) if self._is_grey else (icc.RGB,)))

    def colour(self, profile: bytes | None) -> ColourSpace | bytes | None:
        """Return what the samples mean: *profile*, or what is told in numbers."""
        cicp = self._told or self._coded
        if profile is not None or cicp is None:
            return profile
        # Browsers take the curve of a television camera for that of sRGB, as it was meant in most of these files.
        return by_cicp(*cicp, television=SRGB_CURVE)

    def _take_profile(self, box: Box) -> None:
        start = box.start + _KIND_BYTES
        profile = self._collector.read(self._reader, start, box.end - start, "ICC profile")
        if profile:
            self._collector.set_icc(profile)
