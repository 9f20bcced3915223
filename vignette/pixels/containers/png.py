"""PNG and APNG: W3C Portable Network Graphics, Third Edition (2025)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.limits import MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import icc, photoshop
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.exif import orientation_of
from vignette.pixels.containers.png_animation import Animation
from vignette.pixels.containers.png_chunks import CRC, HEADER, Chunk, Unended, as_chunk, chunks, crc_of, has_right_crc
from vignette.pixels.containers.png_colour import COLOUR_CHUNKS, ColourChunks
from vignette.pixels.containers.png_data import Inflation, data_bytes
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

# Samples per pixel, and allowed bits per sample, by colour type (11.2.1).
_COLOUR_TYPES: Final = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_INDEXED: Final = 3
_GREY: Final = (0, 4)
_MAX_DIMENSION: Final = 2**31 - 1
_MAX_PALETTE_BYTES: Final = 3 * 256

# Deflate codes 258 bytes in 2 bits at best (RFC 1951, 3.2.5).
_MAX_DEFLATE_RATIO: Final = 1032

# Pixels of so many bytes are inflated to see whether they are whole; a hundredth of a second's work. In larger ones the
# checksum of each chunk tells of damage, and the decoder of the rest.
_INFLATED_AT_THE_DOOR: Final = 4 * MIB
# The same for a PNG without its end, where the checksums do not tell whether chunks are missing.
_INFLATED_WITHOUT_END: Final = 64 * MIB

# Chunks of picture data with a wrong checksum, in a file whose pixels are whole. A writer that knows no checksums has
# a chunk for each few KiB.
_MOST_WRONG_CHUNKS: Final = 1000

_IEND: Final = as_chunk(b"IEND")

_IHDR: Final = struct.Struct(">IIBBBBB")
_ANIMATION: Final = (b"acTL", b"fcTL", b"fdAT")

_METADATA: Final = (b"eXIf", b"iCCP", b"tEXt", b"zTXt", b"iTXt")
# Writers leave some dozens.
_MAX_METADATA_CHUNKS: Final = 2000
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
_RAW_PROFILE: Final = "Raw profile type "
# Of all texts that hold profiles in hexadecimal digits; each counts for as much as a hundredth of that at least.
_MAX_RAW_BYTES: Final = 4 * MIB
_LEAST_RAW_BYTES: Final = _MAX_RAW_BYTES // 100
_MAX_LENGTH_DIGITS: Final = 20
# 11.3.3.2: the longest keyword, and the longest name of a profile.
_MAX_KEYWORD_BYTES: Final = 79


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    bits_per_pixel: int
    is_indexed: bool
    is_grey: bool
    is_interlaced: bool

    @property
    def data_bytes(self) -> int:
        return data_bytes(self.width, self.height, self.bits_per_pixel, is_interlaced=self.is_interlaced)

    @property
    def pixel_bytes(self) -> int:
        return self.width * self.height * self.bits_per_pixel // 8


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    return _Walk(reader, bounds).run()


class _Walk:
    """A walk from chunk to chunk, and what it has found."""

    def __init__(self, reader: Reader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        self._texts = _Texts(self._collector)
        self._colours = ColourChunks(self._collector)
        self._has_palette = False
        self._metadata_left = _MAX_METADATA_CHUNKS
        self._data_bytes = 0
        self._data_end = 0
        self._animation: Animation
        self._inflation: Inflation | None = None
        self._wrong: list[Chunk] = []
        self._end = 0
        self._mended: Pieces | None = None

    def run(self) -> Anatomy:
        try:
            following = chunks(self._reader)
            first = next(following)
            header = self._read_header(first)
            self._end = first.end
            self._animation = Animation(self._reader, self._bounds, self._collector, (header.width, header.height))
            if self._bounds.checksums and header.data_bytes <= _INFLATED_AT_THE_DOOR:
                self._inflation = Inflation(header.data_bytes)
            self._take_all(following, header)
        except Unended as fault:
            raise BrokenImage(str(fault)) from fault
        return self._finish(header)

    def _take_all(self, following: Iterator[Chunk], header: _Header) -> None:
        try:
            for chunk in following:
                self._take(chunk, header)
                self._end = chunk.end
        except Unended as fault:
            self._end_without_iend(header, fault)

    def _end_without_iend(self, header: _Header, fault: Unended) -> None:
        """Mend the end of the file if the picture data are whole; raise *fault* if not, or if nobody can tell."""
        cut = self._cut_data()
        if not self._data_end and cut is None:
            raise fault
        if self._bounds.checksums:
            self._check_data_without_end(header, cut, fault)
        mended = Pieces()
        mended.copy(0, self._end)
        if cut is not None:
            self._data_bytes += cut.length
            self._data_end = cut.end
            mended.write(HEADER.pack(cut.length, cut.kind))
            mended.copy(cut.start, cut.end)
            mended.write(CRC.pack(crc_of(self._reader, cut)))
        mended.write(_IEND)
        self._mend(mended, str(fault))

    def _cut_data(self) -> Chunk | None:
        """Return what is there of a chunk of picture data that the file ends in; None if it ends in none."""
        start = self._end + HEADER.size
        if start >= self._reader.size or self._data_end not in (0, self._end):
            return None
        length, kind = self._reader.unpack(HEADER, self._end, "a chunk")
        there = min(length, self._reader.size - start)
        return Chunk(kind, self._end, start, there, start + there) if kind == b"IDAT" else None

    def _check_data_without_end(self, header: _Header, cut: Chunk | None, fault: Unended) -> None:
        inflation = self._inflation
        if inflation is None and header.data_bytes <= _INFLATED_WITHOUT_END:
            inflation = Inflation(header.data_bytes)
            whole = (chunk for chunk in chunks(self._reader.until(self._end)) if chunk.kind == b"IDAT")
            with suppress(Unended):
                for chunk in whole:
                    inflation.take_all(self._reader.chunks(chunk.start, chunk.length, chunk.what))
        if inflation is None:
            # Larger pictures are left to the decoder. An upload that was cut short mostly ends within a chunk.
            if self._end != self._reader.size:
                raise fault
            return
        if cut is not None:
            inflation.take_all(self._reader.chunks(cut.start, cut.length, cut.what))
        inflation.finish()
        if inflation.fault:
            raise fault

    def _mend(self, mended: Pieces, fault: str) -> None:
        self._mended = mended
        self._collector.warn(f"the PNG is damaged behind its picture data, which are whole: {fault}")

    def _read_header(self, chunk: Chunk) -> _Header:
        if chunk.kind == b"CgBI":
            raise UnsupportedFormat(
                f"{chunk.what} tells that this is Apple's own variant of PNG, as Xcode makes it for apps (CgBI)"
            )
        if chunk.kind != b"IHDR" or chunk.length != _IHDR.size:
            raise BrokenImage(f"a PNG begins with an IHDR of {_IHDR.size} bytes, not with {chunk.what}")
        width, height, bits, colour, compression, filtering, interlace = self._reader.unpack(
            _IHDR, chunk.start, chunk.what
        )
        samples, allowed_bits = _COLOUR_TYPES.get(colour, (0, ()))
        if bits not in allowed_bits:
            raise BrokenImage(f"a PNG cannot have colour type {colour} with {bits} bits per sample")
        if compression or filtering or interlace > 1:
            raise BrokenImage(f"a PNG cannot have methods {compression}, {filtering}, {interlace}")
        if max(width, height) > _MAX_DIMENSION:
            raise BrokenImage(f"a PNG cannot be {width:,} × {height:,} pixels")
        self._bounds.check_size(width, height)
        self._check_crc(chunk)
        return _Header(width, height, samples * bits, colour == _INDEXED, colour in _GREY, bool(interlace))

    def _take(self, chunk: Chunk, header: _Header) -> None:
        if chunk.kind == b"IDAT":
            self._take_data(chunk, header)
            self._animation.take(chunk)
        elif chunk.kind == b"IEND":
            if not has_right_crc(self._reader, chunk):
                mended = Pieces()
                mended.copy(0, chunk.header)
                mended.write(_IEND)
                self._mend(mended, f"the checksum of {chunk.what} is wrong")
        elif chunk.is_critical:
            self._take_critical(chunk)
        elif chunk.kind in _ANIMATION:
            self._animation.take(chunk)
        elif chunk.kind in _METADATA:
            block = self._metadata(chunk)
            if block is not None:
                self._texts.take(chunk.kind, block)
        elif chunk.kind in COLOUR_CHUNKS:
            self._take_colour(chunk)

    def _take_data(self, chunk: Chunk, header: _Header) -> None:
        if header.is_indexed and not self._has_palette:
            raise BrokenImage(f"{chunk.what} comes before the palette")
        if self._data_end not in (0, chunk.header):
            raise BrokenImage(f"{chunk.what} does not follow the one before it")
        is_small = header.data_bytes <= _INFLATED_AT_THE_DOOR
        if (self._bounds.checksums or is_small) and not has_right_crc(self._reader, chunk):
            self._wrong.append(chunk)
            if not is_small or len(self._wrong) > _MOST_WRONG_CHUNKS:
                raise _with_wrong_crc(chunk)
        if self._inflation is not None:
            self._inflation.take_all(self._reader.chunks(chunk.start, chunk.length, chunk.what))
        self._data_bytes += chunk.length
        self._data_end = chunk.end

    def _take_wrong_chunks(self) -> None:
        """Correct the checksums of data that a checksum of their own proves to be whole; refuse other data."""
        first = self._wrong[0]
        is_proven = not self._bounds.checksums or (self._inflation is not None and self._inflation.is_proven)
        if not is_proven or self._mended is not None:
            raise _with_wrong_crc(first)
        mended, at = Pieces(), 0
        for chunk in self._wrong:
            mended.copy(at, chunk.end - CRC.size)
            mended.write(CRC.pack(crc_of(self._reader, chunk)))
            at = chunk.end
        mended.copy(at, self._reader.size)
        self._mended = mended
        self._collector.warn(f"the checksum of {first.what} is wrong, but that of the pixels is right")

    def _take_critical(self, chunk: Chunk) -> None:
        if chunk.kind != b"PLTE":
            raise BrokenImage(f"{chunk.what} is critical, and unknown or out of place")
        if self._has_palette or chunk.length % 3 or not 0 < chunk.length <= _MAX_PALETTE_BYTES:
            raise BrokenImage(f"{chunk.what} is a second palette, or has a wrong length of {chunk.length:,}")
        self._check_crc(chunk)
        self._has_palette = True

    def _take_colour(self, chunk: Chunk) -> None:
        if self._data_end or chunk.length != COLOUR_CHUNKS[chunk.kind]:
            self._collector.warn(f"{chunk.what} is out of place or damaged, and ignored")
            return
        content = self._metadata(chunk)
        if content is not None:
            self._colours.take(chunk.kind, content)

    def _check_crc(self, chunk: Chunk) -> None:
        if not has_right_crc(self._reader, chunk):
            raise _with_wrong_crc(chunk)

    def _metadata(self, chunk: Chunk) -> bytes | None:
        if not self._metadata_left:
            self._collector.warn(f"only the first {_MAX_METADATA_CHUNKS:,} chunks of metadata and of colours are read")
            return None
        self._metadata_left -= 1
        block = self._collector.read(self._reader, chunk.start, chunk.length, chunk.what)
        if block is None:
            return None
        (told,) = self._reader.unpack(CRC, chunk.start + chunk.length, chunk.what)
        if zlib.crc32(block, zlib.crc32(chunk.kind)) != told:
            self._collector.warn(f"{chunk.what} is left out: its checksum is wrong")
            return None
        return block

    def _finish(self, header: _Header) -> Anatomy:
        if not self._data_end:
            raise BrokenImage("the PNG holds no picture data")
        # Interlacing and filter bytes only add to this number.
        needed = header.pixel_bytes
        if needed > self._data_bytes * _MAX_DEFLATE_RATIO:
            raise BrokenImage(
                f"{self._data_bytes:,} bytes of picture data cannot inflate to the {needed:,} of its pixels"
            )
        if self._inflation is not None:
            self._inflation.finish()
            if self._inflation.fault and self._mended is None and not self._wrong:
                raise BrokenImage(self._inflation.fault)
        if self._wrong:
            self._take_wrong_chunks()
        # Without a sound animation, decoders show the still picture (11.3.6, 13.11), and so do we.
        frames = self._animation.count()
        # libvips copies what libspng has put together of an interlaced picture.
        held_bytes = 2 * header.pixel_bytes if header.is_interlaced else 0
        if frames is not None:
            held_bytes += self._animation.held_bytes
        self._texts.assemble()
        # An RGB profile on grey pixels: libpng ignores it, browsers apply it.
        models = (icc.GREY, icc.RGB) if header.is_grey else (icc.RGB,)
        profile = self._collector.sound_profile(*models)
        return Anatomy(
            format=formats.PNG if frames is None else formats.APNG,
            width=header.width,
            height=header.height,
            orientation=orientation_of(self._collector),
            frames=frames or 1,
            bits_per_pixel=header.bits_per_pixel,
            held_bytes=held_bytes,
            profile=profile,
            colour=self._colours.colour(profile),
            blocks=self._collector.blocks(),
            mended=self._mended,
        )


def _with_wrong_crc(chunk: Chunk) -> BrokenImage:
    return BrokenImage(f"{chunk.what} is damaged: its checksum is wrong")


class _Texts:
    """Takes the chunks of metadata. There is a handler for each kind, which takes the chunk's content."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._takers: dict[bytes, Callable[[bytes], None]] = {
            b"eXIf": collector.set_exif,
            b"iCCP": self._take_profile,
            b"tEXt": self._take_text,
            b"zTXt": self._take_compressed,
            b"iTXt": self._take_international,
        }
        self._raw_exif: bytes | None = None
        self._raw_left = _MAX_RAW_BYTES

    def take(self, kind: bytes, content: bytes) -> None:
        self._takers[kind](content)

    def assemble(self) -> None:
        # The chunk eXIf came in 2017; before, ImageMagick put EXIF into a text. In a file with both, the chunk counts.
        if self._raw_exif is not None and self._collector.exif is None:
            self._collector.set_exif(self._raw_exif)

    def _take_profile(self, content: bytes) -> None:
        end = content.find(b"\0")
        if not 0 < end <= _MAX_KEYWORD_BYTES or content[end + 1 : end + 2] != b"\0":
            self._collector.warn("the chunk 'iCCP' is left out: its name or its method is none that a PNG may have")
            return
        profile = self._collector.inflate(memoryview(content)[end + 2 :], "ICC profile", whole=True)
        if profile:
            self._collector.set_icc(profile)

    def _take_text(self, content: bytes) -> None:
        keyword, _, text = content.partition(b"\0")
        self._keep(keyword, text)

    def _take_compressed(self, content: bytes) -> None:
        end = content.find(b"\0")
        keyword = content[:end] if end >= 0 else content
        text = self._collector.inflate(memoryview(content)[len(keyword) + 2 :], _named(keyword))
        if text is not None:
            self._keep(keyword, text)

    def _take_international(self, content: bytes) -> None:
        """Take keyword, 0, is compressed, method, language, 0, translated keyword, 0, text (11.3.3.4)."""
        # `split` would make copies of each piece, and the text may be a packet of megabytes.
        keyword_end = content.find(b"\0")
        language_end = content.find(b"\0", keyword_end + 3)
        translated_end = content.find(b"\0", language_end + 1)
        keyword = content[:keyword_end] if keyword_end >= 0 else content
        if min(keyword_end, language_end, translated_end) < 0:
            self._collector.warn(f"{_named(keyword)} is damaged")
            return
        if content[keyword_end + 1]:
            text = self._collector.inflate(memoryview(content)[translated_end + 1 :], _named(keyword))
        else:
            text = content[translated_end + 1 :]
        if text is not None:
            self._keep(keyword, text)

    def _keep(self, keyword: bytes, raw: bytes) -> None:
        # tEXt and zTXt are Latin-1 by 11.3.3.2 and 11.3.3.3, but many programs write UTF-8 there.
        name = keyword.decode("latin-1")
        if name == _XMP_KEYWORD:
            self._collector.add_xmp(raw)
        elif name.startswith(_RAW_PROFILE):
            self._take_raw_profile(name.removeprefix(_RAW_PROFILE), raw)
        else:
            self._collector.add_text(keyword, raw)

    def _take_raw_profile(self, kind: str, raw: bytes) -> None:
        """Take a profile of ImageMagick: a line feed, the kind, the length, then hexadecimal digits in lines."""
        what = f"text '{_RAW_PROFILE}{kind[:_MAX_KEYWORD_BYTES]}'"
        if len(raw) > self._raw_left:
            self._collector.warn(
                f"{what} of {len(raw):,} bytes is left out: such profiles may take {_MAX_RAW_BYTES:,} bytes together"
            )
            return
        self._raw_left -= max(len(raw), _LEAST_RAW_BYTES)
        try:
            length, _, digits = raw.strip().split(b"\n", 1)[1].lstrip().partition(b"\n")
            profile = bytes.fromhex(digits.decode("ascii"))
            if len(profile) != int(length[:_MAX_LENGTH_DIGITS]):
                self._collector.warn(f"{what} is {len(profile):,} bytes long, not {int(length[:_MAX_LENGTH_DIGITS]):,}")
        except (ValueError, IndexError):
            self._collector.warn(f"{what} is damaged")
            return
        self._take_profile_of(kind.lower(), profile)

    def _take_profile_of(self, kind: str, profile: bytes) -> None:
        is_tiff_stream = kind == "exif" and profile[:2] in (b"II", b"MM")
        if is_tiff_stream or profile.startswith(b"Exif\0"):  # of the kinds "exif" and "app1"
            self._raw_exif = profile
        elif kind == "xmp":
            self._collector.add_xmp(profile)
        elif kind in ("iptc", "8bim"):
            self._take_iptc(profile)
        elif kind in ("icc", "icm"):
            self._collector.warn(f"text '{_RAW_PROFILE}{kind}' is no profile of the picture, as in browsers")

    def _take_iptc(self, profile: bytes) -> None:
        if profile.startswith(b"\x1c"):
            self._collector.set_iptc(profile)
        else:
            photoshop.take(profile, self._collector)


def _named(keyword: bytes) -> str:
    return f"text {keyword[:_MAX_KEYWORD_BYTES].decode('latin-1')!r}"
