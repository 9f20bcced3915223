"""What is true of every page in every state, as a browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any, Final
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
UNFOLD: Final = "document.querySelectorAll('details').forEach((each) => (each.open = true))"
# As the service writes a time for whoever has no scripts.
FOREIGN_TIMES: Final = r"""() => document.body.innerText.match(/.{0,60}\d\d:\d\d\sUTC/g) ?? []"""


class Stage:
    """Shows pages in a browser, with our assets, and with a drawing of its size for each picture."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._html = ""
        page.route("**/*", self._answer)

    def show(self, html: str) -> None:
        # A page that waits comes again by itself, in the middle of whatever is done with it.
        self._html = re.sub(r'<meta http-equiv="refresh"[^>]*>', "", html)
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


@dataclass(frozen=True)
class Sight:
    """What a reader meets on a page. Each is a list of what should not be there."""

    moved: list[str]
    """What moved by itself, on a phone or on a large screen."""
    hidden: list[str]
    """What is seen though the page hides it, with and without scripts."""
    foreign_times: list[str]
    """Times that are not the reader's own, though there are scripts."""
    faults: list[str]
    """What axe finds."""


@pytest.fixture(scope="module")
def sights(chromium: Browser, pages: dict[str, str]) -> dict[str, Sight]:
    """What is met on each of *pages*: each is looked at once in each way, for a browser takes its time to show one."""
    with (
        stage(chromium, viewport=PHONE, timezone_id="Asia/Tokyo") as phone,
        stage(chromium, viewport=PHONE, java_script_enabled=False) as unscripted,
        stage(chromium, viewport=DESKTOP) as desktop,
    ):
        return {where: look(html, phone, unscripted, desktop, where) for where, html in pages.items()}


@contextmanager
def stage(browser: Browser, **options: Any) -> Iterator[Stage]:
    context = browser.new_context(locale="en-GB", **options)
    yield Stage(context.new_page())
    context.close()


def look(html: str, phone: Stage, unscripted: Stage, desktop: Stage, where: str) -> Sight:
    for each in (phone, unscripted, desktop):
        each.show(html)
    moved = shifts(phone.page) + shifts(desktop.page)
    for each in (phone, unscripted):
        each.page.evaluate(UNFOLD)
    hidden = phone.page.evaluate(SEEN_THOUGH_HIDDEN) + unscripted.page.evaluate(SEEN_THOUGH_HIDDEN)
    # That of /docs is the longest by far, and always the same: test_frame.py has axe look at it.
    found = [] if where.startswith("/docs") else faults(phone.page)
    return Sight(moved, hidden, phone.page.evaluate(FOREIGN_TIMES), found)


def test_axe_finds_nothing(sights: dict[str, Sight]) -> None:
    assert {where: sight.faults for where, sight in sights.items() if sight.faults} == {}


def test_nothing_moves(sights: dict[str, Sight]) -> None:
    assert {where: sight.moved for where, sight in sights.items() if sight.moved} == {}


def test_what_is_hidden_is_not_seen(sights: dict[str, Sight]) -> None:
    assert {where: sight.hidden for where, sight in sights.items() if sight.hidden} == {}


def test_times_are_the_readers_own(sights: dict[str, Sight], pages: dict[str, str]) -> None:
    assert any("data-local" in html for html in pages.values())
    assert {where: sight.foreign_times for where, sight in sights.items() if sight.foreign_times} == {}
