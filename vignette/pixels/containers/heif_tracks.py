"""Image sequences in HEIF and AVIF: the `moov` box (ISO/IEC 14496-12, section 8; ISO/IEC 23008-12, section 7)."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vignette.errors import BrokenImage
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.boxes import Box, children, first_children, follow, read_box, unpack
from vignette.pixels.containers.heif_extents import Extent
from vignette.pixels.containers.reader import Reader

# Tracks hold pictures, their transparency, or thumbnails.
_MAX_TRACKS: Final = 16

# A sample is a frame. This bounds them where frames have no limit: a film of nine hours.
_MAX_SAMPLES: Final = 1_000_000

_SAMPLES_PER_STEP: Final = 8

_HANDLER: Final = struct.Struct(">8x4s")
_SAMPLE_DESCRIPTIONS: Final = 8
_VISUAL_SIZE: Final = struct.Struct(">24xHH")
_VISUAL_ENTRY_BYTES: Final = 78
_VERSION: Final = struct.Struct(">B3x")
# Width and height, with a fraction that is ignored, at the end of a track header of version 0 or 1.
_PRESENTED: Final = struct.Struct(">H2xH2x")
_PRESENTED_AT: Final = (76, 88)
_SAMPLE_SIZES: Final = struct.Struct(">4xII")
_TABLE_HEADER: Final = struct.Struct(">4xI")
_CHUNK_RUN: Final = struct.Struct(">III")


@dataclass(frozen=True, slots=True)
class Track:
    """A sequence of pictures; `codec` is the type of its sample entry, `av01` or `hvc1`."""

    codec: bytes
    width: int
    height: int
    frames: int
    properties: Sequence[Box]
    offsets: Sequence[int]
    lengths: Sequence[int]

    def samples(self) -> Iterator[Extent]:
        return map(Extent, self.offsets, self.lengths)


def read_track(reader: Reader, bounds: Bounds, moov: Box) -> Track | None:
    """
    Return the first track of pictures in *moov*; None if there is none.

    Raises:
        BrokenImage: The samples of the track do not lie within the file.
        TooManyPixels, TooManyFrames: The track is over a limit.
    """
    track = picture_track(reader, moov)
    return None if track is None else _read(reader, bounds, track)


def picture_track(reader: Reader, moov: Box) -> Box | None:
    """Return the box of the first track of pictures in *moov*; None if there is none."""
    tracks = (box for box in children(reader, moov) if box.kind == b"trak")
    for _, track in zip(range(_MAX_TRACKS), tracks, strict=False):
        if _handler(reader, track) == b"pict":
            return track
    return None


def read_tracks(reader: Reader, bounds: Bounds, moov: Box, codec: bytes) -> Iterator[Track]:
    """
    Yield all tracks of *moov* in *codec*: pictures, their transparency, and whatever a decoder may take for them.

    Raises:
        BrokenImage: There are too many tracks, or one is not whole, or tells two sizes.
        TooManyPixels, TooManyFrames: A track is over a limit.
    """
    tracks = [box for box in children(reader, moov) if box.kind == b"trak"]
    if len(tracks) > _MAX_TRACKS:
        raise BrokenImage(f"the file has {len(tracks):,} tracks")
    for box in tracks:
        description = follow(reader, box, b"mdia", b"minf", b"stbl", b"stsd")
        if description is None:
            continue
        if read_box(reader, description.start + _SAMPLE_DESCRIPTIONS, description.end).kind == codec:
            track = _read(reader, bounds, box)
            _check_presentation(reader, box, track)
            yield track


def _check_presentation(reader: Reader, box: Box, track: Track) -> None:
    """Make sure that the header of the track tells the same size: decoders scale its pictures to that."""
    header = first_children(reader, box).get(b"tkhd")
    if header is None:
        raise BrokenImage(f"{box.what} lacks its header")
    (version,) = unpack(reader, _VERSION, header)
    size = unpack(reader, _PRESENTED, header, _PRESENTED_AT[version == 1])
    if size != (track.width, track.height):
        raise BrokenImage(f"{box.what} is shown as {size[0]:,} × {size[1]:,}, not {track.width:,} × {track.height:,}")


def _handler(reader: Reader, track: Box) -> bytes:
    handler = follow(reader, track, b"mdia", b"hdlr")
    return b"" if handler is None else bytes(unpack(reader, _HANDLER, handler)[0])


def _read(reader: Reader, bounds: Bounds, track: Box) -> Track:
    table = follow(reader, track, b"mdia", b"minf", b"stbl")
    boxes = {} if table is None else first_children(reader, table)
    chunk_offsets = boxes.get(b"stco") or boxes.get(b"co64")
    if chunk_offsets is None or not {b"stsd", b"stsz", b"stsc"} <= boxes.keys():
        raise BrokenImage(f"{track.what} lacks a table of its samples")
    description = boxes[b"stsd"]
    entry = read_box(reader, description.start + _SAMPLE_DESCRIPTIONS, description.end)
    width, height = unpack(reader, _VISUAL_SIZE, entry)
    bounds.check_size(width, height)
    sizes = _sample_sizes(reader, bounds, boxes[b"stsz"])
    reader.spend(len(sizes) // _SAMPLES_PER_STEP)
    offsets = _sample_offsets(reader, sizes, _chunk_offsets(reader, chunk_offsets, len(sizes)), boxes[b"stsc"])
    properties = list(children(reader, entry, _VISUAL_ENTRY_BYTES))
    return Track(entry.kind, width, height, len(sizes), properties, offsets, sizes)


def _sample_sizes(reader: Reader, bounds: Bounds, box: Box) -> Sequence[int]:
    size, count = unpack(reader, _SAMPLE_SIZES, box)
    bounds.check_frames(count)
    if not 0 < count <= _MAX_SAMPLES:
        raise BrokenImage(f"{box.what} is of {count:,} samples")
    if size:
        alike: Sequence[int] = array("I", [size]) * count
        return alike
    return _numbers(reader, box, _SAMPLE_SIZES.size, "I", count)


def _chunk_offsets(reader: Reader, box: Box, most: int) -> Sequence[int]:
    (count,) = unpack(reader, _TABLE_HEADER, box)
    if count > most:
        raise BrokenImage(f"{box.what} is of {count:,} chunks")
    return _numbers(reader, box, _TABLE_HEADER.size, "I" if box.kind == b"stco" else "Q", count)


def _numbers(reader: Reader, box: Box, skip: int, letter: str, count: int) -> Sequence[int]:
    numbers: array[int] = array(letter)
    start, length = box.start + skip, count * numbers.itemsize
    if start + length > box.end:
        raise BrokenImage(f"{box.what} is too short for {count:,} values")
    for piece in reader.chunks(start, length, box.what):
        numbers.frombytes(piece)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _samples_in_chunks(reader: Reader, box: Box, most: int) -> Iterator[int]:
    """Yield how many samples are in the first chunk, the second, and so on; the last run goes on for ever."""
    (count,) = unpack(reader, _TABLE_HEADER, box)
    if count > most:
        raise BrokenImage(f"{box.what} is of {count:,} runs of chunks")
    chunk, samples = 1, 0
    for index in range(count):
        first, following, _ = unpack(reader, _CHUNK_RUN, box, _TABLE_HEADER.size + index * _CHUNK_RUN.size)
        while chunk < first:
            yield samples
            chunk += 1
        samples = following
    while samples:
        yield samples


def _sample_offsets(reader: Reader, sizes: Sequence[int], chunk_offsets: Sequence[int], runs: Box) -> Sequence[int]:
    """Return where each sample is; raise `BrokenImage` if one is not in the file."""
    offsets = array("Q")
    sample = 0
    for offset, samples in zip(chunk_offsets, _samples_in_chunks(reader, runs, len(chunk_offsets)), strict=False):
        following = min(sample + samples, len(sizes))
        reader.require(offset, sum(sizes[sample:following]), f"the frames from {sample:,}")
        for size in sizes[sample:following]:
            offsets.append(offset)
            offset += size
        sample = following
    if sample < len(sizes):
        raise BrokenImage(f"only {sample:,} of {len(sizes):,} frames are in the file")
    return offsets
