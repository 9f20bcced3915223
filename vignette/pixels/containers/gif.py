"""GIF: Graphics Interchange Format, version 89a (CompuServe, 1990)."""

from __future__ import annotations

from typing import Final

from vignette.errors import BrokenImage
from vignette.limits import KIB, MIB
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers import icc
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.containers.coded_frames import CANVAS_BYTES
from vignette.pixels.containers.collector import Collector
from vignette.pixels.containers.gif_blocks import (
    APPLICATION,
    COMMENT,
    EXTENSION,
    FRAME,
    IMAGE,
    MAX_SUB_BLOCKS,
    PADDING,
    SCREEN,
    SCREEN_AT,
    TRAILER,
    TooMany,
    after_palette,
    after_sub_blocks,
    palette_bytes,
)
from vignette.pixels.containers.lzw import gif_holds
from vignette.pixels.containers.reader import Reader
from vignette.pixels.pieces import Pieces

# Blocks beside the frames: one graphic control for each, some comments, a few that applications add.
_MAX_EXTENSIONS: Final = 100_000

# The smallest and largest code size of LZW that leave room for its codes of at most 12 bits (appendix F).
_CODE_SIZES: Final = range(1, 12)

# How much of a frame that the end of the file cuts off is counted, to see whether all of its pixels are there: a fifth
# of a second's work.
_MOST_COUNTED_BYTES: Final = MIB

# How long the data of a first frame may be for the door to look at each code: some 45 ms. Beyond, the decoder tells.
_MOST_CHECKED_BYTES: Final = 256 * KIB

_END_OF_DATA, _END_OF_FILE = b"\0", bytes([TRAILER])

_APPLICATION_BYTES: Final = 11
_XMP: Final = b"XMP DataXMP"
_ICC: Final = b"ICCRGBG1012"
# XMP Specification Part 3, 1.1.2: the packet is no chain of sub-blocks; its trailer ends it for a reader that follows
# it as one.
_XMP_TRAILER_BYTES: Final = 258
_XMP_TRAILER: Final = b"\x01\xff\xfe\xfd"


def parse(reader: Reader, bounds: Bounds) -> Anatomy:
    return _Walk(reader, bounds).run()


def _with_end(sub_block: int, size: int) -> Pieces:
    """Return the GIF of *size* bytes, which end in the *sub_block* at that byte, with all that it lacks at its end."""
    mended = Pieces()
    mended.copy(0, sub_block)
    if sub_block + 1 < size:
        mended.write(bytes([size - sub_block - 1]))
        mended.copy(sub_block + 1, size)
    mended.write(_END_OF_DATA + _END_OF_FILE)
    return mended


class _Walk:
    """A walk from block to block, and what it has found."""

    def __init__(self, reader: Reader, bounds: Bounds) -> None:
        self._reader = reader
        self._bounds = bounds
        self._collector = Collector()
        self._width = 0
        self._height = 0
        self._held_bytes = 0
        self._frames = 0
        self._extensions = 0
        self._sub_blocks = 0
        self._first_frame_end = 0
        self._mended: Pieces | None = None

    def run(self) -> Anatomy:
        width, height, flags, _, _ = self._reader.unpack(SCREEN, SCREEN_AT, "the logical screen")
        self._width, self._height = width, height
        if width and height:  # some writers leave the size to the first frame
            self._bounds.check_size(width, height)
        offset = after_palette(self._reader, SCREEN_AT + SCREEN.size, flags)
        while offset < self._reader.size:
            whole = self._frames
            try:
                following = self._take_block(offset)
            except TooMany:
                raise
            except BrokenImage as fault:
                self._end_at_fault(offset, whole, fault)
                break
            if following is None:
                break
            offset = following
            if self._frames == 1 and not whole:
                self._first_frame_end = offset
        return self._finish(offset)

    def _take_block(self, offset: int) -> int | None:
        """Take the block at *offset*; return where the next one begins, or None if the picture ends here."""
        introducer = self._reader.read(offset, 1, "a block")[0]
        if introducer == IMAGE:
            return self._take_frame(offset)
        if introducer == EXTENSION:
            return self._take_extension(offset)
        if introducer == PADDING:
            self._count_extension()
            return offset + 1
        if introducer == TRAILER or self._frames:
            return None  # what follows the last frame and is no block is not part of the picture
        raise BrokenImage(f"at byte {offset:,} should be a block, but 0x{introducer:02X} begins none")

    def _end_at_fault(self, block: int, whole: int, fault: BrokenImage) -> None:
        """
        End the picture at the *block* with a *fault*: with that frame, if only its end is missing; else with the first.

        Raises:
            BrokenImage: Not even the first frame is whole.
        """
        if self._mend_cut_frame(block):
            self._frames = whole + 1
            self._collector.warn(f"the GIF lacks its end, but all pixels of its last frame are there: {fault}")
            return
        if not whole:
            raise fault
        self._frames = 1
        self._mended = Pieces()
        self._mended.copy(0, self._first_frame_end)
        self._mended.write(_END_OF_FILE)
        self._collector.warn(f"only the first frame of the GIF is shown, as one behind it is damaged: {fault}")

    def _mend_cut_frame(self, block: int) -> bool:
        """Whether *block* is a frame that the end of the file cuts off behind its last pixel; if so, complete it."""
        header_end = block + 1 + FRAME.size
        if header_end > self._reader.size or self._reader.read(block, 1, "a block")[0] != IMAGE:
            return False
        _, _, width, height, flags = self._reader.unpack(FRAME, block + 1, "a frame")
        start = header_end + palette_bytes(flags)
        length = self._reader.size - start - 1
        if not 0 < length <= _MOST_COUNTED_BYTES:
            return False
        coded = self._reader.read(start, 1 + length, "a frame")
        data, last = bytearray(), 1
        while last < len(coded):
            if not coded[last]:
                return False  # the data have an end: the fault is another
            following = last + 1 + coded[last]
            data += coded[last + 1 : following]
            if following > len(coded):
                break
            last = following
        if coded[0] not in _CODE_SIZES or not gif_holds(data, coded[0], width * height):
            return False
        self._mended = _with_end(start + last, self._reader.size)
        return True

    def _finish(self, end: int) -> Anatomy:
        if not self._frames:
            raise BrokenImage(f"the GIF ends at byte {end:,} without a frame")
        profile = self._collector.sound_profile(icc.RGB)
        return Anatomy(
            format=formats.GIF,
            width=self._width,
            height=self._height,
            frames=self._frames,
            held_bytes=self._held_bytes,
            profile=profile,
            colour=profile,
            blocks=self._collector.blocks(),
            mended=self._mended,
        )

    def _take_frame(self, block: int) -> int:
        what = f"the frame at byte {block:,}"
        left, top, width, height, flags = self._reader.unpack(FRAME, block + 1, what)
        self._frames += 1
        self._bounds.check_frames(self._frames)
        self._place(left + width, top + height)
        if self._frames == 1 and (width, height) != (self._width, self._height):
            self._held_bytes = CANVAS_BYTES * self._width * self._height
        if not width or not height:
            raise BrokenImage(f"{what} is {width} × {height} pixels")
        offset = after_palette(self._reader, block + 1 + FRAME.size, flags)
        code_size = self._reader.read(offset, 1, what)[0]
        if code_size not in _CODE_SIZES:
            raise BrokenImage(f"{what} has an LZW code size of {code_size}")
        end = self._skip_sub_blocks(offset + 1, what)
        if self._frames == 1 and end == offset + 2:
            raise BrokenImage(f"{what} has no data")
        if self._frames == 1 and self._bounds.checksums and end - offset <= _MOST_CHECKED_BYTES:
            data = _joined(self._reader.read(offset + 1, end - offset - 1, what))
            if not gif_holds(data, code_size, width * height):
                raise BrokenImage(f"{what} has damaged data: they do not code its {width * height:,} pixels")
        return end

    def _place(self, right: int, bottom: int) -> None:
        """Check the screen as the frame stretches it in decoders; keep it only for the first frame, as browsers do."""
        width, height = max(self._width, right), max(self._height, bottom)
        self._bounds.check_size(width, height)
        if self._frames == 1:
            self._width, self._height = width, height

    def _take_extension(self, block: int) -> int:
        self._count_extension()
        what = f"the extension at byte {block:,}"
        label = self._reader.read(block + 1, 1, what)[0]
        start = block + 2
        end = self._skip_sub_blocks(start, what)
        if label == COMMENT:
            comment = self._join_sub_blocks(start, end, "comment")
            if comment:
                self._collector.add_text(b"Comment", comment)
        elif label == APPLICATION and end > start + _APPLICATION_BYTES:
            self._take_application(start, end)
        return end

    def _count_extension(self) -> None:
        self._extensions += 1
        if self._extensions > _MAX_EXTENSIONS:
            raise TooMany(f"the GIF has more than {_MAX_EXTENSIONS:,} extensions")

    def _take_application(self, start: int, end: int) -> None:
        length, name = self._reader.read(start, 1, "an extension")[0], self._reader.read(start + 1, 11, "an extension")
        if length != _APPLICATION_BYTES:
            return
        body = start + 1 + _APPLICATION_BYTES
        if name == _XMP:
            self._take_xmp(body, end)
        elif name == _ICC:
            profile = self._join_sub_blocks(body, end, "ICC profile")
            if profile:
                self._collector.set_icc(profile)

    def _take_xmp(self, start: int, end: int) -> None:
        trailer = end - _XMP_TRAILER_BYTES
        if trailer > start and self._reader.read(trailer, len(_XMP_TRAILER), "XMP packet") == _XMP_TRAILER:
            packet = self._collector.read(self._reader, start, trailer - start, "XMP packet")
        else:
            packet = self._join_sub_blocks(start, end, "XMP packet")
        if packet:
            self._collector.add_xmp(packet)

    def _skip_sub_blocks(self, start: int, what: str) -> int:
        """Return where the chain of sub-blocks from *start* ends, after its terminator."""
        end, count = after_sub_blocks(self._reader, start, what, MAX_SUB_BLOCKS - self._sub_blocks)
        self._sub_blocks += count
        return end

    def _join_sub_blocks(self, start: int, end: int, what: str) -> bytes | None:
        chain = self._collector.read(self._reader, start, end - start, what)
        if chain is None:
            return None
        return bytes(_joined(chain))


def _joined(chain: bytes) -> bytearray:
    """Return what the sub-blocks of *chain* hold."""
    joined = bytearray()
    index = 0
    while length := chain[index]:
        joined += chain[index + 1 : index + 1 + length]
        index += length + 1
    return joined
