"""What the tray shows and tells, and that it keeps its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Response, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import drop, drop_and_hold, row, state, wait_for
from tests.browser.unsteady_line import Line
from tests.house import broken_pixels
from tests.makers import coded, heif
from tests.running import http_client

pytestmark = pytest.mark.browser


def weight(url: str) -> int:
    """The bytes of an asset as they are sent."""
    with http_client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_what_can_be_done_has_its_place_from_the_start(
    chromium: Browser, line: Line, made: Made, language: str, width: int
) -> None:
    """Of a file that is sent, and of one that has been sent and is not answered yet: it has no button."""
    context = chromium.new_context(locale=language, viewport={"width": width, "height": 740})
    page, files = context.new_page(), [made.large(), made.picture()]
    page.goto(f"{line.url}/images")
    line.hold(0)
    drop(page, *files)
    if width < 640:
        page.locator("#tray .fold").click()
    sent, checked = (row(page, file).locator(".acts") for file in files)
    expect(sent.locator("[name=cancel]")).to_be_visible()
    expect(row(page, files[1])).to_have_attribute("data-state", "checking")
    places = [sent, checked, page.locator("#tray .outcome > [data-part=copy]")]
    before = [place.bounding_box() for place in places]

    line.release()

    expect(sent.locator("[name=copy]")).to_be_visible()
    expect(checked.locator("[name=copy]")).to_be_visible()
    assert None not in before
    assert [place.bounding_box() for place in places] == before
    context.close()


def test_each_file_has_a_preview_at_once_or_the_name_of_its_format(visit: Visit, line: Line, made: Made) -> None:
    page, seen, unseen = visit.page, made.picture(), made.file("phone.heic", heif(coded()))
    line.hold(0)
    page.goto(f"{line.url}/images")

    drop(page, seen, unseen)

    canvas = row(page, seen).locator("canvas")
    expect(canvas).to_be_visible()
    assert canvas.evaluate("canvas => canvas.getContext('2d').getImageData(48, 48, 1, 1).data[3]") == 255
    expect(row(page, unseen).locator(".picture")).to_have_text("HEIC")
    assert visit.complaints == []


def test_one_polite_region_tells_no_more_than_every_three_seconds(visit: Visit, line: Line, made: Made) -> None:
    page, files = visit.page, made.pictures(12)
    page.goto(f"{line.url}/images")
    page.evaluate(
        """() => {
             window.told = [];
             const { get, set } = Object.getOwnPropertyDescriptor(Node.prototype, "textContent");
             Object.defineProperty(document.getElementById("tray-told"), "textContent", {
               get,
               set(words) {
                 told.push([performance.now(), words]);
                 set.call(this, words);
               },
             });
           }"""
    )

    drop(page, *files, made.file("notes.txt", b"notes\n"))

    expect(page.locator("#tray-told")).to_have_text("12 of 13 kept · 1 refused")
    told = page.evaluate("told")
    assert len(told) >= 2
    assert all(later - earlier >= 2990 for (earlier, _), (later, _) in pairwise(told))


def test_what_cannot_be_rendered_is_kept_and_told(visit: Visit, made: Made) -> None:
    page, file = visit.page, made.file("broken.png", broken_pixels())
    page.goto(visit.url)

    drop(page, file)

    expect(state(page, file)).to_have_text("Kept, but no vignette could be made")


@pytest.mark.parametrize("width", [360, 1440])
def test_what_is_pressed_at_the_end_has_its_place_from_the_first_file_on(
    visit: Visit, line: Line, made: Made, width: int
) -> None:
    page, file, outcome = visit.page, made.large(), visit.page.locator("#tray .outcome")
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(f"{line.url}/images")
    drop_and_hold(page, line, file)
    if width < 640:
        page.locator("#tray .fold").click()
    before = outcome.bounding_box()
    expect(outcome.get_by_role("button")).to_have_count(0)

    line.release()

    wait_for(page, file)
    expect(outcome.get_by_role("button")).to_have_count(2)
    after = outcome.bounding_box()
    assert before
    assert after
    assert (after["height"], after["y"] + after["height"]) == (before["height"], before["y"] + before["height"])


def test_in_each_state_it_has_no_fault_for_axe(visit: Visit, line: Line, made: Made) -> None:
    page, large, small = visit.page, made.large(), made.picture()
    page.goto(f"{line.url}/limits")
    drop_and_hold(page, line, large, *made.pictures(3), made.file("notes.txt", b"notes\n"))
    assert faults(page) == []
    line.cut()
    expect(state(page, large)).to_contain_text("Connection lost")
    assert faults(page) == []
    line.release()
    wait_for(page, large)
    drop(page, small)
    wait_for(page, small)

    assert faults(page) == []

    page.locator("#tray .fold").click()
    assert faults(page) == []


def test_a_page_loads_the_rest_of_it_with_the_first_file(visit: Visit, made: Made) -> None:
    page, file = visit.page, made.picture()
    loaded: dict[str, int] = {}

    def weigh(answer: Response) -> None:
        if "/tray" in answer.url:
            loaded[answer.url] = weight(answer.url)

    page.on("response", weigh)
    page.goto(f"{visit.url}/docs", wait_until="networkidle")
    assert 0 < sum(loaded.values()) < 7_500  # the style sheet is a third of that

    drop(page, file)

    wait_for(page, file)
    assert sum(loaded.values()) < 23_000


def test_a_drop_without_a_connection_waits_for_it(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.picture()
    page.goto(f"{line.url}/docs")  # loaded with its modules: on a busy machine the network is idle before
    page.wait_for_load_state("networkidle")
    line.cut()

    drop(page, file)

    expect(page.locator(".veil")).to_contain_text("Connection lost.")
    line.release()
    wait_for(page, file)
