"""What a browser says of itself (`User-Agent`), in the two words by which its owner knows it again."""

from __future__ import annotations

from typing import Final

# Each says the names of those before it too (RFC 9110, 10.1.5: "for compatibility"): the first that is found counts.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str | None) -> tuple[str | None, str | None]:
    """Return the browser and its system; None for one that *agent* does not name, or that we do not know."""
    said = agent or ""
    found = [next((name for mark, name in marks if mark in said), None) for marks in (_BROWSERS, _SYSTEMS)]
    return found[0], found[1]
