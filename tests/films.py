"""
Pictures that move, with what is to be seen of each frame: kinds on which decoders differ from browsers.

They are drawn in squares: "RG/B." is a frame of four, red, green, blue and transparent.
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from tests.makers import png_chunk
from tests.moving import (
    BACKGROUND,
    CLEAR,
    FOUR_COLOURS,
    GREY,
    GREY_ALPHA,
    KEEP,
    NONE,
    OVER,
    PALETTE,
    PREVIOUS,
    RESTORE,
    RGB,
    RGBA,
    SOURCE,
    ApngFrame,
    GifFrame,
    PngKind,
    WebpFrame,
    apng,
    gif,
    gif_loop,
    moving_webp,
)

SQUARE = 8

COLOURS = {
    "R": (255, 0, 0, 255),
    "G": (0, 255, 0, 255),
    "B": (0, 0, 255, 255),
    "Y": (255, 255, 0, 255),
    "K": (0, 0, 0, 255),
    "W": (255, 255, 255, 255),
    "s": (128, 128, 128, 255),
    ".": (0, 0, 0, 0),
    "r": (255, 0, 0, 128),  # half transparent
    "b": (0, 0, 255, 128),
    "w": (255, 255, 255, 128),
    "p": (128, 0, 127, 255),  # red, half transparent, over blue
    "q": (255, 0, 0, 192),  # red, half transparent, twice
}

_INDICES = "RGBY"

_EIGHT_BITS = PngKind(RGBA, 8)


@dataclass(frozen=True)
class Film:
    """*frames* are what is seen, in squares; *plays* counts from 1, and 0 stands for ever."""

    content: bytes
    frames: Sequence[str]
    milliseconds: Sequence[int] = field(default=())
    plays: int = 1

    @property
    def times(self) -> Sequence[int]:
        return self.milliseconds or [100] * len(self.frames)


def size_of(drawing: str) -> tuple[int, int]:
    rows = drawing.split("/")
    return SQUARE * len(rows[0]), SQUARE * len(rows)


def drawn(drawing: str) -> Image.Image:
    rows = drawing.split("/")
    image = Image.new("RGBA", (len(rows[0]), len(rows)))
    image.putdata([COLOURS[letter] for row in rows for letter in row])
    return image.resize(size_of(drawing), Image.Resampling.NEAREST)


def _place(at: tuple[int, int]) -> dict[str, int]:
    return {"left": SQUARE * at[0], "top": SQUARE * at[1]}


def _on_gif(drawing: str, at: tuple[int, int] = (0, 0), **options: object) -> GifFrame:
    """A frame of a GIF; a digit is a place in the palette."""
    rows = drawing.split("/")
    numbers = [[int(x) if x.isdigit() else _INDICES.index(x) for x in row] for row in rows]
    lines = [bytes(number for number in row for _ in range(SQUARE)) for row in numbers]
    indices = b"".join(line * SQUARE for line in lines)
    return GifFrame(*size_of(drawing), indices, **{**_place(at), **options})  # type: ignore[arg-type]


def _gif(
    size: tuple[int, int],
    frames: Sequence[GifFrame],
    shown: Sequence[str],
    *,
    plays: int = 1,
    times: Sequence[int] = (),
    **options: object,
) -> Film:
    screen = SQUARE * size[0], SQUARE * size[1]
    return Film(gif(*frames, size=screen, **options), shown, times, plays)  # type: ignore[arg-type]


def _pixels(drawing: str, kind: PngKind) -> bytes:
    """Rows of pixels; the letters of a palette are places in it."""
    image = drawn(drawing)
    wide = kind.depth == 16
    if kind.colour == PALETTE:
        rows = drawing.split("/")
        line = [bytes(_INDICES.index(letter) for letter in row for _ in range(SQUARE)) for row in rows]
        return b"".join(row * SQUARE for row in line)
    mode = {GREY: "L", RGB: "RGB", GREY_ALPHA: "LA", RGBA: "RGBA"}[kind.colour]
    samples = image.convert(mode).tobytes()
    return bytes(byte for sample in samples for byte in (sample, sample)) if wide else samples


def _on_apng(
    drawing: str,
    at: tuple[int, int] = (0, 0),
    dispose: int = NONE,
    blend: int = SOURCE,
    kind: PngKind = _EIGHT_BITS,
    delay: tuple[int, int] = (1, 10),
) -> ApngFrame:
    return ApngFrame(*size_of(drawing), _pixels(drawing, kind), **_place(at), dispose=dispose, blend=blend, delay=delay)


def _apng(
    shown: Sequence[str],
    *frames: ApngFrame,
    kind: PngKind = _EIGHT_BITS,
    hidden: str = "",
    plays: int = 0,
    times: Sequence[int] = (),
) -> Film:
    size = size_of(hidden or shown[0])
    content = apng(*frames, size=size, kind=kind, hidden=_pixels(hidden, kind) if hidden else b"", plays=plays)
    return Film(content, shown, times, plays)


def _on_webp(drawing: str, at: tuple[int, int] = (0, 0), mode: str = "RGBA", **options: object) -> WebpFrame:
    return WebpFrame(drawn(drawing).convert(mode), **_place(at), **options)  # type: ignore[arg-type]


def _webp(shown: Sequence[str], *frames: WebpFrame, plays: int = 0, **options: object) -> Film:
    times = [frame.milliseconds if frame.milliseconds > 10 else 100 for frame in frames]
    content = moving_webp(*frames, size=size_of(shown[0]), plays=plays, **options)  # type: ignore[arg-type]
    return Film(content, shown, times, plays)


_SCREEN = (4, 3)
_FULL = "GGGG/GGGG/GGGG"

GIFS = {
    "GIF: a first frame smaller than the screen": _gif(
        _SCREEN, [_on_gif("GG", (1, 1)), _on_gif("B")], ["..../.GG./....", "B.../.GG./...."]
    ),
    "GIF: one frame, smaller than the screen": _gif(_SCREEN, [_on_gif("GG", (1, 1))], ["..../.GG./...."]),
    "GIF: a first frame over the edge of the screen": _gif(
        _SCREEN, [_on_gif("GGG/GGG/GGG", (2, 1)), _on_gif("B")], ["...../..GGG/..GGG/..GGG", "B..../..GGG/..GGG/..GGG"]
    ),
    "GIF: a first frame larger than the screen": _gif(
        (2, 1), [_on_gif(_FULL), _on_gif("BB", (2, 2))], [_FULL, "GGGG/GGGG/GGBB"]
    ),
    "GIF: a screen of no size": _gif((0, 0), [_on_gif(_FULL), _on_gif("B")], [_FULL, "BGGG/GGGG/GGGG"]),
    "GIF: a later frame over the edge": _gif(
        _SCREEN, [_on_gif(_FULL), _on_gif("BBBB/BBBB", (2, 2))], [_FULL, "GGGG/GGGG/GGBB"]
    ),
    "GIF: a later frame outside": _gif(
        _SCREEN, [_on_gif(_FULL), _on_gif("B", (9, 0)), _on_gif("R")], [_FULL, _FULL, "RGGG/GGGG/GGGG"]
    ),
    "GIF: cleared and restored over the edge": _gif(
        _SCREEN,
        [
            _on_gif(_FULL),
            _on_gif("BBB", (2, 2), disposal=CLEAR),
            _on_gif("RRR", (3, 1), disposal=RESTORE),
            _on_gif("Y"),
        ],
        [_FULL, "GGGG/GGGG/GGBB", "GGGG/GGGR/GG..", "YGGG/GGGG/GG.."],
    ),
    "GIF: restored from the first frame on": _gif(
        _SCREEN,
        [_on_gif(_FULL, disposal=RESTORE), _on_gif("B", disposal=RESTORE), _on_gif("Y", (1, 0))],
        [_FULL, "B.../..../....", ".Y../..../...."],
    ),
    "GIF: cleared": _gif(
        _SCREEN,
        [_on_gif(_FULL), _on_gif("BB/BB", (1, 0), disposal=CLEAR), _on_gif("Y", (3, 2))],
        [_FULL, "GBBG/GBBG/GGGG", "G..G/G..G/GGGY"],
    ),
    "GIF: cleared from the first frame on": _gif(
        _SCREEN, [_on_gif("GG/GG", disposal=CLEAR), _on_gif("BB/BB", (1, 1))], ["GG../GG../....", "..../.BB./.BB."]
    ),
    "GIF: cleared, though the background is a colour": _gif(
        _SCREEN,
        [_on_gif(_FULL, disposal=CLEAR), _on_gif("B", disposal=CLEAR), _on_gif("Y", (1, 0))],
        [_FULL, "B.../..../....", ".Y../..../...."],
        background=2,
    ),
    "GIF: restored to what was cleared": _gif(
        _SCREEN,
        [
            _on_gif(_FULL),
            _on_gif("BB/BB", disposal=CLEAR),
            _on_gif("YY", (1, 0), disposal=RESTORE),
            _on_gif("R", (0, 2)),
        ],
        [_FULL, "BBGG/BBGG/GGGG", ".YYG/..GG/GGGG", "..GG/..GG/RGGG"],
    ),
    "GIF: restored by disposal 4": _gif(
        _SCREEN,
        [_on_gif(_FULL, disposal=KEEP), _on_gif("BB", disposal=4), _on_gif("Y", (3, 0))],
        [_FULL, "BBGG/GGGG/GGGG", "GGGY/GGGG/GGGG"],
    ),
    "GIF: kept by a disposal that nobody knows": _gif(
        _SCREEN,
        [
            _on_gif("GGGG/GGGG/GGGG", disposal=5),
            _on_gif("B", disposal=6),
            _on_gif("R", (1, 0), disposal=7),
            _on_gif("Y", (2, 0)),
        ],
        [_FULL, "BGGG/GGGG/GGGG", "BRGG/GGGG/GGGG", "BRYG/GGGG/GGGG"],
    ),
    "GIF: another colour is transparent in each frame": _gif(
        (4, 1),
        [
            _on_gif("RGBY", transparent=0),
            _on_gif("YBGR", transparent=2),
            _on_gif("BBBB", transparent=2),
            _on_gif("BBRR", transparent=1),
        ],
        [".GBY", "YGGR", "YGGR", "BBRR"],
    ),
    "GIF: transparent is a colour that the palette lacks": _gif(
        (4, 1), [_on_gif("R9BY", transparent=9), _on_gif("YBGR", transparent=200)], ["R.BY", "YBGR"]
    ),
    "GIF: colours that the palette lacks are black": _gif((4, 1), [_on_gif("R9BY"), _on_gif("7BGR")], ["RKBY", "KBGR"]),
    "GIF: palettes of its frames": _gif(
        (4, 1),
        [_on_gif("RGBY"), _on_gif("0101", palette=b"\xff\xff\0\0\0\xff"), _on_gif("RG", (1, 0))],
        ["RGBY", "YBYB", "YRGB"],
    ),
    "GIF: a palette of greys, then one of colours": _gif(
        (4, 1),
        [_on_gif("0110", palette=bytes(3) + b"\xff" * 3), _on_gif("RG", (1, 0))],
        ["KWWK", "KRGK"],
        palette=FOUR_COLOURS,
    ),
    "GIF: a palette of greys with a transparent one": _gif(
        (4, 1),
        [_on_gif("0110", transparent=1), _on_gif("1", transparent=0)],
        ["K..K", "W..K"],
        palette=bytes(3) + b"\xff" * 3,
    ),
    "GIF: no palette": _gif(
        (4, 1), [_on_gif("RGBY"), _on_gif("GB", palette=FOUR_COLOURS)], ["KKKK", "GBKK"], palette=b""
    ),
    "GIF: interlaced": _gif(
        (1, 5),
        [_on_gif("R/G/B/Y/R", is_interlaced=True), _on_gif("B/Y/R", is_interlaced=True)],
        ["R/G/B/Y/R", "B/Y/R/Y/R"],
    ),
    "GIF: a control holds for one frame": _gif(
        (4, 1),
        [_on_gif("RRRR", transparent=1, disposal=CLEAR), _on_gif("GGBB", control=False), _on_gif("Y")],
        ["RRRR", "GGBB", "YGBB"],
    ),
    "GIF: of two controls the second holds": _gif(
        (4, 1),
        [_on_gif("RGBY", delay=5), _on_gif("Y")],
        ["RGBY", "YGBY"],
        times=[50, 100],
        before=b"!\xf9\4" + struct.pack("<BHBx", CLEAR << 2 | 1, 50, 1),
    ),
    "GIF: times": _gif(
        (2, 1),
        [_on_gif("RG", delay=0), _on_gif("GR", delay=1), _on_gif("RG", delay=2), _on_gif("GR", delay=65_535)],
        ["RG", "GR", "RG", "GR"],
        times=[100, 100, 20, 655_350],
    ),
}

_TWO = [_on_gif("RG"), _on_gif("GR")]
_TWO_SHOWN = ["RG", "GR"]


def _behind_the_last_frame(film: Film, block: bytes, plays: int) -> Film:
    return Film(film.content[:-1] + block + b";", film.frames, film.milliseconds, plays)


GIF_LOOPS = {
    "GIF: played once": _gif((2, 1), _TWO, _TWO_SHOWN),
    "GIF: played for ever": _gif((2, 1), _TWO, _TWO_SHOWN, plays=0, before=gif_loop(0)),
    "GIF: repeated once": _gif((2, 1), _TWO, _TWO_SHOWN, plays=2, before=gif_loop(1)),
    "GIF: repeated by ANIMEXTS": _gif((2, 1), _TWO, _TWO_SHOWN, plays=4, before=gif_loop(3, b"ANIMEXTS1.0")),
    "GIF: two loops": _gif((2, 1), _TWO, _TWO_SHOWN, plays=8, before=gif_loop(3) + gif_loop(7)),
    "GIF: a loop at the end": _behind_the_last_frame(_gif((2, 1), _TWO, _TWO_SHOWN), gif_loop(4), 5),
    "GIF: a buffer is no loop": _gif((2, 1), _TWO, _TWO_SHOWN, before=b"!\xff\x0bNETSCAPE2.0\5\2\0\0\0\0\0"),
}

_INDEXED = PngKind(PALETTE, 8, FOUR_COLOURS, b"\x80\xff\0\xff")
_GREY_KEY = PngKind(GREY, 8, b"", b"\0\0")
_GREY_KEY_16 = PngKind(GREY, 16, b"", b"\0\0")
_COLOUR_KEY = PngKind(RGB, 8, b"", bytes([0, 0, 0, 0, 0, 255]))
_COLOUR_KEY_16 = PngKind(RGB, 16, b"", bytes([0, 0, 0, 0, 255, 255]))
_GREY_AND_ALPHA = PngKind(GREY_ALPHA, 8)
_GREY_AND_ALPHA_16 = PngKind(GREY_ALPHA, 16)
_DEEP = PngKind(RGBA, 16)
_OPAQUE_DEEP = PngKind(RGB, 16)
_RED = "RRRR/RRRR/RRRR"


def _with_more_frames_than_told(film: Film, frames: int) -> Film:
    told = png_chunk(b"acTL", struct.pack(">II", len(film.frames), 0))
    assert told in film.content
    content = film.content.replace(told, png_chunk(b"acTL", struct.pack(">II", frames, 0)))
    return Film(content, film.frames[:frames], plays=0)


APNGS = {
    "APNG: kept": _apng([_RED, "RRRR/RBBR/RRRR"], _on_apng(_RED), _on_apng("BB", (1, 1))),
    "APNG: cleared": _apng(
        [_RED, "RRRR/RBBR/RRRR", "GRRR/R..R/RRRR"],
        _on_apng(_RED),
        _on_apng("BB", (1, 1), BACKGROUND),
        _on_apng("G"),
    ),
    "APNG: restored": _apng(
        [_RED, "RRRR/RBBR/RRRR", "GRRR/RRRR/RRRR"],
        _on_apng(_RED),
        _on_apng("BB", (1, 1), PREVIOUS),
        _on_apng("G"),
    ),
    "APNG: restored from the first frame on": _apng(
        [_RED, "..../.BB./....", "G.../..../...."],
        _on_apng(_RED, dispose=PREVIOUS),
        _on_apng("BB", (1, 1), PREVIOUS),
        _on_apng("G"),
    ),
    "APNG: restored to what was cleared": _apng(
        ["RRRR", "BBRR", ".GGR", "..RY"],
        _on_apng("RRRR"),
        _on_apng("BB", dispose=BACKGROUND),
        _on_apng("GG", (1, 0), PREVIOUS),
        _on_apng("Y", (3, 0)),
    ),
    "APNG: over, and in place of": _apng(
        ["BBBB", "BppB", "BrrB", "BqqB"],
        _on_apng("BBBB"),
        _on_apng("rr", (1, 0), blend=OVER),
        _on_apng("rr", (1, 0), blend=SOURCE),
        _on_apng("rr", (1, 0), blend=OVER),
    ),
    "APNG: over nothing": _apng(
        ["....", ".rr.", "....", "...."],
        _on_apng("...."),
        _on_apng("rr", (1, 0), blend=OVER),
        _on_apng("..", (1, 0), blend=SOURCE),
        _on_apng(".", blend=OVER),
    ),
    "APNG: a hidden still picture": _apng(
        [_RED, "RRRR/RBBR/RRRR"], _on_apng(_RED), _on_apng("BB", (1, 1)), hidden="GGGG/GGGG/GGGG"
    ),
    "APNG: a hidden still picture, and a smaller first frame": _apng(
        ["..../.RR./.RR.", "..../.BB./.RR."],
        _on_apng("RR/RR", (1, 1)),
        _on_apng("BB", (1, 1)),
        hidden="GGGG/GGGG/GGGG",
    ),
    "APNG: a hidden still picture, and one frame": _apng(
        ["..../.RR./.RR."], _on_apng("RR/RR", (1, 1)), hidden="GGGG/GGGG/GGGG"
    ),
    "APNG: a hidden still picture, restored from the first frame on": _apng(
        ["RR../RR..", "...B/...."],
        _on_apng("RR/RR", dispose=PREVIOUS),
        _on_apng("B", (3, 0)),
        hidden="GGGG/GGGG",
    ),
    "APNG: one frame": _apng([_RED], _on_apng(_RED)),
    "APNG: palette with alpha": _apng(
        ["YGGY", "YGGY", "Yr.Y"],
        _on_apng("YGGY", kind=_INDEXED),
        _on_apng("BB", (1, 0), blend=OVER, kind=_INDEXED),
        _on_apng("RB", (1, 0), blend=SOURCE, kind=_INDEXED),
        kind=_INDEXED,
    ),
    "APNG: palette with alpha, over the first frame": _apng(
        ["r.YG", "qGYG"],
        _on_apng("RBYG", kind=_INDEXED),
        _on_apng("RGBB", blend=OVER, kind=_INDEXED),
        kind=_INDEXED,
    ),
    "APNG: grey with a transparent one": _apng(
        ["WsWs", "WssW"],
        _on_apng("WsWs", kind=_GREY_KEY),
        _on_apng("KKsW", blend=OVER, kind=_GREY_KEY),
        kind=_GREY_KEY,
    ),
    "APNG: deep grey with a transparent one": _apng(
        ["WsWs", "..sW"],
        _on_apng("WsWs", kind=_GREY_KEY_16),
        _on_apng("KKsW", blend=SOURCE, kind=_GREY_KEY_16),
        kind=_GREY_KEY_16,
    ),
    "APNG: a transparent colour": _apng(
        ["RRRR", "GRGR", "G.G."],
        _on_apng("RRRR", kind=_COLOUR_KEY),
        _on_apng("GBGB", blend=OVER, kind=_COLOUR_KEY),
        _on_apng("GBGB", blend=SOURCE, kind=_COLOUR_KEY),
        kind=_COLOUR_KEY,
    ),
    "APNG: a transparent deep colour": _apng(
        ["RRRR", "GRGR", "G.G."],
        _on_apng("RRRR", kind=_COLOUR_KEY_16),
        _on_apng("GBGB", blend=OVER, kind=_COLOUR_KEY_16),
        _on_apng("GBGB", blend=SOURCE, kind=_COLOUR_KEY_16),
        kind=_COLOUR_KEY_16,
    ),
    "APNG: grey with alpha": _apng(
        ["KWs.", "sWss"],
        _on_apng("KWs.", kind=_GREY_AND_ALPHA),
        _on_apng("w.ss", blend=OVER, kind=_GREY_AND_ALPHA),
        kind=_GREY_AND_ALPHA,
    ),
    "APNG: deep grey with alpha": _apng(
        ["KWs.", "sWss", "w.ss"],
        _on_apng("KWs.", kind=_GREY_AND_ALPHA_16),
        _on_apng("w.ss", blend=OVER, kind=_GREY_AND_ALPHA_16),
        _on_apng("w.", blend=SOURCE, kind=_GREY_AND_ALPHA_16),
        kind=_GREY_AND_ALPHA_16,
    ),
    "APNG: deep colours with alpha": _apng(
        ["BBBB", "BpGB", "BrGB"],
        _on_apng("BBBB", kind=_DEEP),
        _on_apng("rG", (1, 0), blend=OVER, kind=_DEEP),
        _on_apng("r", (1, 0), blend=SOURCE, kind=_DEEP),
        kind=_DEEP,
    ),
    "APNG: deep colours": _apng(
        ["BBBB", "BRGB"],
        _on_apng("BBBB", kind=_OPAQUE_DEEP),
        _on_apng("RG", (1, 0), blend=OVER, kind=_OPAQUE_DEEP),
        kind=_OPAQUE_DEEP,
    ),
    "APNG: more frames than told": _with_more_frames_than_told(
        _apng(["RRRR", "BRRR", "BGRR"], _on_apng("RRRR"), _on_apng("B"), _on_apng("G", (1, 0))), 2
    ),
    "APNG: times": _apng(
        ["RG", "GR", "RG", "GR"],
        _on_apng("RG", delay=(0, 10)),
        _on_apng("GR", delay=(3, 0)),
        _on_apng("RG", delay=(1, 60)),
        _on_apng("GR", delay=(1, 200)),
        times=[100, 30, 17, 100],
    ),
    "APNG: played once": _apng(["RG", "GR"], _on_apng("RG"), _on_apng("GR"), plays=1),
    "APNG: played five times": _apng(["RG", "GR"], _on_apng("RG"), _on_apng("GR"), plays=5),
}

_GREEN_GROUND = b"\0\xff\0\xff"

WEBPS = {
    "WebP: a first frame smaller than the canvas": _webp(
        ["..RR/..RR/....", "..RR/..RR/B..."],
        _on_webp("RR/RR", (2, 0)),
        _on_webp("B", (0, 2)),
        background=_GREEN_GROUND,
    ),
    "WebP: a first frame smaller than the canvas, without alpha": _webp(
        ["..RR/..RR/....", "..RR/..RR/B..."],
        _on_webp("RR/RR", (2, 0), "RGB"),
        _on_webp("B", (0, 2), "RGB"),
        background=_GREEN_GROUND,
        has_alpha=False,
    ),
    "WebP: one frame smaller than the canvas": _webp(
        [
            "..RR/....",
        ],
        _on_webp("RR", (2, 0)),
    ),
    "WebP: cleared": _webp(
        [_RED, "RRBB/RRBB/RRRR", "GR../RR../RRRR"],
        _on_webp(_RED),
        _on_webp("BB/BB", (2, 0), clears=True),
        _on_webp("G"),
        background=_GREEN_GROUND,
    ),
    "WebP: cleared, without alpha": _webp(
        [_RED, "RRBB/RRBB/RRRR", "GR../RR../RRRR"],
        _on_webp(_RED, mode="RGB"),
        _on_webp("BB/BB", (2, 0), "RGB", clears=True),
        _on_webp("G", mode="RGB"),
        background=_GREEN_GROUND,
        has_alpha=False,
    ),
    "WebP: cleared from the first frame on": _webp(
        ["RRRR", "..BB"], _on_webp("RRRR", clears=True), _on_webp("BB", (2, 0))
    ),
    "WebP: over, and in place of": _webp(
        ["BBBB", "BBpp", "rrpp", "qqpp"],
        _on_webp("BBBB"),
        _on_webp("rr", (2, 0)),
        _on_webp("rr", blends=False),
        _on_webp("rr"),
    ),
    "WebP: alpha that its header does not tell": _webp(
        ["BBBB", "BBrr"], _on_webp("BBBB"), _on_webp("rr", (2, 0), blends=False), has_alpha=False
    ),
    "WebP: lossy": _webp(
        ["WWWW", "WWss"],
        _on_webp("WWWW", mode="RGB", is_lossless=False),
        _on_webp("ss", (2, 0), "RGB", is_lossless=False),
    ),
    "WebP: lossy with alpha": _webp(
        ["WWWW", "WWwK", "WWwK"],
        _on_webp("WWWW", is_lossless=False),
        _on_webp("wK", (2, 0), is_lossless=False, blends=False),
        _on_webp("..", (2, 0), is_lossless=False),
    ),
    "WebP: times": _webp(
        ["RG", "GR", "RG"],
        _on_webp("RG", milliseconds=0),
        _on_webp("GR", milliseconds=10),
        _on_webp("RG", milliseconds=11),
    ),
    "WebP: played once": _webp(["RG", "GR"], _on_webp("RG"), _on_webp("GR"), plays=1),
    "WebP: played five times": _webp(["RG", "GR"], _on_webp("RG"), _on_webp("GR"), plays=5),
}


def _avif(shown: Sequence[str], times: Sequence[int], mode: str = "RGBA") -> bytes:
    first, *others = [drawn(drawing).convert(mode) for drawing in shown]
    content = io.BytesIO()
    options = {"quality": 100, "subsampling": "4:4:4", "duration": list(times), "save_all": True}
    first.save(content, "AVIF", append_images=others, **options)  # type: ignore[arg-type]
    return content.getvalue()


def _with_loops(content: bytes, repeats: bool, edit: int, track: int) -> bytes:
    """Tell other durations of the edit and of the track, in all tracks of an AVIF that Pillow wrote."""
    changed = bytearray(content)
    at = -1
    while (at := content.find(b"elst", at + 1)) >= 0:
        struct.pack_into(">IIQ", changed, at + 4, 1 << 24 | repeats, 1, edit)
    while (at := content.find(b"tkhd", at + 1)) >= 0:
        struct.pack_into(">Q", changed, at + 4 + 28, track)
    return bytes(changed)


def _without_edits(content: bytes) -> bytes:
    return content.replace(b"edts", b"free")


_AVIF_SHOWN = ["RRBB/RRBB", "BBRR/BBRR", "RRRR/BBBB"]
_AVIF_TIMES = [100, 40, 300]
_PLAIN_AVIF = _avif(_AVIF_SHOWN, _AVIF_TIMES, "RGB")
_FOR_EVER = 2**64 - 1

AVIFS = {
    "AVIF: colours": Film(_PLAIN_AVIF, _AVIF_SHOWN, _AVIF_TIMES, 0),
    "AVIF: transparency": Film(
        _avif(["RR../RR..", "..BB/..BB"], [100, 200]), ["RR../RR..", "..BB/..BB"], [100, 200], 0
    ),
    "AVIF: played once, as its edit does not repeat": Film(
        _with_loops(_PLAIN_AVIF, False, 440, 440), _AVIF_SHOWN, _AVIF_TIMES, 1
    ),
    "AVIF: played once, as its track is no longer": Film(
        _with_loops(_PLAIN_AVIF, True, 440, 440), _AVIF_SHOWN, _AVIF_TIMES, 1
    ),
    "AVIF: played three times": Film(_with_loops(_PLAIN_AVIF, True, 440, 1320), _AVIF_SHOWN, _AVIF_TIMES, 3),
    "AVIF: played two times and a bit": Film(_with_loops(_PLAIN_AVIF, True, 440, 1000), _AVIF_SHOWN, _AVIF_TIMES, 3),
    "AVIF: played for ever": Film(_with_loops(_PLAIN_AVIF, True, 440, _FOR_EVER), _AVIF_SHOWN, _AVIF_TIMES, 0),
    "AVIF: without an edit list": Film(_without_edits(_PLAIN_AVIF), _AVIF_SHOWN, _AVIF_TIMES, 0),
}

FILMS = {**GIFS, **GIF_LOOPS, **APNGS, **WEBPS, **AVIFS}


def random_gif(dice: random.Random) -> bytes:
    """Make a GIF of any frames, also over the edge, with any disposals, palettes and transparent colours."""
    width, height = dice.randint(1, 40), dice.randint(1, 40)
    frames = []
    for _ in range(dice.randint(2, 8)):
        across, down = dice.randint(1, width + 5), dice.randint(1, height + 5)
        frames.append(
            GifFrame(
                across,
                down,
                bytes(dice.choices(range(8), k=across * down)),
                left=dice.randint(0, width),
                top=dice.randint(0, height),
                delay=dice.randint(0, 30),
                disposal=dice.randint(0, 7),
                transparent=dice.choice([None, 0, 1, 2, 7, 9]),
                palette=dice.choice([b"", dice.randbytes(3 * 4), dice.randbytes(3 * 8)]),
                is_interlaced=dice.random() < 0.3,
                control=dice.random() < 0.9,
            )
        )
    before = dice.choice([b"", gif_loop(dice.randint(0, 9))])
    screen = dice.choice([(width, height), (width, height), (0, 0)])
    return gif(*frames, size=screen, palette=dice.choice([FOUR_COLOURS, dice.randbytes(3 * 8)]), before=before)


_PNG_KINDS = (
    *((GREY, depth) for depth in (1, 2, 4, 8, 16)),
    *((PALETTE, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (RGB, GREY_ALPHA, RGBA) for depth in (8, 16)),
)


def random_apng(dice: random.Random) -> bytes:
    """Make an APNG of any kind of pixels and any frames."""
    width, height = dice.randint(1, 40), dice.randint(1, 40)
    colour, depth = dice.choice(_PNG_KINDS)
    palette = dice.randbytes(3 << depth) if colour == PALETTE else b""
    transparency = {
        GREY: dice.choice([b"", bytes(2)]),
        RGB: dice.choice([b"", bytes(6)]),
        PALETTE: dice.choice([b"", dice.randbytes(dice.randint(1, 1 << min(depth, 8)))]),
    }.get(colour, b"")
    kind = PngKind(colour, depth, palette, transparency)
    is_hidden = dice.random() < 0.4
    hidden = dice.randbytes(kind.row_bytes(width) * height) if is_hidden else b""
    frames = []
    for number in range(dice.randint(2, 8)):
        is_whole = not number and not is_hidden
        across, down = (width, height) if is_whole else (dice.randint(1, width), dice.randint(1, height))
        pixels = dice.randbytes(kind.row_bytes(across) * down)
        if colour in (GREY, RGB) and dice.random() < 0.5:
            pixels = bytes(len(pixels))
        frames.append(
            ApngFrame(
                across,
                down,
                pixels,
                left=dice.randint(0, width - across),
                top=dice.randint(0, height - down),
                delay=(dice.randint(0, 30), dice.choice([0, 100, 1000])),
                dispose=dice.randint(0, 2),
                blend=dice.randint(0, 1),
            )
        )
    return apng(*frames, size=(width, height), kind=kind, plays=dice.randint(0, 3), hidden=hidden)


def random_webp(dice: random.Random) -> bytes:
    """Make an animated WebP of any frames; some are lossy."""
    width, height = dice.randint(2, 40), dice.randint(2, 40)
    frames = []
    for _ in range(dice.randint(2, 8)):
        left, top = 2 * dice.randint(0, (width - 1) // 2), 2 * dice.randint(0, (height - 1) // 2)
        across, down = dice.randint(1, width - left), dice.randint(1, height - top)
        mode = dice.choice(["RGB", "RGBA"])
        frames.append(
            WebpFrame(
                Image.frombytes(mode, (across, down), dice.randbytes(len(mode) * across * down)),
                left=left,
                top=top,
                milliseconds=dice.randint(0, 300),
                clears=dice.random() < 0.4,
                blends=dice.random() < 0.6,
                is_lossless=dice.random() < 0.7,
            )
        )
    return moving_webp(
        *frames,
        size=(width, height),
        plays=dice.randint(0, 3),
        background=dice.randbytes(4),
        has_alpha=dice.random() < 0.5,
    )
