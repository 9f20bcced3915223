"""The wall: rows of pictures that stay where they are, whatever comes; and what is done with several of them."""

from __future__ import annotations

import base64
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, until_it_stays
from tests.browser.test_pages import (
    PHOTO,
    SHAPES,
    HeldBack,
    difference,
    glow,
    natural_size,
    nothing_rendered,
    send,
    wait_for,
)
from tests.makers import animation, encoded, still
from tests.running import Service, http_client, until
from tests.unit.pixels.test_thumbhash import decode

pytestmark = pytest.mark.browser

PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1440, "height": 900}

BOXES = """() => [...document.querySelectorAll(".wall li, .wall img")].map((element) => {
  const { x, y, width, height } = element.getBoundingClientRect();
  return [x, y + scrollY, width, height].map((length) => Math.round(length * 2) / 2);
})"""

ROWS = """() => [...document.querySelectorAll(".wall")].flatMap((wall) => {
  const rows = new Map();
  for (const { top, bottom, left, right } of [...wall.children].map((tile) => tile.getBoundingClientRect())) {
    rows.set(Math.round(top), [...(rows.get(Math.round(top)) ?? []), { height: bottom - top, left, right }]);
  }
  const edge = wall.getBoundingClientRect().right;
  return [...rows.values()].map((tiles) => [Math.min(...tiles.map((tile) => tile.height)),
    Math.max(...tiles.map((tile) => tile.height)), edge - Math.max(...tiles.map((tile) => tile.right))]);
})"""

SHIFTS = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(resolve, 100, 0);
})"""


def boxes(page: Page) -> list[list[float]]:
    """Where each tile lies, and the picture in it, to half a pixel."""
    found: list[list[float]] = page.evaluate(BOXES)
    return found


def all_loaded(page: Page) -> bool:
    return bool(page.evaluate("[...document.querySelectorAll('.wall img')].every((image) => image.naturalWidth)"))


def numbers(images: list[str]) -> str:
    return ",".join(url.rpartition("/")[2] for url in images)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_moves_when_pictures_come(visit: Visit, service: Service, size: dict[str, int]) -> None:
    page = visit.page
    page.set_viewport_size({**size, "height": 2000})  # type: ignore[typeddict-item]
    done = send(service, SHAPES)
    wait_for(done)
    with nothing_rendered(service):
        coming = send(service, SHAPES)
        held_back = HeldBack(page)
        page.goto(f"{visit.url}/images?limit={2 * len(SHAPES)}", wait_until="domcontentloaded")
        at_first = boxes(page)
        assert page.locator(".wall .pending").count() == len(SHAPES)
        assert page.locator(".wall .failed").count() == 1

        held_back.let_through()

        until(lambda: all_loaded(page))
        assert boxes(page) == at_first
    wait_for(coming)
    until(lambda: page.locator(".wall .pending").count() == 0 and all_loaded(page))
    assert page.locator(".wall .failed:has-text('No vignette')").count() == 2
    assert page.locator(".wall .ready img").count() == 2 * len(SHAPES) - 2
    assert boxes(page) == at_first
    assert page.evaluate(SHIFTS) == 0


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_rows_are_as_wide_as_the_wall_and_each_of_one_height(visit: Visit, service: Service, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    ratios = [(300, 200), (200, 300), (320, 240), (400, 100), (200, 200), (230, 200), (160, 90)] * 3
    wait_for(send(service, [still("PNG", *size) for size in ratios]))

    visit.page.goto(f"{visit.url}/images?limit={len(ratios)}")

    rows = visit.page.evaluate(ROWS)
    assert len(rows) > 2
    for lowest, highest, left_over in rows[:-1]:
        assert highest - lowest < 0.1
        assert abs(left_over) < 1
    for _, highest, _ in rows:
        assert 90 < highest < 340


def test_pictures_keep_their_place_without_javascript_too(visit_without_javascript: Visit, service: Service) -> None:
    page = visit_without_javascript.page
    with nothing_rendered(service):
        coming = send(service, SHAPES)
        page.goto(f"{service.url}/images?limit={len(SHAPES)}")
        assert page.locator(".wall .pending:has-text('In progress')").count() == len(SHAPES)
        # The preview that the camera made: all the others are as large as the vignette.
        assert natural_size(visit_without_javascript, ".wall img >> nth=-1") == [120, 160]
        at_first = boxes(page)
        assert 'http-equiv="refresh"' in page.content()
    wait_for(coming)

    until_it_stays(page)

    assert page.locator(".wall .ready").count() == len(SHAPES) - 1
    assert boxes(page) == at_first


@pytest.mark.parametrize(
    "picture", [pytest.param(glow(transparent=False), id="opaque"), pytest.param(glow(transparent=True), id="clear")]
)
def test_until_a_picture_is_there_its_thumbhash_is_seen(visit: Visit, service: Service, picture: Image.Image) -> None:
    page = visit.page
    (url,) = images = send(service, [encoded(picture, "PNG")])
    wait_for(images)
    held_back = HeldBack(page)

    page.goto(f"{visit.url}/images?limit=1", wait_until="domcontentloaded")

    canvas = page.locator(".wall canvas")
    expect(canvas).to_have_count(1)
    assert canvas.bounding_box() == page.locator(".wall img").bounding_box()
    width, height, values = canvas.evaluate(
        """(canvas) => {
             const { width, height } = canvas;
             return [width, height, [...canvas.getContext("2d").getImageData(0, 0, width, height).data]];
           }"""
    )
    painted = Image.frombytes("RGBA", (width, height), bytes(values))
    thumbhash = base64.b64decode(http_client.get(url).json()["placeholder"]["thumbhash"])
    decoded = [round(min(max(value, 0), 1) * 255) for pixel in decode(thumbhash, width, height) for value in pixel]
    # A canvas keeps colours times alpha, in whole numbers.
    assert difference(painted, Image.frombytes("RGBA", (width, height), bytes(decoded))) < 1
    assert difference(painted, picture.convert("RGBA").resize((width, height))) < 16

    held_back.let_through()
    expect(canvas).to_have_count(0)
    assert visit.complaints == []


class Many:
    """A service with more pictures than a window shows."""

    COUNT = 120

    def __init__(self, service: Service) -> None:
        colours = ("red", "green", "blue", "teal", "olive")
        contents = [
            encoded(Image.new("RGB", (300 + 20 * (number % 7), 200 + 10 * (number % 5)), colours[number % 5]), "JPEG")
            for number in range(self.COUNT)
        ]
        self.images = send(service, contents)
        wait_for(self.images)


@pytest.fixture(scope="module")
def many(service: Service) -> Many:
    return Many(service)


@pytest.mark.usefixtures("many")
def test_only_what_is_seen_is_painted(visit: Visit, service: Service) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    HeldBack(page)

    page.goto(f"{service.url}/images?limit=100", wait_until="domcontentloaded")

    until(lambda: page.locator(".wall canvas").count() > 0)
    page.wait_for_timeout(0)
    painted = page.locator(".wall canvas").count()
    assert painted < 40, "what is far below the window is painted too"
    page.mouse.move(100, 300)
    page.mouse.wheel(0, 3000)
    until(lambda: page.locator(".wall canvas").count() > painted)


@pytest.mark.usefixtures("many")
def test_a_page_says_how_many_there_are_and_leads_to_older_ones(visit: Visit, service: Service) -> None:
    page = visit.page
    page.goto("/")
    images = http_client.get(f"{service.url}/images?limit=500").json()["images"]
    expect(page.locator("h1 .count")).to_have_text(str(len(images)))
    assert page.locator(".wall li").count() == 60
    expect(page.locator(".walls h2").first).to_have_text(re.compile("Today|Yesterday"))

    page.get_by_role("link", name="Older").click()

    page.wait_for_url(re.compile(r"/images\?limit=60&before=\d+"))
    shown = page.locator(".wall li >> nth=0").get_attribute("data-ref")
    assert shown == str(images[60]["id"])
    page.get_by_role("link", name="Newest").click()
    page.wait_for_url(f"{service.url}/")


@pytest.mark.usefixtures("many")
def test_back_returns_to_the_place(visit: Visit) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto("/")
    tile = page.locator(".wall li >> nth=50")
    tile.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 500
    tile.locator("a").click()
    page.wait_for_url(re.compile("/images/"))

    page.go_back()

    until(lambda: abs(page.evaluate("scrollY") - place) < 3)


def asked(page: Page) -> list[str]:
    found: list[str] = []

    def note(request: Request) -> None:
        found.append(request.url)

    page.on("request", note)
    return found


def test_all_that_is_to_come_is_one_request_a_second_at_most(visit: Visit, service: Service) -> None:
    page = visit.page
    with nothing_rendered(service):
        coming = send(service, [still("PNG", 300 + number, 200) for number in range(8)])
        requests = asked(page)
        page.goto(f"{visit.url}/images?limit=8")
        until(lambda: page.wait_for_timeout(100) or sum("ids=" in url for url in requests) >= 3)
        started = page.evaluate("performance.now()") / 1000
        looks = [url for url in requests if "ids=" in url]
        assert len(looks) <= started + 1
        assert {Counter(looks)[look] for look in looks} == {len(looks)}, "each look asks for all"
        assert not [url for url in requests if "HEAD" in url]
    wait_for(coming)
    expect(page.locator(".wall .ready")).to_have_count(8)
    expect(page.locator(".walls [role=status]")).to_contain_text("ready")
    until(lambda: all_loaded(page))
    settled = len(requests)
    page.wait_for_timeout(1500)
    assert not [url for url in requests[settled:] if "ids=" in url], "what is settled is asked for again"
    assert visit.complaints == []


def test_an_image_that_is_deleted_meanwhile_leaves_the_wall(visit: Visit, service: Service) -> None:
    with nothing_rendered(service):
        (url,) = send(service, [still("PNG", 300, 200)])
        visit.page.goto(f"{visit.url}/images?limit=1")
        expect(visit.page.locator(".wall li")).to_have_count(1)

        http_client.delete(url).raise_for_status()

        expect(visit.page.locator(".wall li")).to_have_count(0)


def test_a_large_window_gets_the_larger_size(chromium: Browser, service: Service) -> None:
    wait_for(send(service, [encoded(Image.new("RGB", (2000, 1400), "teal"), "JPEG")]))
    for ratio, least in ((1, 256), (3, 640)):
        context = chromium.new_context(viewport=DESKTOP, device_scale_factor=ratio, base_url=service.url)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto("/images?limit=1")
        image = page.locator(".wall img")
        until(lambda image=image: image.evaluate("image => image.complete && image.naturalWidth > 0"))
        assert image.evaluate("image => new URL(image.currentSrc).searchParams.get('size')") in (
            {"small", "medium"} if least == 256 else {"medium", "large"}
        )
        context.close()


def test_a_picture_that_moves_is_still_for_who_wants_no_motion(visit: Visit, service: Service) -> None:
    wait_for(send(service, [animation("GIF", 3, 400, 300)]))
    visit.page.emulate_media(reduced_motion="reduce")

    visit.page.goto("/images?limit=1")

    image = visit.page.locator(".wall img")
    until(lambda: image.evaluate("image => image.complete && image.naturalWidth > 0"))
    assert "still=1" in image.evaluate("image => image.currentSrc")


# --- Several


@pytest.fixture
def six(service: Service) -> Iterator[list[str]]:
    images = send(service, [encoded(Image.new("RGB", (300, 200 + 10 * number), "navy"), "JPEG") for number in range(6)])
    wait_for(images)
    yield images
    for url in images:
        http_client.delete(url)


def state_of(url: str) -> int:
    return http_client.get(url).status_code


def select(page: Page, *places: int) -> None:
    for place in places:
        tile = page.locator(f".wall li >> nth={place}")
        tile.hover()
        tile.locator("input").check(force=True)


@pytest.mark.usefixtures("six")
def test_a_mouse_selects_and_shift_takes_all_between(visit: Visit) -> None:
    page = visit.page
    page.goto("/images?limit=6")
    expect(page.locator(".selection")).to_be_hidden()

    select(page, 1)
    page.locator(".wall li >> nth=4").locator(".check").click(modifiers=["Shift"])

    assert page.locator(".check :checked").count() == 4
    expect(page.locator(".selection .count")).to_have_text("4 selected")
    page.keyboard.press("Control+a")
    expect(page.locator(".selection .count")).to_have_text("6 selected")
    page.keyboard.press("Escape")
    assert page.locator(".check :checked").count() == 0
    expect(page.locator(".selection")).to_be_hidden()


@pytest.mark.usefixtures("six")
def test_keys_select_too(visit: Visit) -> None:
    page = visit.page
    page.goto("/images?limit=6")
    page.locator(".wall a >> nth=2").focus()
    page.keyboard.press("x")
    expect(page.locator(".selection .count")).to_have_text("1 selected")
    page.keyboard.press("x")
    expect(page.locator(".selection")).to_be_hidden()

    # By the switch: then the boxes are in the order of the keys.
    page.locator("#selecting").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")

    expect(page.locator(".selection .count")).to_have_text("1 selected")
    assert page.locator(".wall li >> nth=0").locator(":checked").count() == 1


@pytest.mark.usefixtures("six")
def test_a_finger_selects_by_the_switch(chromium: Browser, service: Service) -> None:
    context = chromium.new_context(viewport=PHONE, has_touch=True, is_mobile=True, base_url=service.url)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/images?limit=6")
    page.locator("label.select").tap()
    for place in (0, 3):
        page.locator(f".wall li >> nth={place}").tap()

    expect(page.locator(".selection .count")).to_have_text("2 selected")
    assert page.url.endswith("limit=6"), "a tap has opened the picture"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert faults(page) == []
    context.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_what_is_selected_is_taken_away(chromium: Browser, service: Service, six: list[str], scripted: bool) -> None:
    context = chromium.new_context(
        base_url=service.url, java_script_enabled=scripted, accept_downloads=True, locale="en-GB"
    )
    page = context.new_page()
    page.goto("/images?limit=6")
    page.locator("label.select").click()
    for place in (0, 2):
        page.locator(f".wall li >> nth={place}").locator(".check").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as cleaning:
        page.get_by_role("button", name="Clean copies").click()

    originals = zipfile.ZipFile(downloading.value.path())
    kept = [http_client.get(f"{six[place]}/original").content for place in (5, 3)]
    assert [originals.read(name) for name in originals.namelist()] == kept
    assert len(zipfile.ZipFile(cleaning.value.path()).namelist()) == 2
    context.close()


def test_more_than_one_request_takes_are_deleted_in_several(visit: Visit, service: Service) -> None:
    page, pictures = visit.page, [encoded(Image.new("RGB", (8, 8), (number, 0, 0)), "PNG") for number in range(101)]
    images = send(service, pictures)
    page.clock.install()
    page.goto("/images?limit=101")
    select(page, 0)
    page.keyboard.press("Control+a")
    expect(page.locator(".selection .count")).to_have_text("101 selected")

    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.locator(".told")).to_have_text("At most 100 can be downloaded at a time")
    assert page.url.endswith("limit=101")
    page.get_by_role("button", name="Delete").click()
    page.clock.run_for(8000)

    until(lambda: {state_of(url) for url in images} == {410})
    expect(page.locator(".wall li")).to_have_count(0)
    # What comes into sight while others are deleted may be gone before it is loaded.
    assert [words for words in visit.complaints if "410 (Gone)" not in words] == []


def test_deleting_can_be_undone_for_some_seconds(visit: Visit, six: list[str]) -> None:
    page = visit.page
    page.clock.install()
    page.goto("/images?limit=6")
    select(page, 0, 1)
    page.get_by_role("button", name="Delete").click()

    expect(page.locator(".told")).to_contain_text("2 pictures deleted")
    expect(page.locator(".wall li:visible")).to_have_count(4)
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.clock.run_for(5000)
    assert state_of(six[5]) == state_of(six[4]) == 200
    page.get_by_role("button", name="Undo").click()

    expect(page.locator(".wall li:visible")).to_have_count(6)
    page.clock.run_for(20_000)
    assert state_of(six[5]) == 200

    select(page, 0)
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".told")).to_contain_text("Deleted")
    page.clock.run_for(8000)

    until(lambda: state_of(six[5]) == 410)
    assert state_of(six[4]) == 200
    expect(page.locator(".wall li")).to_have_count(5)
    assert visit.complaints == []


def has_focus(page: Page, place: int) -> bool:
    """Whether the picture at *place* of those that are seen has the focus."""
    tiles = "[...document.querySelectorAll('.wall li:not(.leaving) a')]"
    return bool(page.evaluate(f"{tiles}.indexOf(document.activeElement) === {place}"))


def test_the_focus_stays_on_the_wall_and_the_heading_counts_what_is_left(visit: Visit, six: list[str]) -> None:
    page = visit.page
    page.clock.install()
    page.goto("/")
    number = int(page.locator("h1 .count").inner_text())
    page.locator("#selecting").focus()
    page.keyboard.press("Space")
    page.locator(".check input >> nth=1").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert has_focus(page, 1)
    assert not page.locator("#selecting").is_checked()

    page.keyboard.press("x")
    page.get_by_role("button", name="Delete").press("Enter")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    page.clock.run_for(8000)

    assert has_focus(page, 1)
    until(lambda: state_of(six[4]) == 410)
    expect(page.locator("h1 .count")).to_have_text(str(number - 1))
    assert visit.complaints == []


def test_who_leaves_the_page_has_deleted(visit: Visit, six: list[str]) -> None:
    page = visit.page
    page.goto("/images?limit=6")
    select(page, 2)
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".told")).to_contain_text("Deleted")

    page.goto("/limits")

    until(lambda: state_of(six[3]) == 410)


def test_what_could_not_be_deleted_comes_back(visit: Visit, six: list[str]) -> None:
    page = visit.page
    page.clock.install()
    page.route("**/images/delete*", lambda route: route.abort())
    page.goto("/images?limit=6")
    select(page, 0, 1, 2)
    page.get_by_role("button", name="Delete").click()
    page.clock.run_for(8000)

    expect(page.locator(".told")).to_contain_text("did not work for 3")
    expect(page.locator(".wall li:visible")).to_have_count(6)
    assert state_of(six[5]) == 200


# --- After an upload


def test_reloading_the_page_after_an_upload_sends_nothing_again(visit: Visit, service: Service, tmp_path: Path) -> None:
    good, bad = tmp_path / "a good one.jpg", tmp_path / "no picture.txt"
    good.write_bytes(PHOTO.read_bytes())
    bad.write_text("words")
    before = len(http_client.get(f"{service.url}/images?limit=500").json()["images"])

    visit.upload(good, bad, bad)

    page = visit.page
    expect(page.locator("h1")).to_have_text("1 picture kept, 2 refused")
    for _ in range(2):
        assert page.locator(".refusals li").count() == 2
        expect(page.locator(".refusals")).to_contain_text("no picture.txt")
        expect(page.locator(".refusals")).to_contain_text("not an image of an accepted format")
        expect(page.locator(".wall li")).to_have_count(1)
        page.reload()
    assert len(http_client.get(f"{service.url}/images?limit=500").json()["images"]) == before + 1
    assert faults(page) == []


def test_the_page_after_an_upload_tells_that_all_or_nothing_was_kept(visit: Visit, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("words")
    visit.upload(PHOTO, PHOTO, PHOTO)
    expect(visit.page.locator("h1")).to_have_text("3 pictures kept")
    assert visit.page.title().startswith("3 pictures kept")
    shared = visit.page.url

    visit.upload(bad, bad)
    expect(visit.page.locator("h1")).to_have_text("2 refused")
    assert visit.page.title().startswith("2 refused")
    expect(visit.page.locator(".wall")).to_have_count(0)

    # For whoever is sent the link, nothing was kept just now.
    visit.page.goto(shared)
    expect(visit.page.locator("h1")).to_have_text("3 pictures")


def test_a_cookie_that_somebody_has_made_up_is_passed_over(visit: Visit, service: Service) -> None:
    for value in ("x", base64.urlsafe_b64encode(b"no zlib").decode(), json.dumps({"token": "1"})):
        visit.context.add_cookies(
            [{"name": "vignette_sent", "value": value.replace('"', "'"), "url": f"{service.url}/images"}]
        )
        answer = visit.page.goto("/images?ids=0&sent=1")
        assert answer is not None
        assert answer.status == 200
