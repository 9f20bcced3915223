"""How often a sequence of pictures is played: the edit list of its track (ISO/IEC 23008-12, 7.4; 14496-12, 8.6.6)."""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.boxes import Box, children, first_children, follow, unpack
from vignette.pixels.containers.heif_tracks import picture_track
from vignette.pixels.containers.reader import Reader

_FOR_EVER: Final = 0

_VERSION_AND_FLAGS: Final = struct.Struct(">I")
_REPEATS: Final = 1
# Version, flags, the number of edits, and the duration of the first; by version.
_EDIT: Final = (struct.Struct(">4xII"), struct.Struct(">4xIQ"))
# In the header of a track: its duration, behind two times, its number and a reserved field; by version.
_DURATION: Final = (struct.Struct(">4x16xI"), struct.Struct(">4x24xQ"))
_INDEFINITE: Final = (2**32 - 1, 2**64 - 1)


def plays(reader: Reader) -> int:
    """
    Return how many times the sequence of a file that has passed the door is played; 0 stands for ever.

    An edit list that repeats is played until the duration of the track is over. A track without an edit list is played
    for ever, as in browsers.

    Raises:
        BrokenImage: A box cannot be read.
    """
    moov = next((box for box in children(reader, Box(b"file", 0, reader.size)) if box.kind == b"moov"), None)
    track = None if moov is None else picture_track(reader, moov)
    edits = None if track is None else follow(reader, track, b"edts", b"elst")
    if track is None or edits is None:
        return _FOR_EVER
    head = unpack(reader, _VERSION_AND_FLAGS, edits)[0]
    if not head & _REPEATS:
        return 1
    count, lasts = unpack(reader, _EDIT[head >> 24 == 1], edits)
    header = first_children(reader, track).get(b"tkhd")
    if header is None or count != 1 or not lasts:
        return _FOR_EVER
    is_long = unpack(reader, _VERSION_AND_FLAGS, header)[0] >> 24 == 1
    (whole,) = unpack(reader, _DURATION[is_long], header)
    return _FOR_EVER if whole == _INDEFINITE[is_long] else max(1, -(-whole // lasts))
