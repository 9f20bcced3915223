"""The tray of a gallery: who sees what is added."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import sign_in
from tests.browser.made import Made
from tests.browser.tray.acting import drag, drop, first, wait_for
from tests.running import Service, http_client, running_service
from vignette.access.actors import OPERATOR, Scope
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("doors"), access="gallery") as service:
        yield service


def key_of(gallery: Service, name: str) -> str:
    """Make a key that reads, uploads and edits; return its token."""
    settings = Settings(upload_folder=gallery.upload_folder, state_folder=gallery.state_folder)
    return open_keyholding(settings).add(OPERATOR, name, [Scope.READ, Scope.UPLOAD, Scope.EDIT])[1]


@pytest.fixture(scope="module")
def doors(gallery: Service) -> tuple[str, str]:
    """The URL of a gallery, and a key of it."""
    return gallery.url, key_of(gallery, "laptop")


def send_as(url: str, file: Path, token: str, visibility: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = http_client.post(f"{url}/images?visibility={visibility}", content=file.read_bytes(), headers=headers)
    return int(answer.json()["id"])


def test_whoever_adds_says_who_sees_it(chromium: Browser, doors: tuple[str, str], made: Made) -> None:
    url, token = doors
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    sign_in(page, url, token)
    page.get_by_role("link", name="Add pictures").click()
    page.get_by_label("Seen by").select_option("only you")
    file = made.picture()

    drag(page, "dragEnter", file)
    drag(page, "dragOver", file)
    expect(page.locator(".veil")).to_contain_text("Only you will see them.")
    drag(page, "drop", file)

    wait_for(page, file)
    page.get_by_role("link", name=file.name).first.click()
    page.wait_for_url(re.compile("/images/"))
    assert http_client.get(page.url).status_code == 404
    context.close()


def test_of_what_somebody_may_not_see_nobody_learns_that_it_is_here(
    chromium: Browser, gallery: Service, doors: tuple[str, str], made: Made
) -> None:
    url, token = doors
    private, public, own = made.pictures(3)
    strangers_token = key_of(gallery, "stranger")
    send_as(url, private, strangers_token, "private")
    send_as(url, public, strangers_token, "public")
    number = send_as(url, own, token, "private")
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    sign_in(page, url, token)

    drop(page, private, public, own)

    wait_for(page, private)
    expect(first(page, private)).to_be_hidden()
    expect(first(page, public)).to_have_text("Already here")
    expect(first(page, own)).to_have_text(f"Already here: image {number}")
    first(page, public).click()
    expect(page.locator("h1")).to_be_visible()
    context.close()


def test_whoever_may_not_add_has_no_tray(chromium: Browser, doors: tuple[str, str]) -> None:
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(f"{doors[0]}/images")

    assert page.locator("#tray").count() == 0
    context.close()
