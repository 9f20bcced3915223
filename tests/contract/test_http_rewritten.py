"""Pictures that are written anew when somebody asks: public copies of TIFF, BMP, HEIC and AVIF, and what is zoomed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image as Pillow

import tests.house
from tests.contract.asking import BROWSER, problem
from tests.corpus import CORPUS, needs_corpus, rows
from tests.house import House, picture
from tests.profiles import DISPLAY_P3, rgb_profile
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.errors import TooMuchMemory
from vignette.limits import MIB
from vignette.model import ImageId
from vignette.pixels.renditions import Rewritten
from vignette.pixels.rewriting import rewrite
from vignette.recipes import ZOOM
from vignette.use_cases.intake import IntakeLimits
from vignette.use_cases.rewriting import ZOOMED as ZOOM_KIND

PUBLIC = "/images/0/public"
ZOOMED = "/vignette/0?size=zoom"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with tests.house.house(tmp_path) as house:
        yield house


def scan(mode: str = "RGB", size: tuple[int, int] = (60, 40), file_format: str = "TIFF") -> bytes:
    """A picture with an author and a place, which lies on its side where the format can say so."""
    exif = Pillow.Exif()
    exif[0x0112], exif[0x013B] = 6, "Ada Lovelace"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    content = io.BytesIO()
    image = Pillow.linear_gradient("L").resize(size).convert("RGB")
    if mode == "RGBA":
        image.putalpha(Pillow.linear_gradient("L").resize(size))
    image.save(content, file_format, exif=exif)
    return content.getvalue()


def opened(content: bytes) -> Pillow.Image:
    image = Pillow.open(io.BytesIO(content))
    image.load()
    return image


class TestPublicCopy:
    @pytest.mark.parametrize("file_format", ["TIFF", "AVIF", "BMP"])
    def test_it_is_a_clean_jpeg_upright_and_of_full_size(self, house: House, file_format: str) -> None:
        content = scan(file_format=file_format)
        house.upload(content, "Ada's garden")
        said = house.client.get("/images/0").json

        response = house.client.get(said["links"]["public"])

        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert response.headers["Vignette-Public-Copy"] == said["public_copy"] == "re-encoded"
        assert response.headers["Content-Disposition"] == "attachment; filename=image-0.jpg"
        assert response.headers["ETag"] == f'"{hashlib.sha256(response.data).hexdigest()}"'
        copy = opened(response.data)
        assert (copy.format, copy.size) == ("JPEG", (said["width"], said["height"]))
        assert not {"exif", "icc_profile", "comment"} & set(copy.info)
        assert b"Ada" not in response.data
        corners = [copy.convert("L").getpixel(at) for at in ((0, 0), (0, copy.height - 1), (copy.width - 1, 0))]
        # The gradient runs from black above to white below, and EXIF turns it by 90 degrees: white is then at the left.
        expected = (0, 255, 0) if file_format == "BMP" else (255, 255, 0)
        assert corners == pytest.approx(expected, abs=12)

    def test_uploaded_again_it_reveals_nothing(self, house: House) -> None:
        house.upload(scan())
        house.upload(house.client.get(PUBLIC).data)

        assert "privacy" in house.client.get("/images/0").json["metadata"]
        assert "privacy" not in house.client.get("/images/1").json["metadata"]

    def test_where_it_is_transparent_it_is_a_webp(self, house: House) -> None:
        house.upload(scan("RGBA"))

        response = house.client.get(PUBLIC)

        assert (response.mimetype, opened(response.data).mode) == ("image/webp", "RGBA")
        assert "image-0.webp" in response.headers["Content-Disposition"]

    def test_an_alpha_that_hides_nothing_is_no_reason_for_webp(self, house: House) -> None:
        content = io.BytesIO()
        Pillow.new("RGBA", (40, 30), "teal").save(content, "TIFF")
        house.upload(content.getvalue())

        assert house.client.get(PUBLIC).mimetype == "image/jpeg"

    def test_colours_are_those_of_the_profile(self, house: House) -> None:
        """A red of Display P3 is beyond sRGB; the copy has no profile, and so the nearest red of sRGB."""
        content = io.BytesIO()
        Pillow.new("RGB", (40, 30), (200, 60, 60)).save(content, "TIFF", icc_profile=rgb_profile(DISPLAY_P3))
        house.upload(content.getvalue())
        house.work()

        copy = opened(house.client.get(PUBLIC).data).getpixel((5, 5))

        vignette = opened(house.client.get("/vignette/0", headers={"Accept": "image/jpeg"}).data).getpixel((5, 5))
        assert copy == pytest.approx(vignette, abs=4)
        assert copy[0] > 205

    def test_of_several_pages_it_is_the_first(self, house: House) -> None:
        content = io.BytesIO()
        Pillow.new("RGB", (40, 30), "red").save(
            content, "TIFF", save_all=True, append_images=[Pillow.new("RGB", (40, 30), "blue")]
        )
        house.upload(content.getvalue())

        red, _, blue = opened(house.client.get(PUBLIC).data).getpixel((5, 5))

        assert red > 200 > 50 > blue

    def test_it_is_made_once_and_served_like_a_file(self, house: House) -> None:
        house.upload(scan())
        whole = house.client.get(PUBLIC)

        assert house.client.get(PUBLIC, headers={"Range": "bytes=10-600"}).data == whole.data[10:601]
        assert house.client.get(PUBLIC, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
        with tests.house.house(house.root) as other:
            other.jobs.publish_at_once = None
            assert other.client.get(PUBLIC).data == whole.data
        assert house.jobs.published == [0]

    def test_one_that_is_not_made_yet_is_202(self, house: House) -> None:
        house.upload(scan())
        house.jobs.publish_at_once = None

        assert house.client.get(PUBLIC, headers={"Prefer": "wait=0"}).status_code == 202
        house.publishing.make(ImageId(0))
        assert house.client.get(PUBLIC).status_code == 200

    @pytest.mark.parametrize("damage", [b"", b"\0" * 2000])
    @pytest.mark.parametrize("name", ["clean.jpg", "clean.json"])
    def test_one_that_a_crash_has_damaged_is_made_again(self, house: House, name: str, damage: bytes) -> None:
        house.upload(scan())
        house.publishing.make(ImageId(0))
        file = house.uploads / "0" / name
        sound = file.read_bytes()
        file.write_bytes(damage)

        assert opened(house.client.get(PUBLIC).data).format == "JPEG"
        assert file.read_bytes() == sound

    def test_one_that_came_with_a_folder_from_elsewhere_is_not_believed(self, house: House) -> None:
        house.upload(scan())
        house.publishing.make(ImageId(0))
        folder, planted = house.uploads / "0", b"the garden of Ada"
        note = json.loads((folder / "clean.json").read_bytes())
        (folder / "clean.jpg").write_bytes(planted)
        told = {"sha256": hashlib.sha256(planted).hexdigest(), "bytes": len(planted)}
        (folder / "clean.json").write_text(json.dumps(note | told))

        house.reindexing.rebuild()

        assert opened(house.client.get(PUBLIC).data).format == "JPEG"

    def test_what_a_decoder_hid_in_it_is_taken_out(self, tmp_path: Path) -> None:
        def hiding(file: BinaryIO, size: int, edge: int | None, quality: int) -> Rewritten:
            made = rewrite(file, size, edge, quality)
            hidden = b"\xff\xfe\x00\x13the garden of Ada"
            return Rewritten(
                made.file_format, made.width, made.height, made.content[:2] + hidden + made.content[2:] + hidden
            )

        with tests.house.house(tmp_path, rewriter=hiding) as house:
            house.upload(scan())

            assert b"Ada" not in house.client.get(PUBLIC).data

    def test_what_cannot_be_decoded_is_422_with_the_measure_and_found_out_once(self, tmp_path: Path) -> None:
        def greedy(*_: object) -> Rewritten:
            raise TooMuchMemory("rendering needs more than the 64 MiB of memory that it may take", limit=64 * MIB)

        with tests.house.house(tmp_path, rewriter=greedy) as house:
            house.upload(scan())

            answers = [house.client.get(PUBLIC) for _ in range(2)]

            assert [answer.status_code for answer in answers] == [422] * 2
            said = problem(answers[1])
            assert (said["type"], said["limit"]) == ("/problems/not-publishable", 64 * MIB)
            assert house.jobs.published == [0]

    def test_what_comes_behind_a_deletion_is_removed(self, tmp_path: Path) -> None:
        def deleting(file: BinaryIO, size: int, edge: int | None, quality: int) -> Rewritten:
            made = rewrite(file, size, edge, quality)
            house.removal.delete(NOBODY, ImageId(0))
            return made

        with tests.house.house(tmp_path, rewriter=deleting) as house:
            house.upload(scan())

            house.publishing.make(ImageId(0))

            assert house.files(0) == {layout.TOMBSTONE}

    def test_a_deletion_takes_all_of_it_along(self, house: House) -> None:
        house.upload(scan())
        house.work()
        assert house.client.get(PUBLIC).status_code == house.client.get(ZOOMED).status_code == 200
        assert {"clean.jpg", "clean.json", "zoom.jpg", "zoom.json"} <= house.files(0)

        house.removal.delete(NOBODY, ImageId(0))

        assert house.files(0) == {layout.TOMBSTONE}
        assert house.client.get(PUBLIC).status_code == house.client.get(ZOOMED).status_code == 410

    def test_the_page_says_what_it_is(self, house: House) -> None:
        house.upload(scan())

        page = house.client.get("/images/0", headers={"Accept": BROWSER}).text

        assert 'href="/images/0/public"' in page
        assert "A clean JPEG instead" in page

    def test_of_other_formats_it_has_the_same_pixels(self, house: House) -> None:
        house.upload(picture())

        assert house.client.get(PUBLIC).headers["Vignette-Public-Copy"] == "same-pixels"
        assert house.client.get("/images/0").json["public_copy"] == "same-pixels"
        assert house.files(0).isdisjoint({"clean.jpg", "clean.json"})


class TestOnRealPictures:
    pytestmark = needs_corpus

    def test_heic_gets_one_too(self, tmp_path: Path) -> None:
        limits = IntakeLimits(max_bytes=50_000_000, max_pixels=20_000_000, max_frames=20)
        heics = [CORPUS / row["path"] for row in rows("accept") if row["path"].endswith(".heic")]
        path = min(heics, key=lambda path: path.stat().st_size)
        with tests.house.house(tmp_path, limits=limits) as house:
            house.upload(path.read_bytes())

            response = house.client.get(PUBLIC)

            said = house.client.get("/images/0").json
        assert (response.mimetype, opened(response.data).size) == ("image/jpeg", (said["width"], said["height"]))


class TestZoom:
    @pytest.fixture
    def large(self, tmp_path: Path) -> Iterator[House]:
        limits = IntakeLimits(max_bytes=50_000_000, max_pixels=20_000_000, max_frames=20)
        with tests.house.house(tmp_path, limits=limits) as house:
            house.upload(picture(3000, 1000, "TIFF"))
            house.work()
            yield house

    def test_it_has_2560_pixels_and_holds_as_long_as_a_vignette(self, large: House) -> None:
        link = large.client.get("/images/0").json["links"]["zoom"]
        assert link.endswith(f"/vignette/0?size=zoom&v={ZOOM.digest}")

        response = large.client.get(link)

        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert opened(response.data).size == (2560, 853)
        assert response.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
        assert large.client.get(link, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
        assert large.jobs.enlarged == [0]

    def test_it_is_never_enlarged(self, house: House) -> None:
        house.upload(picture(60, 40, "BMP"))
        house.work()

        assert opened(house.client.get(ZOOMED).data).size == (60, 40)

    def test_until_it_is_made_it_is_202_and_the_worker_is_told_once(self, large: House) -> None:
        large.jobs.enlarge_at_once = None

        answers = [large.client.get(ZOOMED) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [202] * 2
        assert large.jobs.enlarged == [0]
        large.rewriting.make(ImageId(0), ZOOM_KIND)
        assert large.client.get(ZOOMED).status_code == 200

    def test_whoever_waits_gets_it(self, large: House) -> None:
        large.jobs.enlarge_at_once = None

        response = large.client.get(ZOOMED, headers={"Prefer": "wait=1"})

        assert (response.status_code, response.headers["Preference-Applied"]) == (202, "wait")

    def test_a_queue_that_is_down_is_asked_again(self, large: House) -> None:
        large.jobs.is_down = True
        assert large.client.get(ZOOMED).status_code == 202
        large.jobs.is_down = False

        assert large.client.get(ZOOMED).status_code == 200

    def test_of_an_image_that_waits_it_is_on_its_way_and_nobody_is_told(self, house: House) -> None:
        house.upload(picture())

        assert house.client.get(ZOOMED).status_code == 202
        assert house.jobs.enlarged == []

    def test_what_cannot_be_decoded_is_422_with_the_reason(self, tmp_path: Path) -> None:
        def greedy(*_: object) -> Rewritten:
            raise TooMuchMemory("rendering needs more than the 64 MiB of memory that it may take", limit=64 * MIB)

        with tests.house.house(tmp_path, rewriter=greedy) as house:
            house.upload(picture())
            house.work()

            answers = [house.client.get(ZOOMED, headers={"Accept": "application/problem+json"}) for _ in range(2)]

            assert problem(answers[1])["type"] == "/problems/too-much-memory"
            assert house.jobs.enlarged == [0]
