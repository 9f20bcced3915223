"""Gathers the blocks of metadata that a parser comes by; what is damaged or too much becomes a warning."""

from __future__ import annotations

import zlib
from typing import Final

from vignette.errors import BrokenImage
from vignette.limits import KIB, MAX_INFLATED_BYTES, MAX_METADATA_BYTES, MIB
from vignette.pixels.anatomy import MetadataBlocks
from vignette.pixels.containers import icc
from vignette.pixels.containers.reader import Reader

# The first ones tell what is wrong; a file with a million faults needs no million lines.
_MAX_WARNINGS: Final = 100

# Writers leave a dozen texts. Each costs some hundred bytes of memory, even an empty one.
_MAX_TEXTS: Final = 1000
# For all texts together. Image generators write their whole workflow, of some hundred KiB.
MAX_TEXT_BYTES: Final = MIB

# Cameras write two or three, and one for each direction of a panorama.
MAX_PREVIEWS: Final = 100

# A file has one packet, and in JPEG an extension of it.
_MAX_PACKETS: Final = 10

# How much is inflated in one go. A damaged text counts for as much, beyond what came before the damage.
_INFLATE_BYTES: Final = 64 * KIB


class Collector:
    """
    Takes blocks in the order found.

    All blocks together may take `limits.MAX_METADATA_BYTES`, and may inflate to `limits.MAX_INFLATED_BYTES`: a file of
    a thousand bombs gets no further than a file of one.
    """

    def __init__(self) -> None:
        self.exif: bytes | None = None
        self._lesser_exif: bytes | None = None
        self.iptc: bytes | None = None
        self.icc: bytes | None = None
        self._icc_fault: str | None = None
        self._xmp: list[bytes] = []
        self._text: list[tuple[str, str]] = []
        self._previews: list[tuple[str, int]] = []
        self._warnings: list[str] = []
        self._bytes_left = MAX_METADATA_BYTES
        self._inflated_left = MAX_INFLATED_BYTES
        self._text_left = MAX_TEXT_BYTES
        self._text_over = 0

    def read(self, reader: Reader, offset: int, length: int, what: str) -> bytes | None:
        """Return the block *what*; None, with a warning, if it is cut off or too long."""
        if not self.afford(length, what):
            return None
        try:
            return reader.read(offset, length, what)
        except BrokenImage:
            self.warn(f"{what} of {length:,} bytes at byte {offset:,} is cut short")
            return None

    def afford(self, length: int, what: str) -> bool:
        """Return whether *length* more bytes of *what* may be kept, and count them; if not, warn."""
        if length > self._bytes_left:
            self.warn(
                f"{what} of {length:,} bytes is left out: a file's metadata may take {MAX_METADATA_BYTES:,} bytes"
            )
            return False
        self._bytes_left -= length
        return True

    def inflate(self, deflated: memoryview, what: str, *, whole: bool = False) -> bytes | None:
        """
        Inflate *deflated* (zlib, RFC 1950); return None, with a warning, if it is damaged or too much.

        If it is cut short, return what there is, with a warning; None if only the *whole* is of use.
        """
        stream = zlib.decompressobj()
        inflated = bytearray()
        taken = 0
        waiting: bytes | memoryview = b""
        while not stream.eof:
            if not waiting:  # what is not consumed is copied each time, so it has to be short
                waiting = deflated[taken : taken + _INFLATE_BYTES]
                taken += len(waiting)
            most = min(_INFLATE_BYTES, self._inflated_left + 1)
            try:
                piece = stream.decompress(waiting, most)
            except zlib.error:
                self._inflated_left = max(0, self._inflated_left - most)
                self.warn(f"{what} cannot be inflated: its data are damaged")
                return None
            waiting = stream.unconsumed_tail
            if len(piece) > self._inflated_left:
                self._inflated_left = 0
                self.warn(f"{what} is left out: a file's texts may inflate to {MAX_INFLATED_BYTES:,} bytes")
                return None
            if not piece and not waiting and taken == len(deflated):
                self.warn(f"{what} is cut short")
                if whole:
                    return None
                break
            self._inflated_left -= len(piece)
            inflated += piece
        return bytes(inflated)

    def set_exif(self, block: bytes) -> None:
        """Keep the first EXIF block, without the "Exif\\0\\0" that belongs to JPEG and that other formats copy."""
        if self.exif is None:
            self.exif = _bare(block)
        else:
            self.warn(f"a second EXIF block of {len(block):,} bytes is left out")

    def set_lesser_exif(self, block: bytes) -> None:
        """Keep an EXIF block that counts only if `set_exif` is not called, and turns no picture."""
        if self._lesser_exif is None:
            self._lesser_exif = _bare(block)

    def set_iptc(self, datasets: bytes) -> None:
        if self.iptc is None:
            self.iptc = datasets
        else:
            self.warn(f"a second IPTC block of {len(datasets):,} bytes is left out")

    def set_icc(self, profile: bytes, fault: str | None = None) -> None:
        """Keep the first ICC profile; a *fault* says why it is not to be applied to the picture."""
        if self.icc is not None:
            self.warn(f"a second ICC profile of {len(profile):,} bytes is left out")
            return
        self.icc = profile
        self._icc_fault = fault

    def sound_profile(self, *models: bytes) -> bytes | None:
        """
        Return the ICC profile, if browsers apply it to a picture of one of these colour *models*; nothing follows it.

        If they do not apply it, warn.
        """
        if self.icc is None:
            return None
        fault = self._icc_fault or icc.fault(self.icc, models)
        if fault is not None:
            self.warn(f"the ICC profile is not applied, as in browsers: {fault}")
            return None
        return self.icc[: icc.told_length(self.icc)]

    def add_xmp(self, packet: bytes) -> None:
        if packet and len(self._xmp) < _MAX_PACKETS:
            self._xmp.append(packet)
        elif packet:
            self.warn(f"only the first {_MAX_PACKETS} XMP packets are read")

    def add_text(self, keyword: bytes, text: bytes) -> None:
        """Keep a text. What is over `MAX_TEXT_BYTES` is cut before decoding, which may take four times the bytes."""
        if len(self._text) == _MAX_TEXTS:
            self.warn(f"only the first {_MAX_TEXTS:,} texts are read")
            return
        self._text_over += max(0, len(keyword) + len(text) - self._text_left)
        keyword = keyword[: self._text_left]
        self._text_left -= len(keyword)
        text = text[: self._text_left]
        self._text_left -= len(text)
        if keyword or text:
            self._text.append((_decoded(keyword), _decoded(text)))

    def add_preview(self, name: str, length: int) -> None:
        """Note a small picture of *length* bytes; do nothing if that is 0 or less."""
        if length > 0 and len(self._previews) < MAX_PREVIEWS:
            self._previews.append((name, length))
        elif length > 0:
            self.warn(f"only the first {MAX_PREVIEWS} previews are told of")

    def warn(self, warning: str) -> None:
        if len(self._warnings) < _MAX_WARNINGS and warning not in self._warnings:
            self._warnings.append(warning)

    def blocks(self) -> MetadataBlocks:
        if self._text_over:
            self.warn(
                f"{self._text_over:,} bytes of texts are left out: a file's texts may take {MAX_TEXT_BYTES:,} bytes; "
                "the original holds them"
            )
        return MetadataBlocks(
            exif=self._lesser_exif if self.exif is None else self.exif,
            xmp=tuple(self._xmp),
            iptc=self.iptc,
            icc=self.icc,
            text=tuple(self._text),
            previews=tuple(self._previews),
            warnings=tuple(self._warnings),
        )


def _bare(exif: bytes) -> bytes:
    return exif[6:] if exif.startswith(b"Exif\0") else exif


def _decoded(raw: bytes) -> str:
    """Return *raw* as UTF-8, or else as Latin-1: texts in PNG, JPEG and GIF do not say truly which they are."""
    raw = raw.rstrip(b"\0")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
