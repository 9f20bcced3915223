"""
Makes vignettes that move from pictures that move: animated WebP.

Every frame is decoded once, in its turn, for all sizes. The frames of the vignettes are held in memory, so the number
of their pixels is bounded. A vignette over a limit gets no animation, and stays a still.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NamedTuple

from PIL import Image

from vignette.limits import MAX_ANIMATION_FRAMES, MAX_ANIMATION_PIXELS, MAX_ANIMATION_SOURCE_PIXELS
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import as_profile, to_srgb
from vignette.pixels.cropping import window
from vignette.pixels.encoding import encoded_animation
from vignette.pixels.engines.pillow import open_source
from vignette.pixels.engines.sizes import stored
from vignette.pixels.geometry import Plan
from vignette.pixels.resampling import resized, samples, upright

_MOVING: Final = frozenset({formats.GIF, formats.APNG, formats.WEBP, formats.AVIF})

# Browsers show a frame that asks for less than the first for the second. The vignette says so itself, for all players.
_SHORTEST_MS: Final = 11
_TOO_SHORT_MS: Final = 100
# WebP Container Specification, "ANMF" and "ANIM": 24 bits of milliseconds, 16 bits of loops.
_LONGEST_MS: Final = 2**24 - 1
_MOST_LOOPS: Final = 2**16 - 1


class Frame(NamedTuple):
    """A complete picture, not a difference; `milliseconds` is how long it is seen."""

    image: Image.Image
    milliseconds: int


def moves(anatomy: Anatomy) -> bool:
    """Whether the picture is an animation. Several frames of a TIFF or a HEIC are pages."""
    return anatomy.frames > 1 and anatomy.format in _MOVING


def animations(file: BinaryIO, anatomy: Anatomy, plans: Sequence[Plan], seconds: float) -> Iterator[tuple[Plan, bytes]]:
    """
    Yield the animated WebP of each of *plans* that is within the limits, from a *file* that `moves`.

    Yield none at all if the frames of the original are too many or too large, or would lose their transparency.

    Raises:
        TimeoutError: It takes more than *seconds*.
        Exception: A frame is damaged; decoders raise many kinds.
    """
    plans = _affordable(anatomy, plans)
    if not plans:
        return
    deadline = time.monotonic() + seconds

    def check_time() -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"it takes more than {seconds:g} seconds")

    reels: dict[Plan, list[Frame]] = {plan: [] for plan in plans}
    windows: dict[Plan, tuple[int, int, int, int]] = {}
    with open_source(file, anatomy.format) as source:
        if not _keeps_transparency(source, anatomy):
            return
        profile = None
        for number, frame in enumerate(_frames(source)):
            check_time()
            if not number:
                profile = as_profile(anatomy.colour, frame.image)
            for plan in plans:
                image = _vignette(frame.image, anatomy, plan, profile)
                if plan.recipe.fit == "cover":
                    # Cut the same part out of all frames, or the picture jumps.
                    if plan not in windows:
                        windows[plan] = window(image, plan.size, plan.recipe.crop)
                    image = image.crop(windows[plan])
                reels[plan].append(Frame(image, frame.milliseconds))
        plays = _plays(source.info, anatomy)
    for plan, reel in reels.items():
        # Beside a still picture for readers that know no animation, there may be a single frame, which does not move.
        if len(reel) > 1:
            yield plan, encoded_animation(reel, plays, plan.recipe.quality, check_time)


def _keeps_transparency(source: Image.Image, anatomy: Anatomy) -> bool:
    """
    Whether the frames keep their transparency.

    If one colour of a PNG is transparent (tRNS), Pillow puts frames over each other correctly only in 8-bit RGB. In
    grey, or in other depths, they would lose their transparency.
    """
    is_a_colour = anatomy.format is formats.APNG and source.mode != "P" and "transparency" in source.info
    return not is_a_colour or anatomy.bits_per_pixel == 24


def _affordable(anatomy: Anatomy, plans: Sequence[Plan]) -> list[Plan]:
    """Return as many of *plans* as the limit of pixels leaves room for together, the smallest first."""
    frames = anatomy.frames
    if frames > MAX_ANIMATION_FRAMES or frames * anatomy.width * anatomy.height > MAX_ANIMATION_SOURCE_PIXELS:
        return []
    left = MAX_ANIMATION_PIXELS
    affordable = []
    for plan in sorted(plans, key=lambda plan: math.prod(plan.whole)):
        left -= frames * math.prod(plan.whole)
        if left >= 0:
            affordable.append(plan)
    return affordable


def _frames(source: Any) -> Iterator[Frame]:
    """Yield the frames of the animation, without a still picture for readers that know no animation (PNG, 4.3.1)."""
    screen = source.size
    for index in range(1 if source.info.get("default_image") else 0, source.n_frames):
        source.seek(index)
        source.load()
        # The decoder uses the same picture again for the next frame, so each frame has to be a copy. If a later frame
        # of a GIF goes over the edge of the screen, Pillow stretches the screen; browsers cut the frame off.
        image = source.copy() if source.size == screen else source.crop((0, 0, *screen))
        yield Frame(samples(image), _milliseconds(source.info.get("duration", 0)))


def _vignette(image: Image.Image, anatomy: Anatomy, plan: Plan, profile: bytes | None) -> Image.Image:
    small = resized(image, stored(plan.whole, anatomy))
    return upright(to_srgb(small, profile), anatomy.orientation)


def _milliseconds(duration: float) -> int:
    return _TOO_SHORT_MS if duration < _SHORTEST_MS else min(round(duration), _LONGEST_MS)


def _plays(info: dict[Any, Any], anatomy: Anatomy) -> int:
    """
    Return how many times the animation is played; 0 stands for ever.

    A GIF counts the repetitions, and has none if it lacks the count. WebP and PNG count all plays. An AVIF sequence is
    played for ever, as in browsers.
    """
    loop = info.get("loop")
    if anatomy.format is formats.GIF:
        loop = 1 if loop is None else loop and loop + 1
    return min(int(loop or 0), _MOST_LOOPS)
