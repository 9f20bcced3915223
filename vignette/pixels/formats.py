"""
The formats that Vignette accepts, told from the first bytes of a file.

This is the allow-list: what is not named here reaches no parser and no decoder. MPO (several JPEGs in one file, as
phones and stereo cameras write) counts as the JPEG that it begins with; the pictures behind it are kept in the original
and never decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: its name as people know it, IANA media type, and the file name extension that we give it."""

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
