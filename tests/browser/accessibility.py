"""What axe-core finds against a page, in both themes (WCAG 2.2, levels A and AA, and what else axe calls a fault)."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# What axe looks for in each theme: in the second one colours alone may differ.
_THEMES: Final = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
# It would fetch all style sheets once more, for rules that are not asked for.
_OPTIONS: Final = {"resultTypes": ["violations"], "preload": False}
_RUN: Final = "(options) => axe.run(options).then(({ violations }) => violations)"

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
    page.evaluate(Axe().axe_script)
    found = []
    for theme, rules in _THEMES.items():
        # What changes its colour slowly has to be done with it, which it is at once for whoever does not like motion.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate(_SETTLED)
        violations: list[dict[str, Any]] = page.evaluate(_RUN, _OPTIONS | rules)
        found += [
            f"{theme}: {rule['id']} ({rule['impact']}): {node['target']} {node['html'][:120]}"
            for rule in violations
            for node in rule["nodes"]
        ]
    page.emulate_media(color_scheme="no-preference", reduced_motion="no-preference")
    return found
