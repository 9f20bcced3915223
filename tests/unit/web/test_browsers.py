"""What a browser is called by what it says of itself."""

from __future__ import annotations

import pytest

from vignette.web.pages.browsers import browser_of

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (WINDOWS, ("Chrome", "Windows")),
        (f"{WINDOWS} Edg/131.0.0.0", ("Edge", "Windows")),
        (f"{WINDOWS} OPR/115.0.0.0", ("Opera", "Windows")),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", ("Firefox", "Linux")),
        (f"{PHONE} Version/17.5 Mobile/15E148 Safari/604.1", ("Safari", "iPhone")),
        (f"{PHONE} CriOS/131.0 Mobile/15E148 Safari/604.1", ("Chrome", "iPhone")),
        (f"{ANDROID} SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36", ("Samsung Internet", "Android")),
        (f"{ANDROID} Chrome/131.0.0.0 Mobile Safari/537.36", ("Chrome", "Android")),
        ("curl/8.5.0", (None, None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_it_is_known_again_by_two_words(agent: str | None, named: tuple[str | None, str | None]) -> None:
    assert browser_of(agent) == named
