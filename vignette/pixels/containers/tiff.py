"""
TIFF: revision 6.0 (Adobe, 1992) with its technical notes, and BigTIFF, which is the same with offsets of 64 bits.

Only pictures are taken: a camera raw file is a TIFF too, but a TIFF reader finds only a preview in it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Final

from vignette.errors import BrokenImage, UnsupportedFormat
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import icc, photoshop, tiff_coded, tiff_metadata
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.exif import as_orientation
from vignette.pixels.containers.reader import Reader, TooMuchWork
from vignette.pixels.containers.tiff_directory import Directory, Entry, Layout, read_directory
from vignette.pixels.containers.tiff_samples import samples_of
from vignette.pixels.containers.tiff_writing import with_directory
from vignette.pixels.pieces import Pieces
from vignette.pixels.samples import Alpha
from vignette.pixels.samples import check as check_samples

# A scanned book has a thousand pages. The steps that all readers of a file have allow some 12,000, of ten tags each.
_MAX_DIRECTORIES: Final = 20_000
_STEPS_PER_PAGE: Final = 12

# 30 pages of 60,000 rows, with one row in each strip: far over real files, and a quarter of a second's work.
_MAX_STRIPS: Final = 2_000_000
_STRIPS_PER_STEP: Final = 16

# Writers that leave out how long the strips are write one or a few.
_MAX_RECKONED_STRIPS: Final = 10_000

_SUBFILE_TYPE: Final = 254
_WIDTH, _HEIGHT, _BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _HIGHEST_FIRST = 266, 1
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES_PER_PIXEL = 273, 274, 277
_ROWS_PER_STRIP, _STRIP_BYTES, _PLANAR = 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_SUB_DIRECTORIES: Final = 330
_XMP, _IPTC, _PHOTOSHOP, _ICC = 700, 33723, 34377, 34675
_DNG_VERSION: Final = 50706
_PREDICTOR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 317, 338, 339
# These tags decide how many pixels there are, and where. Readers differ in which of two entries they take, and in what
# they do if values are missing or too many. So there must be one entry of each, and a whole one: else the size that we
# check is not the size that is decoded.
_SINGLE: Final = (
    *(_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _SAMPLES_PER_PIXEL),
    *(_ROWS_PER_STRIP, _PLANAR, _TILE_WIDTH, _TILE_HEIGHT),
)
_TABLES: Final = (_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES)
_LAYOUT: Final = (*_SINGLE, *_TABLES, _BITS_PER_SAMPLE, _PREDICTOR, _EXTRA_SAMPLES, _SAMPLE_FORMAT)
# The tags that a decoder needs: besides, the palette, the tables of a JPEG, the subsampling and reference of YCbCr.
_STRUCTURE: Final = (*_LAYOUT, 320, 347, 530, 532)

# Bits of the subfile type: a smaller copy of another page, and a mask of one.
_REDUCED, _MASK = 1, 4
_SEPARATE_PLANES: Final = 2
_UNCOMPRESSED: Final = 1
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _OF_PALETTE, _YCBCR = 0, 1, 2, 3, 6
_NAMES: Final = {
    _WHITE_IS_ZERO: "grey of which 0 is white",
    _BLACK_IS_ZERO: "grey",
    _RGB: "RGB",
    _OF_PALETTE: "indices of its palette",
    _YCBCR: "YCbCr",
}
_FAX: Final = (2, 3, 4)
_JPEG: Final = 7
_PALETTE: Final = 320
# Types of numbers; LONG8 is of BigTIFF.
_LONG, _LONG8 = 4, 16

# None, CCITT (three ways), LZW, JPEG, Deflate (two numbers), PackBits, Zstandard, WebP. Not among them are the JPEG of
# 1992 (6), which was never well defined and is a source of holes in decoders; LZMA (34925), for which the file chooses
# how much memory it takes; and compressions that only one program or camera writes.
_COMPRESSIONS: Final = (1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50000, 50001)
_OTHER_COMPRESSIONS: Final = {
    6: "the JPEG of 1992",
    32809: "ThunderScan",
    32909: "PixarLog",
    34661: "JBIG",
    34676: "LogLuv",
    34677: "LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    52546: "JPEG XL",
}
# Grey (two ways), RGB, palette, CMYK, YCbCr, CIE L*a*b*. Not the sensor data of cameras (32803, 34892).
_PHOTOMETRICS: Final = (0, 1, 2, 3, 5, 6, 8)
# The colour models of the profiles that are applied to them.
_MODELS: Final = {
    **dict.fromkeys((0, 1), (icc.GREY, icc.RGB)),
    **dict.fromkeys((2, 3, 6), (icc.RGB,)),
    5: (icc.CMYK,),
    8: (icc.LAB,),
}
_MAX_SAMPLES_PER_PIXEL: Final = 16
_MAX_BITS_PER_SAMPLE: Final = 64


class _TooMany(BrokenImage):
    """The TIFF has more of something than any real one: no fault to be mended."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A picture in the file; a strip here is a strip or a tile."""

    directory: Directory
    what: str
    width: int
    height: int
    samples: int
    bits_per_pixel: int
    compression: int
    photometric: int
    has_separate_planes: bool

    @property
    def is_raw(self) -> bool:
        """Whether its pixels lie in the file as they are; YCbCr leaves some of the colour out."""
        return self.compression == _UNCOMPRESSED and self.photometric != _YCBCR

    def row_bytes(self, width: int) -> int:
        """Return how many bytes a row of *width* uncompressed pixels takes in one strip."""
        bits = self.bits_per_pixel // self.samples if self.has_separate_planes else self.bits_per_pixel
        return math.ceil(width * bits / 8)


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    return _Walk(reader, bounds).run()


class _Walk:
    """A walk along the chain of directories, each of which is a page."""

    def __init__(self, reader: Reader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        self._layout = Layout.of(reader)
        self._strips_left = _MAX_STRIPS
        self._mended_numbers: dict[int, list[int]] = {}
        self._is_mended = False
        self._coded: list[tiff_coded.Strip] = []

    def run(self) -> Anatomy:
        directories = self._directories()
        first = self._completed(next(directories))
        self._refuse_camera_raw(first)
        page = self._check_page(first)
        numbers = dict(self._mended_numbers)
        samples = samples_of(self._reader, self._layout, first, page.what)
        check_samples(samples, page.what)
        self._check_pixels(page)
        frames = self._count_pages(directories)
        self._take_metadata(first)
        profile = self._collector.sound_profile(*_MODELS[page.photometric])
        return Anatomy(
            format=formats.TIFF,
            width=page.width,
            height=page.height,
            orientation=self._orientation(first),
            frames=frames,
            has_alpha=samples.alpha is not Alpha.NONE,
            bits_per_pixel=page.bits_per_pixel,
            samples=samples,
            profile=profile,
            colour=profile,
            blocks=self._collector.blocks(),
            mended=self._mended(first, numbers),
        )

    def _check_pixels(self, page: _Page) -> None:
        """Look at the coded data of *page*, the one that was checked last."""
        is_reversed = self._number(page.directory, _FILL_ORDER, _HIGHEST_FIRST) != _HIGHEST_FIRST
        # YCbCr leaves some of the colour out, so its strips hold fewer bytes.
        if self._bounds.checksums and page.photometric != _YCBCR and not is_reversed:
            tiff_coded.check(self._reader, page.compression, self._coded, page.what)

    def _count_pages(self, directories: Iterator[Directory]) -> int:
        """Check the pages behind the first, up to one that is damaged; return how many pages are sound."""
        frames = 1
        try:
            for directory in directories:
                # Smaller copies and masks belong to the page before, and so does a thumbnail without a size of its own.
                if not self._subfile_type(directory) & (_REDUCED | _MASK) and _WIDTH in directory.entries:
                    self._bounds.check_frames(frames + 1)
                    self._check_page(directory)
                    frames += 1
        except (_TooMany, TooMuchWork):
            raise
        except (BrokenImage, UnsupportedFormat) as fault:
            self._is_mended = True
            self._collector.warn(f"only the pages before a damaged one are counted: {fault}")
        return frames

    def _mended(self, first: Directory, numbers: Mapping[int, Sequence[int]]) -> Pieces | None:
        """Return the file with *numbers* in place of what its first directory says, by tag; None if there are none."""
        if not numbers and not self._is_mended:
            return None
        return with_directory(self._reader, self._layout, first.entries.values(), numbers)

    def _directories(self) -> Iterator[Directory]:
        offset = self._layout.first_directory
        seen: set[int] = set()
        while offset or not seen:
            if offset in seen:
                raise BrokenImage(f"the directories of the TIFF run in a circle, to byte {offset:,}")
            if len(seen) == _MAX_DIRECTORIES:
                raise _TooMany(f"the TIFF has more than {_MAX_DIRECTORIES:,} directories")
            seen.add(offset)
            directory = read_directory(self._reader, self._layout, offset)
            yield directory
            offset = directory.next_offset

    def _refuse_camera_raw(self, directory: Directory) -> None:
        is_preview = _SUB_DIRECTORIES in directory.entries and self._subfile_type(directory) & _REDUCED
        if _DNG_VERSION in directory.entries or is_preview:
            raise UnsupportedFormat("the TIFF is a camera raw file, of which only a preview could be shown")

    def _completed(self, directory: Directory) -> Directory:
        """Return *directory* with the tags that writers forget, and that the others tell."""
        entries, there = dict(directory.entries), directory.entries
        depths = there.get(_BITS_PER_SAMPLE)
        if _SAMPLES_PER_PIXEL not in there and depths is not None and 1 < depths.count <= _MAX_SAMPLES_PER_PIXEL:
            entries[_SAMPLES_PER_PIXEL] = self._added(_SAMPLES_PER_PIXEL, depths.count)
            self._collector.warn(f"the TIFF tells the depths of {depths.count} samples, and not that there are so many")
        if _PHOTOMETRIC not in there:
            samples = entries.get(_SAMPLES_PER_PIXEL)
            is_coloured = samples is not None and (samples.first(self._reader, self._layout) or 1) >= len("RGB")
            photometric = self._likely_photometric(directory, is_coloured=is_coloured)
            entries[_PHOTOMETRIC] = self._added(_PHOTOMETRIC, photometric)
            self._collector.warn(f"the TIFF does not say what its samples mean; taken for {_NAMES[photometric]}")
        return replace(directory, entries=entries)

    def _likely_photometric(self, directory: Directory, *, is_coloured: bool) -> int:
        """Return what most files of such samples and such a compression mean, as libtiff takes them."""
        compression = self._number(directory, _COMPRESSION, _UNCOMPRESSED)
        if is_coloured:
            return _YCBCR if compression == _JPEG else _RGB
        if compression in _FAX:
            return _WHITE_IS_ZERO
        return _OF_PALETTE if _PALETTE in directory.entries else _BLACK_IS_ZERO

    def _added(self, tag: int, number: int) -> Entry:
        self._mended_numbers[tag] = [number]
        return Entry(tag, _LONG8 if self._layout.is_big else _LONG, 1, self._layout.link.pack(number))

    def _subfile_type(self, directory: Directory) -> int:
        return self._number(directory, _SUBFILE_TYPE, 0)

    def _check_page(self, directory: Directory) -> _Page:
        self._reader.spend(_STEPS_PER_PAGE)
        self._check_layout(directory)
        page = self._page(directory)
        if page.compression not in _COMPRESSIONS:
            name = _OTHER_COMPRESSIONS.get(page.compression, "which has no name that is known here")
            raise UnsupportedFormat(
                f"{page.what} is in compression {page.compression} ({name}), which is not supported"
            )
        if page.photometric not in _PHOTOMETRICS:
            raise UnsupportedFormat(f"{page.what} has the photometric interpretation {page.photometric}, not supported")
        if page.samples > _MAX_SAMPLES_PER_PIXEL or page.bits_per_pixel > page.samples * _MAX_BITS_PER_SAMPLE:
            raise UnsupportedFormat(f"{page.what} has {page.samples} samples and {page.bits_per_pixel} bits per pixel")
        self._check_structure(page)
        if _TILE_WIDTH in directory.entries:
            self._check_tiles(page)
        else:
            self._check_strips(page)
        return page

    def _check_layout(self, directory: Directory) -> None:
        """Refuse what readers understand in different ways."""
        what = f"the directory at byte {directory.offset:,}"
        for tag in _LAYOUT:
            if tag in directory.repeated:
                self._is_mended = True  # without the second one
                self._collector.warn(f"{what} has the tag {tag} twice; the first one counts")
        for tag in _SINGLE:
            entry = directory.entries.get(tag)
            if entry is not None and entry.count != 1:
                self._check_alike(entry, what)
        if _STRIP_OFFSETS in directory.entries and {_TILE_WIDTH, _TILE_OFFSETS} & directory.entries.keys():
            raise BrokenImage(f"{what} has its pixels in strips and in tiles")

    def _check_alike(self, entry: Entry, what: str) -> None:
        """Take one value for several that are alike: early writers gave one for each sample."""
        values = set(entry.numbers(self._reader, self._layout, _MAX_SAMPLES_PER_PIXEL))
        if entry.count > _MAX_SAMPLES_PER_PIXEL or len(values) != 1:
            raise BrokenImage(f"{what} has {entry.count:,} values of the tag {entry.tag}, instead of one")
        self._mended_numbers[entry.tag] = list(values)
        self._collector.warn(f"{what} has {entry.count} values of the tag {entry.tag}, which are alike")

    def _page(self, directory: Directory) -> _Page:
        what = f"the page of the directory at byte {directory.offset:,}"
        width, height = self._number(directory, _WIDTH), self._number(directory, _HEIGHT)
        self._bounds.check_size(width, height)
        samples = self._number(directory, _SAMPLES_PER_PIXEL, 1)
        bits = self._number(directory, _BITS_PER_SAMPLE, 1)  # the first; all are alike in what decoders take
        if not samples or not bits:
            raise BrokenImage(f"{what} has {samples} samples per pixel of {bits} bits")
        return _Page(
            directory=directory,
            what=what,
            width=width,
            height=height,
            samples=samples,
            bits_per_pixel=samples * bits,
            compression=self._number(directory, _COMPRESSION, _UNCOMPRESSED),
            photometric=self._number(directory, _PHOTOMETRIC, 0),
            has_separate_planes=self._number(directory, _PLANAR, 1) == _SEPARATE_PLANES,
        )

    def _check_structure(self, page: _Page) -> None:
        for tag in _STRUCTURE:
            entry = page.directory.entries.get(tag)
            offset = None if entry is None else entry.place(self._layout)
            if entry is not None and offset is not None:
                self._reader.require(offset, entry.length, f"tag {tag} of {page.what}")

    def _check_tiles(self, page: _Page) -> None:
        across, down = self._number(page.directory, _TILE_WIDTH), self._number(page.directory, _TILE_HEIGHT)
        self._bounds.check_size(across, down)
        count = math.ceil(page.width / across) * math.ceil(page.height / down)
        tile_bytes = page.row_bytes(across) * down
        self._check_data(page, _TILE_OFFSETS, _TILE_BYTES, count, tile_bytes, tile_bytes)

    def _check_strips(self, page: _Page) -> None:
        rows = min(self._number(page.directory, _ROWS_PER_STRIP, page.height), page.height)
        if not rows:
            raise BrokenImage(f"{page.what} has 0 rows per strip")
        count = math.ceil(page.height / rows)
        rows_in_last = page.height - rows * (count - 1)
        row_bytes = page.row_bytes(page.width)
        self._check_data(page, _STRIP_OFFSETS, _STRIP_BYTES, count, row_bytes * rows, row_bytes * rows_in_last)

    def _check_data(
        self, page: _Page, offsets_tag: int, lengths_tag: int, count: int, full_bytes: int, last_bytes: int
    ) -> None:
        """
        Make sure that the *count* strips of each plane lie within the file.

        An uncompressed strip takes *full_bytes*, and the last one of a plane *last_bytes*, whatever the file says. Only
        the file knows how long a compressed strip is.
        """
        planes = page.samples if page.has_separate_planes else 1
        total = count * planes
        self._reader.spend(total // _STRIPS_PER_STEP)
        self._strips_left -= total
        if self._strips_left < 0:
            raise _TooMany(f"the TIFF has more than {_MAX_STRIPS:,} strips or tiles")
        offsets = self._table(page, offsets_tag, total)
        needed = chain.from_iterable(chain(repeat(full_bytes, count - 1), [last_bytes]) for _ in range(planes))
        if page.is_raw:
            told = page.directory.entries[offsets_tag].count
            if total < told and total <= _MAX_RECKONED_STRIPS:  # Pillow would decode all that are told
                self._mended_numbers[offsets_tag] = list(self._table(page, offsets_tag, total))
                self._collector.warn(
                    f"{page.what} has {told:,} values of tag {offsets_tag} for {total:,} strips or tiles"
                )
            elif told > total:
                raise BrokenImage(
                    f"{page.what} has {total:,} strips or tiles, but {told:,} values of tag {offsets_tag}"
                )
            lengths: Iterable[int] = needed
        else:
            lengths = self._lengths(page, offsets_tag, lengths_tag, total)
        self._coded = []
        is_checked = page.compression in tiff_coded.CHECKED and total <= tiff_coded.MOST_STRIPS
        for offset, length in zip(offsets, lengths, strict=True):
            if not offset or not length:
                raise BrokenImage(f"{page.what} lacks a part: {length:,} bytes at byte {offset:,}")
            self._reader.require(offset, length, page.what)
            if is_checked:
                self._coded.append(tiff_coded.Strip(offset, length, next(needed)))

    def _lengths(self, page: _Page, offsets_tag: int, lengths_tag: int, count: int) -> Iterable[int]:
        """Return how long the strips are; where the file does not say, they end where the next one begins."""
        entry = page.directory.entries.get(lengths_tag)
        if count > _MAX_RECKONED_STRIPS or (entry is not None and entry.count < count):
            return self._table(page, lengths_tag, count)
        told = [0] * count if entry is None else list(self._table(page, lengths_tag, count))
        if all(told):
            return told
        self._reader.spend(count)  # to sort them takes a step each
        offsets = list(self._table(page, offsets_tag, count))
        places = sorted({*offsets, self._reader.size})
        reckoned = [
            length or (places[bisect_right(places, offset)] - offset if 0 < offset < self._reader.size else 0)
            for offset, length in zip(offsets, told, strict=True)
        ]
        self._mended_numbers[lengths_tag] = reckoned
        self._collector.warn(f"{page.what} does not say how long its strips or tiles are")
        return reckoned

    def _table(self, page: _Page, tag: int, count: int) -> Iterator[int]:
        entry = page.directory.entries.get(tag)
        if entry is None or entry.count < count:
            raise BrokenImage(f"{page.what} has {count:,} strips or tiles, but not as many values of tag {tag}")
        return entry.numbers(self._reader, self._layout, count)

    def _number(self, directory: Directory, tag: int, default: int | None = None) -> int:
        """Return the first number of *tag*, or *default*; raise `BrokenImage` if there is neither."""
        entry = directory.entries.get(tag)
        number = None if entry is None else entry.first(self._reader, self._layout)
        found = default if number is None else number
        if found is None:
            raise BrokenImage(f"the directory at byte {directory.offset:,} lacks the tag {tag}")
        return found

    def _orientation(self, directory: Directory) -> int:
        entry = directory.entries.get(_ORIENTATION)
        return 1 if entry is None else as_orientation(self._layout.order, entry.kind, entry.inline)

    def _take_metadata(self, directory: Directory) -> None:
        self._collector.set_exif(tiff_metadata.copy_metadata(self._reader, self._layout, self._collector))
        if xmp := self._block(directory, _XMP, "XMP packet"):
            self._collector.add_xmp(xmp)
        if iptc := self._block(directory, _IPTC, "IPTC block"):
            self._collector.set_iptc(iptc)
        if icc := self._block(directory, _ICC, "ICC profile"):
            self._collector.set_icc(icc)
        # This comes last: it may be long, and if something is over the limit of metadata, it must not be the profile.
        if resources := self._block(directory, _PHOTOSHOP, "Photoshop block"):
            photoshop.take(resources, self._collector, with_iptc=not iptc)

    def _block(self, directory: Directory, tag: int, what: str) -> bytes | None:
        entry = directory.entries.get(tag)
        if entry is None:
            return None
        offset = entry.place(self._layout)
        return None if offset is None else self._collector.read(self._reader, offset, entry.length, what)
