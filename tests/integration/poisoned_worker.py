"""
The real worker, with a decoder that some pictures, told by their width in pixels, kill or hang, or that takes without
end for them.

Such pictures exist, for one decoder and one version; this stands for all of them. Run as `celery -A
tests.integration.poisoned_worker worker`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import BinaryIO

from tests.integration.pace import QUICK
from tests.integration.poison import EATING_WIDTH, HANGING_WIDTH, KILLING_WIDTH, SPINNING_WIDTH
from vignette.limits import MIB
from vignette.pixels.rendering import Rendered, render_with_placeholder
from vignette.recipes import Recipe
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker


def render_or_die(file: BinaryIO, size: int, recipes: Sequence[Recipe], animation_seconds: float) -> Rendered:
    made = render_with_placeholder(file, size, recipes, animation_seconds)
    width = made.renditions[0].width
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
    return made


app = build_worker(load_settings_or_exit(), renderer=render_or_die, pace=QUICK)
