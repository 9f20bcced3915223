from __future__ import annotations

import time

import pytest
from werkzeug.datastructures import Headers, MIMEAccept
from werkzeug.http import parse_accept_header

from vignette.web.http.negotiation import HTML, JSON, TEXT, accepted_languages, accepted_types, names, preferred

CHROME_PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
CHROME_IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def accept(header: str) -> MIMEAccept:
    return parse_accept_header(header, MIMEAccept)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", TEXT, id="no header"),
        pytest.param("*/*", TEXT, id="curl"),
        pytest.param("application/json", JSON, id="program"),
        pytest.param("application/json, text/plain, */*", TEXT, id="axios gets the first of equals"),
        pytest.param("application/json;q=0.9, text/plain;q=0.5", JSON, id="by quality"),
        pytest.param("text/*;q=0.3, text/html;q=0.7, */*;q=0.5", HTML, id="the most specific range counts"),
        pytest.param("text/plain;q=0, */*", JSON, id="zero is a refusal"),
        pytest.param(CHROME_PAGE, HTML, id="browser"),
        pytest.param("image/png", TEXT, id="none of them: the first"),
        pytest.param("no accept header; at all;;q=x", TEXT, id="nonsense"),
    ],
)
def test_the_face_is_the_one_that_the_client_prefers(header: str, expected: str) -> None:
    assert preferred(accept(header), [TEXT, JSON, HTML]) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [(CHROME_PAGE, True), (CHROME_IMG, False), ("*/*", False), ("text/html;q=0", False), ("text/*", False)],
)
def test_only_who_opens_a_page_names_html(header: str, expected: bool) -> None:
    assert names(accept(header), HTML) is expected


def test_of_a_long_header_the_whole_elements_at_its_beginning_count() -> None:
    headers = Headers(
        {"Accept": "text/html, " + "a/b;q=0.5, " * 100_000, "Accept-Language": "fr, " + "de;q=0.5, " * 9999}
    )

    begun = time.process_time()
    types, languages = accepted_types(headers), accepted_languages(headers)
    taken = time.process_time() - begun

    assert types.best == "text/html"
    assert set(types.values()) == {"text/html", "a/b"}
    assert languages.best == "fr"
    assert set(languages.values()) == {"fr", "de"}
    assert taken < 0.1  # of processor time; all of it would take half a second


def test_a_header_of_one_endless_element_says_nothing() -> None:
    assert not list(accepted_types(Headers({"Accept": "text/html" + ";a=b" * 100_000})))


def test_a_header_that_is_missing_says_nothing() -> None:
    assert not list(accepted_types(Headers()))
