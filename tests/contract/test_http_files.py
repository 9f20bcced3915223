"""What is there of an image to fetch beside its vignettes: original, public copy, metadata."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import BinaryIO

import pytest
from PIL import Image as Pillow

import tests.house
from tests.contract.asking import BROWSER, JSON, problem
from tests.house import House, picture
from tests.makers import jpeg_segment, jpeg_with
from vignette import layout
from vignette.access.actors import NOBODY
from vignette.adapters.planner.planning import PlannerHere
from vignette.limits import CHUNK_BYTES
from vignette.model import ImageId
from vignette.pixels.containers.reader import Reader
from vignette.pixels.formats import JPEG
from vignette.pixels.pieces import Pieces
from vignette.pixels.publishing import _WRITERS
from vignette.pixels.publishing.kept import Kept
from vignette.ports.planner import Plan


class CountedFile(io.BufferedReader):
    """A file, with what is read of it counted in the house's `Reads`."""

    def __init__(self, file: BinaryIO, reads: Reads) -> None:
        super().__init__(file)  # type: ignore[arg-type]
        self._reads = reads

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self._reads.bytes += len(content)
        return content


class Reads:
    """How many bytes of originals were read since it was last asked, and which of their files are still open."""

    def __init__(self, house: House) -> None:
        self.bytes = 0
        self._files: list[BinaryIO] = []
        self._open = house.store.open
        house.store.open = self._counted  # type: ignore[method-assign]

    def since_last(self) -> int:
        self.bytes, counted = 0, self.bytes
        return counted

    def are_all_closed(self) -> bool:
        return all(file.closed for file in self._files)

    def _counted(self, image_id: ImageId, name: str) -> BinaryIO:
        file = self._open(image_id, name)
        if not name.startswith("original"):
            return file
        self._files.append(file)
        return CountedFile(file, self)


def copied_whole(reader: Reader, _: Kept) -> Pieces:
    """A writer that leaves out nothing."""
    made = Pieces()
    made.copy(0, reader.size)
    return made


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
        assert problem(response)["type"] == "/problems/range-not-satisfiable"

    def test_what_the_client_has_already_is_304(self, house: House) -> None:
        house.upload(picture())
        etag = house.client.get("/images/0/original").headers["ETag"]

        response = house.client.get("/images/0/original", headers={"If-None-Match": etag})

        assert (response.status_code, response.data) == (304, b"")

    @pytest.mark.parametrize("path", ["/images/0/original", "/images/0/public"])
    def test_a_condition_comes_before_a_range(self, house: House, path: str) -> None:
        house.upload(picture())
        etag = house.client.get(path).headers["ETag"]
        some = {"Range": "bytes=0-1"}

        same = house.client.get(path, headers=some | {"If-None-Match": etag})
        other = house.client.get(path, headers=some | {"If-Match": '"of another"'})
        right = house.client.get(path, headers=some | {"If-Match": etag})

        assert (same.status_code, same.data) == (304, b"")
        assert other.status_code == 412
        assert problem(other)["type"] == "/problems/edited-meanwhile"
        assert (right.status_code, len(right.data)) == (206, 2)

    @pytest.mark.parametrize(
        "path",
        ["/images/0/original", "/images/0/public", "/images/0/metadata.json", "/images/0/metadata.txt", "/vignette/0"],
    )
    @pytest.mark.parametrize(
        ("conditions", "status"),
        [
            ({"If-Match": "*"}, 200),
            ({"If-Match": "{etag}"}, 200),
            ({"If-Match": '"a", {etag}'}, 200),
            ({"If-Match": '"a"'}, 412),
            ({"If-Match": "W/{etag}"}, 412),
            ({"If-None-Match": "*"}, 304),
            ({"If-None-Match": "W/{etag}"}, 304),
            ({"If-None-Match": '"a"'}, 200),
            ({"If-Match": "*", "If-None-Match": "{etag}"}, 304),
            ({"If-Match": '"a"', "If-None-Match": "{etag}"}, 412),
            ({"If-None-Match": '"a"', "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
            ({"If-Match": "*", "Range": "bytes=0-9", "If-Range": '"a"'}, 200),
        ],
    )
    def test_a_condition_is_read_as_rfc_9110_says(
        self, house: House, path: str, conditions: dict[str, str], status: int
    ) -> None:
        house.upload(picture())
        house.work()
        whole = house.client.get(path)
        headers = {name: value.replace("{etag}", whole.headers["ETag"]) for name, value in conditions.items()}

        for method in ("GET", "HEAD"):
            response = house.client.open(path, method=method, headers=headers)

            assert response.status_code == status
            assert response.headers["ETag"] == whole.headers["ETag"]
            if status == 412:
                assert response.mimetype == "application/problem+json"
                assert response.headers["Cache-Control"] == "no-store"
            if (method, status) == ("GET", 412):
                assert problem(response)["type"] == "/problems/edited-meanwhile"
            else:
                assert response.data == (whole.data if (method, status) == ("GET", 200) else b"")

    @pytest.mark.parametrize(
        ("since", "status"),
        [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 412),
            ("Thu, 01 Jan 2099 00:00:00 GMT", 200),
            ("{last_modified}", 200),
            ("yesterday", 200),
        ],
    )
    def test_an_original_that_has_changed_since_is_412(self, house: House, since: str, status: int) -> None:
        house.upload(picture())
        whole = house.client.get("/images/0/original")
        header = {"If-Unmodified-Since": since.replace("{last_modified}", whole.headers["Last-Modified"])}

        assert house.client.get("/images/0/original", headers=header).status_code == status
        # A tag that fits counts more.
        both = header | {"If-Match": whole.headers["ETag"]}
        assert house.client.get("/images/0/original", headers=both).status_code == 200

    def test_with_all_places_taken_a_large_one_is_503_and_may_be_tried_again(self, house: House) -> None:
        content = picture(600, 500, "BMP")
        house.upload(content)
        going = [house.client.get("/images/0/original", buffered=False) for _ in range(2)]

        response = house.client.get("/images/0/original")

        assert (problem(response)["type"], response.status_code) == ("/problems/overloaded", 503)
        assert int(response.headers["Retry-After"]) > 0
        assert house.client.get("/images/0/original", headers={"Range": "bytes=0-9"}).data == content[:10]
        for response in going:
            response.close()
        assert house.client.get("/images/0/original").data == content

    def test_head_has_the_headers_and_no_body(self, house: House) -> None:
        house.upload(picture())

        response = house.client.head("/images/0/original")

        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["Content-Length"] == str(len(picture()))

    @pytest.mark.parametrize("name", ["original", "public"])
    @pytest.mark.parametrize("range_", ["bytes=0-9", "bytes=999999-"])
    def test_head_knows_no_ranges(self, house: House, name: str, range_: str) -> None:
        house.upload(picture())
        whole = house.client.head(f"/images/0/{name}")

        response = house.client.head(f"/images/0/{name}", headers={"Range": range_})

        assert (response.status_code, response.headers["Content-Length"]) == (200, whole.headers["Content-Length"])

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

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("été.jpg", "filename=ete.jpg; filename*=UTF-8''%C3%A9t%C3%A9.jpg"),
            (
                "Ünïcode – 日本.jpg",
                "filename=\"Unicode  .jpg\"; filename*=UTF-8''%C3%9Cn%C3%AFcode%20%E2%80%93%20%E6%97%A5%E6%9C%AC.jpg",
            ),
            ("日本", "filename=image-0.jpg; filename*=UTF-8''%E6%97%A5%E6%9C%AC.jpg"),
            ("日本.jpg", "filename=image-0.jpg; filename*=UTF-8''%E6%97%A5%E6%9C%AC.jpg"),
        ],
    )
    def test_a_name_beyond_ascii_is_told_as_rfc_6266_says(self, house: House, name: str, expected: str) -> None:
        house.upload(picture(), name)

        response = house.client.get("/images/0/original")

        assert response.headers["Content-Disposition"] == f"attachment; {expected}"


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

    def test_a_copy_that_is_not_clean_is_not_served(
        self, house: House, photo: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        house.upload(photo)
        monkeypatch.setitem(_WRITERS, JPEG, copied_whole)

        response = house.client.get("/images/0/public")

        assert problem(response)["type"] == "/problems/public-copy-not-clean"
        assert response.status_code == 500
        assert "still holds metadata" in caplog.text

    @pytest.fixture
    def large(self, house: House) -> bytes:
        """Image 0: more than a web server takes at once, and more than one read."""
        content = io.BytesIO()
        Pillow.effect_noise((1000, 1000), 80).save(content, "JPEG", quality=90, comment=b"Ada's garden")
        house.upload(content.getvalue())
        assert len(content.getvalue()) > 2 * CHUNK_BYTES
        return content.getvalue()

    def test_it_is_proven_once_and_then_only_read(self, house: House, large: bytes) -> None:
        reads = Reads(house)
        copy = house.client.get("/images/0/public").data
        assert reads.since_last() > 2 * len(large)

        head = house.client.head("/images/0/public")
        assert (head.headers["Content-Length"], reads.since_last()) == (str(len(copy)), 0)
        assert house.client.get("/images/0/public", headers={"If-None-Match": head.headers["ETag"]}).status_code == 304
        assert reads.since_last() == 0
        assert house.client.get("/images/0/public", headers={"Range": "bytes=5-700000"}).data == copy[5:700001]
        assert reads.since_last() <= 700_000 + CHUNK_BYTES
        assert house.client.get("/images/0/public").data == copy
        assert reads.since_last() <= len(large)
        assert reads.are_all_closed()

    def test_one_that_is_not_made_yet_is_202_and_the_worker_is_told_once(self, house: House, photo: bytes) -> None:
        house.upload(photo)
        house.jobs.publish_at_once = None
        reads = Reads(house)
        hurry = {"Prefer": "wait=0"}

        answers = [house.client.open("/images/0/public", method=method, headers=hurry) for method in ("HEAD", "GET")]

        assert [answer.status_code for answer in answers] == [202] * 2
        assert (answers[1].headers["Retry-After"], answers[1].json["id"]) == ("1", 0)
        assert reads.since_last() == 0
        assert house.jobs.published == [0]
        house.publishing.make(ImageId(0))
        assert house.client.get("/images/0/public").status_code == 200

    def test_a_queue_that_is_down_is_503(self, house: House, photo: bytes) -> None:
        house.upload(photo)
        house.jobs.is_down = True

        assert problem(house.client.get("/images/0/public"))["type"] == "/problems/queue-unavailable"

    @pytest.mark.usefixtures("large")
    def test_another_process_serves_it_without_a_pass(self, house: House) -> None:
        copy = house.client.get("/images/0/public")
        with tests.house.house(house.root) as other:
            other.jobs.publish_at_once = None
            reads = Reads(other)

            head = other.client.head("/images/0/public")

            assert (head.status_code, head.headers["ETag"], reads.since_last()) == (200, copy.headers["ETag"], 0)
            assert other.jobs.published == []

    def test_its_tags_come_from_its_own_bytes(self, house: House, photo: bytes) -> None:
        record = house.upload(photo).record

        response = house.client.get("/images/0/public")

        own = hashlib.sha256(response.data).digest()
        assert response.headers["ETag"] == f'"{own.hex()}"'
        assert response.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(own).decode()}:"
        assert record.sha256[:8] not in str(response.headers)

    @pytest.mark.parametrize(
        "kept",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"\0" * 500, id="zeros"),
            pytest.param(b'{"edition": 1, "original": ""}', id="of another edition"),
            pytest.param(b"[" * 5_000_000, id="huge"),
        ],
    )
    def test_a_plan_that_is_damaged_or_of_another_edition_is_made_again(
        self, house: House, photo: bytes, kept: bytes
    ) -> None:
        house.upload(photo)
        (house.uploads / "0" / layout.PUBLIC_COPY).write_bytes(kept)

        assert b"Ada" not in house.client.get("/images/0/public").data
        assert house.jobs.published == [0]

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            *(("pieces", [[0, 10**9]]), ("pieces", [[5, 2]]), ("pieces", [[-1, 20]]), ("pieces", [[0, 1]] * 90_000)),
            *(("bytes", 3), ("sha256", '"\r\n')),
        ],
    )
    def test_a_plan_that_cannot_be_right_is_made_again(
        self, house: House, photo: bytes, part: str, value: list[list[int]] | int | str
    ) -> None:
        house.upload(photo)
        house.publishing.make(ImageId(0))
        file = house.uploads / "0" / layout.PUBLIC_COPY
        sound = file.read_bytes()
        told = json.loads(sound)
        if isinstance(value, list):
            told["bytes"] = sum(end - start for start, end in value)
        file.write_text(json.dumps(told | {part: value}))

        assert house.client.get("/images/0/public").status_code == 200
        assert file.read_bytes() == sound

    def test_a_plan_that_came_with_a_folder_from_elsewhere_is_not_believed(self, house: House, photo: bytes) -> None:
        record = house.upload(photo).record
        house.publishing.make(ImageId(0))
        file = house.uploads / "0" / layout.PUBLIC_COPY
        whole = {"pieces": [[0, record.bytes]], "bytes": record.bytes, "sha256": record.sha256}
        file.write_text(json.dumps(json.loads(file.read_bytes()) | whole))

        house.reindexing.rebuild()

        assert b"Ada" not in house.client.get("/images/0/public").data

    def test_what_cannot_be_copied_is_found_out_once(self, house: House) -> None:
        house.upload(jpeg_with(jpeg_segment(0xDD, b"\0\0 more"), content=picture()))

        answers = [house.client.get("/images/0/public") for _ in range(2)]

        assert [problem(answer)["type"] for answer in answers] == ["/problems/not-publishable"] * 2
        assert house.jobs.published == [0]

    def test_a_plan_that_comes_behind_a_deletion_is_removed(self, tmp_path: Path, photo: bytes) -> None:
        class DeletedMeanwhile(PlannerHere):
            def plan(self, file: BinaryIO, size: int) -> Plan:
                found = super().plan(file, size)
                house.removal.delete(NOBODY, ImageId(0))
                return found

        with tests.house.house(tmp_path, planner=DeletedMeanwhile()) as house:
            house.upload(photo)

            house.publishing.make(ImageId(0))

            assert house.files(0) == {layout.TOMBSTONE}

    @pytest.mark.usefixtures("large")
    def test_once_it_is_proven_only_what_is_long_to_send_needs_a_place(self, house: House) -> None:
        copy = house.client.get("/images/0/public").data
        going = [house.client.get("/images/0/original", buffered=False) for _ in range(2)]

        assert house.client.head("/images/0/public").status_code == 200
        assert house.client.get("/images/0/public", headers={"Range": "bytes=0-9"}).data == copy[:10]
        assert house.client.get("/images/0/public").status_code == 503
        for response in going:
            response.close()
        # Each gave its place back.
        for _ in range(3):
            assert house.client.get("/images/0/public").data == copy

    @pytest.mark.usefixtures("large")
    def test_after_its_deletion_a_proven_copy_is_410(self, house: House) -> None:
        assert house.client.get("/images/0/public").status_code == 200

        house.removal.delete(NOBODY, ImageId(0))

        assert house.client.get("/images/0/public").status_code == 410

    def test_the_page_offers_it_where_the_file_reveals_something(self, house: House, photo: bytes) -> None:
        house.upload(photo)

        assert 'href="/images/0/public"' in house.client.get("/images/0", headers={"Accept": BROWSER}).text

    def test_a_preview_is_named_on_the_page_and_gone_from_the_copy(self, house: House) -> None:
        house.upload(jpeg_with(jpeg_segment(0xE0, b"JFXX\0\x10 a preview "), content=picture()))
        house.upload(house.client.get("/images/0/public").data)

        assert house.client.get("/images/0").json["metadata"]["privacy"] == {"preview": ["/previews/JFXXThumbnail"]}
        page = house.client.get("/images/0", headers={"Accept": BROWSER}).text
        assert "may show what was cut off or painted over" in page
        assert "JFXXThumbnail" in page
        assert house.client.get("/images/1").json["metadata"] == {}


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
