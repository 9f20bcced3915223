"""Origins of pages, as browsers write them."""

from __future__ import annotations

import pytest

from vignette.access.origins import origins_of


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("https://app.example.org", "https://app.example.org"),
        ("https://APP.example.org/", "https://app.example.org"),
        ("HTTPS://app.example.org:443", "https://app.example.org"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://[::1]", "http://[::1]"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(text: str, usual: str) -> None:
    assert origins_of([text, usual]) == (usual,)


@pytest.mark.parametrize(
    "text",
    [
        *("*", "null", "", "app.example.org", "https://", "https://*.example.org", "ftp://app.example.org"),
        *("https://app.example.org/path", "https://app.example.org?query", "https://user@app.example.org"),
        *("https://app.example.org:99999", "https://a b", "https://a,https://b", "https://a\nb"),
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no origin"):
        origins_of([text])
