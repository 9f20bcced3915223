"""What a person does who sees only a browser."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Visit, until_it_stays
from tests.house import broken_pixels
from tests.makers import animation, still
from tests.running import PROJECT_FOLDER, Service, http_client, until
from tests.unit.pixels.test_preview import photo
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

# Where the small one is too small for the window, and no larger one is to come, a script has one made for viewers.
SMALL_OR_FOR_VIEWERS = "size=(small|zoom)"


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
    """Let the worker stand still meanwhile: not in the middle of a transaction, or nobody else could write."""
    workers = [number for number, line in service.processes().items() if "task_celery" in line]
    assert workers

    def send_all(what: signal.Signals) -> None:
        for number in workers:
            os.kill(number, what)

    def stand_still() -> bool:
        send_all(signal.SIGSTOP)
        until(lambda: all(Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2][0] == "T" for number in workers))
        if can_write(service):
            return True
        send_all(signal.SIGCONT)
        return False

    try:
        until(stand_still)
        yield
    finally:
        send_all(signal.SIGCONT)


def can_write(service: Service) -> bool:
    with closing(
        sqlite3.connect(service.state_folder / "catalogue.sqlite3", timeout=1, isolation_level=None)
    ) as writer:
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


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


def shown(visit: Visit) -> str:
    """The file that stands for the picture of the page, once it is decoded."""
    source: str = visit.page.locator("main .open img").evaluate(
        "image => image.complete && image.naturalWidth ? image.currentSrc : ''"
    )
    return source


def natural_size(visit: Visit, selector: str) -> list[int]:
    """(width, height) in pixels of a picture that has really been decoded."""
    image = visit.page.locator(selector)
    until(lambda: image.evaluate("image => image.naturalWidth"))
    size: list[int] = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
    return size


def test_a_photo_is_uploaded_and_its_page_shows_it_upright(visit: Visit) -> None:
    visit.upload(PHOTO)

    visit.page.wait_for_url(re.compile(r"/images/\d+$"))
    width, height = natural_size(visit, "main img")
    assert height / width == pytest.approx(4 / 3, rel=0.01)
    expect(visit.page.locator("main img")).to_have_attribute("width", "1200")
    assert visit.page.locator("main").inner_text().count("photo.jpg") >= 1
    assert visit.complaints == []
    assert visit.strangers == []


def test_whoever_wants_no_motion_sees_the_still_vignette(visit: Visit, tmp_path: Path) -> None:
    moving = tmp_path / "moving.gif"
    moving.write_bytes(animation("GIF", 3, 400, 300))
    visit.upload(moving)
    visit.page.wait_for_url(re.compile(r"/images/\d+$"))
    expect(visit.page.locator("main .open img")).to_be_visible()
    image = visit.page.locator("main img")
    until(lambda: "still" not in image.evaluate("image => image.currentSrc"))

    visit.page.emulate_media(reduced_motion="reduce")

    until(lambda: "still=1" in image.evaluate("image => image.currentSrc"))
    assert natural_size(visit, "main img")[0] > 0
    assert visit.complaints == []


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


def test_the_page_of_an_image_shows_its_thumbhash_too(visit: Visit, service: Service) -> None:
    page = visit.page
    (url,) = images = send(service, [UPRIGHT])
    wait_for(images)
    held_back = HeldBack(page)

    page.goto(url, wait_until="domcontentloaded")

    canvas = page.locator(".exhibit canvas")
    expect(canvas).to_have_count(1)
    place = canvas.bounding_box()
    held_back.let_through()
    expect(canvas).to_have_count(0)
    assert page.locator(".exhibit .picture").bounding_box() == pytest.approx(place, abs=1)


def test_a_picture_much_higher_than_wide_is_seen_as_a_whole(visit: Visit, tmp_path: Path) -> None:
    tall = tmp_path / "tall.gif"
    tall.write_bytes(animation("GIF", 1, 60, 1200))
    visit.page.set_viewport_size({"width": 400, "height": 700})
    visit.upload(tall)
    expect(visit.page.locator("main .open img")).to_be_visible()
    # Until then the picture is put there anew with each size that comes.
    expect(visit.page.locator(".mat[data-follow]")).to_have_count(0)
    natural_size(visit, "main img")

    box = visit.page.locator("main img").bounding_box()

    assert box
    assert box["height"] <= 0.85 * 700
    assert visit.page.locator("main img").evaluate("image => getComputedStyle(image).objectFit") == "contain"


def test_the_page_gives_links_to_every_size(visit: Visit) -> None:
    visit.upload(PHOTO)
    expect(visit.page.locator("main .open img")).to_be_visible()

    visit.page.click("summary:has-text('Copy link')")

    for size in ("small", "large"):
        link = visit.page.locator(f".sheet .sizes a[href*='size={size}']")
        expect(link).to_be_visible()
        answer = visit.page.request.get(str(link.get_attribute("href")), headers={"Prefer": "wait=20"})
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
        until(lambda: "size=small" in shown(visit))
        expect(image).to_have_attribute("width", "1200")
        frame = image.bounding_box()
        assert frame is not None
        visit_without_javascript.page.goto(f"/images/{image_id}")
        until(lambda: "size=small" in shown(visit_without_javascript))

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
            until(lambda each=each: re.search(SMALL_OR_FOR_VIEWERS, shown(each)))
            expect(each.page.locator(".shortfall")).to_contain_text(sentence)
            expect(each.page.locator(".shortfall")).to_contain_text(measured)
            each.page.goto("/images")
            assert natural_size(each, f".wall a[href='/images/{image_id}'] img") == [192, 256]
            assert each.complaints == []
    visit.page.goto(f"/images/{image_id}")
    expect(visit.page.locator(".shortfall")).to_have_count(0)


def test_a_page_that_waits_for_the_large_one_tells_that_it_could_not_be_made(visit: Visit, service: Service) -> None:
    image_id = uploaded(service, PHOTO)
    with only_the_small_one(service, image_id):
        visit.page.goto(f"/images/{image_id}")
        until(lambda: "size=small" in shown(visit))
        expect(visit.page.locator(".shortfall")).to_have_count(0)

        give_up(service, image_id)

        sentence = "Some of its vignettes could not be made."
        expect(visit.page.locator(".shortfall")).to_contain_text(sentence)
        until(lambda: re.search(SMALL_OR_FOR_VIEWERS, shown(visit)))
    visit.page.click("text=Try again")
    expect(visit.page.locator(".shortfall")).to_have_count(0)
    until(lambda: "size=large" in visit.page.locator("main .mat img").evaluate("image => image.currentSrc"))


def test_without_javascript_all_of_it_works_too(visit_without_javascript: Visit) -> None:
    visit = visit_without_javascript
    visit.upload(PHOTO)
    visit.page.wait_for_url(re.compile(r"/images/\d+$"))

    # The page asks for itself until the vignette is there.
    expect(visit.page.locator("main .open img")).to_have_attribute("width", "1200")
    until_it_stays(visit.page)

    visit.page.click("details summary:has-text('Delete')")
    visit.page.click("details.danger button")
    visit.page.wait_for_url(visit.url + "/")


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
    assert "notes.txt" in visit.page.locator("main").inner_text()
    visit.page.get_by_role("link", name="Choose again").click()
    visit.page.wait_for_url(visit.url + "/add")


def test_a_picture_of_which_no_vignette_can_be_made_says_why(visit: Visit, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(broken_pixels())
    visit.upload(broken)
    visit.page.wait_for_url(re.compile(r"/images/\d+$"))

    expect(visit.page.locator("main")).to_contain_text("No vignette could be made")
    image_id = visit.page.url.rpartition("/")[2]
    visit.page.set_content(f"<img src='{visit.url}/vignette/{image_id}'>")
    assert natural_size(visit, "img") == [200, 200]


def test_a_name_full_of_markup_stays_a_name(visit: Visit, tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    hostile = tmp_path / name
    hostile.write_bytes(PHOTO.read_bytes())
    visit.upload(hostile)
    visit.page.wait_for_url(re.compile(r"/images/\d+$"))

    assert name in visit.page.locator("main").inner_text()
    assert visit.page.locator("img[src='x']").count() == 0
    assert visit.complaints == []


@pytest.mark.parametrize(
    "path", ["/", "/images", "/add", "/limits", "/docs", "/problems", "/nowhere", "/images?ids=0,1"]
)
@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_the_screen(visit: Visit, path: str, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 700})
    visit.page.goto(visit.url + path)

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.strangers == []
