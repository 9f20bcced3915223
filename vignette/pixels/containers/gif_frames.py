"""
The frames of a GIF, each as a GIF of its own (89a, sections 20 to 23 and 26).

Where the standard is silent or browsers differ from it, we do as Chromium does: a colour that the palette lacks is
black, disposal 4 is disposal 3, and the last loop count of the file holds, wherever it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vignette.pixels.containers.coded_frames import CodedFrame, Disposal
from vignette.pixels.containers.gif_blocks import (
    APPLICATION,
    CONTROL_BYTES,
    EXTENSION,
    FRAME,
    GRAPHIC_CONTROL,
    IMAGE,
    LOOPS,
    PADDING,
    SCREEN,
    SCREEN_AT,
    TRAILER,
    after_palette,
    after_sub_blocks,
)
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

_HAS_TRANSPARENCY: Final = 0x01

# The name, then a sub-block of 3 bytes: 1, and how often to repeat, 0 for ever.
_LOOP_HEADS: Final = tuple(b"\x0b" + name + b"\3\1" for name in LOOPS)
_LOOP_BYTES: Final = len(_LOOP_HEADS[0])

_HAS_PALETTE, _IS_INTERLACED = 0x80, 0x40
# 256 colours: the flags of a screen, and the length in bytes.
_FULL_PALETTE: Final = 0x87
_PALETTE_BYTES: Final = 3 * 256

_DISPOSALS: Final = {2: Disposal.CLEAR, 3: Disposal.RESTORE, 4: Disposal.RESTORE}
_MS_OF_HUNDREDTH: Final = 10


@dataclass(frozen=True, slots=True)
class _Control:
    """The graphic control of the next frame: section 23."""

    disposal: Disposal = Disposal.KEEP
    milliseconds: int = 0
    transparent: int | None = None


def coded_frames(reader: Reader) -> Iterator[CodedFrame]:
    """
    Yield each frame of a GIF that has passed the door.

    Raises:
        BrokenImage: A block cannot be read.
    """
    *_, flags, _, _ = reader.unpack(SCREEN, SCREEN_AT, "the logical screen")
    palette_at = SCREEN_AT + SCREEN.size
    palette = reader.read(palette_at, after_palette(reader, palette_at, flags) - palette_at, "the palette")
    control = _Control()
    for kind, start, end in _blocks(reader):
        if kind == IMAGE:
            yield _frame(reader, start, end, control, palette)
            control = _Control()
        elif kind == EXTENSION:
            control = _control(reader, start, end) or control


def plays(reader: Reader) -> int:
    """Return how many times a GIF that has passed the door is played; 0 stands for ever."""
    found = 1
    for kind, start, end in _blocks(reader):
        body = start + 2
        if (
            kind == EXTENSION
            and end >= body + _LOOP_BYTES + 2
            and reader.read(start + 1, 1, "a block")[0] == APPLICATION
        ):
            said = reader.read(body, _LOOP_BYTES + 2, "an extension")
            if said.startswith(_LOOP_HEADS):
                repetitions = int.from_bytes(said[_LOOP_BYTES:], "little")
                found = repetitions + 1 if repetitions else 0
    return found


def _blocks(reader: Reader) -> Iterator[tuple[int, int, int]]:
    """Yield the kind, the start and the end of each image and each extension, up to what is no block."""
    *_, flags, _, _ = reader.unpack(SCREEN, SCREEN_AT, "the logical screen")
    offset = after_palette(reader, SCREEN_AT + SCREEN.size, flags)
    while offset < reader.size:
        start, kind = offset, reader.read(offset, 1, "a block")[0]
        if kind == IMAGE:
            *_, flags = reader.unpack(FRAME, start + 1, "a frame")
            offset = after_sub_blocks(reader, after_palette(reader, start + 1 + FRAME.size, flags) + 1, "a frame")[0]
        elif kind == EXTENSION:
            offset = after_sub_blocks(reader, start + 2, "an extension")[0]
        elif kind == PADDING:
            offset += 1
            continue
        else:
            return
        yield kind, start, offset


def _control(reader: Reader, start: int, end: int) -> _Control | None:
    label, length = reader.read(start + 1, 2, "an extension")
    first = start + 3
    if label != GRAPHIC_CONTROL or length < CONTROL_BYTES or first + CONTROL_BYTES > end:
        return None
    control = reader.read(first, CONTROL_BYTES, "a graphic control")
    return _Control(
        disposal=_DISPOSALS.get(control[0] >> 2 & 7, Disposal.KEEP),
        milliseconds=int.from_bytes(control[1:3], "little") * _MS_OF_HUNDREDTH,
        transparent=control[3] if control[0] & _HAS_TRANSPARENCY else None,
    )


def _frame(reader: Reader, start: int, end: int, control: _Control, palette: bytes) -> CodedFrame:
    left, top, width, height, flags = reader.unpack(FRAME, start + 1, "a frame")
    palette_at = start + 1 + FRAME.size
    data_at = after_palette(reader, palette_at, flags)
    if flags & _HAS_PALETTE:
        palette = reader.read(palette_at, data_at - palette_at, "a palette")
    still = Pieces()
    still.write(b"GIF89a" + SCREEN.pack(width, height, _FULL_PALETTE, 0, 0) + palette.ljust(_PALETTE_BYTES, b"\0"))
    if control.transparent is not None:
        still.write(bytes([EXTENSION, GRAPHIC_CONTROL, CONTROL_BYTES, _HAS_TRANSPARENCY, 0, 0, control.transparent, 0]))
    still.write(bytes([IMAGE]) + FRAME.pack(0, 0, width, height, flags & _IS_INTERLACED))
    still.copy(data_at, end)
    still.write(bytes([TRAILER]))
    return CodedFrame(still, left, top, width, height, control.milliseconds, control.disposal, blends=True)
