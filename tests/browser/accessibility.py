"""What axe-core finds against a page, in both themes (WCAG 2.2, levels A and AA, and what else axe calls a fault)."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_AXE: Final = Axe()
_THEMES: Final = ("light", "dark")

# What goes on for ever is no change of colour; and what is out of sight may wait for ever.
_SETTLED: Final = """() => Promise.race([
  new Promise((resolve) => setTimeout(resolve, 5000)),
  Promise.all(document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
    .map((each) => each.finished.catch(() => {}))),
])"""


def faults(page: Page) -> list[str]:
    """
    Return a line for each fault of *page* as it stands, in the light and in the dark theme: the rule and where it is
    broken. axe does not look into `<noscript>`, nor at what is hidden.
    """
    found = []
    for theme in _THEMES:
        page.emulate_media(color_scheme=theme)
        # What changes its colour slowly has to be done with it.
        page.evaluate(_SETTLED)
        results: dict[str, Any] = _AXE.run(page).response
        found += [
            f"{theme}: {rule['id']} ({rule['impact']}): {node['target']} {node['html'][:120]}"
            for rule in results["violations"]
            for node in rule["nodes"]
        ]
    page.emulate_media(color_scheme="no-preference")
    return found
