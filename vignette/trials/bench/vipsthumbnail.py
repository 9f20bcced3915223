"""`vipsthumbnail` of the system, which makes the same vignettes from files on the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from vignette.recipes import Recipe, VignetteFormat
from vignette.trials.bench.tools import BenchUnavailable

PROCESSES: Final = 2

# How many photos one call takes: so many that its start does not count, and so few that both processes end at about the
# same time.
_PHOTOS_IN_A_CALL: Final = 5

_OUTPUTS: Final[dict[VignetteFormat, str]] = {
    "webp": "webp[Q={quality},strip]",
    "jpeg": "jpg[Q={quality},strip,optimize_coding,interlace]",
    "avif": "avif[Q={quality},strip]",
}


def make_vignettes(program: str, photos: Sequence[Path], recipes: Sequence[Recipe], folder: Path) -> None:
    """
    Have *program* make the vignettes of *recipes* in *folder*, which is made and removed: two processes of one thread
    each, a call for each output.

    Raises:
        BenchUnavailable: It fails.
    """
    folder.mkdir()
    calls = [
        [
            *(program, "--size", f"{recipe.width}x{recipe.height}>", "--export-profile", "srgb"),
            *("--output", f"{folder}/{first}-%s-{recipe.name}.{_OUTPUTS[file_format].format(quality=recipe.quality)}"),
            *map(str, photos[first : first + _PHOTOS_IN_A_CALL]),
        ]
        for first in range(0, len(photos), _PHOTOS_IN_A_CALL)
        for recipe in recipes
        for file_format in recipe.formats
    ]
    # The name of the folder in the environment is what an undertaker finds the process by.
    environment = dict(os.environ, VIPS_CONCURRENCY="1", TMPDIR=os.fspath(folder))
    with ThreadPoolExecutor(PROCESSES) as processes:
        for done in processes.map(lambda command: _call(command, environment), calls):
            if done.returncode != 0:
                raise BenchUnavailable(f"vipsthumbnail says: {done.stderr}")
    shutil.rmtree(folder)


def _call(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
