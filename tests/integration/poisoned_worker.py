"""
The real worker, with a decoder that some pictures, told by their width in pixels, kill or hang, or that takes without
end for them.

Such pictures exist, for one decoder and one version; this stands for all of them. Run as `celery -A
tests.integration.poisoned_worker worker`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from tests.integration.pace import QUICK
from tests.integration.poison import (
    EATING_WIDTH,
    HANGING_WIDTH,
    KILLING_WIDTH,
    KILLING_WIDTH_OF_OTHER_SIZES,
    SPINNING_WIDTH,
)
from vignette.limits import MIB
from vignette.pixels.inspection import read_anatomy
from vignette.pixels.rendering import Step, render_in_steps
from vignette.recipes import Recipe
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker


def render_or_die(
    file: BinaryIO, size: int, stills: Sequence[Recipe], moving: Sequence[Recipe], animation_seconds: float
) -> Iterator[Step]:
    width, _ = read_anatomy(file, size).upright_size
    if width == KILLING_WIDTH:
        os.kill(os.getpid(), signal.SIGKILL)
    while width == HANGING_WIDTH:
        # As in a decoder's own loop: Python's handler of the soft limit does not get to run.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        signal.pause()
    eaten = []
    while width == EATING_WIDTH:
        eaten.append(bytearray(16 * MIB))
    while width == SPINNING_WIDTH:
        pass
    for step in render_in_steps(file, size, stills, moving, animation_seconds):
        if width == KILLING_WIDTH_OF_OTHER_SIZES and step[0].recipe.name != "small":
            os.kill(os.getpid(), signal.SIGKILL)
        yield step


app = build_worker(load_settings_or_exit(), renderer=render_or_die, pace=QUICK)
