"""The pages of `admin`: what waits for a decision, and the tickets; on a phone and on a desktop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in
from tests.check_services import http_service
from tests.house import picture
from tests.running import Service, http_client, running_service
from vignette.access.actors import OPERATOR, Scope
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

KEPT_BACK = "Received. It waits for a decision"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with doors, where each picture waits for a decision."""
    with http_service(answer={"verdict": "quarantine", "reason": "nudity"}) as moderation:
        checks = [{"name": "moderation", "url": moderation.url, "secret": "0123456789abcdef"}]
        with running_service(tmp_path_factory.mktemp("service"), access="closed", checks=checks) as service:
            yield service


@pytest.fixture
def token(service: Service) -> str:
    settings = Settings(upload_folder=service.upload_folder, state_folder=service.state_folder)
    return open_keyholding(settings).add(OPERATOR, "admin", list(Scope))[1]


@pytest.fixture
def admin(chromium: Browser, service: Service, token: str) -> Iterator[Visit]:
    context = chromium.new_context(base_url=service.url, locale="en-GB")
    visit = Visit(context, service.url)
    sign_in(visit.page, service.url, token, "/quarantine")
    expect(visit.page.locator("h1")).to_have_text("Quarantine")
    yield visit
    context.close()


def test_the_tray_says_that_a_picture_waits_and_admin_decides(admin: Visit, tmp_path: Path) -> None:
    photo, page = tmp_path / "photo.jpg", admin.page
    photo.write_bytes(picture())
    page.goto("/add")
    page.set_input_files("form.upload input[type=file]", photo)
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.locator("#tray li .state")).to_have_text(KEPT_BACK)
    expect(page.locator("#tray li :is(a, [name=copy]):visible")).to_have_count(0)
    assert faults(page) == []
    page.goto("/quarantine")
    expect(page.locator(".suspects li")).to_contain_text(["nudity"])
    page.get_by_role("button", name="Accept").click()
    expect(page.locator(".suspects li")).to_have_count(0)
    assert admin.complaints == []


@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_and_the_bar_is_one_row(admin: Visit, service: Service, token: str, width: int) -> None:
    key = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    assert http_client.post(f"{service.url}/images", content=picture(40, width), headers=key).status_code == 202
    ticket = http_client.post(f"{service.url}/tickets", json={"uses": 3, "note": "w" * 200}, headers=key).json()
    page = admin.page
    page.set_viewport_size({"width": width, "height": 800})

    for path in ("/quarantine", "/tickets", f"/tickets/{ticket['id']}", f"/t/{ticket['token']}", "/images?ids=999"):
        page.goto(path)
        assert faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        bar = page.locator("header.bar").bounding_box()
        assert bar is not None
        assert bar["height"] <= 72, path
    assert admin.complaints == []
    assert admin.strangers == []
