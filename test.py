"""
The contract of Vignette, as who uses it would check it. Nothing but Python is needed.

    python test.py                                            starts a service of its own, with temporary folders
    VIGNETTE_TEST_URL=https://pictures.example.org python test.py     asks one that runs; it deletes what it uploaded

Its own service is `script/server`, which sets itself up on first use; that may take a minute.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import re
import socket
import struct
import subprocess
import tempfile
import time
import unittest
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
PHOTO = (ROOT / "image_test" / "photo.jpg").read_bytes()
NOTES = (ROOT / "image_test" / "notes.txt").read_bytes()

# The first start installs what the service needs.
START_LIMIT_S = 600
STOP_LIMIT_S = 60
ANSWER_LIMIT_S = 60
VIGNETTE_LIMIT_S = 120

# What a browser sends when a person opens a page, and when a page shows a picture.
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
BROWSER_PICTURE = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
JSON = {"Accept": "application/json"}

# No service counts that far.
UNKNOWN = 999_999_999_999

base_url = ""
_running = contextlib.ExitStack()


def setUpModule() -> None:
    global base_url
    atexit.register(_running.close)  # Ctrl-C leaves tearDownModule out
    base_url = (os.environ.get("VIGNETTE_TEST_URL") or _running.enter_context(own_service())).rstrip("/")
    if request("POST", "/images").status in (401, 403):
        raise SystemExit(f'{base_url} asks for keys: this tries a service with access = "open"')


def tearDownModule() -> None:
    _running.close()


# ---- A service of our own


@contextlib.contextmanager
def own_service() -> Iterator[str]:
    """Run `script/server` with folders and a port that nobody else uses; yield its URL; leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="vignette-test-") as folder, Path(folder, "log").open("w+b") as log:
        port = free_port()
        process = subprocess.Popen(
            [ROOT / "script" / "server"],
            env=environment(Path(folder), port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process, Path(log.name))
            yield url
        finally:
            stop(process)


def environment(folder: Path, port: int) -> dict[str, str]:
    """Ours, with no setting but those that keep the service to itself."""
    (folder / "vignette.toml").touch()
    return {name: value for name, value in os.environ.items() if not name.startswith("VIGNETTE_")} | {
        "VIGNETTE_CONFIG": str(folder / "vignette.toml"),
        "VIGNETTE_HOST": "127.0.0.1",
        "VIGNETTE_PORT": str(port),
        "VIGNETTE_UPLOAD_FOLDER": str(folder / "uploads"),
        "VIGNETTE_STATE_FOLDER": str(folder / "state"),
    }


def free_port() -> int:
    """
    A port that nobody listens on; none of those that the system gives to connections (from 32768 on), so that ours do
    not take it while the service starts.
    """
    for port in random.sample(range(20_000, 32_768), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("100 ports are all taken")


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the folder, the catalogue, the queue and a worker are all up."""
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"script/server ended with {process.returncode}:\n{last_lines(log)}")
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            if request("GET", f"{url}/readyz").json()["status"] == "ready":
                return
        time.sleep(0.1)
    raise RuntimeError(f"script/server was not ready within {START_LIMIT_S} seconds:\n{last_lines(log)}")


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:])


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    finally:  # not in time, or who waits has pressed Ctrl-C again: the children of the server end with it
        if process.poll() is None:
            process.kill()
            process.wait()


# ---- HTTP


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get_content_type()

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def request(method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask for *target*: a path below the service's URL, or a whole URL. Redirects are not followed."""
    with contextlib.closing(connect(target)) as connection:
        connection.request(method, path_of(target), body, {"Accept": "*/*", **(headers or {})})
        return read_answer(connection)


def connect(target: str) -> http.client.HTTPConnection:
    parts = urlsplit(absolute(target))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.netloc, timeout=ANSWER_LIMIT_S)


def read_answer(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


def path_of(target: str) -> str:
    return urlsplit(absolute(target))._replace(scheme="", netloc="").geturl() or "/"


def absolute(target: str) -> str:
    return target if "://" in target else base_url + target


def get(target: str, headers: Mapping[str, str] | None = None) -> Answer:
    return request("GET", target, headers=headers)


def delete(number: int) -> Answer:
    return request("DELETE", f"/images/{number}")


def upload(*files: tuple[str, bytes], field: str = "file", headers: Mapping[str, str] | None = None) -> Answer:
    """Send *files*, each a name and its bytes, as `curl -F file=@name` does."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return request("POST", "/images", b"".join(parts) + f"--{boundary}--\r\n".encode(), {**form, **(headers or {})})


def wait_for_vignette(number: int, headers: Mapping[str, str] | None = None, target: str = "") -> Answer:
    """Ask until there is something else than "not yet"."""
    deadline = time.monotonic() + VIGNETTE_LIMIT_S
    while True:
        answer = get(target or f"/vignette/{number}", {"Prefer": "wait=5", **(headers or {})})
        if answer.status != 202 or time.monotonic() > deadline:
            return answer
        time.sleep(float(answer.headers["Retry-After"]))


# ---- Pictures


def picture_size(content: bytes) -> tuple[int, int]:
    """Width and height, in pixels, of a WebP or a JPEG."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_size(content)
    if content[:2] == b"\xff\xd8":
        return _jpeg_size(content)
    raise ValueError(f"neither WebP nor JPEG: {content[:12]!r}")


def _webp_size(content: bytes) -> tuple[int, int]:
    """See RFC 9649, sections 2.5 to 2.7."""
    chunk = content[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", content[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """From the frame header, ITU-T T.81 section B.2.2."""
    at = 2
    while True:
        marker, length = struct.unpack(">xBH", content[at : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length


# ---- The contract


class Contract(unittest.TestCase):
    """What the parts of the contract share."""

    def number_in(self, answer: Answer) -> int:
        """The number that an upload was answered with; the image is deleted in the end."""
        self.assertEqual(answer.status, 201, answer.text)
        self.assertRegex(answer.text, r"\A(0|[1-9][0-9]*)\n\Z")
        number = int(answer.text)
        self.addCleanup(delete, number)
        return number

    def assert_words(self, words: str, answer: Answer) -> None:
        # `assertIn` would show the whole page.
        self.assertTrue(words in answer.text, f"{words!r} is not in the answer")

    def assert_problem(self, answer: Answer, status: int, code: str) -> dict[str, Any]:
        """RFC 9457, with a type that a client may test."""
        self.assertEqual((answer.status, answer.media_type), (status, "application/problem+json"), answer.body[:500])
        problem: dict[str, Any] = answer.json()
        self.assertEqual(problem["status"], status)
        self.assertEqual(urlsplit(problem["type"]).path.rpartition("/problems/")[2], code)
        self.assertTrue(problem["title"])
        self.assertTrue(problem["detail"])
        return problem


class ContractOfAPhoto(Contract):
    """Those parts for which one uploaded photo is enough."""

    number: int

    @classmethod
    def setUpClass(cls) -> None:
        cls.number = int(upload(("photo.jpg", PHOTO)).text)
        cls.addClassCleanup(delete, cls.number)


class Uploading(Contract):
    def test_curl_gets_the_bare_number_and_where_the_image_is(self) -> None:
        answer = upload(("photo.jpg", PHOTO))

        number = self.number_in(answer)
        self.assertEqual(answer.media_type, "text/plain")
        self.assertTrue(answer.headers["Location"].endswith(f"/images/{number}"))
        self.assertEqual(get(answer.headers["Location"]).status, 200)

    def test_numbers_go_up(self) -> None:
        first = self.number_in(upload(("photo.jpg", PHOTO)))
        second = self.number_in(upload(("photo.jpg", PHOTO)))

        self.assertGreater(second, first)

    def test_a_program_that_asks_for_json_gets_the_resource(self) -> None:
        answer = upload(("photo.jpg", PHOTO), headers=JSON)

        self.assertEqual((answer.status, answer.media_type), (201, "application/json"))
        image = answer.json()
        self.addCleanup(delete, image["id"])
        self.assertTrue(answer.headers["Location"].endswith(f"/images/{image['id']}"))
        self.assertEqual((image["name"], image["bytes"]), ("photo.jpg", len(PHOTO)))

    def test_a_form_in_a_browser_leads_to_the_page_of_the_image(self) -> None:
        answer = upload(("photo.jpg", PHOTO), headers=BROWSER)

        self.assertEqual(answer.status, 303)
        number = int(answer.headers["Location"].rpartition("/images/")[2])
        self.addCleanup(delete, number)
        page = get(answer.headers["Location"], BROWSER)
        self.assertEqual((page.status, page.media_type), (200, "text/html"))

    def test_the_bytes_of_an_image_may_be_the_whole_body(self) -> None:
        number = self.number_in(request("POST", "/images", PHOTO, {"Content-Type": "image/jpeg"}))

        self.assertEqual(get(f"/images/{number}/original").body, PHOTO)

    def test_a_name_is_a_label_and_no_path(self) -> None:
        for name in ("../../../etc/passwd", "..\\..\\x.jpg", "/tmp/x.jpg", "é" * 5000 + ".jpg", ".", ""):
            with self.subTest(name=name[:20]):
                number = self.number_in(upload((name, PHOTO)))

                original = get(f"/images/{number}/original")
                self.assertEqual(original.body, PHOTO)
                self.assertNotRegex(original.headers["Content-Disposition"], r"[/\\]|%2F|%5C|\.\.")

    def test_sending_again_with_the_same_idempotency_key_gives_the_same_number(self) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        number = self.number_in(upload(("photo.jpg", PHOTO), headers=key))

        again = upload(("photo.jpg", PHOTO), headers=key)

        self.assertEqual(again.text, f"{number}\n")

    def test_an_idempotency_key_is_for_one_file_only(self) -> None:
        key = {"Idempotency-Key": uuid.uuid4().hex}
        self.number_in(upload(("photo.jpg", PHOTO), headers=key))

        other = upload(("photo.jpg", PHOTO + b"\0"), headers=key)

        self.assert_problem(other, 422, "idempotency-key-reused")


class UploadingSeveralFiles(Contract):
    """Each file is answered for itself."""

    def test_all_kept(self) -> None:
        answer = upload(("one.jpg", PHOTO), ("two.jpg", PHOTO))

        self.assertEqual(answer.status, 201)
        self.assertRegex(answer.text, r"\A\d+\n\d+\n\Z")
        for number in map(int, answer.text.split()):
            self.addCleanup(delete, number)
            self.assertEqual(get(f"/images/{number}").status, 200)

    def test_one_refused_as_lines(self) -> None:
        answer = upload(("one.jpg", PHOTO), ("my notes.txt", NOTES), ("two.jpg", PHOTO))

        self.assertEqual((answer.status, answer.media_type), (207, "text/plain"))
        first, refused, last = answer.text.splitlines()
        for number in (first, last):
            self.addCleanup(delete, int(number))
        self.assertEqual(refused, "refused 415 unsupported-format my notes.txt")

    def test_one_refused_as_json(self) -> None:
        answer = upload(("notes.txt", NOTES), ("photo.jpg", PHOTO), headers=JSON)

        self.assertEqual((answer.status, answer.media_type), (207, "application/json"))
        refused, kept = answer.json()["results"]
        self.addCleanup(delete, kept["image"]["id"])
        self.assertEqual((refused["name"], refused["status"], refused["image"]), ("notes.txt", 415, None))
        self.assertTrue(refused["problem"]["type"].endswith("/problems/unsupported-format"))
        self.assertEqual((kept["name"], kept["status"], kept["problem"]), ("photo.jpg", 201, None))

    def test_none_kept_is_answered_as_the_first_refusal(self) -> None:
        answer = upload(("notes.txt", NOTES), ("empty.jpg", b""))

        self.assertEqual(answer.status, 415)
        self.assertEqual(answer.text, "refused 415 unsupported-format notes.txt\nrefused 422 empty-file empty.jpg\n")


class Refusals(Contract):
    def test_a_file_that_is_no_image(self) -> None:
        self.assert_problem(upload(("notes.txt", NOTES)), 415, "unsupported-format")

    def test_a_file_that_only_says_that_it_is_an_image(self) -> None:
        self.assert_problem(upload(("photo.jpg", NOTES)), 415, "unsupported-format")
        raw = request("POST", "/images", NOTES, {"Content-Type": "image/jpeg"})
        self.assert_problem(raw, 415, "unsupported-format")

    def test_a_file_that_is_cut_off(self) -> None:
        self.assert_problem(upload(("photo.jpg", PHOTO[: len(PHOTO) // 2])), 422, "broken-image")

    def test_an_empty_file(self) -> None:
        self.assert_problem(upload(("photo.jpg", b"")), 422, "empty-file")

    def test_a_request_without_a_file(self) -> None:
        self.assert_problem(upload(), 400, "no-file")
        self.assert_problem(upload(("photo.jpg", PHOTO), field="picture"), 400, "no-file")
        self.assert_problem(request("POST", "/images"), 400, "no-file")

    def test_a_file_that_is_too_large_before_it_is_sent(self) -> None:
        limit = get("/limits").json()["max_upload_bytes"]

        with contextlib.closing(connect("")) as connection:
            connection.putrequest("POST", path_of("/images"))
            connection.putheader("Content-Type", "image/jpeg")
            connection.putheader("Content-Length", str(limit + 1))
            connection.endheaders()
            answer = read_answer(connection)

        problem = self.assert_problem(answer, 413, "upload-too-large")
        self.assertEqual((problem["measured"], problem["limit"]), (limit + 1, limit))

    def test_a_refused_file_takes_no_number(self) -> None:
        before = self.number_in(upload(("photo.jpg", PHOTO)))
        upload(("notes.txt", NOTES))

        after = self.number_in(upload(("photo.jpg", PHOTO)))

        if "VIGNETTE_TEST_URL" not in os.environ:  # others may upload there too
            self.assertEqual(after, before + 1)

    def test_an_image_that_was_never_there(self) -> None:
        for path in ("/images/{}", "/images/{}/original", "/images/{}/metadata.json", "/vignette/{}"):
            with self.subTest(path=path):
                self.assert_problem(get(path.format(UNKNOWN)), 404, "image-not-found")
        self.assert_problem(delete(UNKNOWN), 404, "image-not-found")

    def test_an_address_that_there_is_not(self) -> None:
        for path in ("/nothing", "/images/-1", "/images/01", "/images/one", "/vignette/", "/images/..%2f..%2fetc"):
            with self.subTest(path=path):
                self.assert_problem(get(path), 404, "not-found")

    def test_a_method_that_is_not_taken(self) -> None:
        answer = request("PUT", "/images", PHOTO, {"Content-Type": "image/jpeg"})

        self.assert_problem(answer, 405, "method-not-allowed")
        self.assertIn("POST", answer.headers["Allow"])

    def test_a_browser_gets_the_same_as_a_page(self) -> None:
        answer = get(f"/images/{UNKNOWN}", BROWSER)

        self.assertEqual((answer.status, answer.media_type), (404, "text/html"))

    def test_each_type_of_problem_is_explained(self) -> None:
        problem = upload(("notes.txt", NOTES)).json()

        self.assertEqual(get(problem["type"], BROWSER).status, 200)


class TheImage(ContractOfAPhoto):
    def test_is_a_page_for_a_browser(self) -> None:
        page = get(f"/images/{self.number}", BROWSER)

        self.assertEqual((page.status, page.media_type), (200, "text/html"))
        self.assertIn("Accept", page.headers["Vary"])
        self.assert_words("Aurore P5", page)

    def test_is_shown_on_its_page_once_its_vignette_is_there(self) -> None:
        wait_for_vignette(self.number)

        page = get(f"/images/{self.number}", BROWSER)

        pictures = re.findall(r'<img[^>]+src="([^"]+)"', page.text)
        paths = [urlsplit(address).path for address in pictures]
        self.assertTrue(any(path.endswith(f"/vignette/{self.number}") for path in paths), paths)

    def test_is_json_for_everyone_else(self) -> None:
        for headers in ({"Accept": "*/*"}, JSON):
            with self.subTest(accept=headers):
                answer = get(f"/images/{self.number}", headers)

                self.assertEqual((answer.status, answer.media_type), (200, "application/json"))
                self.assertIn("Accept", answer.headers["Vary"])

    def test_says_what_arrived(self) -> None:
        image = get(f"/images/{self.number}").json()

        self.assertEqual(image["id"], self.number)
        self.assertEqual(image["name"], "photo.jpg")
        self.assertEqual(image["media_type"], "image/jpeg")
        self.assertEqual(image["bytes"], len(PHOTO))
        self.assertEqual(image["sha256"], hashlib.sha256(PHOTO).hexdigest())
        self.assertEqual(image["frames"], 1)
        self.assertRegex(image["received_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")

    def test_is_measured_as_people_see_it(self) -> None:
        image = get(f"/images/{self.number}").json()

        # It is stored as 1600 × 1200, with an orientation that turns it by a quarter.
        self.assertEqual((image["width"], image["height"]), (1200, 1600))

    def test_links_to_all_that_belongs_to_it(self) -> None:
        links = get(f"/images/{self.number}").json()["links"]

        self.assertEqual(set(links), {"self", "original", "public", "metadata", "vignette", "zoom", "vignettes"})
        for link in (*links.pop("vignettes").values(), *links.values()):
            self.assertRegex(link, r"^https?://")
            self.assertIn(get(link).status, (200, 202))

    def test_is_ready_once_its_vignette_is_there(self) -> None:
        wait_for_vignette(self.number)

        image = get(f"/images/{self.number}").json()

        self.assertEqual((image["state"], image["failure"]), ("ready", None))

    def test_is_in_the_catalogue_newest_first(self) -> None:
        newest = self.number_in(upload(("photo.jpg", PHOTO)))

        page = get(f"/images?limit=1&before={newest + 1}")

        self.assertEqual([image["id"] for image in page.json()["images"]], [newest])
        (following,) = re.findall(r'<([^>]+)>; rel="next"', page.headers["Link"])
        self.assertLess(get(following).json()["images"][0]["id"], newest)


class TheOriginal(ContractOfAPhoto):
    def original(self, **headers: str) -> Answer:
        return get(
            f"/images/{self.number}/original", {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def test_comes_back_byte_for_byte(self) -> None:
        answer = self.original()

        self.assertEqual((answer.status, answer.media_type), (200, "image/jpeg"))
        self.assertEqual(answer.body, PHOTO)

    def test_is_a_download_under_its_name(self) -> None:
        disposition = self.original().headers["Content-Disposition"]

        self.assertRegex(disposition, r'^attachment; *filename="?photo\.jpg"?$')

    def test_comes_with_its_digest(self) -> None:
        digest = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()

        self.assertEqual(self.original().headers["Repr-Digest"], f"sha-256=:{digest}:")

    def test_is_not_sent_twice_to_who_has_it(self) -> None:
        etag = self.original().headers["ETag"]

        again = self.original(If_None_Match=etag)

        self.assertEqual((again.status, again.body), (304, b""))

    def test_comes_in_pieces(self) -> None:
        for wanted, expected, place in (
            ("bytes=0-99", PHOTO[:100], "0-99"),
            ("bytes=1000-1999", PHOTO[1000:2000], "1000-1999"),
            ("bytes=-10", PHOTO[-10:], f"{len(PHOTO) - 10}-{len(PHOTO) - 1}"),
        ):
            with self.subTest(range=wanted):
                answer = self.original(Range=wanted)

                self.assertEqual((answer.status, answer.body), (206, expected))
                self.assertEqual(answer.headers["Content-Range"], f"bytes {place}/{len(PHOTO)}")

    def test_has_no_piece_behind_its_end(self) -> None:
        answer = self.original(Range=f"bytes={len(PHOTO)}-")

        self.assertEqual(answer.status, 416)
        self.assertEqual(answer.headers["Content-Range"], f"bytes */{len(PHOTO)}")

    def test_tells_its_length_to_who_asks_for_no_more(self) -> None:
        answer = request("HEAD", f"/images/{self.number}/original")

        self.assertEqual((answer.status, answer.headers["Content-Length"], answer.body), (200, str(len(PHOTO)), b""))


class TheMetadata(ContractOfAPhoto):
    def test_is_text_for_people(self) -> None:
        answer = get(f"/images/{self.number}/metadata.txt")

        self.assertEqual((answer.status, answer.media_type), (200, "text/plain"))
        self.assertEqual(answer.headers.get_content_charset(), "utf-8")
        for words in ("Aurore", "Aurore P5", "MakerNote", "48.879667", "2.382917", "Le lac, un soir d’été"):
            self.assert_words(words, answer)

    def test_is_json_for_programs(self) -> None:
        answer = get(f"/images/{self.number}/metadata.json")

        self.assertEqual((answer.status, answer.media_type), (200, "application/json"))
        self.assertEqual(answer.json()["exif"]["IFD0"]["Make"], "Aurore")
        self.assertEqual(answer.json()["exif"]["IFD0"]["Model"], "Aurore P5")

    def test_tells_the_place_in_degrees(self) -> None:
        summary = get(f"/images/{self.number}/metadata.json").json()["summary"]

        # The park of Buttes-Chaumont, Paris: 48° 52′ 46.8″ N, 2° 22′ 58.5″ E, 91.3 m.
        self.assertAlmostEqual(summary["latitude"], 48.879667, 6)
        self.assertAlmostEqual(summary["longitude"], 2.382917, 6)
        self.assertAlmostEqual(summary["altitude_m"], 91.3, 6)

    def test_keeps_bytes_that_are_no_text(self) -> None:
        note = get(f"/images/{self.number}/metadata.json").json()["exif"]["Exif"]["MakerNote"]

        content = base64.b64decode(note["base64"])
        self.assertEqual(note["type"], "bytes")
        self.assertTrue(content.startswith(b"AURORE\0\x01\xff\xfe"))
        self.assertIn(content, PHOTO)

    def test_keeps_fractions_with_their_sign(self) -> None:
        exif = get(f"/images/{self.number}/metadata.json").json()["exif"]["Exif"]

        self.assertEqual(exif["ExposureTime"]["value"], 0.004)
        brightness = exif["BrightnessValue"]
        self.assertEqual((brightness["numerator"], brightness["denominator"]), (-37, 100))

    def test_is_in_the_resource_of_the_image(self) -> None:
        image = get(f"/images/{self.number}").json()

        self.assertEqual(image["metadata"]["exif"]["IFD0"]["Model"], "Aurore P5")


class TheVignette(ContractOfAPhoto):
    def test_is_there_soon(self) -> None:
        answer = wait_for_vignette(self.number)

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.media_type, "image/jpeg")

    def test_is_webp_for_who_reads_it_and_jpeg_for_everyone_else(self) -> None:
        for accept, media_type in (
            (BROWSER_PICTURE["Accept"], "image/webp"),
            ("image/webp", "image/webp"),
            ("image/jpeg", "image/jpeg"),
            ("image/webp;q=0.5, image/jpeg", "image/jpeg"),
            ("image/*", "image/jpeg"),
            ("*/*", "image/jpeg"),
        ):
            with self.subTest(accept=accept):
                answer = wait_for_vignette(self.number, {"Accept": accept})

                self.assertEqual((answer.status, answer.media_type), (200, media_type))
                self.assertIn("Accept", answer.headers["Vary"])
                self.assertTrue(answer.body.startswith(b"RIFF" if media_type == "image/webp" else b"\xff\xd8\xff"))

    def test_stands_upright_and_fits_its_box(self) -> None:
        for accept in ("image/webp", "image/jpeg"):
            with self.subTest(accept=accept):
                vignette = wait_for_vignette(self.number, {"Accept": accept})

                self.assertEqual(picture_size(vignette.body), (192, 256))

    def test_tells_nothing_of_the_photo(self) -> None:
        for accept in ("image/webp", "image/jpeg"):
            with self.subTest(accept=accept):
                content = wait_for_vignette(self.number, {"Accept": accept}).body

                for words in (b"Exif", b"EXIF", b"Aurore", b"xmpmeta"):
                    self.assertNotIn(words, content)

    def test_may_be_kept_by_who_has_it(self) -> None:
        vignette = wait_for_vignette(self.number)

        again = get(f"/vignette/{self.number}", {"If-None-Match": vignette.headers["ETag"]})

        self.assertRegex(vignette.headers["Cache-Control"], r"max-age=\d+|no-cache")
        self.assertEqual((again.status, again.body), (304, b""))

    def test_has_another_etag_in_another_format(self) -> None:
        etags = {
            wait_for_vignette(self.number, {"Accept": f"image/{name}"}).headers["ETag"] for name in ("webp", "jpeg")
        }

        self.assertEqual(len(etags), 2)

    def test_is_found_by_the_name_of_its_size(self) -> None:
        name = get("/limits").json()["vignettes"][0]

        self.assertEqual(wait_for_vignette(self.number, target=f"/vignette/{self.number}?size={name}").status, 200)

    def test_may_be_kept_while_a_deleted_one_may_be_seen_where_the_url_tells_the_version(self) -> None:
        resource = get(f"/images/{self.number}", {"Accept": "application/json"}).json()
        links = {**resource["links"]["vignettes"], **resource["renditions_pending"]}
        self.assertEqual(set(links), set(get("/limits").json()["vignettes"]))
        for size, link in links.items():
            with self.subTest(size=size):
                wait_for_vignette(self.number)
                target = f"/vignette/{self.number}?{link.partition('?')[2]}"

                self.assertRegex(
                    wait_for_vignette(self.number, target=target).headers["Cache-Control"], r"max-age=\d+|no-cache"
                )

        other = get(f"/vignette/{self.number}?v=00000000")

        self.assertEqual(other.status, 200)
        self.assertNotIn("immutable", other.headers["Cache-Control"])

    def test_has_no_size_that_nobody_set(self) -> None:
        self.assert_problem(get(f"/vignette/{self.number}?size=gigantic"), 404, "recipe-not-found")

    def test_has_a_picture_in_its_place_until_then(self) -> None:
        number = self.number_in(upload(("photo.jpg", PHOTO)))

        at_once = get(f"/vignette/{number}", BROWSER_PICTURE)

        self.assertIn(at_once.status, (200, 202))
        self.assertEqual(at_once.headers.get_content_maintype(), "image")
        if at_once.status == 202:
            self.assertGreater(int(at_once.headers["Retry-After"]), 0)
            self.assertEqual(at_once.headers["Cache-Control"], "no-store")


class Deleting(Contract):
    def test_an_image_is_gone_with_all_that_belongs_to_it(self) -> None:
        number = self.number_in(upload(("photo.jpg", PHOTO)))

        answer = delete(number)

        self.assertEqual((answer.status, answer.body), (204, b""))
        for path in (
            f"/images/{number}",
            f"/images/{number}/original",
            f"/images/{number}/public",
            f"/images/{number}/metadata.txt",
            f"/images/{number}/metadata.json",
            f"/vignette/{number}",
        ):
            with self.subTest(path=path):
                self.assert_problem(get(path), 410, "image-deleted")

    def test_its_number_is_not_given_again(self) -> None:
        number = self.number_in(upload(("photo.jpg", PHOTO)))
        delete(number)

        following = self.number_in(upload(("photo.jpg", PHOTO)))

        self.assertGreater(following, number)
        self.assertEqual(get(f"/images/{number}").status, 410)

    def test_a_second_time_there_is_nothing_to_delete(self) -> None:
        number = self.number_in(upload(("photo.jpg", PHOTO)))
        delete(number)

        self.assert_problem(delete(number), 410, "image-deleted")


class TheService(Contract):
    def test_greets_with_a_page_and_a_form(self) -> None:
        page = get("/", BROWSER)

        self.assertEqual((page.status, page.media_type), (200, "text/html"))
        self.assertRegex(page.text, r'<form[^>]+enctype="multipart/form-data"')
        self.assertRegex(page.text, r'<input[^>]+name="file"')

    def test_speaks_english_and_french(self) -> None:
        for language in ("en", "fr"):
            with self.subTest(language=language):
                page = get("/", {**BROWSER, "Accept-Language": language})

                self.assertRegex(page.text, rf'<html[^>]+lang="{language}\b')
                self.assertIn("Accept-Language", page.headers["Vary"])

    def test_tells_its_limits(self) -> None:
        answer = get("/limits")

        self.assertEqual((answer.status, answer.media_type), (200, "application/json"))
        limits = answer.json()
        for name in ("max_upload_bytes", "max_request_bytes", "max_files_per_request", "max_pixels", "max_frames"):
            self.assertGreater(limits[name], 0)
        self.assertIn("image/heic", [image_format["media_type"] for image_format in limits["formats"]])

    def test_is_alive(self) -> None:
        self.assertEqual(get("/healthz").status, 200)

    def test_is_ready_with_all_its_parts(self) -> None:
        answer = get("/readyz")

        self.assertEqual((answer.status, answer.json()["status"]), (200, "ready"))
        checks = {name: check["status"] for name, check in answer.json()["checks"].items()}
        self.assertEqual(checks, {"folder": "up", "catalogue": "up", "queue": "up", "worker": "up"})

    def test_describes_itself_for_programs(self) -> None:
        answer = get("/openapi.json")

        self.assertEqual((answer.status, answer.media_type), (200, "application/json"))
        document = answer.json()
        self.assertTrue(document["openapi"].startswith("3.1."))
        self.assertLessEqual({"get", "post"}, set(document["paths"]["/images"]))
        self.assertLessEqual({"get", "delete"}, set(document["paths"]["/images/{image_id}"]))
        for path in ("/", "/limits", "/healthz", "/readyz", "/vignette/{image_id}", "/images/{image_id}/original"):
            self.assertIn("get", document["paths"][path])

    def test_describes_itself_for_people(self) -> None:
        page = get("/docs", BROWSER)

        self.assertEqual((page.status, page.media_type), (200, "text/html"))
        self.assert_words("/images/{image_id}", page)


class EveryAnswer(ContractOfAPhoto):
    def answers(self) -> Iterator[tuple[str, Answer]]:
        for path, headers in (
            ("/", BROWSER),
            ("/docs", BROWSER),
            ("/limits", JSON),
            ("/images", BROWSER),
            (f"/images/{self.number}", BROWSER),
            (f"/images/{self.number}", JSON),
            (f"/images/{self.number}/original", {}),
            (f"/images/{self.number}/metadata.txt", {}),
            (f"/vignette/{self.number}", {}),
            (f"/images/{UNKNOWN}", {}),
            (f"/images/{UNKNOWN}", BROWSER),
            ("/nothing", {}),
        ):
            yield path, get(path, headers)

    def test_is_taken_for_what_it_says(self) -> None:
        for path, answer in self.answers():
            with self.subTest(path=path):
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")

    def test_is_no_error_of_the_service(self) -> None:
        for path, answer in self.answers():
            with self.subTest(path=path):
                self.assertLess(answer.status, 500)

    def test_runs_no_script_of_a_stranger(self) -> None:
        for path, answer in self.answers():
            with self.subTest(path=path):
                policy = answer.headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                # A browser that is made to open a vignette by itself has a style for that.
                if path.startswith("/vignette/") and answer.media_type in ("image/webp", "image/jpeg", "image/png"):
                    policy = policy.replace("; style-src 'unsafe-inline'", "")
                self.assertNotIn("unsafe", policy)

    def test_needs_no_other_host(self) -> None:
        for path, answer in self.answers():
            if answer.media_type == "text/html":
                with self.subTest(path=path):
                    fetched = re.findall(
                        r"<(?:script|link|img|iframe|source)[^>]+?(?:src|href)=\"([^\"]+)", answer.text
                    )
                    hosts = {urlsplit(address).netloc for address in fetched}
                    self.assertLessEqual(hosts, {"", urlsplit(base_url).netloc})


if __name__ == "__main__":
    unittest.main()
