"""Whether a page keeps still, as the browser itself counts: layout shifts."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

# Two frames later what has just been laid out is counted.
_SHIFTS: Final = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  const observer = new PerformanceObserver(() => {});
  observer.observe({ type: "layout-shift", buffered: true });
  const place = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(" ");
  const moved = ({ node, previousRect, currentRect }) =>
    `${node?.cloneNode().outerHTML ?? node?.nodeName} from ${place(previousRect)} to ${place(currentRect)}`;
  return observer.takeRecords()
    .filter(({ hadRecentInput, value }) => !hadRecentInput && value >= 0.0001)
    .map(({ value, sources }) => `${value.toFixed(4)}: ${sources.map(moved).join(", ")}`);
}"""


def shifts(page: Page) -> list[str]:
    """
    Return a line for each time that something moved on *page* without the reader having just done anything: how much,
    and what (CLS is made of these). A ten-thousandth is left out: a word beside another has become a letter longer.
    """
    found: list[str] = page.evaluate(_SHIFTS)
    return found
