"""Tickets in a real browser: the page of who makes one, that of a guest, and a page of another origin."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in, until_it_stays
from tests.house import picture
from tests.running import http_client, running_service
from vignette.access.actors import OPERATOR, Scope
from vignette.settings import Settings
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

SEND = """
async ([target, token]) => {
  const png = Uint8Array.from(atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
  ), c => c.charCodeAt(0));
  const headers = {Authorization: `Bearer ${token}`, "Content-Type": "image/png", Accept: "application/json"};
  try {
    const answer = await fetch(`${target}/images`, {method: "POST", body: png, headers});
    return [answer.status, (await answer.json()).state];
  } catch {
    return null;
  }
}
"""


class Party:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.host = {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    folder: Path = tmp_path_factory.mktemp("service")
    with running_service(folder, access="closed") as service:
        settings = Settings(upload_folder=service.upload_folder, state_folder=service.state_folder)
        scopes = [Scope.READ, Scope.UPLOAD, Scope.SHARE]
        _, token = open_keyholding(settings).add(OPERATOR, "host", scopes)
        yield Party(service.url, token)


@pytest.mark.parametrize("has_javascript", [True, False])
def test_a_host_makes_one_and_guests_send_by_it(
    chromium: Browser, party: Party, tmp_path: Path, has_javascript: bool
) -> None:
    files = [tmp_path / "one.jpg", tmp_path / "two.jpg"]
    for number, file in enumerate(files):
        file.write_bytes(picture(60 + has_javascript, 40 + number))
    context = chromium.new_context(locale="en-GB", java_script_enabled=has_javascript)
    host = Visit(context, party.url)
    sign_in(host.page, party.url, party.token, "/tickets")
    host.page.fill("#note", "Our wedding")
    host.page.fill("#uses", "2")
    host.page.get_by_role("button", name="Make a ticket").click()
    expect(host.page.locator("h1")).to_have_text("Our wedding")
    code = host.page.locator("img.qr")
    expect(code).to_be_visible()
    if has_javascript:
        expect(code).to_have_js_property("complete", True)
        assert code.evaluate("image => image.naturalWidth") > 0
    address = host.page.locator("pre a").inner_text()
    copy = host.page.locator("[data-copy=address]")
    expect(copy).to_be_visible(visible=has_javascript)
    if has_javascript:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        copy.click()
        expect(copy).to_have_text("✓ Copied")
        assert host.page.evaluate("navigator.clipboard.readText()") == address

    guests = chromium.new_context(locale="en-GB", java_script_enabled=has_javascript)
    guest = Visit(guests, party.url)
    guest.page.goto(address)
    expect(guest.page.locator("h1")).to_have_text("Our wedding")
    assert guest.page.locator("header a, footer a, main a").count() == 0
    asked: list[str] = []
    guest.page.on("request", lambda request: asked.append(request.url))
    guest.page.set_input_files("form.upload input[type=file]", files)
    if has_javascript:
        rows = guest.page.locator("#tray li")
        expect(rows.locator("[data-part=name]")).to_have_text(["one.jpg", "two.jpg"])
        expect(rows.locator(".state")).to_have_text(["Kept", "Kept"])
        expect(guest.page.locator("#tray a:visible")).to_have_count(0)
        assert [url for url in asked if "/assets/" not in url and not url.startswith("blob:")] == [address] * 2
        assert faults(guest.page) == []
        guest.page.reload()
    else:
        guest.page.get_by_role("button", name="Upload").click()
        expect(guest.page.locator(".results .name")).to_have_text(["one.jpg", "two.jpg"])
        until_it_stays(guest.page)
        guest.page.reload()
        expect(guest.page.locator(".results li")).to_have_count(2)
    expect(guest.page.locator("form.upload")).to_have_count(0)
    host.page.get_by_role("link", name="What came by it").click()
    expect(host.page.locator("main")).to_contain_text("2 of 2 pictures")
    expect(host.page.get_by_role("button", name="Revoke it")).to_be_hidden()
    host.page.get_by_text("Revoke it…").click()
    host.page.get_by_role("button", name="Revoke it").click()
    expect(host.page.locator("main")).to_contain_text("Revoked")
    for visit in (host, guest):
        assert visit.complaints == []
        assert visit.strangers == []
    context.close()
    guests.close()


class _App(BaseHTTPRequestHandler):
    """A page of somebody's app. It is really on this machine: browsers keep pages of elsewhere from reaching it."""

    def do_GET(self) -> None:
        content = b"<!doctype html><title>An app</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def app_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_page_of_an_origin_that_it_names_may_use_it_and_no_other(
    chromium: Browser, party: Party, app_port: int
) -> None:
    named, other = f"http://127.0.0.1:{app_port}", f"http://localhost:{app_port}"
    terms = {"uses": 5, "origins": [named]}
    ticket = http_client.post(f"{party.url}/tickets", json=terms, headers=party.host).json()
    context = chromium.new_context()
    page = context.new_page()

    answers = {}
    for origin in (named, other):
        page.goto(f"{origin}/")
        answers[origin] = page.evaluate(SEND, [party.url, ticket["token"]])
    context.close()

    assert answers == {named: [201, "pending"], other: None}
    told = http_client.get(f"{party.url}/tickets/{ticket['id']}", headers=party.host).json()
    assert told["spent"] == 1
