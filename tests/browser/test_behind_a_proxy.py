"""The pages in a real browser that reaches the service below a path, through a real proxy that takes the path off."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.test_pages import wait_for
from tests.running import PROJECT_FOLDER, http_client, running_service
from vignette.trials.own_port import free_port

pytestmark = pytest.mark.browser

PHOTO = PROJECT_FOLDER / "image_test" / "photo.jpg"
NOTES = PROJECT_FOLDER / "image_test" / "notes.txt"


@contextmanager
def proxy(port: int, service: str) -> Iterator[None]:
    """On *port*, pass what is asked below /pictures/ on to *service*, which learns only the rest of the path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            if not self.path.startswith("/pictures/"):
                self.send_error(404, "another site")
                return
            # Host is the service's own; the connection is each side's.
            headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Connection")}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = service + self.path.removeprefix("/pictures")
            answer = http_client.request(self.command, url, headers=headers, content=body)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in ("connection", "transfer-encoding", "content-length", "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content)

        do_GET = do_HEAD = do_POST = pass_on  # noqa: N815 (the names that the base class calls)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def public_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/pictures"
    with (
        running_service(tmp_path_factory.mktemp("service"), public_url=url, access="open") as service,
        proxy(port, service.url),
    ):
        yield url


@pytest.fixture
def visit(chromium: Browser, public_url: str) -> Iterator[Visit]:
    context = chromium.new_context(locale="en-GB")
    yield Visit(context, f"{public_url}/")
    context.close()


def test_a_photo_is_uploaded_looked_at_and_deleted(visit: Visit) -> None:
    visit.upload(PHOTO)

    visit.page.wait_for_url(re.compile(r"/pictures/images/\d+$"))
    image = visit.page.locator("main img")
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0

    # A page that still looks out for a larger size may ask for it just as the image is deleted.
    wait_for([visit.page.url])
    visit.page.reload()
    visit.page.click("summary:has-text('Delete')")
    visit.page.click("button:has-text('Delete image')")
    visit.page.wait_for_url(visit.url)
    assert (visit.complaints, visit.strangers) == ([], [])


def test_a_list_that_waits_for_its_vignettes_gets_them(visit: Visit, tmp_path: Path) -> None:
    other = tmp_path / "other.jpg"
    other.write_bytes(PHOTO.read_bytes())
    visit.upload(PHOTO, other, NOTES)

    expect(visit.page.locator("main")).to_contain_text("2 pictures kept, 1 refused")
    expect(visit.page.locator(".wall li.ready")).to_have_count(2)
    assert (visit.complaints, visit.strangers) == ([], [])


@pytest.mark.parametrize("path", ["images", "docs", "problems", "problems/no-file"])
def test_each_page_is_whole(visit: Visit, path: str) -> None:
    visit.page.goto(visit.url + path)

    assert visit.page.evaluate("document.styleSheets[0].cssRules.length") > 0
    assert (visit.complaints, visit.strangers) == ([], [])
