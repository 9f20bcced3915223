"""
The decoder of `poisoned_worker`: some pictures, told by their width in pixels, kill or hang it, or make it take without
end.

Such pictures exist, for one decoder and one version; this stands for all of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from tests.integration.poison import (
    EATING_WIDTH,
    HANGING_WIDTH,
    KILLING_WIDTH,
    KILLING_WIDTH_OF_OTHER_SIZES,
    SPINNING_WIDTH,
)
from vignette.adapters.decoder.decoding import Decoding
from vignette.limits import MIB
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.recipes import Recipe


def render_or_die(
    file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float
) -> Iterator[Told]:
    width, _ = read_anatomy(file, size).upright_size
    if width == KILLING_WIDTH:
        os.abort()
    while width == HANGING_WIDTH:
        time.sleep(1)
    eaten = []
    while width == EATING_WIDTH:
        eaten.append(bytearray(16 * MIB))
    while width == SPINNING_WIDTH:
        pass
    for step in render_in_steps(file, size, stills, moving, animation_seconds):
        if width == KILLING_WIDTH_OF_OTHER_SIZES and step[0].recipe.name != "small":
            os.abort()
        yield step


do: Final = Decoding(render_or_die)
