"""What a container says of itself: the value that each of the parsers in `containers` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from vignette.pixels.formats import Format


@dataclass(frozen=True, slots=True)
class MetadataBlocks:
    """
    The metadata of a file as raw blocks, in the order found, not interpreted.

    Each is at most `limits.MAX_METADATA_BYTES` long; what is over that, or damaged, is named in `warnings` instead.
    """

    exif: bytes | None = None
    """
    A TIFF stream (begins with II or MM; no "Exif\\0\\0" before it). For a TIFF file: a copy of its directories with
    their values, without the pictures.
    """
    xmp: tuple[bytes, ...] = ()
    """XMP packets (RDF/XML): the main one first, then extended ones, each put together."""
    iptc: bytes | None = None
    """IPTC-IIM datasets (begins with 0x1C): taken out of the Photoshop resource 0x0404."""
    icc: bytes | None = None
    """An ICC profile, put together from its pieces."""
    text: tuple[tuple[str, str], ...] = ()
    """(keyword, text) of PNG tEXt/zTXt/iTXt; ("Comment", text) of JPEG COM and GIF comments."""
    previews: tuple[tuple[str, int], ...] = ()
    """(name, length in bytes) of the small pictures beside the picture that stand in none of the blocks above."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anatomy:
    """
    `width` and `height` are in pixels as stored; `orientation` is 1 to 8 as in EXIF (tag 0x0112).

    Without `has_alpha`, what stands beside the colours of a pixel is no transparency: a selection, say.
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    has_alpha: bool = True
    has_alpha_apart: bool = False
    """Transparency is coded apart from colours, which a decoder that scales does not weigh by it; told of WebP."""
    bits_per_pixel: int = 24
    """As the pixels are before they are compressed; told of PNG, TIFF and BMP."""
    held_bytes: int = 0
    """What any decoder has to hold at once, because the file is progressive or interlaced, or codes it so."""
    blocks: MetadataBlocks = field(default_factory=MetadataBlocks)

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) in pixels after orientation; 5 to 8 turn the picture by a quarter."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)
