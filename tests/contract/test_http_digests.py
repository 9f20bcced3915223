"""What a client says of its bytes in `Content-Digest` and `Repr-Digest` (RFC 9530) is held against what arrives."""

from __future__ import annotations

import base64
import hashlib
import io
from collections import Counter
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.house import House, picture

EITHER = pytest.mark.parametrize("header", ["Content-Digest", "Repr-Digest"])


def digest(content: bytes, algorithm: str = "sha256") -> str:
    name = {"sha256": "sha-256", "sha512": "sha-512", "md5": "md5"}[algorithm]
    return f"{name}=:{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}:"


def post_raw(house: House, content: bytes, **headers: str) -> TestResponse:
    return house.client.post("/images", data=content, content_type="image/jpeg", headers=headers)


def form(*files: tuple[bytes, dict[str, str]]) -> bytes:
    """A form with a part for each of *files*, with the headers that it names."""
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        + b"\r\n"
        + content
        + b"\r\n"
        for content, headers in files
    )
    return parts + b"--b--\r\n"


def post_form(house: House, body: bytes, **headers: str) -> TestResponse:
    return house.client.post(
        "/images",
        data=body,
        content_type="multipart/form-data; boundary=b",
        headers={"Accept": "application/json", **headers},
    )


def assert_refused(house: House, response: TestResponse, code: str) -> dict[str, Any]:
    assert (response.status_code, response.json["type"]) == (400, f"/problems/{code}")
    assert house.is_clean()
    assert house.catalogue.index.next_id() == 0
    return dict(response.json)


class TestTheRawBytes:
    @EITHER
    @pytest.mark.parametrize("text", ["A", "AAA", "AA=A", "A===", "=AAA"])
    def test_a_digest_that_is_no_base64_is_told_in_our_words(self, house: House, header: str, text: str) -> None:
        response = post_raw(house, picture(), **{header: f"sha-256=:{text}:"})

        problem = assert_refused(house, response, "malformed-request")
        assert problem["detail"] in (
            f"{header} holds a sha-256 that is no base64",
            f"{header} is 'sha-256=:{text}:', and has to be sha-256=:…: with base64 inside",
            f"{header} holds a sha-256 of 1 bytes, and it has 32",
        )

    @EITHER
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_that_are_what_was_announced_are_kept(self, house: House, header: str, algorithm: str) -> None:
        response = post_raw(house, picture(), **{header: digest(picture(), algorithm)})

        assert (response.status_code, response.data) == (201, b"0\n")

    @EITHER
    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_that_are_others_are_refused_with_both_digests(self, house: House, header: str, algorithm: str) -> None:
        announced, arrived = digest(picture(), algorithm), digest(picture(colour="red"), algorithm)

        response = post_raw(house, picture(colour="red"), **{header: announced})

        problem = assert_refused(house, response, "digest-mismatch")
        assert announced in problem["detail"]
        assert arrived in problem["detail"]

    def test_every_digest_has_to_hold(self, house: House) -> None:
        wrong = digest(b"other", "sha512")

        response = post_raw(house, picture(), **{"Content-Digest": f"{digest(picture())}, {wrong}"})

        assert_refused(house, response, "digest-mismatch")

    @pytest.mark.parametrize("value", ["", digest(b"other", "md5"), "unixsum=:MTIz:, crc32c=:AAAA:", "md5=:AA==:;a=b"])
    def test_an_algorithm_that_we_do_not_take_is_passed_over(self, house: House, value: str) -> None:
        assert post_raw(house, picture(), **{"Content-Digest": value}).status_code == 201

    @pytest.mark.parametrize(
        "value",
        [
            "sha-256",
            "sha-256=abc",
            "sha-256=:!!!:",
            "sha-256=:AAA:",
            "sha-256=:AAAA:",
            "sha-512=" + digest(b"").partition("=")[2],
            digest(b"") + ",",
            "=::",
            "SHA-256=:AAAA:",
        ],
    )
    def test_a_header_that_is_no_digest_is_400(self, house: House, value: str) -> None:
        assert_refused(house, post_raw(house, picture(), **{"Content-Digest": value}), "malformed-request")


class TestAForm:
    @EITHER
    def test_whose_body_is_what_was_announced_is_kept(self, house: House, header: str) -> None:
        body = form((picture(), {}), (picture(colour="red"), {}))

        response = post_form(house, body, **{header: digest(body)})

        assert [result["image"]["id"] for result in response.json["results"]] == [0, 1]

    @EITHER
    def test_whose_body_is_another_is_refused_as_a_whole(self, house: House, header: str) -> None:
        """The first file is complete long before anybody can know."""
        body = form((picture(), {}), (picture(colour="red"), {}))

        assert_refused(house, post_form(house, body, **{header: digest(body + b"\n")}), "digest-mismatch")

    def test_that_ends_too_soon_is_refused_as_a_whole(self, house: House) -> None:
        body = form((picture(), {}), (picture(colour="red"), {}))

        response = post_form(house, body[:-200], **{"Content-Digest": digest(body)})

        assert_refused(house, response, "malformed-request")

    @EITHER
    def test_a_part_that_is_what_was_announced_is_kept(self, house: House, header: str) -> None:
        response = post_form(house, form((picture(), {header: digest(picture())})))

        assert response.status_code == 201

    @EITHER
    def test_a_part_that_is_another_is_refused_alone(self, house: House, header: str) -> None:
        body = form((picture(), {header: digest(b"other")}), (picture(), {header: digest(picture())}))

        response = post_form(house, body)

        assert [result["status"] for result in response.json["results"]] == [400, 201]
        assert response.json["results"][0]["problem"]["type"] == "/problems/digest-mismatch"
        assert house.is_clean()
        assert house.catalogue.index.next_id() == 1


def test_a_body_that_ends_before_its_length_is_refused_even_if_it_is_a_whole_picture(house: House) -> None:
    """granian hands on what came of a body whose client went away, and says nothing."""
    content = picture()

    response = house.client.post(
        "/images",
        input_stream=io.BytesIO(content),
        content_type="image/jpeg",
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(content) + 1)},
    )

    problem = assert_refused(house, response, "malformed-request")
    assert (problem["measured"], problem["limit"]) == (len(content), len(content) + 1)


class TestTheDownload:
    def test_says_the_digest_of_what_it_holds(self, house: House) -> None:
        house.upload(picture())

        response = house.client.get("/images/0/original")

        assert response.headers["Repr-Digest"] == response.headers["Content-Digest"] == digest(response.data)

    @pytest.mark.parametrize(
        ("method", "headers"), [("GET", {"Range": "bytes=0-9"}), ("HEAD", {})], ids=["a range", "no content"]
    )
    def test_says_of_a_part_only_the_digest_of_the_whole(
        self, house: House, method: str, headers: dict[str, str]
    ) -> None:
        house.upload(picture())

        response = house.client.open("/images/0/original", method=method, headers=headers)

        assert response.headers["Repr-Digest"] == digest(picture())
        assert "Content-Digest" not in response.headers


class Counting:
    """A hash of `hashlib` that notes in *hashed* how many bytes went through it, by its name."""

    def __init__(self, hashed: Counter[str], inner: Any) -> None:
        self._hashed, self._inner = hashed, inner

    def update(self, chunk: bytes) -> None:
        self._hashed[self._inner.name] += len(chunk)
        self._inner.update(chunk)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class TestTheCost:
    @pytest.fixture
    def hashed(self, house: House, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
        """How many bytes are hashed from now on, by algorithm. The service has started: its assets are hashed."""
        assert house.app
        counted: Counter[str] = Counter()
        new, sha256 = hashlib.new, hashlib.sha256
        monkeypatch.setattr(hashlib, "new", lambda name, *rest: Counting(counted, new(name, *rest)))
        monkeypatch.setattr(hashlib, "sha256", lambda *rest: Counting(counted, sha256(*rest)))
        return counted

    @pytest.mark.parametrize(
        "announced", [{}, {"Content-Digest": digest(picture())}, {"Repr-Digest": digest(picture())}]
    )
    def test_raw_bytes_pass_one_sha_256(self, house: House, hashed: Counter[str], announced: dict[str, str]) -> None:
        assert post_raw(house, picture(), **announced).status_code == 201

        assert hashed == {"sha256": len(picture())}

    def test_another_digest_is_one_more(self, house: House, hashed: Counter[str]) -> None:
        assert post_raw(house, picture(), **{"Content-Digest": digest(picture(), "sha512")}).status_code == 201

        assert hashed == {"sha256": len(picture()), "sha512": len(picture())}

    def test_a_part_passes_one_sha_256(self, house: House, hashed: Counter[str]) -> None:
        assert post_form(house, form((picture(), {"Content-Digest": digest(picture())}))).status_code == 201

        assert hashed == {"sha256": len(picture())}

    def test_the_whole_of_a_form_is_other_bytes(self, house: House, hashed: Counter[str]) -> None:
        body = form((picture(), {}))

        assert post_form(house, body, **{"Content-Digest": digest(body)}).status_code == 201

        assert hashed == {"sha256": len(body) + len(picture())}
