"""Pictures that the service has already."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import Uploads, drop, drop_and_hold, first, row, rows, state, wait_for
from tests.browser.unsteady_line import Line
from tests.running import http_client, running_service
from vignette.limits import MIB

pytestmark = pytest.mark.browser

ASKS_EVERY_S = 0.5  # at most, which files are here already


def send_by_program(url: str, *files: Path) -> list[int]:
    """Upload *files*; return their numbers."""
    return [int(http_client.post(f"{url}/images", content=file.read_bytes()).text) for file in files]


class Questions:
    """The requests of *page* that ask which files are here already."""

    def __init__(self, page: Page) -> None:
        self.urls: list[str] = []
        page.on("request", lambda request: self.urls.append(request.url) if "sha256=" in request.url else None)


def test_what_is_here_is_not_sent_again_unless_the_reader_says_so(visit: Visit, made: Made) -> None:
    page, file = visit.page, made.picture()
    uploads = Uploads(page)
    page.goto(f"{visit.url}/images")
    drop(page, file)
    wait_for(page, file)
    number = (state(page, file).text_content() or "").removeprefix("Ready: image ")
    copy = made.file("another name.png", file.read_bytes())

    drop(page, copy)

    expect(first(page, copy)).to_have_text(f"Already here: image {number}")
    expect(state(page, copy)).to_have_text("Not sent")
    expect(page.locator("#tray-told")).to_have_text("1 of 2 kept · 1 already here")
    page.reload()
    drop(page, file)
    expect(first(page, file)).to_have_text(f"Already here: image {number}")
    expect(first(page, file)).to_have_attribute("href", f"{visit.url}/images/{number}")
    expect(page.locator("#tray .sum")).to_have_text("1 already here")
    expect(page.get_by_role("link", name="Show this picture")).to_have_attribute("href", re.compile(f"={number}$"))
    assert faults(page) == []
    assert len(uploads.requests) == 1

    row(page, file).get_by_role("button", name="Send it anyway").press("Enter")

    wait_for(page, file)
    assert len(uploads.requests) == 2
    expect(state(page, file)).not_to_have_text(f"Ready: image {number}")
    expect(first(page, file)).to_have_text(f"Already here: image {number}")
    assert row(page, file).evaluate("row => row.contains(document.activeElement)")
    assert visit.complaints == []


def test_the_keyboard_leaves_it(french_visit: Visit, made: Made) -> None:
    page, file = french_visit.page, made.picture()
    [number] = send_by_program(french_visit.url, file)
    uploads = Uploads(page)
    page.goto(french_visit.url)
    drop(page, file)
    expect(first(page, file)).to_have_text(f"Déjà là\u00a0: image {number}")
    page.locator("#tray .fold").focus()
    stops = []
    for _ in range(3):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.textContent.trim()"))
    assert stops == [
        f"Déjà là\u00a0: image {number}",
        f"L’envoyer quand même {file.name}",
        f"Ne pas l’envoyer {file.name}",
    ]

    page.keyboard.press("Enter")

    expect(rows(page)).to_have_count(0)
    assert uploads.requests == []
    page.reload()  # nothing asks whether to leave
    assert french_visit.complaints == []


def test_a_wall_of_files_is_asked_for_in_few_questions(visit: Visit, made: Made) -> None:
    page, files, new = visit.page, made.pictures(60), made.picture()
    send_by_program(visit.url, *files)
    page.goto(f"{visit.url}/docs")
    uploads, questions = Uploads(page), Questions(page)

    begun = time.monotonic()
    drop(page, *files, new)

    wait_for(page, new)
    expect(page.locator("#tray .sum")).to_contain_text("60 already here")
    assert len(uploads.requests) == 1
    assert 1 <= len(questions.urls) <= 2 + (time.monotonic() - begun) / ASKS_EVERY_S
    assert visit.complaints == []


def test_of_two_files_with_the_same_bytes_one_is_sent(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.large()
    copy = made.file("copy.jpg", file.read_bytes())
    uploads = Uploads(page)
    page.goto(f"{line.url}/docs")
    drop_and_hold(page, line, file, copy)
    expect(state(page, copy)).to_have_text("Waiting")

    line.release()

    wait_for(page, file)
    expect(first(page, copy)).to_have_text(re.compile(r"^Already here: image \d+$"))
    assert len(uploads.requests) == 1


def test_of_two_files_with_the_same_bytes_the_other_goes_if_one_is_cancelled(
    visit: Visit, line: Line, made: Made
) -> None:
    page, file = visit.page, made.large()
    copy = made.file("copy.jpg", file.read_bytes())
    page.goto(f"{line.url}/docs")
    drop_and_hold(page, line, file, copy)

    row(page, file).get_by_role("button", name="Cancel").click()

    expect(state(page, copy)).to_contain_text("Sending")
    line.release()
    wait_for(page, copy)


def test_a_file_is_sent_if_nobody_knows(visit: Visit, made: Made) -> None:
    page, file = visit.page, made.picture()
    send_by_program(visit.url, file)
    page.route("**/images?sha256=*", lambda route: route.fulfill(status=503, body=""))
    page.goto(visit.url)

    drop(page, file)

    wait_for(page, file)


def test_over_plain_http_it_is_told_of_what_was_sent(chromium: Browser, tmp_path: Path, made: Made) -> None:
    file, new = made.picture(), made.picture()
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    with running_service(tmp_path / "service", allowed_hosts=["name.test"]) as service:
        url = service.url.replace("127.0.0.1", "name.test")
        [number] = send_by_program(service.url, file)
        page.goto(f"{url}/images")
        assert page.evaluate("typeof crypto.subtle") == "undefined"
        questions = Questions(page)

        drop(page, file, new)

        wait_for(page, file, new)
        expect(first(page, file)).to_have_text(f"Already here: image {number}")
        expect(first(page, file)).to_have_attribute("href", f"{url}/images/{number}")
        expect(first(page, new)).to_be_hidden()
        expect(page.locator("#tray-told")).to_have_text("2 of 2 kept")
        assert 1 <= len(questions.urls) <= 2
    context.close()


def test_a_file_that_is_large_is_not_hashed(visit: Visit) -> None:
    visit.page.goto(visit.url)
    module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

    found = visit.page.evaluate(
        """async ([module, size]) => {
             const { digestOf } = await import(module.replace(/tray.js$/, "tray/here.js"));
             return [await digestOf(new File(["abc"], "f")), digestOf({ size: size + 1 }) === undefined];
           }""",
        [module, 50 * MIB],
    )

    assert found == [hashlib.sha256(b"abc").hexdigest(), True]
