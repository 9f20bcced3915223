"""Nothing on a page moves by itself, whatever comes, on a phone and on a desktop."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.steadiness import shifts
from tests.browser.test_pages import PHOTO, SHAPES, nothing_rendered, send, wait_for
from tests.browser.test_tray import Made, drop
from tests.browser.test_tray import wait_for as wait_for_rows
from tests.house import picture
from tests.running import Service, until

pytestmark = pytest.mark.browser

SIZES = [
    pytest.param({"width": 360, "height": 740}, id="phone"),
    pytest.param({"width": 1440, "height": 900}, id="desktop"),
]
WALL: Final = 200
LIST: Final = f"/images?limit={WALL}"


@pytest.fixture(scope="module")
def wall(service: Service) -> list[str]:
    """As many pictures as a page may show, of several shapes and states."""
    contents = [picture(200 + 10 * (number % 13), 120 + number, colour="teal") for number in range(WALL - len(SHAPES))]
    images = send(service, [*contents, *SHAPES])
    wait_for(images)
    return images


@pytest.fixture
def made(tmp_path) -> Made:
    return Made(tmp_path)


def come_to_rest(page: Page) -> None:
    """Wait until all pictures in the window are there."""
    page.wait_for_load_state("networkidle")
    until(lambda: page.evaluate("[...document.images].every((image) => image.loading === 'lazy' || image.complete)"))


def scroll_through(page: Page) -> None:
    is_at_the_end = "scrollY + innerHeight >= document.documentElement.scrollHeight - 1"
    while not page.evaluate(is_at_the_end):
        page.evaluate(
            """() => new Promise((resolve) => {
                 addEventListener("scroll", resolve, { once: true });
                 scrollBy({ top: innerHeight, behavior: "instant" });
               })"""
        )
        come_to_rest(page)


@pytest.mark.usefixtures("wall")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("path", ["/", LIST, "/images?ids=0,1,2", "/add", "/limits", "/docs", "/nowhere"])
def test_nothing_moves_on_a_page(visit: Visit, path: str, size: Any) -> None:
    page = visit.page
    page.set_viewport_size(size)
    page.goto(path)
    come_to_rest(page)
    assert shifts(page) == []
    scroll_through(page)
    assert shifts(page) == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_on_the_page_of_a_picture(visit: Visit, wall: list[str], service: Service, size: Any) -> None:
    page = visit.page
    page.set_viewport_size(size)
    for url in (*send(service, [PHOTO.read_bytes()]), *wall[-len(SHAPES) :]):
        wait_for([url])
        page.goto(url)
        come_to_rest(page)
        assert shifts(page) == [], url


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_when_a_picture_is_ready(visit: Visit, service: Service, size: Any) -> None:
    page, several = visit.page, visit.context.new_page()
    for each in (page, several):
        each.set_viewport_size(size)
    with nothing_rendered(service):
        images = send(service, [PHOTO.read_bytes(), *SHAPES])
        page.goto(images[0])
        several.goto(f"/images?limit={len(images)}")
        for each in (page, several):
            come_to_rest(each)
            assert shifts(each) == []
    expect(page.locator(".mat .open img")).to_be_visible(timeout=60_000)
    until(lambda: several.locator(".wall .pending").count() == 0)
    for each in (page, several):
        come_to_rest(each)
        assert shifts(each) == []


@pytest.mark.usefixtures("wall")
@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_when_the_tray_opens_and_pictures_come(visit: Visit, made: Made, size: Any) -> None:
    """A file that is refused is not among them: its row has the reason, which may take several lines."""
    page, files = visit.page, made.pictures(4)
    page.set_viewport_size(size)
    page.goto("/")
    come_to_rest(page)

    drop(page, *files)

    wait_for_rows(page, *files)
    assert shifts(page) == []
    page.locator("#tray .fold").click()
    drop(page, *made.pictures(2))
    expect(page.locator("#tray h2")).to_contain_text("6 pictures kept", timeout=60_000)
    assert shifts(page) == []
