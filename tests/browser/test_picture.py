"""The page of a picture: seen, enlarged, gone through, copied; by mouse, by keys alone, and without JavaScript."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit
from tests.browser.test_pages import PHOTO, UPRIGHT, nothing_rendered, send, wait_for
from tests.house import broken_pixels, picture
from tests.makers import animation
from tests.running import Service, http_client, until

pytestmark = pytest.mark.browser

PHONE, TABLET, DESKTOP = (360, 740), (768, 1024), (1440, 900)
SHOWN = ".pswp__item[aria-hidden=false] .pswp__img:not(.pswp__img--placeholder)"


class Gallery:
    """The pages of the pictures, by what they are; the oldest first."""

    def __init__(self, urls: list[str]) -> None:
        self.small, self.photo, self.tiff, self.moving, self.broken, self.wide = urls


@pytest.fixture(scope="module")
def gallery(service: Service) -> Gallery:
    contents = [
        picture(300, 200),
        PHOTO.read_bytes(),
        picture(3000, 2000, "TIFF"),
        animation("GIF", 3, 400, 300),
        broken_pixels(),
        picture(8000, 200, "PNG"),
    ]
    urls = send(service, contents)
    wait_for(urls)
    return Gallery(urls)


def at(page: Page, size: tuple[int, int], url: str) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(url)
    until(lambda: page.evaluate("[...document.querySelectorAll('.mat img')].every((each) => each.complete)"))


def box(page: Page, selector: str) -> dict[str, float]:
    found = page.locator(selector).bounding_box()
    assert found is not None
    return dict(found)


def opened(page: Page) -> None:
    expect(page.locator(".pswp--open.pswp--ui-visible")).to_be_visible()
    expect(page.locator(".pswp")).to_have_attribute("aria-label", re.compile(": "))


def shift(page: Page) -> float:
    return float(
        page.evaluate(
            """() => new Promise((resolve) => {
                 const unasked = (list) => list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput);
                 const sum = (list) => unasked(list).reduce((all, { value }) => all + value, 0);
                 const watch = new PerformanceObserver((list) => resolve(sum(list)));
                 watch.observe({ type: "layout-shift", buffered: true });
                 setTimeout(resolve, 100, 0);
               })"""
        )
    )


class TestSize:
    @pytest.mark.parametrize(("size", "share"), [(PHONE, 0.5), (TABLET, 0.5), (DESKTOP, 0.35)])
    def test_it_is_as_large_as_the_window_leaves_room_for(
        self, visit: Visit, gallery: Gallery, size: tuple[int, int], share: float
    ) -> None:
        at(visit.page, size, gallery.photo)

        found = box(visit.page, ".mat .picture")
        # The picture has 3 × 4 parts; on small screens its box may be wider.
        width = min(found["width"], found["height"] * 3 / 4)

        assert width * width * 4 / 3 > share * size[0] * size[1]
        assert found["y"] + found["height"] <= size[1]
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert visit.complaints == []
        assert shift(visit.page) == 0

    def test_it_is_never_larger_than_its_pixels(self, visit: Visit, gallery: Gallery) -> None:
        at(visit.page, DESKTOP, gallery.small)

        assert (box(visit.page, ".mat .picture")["width"], box(visit.page, ".mat .picture")["height"]) == (300, 200)

    def test_a_panorama_is_as_wide_as_its_mat(self, visit: Visit, gallery: Gallery) -> None:
        at(visit.page, DESKTOP, gallery.wide)

        assert box(visit.page, ".mat .picture")["width"] == pytest.approx(box(visit.page, ".mat")["width"], abs=2)

    def test_without_javascript_it_is_as_large(
        self, visit: Visit, visit_without_javascript: Visit, gallery: Gallery
    ) -> None:
        at(visit.page, DESKTOP, gallery.small)
        visit_without_javascript.page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        visit_without_javascript.page.goto(gallery.small)

        assert box(visit_without_javascript.page, ".mat .picture") == box(visit.page, ".mat .picture")

    def test_what_is_opened_beside_it_moves_nothing(self, visit: Visit, gallery: Gallery) -> None:
        at(visit.page, DESKTOP, gallery.photo)
        before = box(visit.page, ".mat .picture"), box(visit.page, ".box")

        visit.page.click(".menu summary")
        assert (box(visit.page, ".mat .picture"), box(visit.page, ".box")) == before
        visit.page.keyboard.press("Escape")
        visit.page.click(".says summary")
        visit.page.click(".danger summary")
        visit.page.evaluate("scrollTo(0, 0)")

        assert box(visit.page, ".mat .picture") == before[0]


def test_escape_closes_what_is_unfolded_and_leaves_the_page_then(visit: Visit, gallery: Gallery) -> None:
    page = visit.page
    at(page, DESKTOP, gallery.photo)
    page.click(".danger summary")
    page.locator(".danger button").focus()

    page.keyboard.press("Escape")

    expect(page.locator(".danger[open]")).to_have_count(0)
    expect(page.locator(".danger summary")).to_be_focused()
    assert page.url == gallery.photo
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: url != gallery.photo)


class TestViewer:
    def test_a_click_opens_it_and_escape_brings_the_focus_back(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, DESKTOP, gallery.photo)
        names = "performance.getEntriesByType('resource').map(({ name }) => name)"
        assert "photoswipe" not in " ".join(page.evaluate(names))

        page.click(".open")
        opened(page)

        expect(page.get_by_role("dialog", name=re.compile("Enlarged picture: "))).to_have_count(1)
        until(lambda: page.locator(SHOWN).evaluate("image => image.src").endswith("/original"))
        page.keyboard.press("Escape")
        expect(page.locator(".pswp")).to_have_count(0)
        assert page.evaluate("document.activeElement.className") == "open"
        assert visit.complaints == []
        assert visit.strangers == []

    def test_the_wheel_zooms(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, PHONE, gallery.photo)
        page.click(".open")
        opened(page)
        before = box(page, SHOWN)

        page.mouse.wheel(0, -100)

        until(lambda: box(page, SHOWN)["width"] > before["width"] * 1.1)
        assert visit.complaints == []

    def test_what_browsers_cannot_decode_is_enlarged_to_2560_pixels(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, PHONE, gallery.tiff)

        page.click(".open")
        opened(page)

        until(lambda: page.locator(SHOWN).evaluate("image => image.naturalWidth") == 2560)
        assert visit.complaints == []

    def test_keys_alone_lead_through_it(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, DESKTOP, gallery.photo)

        page.keyboard.press("z")
        opened(page)
        named = f"Enlarged picture: {gallery.small.rpartition('/')[2]}"
        # While it grows it takes no keys. At the last picture the key does nothing more.
        until(lambda: page.keyboard.press("ArrowRight") or page.locator(".pswp").get_attribute("aria-label") == named)
        page.keyboard.press("Escape")

        page.wait_for_url(gallery.small)

    def test_on_the_page_the_arrows_lead_to_its_neighbours(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, DESKTOP, gallery.photo)

        page.keyboard.press("ArrowLeft")
        page.wait_for_url(gallery.tiff)
        page.keyboard.press("ArrowRight")
        page.wait_for_url(gallery.photo)

    def test_a_list_is_gone_through_in_its_order(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        numbers = [url.rpartition("/")[2] for url in (gallery.small, gallery.wide, gallery.photo)]
        at(page, DESKTOP, f"{gallery.wide}?ids={','.join(numbers)}")

        page.click(".older")
        page.wait_for_url(re.compile(rf"/images/{numbers[2]}\?ids="))
        expect(page.locator(".older")).to_have_count(0)
        page.click("[data-up]")
        page.wait_for_url(re.compile(r"/images\?ids="))

    def test_without_motion_nothing_flies(self, visit: Visit, gallery: Gallery) -> None:
        visit.page.emulate_media(reduced_motion="reduce")
        at(visit.page, DESKTOP, gallery.moving)

        until(lambda: "still=1" in visit.page.locator(".mat img").evaluate("image => image.currentSrc"))
        visit.page.click(".open")
        opened(visit.page)
        assert visit.complaints == []


class TestKeys:
    def test_they_are_told_and_can_be_turned_off(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, DESKTOP, gallery.photo)

        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        assert faults(page) == []
        page.uncheck("#keys-on")
        page.click("dialog.keys form button")
        page.keyboard.press("z")
        page.reload()
        page.keyboard.press("ArrowLeft")

        expect(page.locator(".pswp")).to_have_count(0)
        page.wait_for_url(gallery.photo)
        page.click("[data-help]")
        page.check("#keys-on")


class TestCopies:
    @pytest.mark.parametrize("name", ["link", "markdown", "html", "bbcode", "image"])
    def test_each_is_copied(self, visit: Visit, gallery: Gallery, name: str) -> None:
        page = visit.page
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        at(page, DESKTOP, gallery.photo)

        page.click(".menu summary")
        page.click(f"[data-copy=snippet-{name}]")

        expect(page.locator("#said")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator(f"#snippet-{name}").input_value()
        assert gallery.photo in copied or "/vignette/" in copied

    def test_where_there_is_no_clipboard_the_browser_copies_what_is_selected(
        self, service: Service, chromium: Browser, gallery: Gallery
    ) -> None:
        context = chromium.new_context(locale="en-GB", base_url=service.url)
        page = context.new_page()
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        at(page, DESKTOP, gallery.photo)
        page.evaluate("document.execCommand = () => { window.asked = String(getSelection()); return true; }")

        page.click(".menu summary")
        page.click("[data-copy=snippet-link]")

        expect(page.locator("#said")).to_have_text("Copied")
        assert page.evaluate("document.activeElement.dataset.copy") == "snippet-link"
        context.close()

    def test_the_clean_copy_comes_first(self, visit: Visit, gallery: Gallery) -> None:
        at(visit.page, PHONE, gallery.tiff)

        with visit.page.expect_download() as download:
            visit.page.get_by_role("link", name="Share a clean copy").click()

        assert re.fullmatch(r"image-\d+\.jpg", download.value.suggested_filename)
        assert "A clean JPEG instead" in visit.page.locator(".box").inner_text()

    def test_a_clean_copy_that_is_being_made_is_waited_for(self, visit: Visit, service: Service) -> None:
        [url] = send(service, [picture(1200, 800, "TIFF")])
        wait_for([url])
        at(visit.page, DESKTOP, url)
        visit.page.clock.install()
        with nothing_rendered(service):
            visit.page.get_by_role("link", name="Share a clean copy").click()
            expect(visit.page.locator("[data-share]")).to_have_text("The clean copy is being made…")
            visit.page.route("**/public", lambda route: route.fulfill(status=202))
            visit.page.clock.fast_forward("05:00")
            expect(visit.page.locator("[data-share]")).to_have_text("The clean copy is not there yet. Try again")
            visit.page.unroute("**/public")
        visit.page.clock.resume()

        with visit.page.expect_download() as download:
            visit.page.locator("[data-share]").click()

        assert re.fullmatch(r"image-\d+\.jpg", download.value.suggested_filename)
        expect(visit.page.locator("[data-share]")).to_have_text("Share a clean copy")

    @pytest.mark.parametrize("scripted", [True, False])
    def test_whoever_opens_its_address_sees_a_page_until_it_is_made(
        self, chromium: Browser, service: Service, scripted: bool
    ) -> None:
        [url] = send(service, [picture(1200, 801 + scripted, "TIFF")])
        wait_for([url])
        body = {"what": "public", "expires_at": "2999-01-01T00:00:00Z"}
        link = http_client.post(f"{url}/links", json=body).json()["url"]
        with chromium.new_context(java_script_enabled=scripted, locale="en-GB") as context:
            pages = [context.new_page(), context.new_page()]
            with nothing_rendered(service):
                for page, address in zip(pages, (f"{url}/public", link), strict=True):
                    page.goto(address)
                    expect(page.get_by_role("heading")).to_have_text("The clean copy is being made")
                downloads = [page.expect_download() for page in pages]
            for download in downloads:
                with download as awaited:
                    pass
                assert awaited.value.suggested_filename.endswith(".jpg")


class TestWhatTheFileSays:
    def test_what_it_gives_away_is_open_with_its_values(self, visit: Visit, gallery: Gallery) -> None:
        at(visit.page, DESKTOP, gallery.photo)

        where = visit.page.locator(".rows > div").first
        expect(where).to_have_class("hurts")
        expect(where.locator("a").first).to_have_attribute("href", re.compile(r"^geo:-?\d+\.\d+,-?\d+\.\d+$"))
        expect(where.locator("a").last).to_have_attribute(
            "href", re.compile(r"^https://www\.openstreetmap\.org/\?mlat=")
        )
        assert visit.strangers == []

    def test_all_of_it_is_searched(self, visit: Visit, gallery: Gallery) -> None:
        page = visit.page
        at(page, DESKTOP, gallery.photo)
        page.click(".says summary")
        entries = page.locator(".says .entries > div:visible")
        count = entries.count()

        page.fill("#find", "gpslat")
        assert 0 < entries.count() < count
        page.fill("#find", "nothing like that")
        expect(page.locator(".find [role=status]")).to_have_text("Nothing of that")
        page.fill("#find", "")
        expect(entries).to_have_count(count)

    def test_without_javascript_all_of_it_is_there(self, visit_without_javascript: Visit, gallery: Gallery) -> None:
        page = visit_without_javascript.page
        page.goto(gallery.photo)

        page.click(".says summary")
        expect(page.locator(".says .entries").first).to_be_visible()
        expect(page.locator("#find")).to_be_hidden()
        page.click(".menu summary")
        expect(page.locator("#snippet-link")).to_have_value(gallery.photo)
        expect(page.locator("[data-copy]").first).to_be_hidden()
        page.click(".older")
        page.wait_for_url(gallery.small)


class TestOnItsWay:
    def test_its_shape_and_its_preview_are_there_at_once_and_nothing_moves(
        self, visit: Visit, service: Service
    ) -> None:
        page = visit.page
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
        with nothing_rendered(service):
            (url,) = send(service, [UPRIGHT])
            asked: list[float] = []
            page.on("request", lambda request: asked.append(time.monotonic()) if "ids=" in request.url else None)
            page.goto(url)
            expect(page.locator(".mat .state")).to_contain_text("Its vignette is being made.")
            page.click(".says summary")
            page.locator(".says summary").focus()
            at_first, shifted = box(page, ".mat .picture"), shift(page)
            assert page.locator(".mat img").evaluate("image => image.naturalWidth") == 120
            assert faults(page) == []
            assert page.locator("head > meta[http-equiv]").count() == 0
            until(lambda: len(asked) >= 3 or page.wait_for_timeout(100))
            # One a second at most; the clock of the browser is another.
            assert asked[2] - asked[0] > 1.8

        expect(page.locator(".mat .open img")).to_be_visible()
        assert box(page, ".mat .picture") == at_first
        assert page.evaluate("document.activeElement.closest('details').open")
        expect(page.get_by_text("Copy link")).to_be_visible()
        assert shift(page) == shifted  # by what the reader has opened
        assert visit.complaints == []

    def test_that_none_can_be_made_is_told_without_a_reload(self, visit: Visit, service: Service) -> None:
        page = visit.page
        with nothing_rendered(service):
            (url,) = send(service, [broken_pixels()])
            page.goto(url)
            page.evaluate("window.here = true")

        expect(page.locator(".failure")).to_contain_text("No vignette could be made of it.")
        assert page.evaluate("window.here")
        assert visit.complaints == []


@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["phone", "tablet", "desktop"])
def test_axe_finds_no_fault_in_any_state(visit: Visit, gallery: Gallery, size: tuple[int, int]) -> None:
    page = visit.page
    found: dict[str, Any] = {}
    for name, url in vars(gallery).items():
        at(page, size, url)
        found[name] = faults(page)
    at(page, size, gallery.photo)
    page.click(".says summary")
    page.click(".danger summary")
    page.click(".menu summary")
    found["all open"] = faults(page)
    page.keyboard.press("Escape")
    page.click(".open")
    opened(page)
    found["viewer"] = faults(page)

    assert {name: each for name, each in found.items() if each} == {}


def test_a_reader_of_french_reads_french_alone(french_visit: Visit, gallery: Gallery) -> None:
    page = french_visit.page
    at(page, DESKTOP, gallery.moving)
    expect(page.locator("main")).to_contain_text("Animation de 3 images")
    at(page, DESKTOP, gallery.photo)
    text = page.locator("main").inner_text()

    for words in ("Ce fichier révèle", "Partager une copie nettoyée", "Tout ce que dit le fichier", "Reçu"):
        assert words in text
    page.click(".open")
    until(lambda: (page.locator(".pswp").get_attribute("aria-label") or "").startswith("Image agrandie"))
    assert french_visit.complaints == []


def test_in_forced_colours_a_transparent_picture_keeps_its_ground(visit: Visit, gallery: Gallery) -> None:
    visit.page.emulate_media(forced_colors="active")
    at(visit.page, DESKTOP, gallery.wide)

    ground = visit.page.locator(".mat .clear").evaluate("image => getComputedStyle(image).backgroundImage")

    assert "conic-gradient" in ground


def test_on_paper_there_is_the_picture_and_what_it_gives_away(visit: Visit, gallery: Gallery) -> None:
    at(visit.page, DESKTOP, gallery.photo)
    visit.page.emulate_media(media="print")

    for selector in (".mat .picture", ".box", "h1"):
        expect(visit.page.locator(selector)).to_be_visible()
    for selector in (".share", ".side.older", ".danger", "header.bar"):
        expect(visit.page.locator(selector)).to_be_hidden()


def test_a_file_of_the_viewer_says_whose_it_is() -> None:
    folder = Path(__file__).parents[2] / "static" / "assets" / "vendor" / "photoswipe"

    assert "5.4.4" in (folder / "README.md").read_text()
    assert "MIT" in (folder / "LICENSE").read_text()
    assert "PhotoSwipe 5.4.4" in (folder / "photoswipe.esm.min.js").read_text()[:100]
