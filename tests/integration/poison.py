"""Widths, in pixels, of pictures that `poisoned_worker` cannot decode. Here, as who imports that is poisoned too."""

from __future__ import annotations

KILLING_WIDTH = 13
HANGING_WIDTH = 17
EATING_WIDTH = 19
SPINNING_WIDTH = 23
