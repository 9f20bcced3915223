"""The canvas on which the frames of a GIF, an APNG or a WebP are laid one after the other."""

from __future__ import annotations

from typing import Final

from PIL import Image

from vignette.pixels.containers.coded_frames import CodedFrame, Disposal

# A frame in a palette gets its colours, and any frame its alpha, in strips of about so many pixels: whole, it would
# take the memory of a second canvas.
_STRIP_PIXELS: Final = 1_000_000

_OPAQUE: Final = (255, 255)


class Canvas:
    """
    A canvas of *size*, (width, height) in pixels, that is transparent at first.

    What of a frame lies outside is cut off. `mode` is RGBA, or LA if all frames are grey.
    """

    def __init__(self, size: tuple[int, int], mode: str) -> None:
        self._image = Image.new(mode, size)
        self._last: CodedFrame | None = None
        self._before_last: Image.Image | None = None

    def lay(self, frame: CodedFrame, picture: Image.Image) -> Image.Image:
        """
        Return what is seen while *frame* is shown, whose pixels are in *picture*: mode P, or one of 8-bit samples.

        The result has no alpha if it is opaque everywhere. It must not be changed, and holds until the next call.
        """
        self._dispose()
        self._last = frame
        self._before_last = self._image.crop(_box(frame)) if frame.disposal is Disposal.RESTORE else None
        rows = max(1, _STRIP_PIXELS // frame.width)
        for top in range(0, frame.height, rows):
            strip = picture.crop((0, top, frame.width, min(top + rows, frame.height)))
            self._lay(strip.convert(self._image.mode), (frame.left, frame.top + top), blends=frame.blends)
        is_opaque = self._image.getchannel("A").getextrema() == _OPAQUE
        return self._image.convert(self._image.mode[:-1]) if is_opaque else self._image

    def _dispose(self) -> None:
        if self._last is None or self._last.disposal is Disposal.KEEP:
            return
        if self._before_last is not None:
            self._image.paste(self._before_last, (self._last.left, self._last.top))
        else:
            self._image.paste((0,) * len(self._image.getbands()), _box(self._last))

    def _lay(self, strip: Image.Image, place: tuple[int, int], *, blends: bool) -> None:
        levels = strip.getchannel("A").histogram()
        if not blends or levels[-1] == sum(levels):
            self._image.paste(strip, place)
        elif levels[0] + levels[-1] == sum(levels):
            self._image.paste(strip, place, strip)  # a third of the cost, and the same without half-transparent pixels
        else:
            self._image.alpha_composite(strip, place)


def _box(frame: CodedFrame) -> tuple[int, int, int, int]:
    return frame.left, frame.top, frame.left + frame.width, frame.top + frame.height
