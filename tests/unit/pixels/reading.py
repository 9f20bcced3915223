"""How the tests of the containers read a picture that lies in memory."""

from __future__ import annotations

import io

from vignette.pixels.anatomy import Anatomy
from vignette.pixels.containers.bounds import Bounds
from vignette.pixels.inspection import read_anatomy


def anatomy(content: bytes, bounds: Bounds | None = None) -> Anatomy:
    return read_anatomy(io.BytesIO(content), len(content), bounds or Bounds())
