"""Temporary links in a real browser: made on the page of a picture or without JavaScript, copied, sent and ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in
from tests.house import picture
from tests.running import http_client, running_service, until
from vignette.access.actors import OPERATOR, Scope
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

SIZES = ({"width": 360, "height": 740}, {"width": 1440, "height": 900})


class Doors:
    """A closed service with a private picture, and the key that has sent it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        asked = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        sent = http_client.post(f"{url}/images?visibility=private", content=picture(), headers=asked)
        self.page: str = sent.json()["links"]["self"]
        until(lambda: http_client.get(self.page, headers=asked).json()["state"] == "ready")

    def signed_in(self, context: BrowserContext) -> Visit:
        visit = Visit(context, self.url)
        sign_in(visit.page, self.url, self.token, self.page.removeprefix(self.url))
        return visit


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder: Path = tmp_path_factory.mktemp("service")
    with running_service(folder, access="closed") as service:
        settings = Settings(upload_folder=service.upload_folder, state_folder=service.state_folder)
        scopes = [Scope.READ, Scope.UPLOAD, Scope.SHARE]
        yield Doors(service.url, open_keyholding(settings).add(OPERATOR, "laptop", scopes)[1])


def made_on(page: Page) -> str:
    field = page.locator("#new-link-url")
    expect(field).to_be_visible()
    return field.input_value()


def test_the_keyboard_alone_makes_one_on_the_page_of_the_picture(chromium: Browser, doors: Doors) -> None:
    context = chromium.new_context(locale="en-GB", permissions=["clipboard-read", "clipboard-write"])
    visit = doors.signed_in(context)
    page = visit.page
    menu = page.locator("details.menu", has_text="Temporary link")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#link-what")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#link-what")).to_have_value("public")
    expect(page.locator("#link-place")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.locator("#link-lasts")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#link-lasts")).to_have_value("day")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    link = made_on(page)
    expect(page.locator("#new-link-url")).to_be_focused()
    page.wait_for_url(doors.page)
    assert re.search(r"/images/\w+/public\?.*link=", link)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=new-link-url]")).to_have_text("✓ Copied")
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert http_client.get(link).status_code in (200, 202)
    assert visit.complaints == []
    assert visit.strangers == []
    context.close()


def test_the_programs_of_the_device_get_it_where_there_is_such_a_way(chromium: Browser, doors: Doors) -> None:
    context = chromium.new_context(locale="en-GB")
    # What a phone does with it lies outside of the browser.
    context.add_init_script(
        "navigator.canShare = () => true; navigator.share = async (shared) => { window.shared = shared; };"
    )
    page = doors.signed_in(context).page
    page.get_by_text("Temporary link").click()
    page.get_by_role("button", name="Make the link").click()
    link = made_on(page)
    page.get_by_role("button", name="Send…").click()

    assert page.evaluate("window.shared") == {"url": link}
    context.close()


def test_a_day_that_is_over_is_told_beside_its_field(chromium: Browser, doors: Doors) -> None:
    context = chromium.new_context(locale="en-GB")
    page = doors.signed_in(context).page
    page.get_by_text("Temporary link").click()
    page.select_option("#link-lasts", "date")
    page.fill("#link-date", "2001-02-03")
    page.get_by_role("button", name="Make the link").click()

    expect(page.get_by_role("alert")).to_have_text("Choose a day that is not over yet.")
    expect(page.locator("#link-date")).to_be_focused()
    page.wait_for_url(doors.page)
    assert faults(page) == []
    page.fill("#link-date", "2099-02-03")
    page.get_by_role("button", name="Make the link").click()
    end = datetime(2099, 2, 4, tzinfo=UTC)
    assert f"expires={int(end.timestamp())}&" in made_on(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


def test_without_javascript_it_is_made_opened_and_ended(chromium: Browser, doors: Doors) -> None:
    context = chromium.new_context(locale="en-GB", java_script_enabled=False)
    visit = doors.signed_in(context)
    page = visit.page
    page.get_by_text("Temporary link").click()
    page.select_option("#link-what", "original")
    expect(page.get_by_text("The original tells all that it holds")).to_be_visible()
    page.select_option("#link-what", "page")
    page.select_option("#link-place", "exact")
    page.get_by_role("button", name="Make the link").click()
    link = made_on(page)
    expect(page.get_by_role("img", name="The link as a QR code")).to_be_visible()
    page.reload()
    assert made_on(page) == link

    friends = chromium.new_context(locale="en-GB")
    friend = friends.new_page()
    assert friend.goto(link).status == 200  # type: ignore[union-attr]
    expect(friend.locator("main img")).to_be_visible()
    row = page.locator(".listed li", has_text="with the place")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)
    assert http_client.get(link).status_code == 401
    assert visit.complaints == []
    assert visit.strangers == []
    friends.close()
    context.close()


def test_axe_finds_nothing(chromium: Browser, doors: Doors) -> None:
    context = chromium.new_context(locale="fr-FR")
    visit = doors.signed_in(context)
    page = visit.page
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.goto(doors.page)
        page.get_by_text("Lien temporaire").click()
        assert faults(page) == []
        page.get_by_role("button", name="Créer le lien").click()
        made_on(page)
        assert faults(page) == []
        page.goto(f"{doors.page}/share")
        page.get_by_text("Mettre fin à tous les liens…").click()
        assert faults(page) == []
        page.get_by_role("button", name="Créer le lien").click()
        made_on(page)
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    assert visit.complaints == []
    context.close()
