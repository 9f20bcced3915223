"""The pages of keys and sessions in a real browser: by keyboard, without JavaScript, on a phone and on a desktop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in
from tests.running import running_service
from vignette.access.actors import OPERATOR, Scope
from vignette.access.quotas import Quota
from vignette.limits import MIB
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

SIZES: tuple[ViewportSize, ...] = ({"width": 360, "height": 740}, {"width": 1440, "height": 900})


class Account:
    """A closed service with the keys of a caretaker and of a guest."""

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.keyholding = open_keyholding(settings)
        self.caretaker = self.keyholding.add(OPERATOR, "caretaker", [Scope.ADMIN])[1]
        quota = Quota(images=500, bytes=2048 * MIB, images_per_day=40)
        self.theirs, self.guest = self.keyholding.add(OPERATOR, "guest", [Scope.READ], quota=quota)

    def signed_in(self, context: BrowserContext, token: str, path: str = "/") -> Visit:
        visit = Visit(context, self.url)
        sign_in(visit.page, self.url, token, path)
        return visit


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    folder: Path = tmp_path_factory.mktemp("service")
    with running_service(folder, access="closed") as service:
        yield Account(service.url, Settings(upload_folder=service.upload_folder, state_folder=service.state_folder))


def token_on(page: Page) -> str:
    field = page.get_by_label("Key", exact=True)
    expect(field).to_be_visible()
    return field.input_value()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until *selector* has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def test_the_keyboard_alone_opens_the_menu_and_makes_a_key(chromium: Browser, account: Account) -> None:
    context = chromium.new_context(locale="en-GB", permissions=["clipboard-read", "clipboard-write"])
    visit = account.signed_in(context, account.caretaker)
    page = visit.page
    menu = page.locator("header details.menu")
    tab_to(page, "header .menu > summary")
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, 'header a[href="/keys"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"{account.url}/keys")

    tab_to(page, "#name")
    page.keyboard.type("Berta’s phone")
    tab_to(page, "[name=upload]")
    page.keyboard.press("Space")
    tab_to(page, "#lasts")
    page.keyboard.press("Home")
    expect(page.locator("#lasts")).to_have_value("month")
    tab_to(page, ".key-form button")
    page.keyboard.press("Enter")

    token = token_on(page)
    tab_to(page, "[data-copy=token]")
    page.keyboard.press("Enter")
    expect(page.locator("[data-copy=token]")).to_have_text("✓ Copied")
    assert page.evaluate("navigator.clipboard.readText()") == token
    key = account.keyholding.authenticate(token, "127.0.0.1")
    assert key.scopes == {Scope.READ}
    assert visit.complaints == []
    assert visit.strangers == []
    context.close()


def test_a_click_elsewhere_closes_the_menu(chromium: Browser, account: Account) -> None:
    context = chromium.new_context(locale="en-GB")
    page = account.signed_in(context, account.guest).page
    menu = page.locator("header details.menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("link")).to_have_text(["Your key", "Sessions"])

    page.locator("main").click(position={"x": 5, "y": 5})

    expect(menu).not_to_have_attribute("open", "")
    context.close()


def test_a_menu_that_tab_leaves_closes(chromium: Browser, account: Account) -> None:
    context = chromium.new_context(locale="en-GB")
    page = account.signed_in(context, account.guest).page
    menu = page.locator("header details.menu")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Sign out").focus()
    expect(menu).to_have_attribute("open", "")

    page.keyboard.press("Tab")

    expect(menu).not_to_have_attribute("open", "")
    context.close()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
@pytest.mark.parametrize("who", ["nobody", "guest", "caretaker"])
def test_the_bar_of_a_phone_cuts_nothing(chromium: Browser, account: Account, who: str, locale: str) -> None:
    context = chromium.new_context(locale=locale, viewport=SIZES[0])
    if who == "nobody":
        page = context.new_page()
        page.goto(f"{account.url}/login")
    else:
        page = account.signed_in(context, getattr(account, who)).page

    widths = page.locator("header.bar nav").evaluate("nav => [nav.scrollWidth, nav.clientWidth]")

    assert widths[0] <= widths[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


@pytest.mark.parametrize("size", SIZES, ids=("phone", "desktop"))
def test_without_javascript_a_key_is_made_changed_and_taken_back(
    chromium: Browser, account: Account, size: ViewportSize
) -> None:
    context = chromium.new_context(locale="en-GB", java_script_enabled=False, viewport=size)
    page = account.signed_in(context, account.caretaker).page
    page.locator("header .menu summary").click()
    page.get_by_role("link", name="All keys").click()
    page.fill("#name", "tablet")
    expect(page.locator("#date")).to_be_hidden()
    page.select_option("#lasts", "date")
    page.fill("#date", "2001-02-03")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a day that is not over yet.")
    expect(page.locator("#date")).to_be_focused()
    expect(page.locator("#name")).to_have_value("tablet")
    page.fill("#date", "2099-02-03")
    page.get_by_role("button", name="Make a key").click()
    token = token_on(page)

    theirs = chromium.new_context(locale="en-GB", java_script_enabled=False, viewport=size)
    tablet = account.signed_in(theirs, token, "/keys/me").page
    expect(tablet.locator("h1")).to_have_text("tablet")
    expect(tablet.get_by_role("link", name="Change it…")).to_have_count(0)

    page.get_by_role("main").get_by_role("link", name="All keys").last.click()
    page.get_by_role("link", name="tablet", exact=True).first.click()
    page.get_by_role("link", name="Change it…").click()
    page.fill("#name", "kitchen")
    page.get_by_text("Limits", exact=True).first.click()
    page.fill("#images", "3")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("kitchen")
    expect(page.get_by_text("0 of 3 pictures")).to_be_visible()
    tablet.reload()
    expect(tablet.locator("h1")).to_have_text("kitchen")

    page.get_by_role("link", name="Take it back…").click()
    page.get_by_role("button", name="Take it back").click()
    page.wait_for_url(f"{account.url}/keys")
    expect(page.get_by_role("link", name="kitchen", exact=True)).to_have_count(0)
    assert tablet.reload().status == 401  # type: ignore[union-attr]
    theirs.close()
    context.close()


def test_sessions_are_ended_one_by_one_and_all_others_at_once(chromium: Browser, account: Account) -> None:
    contexts = [chromium.new_context(locale="en-GB", java_script_enabled=number > 0) for number in range(4)]
    here, *others = [account.signed_in(context, account.guest, "/sessions").page for context in contexts]
    here.reload()
    rows = here.locator(".listed li")
    mine = rows.filter(has_text="this browser")
    expect(mine).to_have_count(1)
    expect(mine.get_by_role("button")).to_have_text("Sign out")
    before = rows.count()

    rows.get_by_role("button", name=re.compile("^End the session of")).first.click()

    expect(rows).to_have_count(before - 1)
    assert [page.reload().status for page in others].count(401) == 1  # type: ignore[union-attr]
    here.get_by_role("button", name="End all others").click()
    expect(rows).to_have_count(1)
    expect(here.get_by_role("button", name="End all others")).to_have_count(0)
    assert {page.reload().status for page in others} == {401}  # type: ignore[union-attr]
    for context in contexts:
        context.close()


@pytest.mark.parametrize("size", SIZES, ids=("phone", "desktop"))
def test_axe_finds_nothing(chromium: Browser, account: Account, size: ViewportSize) -> None:
    context = chromium.new_context(locale="fr-FR", viewport=size)
    visit = account.signed_in(context, account.caretaker, "/keys")
    page = visit.page

    def is_sound() -> None:
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]

    page.locator("header .menu summary").click()
    is_sound()
    page.goto(f"{account.url}/keys")
    page.get_by_text("Limites", exact=True).first.click()
    is_sound()
    page.fill("#name", "tablette")
    page.fill("#networks", "chez moi")
    page.get_by_role("button", name="Créer une clé").click()
    expect(page.get_by_role("alert")).to_be_visible()
    is_sound()
    page.fill("#networks", "")
    page.get_by_role("button", name="Créer une clé").click()
    expect(page.locator("#token")).to_be_visible()
    is_sound()
    for path in (f"/keys/{account.theirs.id}", "/keys/me", "/sessions"):
        page.goto(account.url + path)
        is_sound()
    for form in ("change", "remove"):
        page.goto(f"{account.url}/keys/{account.theirs.id}/{form}")
        is_sound()
    # What is refused is told in words of the page, too.
    assert [words for words in visit.complaints if "400" not in words] == []
    assert visit.strangers == []
    context.close()
