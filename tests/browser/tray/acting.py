"""What a reader does with the tray, and what he sees of it."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.unsteady_line import Line
from tests.running import http_client
from vignette.limits import KIB
from vignette.web.http.queries import MOST_ON_A_PAGE

READY = re.compile(r"^Ready: image \d+$")
HELD_AFTER = 64 * KIB


def add(page: Page, *files: Path) -> None:
    """Choose *files*, as the button in the bar lets a reader do."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("link", name="Add pictures").click()
    chooser.value.set_files([str(file) for file in files])


def drag(page: Page, kind: str, *paths: Path, at: tuple[float, float] = (200, 200)) -> None:
    """Have the browser believe that the system drags *paths* over the page: `dragEnter`, `dragOver` or `drop`."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session.send("Input.dispatchDragEvent", {"type": kind, "x": at[0], "y": at[1], "data": data})
    session.detach()


def drop(page: Page, *paths: Path) -> None:
    for kind in ("dragEnter", "dragOver", "drop"):
        drag(page, kind, *paths)


def drop_and_hold(page: Page, line: Line, file: Path, *others: Path) -> None:
    """Drop *file* and *others* on a page that comes by *line*, which is held while *file* is being sent."""
    line.hold(HELD_AFTER)
    drop(page, file, *others)
    expect(state(page, file)).to_contain_text("Sending")


def rows(page: Page) -> Locator:
    return page.locator("#tray li")


def row(page: Page, file: Path) -> Locator:
    return rows(page).filter(has=page.locator(f"bdi:text-is('{file.name}')"))


def state(page: Page, file: Path) -> Locator:
    return row(page, file).locator(".state")


def wait_for(page: Page, *files: Path) -> None:
    for file in files:
        expect(state(page, file)).to_have_text(READY)


def first(page: Page, file: Path) -> Locator:
    """The link to the image that was here before *file*."""
    return row(page, file).locator(".first")


def names(url: str) -> list[str]:
    """What is kept, by name, the newest first."""
    answer = http_client.get(f"{url}/images?limit={MOST_ON_A_PAGE}", headers={"Accept": "application/json"})
    assert "next" not in answer.links
    return [image["name"] for image in answer.json()["images"]]


class Uploads:
    """The requests of *page* that upload."""

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if request.method == "POST":
            self.requests.append(request)

    def keys(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.requests]
