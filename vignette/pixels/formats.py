"""
The formats that Vignette accepts, recognised by the first bytes of a file.

This is the allow-list: a file in any other format reaches no parser and no decoder. An MPO (several JPEGs in one file,
as phones and stereo cameras write) counts as its first JPEG. The original keeps the others; nothing decodes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# `sniff` looks at this much of a file: more than any signature takes, and than the brands of any real HEIF file take.
HEAD_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: the name that people know, the IANA media type, and the extension that we give its files."""

    name: str
    media_type: str
    extension: str


JPEG: Final = Format("JPEG", "image/jpeg", "jpg")
PNG: Final = Format("PNG", "image/png", "png")
APNG: Final = Format("APNG", "image/apng", "png")
GIF: Final = Format("GIF", "image/gif", "gif")
WEBP: Final = Format("WebP", "image/webp", "webp")
AVIF: Final = Format("AVIF", "image/avif", "avif")
HEIC: Final = Format("HEIC", "image/heic", "heic")
HEIF: Final = Format("HEIF", "image/heif", "heif")
TIFF: Final = Format("TIFF", "image/tiff", "tiff")
BMP: Final = Format("BMP", "image/bmp", "bmp")

ACCEPTED_FORMATS: Final = (JPEG, PNG, APNG, GIF, WEBP, AVIF, HEIC, HEIF, TIFF, BMP)
ACCEPTED_MEDIA_TYPES: Final = tuple(accepted.media_type for accepted in ACCEPTED_FORMATS)

MOVING: Final = frozenset({GIF, APNG, WEBP, AVIF})
"""With several frames, these are animations. Several frames of a TIFF or a HEIC are pages."""

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

# BITMAPCOREHEADER; BITMAPINFOHEADER, the same with three masks and with four, BITMAPV4HEADER, BITMAPV5HEADER; and that
# of OS/2 2.x, which may end behind any of its fields.
OS2_HEADER_BYTES: Final = (16, 20, 24, 28, 32, 36, 42, 44, 46, 48, 60, 64)
BMP_HEADER_BYTES: Final = (12, 40, 52, 56, 108, 124, *OS2_HEADER_BYTES)

# ISO/IEC 23008-12, annexes B and E; AV1 Image File Format, 6.
_AVIF_BRANDS: Final = (b"avif", b"avis")
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
_HEIF_BRANDS: Final = (b"mif1", b"msf1")
# How the brands of films begin, and of what else is made of the same boxes (mp4ra.org): such a file may name a picture
# among its compatible brands, as its cover.
_FILM_BRANDS: Final = (b"iso", b"mp4", b"qt", b"M4", b"3g", b"avc", b"cmf", b"dash", b"F4", b"f4", b"MSNV", b"crx")


def moves(media_type: str, frames: int) -> bool:
    """Whether a picture of this *media_type*, with so many *frames*, is an animation."""
    return frames > 1 and any(moving.media_type == media_type for moving in MOVING)


def sniff(head: bytes) -> Format | None:
    """
    Return the accepted format whose signature *head* has; None if there is none.

    *head* is the first `HEAD_BYTES` of a file, or the whole of a shorter file. The file's name and the media type that
    its sender gave play no part. A PNG counts as APNG if *head* holds its chunk `acTL`; the parser of PNG has the last
    word.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(PNG_SIGNATURE):
        return APNG if _announces_animation(head) else PNG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head.startswith((b"II+\0", b"MM\0+")):  # BigTIFF
        return TIFF
    if head.startswith((b"II*\0", b"MM\0*")):
        return None if head[8:10] == b"CR" else TIFF  # "CR": a Canon camera raw, CR2
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADER_BYTES:
        return BMP
    return None


def _announces_animation(head: bytes) -> bool:
    """Whether there is an `acTL` chunk before the first `IDAT` (PNG, Third Edition, 11.3.6.1)."""
    offset = len(PNG_SIGNATURE)
    while offset + 8 <= len(head):
        kind = head[offset + 4 : offset + 8]
        if kind in (b"acTL", b"IDAT"):
            return kind == b"acTL"
        offset += 12 + int.from_bytes(head[offset : offset + 4], "big")
    return False


def _by_brands(head: bytes) -> Format | None:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = [major, *(head[offset : offset + 4] for offset in range(16, end - 3, 4))]
    if major.startswith(_FILM_BRANDS):
        return None
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return AVIF
        if brand in _HEIC_BRANDS:
            return HEIC
    return HEIF if any(brand in _HEIF_BRANDS for brand in brands) else None


def name_of(media_type: str) -> str:
    """Return the name of the accepted format of this type; if there is none, the type itself."""
    return next((accepted.name for accepted in ACCEPTED_FORMATS if accepted.media_type == media_type), media_type)
