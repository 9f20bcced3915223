"""What a person does who sees only a browser."""

from __future__ import annotations

import base64
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit
from tests.house import broken_pixels
from tests.makers import animation, encoded, still
from tests.running import PROJECT_FOLDER, Service, http_client, until
from tests.unit.pixels.test_preview import photo
from tests.unit.pixels.test_thumbhash import decode
from vignette import layout
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.sql.tables import image_table
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import TooMuchMemory
from vignette.limits import MIB
from vignette.model import Failure, ImageId
from vignette.records import outcome_from_json, outcome_to_json

pytestmark = pytest.mark.browser

PHOTO = PROJECT_FOLDER / "image_test" / "photo.jpg"
NOTES = PROJECT_FOLDER / "image_test" / "notes.txt"


# Upright with a preview of about its shape, wide, narrow, smaller than its place, and one that will fail.
UPRIGHT = photo(still("JPEG", 160, 120), orientation=6, width=640, height=472)
SHAPES = (UPRIGHT, still("PNG", 640, 200), animation("GIF", 2, 60, 900), still("PNG"), broken_pixels())


def send(service: Service, contents: Sequence[bytes]) -> list[str]:
    """The URLs of the images."""
    kind = {"Content-Type": "image/*"}
    answers = [http_client.post(f"{service.url}/images", content=content, headers=kind) for content in contents]
    return [answer.headers["location"] for answer in answers]


def wait_for(images: Sequence[str]) -> None:
    """Until each of the images is ready with all of its vignettes, or has failed."""

    def is_settled(url: str) -> bool:
        image = http_client.get(url).json()
        return image["state"] in ("ready", "failed") and not image["renditions_pending"]

    until(lambda: all(map(is_settled, images)))


def uploaded(service: Service, file: Path) -> int:
    """Upload *file*, and wait until all of its vignettes are made."""
    images = send(service, [file.read_bytes()])
    wait_for(images)
    return int(images[0].rpartition("/")[2])


@contextmanager
def nothing_rendered(service: Service) -> Iterator[None]:
    """Let the worker stand still meanwhile."""
    workers = [number for number, line in service.processes().items() if "task_celery" in line]
    assert workers
    try:
        for number in workers:
            os.kill(number, signal.SIGSTOP)
        yield
    finally:
        for number in workers:
            os.kill(number, signal.SIGCONT)


class HeldBack:
    """The vignettes that *page* has asked for, which do not come until they are let through."""

    def __init__(self, page: Page) -> None:
        self._routes: list[Route] | None = []
        page.route("**/vignette/*", self._take)

    def _take(self, route: Route) -> None:
        if self._routes is None:
            route.continue_()
        else:
            self._routes.append(route)

    def let_through(self) -> None:
        routes, self._routes = self._routes or [], None
        for route in routes:
            route.continue_()


def boxes(page: Page) -> list[list[float]]:
    """Where each place of a list lies, and the picture in it, to half a pixel."""
    found: list[list[float]] = page.evaluate(
        """() => [...document.querySelectorAll(".tile, .tile img")].map((element) => {
             const { x, y, width, height } = element.getBoundingClientRect();
             return [x, y + scrollY, width, height].map((length) => Math.round(length * 2) / 2);
           })"""
    )
    return found


def all_loaded(page: Page) -> bool:
    return bool(page.evaluate("[...document.querySelectorAll('.tile img')].every((image) => image.naturalWidth)"))


def natural_size(visit: Visit, selector: str) -> list[int]:
    """(width, height) in pixels of a picture that has really been decoded."""
    image = visit.page.locator(selector)
    until(lambda: image.evaluate("image => image.naturalWidth"))
    size: list[int] = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return size


def test_a_photo_is_uploaded_and_its_page_shows_it_upright(visit: Visit) -> None:
    visit.upload(PHOTO)

    expect(visit.page).to_have_url(re.compile(r"/images/\d+$"))
    width, height = natural_size(visit, "main img")
    assert height / width == pytest.approx(4 / 3, rel=0.01)
    expect(visit.page.locator("main img")).to_have_attribute("width", "960")
    assert visit.page.locator("main").inner_text().count("photo.jpg") >= 1
    assert visit.complaints == []
    assert visit.strangers == []


def test_whoever_wants_no_motion_sees_the_still_vignette(visit: Visit, tmp_path: Path) -> None:
    moving = tmp_path / "moving.gif"
    moving.write_bytes(animation("GIF", 3, 400, 300))
    visit.upload(moving)
    expect(visit.page).to_have_url(re.compile(r"/images/\d+$"))
    expect(visit.page.locator("main img")).to_be_visible(timeout=20_000)
    image = visit.page.locator("main img")
    until(lambda: "still" not in image.evaluate("image => image.currentSrc"))

    visit.page.emulate_media(reduced_motion="reduce")

    until(lambda: "still=1" in image.evaluate("image => image.currentSrc"))
    assert natural_size(visit, "main img")[0] > 0
    assert visit.complaints == []


def test_a_picture_that_moves_lies_in_the_middle_of_its_mat(visit: Visit, tmp_path: Path) -> None:
    moving = tmp_path / "wide.gif"
    moving.write_bytes(animation("GIF", 3, 400, 100))
    visit.upload(moving)
    expect(visit.page.locator("main img")).to_be_visible(timeout=20_000)

    visit.page.goto(visit.url + "/images")

    mat, image = visit.page.locator(".wall .mat").first, visit.page.locator(".wall .mat img").first
    assert natural_size(visit, ".wall .mat img >> nth=0") == [256, 64]
    around, within = mat.bounding_box(), image.bounding_box()
    assert around is not None
    assert within is not None
    assert within["y"] + within["height"] / 2 == pytest.approx(around["y"] + around["height"] / 2, abs=1)


@pytest.mark.parametrize("width", [340, 1280])
def test_nothing_in_a_list_moves_when_its_pictures_come(visit: Visit, service: Service, width: int) -> None:
    page = visit.page
    page.set_viewport_size({"width": width, "height": 1000})
    wait_for(send(service, SHAPES))
    with nothing_rendered(service):
        coming = send(service, SHAPES)
        held_back = HeldBack(page)
        page.goto(f"{visit.url}/images?limit={2 * len(SHAPES)}", wait_until="domcontentloaded")
        at_first = boxes(page)
        assert page.locator(".tile.pending").count() == len(SHAPES)
        assert page.locator(".tile.failed").count() == 1
        assert not page.evaluate(
            "[...document.querySelectorAll('.tile:not(.failed) img')].some((image) => image.naturalWidth)"
        )

        held_back.let_through()

        until(lambda: all_loaded(page))
        assert boxes(page) == at_first
    wait_for(coming)
    until(lambda: page.locator(".tile.pending").count() == 0 and all_loaded(page))
    assert page.locator(".tile.failed:has-text('No vignette')").count() == 2
    assert page.locator(".tile.ready img").count() == 2 * len(SHAPES) - 2
    assert boxes(page) == at_first
    shift = page.evaluate(
        """() => new Promise((resolve) => {
             new PerformanceObserver((list) => resolve(list.getEntries().reduce((sum, { value }) => sum + value, 0)))
               .observe({ type: "layout-shift", buffered: true });
             setTimeout(resolve, 100, 0);
           })"""
    )
    assert shift == 0


def test_a_picture_keeps_its_place_without_javascript_too(visit_without_javascript: Visit, service: Service) -> None:
    page = visit_without_javascript.page
    with nothing_rendered(service):
        coming = send(service, SHAPES)
        page.goto(f"{service.url}/images?limit={len(SHAPES)}")
        assert page.locator(".tile.pending:has-text('In progress')").count() == len(SHAPES)
        # The preview that the camera made: all the others are as large as the vignette.
        assert natural_size(visit_without_javascript, ".tile img >> nth=-1") == [120, 160]
        at_first = boxes(page)
    wait_for(coming)

    page.reload()

    assert page.locator(".tile.ready").count() == len(SHAPES) - 1
    assert natural_size(visit_without_javascript, ".tile img >> nth=-1") == [189, 256]
    assert boxes(page) == at_first


def glow(*, transparent: bool) -> Image.Image:
    """From blue to yellow and from black to red, with nothing else to see."""
    down = Image.linear_gradient("L")
    image = Image.merge("RGB", (down, down.rotate(90), down.rotate(180))).resize((300, 400))
    if transparent:
        image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far apart two pictures are in the mean, 0 to 255: in their colours as seen on black, and in alpha."""
    pairs = zip(one.convert("RGBa").tobytes(), other.convert("RGBa").tobytes(), strict=True)
    return sum(abs(first - second) for first, second in pairs) / (one.width * one.height * 4)


@pytest.mark.parametrize(
    "picture", [pytest.param(glow(transparent=False), id="opaque"), pytest.param(glow(transparent=True), id="clear")]
)
def test_until_a_picture_is_there_its_thumbhash_is_seen(visit: Visit, service: Service, picture: Image.Image) -> None:
    page = visit.page
    (url,) = images = send(service, [encoded(picture, "PNG")])
    wait_for(images)
    held_back = HeldBack(page)

    page.goto(f"{visit.url}/images?limit=1", wait_until="domcontentloaded")

    canvas = page.locator(".tile canvas")
    expect(canvas).to_have_count(1)
    assert canvas.bounding_box() == page.locator(".tile img").bounding_box()
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


def test_the_page_of_an_image_shows_its_thumbhash_too(visit: Visit, service: Service) -> None:
    page = visit.page
    (url,) = images = send(service, [UPRIGHT])
    wait_for(images)
    held_back = HeldBack(page)

    page.goto(url, wait_until="domcontentloaded")

    canvas, place = page.locator(".exhibit canvas"), page.locator(".exhibit img").bounding_box()
    expect(canvas).to_have_count(1)
    assert canvas.bounding_box() == place
    held_back.let_through()
    expect(canvas).to_have_count(0)
    assert page.locator(".exhibit img").bounding_box() == place


def test_a_picture_much_higher_than_wide_is_seen_as_a_whole(visit: Visit, tmp_path: Path) -> None:
    tall = tmp_path / "tall.gif"
    tall.write_bytes(animation("GIF", 1, 60, 1200))
    visit.page.set_viewport_size({"width": 400, "height": 700})
    visit.upload(tall)
    expect(visit.page.locator("main img")).to_be_visible(timeout=20_000)
    natural_size(visit, "main img")

    box = visit.page.locator("main img").bounding_box()

    assert box
    assert box["height"] <= 0.85 * 700
    assert box["height"] / box["width"] == pytest.approx(20, rel=0.05)


def test_the_page_gives_links_to_every_size(visit: Visit) -> None:
    visit.upload(PHOTO)
    expect(visit.page.locator("main img")).to_be_visible(timeout=20_000)

    visit.page.click("summary:has-text('Links to share')")

    for size in ("small", "large"):
        link = visit.page.locator(f".label .entries a[href*='size={size}']")
        expect(link).to_be_visible()
        answer = visit.page.request.get(link.inner_text(), headers={"Prefer": "wait=20"})
        assert answer.status == 200
        assert "max-age" in answer.headers["cache-control"]


@contextmanager
def only_the_small_one(service: Service, image_id: int) -> Iterator[None]:
    """
    As if the worker had stopped after the default vignettes of this image: it does not go on while the block runs.

    That takes a moment only, which no browser comes upon for sure.
    """
    store = FolderStore(service.upload_folder)
    outcome = outcome_from_json(store.read(ImageId(image_id), layout.OUTCOME))
    small = tuple(name for name in outcome.vignettes if "-small-" in name and "-moving" not in name)
    to_come = tuple(name for name in outcome.vignettes if name not in small)
    with closing(SqlCatalogue(f"sqlite:///{service.state_folder / 'catalogue.sqlite3'}", must_exist=True)) as catalogue:

        def set_row(values: str) -> None:
            with catalogue.database.write() as connection:
                connection.exec_driver_sql(f"UPDATE image SET {values} WHERE id = {image_id}")

        set_row("state = 'completing', sizes = 'small', attempts = 1, lease_until = hinted_at + 3600")
        written = outcome_to_json(replace(outcome, vignettes=small, to_come=to_come))
        store.write(ImageId(image_id), layout.OUTCOME, written)
        for name in to_come:
            store.remove(ImageId(image_id), name)
        yield
        set_row("lease_until = hinted_at + 0.001")


def test_a_page_shows_the_small_one_until_the_large_one_is_there(
    visit: Visit, service: Service, visit_without_javascript: Visit
) -> None:
    image_id = uploaded(service, PHOTO)
    image = visit.page.locator("main .mat img")
    with only_the_small_one(service, image_id):
        visit.page.goto(f"/images/{image_id}")
        assert natural_size(visit, "main .mat img") == [192, 256]
        expect(image).to_have_attribute("width", "960")
        frame = image.bounding_box()
        assert frame is not None
        visit_without_javascript.page.goto(f"/images/{image_id}")
        assert natural_size(visit_without_javascript, "main .mat img") == [192, 256]

    until(lambda: "size=large" in image.evaluate("image => image.complete ? image.currentSrc : ''"))

    # To a pixel: the small one has not quite the same proportions.
    assert image.bounding_box() == pytest.approx(frame, abs=1)
    assert visit.complaints == []


def give_up(service: Service, image_id: int) -> None:
    """As if the worker had tried for the last time to make the other sizes of this image, in vain."""
    failure = Failure(TooMuchMemory.code, "rendering needs too much memory", 3 * 1024 * MIB, 1024 * MIB)
    values = {"state": "ready", "failure": asdict(failure), "lease_until": None}
    with (
        closing(SqlCatalogue(f"sqlite:///{service.state_folder / 'catalogue.sqlite3'}", must_exist=True)) as catalogue,
        catalogue.database.write() as connection,
    ):
        connection.execute(sa.update(image_table).where(image_table.c.id == image_id).values(values))


@contextmanager
def only_the_small_one_for_good(service: Service, image_id: int) -> Iterator[None]:
    """The rest of this image cannot be made; after the block it is."""
    with only_the_small_one(service, image_id):
        give_up(service, image_id)
        yield
    http_client.post(f"{service.url}/images/{image_id}/retry").raise_for_status()
    wait_for([f"{service.url}/images/{image_id}"])


def test_a_page_shows_the_vignette_that_there_is_and_why_there_is_no_other(
    visit: Visit, service: Service, visit_without_javascript: Visit, french_visit: Visit
) -> None:
    image_id = uploaded(service, PHOTO)
    words = {
        visit: ("Some of its vignettes could not be made.", "3\u00a0GiB"),
        visit_without_javascript: ("Some of its vignettes could not be made.", "3\u00a0GiB"),
        french_visit: ("Certaines de ses vignettes n’ont pas pu être créées.", "3\u00a0Gio"),
    }
    with only_the_small_one_for_good(service, image_id):
        for each, (sentence, measured) in words.items():
            each.page.goto(f"/images/{image_id}")
            assert natural_size(each, "main .mat img") == [192, 256]
            expect(each.page.locator(".shortfall")).to_contain_text(sentence)
            expect(each.page.locator(".shortfall")).to_contain_text(measured)
            each.page.goto("/images")
            assert natural_size(each, f"a[href='/images/{image_id}'] .tile img") == [192, 256]
            assert each.complaints == []
    visit.page.goto(f"/images/{image_id}")
    expect(visit.page.locator(".shortfall")).to_have_count(0)


def test_a_page_that_waits_for_the_large_one_tells_that_it_could_not_be_made(visit: Visit, service: Service) -> None:
    image_id = uploaded(service, PHOTO)
    with only_the_small_one(service, image_id):
        visit.page.goto(f"/images/{image_id}")
        assert natural_size(visit, "main .mat img") == [192, 256]
        expect(visit.page.locator(".shortfall")).to_have_count(0)

        give_up(service, image_id)

        sentence = "Some of its vignettes could not be made."
        expect(visit.page.locator(".shortfall")).to_contain_text(sentence, timeout=20_000)
        assert natural_size(visit, "main .mat img") == [192, 256]
    visit.page.click("text=Try again")
    expect(visit.page.locator(".shortfall")).to_have_count(0)
    until(lambda: "size=large" in visit.page.locator("main .mat img").evaluate("image => image.currentSrc"))


def test_a_picture_in_a_list_is_still_until_it_moves(visit: Visit, service: Service, tmp_path: Path) -> None:
    moving = tmp_path / "moving.gif"
    moving.write_bytes(animation("GIF", 3, 400, 300))
    image_id = uploaded(service, moving)
    image = visit.page.locator(f"a[href='/images/{image_id}'] .tile img")
    with only_the_small_one(service, image_id):
        visit.page.goto("/images")
        until(lambda: image.evaluate("image => image.naturalWidth") == 256)
        assert "still=1" in image.evaluate("image => image.currentSrc")

    until(lambda: "still=1" not in image.evaluate("image => image.currentSrc"))

    until(lambda: image.evaluate("image => image.naturalWidth") == 256)
    assert visit.complaints == []


def test_without_javascript_all_of_it_works_too(visit_without_javascript: Visit) -> None:
    visit = visit_without_javascript
    visit.upload(PHOTO)
    expect(visit.page).to_have_url(re.compile(r"/images/\d+$"))

    # The page asks for itself until the vignette is there.
    expect(visit.page.locator("main img")).to_have_attribute("width", "960", timeout=20_000)

    visit.page.click("details summary:has-text('Delete')")
    visit.page.click("details button")
    expect(visit.page).to_have_url(visit.url + "/")


def test_what_the_photo_says_of_itself_can_be_read(visit: Visit) -> None:
    visit.upload(PHOTO)

    text = visit.page.locator("main").text_content() or ""
    for word in ("Make", "Model", "GPSLatitude", "DateTimeOriginal"):
        assert word in text


def test_a_reader_of_french_reads_french(french_visit: Visit) -> None:
    french_visit.upload(NOTES)

    assert french_visit.page.locator("html").get_attribute("lang") == "fr"
    assert "n’est pas une image" in french_visit.page.locator("main").inner_text()
    assert french_visit.strangers == []


def test_a_refused_file_is_told_and_there_is_a_way_back(visit: Visit) -> None:
    visit.upload(NOTES)

    assert "not an image" in visit.page.locator("main").inner_text()
    visit.page.get_by_role("link", name="Back to the start").click()
    expect(visit.page).to_have_url(visit.url + "/#upload")


def test_of_several_files_each_is_answered(visit: Visit) -> None:
    visit.upload(PHOTO, NOTES)

    text = visit.page.locator("main").inner_text()
    assert "photo.jpg" in text
    assert "notes.txt" in text


def test_a_picture_of_which_no_vignette_can_be_made_says_why(visit: Visit, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(broken_pixels())
    visit.upload(broken)
    expect(visit.page).to_have_url(re.compile(r"/images/\d+$"))

    expect(visit.page.locator("main")).to_contain_text("No vignette could be made", timeout=20_000)
    image_id = visit.page.url.rpartition("/")[2]
    visit.page.set_content(f"<img src='{visit.url}/vignette/{image_id}'>")
    assert natural_size(visit, "img") == [200, 200]


def test_a_name_full_of_markup_stays_a_name(visit: Visit, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    hostile = tmp_path / name
    hostile.write_bytes(PHOTO.read_bytes())
    visit.upload(hostile)
    expect(visit.page).to_have_url(re.compile(r"/images/\d+$"))

    assert name in visit.page.locator("main").inner_text()
    assert visit.page.locator("img[src='x']").count() == 0
    assert visit.complaints == []


@pytest.mark.parametrize("path", ["/", "/images", "/docs", "/problems", "/nowhere"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_the_screen(visit: Visit, path: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 700})
    visit.page.goto(visit.url + path)

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.strangers == []
