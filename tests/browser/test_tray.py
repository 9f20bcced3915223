"""Pictures that are dropped, pasted or chosen on any page: how they come, how far they are, what becomes of them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Request, Response, expect

from tests.browser.accessibility import faults
from tests.browser.conftest import Visit, sign_in
from tests.browser.unsteady_line import Line, unsteady_line
from tests.house import broken_pixels
from tests.makers import animation, coded, encoded, heif, picture, png_chunk, still
from tests.running import PROJECT_FOLDER, Service, http_client, running_service
from vignette.access.actors import OPERATOR, Scope
from vignette.limits import KIB, MIB
from vignette.pixels.formats import PNG_SIGNATURE, sniff
from vignette.settings import Settings
from vignette.trials.own_port import free_port
from vignette.web.http.queries import MOST_ON_A_PAGE
from vignette.wiring.commands import open_keyholding

pytestmark = pytest.mark.browser

PHOTO = PROJECT_FOLDER / "image_test" / "photo.jpg"

READY = re.compile(r"^Ready: image \d+$")
LARGE_BYTES = 12 * MIB  # more than what the system keeps of a connection that is held
ASKS_EVERY_S = 0.5  # at most, which files are here already
HELD_AFTER = 64 * KIB


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("service"), max_upload_bytes=20 * MIB) as service:
        yield service


@pytest.fixture
def line(service: Service) -> Iterator[Line]:
    with unsteady_line(service.url) as line:
        yield line


class Made:
    """Files in a folder, each another picture: also than those of other tests, as the service knows what it has."""

    _numbers = count(1)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def picture(self, name: str = "") -> Path:
        number = next(self._numbers)
        image = picture(60 + number // 256, 40, shift=number)
        return self.file(name or f"picture-{number}.png", encoded(image, "PNG"))

    def pictures(self, count: int) -> list[Path]:
        return [self.picture() for _ in range(count)]

    def large(self) -> Path:
        """A picture with so many bytes behind it that it takes its time."""
        number = next(self._numbers)
        content = encoded(picture(60, 40), "JPEG")
        return self.file(f"large-{number}.jpg", content + number.to_bytes(4, "big") + bytes(LARGE_BYTES))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def huge() -> bytes:
    """A PNG that says it has 20,000 × 13,400 pixels."""
    header = (20_000).to_bytes(4, "big") + (13_400).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND")


def add(page: Page, *files: Path) -> None:
    """Choose *files*, as the button in the bar lets a reader do."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("link", name="Add pictures").click()
    chooser.value.set_files([str(file) for file in files])


def rows(page: Page) -> Locator:
    return page.locator("#tray li")


def row(page: Page, file: Path) -> Locator:
    return rows(page).filter(has=page.locator(f"bdi:text-is('{file.name}')"))


def state(page: Page, file: Path) -> Locator:
    return row(page, file).locator(".state")


def wait_for(page: Page, *files: Path) -> None:
    for file in files:
        expect(state(page, file)).to_have_text(READY)


def names(url: str) -> list[str]:
    """What is kept, by name, the newest first."""
    answer = http_client.get(f"{url}/images?limit={MOST_ON_A_PAGE}", headers={"Accept": "application/json"})
    assert "next" not in answer.links
    return [image["name"] for image in answer.json()["images"]]


def drag(page: Page, kind: str, *paths: Path, at: tuple[float, float] = (200, 200)) -> None:
    """Have the browser believe that the system drags *paths* over the page: `dragEnter`, `dragOver` or `drop`."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session.send("Input.dispatchDragEvent", {"type": kind, "x": at[0], "y": at[1], "data": data})
    session.detach()


def drop(page: Page, *paths: Path) -> None:
    for kind in ("dragEnter", "dragOver", "drop"):
        drag(page, kind, *paths)


def first(page: Page, file: Path) -> Locator:
    """The link to the image that was here before *file*."""
    return row(page, file).locator(".first")


def send_by_program(url: str, *files: Path) -> list[int]:
    """Upload *files*; return their numbers."""
    return [int(http_client.post(f"{url}/images", content=file.read_bytes()).text) for file in files]


class Questions:
    """The requests of *page* that ask which files are here already."""

    def __init__(self, page: Page) -> None:
        self.urls: list[str] = []
        page.on("request", lambda request: self.urls.append(request.url) if "sha256=" in request.url else None)


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


class TestComing:
    def test_ten_files_come_three_at_a_time_and_each_once(self, visit: Visit, line: Line, made: Made) -> None:
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

    def test_one_request_a_second_at_most_asks_what_became_of_them(self, visit: Visit, made: Made) -> None:
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
    def test_a_picture_may_be_dropped_on_any_page(self, visit: Visit, made: Made, path: str) -> None:
        page, file = visit.page, made.picture()
        page.goto(visit.url + path)
        here = page.url

        drop(page, file)

        wait_for(page, file)
        assert page.url == here

    def test_it_may_be_let_go_just_as_the_pointer_comes_upon_something_else(self, visit: Visit, made: Made) -> None:
        page, file = visit.page, made.picture()
        page.goto(f"{visit.url}/images")
        around, heading = (page.locator(part).bounding_box() for part in ("body > header", "h1"))
        assert around
        assert heading
        for kind in ("dragEnter", "dragOver"):
            drag(page, kind, file, at=(around["x"] + 1, around["y"] + 1))

        drag(page, "drop", file, at=(heading["x"] + 1, heading["y"] + 1))

        wait_for(page, file)

    def test_what_is_dropped_later_is_added(self, visit: Visit, made: Made) -> None:
        page, (first, second) = visit.page, made.pictures(2)
        page.goto(visit.url)
        drop(page, first)
        drop(page, second)
        wait_for(page, first, second)

        drop(page, first)

        expect(page.locator("#tray .note")).to_have_text("1 file is in the list already.")
        assert rows(page).count() == 2

    def test_a_folder_is_taken_with_the_folders_in_it(self, visit: Visit, made: Made) -> None:
        inside = [made.picture(f"holidays/{name}") for name in ("2.png", "10.png", "day two/3.png")]
        made.file("holidays/.DS_Store", b"\0")
        page = visit.page
        page.goto(visit.url)

        drop(page, made.folder / "holidays")

        wait_for(page, *inside)
        assert rows(page).locator("bdi").all_inner_texts() == ["2.png", "10.png", "3.png"]
        assert visit.complaints == []

    def test_a_folder_without_files_says_so(self, visit: Visit, made: Made) -> None:
        (made.folder / "empty").mkdir()
        visit.page.goto(visit.url)

        drop(visit.page, made.folder / "empty")

        expect(visit.page.locator("#tray .note")).to_have_text("There is no file in it.")

    def test_before_they_are_let_go_their_number_is_told(self, visit: Visit, made: Made) -> None:
        page = visit.page
        page.goto(visit.url)
        veil = page.locator(".veil")

        drag(page, "dragEnter", *made.pictures(3))
        drag(page, "dragOver", *made.pictures(3))

        expect(veil).to_have_text("Let go to add 3 pictures")
        # Nothing tells a page that the pointer has left the window, but that it is told of no pointer any more.
        expect(veil).to_be_hidden()

    def test_a_picture_is_pasted(self, visit: Visit) -> None:
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

    def test_a_phone_has_a_camera_and_a_sheet_of_one_line(
        self, chromium: Browser, service: Service, made: Made
    ) -> None:
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

    def test_the_form_of_a_page_hands_its_files_to_the_tray(self, visit: Visit, made: Made) -> None:
        page, files = visit.page, made.pictures(2)
        page.goto(visit.url)
        if not page.locator("form.upload").count():
            page.goto(f"{visit.url}/add")

        page.set_input_files("form.upload input", [str(file) for file in files])

        wait_for(page, *files)
        assert page.locator("form.upload input").evaluate("input => input.files.length") == 0


class TestRefused:
    def test_what_is_known_before_is_told_before_a_byte_is_sent(
        self, visit: Visit, french_visit: Visit, made: Made
    ) -> None:
        files = {
            made.file("poster.png", huge()): (
                "268\u00a0megapixels, the limit is 100\u00a0megapixels. Not sent.",
                "268\u00a0mégapixels, la limite est 100\u00a0mégapixels. Rien n’a été envoyé.",
            ),
            made.file("scan.pdf", b"%PDF-1.7\n"): ("This is a PDF. Pictures only: JPEG,", "C’est un PDF."),
            made.file("empty.jpg", b""): ("The file is empty. Not sent.", "Le fichier est vide. Rien n’a été envoyé."),
            made.file("large.jpg", PHOTO.read_bytes() + bytes(20 * MIB)): (
                "the limit is 20\u00a0MiB. Not sent.",
                "la limite est 20\u00a0Mio. Rien n’a été envoyé.",
            ),
        }
        for language, each in enumerate((visit, french_visit)):
            uploads = Uploads(each.page)
            each.page.goto(f"{each.url}/images")
            drop(each.page, *files)
            for file, words in files.items():
                expect(state(each.page, file)).to_contain_text(words[language])
            assert uploads.requests == []
            assert each.complaints == []

    def test_what_the_service_refuses_stays_with_the_reason_in_the_readers_language(
        self, french_visit: Visit, made: Made
    ) -> None:
        page = french_visit.page
        cut_off = made.file("cut-off.jpg", PHOTO.read_bytes()[:20_000])
        page.goto(french_visit.url)

        drop(page, cut_off)

        expect(state(page, cut_off)).to_have_text("L’image est abîmée ou incomplète.")
        row(page, cut_off).get_by_role("button", name="Retirer").click()
        expect(rows(page)).to_have_count(0)

    def test_a_file_that_has_gone_is_told_and_not_tried_for_ever(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.large()
        page.goto(f"{line.url}/images")
        line.hold(HELD_AFTER)
        drop(page, file)
        expect(state(page, file)).to_contain_text("Sending")
        file.unlink()

        line.cut()

        expect(state(page, file)).to_have_text("The file cannot be read, or has changed.")

    # Each head of a file, and what the service takes it for, is the test of `sniff`; here both have to agree.
    HEADS = (
        *(still(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")),
        *(animation(kind, 2) for kind in ("GIF", "PNG", "WEBP")),
        heif(coded()),
        heif(coded(), brands=(b"avif", b"mif1")),
        heif(coded(), brands=(b"mif1",)),
        heif(coded(), brands=(b"isom", b"heic")),
        b"II*\0\x08\0\0\0CR\x02\0",
        b"MM\0+\0\x08\0\0",
        b"RIFF\0\0\0\0AVI LIST",
        b"GIF88a",
        b"",
        b"plain text",
    )

    def test_a_page_takes_a_file_for_what_the_service_takes_it(self, visit: Visit) -> None:
        visit.page.goto(visit.url)
        module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

        found = visit.page.evaluate(
            """async ([module, heads]) => {
                 const { sniff } = await import(module.replace(/tray.js$/, "tray/sniffing.js"));
                 const media = async (head) => (await sniff(new File([new Uint8Array(head)], "f"))).media ?? null;
                 return Promise.all(heads.map(media));
               }""",
            [module, [list(head[:4096]) for head in self.HEADS]],
        )

        expected = [sniff(head[:4096]) for head in self.HEADS]
        assert found == [one and one.media_type for one in expected]

    SIZES = (
        *(still(kind, 123, 45) for kind in ("JPEG", "PNG", "GIF", "WEBP")),
        still("WEBP", 123, 45, "RGBA", lossless=True),
        still("WEBP", 123, 45, "RGBA"),
        animation("WEBP", 2, 123, 45),
        still("JPEG", 123, 45, progressive=True, exif=Image.Exif().tobytes(), icc_profile=bytes(200_000)),
    )

    def test_a_page_knows_how_many_pixels_a_picture_has(self, visit: Visit) -> None:
        visit.page.goto(visit.url)
        module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

        found = visit.page.evaluate(
            """async ([module, files]) => {
                 const { sniff } = await import(module.replace(/tray.js$/, "tray/sniffing.js"));
                 const pixels = async (file) => (await sniff(new File([new Uint8Array(file)], "f"))).pixels;
                 return Promise.all(files.map(pixels));
               }""",
            [module, [list(content) for content in self.SIZES]],
        )

        assert found == [123 * 45] * len(self.SIZES)


class TestHere:
    def test_what_is_here_is_not_sent_again_unless_the_reader_says_so(self, visit: Visit, made: Made) -> None:
        page, file = visit.page, made.picture()
        uploads = Uploads(page)
        page.goto(f"{visit.url}/images")
        drop(page, file)
        wait_for(page, file)
        number = (state(page, file).text_content() or "").removeprefix("Ready: image ")
        copy = made.file("another name.png", file.read_bytes())

        drop(page, copy)

        expect(first(page, copy)).to_have_text(f"Already here: image {number}")
        expect(state(page, copy)).to_have_text("Not sent")
        expect(page.locator("#tray-told")).to_have_text("1 of 2 kept · 1 already here")
        page.reload()
        drop(page, file)
        expect(first(page, file)).to_have_text(f"Already here: image {number}")
        expect(first(page, file)).to_have_attribute("href", f"{visit.url}/images/{number}")
        expect(page.locator("#tray .sum")).to_have_text("1 already here")
        expect(page.get_by_role("link", name="Show this picture")).to_have_attribute("href", re.compile(f"={number}$"))
        assert faults(page) == []
        assert len(uploads.requests) == 1

        row(page, file).get_by_role("button", name="Send it anyway").press("Enter")

        wait_for(page, file)
        assert len(uploads.requests) == 2
        expect(state(page, file)).not_to_have_text(f"Ready: image {number}")
        expect(first(page, file)).to_have_text(f"Already here: image {number}")
        assert row(page, file).evaluate("row => row.contains(document.activeElement)")
        assert visit.complaints == []

    def test_the_keyboard_leaves_it(self, french_visit: Visit, made: Made) -> None:
        page, file = french_visit.page, made.picture()
        [number] = send_by_program(french_visit.url, file)
        uploads = Uploads(page)
        page.goto(french_visit.url)
        drop(page, file)
        expect(first(page, file)).to_have_text(f"Déjà là\u00a0: image {number}")
        page.locator("#tray .fold").focus()
        stops = []
        for _ in range(3):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert stops == [
            f"Déjà là\u00a0: image {number}",
            f"L’envoyer quand même {file.name}",
            f"Ne pas l’envoyer {file.name}",
        ]

        page.keyboard.press("Enter")

        expect(rows(page)).to_have_count(0)
        assert uploads.requests == []
        page.reload()  # nothing asks whether to leave
        assert french_visit.complaints == []

    def test_a_wall_of_files_is_asked_for_in_few_questions(self, visit: Visit, made: Made) -> None:
        page, files, new = visit.page, made.pictures(60), made.picture()
        send_by_program(visit.url, *files)
        page.goto(f"{visit.url}/docs")
        uploads, questions = Uploads(page), Questions(page)

        begun = time.monotonic()
        drop(page, *files, new)

        wait_for(page, new)
        expect(page.locator("#tray .sum")).to_contain_text("60 already here")
        assert len(uploads.requests) == 1
        assert 1 <= len(questions.urls) <= 2 + (time.monotonic() - begun) / ASKS_EVERY_S
        assert visit.complaints == []

    def test_of_two_files_with_the_same_bytes_one_is_sent(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.large()
        copy = made.file("copy.jpg", file.read_bytes())
        uploads = Uploads(page)
        page.goto(f"{line.url}/docs")
        line.hold(HELD_AFTER)
        drop(page, file, copy)
        expect(state(page, file)).to_contain_text("Sending")
        expect(state(page, copy)).to_have_text("Waiting")

        line.release()

        wait_for(page, file)
        expect(first(page, copy)).to_have_text(re.compile(r"^Already here: image \d+$"))
        assert len(uploads.requests) == 1

    def test_of_two_files_with_the_same_bytes_the_other_goes_if_one_is_cancelled(
        self, visit: Visit, line: Line, made: Made
    ) -> None:
        page, file = visit.page, made.large()
        copy = made.file("copy.jpg", file.read_bytes())
        page.goto(f"{line.url}/docs")
        line.hold(HELD_AFTER)
        drop(page, file, copy)
        expect(state(page, file)).to_contain_text("Sending")

        row(page, file).get_by_role("button", name="Cancel").click()

        expect(state(page, copy)).to_contain_text("Sending")
        line.release()
        wait_for(page, copy)

    def test_a_file_is_sent_if_nobody_knows(self, visit: Visit, made: Made) -> None:
        page, file = visit.page, made.picture()
        send_by_program(visit.url, file)
        page.route("**/images?sha256=*", lambda route: route.fulfill(status=503, body=""))
        page.goto(visit.url)

        drop(page, file)

        wait_for(page, file)

    def test_over_plain_http_it_is_told_of_what_was_sent(self, chromium: Browser, tmp_path: Path, made: Made) -> None:
        file, new = made.picture(), made.picture()
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        with running_service(tmp_path / "service", allowed_hosts=["name.test"]) as service:
            url = service.url.replace("127.0.0.1", "name.test")
            [number] = send_by_program(service.url, file)
            page.goto(f"{url}/images")
            assert page.evaluate("typeof crypto.subtle") == "undefined"
            questions = Questions(page)

            drop(page, file, new)

            wait_for(page, file, new)
            expect(first(page, file)).to_have_text(f"Already here: image {number}")
            expect(first(page, file)).to_have_attribute("href", f"{url}/images/{number}")
            expect(first(page, new)).to_be_hidden()
            expect(page.locator("#tray-told")).to_have_text("2 of 2 kept")
            assert 1 <= len(questions.urls) <= 2
        context.close()

    def test_a_file_that_is_large_is_not_hashed(self, visit: Visit) -> None:
        visit.page.goto(visit.url)
        module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

        found = visit.page.evaluate(
            """async ([module, size]) => {
                 const { digestOf } = await import(module.replace(/tray.js$/, "tray/here.js"));
                 return [await digestOf(new File(["abc"], "f")), digestOf({ size: size + 1 }) === undefined];
               }""",
            [module, 50 * MIB],
        )

        assert found == [hashlib.sha256(b"abc").hexdigest(), True]


class TestLost:
    def test_a_cut_connection_goes_on_by_itself_and_nothing_comes_twice(
        self, visit: Visit, line: Line, made: Made
    ) -> None:
        page, files = visit.page, [made.large(), made.picture()]
        uploads = Uploads(page)
        page.goto(f"{line.url}/images")
        before = len(names(visit.url))
        line.hold(HELD_AFTER)
        drop(page, *files)
        expect(state(page, files[0])).to_contain_text(re.compile(r"Sending \d+% of 12"))

        line.cut()

        expect(state(page, files[0])).to_have_text(re.compile(r"^Connection lost. Again in \d+\u00a0s$"))
        line.release()
        wait_for(page, *files)
        assert len(names(visit.url)) == before + 2
        assert len(set(uploads.keys())) == 2 < len(uploads.keys())

    def test_an_answer_that_is_lost_is_no_second_image(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.picture()
        page.goto(f"{line.url}/images")
        before = len(names(visit.url))
        uploads = Uploads(page)
        # The browser itself sends again what was lost over each of its six connections that it had used before.
        line.lose_answers(8)
        drop(page, file)

        wait_for(page, file)

        assert len(uploads.requests) >= 2
        assert len(set(uploads.keys())) == 1
        assert line.uploads == 9
        assert len(names(visit.url)) == before + 1

    def test_the_service_is_restarted_in_the_middle(self, chromium: Browser, made: Made, tmp_path: Path) -> None:
        port, file, others = free_port(), made.large(), made.pictures(4)
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        with unsteady_line(f"http://127.0.0.1:{port}") as line:
            with running_service(tmp_path / "service", port=port):
                page.goto(f"{line.url}/images")
                line.hold(HELD_AFTER)
                drop(page, file, *others)
                expect(state(page, file)).to_contain_text("Sending")
            expect(state(page, file)).to_contain_text("Connection lost")
            line.release()

            with running_service(tmp_path / "service", port=port) as service:
                wait_for(page, file, *others)
                assert sorted(names(service.url)) == sorted(each.name for each in (file, *others))
        context.close()

    @pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
    def test_a_busy_service_is_asked_again_when_it_says(
        self, visit: Visit, line: Line, made: Made, status: str
    ) -> None:
        page, file = visit.page, made.picture()
        page.goto(f"{line.url}/images")
        line.answer_next(status, "Retry-After: 2")
        drop(page, file)

        expect(state(page, file)).to_have_text(re.compile(r"^The service is busy. Again in [12]\u00a0s$"))
        assert line.uploads == 1
        wait_for(page, file)
        assert line.uploads == 2


class TestActing:
    def test_what_is_being_sent_is_cancelled_and_sent_after_all(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.large()
        page.goto(f"{line.url}/images")
        before = len(names(visit.url))
        line.hold(HELD_AFTER)
        drop(page, file)
        expect(state(page, file)).to_contain_text("Sending")

        row(page, file).get_by_role("button", name="Cancel").press("Enter")

        expect(state(page, file)).to_have_text("Cancelled")
        again = row(page, file).get_by_role("button", name="Try again")
        expect(again).to_be_focused()
        line.release()
        assert len(names(visit.url)) == before
        again.press("Enter")
        wait_for(page, file)
        assert len(names(visit.url)) == before + 1

    def test_leaving_asks_first_while_something_is_being_sent(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.large()
        page.goto(f"{line.url}/images")
        line.hold(HELD_AFTER)
        add(page, file)
        expect(state(page, file)).to_contain_text("Sending")
        asked: list[str] = []

        def stay(dialog: Any) -> None:
            asked.append(dialog.type)
            dialog.dismiss()

        page.on("dialog", stay)
        with page.expect_event("dialog"):
            page.get_by_role("link", name="API").click(no_wait_after=True)
        assert asked == ["beforeunload"]
        line.release()
        wait_for(page, file)

        page.get_by_role("link", name="API").click()

        page.wait_for_url(re.compile("/docs$"))
        assert asked == ["beforeunload"]

    def test_links_are_copied_and_what_was_added_is_shown(self, visit: Visit, made: Made) -> None:
        page, files = visit.page, made.pictures(3)
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.goto(visit.url)
        drop(page, *files)
        wait_for(page, *files)

        row(page, files[0]).get_by_role("button", name="Copy link").click()

        expect(state(page, files[0])).to_have_text("Link copied")
        link = page.evaluate("navigator.clipboard.readText()")
        assert http_client.get(link, headers={"Accept": "application/json"}).json()["name"] == files[0].name
        page.get_by_role("button", name="Copy all links").click()
        expect(page.locator("#tray .note")).to_have_text("3 links copied")
        links = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert [http_client.get(each, headers={"Accept": "application/json"}).json()["name"] for each in links] == [
            file.name for file in files
        ]
        page.get_by_role("link", name="Show these 3").click()
        page.wait_for_url(re.compile(r"/images\?ids="))
        for file in files:
            expect(page.locator("main")).to_contain_text(file.name)

    def test_over_plain_http_on_a_home_network_all_of_it_works_too(
        self, chromium: Browser, tmp_path: Path, made: Made
    ) -> None:
        file = made.picture()
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        with running_service(tmp_path / "service", allowed_hosts=["name.test"]) as service:
            url = service.url.replace("127.0.0.1", "name.test")
            page.goto(f"{url}/images")
            assert page.evaluate("[isSecureContext, typeof crypto.randomUUID, typeof navigator.clipboard]") == [
                False,
                "undefined",
                "undefined",
            ]
            drop(page, file)
            wait_for(page, file)

            row(page, file).get_by_role("button", name="Copy link").click()

            field = row(page, file).get_by_role("textbox", name="Link")
            expect(field).to_have_value(re.compile(rf"^{re.escape(url)}/images/\d+$"))
            expect(field).to_be_focused()
            assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(field.input_value())
        assert complaints == []
        context.close()

    def test_the_keyboard_alone_reaches_every_row(self, visit: Visit, made: Made) -> None:
        page = visit.page
        good, bad = made.picture(), made.file("notes.txt", b"notes\n")
        page.goto(f"{visit.url}/limits")
        drop(page, good, bad)
        wait_for(page, good)
        page.locator("#tray .fold").focus()
        stops = []
        for _ in range(6):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert stops[:6] == [
            good.name,
            f"Copy link {good.name}",
            f"Remove {bad.name}",
            "Show this picture",
            "Copy all links",
            "Clear and close",
        ]

        row(page, bad).get_by_role("button", name="Remove").press("Enter")
        expect(row(page, good).get_by_role("button", name="Copy link")).to_be_focused()
        page.get_by_role("button", name="Clear and close").press("Enter")

        expect(page.locator("#tray")).to_be_hidden()
        expect(page.get_by_role("link", name="Add pictures")).to_be_focused()

    def test_escape_puts_the_tray_away_and_does_nothing_else(self, visit: Visit, made: Made) -> None:
        page, good = visit.page, made.picture()
        url = http_client.post(
            f"{visit.url}/images", content=made.picture().read_bytes(), headers={"Accept": "application/json"}
        ).json()["links"]["self"]
        page.goto(url)
        drop(page, good)
        wait_for(page, good)
        row(page, good).get_by_role("button", name="Copy link").focus()

        page.keyboard.press("Escape")

        expect(page.locator("#tray .fold")).to_be_focused()
        expect(page.locator("#tray .fold")).to_have_attribute("aria-expanded", "false")
        assert page.url == url

    def test_the_wall_shows_what_has_come_once_the_tray_is_closed(self, visit: Visit, made: Made) -> None:
        page, good = visit.page, made.picture()
        page.goto(visit.url)
        drop(page, good)
        wait_for(page, good)

        page.get_by_role("button", name="Clear and close").click()

        expect(page.get_by_role("link", name=good.name)).to_be_visible()
        expect(page.locator("#tray")).to_be_hidden()
        assert visit.complaints == []


class TestTelling:
    @pytest.mark.parametrize("width", [360, 1440])
    @pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
    def test_what_can_be_done_has_its_place_from_the_start(
        self, chromium: Browser, line: Line, made: Made, language: str, width: int
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

    def test_each_file_has_a_preview_at_once_or_the_name_of_its_format(
        self, visit: Visit, line: Line, made: Made
    ) -> None:
        page, seen, unseen = visit.page, made.picture(), made.file("phone.heic", heif(coded()))
        line.hold(0)
        page.goto(f"{line.url}/images")

        drop(page, seen, unseen)

        canvas = row(page, seen).locator("canvas")
        expect(canvas).to_be_visible()
        assert canvas.evaluate("canvas => canvas.getContext('2d').getImageData(48, 48, 1, 1).data[3]") == 255
        expect(row(page, unseen).locator(".picture")).to_have_text("HEIC")
        assert visit.complaints == []

    def test_one_polite_region_tells_no_more_than_every_three_seconds(
        self, visit: Visit, line: Line, made: Made
    ) -> None:
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

    def test_what_cannot_be_rendered_is_kept_and_told(self, visit: Visit, made: Made) -> None:
        page, file = visit.page, made.file("broken.png", broken_pixels())
        page.goto(visit.url)

        drop(page, file)

        expect(state(page, file)).to_have_text("Kept, but no vignette could be made")

    @pytest.mark.parametrize("width", [360, 1440])
    def test_what_is_pressed_at_the_end_has_its_place_from_the_first_file_on(
        self, visit: Visit, line: Line, made: Made, width: int
    ) -> None:
        page, file, outcome = visit.page, made.large(), visit.page.locator("#tray .outcome")
        page.set_viewport_size({"width": width, "height": 740})
        page.goto(f"{line.url}/images")
        line.hold(HELD_AFTER)
        drop(page, file)
        expect(state(page, file)).to_contain_text("Sending")
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

    def test_in_each_state_it_has_no_fault_for_axe(self, visit: Visit, line: Line, made: Made) -> None:
        page, large, small = visit.page, made.large(), made.picture()
        page.goto(f"{line.url}/limits")
        line.hold(HELD_AFTER)
        drop(page, large, *made.pictures(3), made.file("notes.txt", b"notes\n"))
        expect(state(page, large)).to_contain_text("Sending")
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

    def test_a_page_loads_the_rest_of_it_with_the_first_file(self, visit: Visit, made: Made) -> None:
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

    def test_a_drop_without_a_connection_waits_for_it(self, visit: Visit, line: Line, made: Made) -> None:
        page, file = visit.page, made.picture()
        page.goto(f"{line.url}/docs")  # loaded with its modules: on a busy machine the network is idle before
        page.wait_for_load_state("networkidle")
        line.cut()

        drop(page, file)

        expect(page.locator(".veil")).to_contain_text("Connection lost.")
        line.release()
        wait_for(page, file)


def weight(url: str) -> int:
    """The bytes of an asset as they are sent."""
    with http_client.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("doors"), access="gallery") as service:
        yield service


def key_of(gallery: Service, name: str) -> str:
    """Make a key that reads, uploads and edits; return its token."""
    settings = Settings(upload_folder=gallery.upload_folder, state_folder=gallery.state_folder)
    return open_keyholding(settings).add(OPERATOR, name, [Scope.READ, Scope.UPLOAD, Scope.EDIT])[1]


@pytest.fixture(scope="module")
def doors(gallery: Service) -> tuple[str, str]:
    """The URL of a gallery, and a key of it."""
    return gallery.url, key_of(gallery, "laptop")


def send_as(url: str, file: Path, token: str, visibility: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    answer = http_client.post(f"{url}/images?visibility={visibility}", content=file.read_bytes(), headers=headers)
    return int(answer.json()["id"])


class TestBehindDoors:
    def test_whoever_adds_says_who_sees_it(self, chromium: Browser, doors: tuple[str, str], made: Made) -> None:
        url, token = doors
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        sign_in(page, url, token)
        page.get_by_role("link", name="Add pictures").click()
        page.get_by_label("Seen by").select_option("only you")
        file = made.picture()

        drag(page, "dragEnter", file)
        drag(page, "dragOver", file)
        expect(page.locator(".veil")).to_contain_text("Only you will see them.")
        drag(page, "drop", file)

        wait_for(page, file)
        page.get_by_role("link", name=file.name).first.click()
        page.wait_for_url(re.compile("/images/"))
        assert http_client.get(page.url).status_code == 404
        context.close()

    def test_of_what_somebody_may_not_see_nobody_learns_that_it_is_here(
        self, chromium: Browser, gallery: Service, doors: tuple[str, str], made: Made
    ) -> None:
        url, token = doors
        private, public, own = made.pictures(3)
        strangers_token = key_of(gallery, "stranger")
        send_as(url, private, strangers_token, "private")
        send_as(url, public, strangers_token, "public")
        number = send_as(url, own, token, "private")
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        sign_in(page, url, token)

        drop(page, private, public, own)

        wait_for(page, private)
        expect(first(page, private)).to_be_hidden()
        expect(first(page, public)).to_have_text("Already here")
        expect(first(page, own)).to_have_text(f"Already here: image {number}")
        first(page, public).click()
        expect(page.locator("h1")).to_be_visible()
        context.close()

    def test_whoever_may_not_add_has_no_tray(self, chromium: Browser, doors: tuple[str, str]) -> None:
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        page.goto(f"{doors[0]}/images")

        assert page.locator("#tray").count() == 0
        context.close()
