"""`Anatomy`: what a picture's file says of itself. Each parser in `containers` returns one."""

from __future__ import annotations

from dataclasses import dataclass, field

from vignette.pixels.colour_space import ColourSpace
from vignette.pixels.formats import Format
from vignette.pixels.pieces import Pieces
from vignette.pixels.samples import Samples


@dataclass(frozen=True, slots=True)
class MetadataBlocks:
    """
    The metadata of a file as raw blocks, in the order found, not interpreted.

    All blocks together take at most `limits.MAX_METADATA_BYTES` of the file. `warnings` names each block, or part of
    one, that is missing here because it is damaged or would exceed a limit.
    """

    exif: bytes | None = None
    """
    A TIFF stream: it begins with II or MM, without "Exif\\0\\0" before that. For a TIFF file, a copy of its directories
    with their values, without the pictures.
    """
    xmp: tuple[bytes, ...] = ()
    """XMP packets (RDF/XML): the main one first, then extended ones, each joined from its pieces."""
    iptc: bytes | None = None
    """IPTC-IIM datasets: the content of the Photoshop resource 0x0404. It begins with 0x1C."""
    icc: bytes | None = None
    """What the file has for an ICC profile, joined from its pieces, whether it is applied or not."""
    text: tuple[tuple[str, str], ...] = ()
    """(keyword, text) of a PNG's tEXt, zTXt and iTXt; ("Comment", text) of JPEG COM segments and GIF comments."""
    previews: tuple[tuple[str, int], ...] = ()
    """(name, length in bytes) of each small picture in the file that is in none of the blocks above."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aperture:
    """The part of a decoded picture that is shown, in pixels as stored; `coded` is the (width, height) of the whole."""

    coded: tuple[int, int]
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """
    What the file of a picture says of itself, found without decoding a pixel.

    `width` and `height` are in pixels, as stored; `orientation` is 1 to 8, as in EXIF (tag 0x0112). If `has_alpha` is
    false, a sample that follows the colours of a pixel is not its transparency; it may be a selection, for instance.
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    frames: int = 1
    has_alpha: bool = True
    has_alpha_apart: bool = False
    """Only in WebP: alpha is coded apart from the colours. A decoder that scales does not weigh the colours by it."""
    bits_per_pixel: int = 24
    """Only in PNG, TIFF and BMP: the bits of a pixel before compression."""
    samples: Samples = Samples()  # noqa: RUF009 (it is frozen)
    """Only in TIFF: how each pixel is stored."""
    is_arithmetic: bool = False
    """Only in JPEG: it is in arithmetic coding, not in that of Huffman."""
    held_bytes: int = 0
    """Bytes that every decoder must hold at once, because the file is progressive, interlaced, or coded as a whole."""
    aperture: Aperture | None = None
    """Only in AVIF, and in overlays: the part that is shown, if it is not all that the decoder gives."""
    is_overlay: bool = False
    """Only in AVIF, HEIC and HEIF: it is made of pictures that are laid over each other."""
    profile: bytes | None = None
    """The ICC profile, if browsers would apply it to this picture; nothing follows it."""
    colour: bytes | ColourSpace | None = None
    """What the samples mean: by `profile`, or by what counts before it in this format. None is sRGB."""
    blocks: MetadataBlocks = field(default_factory=MetadataBlocks)
    mended: Pieces | None = None
    """What to read in place of a file that has all of its pixels, but is damaged beside them; None: the file itself."""

    @property
    def coded_pixels(self) -> int:
        """How many pixels a decoder makes, whether they are shown or not."""
        width, height = (self.width, self.height) if self.aperture is None else self.aperture.coded
        return width * height

    @property
    def shown(self) -> tuple[int, int, int, int] | None:
        """(left, top, right, bottom) of what is shown of the picture that a decoder makes; None for all of it."""
        if self.aperture is None:
            return None
        left, top = self.aperture.left, self.aperture.top
        return left, top, left + self.width, top + self.height

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) in pixels of the picture turned upright. Orientations 5 to 8 swap width and height."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)
