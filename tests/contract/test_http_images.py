"""`/images` and `/images/<id>`: the list, one of them, its deletion, a new try."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as Pillow

from tests import makers
from tests.contract.asking import BROWSER, JSON, post, problem
from tests.house import House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import png_chunk, png_with
from vignette.access.actors import OPERATOR, Scope
from vignette.model import ImageId
from vignette.ports.jobs import Lane


class TestGetImages:
    def test_newest_first_paged_by_cursor(self, house: House) -> None:
        for _ in range(5):
            house.upload(picture())

        first = house.client.get("/images?limit=2")
        second = house.client.get(first.json["next"])
        third = house.client.get(second.json["next"])

        assert [[image["id"] for image in page.json["images"]] for page in (first, second, third)] == [
            [4, 3],
            [2, 1],
            [0],
        ]
        assert first.headers["Link"] == '<http://localhost/images?limit=2&before=3>; rel="next"'
        assert third.json["next"] is None
        assert "Link" not in third.headers

    def test_deleted_images_are_left_out(self, house: House) -> None:
        house.upload(picture())
        house.upload(picture())
        house.client.delete("/images/0")

        assert [image["id"] for image in house.client.get("/images").json["images"]] == [1]

    def test_several_are_named_in_any_order_and_what_is_not_there_is_absent(self, house: House) -> None:
        for _ in range(5):
            house.upload(picture())
        house.client.delete("/images/1")
        (name,) = {house.client.get("/images/3").json["public_name"]}

        for query in (f"ids=4,1,0,99,{name},4,x", f"ids=4&ids=1,0&ids={name}", "ids= 4,0 ,3,3"):
            page = house.client.get(f"/images?{query}").json
            assert [image["id"] for image in page["images"]] == [4, 0, 3]
            assert page["next"] is None
        assert house.client.get("/images?ids=").json["images"] == []

    def test_more_than_a_hundred_are_refused(self, house: House) -> None:
        for query in ("ids=" + "1," * 100 + "1", "&".join(["ids=1"] * 101)):
            answer = problem(house.client.get(f"/images?{query}"))
            assert (answer["type"], answer["measured"], answer["limit"]) == ("/problems/malformed-request", 101, 100)

    @pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "before=-1", "before=" + "9" * 30, "limit=²"])
    def test_a_wrong_cursor_is_400(self, house: House, query: str) -> None:
        response = house.client.get(f"/images?{query}")

        assert problem(response)["type"] == "/problems/malformed-request"

    @pytest.mark.parametrize("path", ["/images?before={}", "/images?state=quarantined&before={}", "/images?like={}"])
    def test_what_may_name_an_image_is_told_where_nothing_is_named(self, tmp_path: Path, path: str) -> None:
        with new_house(tmp_path) as house:
            _, token = house.keyholding.add(OPERATOR, "admin", {Scope.ADMIN})
            answer = house.client.get(path.format("xx"), headers={"Authorization": f"Bearer {token}"})

        assert "has to be the number or the public name of an image" in problem(answer)["detail"]
        assert ("`next`" in problem(answer)["detail"]) == (path == "/images?before={}")

    def test_a_browser_gets_a_page(self, house: House) -> None:
        house.upload(picture())

        response = house.client.get("/images", headers={"Accept": BROWSER})

        assert response.mimetype == "text/html"
        assert 'href="/images/0"' in response.text


class TestGetImage:
    @pytest.mark.parametrize("accept", ["*/*", JSON, "text/plain"])
    def test_everyone_but_a_browser_gets_the_resource_with_the_metadata(self, house: House, accept: str) -> None:
        house.upload(picture())

        response = house.client.get("/images/0", headers={"Accept": accept})

        assert (response.status_code, response.mimetype) == (200, JSON)
        assert response.json["id"] == 0
        assert isinstance(response.json["metadata"], dict)

    def test_the_resource_stays_small_and_tells_where_the_whole_is(self, house: House) -> None:
        texts = [png_chunk(b"tEXt", b"long\0" + b"x" * 100_000)]
        texts += [png_chunk(b"tEXt", b"many%d\0" % number + b"y" * 4000) for number in range(100)]
        house.upload(png_with(*texts))

        response = house.client.get("/images/0")

        assert len(response.data) < 300_000
        metadata = response.json["metadata"]
        assert metadata["text"][0] == {"keyword": "long", "text": "x" * 4095 + "…"}
        assert metadata["warnings"][-1].startswith("1 long values are cut here and ")
        whole = house.client.get("/images/0/metadata.json").json["text"]
        assert [len(item["text"]) for item in whole] == [100_000] + [4000] * 100

    def test_a_browser_gets_a_page(self, house: House) -> None:
        house.upload(picture(), "<script>alert(1)</script>.jpg")

        response = house.client.get("/images/0", headers={"Accept": BROWSER})

        assert (response.status_code, response.mimetype) == (200, "text/html")
        assert "<script>alert" not in response.text
        assert "&lt;script&gt;alert" in response.text

    def test_what_the_file_reveals_is_told_to_programs_and_to_people(self, house: House) -> None:
        content = io.BytesIO()
        exif = Pillow.Exif()
        exif[0x013B] = "Ada <b>Lovelace</b>"
        Pillow.new("RGB", (40, 30)).save(content, "JPEG", exif=exif)
        house.upload(content.getvalue())

        page = house.client.get("/images/0", headers={"Accept": BROWSER, "Accept-Language": "fr"}).text

        assert house.client.get("/images/0").json["metadata"]["privacy"] == {"people": ["/exif/IFD0/Artist"]}
        assert "Ce fichier révèle" in page
        assert "Noms</dt>" in page
        assert "Ada &lt;b&gt;Lovelace" in page

    def test_what_rendering_passed_over_is_told_to_programs_and_to_people(self, house: House) -> None:
        house.upload(makers.still("JPEG", icc_profile=makers.icc_profile()))
        assert house.client.get("/images/0").json["warnings"] == []

        house.work()

        words = "Its colour profile cannot be applied: its colours are shown without it."
        assert house.client.get("/images/0").json["warnings"] == [{"code": "profile-not-applied", "detail": words}]
        pages = [
            house.client.get("/images/0", headers={"Accept": BROWSER, "Accept-Language": language}).text
            for language in ("en", "fr")
        ]
        assert words in pages[0]
        assert "Son profil de couleurs ne peut pas être appliqué" in pages[1]

    @pytest.mark.parametrize(
        "warnings", [["of-a-later-release", "animation-damaged"], ["<script>"], "animation-damaged", [1], None]
    )
    def test_warnings_of_a_folder_from_elsewhere_are_told_if_they_are_known(
        self, house: House, warnings: object
    ) -> None:
        house.upload(picture())
        house.work()
        outcome = house.uploads / "0" / "outcome.json"
        outcome.write_text(json.dumps(json.loads(outcome.read_text()) | {"warnings": warnings}))

        told = [each["code"] for each in house.client.get("/images/0").json["warnings"]]

        assert told == (["animation-damaged"] if isinstance(warnings, list) and len(warnings) == 2 else [])

    def test_what_to_show_until_a_vignette_is_there_comes_with_it(self, house: House) -> None:
        house.upload(picture(640, 480, colour="red"))
        assert house.client.get("/images/0").json["placeholder"] is None

        house.work()

        placeholder = house.client.get("/images/0").json["placeholder"]
        assert set(placeholder) == {"thumbhash", "colour"}
        page = house.client.get("/images", headers={"Accept": BROWSER}).text
        assert f'data-thumbhash="{placeholder["thumbhash"]}" data-colour="{placeholder["colour"]}"' in page

    def test_a_picture_has_its_place_in_a_list_before_its_vignette_is_there(self, house: House) -> None:
        house.upload(picture(480, 640))

        page = house.client.get("/images", headers={"Accept": BROWSER}).text

        (place,) = re.findall(
            r'<li class="r(\d+)[^"]*"[^>]*>\s*<a [^>]*>\s*<img src="/vignette/0\?size=small"[^>]*>', page
        )
        assert int(place) == 20 * 480 / 640

    def test_a_file_that_reveals_nothing_is_not_accused(self, house: House) -> None:
        house.upload(picture())

        assert "What the file reveals" not in house.client.get("/images/0", headers={"Accept": BROWSER}).text

    @pytest.mark.parametrize(
        "path", ["/images/0", "/images/0/original", "/images/0/public", "/images/0/metadata.txt", "/vignette/0"]
    )
    def test_an_unknown_number_is_404(self, house: House, path: str) -> None:
        response = house.client.get(path)

        assert problem(response)["type"] == "/problems/image-not-found"
        assert response.status_code == 404

    @pytest.mark.parametrize("number", ["-1", "007", "1.0", "x", "9" * 40, "%00", "..%2f.."])
    def test_what_is_no_number_is_404(self, house: House, number: str) -> None:
        assert house.client.get(f"/images/{number}").status_code == 404

    @pytest.mark.parametrize(
        "damage",
        [Path.unlink, lambda path: path.write_text(""), lambda path: path.write_text("[]")],
        ids=["missing", "empty", "no object"],
    )
    def test_lost_metadata_is_told_and_hides_nothing_else(self, house: House, damage: Callable[[Path], object]) -> None:
        house.upload(picture())
        damage(house.uploads / "0" / "metadata.json")

        response = house.client.get("/images/0")

        assert response.status_code == 200
        assert "metadata.json" in response.json["metadata"]["warnings"][0]


class TestDelete:
    def test_a_deleted_image_is_gone_and_its_number_stays_taken(self, house: House) -> None:
        house.upload(picture())

        response = house.client.delete("/images/0")

        assert (response.status_code, response.data) == (204, b"")
        for path in ("/images/0", "/images/0/original", "/images/0/public", "/images/0/metadata.json", "/vignette/0"):
            gone = house.client.get(path)
            assert problem(gone)["type"] == "/problems/image-deleted"
            assert gone.status_code == 410
        assert house.client.delete("/images/0").status_code == 410
        assert post(house, (picture(), "a.jpg")).data == b"1\n"

    def test_the_form_of_a_page_without_javascript(self, house: House) -> None:
        house.upload(picture())

        response = house.client.post("/images/0/delete", headers={"Accept": BROWSER})

        assert (response.status_code, response.headers["Location"]) == (303, "http://localhost/")
        assert house.client.get("/images/0").status_code == 410

    def test_an_unknown_number_is_404(self, house: House) -> None:
        assert house.client.delete("/images/0").status_code == 404

    def test_a_page_of_another_site_may_not_delete(self, house: House) -> None:
        house.upload(picture())

        response = house.client.post("/images/0/delete", headers={"Sec-Fetch-Site": "cross-site"})

        assert response.status_code == 403
        assert house.client.get("/images/0").status_code == 200


class TestRetry:
    def test_a_failed_image_is_tried_again(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()

        response = house.client.post("/images/0/retry")

        assert house.jobs.lanes[ImageId(0)] is Lane.FAST
        assert (response.status_code, response.headers["Location"]) == (202, "http://localhost/images/0")
        assert (response.json["id"], response.json["state"], response.json["failure"]) == (0, "pending", None)
        assert house.jobs.hinted == [0]

    def test_it_has_all_its_attempts_again(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()

        house.client.post("/images/0/retry")

        assert house.catalogue.library.get(ImageId(0)).attempts == 0

    def test_the_page_of_a_failed_image_has_a_button_for_it(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()
        page = house.client.get("/images/0", headers={"Accept": BROWSER}).text
        assert 'action="/images/0/retry"' in page

        response = house.client.post("/images/0/retry", headers={"Accept": BROWSER})

        assert (response.status_code, response.headers["Location"]) == (303, "http://localhost/images/0")
        page = house.client.get("/images/0", headers={"Accept": BROWSER}).text
        assert 'action="/images/0/retry"' not in page

    @pytest.mark.parametrize("is_rendered", [True, False], ids=["ready", "pending"])
    def test_an_image_that_has_not_failed_is_409(self, house: House, is_rendered: bool) -> None:
        house.upload(picture())
        if is_rendered:
            house.work()

        response = house.client.post("/images/0/retry")

        assert (response.status_code, problem(response)["type"]) == (409, "/problems/image-not-failed")

    def test_a_deleted_image_is_410_and_an_unknown_one_404(self, house: House) -> None:
        house.upload(picture())
        house.client.delete("/images/0")

        assert house.client.post("/images/0/retry").status_code == 410
        assert house.client.post("/images/1/retry").status_code == 404

    def test_a_page_of_another_site_may_not_ask_for_it(self, house: House) -> None:
        house.upload(broken_pixels())
        house.work()

        assert house.client.post("/images/0/retry", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
