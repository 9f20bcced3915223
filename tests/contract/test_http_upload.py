"""`POST /images`: what is kept, under which number, how it is answered; what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from tests.contract.asking import BROWSER, JSON, post, problem
from tests.house import SMALL, House, picture
from tests.house import house as new_house
from vignette.errors import StoreFull
from vignette.model import ImageId
from vignette.ports.jobs import Lane
from vignette.recipes import ZOOM
from vignette.use_cases.intake import IntakeLimits
from vignette.web import create_app
from vignette.web.http.bodies import RequestLimits


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
        assert body.pop("delete_token").startswith("vd_")
        assert body == {
            "id": 0,
            "public_name": house.catalogue.library.get(ImageId(0)).public_name,
            "visibility": "public",
            "state": "pending",
            "quarantine": None,
            "name": "photo.jpg",
            "media_type": "image/jpeg",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "width": 40,
            "height": 30,
            "frames": 1,
            "ticket": None,
            "external_id": None,
            "failure": None,
            "placeholder": None,
            "renditions_pending": {"small": f"http://localhost/vignette/0?size=small&v={SMALL.digest}"},
            "public_copy": "same-pixels",
            "links": {
                "self": "http://localhost/images/0",
                "original": "http://localhost/images/0/original",
                "public": "http://localhost/images/0/public",
                "metadata": "http://localhost/images/0/metadata.json",
                "vignette": "http://localhost/vignette/0",
                "zoom": f"http://localhost/vignette/0?size=zoom&v={ZOOM.digest}",
                "vignettes": {},
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
        assert house.catalogue.library.get(0).record.name == "raw.jpg"

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ('attachment; filename="C:\\me\\raw.jpg"', "raw.jpg"),
            ("attachment; filename*=UTF-8''caf%C3%A9.jpg; filename=x.jpg", "café.jpg"),
            ('attachment; filename="caf\xe9.jpg"', "café.jpg"),
            ('attachment; filename="' + "日本.jpg".encode().decode("latin-1") + '"', "日本.jpg"),
            ("attachment", None),
        ],
    )
    def test_the_name_of_raw_bytes_is_read_as_that_of_a_part(self, house: House, sent: str, kept: str | None) -> None:
        house.client.post(
            "/images",
            data=picture(),
            content_type="image/jpeg",
            environ_overrides={"HTTP_CONTENT_DISPOSITION": sent},  # as WSGI has it: a character for each byte
        )

        assert house.catalogue.library.get(0).record.name == kept

    @pytest.mark.parametrize("media_type", [None, "", "application/x-www-form-urlencoded", "text/plain", "video/mp4"])
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
    def test_the_bytes_of_an_image_need_no_type(self, house: House, media_type: str | None, file_format: str) -> None:
        response = house.client.post("/images", data=picture(file_format=file_format), content_type=media_type)

        assert (response.status_code, response.data) == (201, b"0\n")

    def test_bytes_without_type_and_length_are_read(self, house: House) -> None:
        def post_chunks(content: bytes) -> Any:
            return house.client.post(
                "/images",
                input_stream=io.BytesIO(content),
                environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
            )

        assert post_chunks(picture()).data == b"0\n"
        assert problem(post_chunks(b""))["type"] == "/problems/no-file"

    def test_other_bytes_without_a_type_are_refused_in_words_that_ask_for_one(self, house: House) -> None:
        body = problem(house.client.post("/images", data=b"words"))

        assert (body["status"], body["type"]) == (415, "/problems/unsupported-format")
        assert "has no Content-Type" in body["detail"]

    @pytest.mark.parametrize("boundary", ["gL/8k+Zq/0vT1yS=", "a(b)c,d:e?f'g_h.i", '"quoted /=+"', "b ; charset=utf-8"])
    def test_a_boundary_may_have_every_character_of_rfc_2046(self, house: House, boundary: str) -> None:
        bare = boundary.partition(";")[0].strip().strip('"').encode()
        body = b"--%s\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n%s\r\n--%s--\r\n"

        response = house.client.post(
            "/images", data=body % (bare, picture(), bare), content_type=f"multipart/form-data; boundary={boundary}"
        )

        assert (response.status_code, response.data) == (201, b"0\n")

    def test_an_image_in_a_part_that_names_no_file_is_told_by_its_content(self, house: House) -> None:
        parts = [picture(), b"words", b"", picture(colour="red")]
        body = b"".join(b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n%s\r\n' % part for part in parts)

        response = house.client.post(
            "/images", data=body + b"--b--\r\n", content_type="multipart/form-data; boundary=b"
        )

        assert (response.status_code, response.data) == (201, b"0\n1\n")

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            pytest.param([], "it has no fields", id="none"),
            pytest.param(
                ['name="image"; filename="a.jpg"', 'name="title"', 'name="file"'],
                "it has the fields 'image' (a file), 'title', 'file' (no file)",
                id="others",
            ),
            pytest.param(['name="a\x1b[31m"'], "it has the fields 'a\\x1b[31m'", id="control characters"),
            pytest.param([f'name="{"a" * 100}"'], f"it has the fields '{'a' * 39}…'", id="a long name"),
            pytest.param(
                [f'name="f{number}"' for number in range(12)],
                "'f9' and 2 more",
                id="many",
            ),
            pytest.param(["name=a"] * 3, "it has the fields 'a'", id="a name once"),
            pytest.param(["a=b"], "it has the fields ''", id="no name"),
        ],
    )
    def test_a_form_without_a_file_is_told_the_fields_that_it_has(
        self, house: House, parts: list[str], words: str
    ) -> None:
        body = "".join(f"--b\r\nContent-Disposition: form-data; {part}\r\n\r\nx\r\n" for part in parts) + "--b--\r\n"

        response = house.client.post("/images", data=body.encode(), content_type="multipart/form-data; boundary=b")

        assert problem(response)["type"] == "/problems/no-file"
        assert problem(response)["detail"].startswith("the form has no file in a field named 'file'; it has ")
        assert problem(response)["detail"].endswith(words)

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
        elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
        house.client.post("/images", data=picture(), content_type="image/jpeg", environ_base=elsewhere)

        waits_for_his_first = {3: Lane.BULK}
        assert house.jobs.lanes == {0: Lane.FAST, 1: Lane.BULK, 2: Lane.BULK, 4: Lane.FAST} | waits_for_his_first

    def test_several_files_that_are_all_refused(self, house: House) -> None:
        response = post(house, (b"", "a.jpg"), (b"words", "b.txt"), accept=JSON)

        assert response.status_code == 422
        assert [r["status"] for r in json.loads(response.data)["results"]] == [422, 415]

    def test_a_browser_sees_what_became_of_several_files(self, house: House) -> None:
        response = post(house, (picture(), "a.jpg"), (b"words", "<b>.txt"), accept=BROWSER)

        assert response.status_code == 303
        assert response.headers["Location"].startswith("http://localhost/images?ids=0&sent=")
        for _ in range(2):  # to reload it sends nothing again
            page = house.client.get(response.headers["Location"], headers={"Accept": BROWSER}).text
            assert "&lt;b&gt;.txt" in page
            assert 'href="/images/0?ids=0"' in page  # the picture's neighbours are those of this page
        assert len(house.client.get("/images").json["images"]) == 1

    def test_of_many_that_are_refused_as_many_are_told_as_a_cookie_holds(self, house: House) -> None:
        names = [f"{number} {secrets.token_hex(40)}.txt" for number in range(15)]
        house_takes_all = replace(house.context.request_limits, max_files=20)
        app = create_app(replace(house.context, request_limits=house_takes_all), public_url="", languages=["en"])
        client = app.test_client()
        files = [(io.BytesIO(b"words"), f"{name}{'x' * 200}") for name in names]

        response = client.post("/images", data={"file": files}, headers={"Accept": BROWSER})

        cookie = response.headers["Set-Cookie"]
        assert len(cookie) < 4096
        assert "HttpOnly" in cookie
        page = client.get(response.headers["Location"], headers={"Accept": BROWSER}).text
        assert "15 refused" in page
        assert names[0][:60] in page
        another = re.sub("sent=[0-9a-f]+", "sent=0123456789ab", response.headers["Location"])
        assert names[0][:60] not in client.get(another, headers={"Accept": BROWSER}).text

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

    def test_what_is_announced_beyond_the_limit_is_refused_for_that_and_not_for_want_of_room(
        self, house: House
    ) -> None:
        response = house.client.post(
            "/images", content_type="image/jpeg", environ_overrides={"CONTENT_LENGTH": str(9 * 10**18)}
        )

        assert problem(response)["type"] == "/problems/upload-too-large"

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
        assert {path.name for path in house.uploads.iterdir()} == {".service", ".staging", ".vignette", "0"}

    def test_a_file_without_a_name_is_as_good(self, house: House) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n' + picture() + b"\r\n--b--\r\n"

        response = house.client.post("/images", data=body, content_type="multipart/form-data; boundary=b")

        assert response.status_code == 201
        assert house.catalogue.library.get(0).record.name is None

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

    def test_a_key_that_looks_like_that_of_a_file_of_a_form_is_another(self, house: House) -> None:
        files = [(picture(colour=colour), f"{colour}.jpg") for colour in ("red", "green")]
        post(house, *files, **{"Idempotency-Key": "album"})

        response = post(house, (picture(colour="blue"), "blue.jpg"), **{"Idempotency-Key": "album/1"})

        assert (response.status_code, response.data) == (201, b"2\n")

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
        capacity = house.context.capacity
        with capacity.upload(), capacity.upload():
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
