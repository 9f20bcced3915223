"""What is true of every page in every state, as a browser shows it: axe finds no fault, and nothing moves by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize

from tests.browser.accessibility import faults
from tests.browser.steadiness import shifts
from tests.running import PROJECT_FOLDER
from tests.walk import walk_in

pytestmark = pytest.mark.browser

ASSETS: Final = PROJECT_FOLDER / "static" / "assets"
WHERE: Final = "http://walk.test/"
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
DESKTOP: Final[ViewportSize] = {"width": 1440, "height": 900}

SEEN_THOUGH_HIDDEN: Final = """() => [...document.querySelectorAll("[hidden]")]
  .filter((each) => each.checkVisibility({ visibilityProperty: true })).map((each) => each.outerHTML)"""


class Stage:
    """Shows pages in a browser, with our assets, and with a drawing of its size for each picture."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._html = ""
        page.route("**/*", self._answer)

    def show(self, html: str) -> None:
        self._html = html
        self.page.goto(WHERE)

    def _answer(self, route: Route) -> None:
        url = urlsplit(route.request.url)
        if route.request.is_navigation_request():
            route.fulfill(body=self._html, content_type="text/html; charset=utf-8")
        elif url.path.startswith("/assets/"):
            route.fulfill(path=ASSETS / url.path.split("/", 3)[3])
        elif route.request.resource_type == "image":
            route.fulfill(body=self._drawing(url.path), content_type="image/svg+xml")
        else:
            route.abort()

    def _drawing(self, path: str) -> str:
        """Return a picture as large as the page says that the one at *path* is."""
        tag = next((tag for tag in re.findall(r"<img[^>]+>", self._html) if path in unescape(tag)), "")
        width, height = re.findall(r' (?:width|height)="(\d+)"', tag) or ("16", "16")
        return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"></svg>'


def shape(html: str) -> frozenset[str]:
    """Return the kinds of elements in *html*: pages that have the same differ in words and addresses alone."""
    return frozenset(re.sub(r'(?<!class)="[^"]*"', "", tag) for tag in re.findall(r"<[a-z][^>]*>", html))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One page in English of each shape, by where it was met and in which state."""
    walk = walk_in(tmp_path_factory.mktemp("walk"))
    english = {where: html for where, html in walk.pages.items() if not where.endswith("(fr)")}
    return dict({shape(html): (where, html) for where, html in english.items()}.values())


def stage_of(browser: Browser, size: ViewportSize, *, scripted: bool = True) -> Iterator[Stage]:
    context = browser.new_context(viewport=size, locale="en-GB", java_script_enabled=scripted)
    yield Stage(context.new_page())
    context.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Stage]:
    yield from stage_of(chromium, PHONE)


@pytest.fixture
def phone_without_javascript(chromium: Browser) -> Iterator[Stage]:
    yield from stage_of(chromium, PHONE, scripted=False)


@pytest.fixture
def desktop(chromium: Browser) -> Iterator[Stage]:
    yield from stage_of(chromium, DESKTOP)


def test_axe_finds_nothing(phone: Stage, pages: dict[str, str]) -> None:
    found = {}
    for where, html in pages.items():
        if where.startswith("/docs"):  # the longest by far, and always the same: test_frame.py looks at it
            continue
        phone.show(html)
        phone.page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        found[where] = faults(phone.page)

    assert {where: each for where, each in found.items() if each} == {}


def test_nothing_moves(phone: Stage, desktop: Stage, pages: dict[str, str]) -> None:
    found = {}
    for where, html in pages.items():
        for stage in (phone, desktop):
            stage.show(html)
            found[where, stage.page.viewport_size["width"]] = shifts(stage.page)

    assert {where: each for where, each in found.items() if each} == {}


def test_what_is_hidden_is_not_seen(phone: Stage, phone_without_javascript: Stage, pages: dict[str, str]) -> None:
    found = {}
    for where, html in pages.items():
        for stage in (phone, phone_without_javascript):
            stage.show(html)
            stage.page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
            found[where, stage is phone] = stage.page.evaluate(SEEN_THOUGH_HIDDEN)

    assert {where: each for where, each in found.items() if each} == {}
