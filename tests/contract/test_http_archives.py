"""Several images at once: an archive of them, their deletion, who sees them."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from tests.contract.asking import BROWSER, JSON, problem
from tests.house import House, picture
from tests.house import house as new_house
from tests.makers import jpeg_segment, jpeg_with
from vignette import layout
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access
from vignette.limits import CHUNK_BYTES
from vignette.model import Visibility


def archive(answer: TestResponse) -> zipfile.ZipFile:
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    found = zipfile.ZipFile(io.BytesIO(answer.data))
    assert found.testzip() is None
    return found


class TestZip:
    def test_it_holds_the_very_bytes_under_their_names(self, house: House) -> None:
        contents = [picture(colour=colour) for colour in ("red", "green", "blue")]
        for content, name in zip(contents, ("a.jpg", "../x/A.jpg", "été.jpg"), strict=True):
            house.upload(content, name)

        found = archive(house.client.get("/images.zip?ids=2,0,1,99"))

        assert found.namelist() == ["été.jpg", "a.jpg", "A (2).jpg"]
        assert [found.read(name) for name in found.namelist()] == [contents[2], contents[0], contents[1]]
        assert all(info.compress_type == zipfile.ZIP_STORED for info in found.infolist())

    def test_what_is_hidden_while_it_goes_out_is_left_out(self, tmp_path: Path) -> None:
        with new_house(tmp_path, access=Access.GALLERY) as house:
            images = [house.upload(picture(colour=name), name, actor=OPERATOR) for name in ("red", "green", "blue")]
            asked = EnvironBuilder(query_string={"ids": ",".join(str(each.public_name) for each in images)})
            asked.path = "/images.zip"
            chunks, _, _ = run_wsgi_app(house.app, asked.get_environ())  # the client of tests reads all at once
            begun = next(iter(chunks))
            house.context.editing.set_visibility(OPERATOR, images[1].id, Visibility.PRIVATE)
            house.reviewing.suspect(images[2].id, "moderation", "nudity")

            found = zipfile.ZipFile(io.BytesIO(begun + b"".join(chunks)))

        assert found.namelist() == ["red.jpg", "left out.txt"]

    def test_what_is_left_out_leaves_its_name_to_no_other(self, tmp_path: Path) -> None:
        with new_house(tmp_path, access=Access.GALLERY) as house:
            images = [house.upload(picture(colour=name), name, actor=OPERATOR) for name in ("red", "green", "blue")]
            asked = EnvironBuilder(query_string={"ids": ",".join(str(each.public_name) for each in images)})
            asked.path = "/images.zip"
            chunks, _, _ = run_wsgi_app(house.app, asked.get_environ())
            begun = next(iter(chunks))
            house.context.editing.set_visibility(OPERATOR, images[1].id, Visibility.PRIVATE)

            found = zipfile.ZipFile(io.BytesIO(begun + b"".join(chunks)))

        assert found.namelist() == ["red.jpg", "blue.jpg", "left out.txt"]
        assert found.read("blue.jpg") == picture(colour="blue")

    @pytest.mark.parametrize(("year", "told"), [(1970, 1980), (2026, 2026), (2108, 2107)])
    def test_a_year_that_no_archive_can_tell_is_the_nearest_one(self, house: House, year: int, told: int) -> None:
        house.upload(picture(), "a.jpg")
        house.sql(f"UPDATE image SET received_at_ms = {int(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)}")

        found = archive(house.client.get("/images.zip?ids=0"))

        assert [info.date_time[0] for info in found.infolist()] == [told]

    def test_another_program_reads_it_too(self, house: House, tmp_path: Path) -> None:
        house.upload(picture(), "a.jpg")
        file = tmp_path / "a.zip"
        file.write_bytes(house.client.get("/images.zip?ids=0").data)

        ran = subprocess.run(["python3", "-m", "zipfile", "-t", str(file)], capture_output=True, text=True, check=False)

        assert ran.returncode == 0, ran.stderr

    def test_clean_copies_are_those_to_publish_and_what_has_none_is_named(self, house: House) -> None:
        house.upload(picture(), "secret name.jpg")
        house.upload(picture(file_format="BMP"), "b.bmp")
        house.upload(jpeg_with(jpeg_segment(0xDD, b"\0\0 more"), content=picture()), "c.jpg")
        house.work()

        found = archive(house.client.get("/images.zip?ids=0,1,2&copies=clean"))

        assert found.namelist() == ["image-0.jpg", "image-1.jpg", "left out.txt"]
        assert found.read("image-0.jpg") == house.client.get("/images/0/public").data
        assert found.read("image-1.jpg") == house.client.get("/images/1/public").data
        assert found.read("left out.txt").decode() == "2: No copy without metadata can be made of this file\n"

    def test_a_file_that_is_lost_is_named_and_the_others_are_there(self, house: House) -> None:
        for _ in range(3):
            house.upload(picture())
        next((house.uploads / "1").glob("original*")).unlink()

        found = archive(house.client.get("/images.zip?ids=0,1,2"))

        assert len(found.namelist()) == 3
        assert found.read("left out.txt").decode().startswith("1: ")

    def test_it_goes_out_in_pieces(self, house: House) -> None:
        content = picture() + bytes(900_000)
        for _ in range(3):
            house.upload(content)

        answer = house.client.get("/images.zip?ids=0,1,2", buffered=False)

        pieces = [len(piece) for piece in answer.response]
        assert sum(pieces) > 2_700_000
        assert max(pieces) < 2 * CHUNK_BYTES
        answer.close()

    def test_it_holds_one_of_the_places_for_long_answers(self, house: House) -> None:
        house.upload(picture())
        capacity = house.context.capacity
        with capacity.download(), capacity.download():
            assert problem(house.client.get("/images.zip?ids=0"))["type"] == "/problems/overloaded"

        for _ in range(5):  # each place is given back
            assert house.client.get("/images.zip?ids=0").status_code == 200

    @pytest.mark.parametrize("query", ["", "?ids=", "?ids=9", "?ids=x"])
    def test_of_none_there_is_no_archive(self, house: House, query: str) -> None:
        assert problem(house.client.get(f"/images.zip{query}"))["type"] == "/problems/image-not-found"

    @pytest.mark.parametrize("query", ["?ids=0&copies=all", "?ids=" + "1," * 100 + "1"])
    def test_what_makes_no_sense_is_refused(self, house: House, query: str) -> None:
        assert problem(house.client.get(f"/images.zip{query}"))["type"] == "/problems/malformed-request"


class TestSeveral:
    def test_all_are_deleted_whatever_becomes_of_one(self, house: House) -> None:
        for _ in range(4):
            house.upload(picture())

        answer = house.client.post("/images/delete?ids=3,9,1,3")

        assert answer.json["done"] == [3, 1]
        assert [(left["ref"], left["problem"]["status"]) for left in answer.json["left_out"]] == [(9, 404)]
        assert [image["id"] for image in house.client.get("/images").json["images"]] == [2, 0]
        assert layout.TOMBSTONE in {path.name for path in (house.uploads / "3").iterdir()}

    def test_a_form_gets_the_front_page(self, house: House) -> None:
        house.upload(picture())

        answer = house.client.post("/images/delete?ids=0", headers={"Accept": BROWSER})

        assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/")

    def test_no_other_site_may(self, house: House) -> None:
        house.upload(picture())

        answer = house.client.post("/images/delete?ids=0", headers={"Sec-Fetch-Site": "cross-site"})

        assert answer.status_code == 403
        assert house.client.get("/images/0").status_code == 200

    @pytest.mark.parametrize("path", ["/images/delete", "/images/delete?ids=", "/images/visibility?ids=0"])
    def test_what_is_missing_is_told(self, house: House, path: str) -> None:
        assert problem(house.client.post(path))["type"] == "/problems/malformed-request"


class TestDoors:
    """The policy is asked for each of the images."""

    @pytest.fixture
    def gallery(self, tmp_path: Path) -> Iterator[House]:
        with new_house(tmp_path, access=Access.GALLERY) as house:
            yield house

    def test_each_sees_and_changes_his_own(self, gallery: House) -> None:
        keys = [gallery.keyholding.add(OPERATOR, who, frozenset(Scope) - {Scope.ADMIN}) for who in ("one", "other")]
        names = [
            gallery.upload(
                picture(), f"{key.name}-{visibility}.jpg", actor=key.actor, visibility=visibility
            ).public_name
            for key, _ in keys
            for visibility in Visibility
        ]
        gallery.work()
        client, all_of_them = gallery.client, ",".join(map(str, names))
        mine, other = ({"Authorization": f"Bearer {token}", "Accept": JSON} for _, token in keys)

        nobody_s = archive(client.get(f"/images.zip?ids={all_of_them}")).namelist()
        assert sorted(nobody_s) == ["one-public.jpg", "other-public.jpg"]
        assert len(archive(client.get(f"/images.zip?ids={all_of_them}", headers=mine)).namelist()) == 3
        assert client.post(f"/images/delete?ids={all_of_them}").status_code == 401

        hidden = client.post(f"/images/visibility?visibility=private&ids={all_of_them}", headers=other).json
        assert len(hidden["done"]) == 2
        assert sorted(left["problem"]["type"] for left in hidden["left_out"]) == [
            "/problems/image-not-found",
            "/problems/not-the-owner",
        ]
        deleted = client.post(f"/images/delete?ids={all_of_them}", headers=mine).json
        assert len(deleted["done"]) == 2
        # What is private by now is as if it were not there.
        assert {left["problem"]["type"] for left in deleted["left_out"]} == {"/problems/image-not-found"}
