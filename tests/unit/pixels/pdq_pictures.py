"""Pictures that are made by rule, at any size, for the hashes of the reference in `fixtures/pdq.json`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from PIL import Image, ImageDraw

Rule = Callable[[float, float], float]


def _of(rule: Rule) -> Callable[[int, int], Image.Image]:
    """A picture whose grey at each point, 0 to 1 from its left and top edge, *rule* tells."""

    @cache
    def make(width: int, height: int) -> Image.Image:
        greys = [
            min(255, max(0, round(255 * rule((x + 0.5) / width, (y + 0.5) / height))))
            for y in range(height)
            for x in range(width)
        ]
        image = Image.new("L", (width, height))
        image.putdata(greys)
        return image.convert("RGB")

    return make


@cache
def _shapes(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "navy")
    draw = ImageDraw.Draw(image)
    draw.ellipse((0.1 * width, 0.2 * height, 0.6 * width, 0.9 * height), "orange")
    draw.rectangle((0.5 * width, 0.1 * height, 0.95 * width, 0.4 * height), "white")
    draw.polygon([(0.7 * width, 0.5 * height), (0.9 * width, 0.95 * height), (0.4 * width, 0.8 * height)], "teal")
    return image


PICTURES: Final[Mapping[str, Callable[[int, int], Image.Image]]] = {
    "waves": _of(lambda x, y: 0.5 + 0.25 * math.sin(9 * x + 4 * y * y) + 0.25 * math.cos(13 * y - 5 * x * y)),
    "rings": _of(lambda x, y: 0.5 + 0.5 * math.sin(40 * math.hypot(x - 0.3, y - 0.6))),
    "hills": _of(lambda x, y: x * y + 0.3 * math.sin(20 * x) * math.sin(11 * y + 1) ** 2),
    "slope": _of(lambda x, y: 0.7 * x + 0.3 * y),
    "shapes": _shapes,
}
