"""
Makes vignettes that move from pictures that move: animated WebP.

Every frame is decoded once, in its turn, for all sizes. The frames of the vignettes are held in memory, so the number
of their pixels is bounded. A vignette over a limit gets no animation, and stays a still.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple

from PIL import Image

from vignette.limits import MAX_ANIMATION_FRAMES, MAX_ANIMATION_PIXELS, MAX_ANIMATION_SOURCE_PIXELS
from vignette.model import RenderingWarning
from vignette.pixels import formats
from vignette.pixels.anatomy import Anatomy
from vignette.pixels.colour import as_profile, to_srgb
from vignette.pixels.cropping import window
from vignette.pixels.encoding import encoded_animation
from vignette.pixels.engines.sizes import stored
from vignette.pixels.frames import film
from vignette.pixels.geometry import Plan
from vignette.pixels.noticing import notice
from vignette.pixels.resampling import resized, upright

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
    """Whether the picture is an animation."""
    return formats.moves(anatomy.format.media_type, anatomy.frames)


def animations(
    file: BinaryIO, size: int, anatomy: Anatomy, plans: Sequence[Plan], seconds: float
) -> Iterator[tuple[Plan, bytes]]:
    """
    Yield the animated WebP of each of *plans* that is within the limits, from *size* bytes in a *file* that `moves`.

    Yield none at all if the frames of the original are too many or too large.

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
    profile = None
    for number, frame in enumerate(film.frames(file, size, anatomy)):
        check_time()
        if not number:
            profile = as_profile(anatomy.colour, frame.image)
        for plan in plans:
            image = vignette(frame.image, anatomy, plan.whole, profile)
            if plan.recipe.fit == "cover":
                # Cut the same part out of all frames, or the picture jumps.
                if plan not in windows:
                    windows[plan] = window(image, plan.size, plan.recipe.crop)
                image = image.crop(windows[plan])
            reels[plan].append(Frame(image, _milliseconds(frame.milliseconds)))
    plays = min(film.plays(file, size, anatomy), _MOST_LOOPS)
    for plan, reel in reels.items():
        if len(reel) > 1:
            yield plan, encoded_animation(reel, plays, plan.recipe.quality, check_time)


def vignette(frame: Image.Image, anatomy: Anatomy, size: tuple[int, int], profile: bytes | None) -> Image.Image:
    """Return a *frame* of `film` at *size*, (width, height) in pixels, upright, and in sRGB by its ICC *profile*."""
    # A frame of the same size would be used again for the next one.
    small = resized(frame, stored(size, anatomy)) if frame.size != stored(size, anatomy) else frame.copy()
    return upright(to_srgb(small, profile), anatomy.orientation)


def _affordable(anatomy: Anatomy, plans: Sequence[Plan]) -> list[Plan]:
    """Return as many of *plans* as the limit of pixels leaves room for together, the smallest first."""
    frames = anatomy.frames
    if frames > MAX_ANIMATION_FRAMES or frames * anatomy.width * anatomy.height > MAX_ANIMATION_SOURCE_PIXELS:
        notice(RenderingWarning.ANIMATION_TOO_COSTLY)
        return []
    left = MAX_ANIMATION_PIXELS
    affordable = []
    for plan in sorted(plans, key=lambda plan: math.prod(plan.whole)):
        left -= frames * math.prod(plan.whole)
        if left >= 0:
            affordable.append(plan)
    if len(affordable) < len(plans):
        notice(RenderingWarning.ANIMATION_TOO_COSTLY)
    return affordable


def _milliseconds(duration: float) -> int:
    return _TOO_SHORT_MS if duration < _SHORTEST_MS else min(round(duration), _LONGEST_MS)
