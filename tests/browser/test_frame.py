"""What all pages have in common: no fault that axe finds, one look, two languages, paper, forced colours."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit
from tests.browser.test_pages import NOTES, PHOTO, SHAPES, nothing_rendered, send, wait_for
from tests.running import Service, until

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/images?limit=5",
    "/images?ids=0,1",
    "/images?before=0",
    "/add",
    "/limits",
    "/docs",
    "/problems",
    "/nowhere",
)
WIDTHS = {"phone": 360, "tablet": 768, "desktop": 1440}


@pytest.fixture(scope="module")
def shapes(service: Service) -> list[str]:
    images = send(service, SHAPES)
    wait_for(images)
    return images


# What a phone shows is looked at in `test_every_page`, but for the longest page.
@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize(("path", "width"), [*((path, 1440) for path in (*PAGES, "/problems/no-file")), ("/docs", 360)])
def test_axe_finds_nothing(visit: Visit, path: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    visit.page.goto(path)
    assert faults(visit.page) == []


def test_axe_finds_nothing_in_the_answers_of_an_operation(visit: Visit) -> None:
    visit.page.goto("/docs")
    visit.page.locator(".operations section:not(:first-child)").evaluate_all(
        "all => all.forEach((one) => one.remove())"
    )
    visit.page.locator(".operations summary").click()
    expect(visit.page.locator(".operations dl >> nth=-1")).to_be_visible()
    assert faults(visit.page) == []


@pytest.mark.usefixtures("shapes")
def test_axe_finds_nothing_in_a_wall_that_waits_or_is_selected_from(visit: Visit, service: Service) -> None:
    with nothing_rendered(service):
        coming = send(service, SHAPES)
        visit.page.goto("/images?limit=8")
        assert visit.page.locator(".wall .pending").count() == len(SHAPES)
        assert faults(visit.page) == []
        visit.page.locator("label.select").click()
        visit.page.locator(".check >> nth=1").click()
        expect(visit.page.locator(".selection")).to_be_visible()
        assert faults(visit.page) == []
    wait_for(coming)


def test_axe_finds_nothing_where_files_are_refused(visit: Visit) -> None:
    visit.upload(NOTES)
    expect(visit.page.locator("h1")).to_contain_text("not an image")
    assert faults(visit.page) == []
    visit.upload(NOTES, NOTES)
    expect(visit.page.locator("h1")).to_have_text("2 refused")
    assert faults(visit.page) == []


@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize("size", WIDTHS)
def test_the_bar_is_one_row_and_every_target_is_as_large_as_a_finger(visit: Visit, size: str) -> None:
    visit.page.set_viewport_size({"width": WIDTHS[size], "height": 900})
    visit.page.goto("/")

    bar = visit.page.locator("header.bar").bounding_box()
    assert bar is not None
    assert bar["height"] <= 72
    for target in visit.page.locator(":is(header a, header button, main .pill, main .button):visible").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 43.5, target.inner_text()


def test_a_phone_can_keep_the_pages_among_its_apps(visit: Visit) -> None:
    visit.page.goto("/")

    manifest = visit.context.new_cdp_session(visit.page).send("Page.getAppManifest")

    assert manifest["errors"] == []
    assert json.loads(manifest["data"])["share_target"]["action"] == "/images"
    assert visit.complaints == []


def test_focus_changes_no_shape(visit: Visit) -> None:
    visit.page.goto("/add")
    button = visit.page.locator("form.upload button").first
    shape = "element => getComputedStyle(element).borderRadius"
    before = button.evaluate(shape)

    button.focus()
    visit.page.keyboard.press("Shift+Tab")
    visit.page.keyboard.press("Tab")

    assert button.evaluate("element => element.matches(':focus-visible')")
    assert button.evaluate(shape) == before == "99px"


def test_a_reader_chooses_the_language_and_stays_on_the_page(visit: Visit) -> None:
    visit.page.goto("/limits")
    visit.page.get_by_role("button", name="Français").click()

    visit.page.wait_for_url(re.compile("/limits$"))
    expect(visit.page.locator("h1")).to_have_text("Limites")
    visit.page.goto("/")
    assert visit.page.locator("html").get_attribute("lang") == "fr"
    visit.page.get_by_role("button", name="English").click()
    expect(visit.page.locator("html")).to_have_attribute("lang", "en")
    assert visit.complaints == []


def test_the_language_is_chosen_without_javascript_too(visit_without_javascript: Visit) -> None:
    page = visit_without_javascript.page
    page.goto("/nowhere")
    page.get_by_role("button", name="Français").click()
    expect(page.locator("h1")).to_have_text("Il n’y a rien ici")


def test_a_picture_opened_by_itself_is_shown_as_the_browser_shows_pictures(visit: Visit, service: Service) -> None:
    (url,) = images = send(service, [PHOTO.read_bytes()])
    wait_for(images)
    answer = visit.page.goto(f"{service.url}/vignette/{url.rpartition('/')[2]}", wait_until="load")

    assert answer is not None
    # Of headless Chromium, which names WebP but no page: a picture.
    if (answer.headers["content-type"]).startswith("image/"):
        image = visit.page.locator("img")
        box = image.bounding_box()
        assert box is not None
        assert box["x"] > 10, "it is not in the middle"
    assert visit.complaints == []


@pytest.mark.usefixtures("shapes")
def test_on_paper_there_is_no_form_and_no_picture_is_cut(visit: Visit) -> None:
    visit.page.goto("/")
    visit.page.emulate_media(media="print")

    for hidden in ("header.bar", "footer.bar", ".selection", ".select", ".check >> nth=0"):
        expect(visit.page.locator(hidden)).to_be_hidden()
    tile = visit.page.locator(".wall li").first
    assert tile.evaluate("element => getComputedStyle(element).breakInside") == "avoid"
    assert tile.locator(".caption").evaluate("element => getComputedStyle(element).opacity") == "1"


@pytest.mark.usefixtures("shapes")
def test_forced_colours_leave_edges_and_the_ground_of_what_is_clear(visit: Visit) -> None:
    visit.page.emulate_media(forced_colors="active")
    visit.page.goto("/images?limit=5")

    clear = visit.page.locator(".wall li.clear")
    tile = visit.page.locator(".wall li").first
    assert tile.evaluate("element => getComputedStyle(element).borderTopWidth") == "1px"
    if clear.count():
        until(lambda: "gradient" in clear.first.evaluate("element => getComputedStyle(element).backgroundImage"))


@pytest.mark.usefixtures("shapes")
@pytest.mark.parametrize("path", ["/", "/limits", "/add", "/nowhere", "/images?limit=5"])
@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_nothing_is_wider_than_the_window_in_either_language(
    visit: Visit, french_visit: Visit, path: str, width: int
) -> None:
    for each in (visit, french_visit):
        each.page.set_viewport_size({"width": width, "height": 700})
        each.page.goto(path)
        assert each.page.evaluate("document.documentElement.scrollWidth") <= width
