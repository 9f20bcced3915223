"""
Decodes a large HEIF picture tile by tile, and shrinks each tile at once.

libheif puts a picture of tiles together itself, but keeps the decoder of each tile until the end: that takes almost
four times the memory of the picture's planes, 570 MB for the 50 megapixels of a camera. Here each tile has an opened
file of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from vignette.pixels.engines.libheif_planes import Picture, Plane, Planes, Tiling, opened
from vignette.pixels.engines.ycbcr import image_of

# Up to so many bytes of planes, libheif may put them together: that takes some 300 MB.
_MOST_BYTES_TOGETHER: Final = 80_000_000
# Three samples of two bytes.
_MOST_PIXEL_BYTES: Final = 6

# What is left of each tile is at least this many times the target size.
_SCALE_FACTOR: Final = 2
_MOST_SHRUNK: Final = 16


@dataclass(frozen=True, slots=True)
class _Canvas:
    """One plane of the whole picture, shrunk; `content` has room for whole tiles of *width* × *height* samples."""

    tile: Plane
    width: int
    height: int
    content: bytearray
    row_bytes: int

    def paste(self, content: memoryview, column: int, row: int) -> None:
        """Lay the rows of a shrunk tile at its place."""
        length = self.width * self.tile.sample_bytes
        at = row * self.height * self.row_bytes + column * length
        for line in range(self.height):
            start = at + line * self.row_bytes
            self.content[start : start + length] = content[line * length : (line + 1) * length]


def are_better(picture: Picture, tiling: Tiling) -> bool:
    """Whether *picture*, which is made of *tiling*, takes too much memory for libheif to put it together."""
    tiles = tiling.columns * tiling.rows
    if tiles == 1 or tiling.width * tiling.height * _MOST_PIXEL_BYTES <= _MOST_BYTES_TOGETHER:
        return False
    with picture.decoded_tile(0, 0) as first:
        return (
            tiles * sum(plane.width * plane.height * plane.sample_bytes for plane in first.planes)
            > _MOST_BYTES_TOGETHER
        )


def decoded(heif: Any, content: bytes, tiling: Tiling, size: tuple[int, int]) -> Planes:
    """
    Return the planes of the picture in the file *content*, before it is turned, at a fraction of its size. That is at
    least twice *size*: (width, height) in pixels, if the picture is.

    Raises:
        OSError: A tile is damaged, or unlike the first one.
    """
    first: Planes | None = None
    canvases: list[_Canvas] = []
    shrink = 1
    for row in range(tiling.rows):
        for column in range(tiling.columns):
            with opened(heif, content) as picture, picture.decoded_tile(column, row) as tile:
                if first is None:
                    first = without_content(tile)
                    shrink = _shrink(tiling, first, size)
                    canvases = [_canvas(plane, tiling, shrink) for plane in first.planes]
                if without_content(tile) != first:
                    raise OSError(f"the tile in column {column} of row {row} is unlike the first one")
                for canvas, plane in zip(canvases, tile.planes, strict=True):
                    canvas.paste(_shrunk(plane, shrink), column, row)
    assert first is not None  # a tiling has a tile
    planes = [_plane(canvas, tiling, shrink) for canvas in canvases]
    return replace(first, planes=planes)


def without_content(planes: Planes) -> Planes:
    return replace(planes, planes=[replace(plane, content=None, row_bytes=0) for plane in planes.planes])


def _shrink(tiling: Tiling, first: Planes, size: tuple[int, int]) -> int:
    """Return the power of 2 by which tiles may be shrunk: samples of two tiles are never averaged."""
    most = min(tiling.width / size[0], tiling.height / size[1]) / _SCALE_FACTOR
    edges = [edge for plane in first.planes for edge in (plane.width, plane.height)]
    shrink = 1
    while 2 * shrink <= min(most, _MOST_SHRUNK) and not any(edge % (2 * shrink) for edge in edges):
        shrink *= 2
    return shrink


def _canvas(tile: Plane, tiling: Tiling, shrink: int) -> _Canvas:
    width, height = tile.width // shrink, tile.height // shrink
    row_bytes = tiling.columns * width * tile.sample_bytes
    return _Canvas(tile, width, height, bytearray(row_bytes * tiling.rows * height), row_bytes)


def _shrunk(plane: Plane, shrink: int) -> memoryview:
    image = image_of(plane)
    return memoryview((image.shrink(shrink, shrink) if shrink > 1 else image).write_to_memory())


def _plane(canvas: _Canvas, tiling: Tiling, shrink: int) -> Plane:
    """Return what lies within the picture."""
    width = math.ceil(tiling.width * canvas.tile.width / tiling.tile_width) // shrink
    height = math.ceil(tiling.height * canvas.tile.height / tiling.tile_height) // shrink
    return Plane(memoryview(canvas.content), max(width, 1), max(height, 1), canvas.row_bytes, canvas.tile.bits)
