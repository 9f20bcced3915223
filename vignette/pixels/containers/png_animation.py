"""Whether a PNG holds a sound animation (W3C Portable Network Graphics, Third Edition, 4.9 and 11.3.6)."""

from __future__ import annotations

import struct
from typing import Final

from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.coded_frames import CANVAS_BYTES
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.png_chunks import Chunk, has_right_crc
from vignette.pixels.containers.reader import Reader

# The number of frames, and how often they are played.
ACTL: Final = struct.Struct(">II")
# Sequence number, width, height, left, top, numerator and denominator of the delay, disposal, blending.
FCTL: Final = struct.Struct(">IIIIIHHBB")
SEQUENCE: Final = struct.Struct(">I")

DISPOSALS: Final = 3
BLENDINGS: Final = 2


class Animation:
    """
    What is found of the animation in a PNG of *size*, (width, height) in pixels, chunk by chunk.

    A fault in it is no fault of the still picture: the animation is ignored then, as a whole, with a warning.
    """

    def __init__(self, reader: Reader, bounds: Bounds, collector: Collector, size: tuple[int, int]) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = collector
        self._size = size
        self._announced: int | None = None
        self._frames = 0
        self._canvas_bytes = 0
        self._sequence = 0
        self._lacks_data = False
        self._has_still = False
        self._fault: str | None = None

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk of the file; raise `TooManyFrames` if it is one frame too many."""
        if chunk.kind == b"acTL":
            self._announce(chunk)
        elif chunk.kind == b"IDAT":
            self._has_still = True
            self._lacks_data = False
        elif self._announced is not None and self._fault is None:
            self._fault = self._take_frame(chunk) if chunk.kind == b"fcTL" else self._take_data(chunk)

    @property
    def held_bytes(self) -> int:
        """How many bytes the canvas takes for the still vignette; none if the first frame covers it."""
        return self._canvas_bytes

    def count(self) -> int | None:
        """Return how many frames the animation has, once all chunks were taken; None if there is no sound one."""
        if self._announced is None:
            return None
        fault = self._fault
        if fault is None and not 0 < self._announced <= self._frames:
            fault = f"{self._frames:,} of {self._announced:,} frames are there"
        if fault is None and self._lacks_data:
            fault = "its last frame has no data"
        if fault is not None:
            self._collector.warn(f"the animation is ignored: {fault}")
            return None
        if self._frames > self._announced:
            self._collector.warn(
                f"the animation has {self._frames:,} frames, of which it announces {self._announced:,}: the others are"
                " ignored"
            )
        return self._announced

    def _announce(self, chunk: Chunk) -> None:
        if self._has_still or self._announced is not None or chunk.length != ACTL.size:
            self._collector.warn(f"{chunk.what} is out of place or damaged, and ignored")
            return
        frames, _ = self._reader.unpack(ACTL, chunk.start, chunk.what)
        self._bounds.check_frames(frames)
        self._announced = frames

    def _take_frame(self, chunk: Chunk) -> str | None:
        """Take an `fcTL`; return its fault."""
        if chunk.length != FCTL.size:
            return f"{chunk.what} is {chunk.length} bytes long"
        fields = self._reader.unpack(FCTL, chunk.start, chunk.what)
        sequence, width, height, left, top, _, _, disposal, blending = fields
        if not width or not height or left + width > self._size[0] or top + height > self._size[1]:
            return f"{chunk.what} is a frame that does not lie within the picture"
        if not self._has_still and (width, height) != self._size:
            return f"{chunk.what} is of the still picture, but of another size"
        if disposal >= DISPOSALS or blending >= BLENDINGS:
            return f"{chunk.what} asks for what is unknown"
        if self._lacks_data:
            return f"the frame before {chunk.what} has no data"
        if not self._frames and (width, height) != self._size:
            self._canvas_bytes = CANVAS_BYTES * self._size[0] * self._size[1]
        self._frames += 1
        self._bounds.check_frames(self._frames)
        self._lacks_data = True
        return self._check(chunk, sequence)

    def _take_data(self, chunk: Chunk) -> str | None:
        """Take an `fdAT`; return its fault."""
        if chunk.length <= SEQUENCE.size or not self._frames or not self._has_still:
            return f"{chunk.what} is out of place or empty"
        self._lacks_data = False
        return self._check(chunk, *self._reader.unpack(SEQUENCE, chunk.start, chunk.what))

    def _check(self, chunk: Chunk, sequence: int) -> str | None:
        if sequence != self._sequence:
            return f"{chunk.what} has the number {sequence:,}, not {self._sequence:,}"
        self._sequence += 1
        if self._bounds.checksums and not has_right_crc(self._reader, chunk):
            return f"{chunk.what} is damaged: its checksum is wrong"
        return None
