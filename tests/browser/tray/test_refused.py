"""What is not taken, and what is told of it."""

from __future__ import annotations

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.made import Made
from tests.browser.tray.acting import Uploads, drop, drop_and_hold, row, rows, state
from tests.browser.unsteady_line import Line
from tests.makers import animation, coded, heif, png_chunk, still
from tests.running import PROJECT_FOLDER
from vignette.limits import MIB
from vignette.pixels.formats import PNG_SIGNATURE, sniff

pytestmark = pytest.mark.browser

PHOTO = PROJECT_FOLDER / "image_test" / "photo.jpg"

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
SIZES = (
    *(still(kind, 123, 45) for kind in ("JPEG", "PNG", "GIF", "WEBP")),
    still("WEBP", 123, 45, "RGBA", lossless=True),
    still("WEBP", 123, 45, "RGBA"),
    animation("WEBP", 2, 123, 45),
    still("JPEG", 123, 45, progressive=True, exif=Image.Exif().tobytes(), icc_profile=bytes(200_000)),
)


def huge() -> bytes:
    """A PNG that says it has 20,000 × 13,400 pixels."""
    header = (20_000).to_bytes(4, "big") + (13_400).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return PNG_SIGNATURE + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND")


def test_what_is_known_before_is_told_before_a_byte_is_sent(visit: Visit, french_visit: Visit, made: Made) -> None:
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
    french_visit: Visit, made: Made
) -> None:
    page = french_visit.page
    cut_off = made.file("cut-off.jpg", PHOTO.read_bytes()[:20_000])
    page.goto(french_visit.url)

    drop(page, cut_off)

    expect(state(page, cut_off)).to_have_text("L’image est abîmée ou incomplète.")
    row(page, cut_off).get_by_role("button", name="Retirer").click()
    expect(rows(page)).to_have_count(0)


def test_a_file_that_has_gone_is_told_and_not_tried_for_ever(visit: Visit, line: Line, made: Made) -> None:
    page, file = visit.page, made.large()
    page.goto(f"{line.url}/images")
    drop_and_hold(page, line, file)
    file.unlink()

    line.cut()

    expect(state(page, file)).to_have_text("The file cannot be read, or has changed.")


def test_a_page_takes_a_file_for_what_the_service_takes_it(visit: Visit) -> None:
    visit.page.goto(visit.url)
    module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

    found = visit.page.evaluate(
        """async ([module, heads]) => {
             const { sniff } = await import(module.replace(/tray.js$/, "tray/sniffing.js"));
             const media = async (head) => (await sniff(new File([new Uint8Array(head)], "f"))).media ?? null;
             return Promise.all(heads.map(media));
           }""",
        [module, [list(head[:4096]) for head in HEADS]],
    )

    expected = [sniff(head[:4096]) for head in HEADS]
    assert found == [one and one.media_type for one in expected]


def test_a_page_knows_how_many_pixels_a_picture_has(visit: Visit) -> None:
    visit.page.goto(visit.url)
    module = visit.page.locator("script[src$='/tray.js']").get_attribute("src") or ""

    found = visit.page.evaluate(
        """async ([module, files]) => {
             const { sniff } = await import(module.replace(/tray.js$/, "tray/sniffing.js"));
             const pixels = async (file) => (await sniff(new File([new Uint8Array(file)], "f"))).pixels;
             return Promise.all(files.map(pixels));
           }""",
        [module, [list(content) for content in SIZES]],
    )

    assert found == [123 * 45] * len(SIZES)
