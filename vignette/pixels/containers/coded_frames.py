"""`CodedFrame`: a frame of an animation as it lies in the file, before anything is decoded or laid over anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from vignette.pixels.pieces import Pieces

# To make the still of a first frame that leaves a part of its canvas free takes this much for each pixel of the canvas
# (measured): the canvas with its alpha, and a copy with weighed colours, to be shrunk.
CANVAS_BYTES: Final = 9


class Disposal(Enum):
    """What becomes of a frame's place on the canvas after the frame was shown."""

    KEEP = "keep"
    CLEAR = "clear"
    """It becomes transparent."""
    RESTORE = "restore"
    """It becomes what it was before the frame."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """
    A frame of `width` × `height` pixels, whose upper left corner is at (`left`, `top`) of the canvas.

    `still` makes a file that holds this frame alone, as a still picture of the same format. A frame that `blends` is
    laid over what is on the canvas; any other replaces it.
    """

    still: Pieces
    left: int
    top: int
    width: int
    height: int
    milliseconds: float
    disposal: Disposal
    blends: bool

    def covers(self, width: int, height: int) -> bool:
        """Whether the frame covers a whole canvas of *width* × *height* pixels."""
        return self.left <= 0 and self.top <= 0 and self.left + self.width >= width and self.top + self.height >= height
