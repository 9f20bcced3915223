"""The HTTP contract, row by row; `/vignette` and the service itself are in the modules beside this one."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

from tests.house import SMALL, House, broken_pixels, picture
from tests.house import house as new_house
from tests.makers import png_chunk, png_with
from vignette.errors import StoreFull
from vignette.intake import IntakeLimits
from vignette.model import ImageId
from vignette.pixels.publishing import jpeg
from vignette.ports import Lane
from vignette.web.uploads import RequestLimits

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
JSON = "application/json"


def post(house: House, *files: tuple[bytes, str], accept: str = "*/*", **headers: str) -> TestResponse:
    parts = [FileStorage(io.BytesIO(content), name) for content, name in files]
    boundary, body = encode_multipart(MultiDict([("file", part) for part in parts]))
    return house.client.post(
        "/images",
        data=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        headers={"Accept": accept, **headers},
    )


def problem(response: TestResponse) -> dict[str, Any]:
    """The problem of *response*, which is checked to be a well-formed one."""
    assert response.mimetype == "application/problem+json", response.data
    body: dict[str, Any] = json.loads(response.data)
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return body


class TestPostImages:
    def test_by_default_the_answer_is_the_bare_number(self, house: House) -> None:
        response = post(house, (picture(), "photo.jpg"))

        assert (response.status_code, response.data, response.mimetype) == (201, b"0\n", "text/plain")
        assert response.headers["Location"] == "http://localhost/images/0"
        assert "Accept" in response.headers["Vary"]

    def test_a_program_gets_the_resource(self, house: House) -> None:
        content = picture(40, 30)

        response = post(house, (content, "photo.jpg"), accept=JSON)

        assert response.status_code == 201
        body = json.loads(response.data)
        assert body.pop("received_at").endswith("Z")
        assert body == {
            "id": 0,
            "state": "pending",
            "name": "photo.jpg",
            "media_type": "image/jpeg",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": 40,
            "height": 30,
            "frames": 1,
            "failure": None,
            "placeholder": None,
            "links": {
                "self": "http://localhost/images/0",
                "original": "http://localhost/images/0/original",
                "public": "http://localhost/images/0/public",
                "metadata": "http://localhost/images/0/metadata.json",
                "vignette": "http://localhost/vignette/0",
                "vignettes": {"small": f"http://localhost/vignette/0?size=small&v={SMALL.digest}"},
            },
        }

    def test_the_form_of_a_browser_leads_to_the_page(self, house: House) -> None:
        response = post(house, (picture(), "photo.jpg"), accept=BROWSER)

        assert (response.status_code, response.headers["Location"]) == (303, "http://localhost/images/0")

    @pytest.mark.parametrize("media_type", ["image/jpeg", "image/x-whatever", "application/octet-stream"])
    def test_the_raw_bytes_do_as_well(self, house: House, media_type: str) -> None:
        response = house.client.post(
            "/images",
            data=picture(),
            content_type=media_type,
            headers={"Content-Disposition": 'attachment; filename="raw.jpg"'},
        )

        assert (response.status_code, response.data) == (201, b"0\n")
        assert house.catalogue.get(0).record.name == "raw.jpg"

    def test_each_of_several_files_is_answered_for_itself(self, house: House) -> None:
        response = post(
            house, (picture(), "a.jpg"), (b"words", "b.txt"), (picture(file_format="PNG"), "c.png"), accept=JSON
        )

        assert response.status_code == 207
        results = json.loads(response.data)["results"]
        assert [(r["name"], r["status"]) for r in results] == [("a.jpg", 201), ("b.txt", 415), ("c.png", 201)]
        assert [r["image"] and r["image"]["id"] for r in results] == [0, None, 1]
        assert results[1]["problem"]["type"] == "/problems/unsupported-format"

    def test_several_files_as_text_are_a_line_each(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), (b"words", "b.txt"))

        assert (response.status_code, response.data) == (207, b"0\nrefused 415 unsupported-format b.txt\n")

    def test_several_files_that_are_all_kept(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), (picture(), "b.jpg"))

        assert (response.status_code, response.data) == (201, b"0\n1\n")

    def test_of_several_files_the_first_is_rendered_as_soon_as_a_single_one(self, house: House) -> None:
        post(house, (picture(), "a.jpg"), (picture(), "b.jpg"), (picture(), "c.jpg"))
        post(house, (picture(), "d.jpg"))

        assert house.jobs.lanes == {0: Lane.FAST, 1: Lane.BULK, 2: Lane.BULK, 3: Lane.FAST}

    def test_several_files_that_are_all_refused(self, house: House) -> None:
        response = post(house, (b"", "a.jpg"), (b"words", "b.txt"), accept=JSON)

        assert response.status_code == 422
        assert [r["status"] for r in json.loads(response.data)["results"]] == [422, 415]

    def test_a_browser_sees_what_became_of_several_files(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), (b"words", "<b>.txt"), accept=BROWSER)

        assert response.status_code == 207
        assert "&lt;b&gt;.txt" in response.text
        assert 'href="/images/0"' in response.text

    @pytest.mark.parametrize(
        ("data", "content_type"),
        [
            pytest.param({}, "multipart/form-data", id="an empty form"),
            pytest.param({"photo": (io.BytesIO(picture()), "a.jpg")}, "multipart/form-data", id="another field"),
            pytest.param({"file": (io.BytesIO(b""), "")}, "multipart/form-data", id="a field nobody filled in"),
            pytest.param({"file": "words"}, "multipart/form-data", id="no file but a value"),
            pytest.param(None, None, id="no body"),
        ],
    )
    def test_no_file_is_400(self, house: House, data: Any, content_type: str | None) -> None:
        response = house.client.post("/images", data=data, content_type=content_type)

        assert problem(response)["type"] == "/problems/no-file"
        assert response.status_code == 400

    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            pytest.param(b"", 422, "empty-file", id="empty"),
            pytest.param(b"words", 415, "unsupported-format", id="no image"),
            pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-format", id="svg"),
            pytest.param(b"%PDF-1.7\n", 415, "unsupported-format", id="pdf"),
            pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0", 415, "unsupported-format", id="eps"),
            pytest.param(b"8BPS\0\1", 415, "unsupported-format", id="psd"),
            pytest.param(picture()[:-100], 422, "broken-image", id="truncated"),
            pytest.param(picture(2000, 600, "PNG"), 422, "too-many-pixels", id="pixels"),
        ],
    )
    def test_a_refusal_says_why(self, house: House, content: bytes, status: int, code: str) -> None:
        response = post(house, (content, "photo.jpg"))

        body = problem(response)
        assert (response.status_code, body["type"]) == (status, f"/problems/{code}")
        assert house.is_clean()

    def test_too_many_pixels_come_with_the_measured_value(self, house: House) -> None:
        body = problem(post(house, (picture(2000, 600, "PNG"), "flood.png")))

        assert (body["measured"], body["limit"]) == (1_200_000, 1_000_000)
        assert "1.2 megapixels" in body["detail"]

    def test_too_many_frames_come_with_the_measured_value(self, house: House) -> None:
        from PIL import Image as Pillow

        content = io.BytesIO()
        frames = [Pillow.new("L", (8, 8), shade) for shade in range(0, 250, 5)]
        frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])

        body = problem(post(house, (content.getvalue(), "film.gif")))

        assert (body["type"], body["status"], body["limit"]) == ("/problems/too-many-frames", 422, 20)
        assert body["measured"] > 20

    def test_a_picture_that_needs_too_much_memory_to_be_rendered_is_422(self, tmp_path: Path) -> None:
        limits = IntakeLimits(max_bytes=10**6, max_pixels=10**6, max_frames=1, max_memory_bytes=400_000)
        with new_house(tmp_path, limits=limits) as small:
            body = problem(post(small, (picture(400, 300, "GIF"), "large.gif")))

            assert (body["type"], body["status"]) == ("/problems/too-much-memory", 422)
            assert (body["measured"], body["limit"]) == (5 * 400 * 300, 400_000)
            assert small.is_clean()
            assert post(small, (picture(400, 300, "JPEG"), "small.jpg")).status_code == 201

    def test_a_file_over_the_byte_limit_is_413(self, house: House) -> None:
        body = problem(post(house, (picture() + bytes(1_000_000), "large.jpg")))

        assert (body["status"], body["type"], body["limit"]) == (413, "/problems/upload-too-large", 1_000_000)
        assert body["measured"] > 1_000_000
        assert house.is_clean()

    def test_the_files_after_one_that_is_too_large_are_still_taken(self, house: House) -> None:
        response = post(house, (bytes(2_000_000), "large.jpg"), (picture(), "small.jpg"), accept=JSON)

        assert [r["status"] for r in json.loads(response.data)["results"]] == [413, 201]

    @pytest.mark.parametrize(
        ("content_type", "length"),
        [("image/jpeg", 1_000_001), ("multipart/form-data; boundary=b", 6_000_000)],
        ids=["raw", "form"],
    )
    def test_a_length_over_the_limit_is_refused_by_its_header_alone(
        self, house: House, content_type: str, length: int
    ) -> None:
        class Unread(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, _: object) -> int:
                raise AssertionError("the body was read")

        response = house.client.post(
            "/images",
            content_type=content_type,
            environ_overrides={"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)},
        )

        assert problem(response)["measured"] == length
        assert response.status_code == 413

    def test_a_body_without_a_length_stops_at_the_limit(self, tmp_path: Path) -> None:
        house = House(tmp_path, limits=IntakeLimits(max_bytes=300_000, max_pixels=10**6, max_frames=1))
        body = io.BytesIO(b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + bytes(3_000_000))

        response = house.client.post(
            "/images",
            input_stream=body,
            content_type="multipart/form-data; boundary=b",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )

        assert problem(response)["type"] == "/problems/upload-too-large"
        assert body.tell() < 1_500_000
        house.close()

    def test_too_many_files_are_refused_after_the_first_ones(self, tmp_path: Path) -> None:
        house = House(tmp_path, request_limits=RequestLimits(max_bytes=10**6, max_files=2))

        response = post(house, *[(picture(), f"{number}.jpg") for number in range(3)], accept=JSON)

        results = json.loads(response.data)["results"]
        assert (response.status_code, [result["status"] for result in results]) == (207, [201, 201, 413])
        assert (results[2]["problem"]["measured"], results[2]["problem"]["limit"]) == (3, 2)
        house.close()

    def test_a_form_that_breaks_off_tells_the_files_that_were_complete(self, house: House) -> None:
        whole = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture() + b"\r\n"

        response = house.client.post(
            "/images", data=whole * 2 + b"--b\r\nCont", content_type="multipart/form-data; boundary=b"
        )

        assert (response.status_code, response.data) == (207, b"0\n1\nrefused 400 malformed-request \n")

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
    def test_a_body_that_is_neither_form_nor_image_is_415(self, house: House, content_type: str) -> None:
        response = house.client.post("/images", data=b"{}", content_type=content_type)

        assert problem(response)["type"] == "/problems/unsupported-format"

    @pytest.mark.parametrize(
        "content_type", ["multipart/form-data", "multipart/form-data; boundary=b", "multipart/form-data; boundary=\xff"]
    )
    def test_a_form_that_is_none_is_400(self, house: House, content_type: str) -> None:
        response = house.client.post("/images", data=b"nothing of the kind", content_type=content_type)

        assert problem(response)["type"] == "/problems/malformed-request"
        assert response.status_code == 400

    @pytest.mark.parametrize(
        "name", ["../../etc/passwd", "C:/windows/win.ini", "a" * 5000, "été ☀.jpg", "<script>.jpg"]
    )
    def test_a_name_is_a_label(self, house: House, name: str) -> None:
        response = post(house, (picture(), name), accept=JSON)

        assert json.loads(response.data)["name"] == name
        assert {path.name for path in house.uploads.iterdir()} == {".staging", "0"}

    def test_a_file_without_a_name_is_as_good(self, house: House) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n' + picture() + b"\r\n--b--\r\n"

        response = house.client.post("/images", data=body, content_type="multipart/form-data; boundary=b")

        assert response.status_code == 201
        assert house.catalogue.get(0).record.name is None

    def test_the_same_idempotency_key_is_the_same_image(self, house: House) -> None:
        key = {"Idempotency-Key": "once"}

        answers = [post(house, (picture(), "a.jpg"), **key).data for _ in range(2)]

        assert answers == [b"0\n", b"0\n"]

    def test_the_same_idempotency_key_with_other_bytes_is_422(self, house: House) -> None:
        key = {"Idempotency-Key": "once"}
        post(house, (picture(), "a.jpg"), **key)

        response = post(house, (picture(colour="red"), "a.jpg"), **key)

        assert problem(response)["type"] == "/problems/idempotency-key-reused"
        assert response.status_code == 422

    def test_the_files_of_a_request_share_its_key_without_harm(self, house: House) -> None:
        files = [(picture(colour=colour), f"{colour}.jpg") for colour in ("red", "green")]

        answers = [post(house, *files, **{"Idempotency-Key": "once"}).data for _ in range(2)]

        assert answers == [b"0\n1\n", b"0\n1\n"]

    def test_an_overlong_idempotency_key_is_400(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), **{"Idempotency-Key": "k" * 256})

        assert (problem(response)["measured"], response.status_code) == (256, 400)

    def test_a_full_disk_is_507_with_the_reason(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise StoreFull("the upload cannot be written: No space left on device")

        monkeypatch.setattr(house.store, "stage", full)

        body = problem(post(house, (picture(), "a.jpg")))

        assert (body["status"], body["type"]) == (507, "/problems/store-full")
        assert "No space left" in body["detail"]

    def test_with_all_places_taken_an_upload_is_503_and_may_be_tried_again(self, house: House) -> None:
        admission = house.app.extensions["vignette"].admission
        with admission.place(None), admission.place(None):
            response = post(house, (picture(), "a.jpg"))

            assert (problem(response)["type"], response.status_code) == ("/problems/overloaded", 503)
            assert (problem(response)["measured"], problem(response)["limit"]) == (2, 2)
            assert int(response.headers["Retry-After"]) > 0
            assert house.client.get("/images").status_code == 200

        assert post(house, (picture(), "a.jpg")).status_code == 201

    def test_a_refused_upload_gives_its_place_back(self, house: House) -> None:
        statuses = [post(house, (b"words", "a.jpg")).status_code for _ in range(4)]

        assert statuses == [415] * 4

    def test_what_the_disk_has_no_room_for_is_507_by_its_header_alone(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(house.store, "free_bytes", lambda: 100)

        body = problem(post(house, (picture(), "a.jpg")))

        assert (body["status"], body["type"], body["limit"]) == (507, "/problems/store-full", 100)
        assert body["measured"] > 100

    def test_a_page_of_another_site_may_not_upload(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), **{"Sec-Fetch-Site": "cross-site"})

        assert problem(response)["type"] == "/problems/cross-site-request"
        assert response.status_code == 403


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

    @pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "before=-1", "before=" + "9" * 30, "limit=²"])
    def test_a_wrong_cursor_is_400(self, house: House, query: str) -> None:
        response = house.client.get(f"/images?{query}")

        assert problem(response)["type"] == "/problems/malformed-request"

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
        assert "Ce que le fichier révèle" in page
        assert "qui a pris la photo" in page
        assert "Ada &lt;b&gt;Lovelace" in page

    def test_what_to_show_until_a_vignette_is_there_comes_with_it(self, house: House) -> None:
        house.upload(picture(640, 480, colour="red"))
        assert house.client.get("/images/0").json["placeholder"] is None

        house.work()

        placeholder = house.client.get("/images/0").json["placeholder"]
        assert set(placeholder) == {"thumbhash", "colour"}
        page = house.client.get("/images", headers={"Accept": BROWSER}).text
        assert f'data-colour="{placeholder["colour"]}"' in page

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

    @pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("")], ids=["missing", "empty"])
    def test_lost_metadata_is_told_and_hides_nothing_else(self, house: House, damage: Callable[[Path], object]) -> None:
        house.upload(picture())
        damage(house.uploads / "0" / "metadata.json")

        response = house.client.get("/images/0")

        assert response.status_code == 200
        assert "metadata.json" in response.json["metadata"]["warnings"][0]

    def test_links_begin_with_the_public_url_where_one_is_set(self, house: House) -> None:
        house.app.config["PUBLIC_URL"] = "https://pictures.example/app"
        house.upload(picture())

        assert house.client.get("/images/0").json["links"]["vignette"] == "https://pictures.example/app/vignette/0"


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

        assert house.catalogue.get(ImageId(0)).attempts == 0

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


class TestOriginal:
    def test_the_very_bytes_come_back(self, house: House) -> None:
        content = picture()
        house.upload(content, "holiday.jpg")

        response = house.client.get("/images/0/original")

        digest = hashlib.sha256(content)
        assert (response.status_code, response.data, response.mimetype) == (200, content, "image/jpeg")
        assert response.headers["Content-Disposition"] == "attachment; filename=holiday.jpg"
        assert response.headers["Content-Length"] == str(len(content))
        assert response.headers["ETag"] == f'"{digest.hexdigest()}"'
        assert response.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert response.headers["Accept-Ranges"] == "bytes"

    def test_a_range_is_206(self, house: House) -> None:
        content = picture()
        house.upload(content)

        response = house.client.get("/images/0/original", headers={"Range": "bytes=2-5"})

        assert (response.status_code, response.data) == (206, content[2:6])
        assert response.headers["Content-Range"] == f"bytes 2-5/{len(content)}"

    @pytest.mark.parametrize("header", ["bytes=0-1,2-3", "bytes=5-1", "bytes=-99999999999", "pages=1-2", "nonsense"])
    def test_a_range_that_makes_no_sense_here_is_ignored(self, house: House, header: str) -> None:
        house.upload(picture())

        response = house.client.get("/images/0/original", headers={"Range": header})

        assert (response.status_code, response.data) == (200, picture())

    def test_a_range_beyond_the_end_is_416(self, house: House) -> None:
        content = picture()
        house.upload(content)

        response = house.client.get("/images/0/original", headers={"Range": f"bytes={len(content)}-"})

        assert (response.status_code, response.headers["Content-Range"]) == (416, f"bytes */{len(content)}")

    def test_what_the_client_has_already_is_304(self, house: House) -> None:
        house.upload(picture())
        etag = house.client.get("/images/0/original").headers["ETag"]

        response = house.client.get("/images/0/original", headers={"If-None-Match": etag})

        assert (response.status_code, response.data) == (304, b"")

    def test_head_has_the_headers_and_no_body(self, house: House) -> None:
        house.upload(picture())

        response = house.client.head("/images/0/original")

        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["Content-Length"] == str(len(picture()))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            pytest.param("photo.JPEG", "photo.JPEG", id="an extension that fits"),
            pytest.param("page.html", "page.html.jpg", id="one that lies"),
            pytest.param("../../etc/passwd", "passwd.jpg", id="a path"),
            pytest.param("C:\\pictures\\a.jpg", "a.jpg", id="a path of Windows"),
            pytest.param(None, "image-0.jpg", id="none"),
            pytest.param("...", "image-0.jpg", id="dots"),
        ],
    )
    def test_it_is_saved_under_a_harmless_name(self, house: House, name: str | None, expected: str) -> None:
        house.upload(picture(), name)

        response = house.client.get("/images/0/original")

        assert response.headers["Content-Disposition"] == f"attachment; filename={expected}"


class TestPublicCopy:
    @pytest.fixture
    def photo(self) -> bytes:
        """It has a place, an owner and a comment, and is to be turned."""
        exif = Pillow.Exif()
        exif[0x0112], exif[0x013B] = 6, "Ada Lovelace"
        exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
        content = io.BytesIO()
        Pillow.linear_gradient("L").save(content, "JPEG", exif=exif, comment=b"Ada's garden")
        return content.getvalue()

    def test_it_has_the_pixels_and_says_nothing_of_anybody(self, house: House, photo: bytes) -> None:
        house.upload(photo, "Ada's garden.jpg")
        link = house.client.get("/images/0").json["links"]["public"]

        response = house.client.get(link)

        assert (response.status_code, response.mimetype) == (200, "image/jpeg")
        assert b"Ada" in photo
        assert b"Ada" not in response.data
        assert response.headers["Content-Length"] == str(len(response.data))
        assert response.headers["Content-Disposition"] == "attachment; filename=image-0.jpg"
        with Pillow.open(io.BytesIO(response.data)) as copy, Pillow.open(io.BytesIO(photo)) as original:
            assert copy.tobytes() == original.tobytes()
            assert dict(copy.getexif()) == {0x0112: 6}

    def test_uploaded_again_it_reveals_nothing(self, house: House, photo: bytes) -> None:
        house.upload(photo)
        house.upload(house.client.get("/images/0/public").data)

        assert "privacy" in house.client.get("/images/0").json["metadata"]
        assert "privacy" not in house.client.get("/images/1").json["metadata"]
        assert house.client.get("/images/1").json["width"] == house.client.get("/images/0").json["width"]

    def test_what_the_client_has_already_is_304(self, house: House, photo: bytes) -> None:
        house.upload(photo)
        etag = house.client.get("/images/0/public").headers["ETag"]

        response = house.client.get("/images/0/public", headers={"If-None-Match": etag})

        assert (response.status_code, response.data) == (304, b"")
        assert etag != house.client.get("/images/0/original").headers["ETag"]

    def test_a_range_is_206(self, house: House, photo: bytes) -> None:
        house.upload(photo)
        whole = house.client.get("/images/0/public").data

        response = house.client.get("/images/0/public", headers={"Range": "bytes=10-600"})

        assert (response.status_code, response.data) == (206, whole[10:601])
        assert response.headers["Content-Range"] == f"bytes 10-600/{len(whole)}"

    def test_a_range_beyond_the_end_is_416(self, house: House, photo: bytes) -> None:
        house.upload(photo)

        assert house.client.get("/images/0/public", headers={"Range": "bytes=999999-"}).status_code == 416

    def test_a_format_that_cannot_be_copied_is_422_and_has_no_link(self, house: House) -> None:
        house.upload(picture(file_format="TIFF"))

        response = house.client.get("/images/0/public")

        assert problem(response)["type"] == "/problems/not-publishable"
        assert response.status_code == 422
        assert "TIFF" in problem(response)["detail"]
        assert house.client.get("/images/0").json["links"]["public"] is None

    def test_a_copy_that_is_not_clean_is_not_served(
        self, house: House, photo: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.upload(photo)
        everything = jpeg._PICTURE | {0xFE}
        monkeypatch.setattr(jpeg, "_PICTURE", everything)

        response = house.client.get("/images/0/public")

        assert problem(response)["type"] == "/problems/public-copy-not-clean"
        assert response.status_code == 500
        assert "still holds metadata" in caplog.text

    def test_the_page_offers_it_where_the_file_reveals_something(self, house: House, photo: bytes) -> None:
        house.upload(photo)

        assert 'href="/images/0/public"' in house.client.get("/images/0", headers={"Accept": BROWSER}).text


class TestMetadata:
    def test_as_text(self, house: House) -> None:
        house.upload(picture())

        response = house.client.get("/images/0/metadata.txt")

        assert (response.status_code, response.content_type) == (200, "text/plain; charset=utf-8")
        assert response.data == (house.uploads / "0" / "metadata.txt").read_bytes()

    def test_as_json(self, house: House) -> None:
        house.upload(picture())

        response = house.client.get("/images/0/metadata.json")

        assert (response.status_code, response.mimetype) == (200, JSON)
        assert response.data == (house.uploads / "0" / "metadata.json").read_bytes()
