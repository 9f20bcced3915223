"""
The part of a TIFF that its first picture needs.

A decoder gives up a picture for a tag that it does not know, or does not expect to be so: of a type of its own, without
a value, a unit that there is not. The door has read the metadata, so a file with any such tag gets another directory,
of the tags that tell of pixels.

libvips knows no samples of 64 bits. It gets their halves, of 32 bits each, and `engines.deep` puts them together. It
knows no tiles of separate planes either, nor planes of grey and alpha. So each plane becomes a page of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from vignette.pixels.containers.reader import Reader
from vignette.pixels.containers.tiff_directory import Directory, Entry, Layout, read_directory
from vignette.pixels.containers.tiff_samples import samples_of
from vignette.pixels.containers.tiff_writing import with_directories, with_directory
from vignette.pixels.pieces import Pieces
from vignette.pixels.samples import Kind, Samples

# TIFF 6.0: size, bits, compression and its options, colours and their order, strips, tiles, palette, what the samples
# are, YCbCr. The tables of a JPEG are in technical note 2, the range of samples in TIFF 6.0, section 19.
_PIXELS: Final = frozenset(
    {
        *(254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 280, 281, 284, 292, 293),
        *(317, 318, 319, 320, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340, 341, 347, 529, 530, 531, 532),
        42113,  # GDAL: the number that stands for no value
    }
)

_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLES_PER_PIXEL, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = (
    258,
    262,
    277,
    284,
    338,
    339,
)
_DOUBLE: Final = 64
_BLACK_IS_ZERO, _TOGETHER, _UNSIGNED = 1, 1, 1
_SUBFILE_TYPE, _PAGE = 254, 2
_FORMATS: Final = {Kind.UNSIGNED: 1, Kind.SIGNED: 2, Kind.FLOAT: 3}
# Where strips and tiles are, and how long.
_TABLES: Final = (273, 279, 324, 325)

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 2, 3, 4, 5, 7
# Metadata that most files have: of these types, with these counts (None: any above 0), they trouble no decoder.
_HARMLESS: Final = {
    **dict.fromkeys((269, 270, 271, 272, 285, 305, 306, 315, 316, 33432), (frozenset({_ASCII}), None)),
    **dict.fromkeys((282, 283, 286, 287), (frozenset({_RATIONAL}), 1)),
    297: (frozenset({_SHORT}), 2),
    **dict.fromkeys((700, 34675), (frozenset({_BYTE, _UNDEFINED}), None)),
    **dict.fromkeys((34665, 34853), (frozenset({_LONG}), 1)),
}
_RESOLUTION_UNIT: Final = 296
_UNITS: Final = range(1, 4)


def picture(reader: Reader) -> Pieces:
    """
    Return a TIFF that has passed the door: as it is, or with a directory without its metadata.

    Raises:
        BrokenImage: *reader* holds no such TIFF.
    """
    layout = Layout.of(reader)
    directory = read_directory(reader, layout, layout.first_directory)
    samples = samples_of(reader, layout, directory, "the picture")
    if samples.are_apart:
        return with_directories(reader, layout, _planes(reader, layout, directory, samples))
    numbers = _halved(reader, layout, directory)
    if not numbers and all(_is_harmless(entry, layout, reader.size) for entry in directory.entries.values()):
        whole = Pieces()
        whole.copy(0, reader.size)
        return whole
    entries = (e for e in directory.entries.values() if e.tag in _PIXELS and not (numbers and e.tag == _EXTRA_SAMPLES))
    return with_directory(reader, layout, entries, numbers)


def _planes(
    reader: Reader, layout: Layout, directory: Directory, samples: Samples
) -> Iterator[tuple[Iterable[Entry], Mapping[int, Sequence[int]]]]:
    """Yield a grey page for each plane."""
    count = samples.colours.samples + samples.extra
    kept = [entry for entry in directory.entries.values() if entry.tag in _PIXELS and entry.tag != _EXTRA_SAMPLES]
    tables = [(entry.tag, list(entry.numbers(reader, layout, entry.count))) for entry in kept if entry.tag in _TABLES]
    for plane in range(count):
        numbers = {
            tag: values[plane * len(values) // count : (plane + 1) * len(values) // count] for tag, values in tables
        }
        yield (
            kept,
            numbers
            | {
                _SUBFILE_TYPE: [_PAGE],
                _BITS_PER_SAMPLE: [samples.bits],
                _PHOTOMETRIC: [0 if samples.white_is_zero and not plane else _BLACK_IS_ZERO],
                _SAMPLES_PER_PIXEL: [1],
                _PLANAR: [_TOGETHER],
                _SAMPLE_FORMAT: [_FORMATS[samples.kind]],
            },
        )


def _halved(reader: Reader, layout: Layout, directory: Directory) -> dict[int, list[int]]:
    """Return the tags that tell samples of 64 bits as twice as many grey ones of 32; none for other samples."""
    depths = directory.entries.get(_BITS_PER_SAMPLE)
    if depths is None or depths.first(reader, layout) != _DOUBLE:
        return {}
    told = directory.entries.get(_SAMPLES_PER_PIXEL)
    count = 2 * (1 if told is None else told.first(reader, layout) or 1)
    return {
        _BITS_PER_SAMPLE: [_DOUBLE // 2] * count,
        _PHOTOMETRIC: [_BLACK_IS_ZERO],
        _SAMPLES_PER_PIXEL: [count],
        _PLANAR: [_TOGETHER],
        _SAMPLE_FORMAT: [_UNSIGNED] * count,
    }


def _is_harmless(entry: Entry, layout: Layout, file_bytes: int) -> bool:
    if entry.tag in _PIXELS:
        return True
    if (entry.place(layout) or 0) + entry.length > file_bytes:
        return False
    if entry.tag == _RESOLUTION_UNIT:
        (unit,) = struct.unpack_from(f"{layout.order}H", entry.inline)
        return (entry.kind, entry.count) == (_SHORT, 1) and unit in _UNITS
    kinds, count = _HARMLESS.get(entry.tag, (frozenset(), None))
    return entry.kind in kinds and (entry.count > 0 if count is None else entry.count == count)
