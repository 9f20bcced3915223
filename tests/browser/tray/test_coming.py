"""How pictures come: chosen, dropped, pasted, three at a time."""

from __future__ import annotations

from itertools import pairwise
from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import READY, Uploads, add, drag, drop, names, rows, wait_for
from tests.browser.unsteady_line import Line
from tests.makers import encoded, picture
from tests.running import Service

pytestmark = pytest.mark.browser


def test_ten_files_come_three_at_a_time_and_each_once(visit: Visit, line: Line, made: Made) -> None:
    page, files = visit.page, made.pictures(10)
    uploads = Uploads(page)
    page.goto(f"{line.url}/images")

    add(page, *files)

    wait_for(page, *files)
    assert len(uploads.requests) == len(set(uploads.keys())) == line.uploads == 10
    assert 2 <= line.most_at_once <= 3
    assert sorted(names(visit.url)[:10]) == sorted(file.name for file in files)
    expect(page.locator("#tray h2")).to_have_text("10 pictures kept")
    assert visit.complaints == []


def test_one_request_a_second_at_most_asks_what_became_of_them(visit: Visit, made: Made) -> None:
    page, files = visit.page, made.pictures(6)
    page.goto(f"{visit.url}/docs")
    looks: list[float] = []
    page.on("request", lambda request: looks.append(monotonic()) if "ids=" in request.url else None)

    drop(page, *files)

    wait_for(page, *files)
    assert looks
    assert all(later - earlier > 0.9 for earlier, later in pairwise(looks))
    assert visit.complaints == []
    assert visit.strangers == []


@pytest.mark.parametrize("path", ["/", "/images", "/docs", "/problems", "/nowhere"])
def test_a_picture_may_be_dropped_on_any_page(visit: Visit, made: Made, path: str) -> None:
    page, file = visit.page, made.picture()
    page.goto(visit.url + path)
    here = page.url

    drop(page, file)

    wait_for(page, file)
    assert page.url == here


def test_it_may_be_let_go_just_as_the_pointer_comes_upon_something_else(visit: Visit, made: Made) -> None:
    page, file = visit.page, made.picture()
    page.goto(f"{visit.url}/images")
    around, heading = (page.locator(part).bounding_box() for part in ("body > header", "h1"))
    assert around
    assert heading
    for kind in ("dragEnter", "dragOver"):
        drag(page, kind, file, at=(around["x"] + 1, around["y"] + 1))

    drag(page, "drop", file, at=(heading["x"] + 1, heading["y"] + 1))

    wait_for(page, file)


def test_what_is_dropped_later_is_added(visit: Visit, made: Made) -> None:
    page, (first, second) = visit.page, made.pictures(2)
    page.goto(visit.url)
    drop(page, first)
    drop(page, second)
    wait_for(page, first, second)

    drop(page, first)

    expect(page.locator("#tray .note")).to_have_text("1 file is in the list already.")
    assert rows(page).count() == 2


def test_a_folder_is_taken_with_the_folders_in_it(visit: Visit, made: Made) -> None:
    inside = [made.picture(f"holidays/{name}") for name in ("2.png", "10.png", "day two/3.png")]
    made.file("holidays/.DS_Store", b"\0")
    page = visit.page
    page.goto(visit.url)

    drop(page, made.folder / "holidays")

    wait_for(page, *inside)
    assert rows(page).locator("bdi").all_inner_texts() == ["2.png", "10.png", "3.png"]
    assert visit.complaints == []


def test_a_folder_without_files_says_so(visit: Visit, made: Made) -> None:
    (made.folder / "empty").mkdir()
    visit.page.goto(visit.url)

    drop(visit.page, made.folder / "empty")

    expect(visit.page.locator("#tray .note")).to_have_text("There is no file in it.")


def test_before_they_are_let_go_their_number_is_told(visit: Visit, made: Made) -> None:
    page = visit.page
    page.goto(visit.url)
    veil = page.locator(".veil")

    drag(page, "dragEnter", *made.pictures(3))
    drag(page, "dragOver", *made.pictures(3))

    expect(veil).to_have_text("Let go to add 3 pictures")
    # Nothing tells a page that the pointer has left the window, but that it is told of no pointer any more.
    expect(veil).to_be_hidden()


def test_a_picture_is_pasted(visit: Visit) -> None:
    page = visit.page
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{visit.url}/images")
    page.evaluate(
        """async (bytes) => {
             const blob = new Blob([new Uint8Array(bytes)], { type: "image/png" });
             await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
           }""",
        list(encoded(picture(50, 50, shift=77), "PNG")),
    )

    page.keyboard.press("Control+v")

    expect(rows(page).locator(".state")).to_have_text(READY)


def test_a_phone_has_a_camera_and_a_sheet_of_one_line(chromium: Browser, service: Service, made: Made) -> None:
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, locale="en-GB"
    )
    page = context.new_page()
    page.goto(f"{service.url}/images")
    page.get_by_role("link", name="Add pictures").tap()
    expect(page.get_by_role("button", name="Choose pictures")).to_be_focused()

    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a photo").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    file = made.picture()
    chooser.value.set_files(str(file))
    wait_for(page, file)
    page.get_by_role("button", name="Show the list").tap()

    expect(rows(page).first).to_be_hidden()
    box = page.locator("#tray").bounding_box()
    assert box is not None
    assert box["height"] < 64
    assert box["y"] + box["height"] == pytest.approx(740, abs=1)
    expect(page.locator("#tray h2")).to_have_text("1 picture kept")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_the_form_of_a_page_hands_its_files_to_the_tray(visit: Visit, made: Made) -> None:
    page, files = visit.page, made.pictures(2)
    page.goto(visit.url)
    if not page.locator("form.upload").count():
        page.goto(f"{visit.url}/add")

    page.set_input_files("form.upload input", [str(file) for file in files])

    wait_for(page, *files)
    assert page.locator("form.upload input").evaluate("input => input.files.length") == 0
