"""The values that `tests.colours` holds us to are those of a real Chromium."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import Browser

from tests.colours import CASES, SIZE, Pixel

pytestmark = pytest.mark.browser

_READ = """
async ([url, x, y]) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  return [...context.getImageData(x, y, 1, 1).data];
}
"""


def test_chromium_shows_what_we_expect(chromium: Browser) -> None:
    page = chromium.new_page()
    found: dict[str, Pixel] = {}
    for name, case in CASES.items():
        url = f"data:{case.media_type};base64,{base64.b64encode(case.content()).decode()}"
        found[name] = tuple(page.evaluate(_READ, [url, SIZE[0] // 4, SIZE[1] // 2])[:3])
    page.close()

    unlike = {name: (found[name], case.expected) for name, case in CASES.items() if not _is_near(found[name], case)}
    assert unlike == {}


def _is_near(pixel: Pixel, case: object) -> bool:
    expected: Pixel = case.expected  # type: ignore[attr-defined]
    return all(abs(is_ - shall) <= 2 for is_, shall in zip(pixel, expected, strict=True))
