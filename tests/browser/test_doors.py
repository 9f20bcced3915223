"""Signing in with a real browser, and by the keyboard alone: a private picture, its page, and signing out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in
from tests.house import picture
from tests.running import http_client, running_service, until
from vignette.access.actors import OPERATOR, Scope
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

# More stops of the Tab key than any page here has.
MAX_STOPS = 40


class Doors:
    """A gallery with two keys, and a private picture that came with the first."""

    def __init__(self, url: str, token: str, other: str) -> None:
        self.url = url
        self.token = token
        self.other = {"Authorization": f"Bearer {other}"}
        self.key = {"Authorization": f"Bearer {token}"}
        asked = {**self.key, "Accept": "application/json"}
        sent = http_client.post(f"{url}/images?visibility=private", content=picture(), headers=asked)
        self.page: str = sent.json()["links"]["self"]
        until(lambda: http_client.get(self.page, headers=asked).json()["state"] == "ready")


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder: Path = tmp_path_factory.mktemp("service")
    with running_service(folder, access="gallery") as service:
        settings = Settings(upload_folder=service.upload_folder, state_folder=service.state_folder)
        scopes = [Scope.READ, Scope.UPLOAD, Scope.EDIT, Scope.DELETE]
        _, token = open_keyholding(settings).add(OPERATOR, "laptop", scopes)
        _, other = open_keyholding(settings).add(OPERATOR, "phone", scopes)
        yield Doors(service.url, token, other)


@pytest.fixture
def visit(chromium: Browser, doors: Doors) -> Iterator[Visit]:
    context = chromium.new_context(locale="en-GB")
    yield Visit(context, doors.url)
    context.close()


def tab_to(page: Page, text: str) -> None:
    """Press Tab until what has *text* has the focus."""
    for _ in range(MAX_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == text:
            return
    raise AssertionError(f"Tab does not lead to {text!r}")


def type_key(page: Page, token: str) -> None:
    """Type into the field that has the focus as soon as the page is drawn, and press Enter."""
    expect(page.locator("#key")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")


def test_the_keyboard_alone_signs_in_looks_and_signs_out(visit: Visit, doors: Doors) -> None:
    page = visit.page
    page.goto(doors.page)
    expect(page.locator("h1")).to_have_text("There is no such image")
    tab_to(page, "Sign in")
    tab_to(page, "Sign in")  # the first is that of the heading
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/login"))

    type_key(page, "vk_wrong")
    expect(page.get_by_role("alert")).to_contain_text("This key is not valid here")
    type_key(page, doors.token)

    page.wait_for_url(doors.page)
    expect(page.locator("main img")).to_be_visible()
    for button, seen_by in (
        ("Make it public", "everybody who may look at images here"),
        ("Make it private", "only the key that sent it, and admin"),
    ):
        tab_to(page, button)
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"Seen by: {seen_by}")).to_be_visible()
        page.wait_for_url(doors.page)
    for item in ("Account", "Sign out"):
        tab_to(page, item)
        page.keyboard.press("Enter")
    page.wait_for_url(f"{doors.url}/")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.goto(doors.page)
    expect(page.locator("h1")).to_have_text("There is no such image")
    # What was asked for in vain, and that signing out has emptied the browser's cache, is no complaint of a page.
    expected = ("Failed to load resource", "Clear-Site-Data")
    assert [words for words in visit.complaints if not words.startswith(expected)] == []
    assert visit.strangers == []


def test_a_list_tells_its_owner_which_picture_is_private(visit: Visit, doors: Doors) -> None:
    page = visit.page
    sign_in(page, doors.url, doors.token)

    expect(page.locator(".wall .private").first).to_be_visible()


def test_several_are_made_public_and_private_by_their_owner_alone(
    chromium: Browser, visit: Visit, doors: Doors
) -> None:
    page, theirs = visit.page, chromium.new_context(locale="en-GB")
    stranger = theirs.new_page()
    sign_in(page, doors.url, doors.token)
    number = page.locator(".wall li").count()
    for button, badges in (("Make public", 0), ("Make private", number)):
        page.locator("label.select").click()
        page.locator(".check input").first.focus()
        page.keyboard.press("Control+a")
        page.get_by_role("button", name=button).click()
        expect(page.locator(".wall .private")).to_have_count(badges)
        expect(page.locator(".wall a").first).to_be_focused()
        stranger.goto(doors.url)
        expect(stranger.locator(".wall li")).to_have_count(number - badges)
        if not badges:
            stranger.locator("label.select").click()
            stranger.locator(".check").first.click()
            expect(stranger.get_by_role("button", name="Download")).to_be_visible()
            for hidden in ("Delete", "Make private", "Make public"):
                expect(stranger.get_by_role("button", name=hidden)).to_have_count(0)
        assert faults(page) == []
        assert faults(stranger) == []
    assert visit.complaints == []
    theirs.close()


def test_what_is_of_others_is_taken_away_alone(visit: Visit, doors: Doors) -> None:
    page = visit.page
    sent = http_client.post(
        f"{doors.url}/images?visibility=public",
        content=picture(70),
        headers=doors.other | {"Accept": "application/json"},
    ).json()
    sign_in(page, doors.url, doors.token)
    page.locator("label.select").click()
    page.locator(f".wall li:not([data-ref='{sent['public_name']}']) .check").first.click()
    buttons = [page.get_by_role("button", name=name) for name in ("Make public", "Make private", "Delete")]
    for button in buttons:
        expect(button).to_be_enabled()

    page.locator(f".wall li[data-ref='{sent['public_name']}'] .check").click()

    for button in buttons:
        expect(button).to_be_disabled()
    expect(page.get_by_text("Only your own pictures can be changed or deleted.")).to_be_visible()
    expect(page.get_by_role("button", name="Clean copies")).to_be_enabled()
    assert faults(page) == []
    assert http_client.delete(sent["links"]["self"], headers=doors.other).status_code == 204


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_picture_is_private_from_the_first_moment_on(
    chromium: Browser, doors: Doors, tmp_path: Path, has_javascript: bool
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture(50 + has_javascript))  # not one that is here already
    context = chromium.new_context(locale="en-GB", java_script_enabled=has_javascript)
    page = context.new_page()
    sign_in(page, doors.url, doors.token)
    page.goto(f"{doors.url}/add")
    page.set_input_files("form.upload input[type=file]", photo)
    page.get_by_role("button", name="Upload as private").click()
    if has_javascript:
        page.locator("#tray").get_by_role("link", name=photo.name).click()

    expect(page.get_by_text("Seen by: only the key that sent it, and admin")).to_be_visible()
    assert http_client.get(page.url).status_code == 404
    context.close()
