"""The canvas on which the frames of a GIF, an APNG or a WebP are laid one after the other."""

from __future__ import annotations

from typing import Final

from PIL import Image

from vignette.pixels.containers.coded_frames import CodedFrame, Disposal

# A frame gets its colours and its alpha in strips of about so many pixels: whole, it would take the memory of a second
# canvas.
_STRIP_PIXELS: Final = 1_000_000

_OPAQUE: Final = (255, 255)


class Canvas:
    """
    A canvas of *size*, (width, height) in pixels, that is transparent at first.

    What of a frame lies outside is cut off. While the canvas is opaque everywhere it has no alpha: most films are
    opaque, and cost half as much then.
    """

    def __init__(self, size: tuple[int, int], *, is_grey: bool) -> None:
        self._opaque_mode, self._alpha_mode = ("L", "LA") if is_grey else ("RGB", "RGBA")
        self._image = Image.new(self._alpha_mode, size)
        self._last: CodedFrame | None = None
        self._before_last: Image.Image | None = None

    def lay(self, frame: CodedFrame, picture: Image.Image) -> Image.Image:
        """
        Return what is seen while *frame* is shown, whose pixels are in *picture*: mode P, or one of 8-bit samples.

        The result is in mode L, LA, RGB or RGBA. It must not be changed, and holds until the next call.
        """
        self._dispose()
        self._last = frame
        self._before_last = self._image.crop(_box(frame)) if frame.disposal is Disposal.RESTORE else None
        rows = max(1, _STRIP_PIXELS // frame.width)
        for top in range(0, frame.height, rows):
            bottom = min(top + rows, frame.height)
            strip = picture if rows >= frame.height else picture.crop((0, top, frame.width, bottom))
            self._lay(strip, (frame.left, frame.top + top), blends=frame.blends)
        if self._has_alpha and self._image.getchannel("A").getextrema() == _OPAQUE:
            self._image = self._image.convert(self._opaque_mode)
        return self._image

    @property
    def _has_alpha(self) -> bool:
        return self._image.mode == self._alpha_mode

    def _get_alpha(self) -> None:
        if not self._has_alpha:
            self._image = self._image.convert(self._alpha_mode)

    def _dispose(self) -> None:
        if self._last is None or self._last.disposal is Disposal.KEEP:
            return
        if self._before_last is None:
            self._get_alpha()
            self._image.paste((0,) * len(self._alpha_mode), _box(self._last))
            return
        if self._before_last.mode == self._alpha_mode:
            self._get_alpha()
        self._image.paste(self._before_last, (self._last.left, self._last.top))

    def _lay(self, strip: Image.Image, place: tuple[int, int], *, blends: bool) -> None:
        if not strip.has_transparency_data:
            self._image.paste(strip, place)
            return
        strip = strip.convert(self._alpha_mode)
        alpha = strip.getchannel("A")
        levels = alpha.histogram()
        clear, opaque, pixels = levels[0], levels[-1], strip.width * strip.height
        if blends and self._has_alpha and clear + opaque < pixels:
            self._image.alpha_composite(strip, place)
        elif (
            blends
        ):  # on an opaque canvas, or without half-transparent pixels, this is the same, at a third of the cost
            self._image.paste(strip, place, alpha)
        else:
            if opaque < pixels:
                self._get_alpha()
            self._image.paste(strip, place)


def _box(frame: CodedFrame) -> tuple[int, int, int, int]:
    return frame.left, frame.top, frame.left + frame.width, frame.top + frame.height
