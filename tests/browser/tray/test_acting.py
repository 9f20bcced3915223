"""What a reader can do about a file: cancel, try again, copy, remove."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import HELD_AFTER, add, drop, drop_and_hold, names, row, state, wait_for
from tests.browser.unsteady_line import Line
from tests.running import http_client, running_service

pytestmark = pytest.mark.browser


def test_what_is_being_sent_is_cancelled_and_sent_after_all(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.large()
    page.goto(f"{line.url}/images")
    before = len(names(visit.url))
    drop_and_hold(page, line, file)

    row(page, file).get_by_role("button", name="Cancel").press("Enter")

    expect(state(page, file)).to_have_text("Cancelled")
    again = row(page, file).get_by_role("button", name="Try again")
    expect(again).to_be_focused()
    line.release()
    assert len(names(visit.url)) == before
    again.press("Enter")
    wait_for(page, file)
    assert len(names(visit.url)) == before + 1


def test_leaving_asks_first_while_something_is_being_sent(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.large()
    page.goto(f"{line.url}/images")
    line.hold(HELD_AFTER)
    add(page, file)
    expect(state(page, file)).to_contain_text("Sending")
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.get_by_role("link", name="API").click(no_wait_after=True)
    assert asked == ["beforeunload"]
    line.release()
    wait_for(page, file)

    page.get_by_role("link", name="API").click()

    page.wait_for_url(re.compile("/docs$"))
    assert asked == ["beforeunload"]


def test_links_are_copied_and_what_was_added_is_shown(visit: Visit, made: Made) -> None:
    page, files = visit.page, made.pictures(3)
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(visit.url)
    drop(page, *files)
    wait_for(page, *files)

    row(page, files[0]).get_by_role("button", name="Copy link").click()

    expect(state(page, files[0])).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert http_client.get(link, headers={"Accept": "application/json"}).json()["name"] == files[0].name
    page.get_by_role("button", name="Copy all links").click()
    expect(page.locator("#tray .note")).to_have_text("3 links copied")
    links = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert [http_client.get(each, headers={"Accept": "application/json"}).json()["name"] for each in links] == [
        file.name for file in files
    ]
    page.get_by_role("link", name="Show these 3").click()
    page.wait_for_url(re.compile(r"/images\?ids="))
    for file in files:
        expect(page.locator("main")).to_contain_text(file.name)


def test_over_plain_http_on_a_home_network_all_of_it_works_too(chromium: Browser, tmp_path: Path, made: Made) -> None:
    file = made.picture()
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    with running_service(tmp_path / "service", allowed_hosts=["name.test"]) as service:
        url = service.url.replace("127.0.0.1", "name.test")
        page.goto(f"{url}/images")
        assert page.evaluate("[isSecureContext, typeof crypto.randomUUID, typeof navigator.clipboard]") == [
            False,
            "undefined",
            "undefined",
        ]
        drop(page, file)
        wait_for(page, file)

        row(page, file).get_by_role("button", name="Copy link").click()

        field = row(page, file).get_by_role("textbox", name="Link")
        expect(field).to_have_value(re.compile(rf"^{re.escape(url)}/images/\d+$"))
        expect(field).to_be_focused()
        assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(field.input_value())
    assert complaints == []
    context.close()


def test_the_keyboard_alone_reaches_every_row(visit: Visit, made: Made) -> None:
    page = visit.page
    good, bad = made.picture(), made.file("notes.txt", b"notes\n")
    page.goto(f"{visit.url}/limits")
    drop(page, good, bad)
    wait_for(page, good)
    page.locator("#tray .fold").focus()
    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert stops[:6] == [
        good.name,
        f"Copy link {good.name}",
        f"Remove {bad.name}",
        "Show this picture",
        "Copy all links",
        "Clear and close",
    ]

    row(page, bad).get_by_role("button", name="Remove").press("Enter")
    expect(row(page, good).get_by_role("button", name="Copy link")).to_be_focused()
    page.get_by_role("button", name="Clear and close").press("Enter")

    expect(page.locator("#tray")).to_be_hidden()
    expect(page.get_by_role("link", name="Add pictures")).to_be_focused()


def test_escape_puts_the_tray_away_and_does_nothing_else(visit: Visit, made: Made) -> None:
    page, good = visit.page, made.picture()
    url = http_client.post(
        f"{visit.url}/images", content=made.picture().read_bytes(), headers={"Accept": "application/json"}
    ).json()["links"]["self"]
    page.goto(url)
    drop(page, good)
    wait_for(page, good)
    row(page, good).get_by_role("button", name="Copy link").focus()

    page.keyboard.press("Escape")

    expect(page.locator("#tray .fold")).to_be_focused()
    expect(page.locator("#tray .fold")).to_have_attribute("aria-expanded", "false")
    assert page.url == url


def test_the_wall_shows_what_has_come_once_the_tray_is_closed(visit: Visit, made: Made) -> None:
    page, good = visit.page, made.picture()
    page.goto(visit.url)
    drop(page, good)
    wait_for(page, good)

    page.get_by_role("button", name="Clear and close").click()

    expect(page.get_by_role("link", name=good.name)).to_be_visible()
    expect(page.locator("#tray")).to_be_hidden()
    assert visit.complaints == []
