"""A form that comes in chunks, without a length: its bytes count like those of a form that announces them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.house import House, house, picture
from vignette.web.http.bodies import RequestLimits

LIMIT = 1_000_000
OVERHEAD = 64 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path, request_limits=RequestLimits(max_bytes=LIMIT, max_files=50)) as built:
        yield built


def part(name: str, content: bytes, file_name: str | None = None) -> bytes:
    named = f'; filename="{file_name}"' if file_name else ""
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"


class Stream(io.BytesIO):
    """Counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.count += len(chunk)
        return chunk


def send(target: House, body: Stream) -> TestResponse:
    return target.client.post(
        "/images",
        input_stream=body,
        content_type="multipart/form-data; boundary=B",
        headers={"Accept": "application/json"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )


def test_a_field_that_is_no_file_counts(small: House) -> None:
    body = Stream(part("other", bytes(30_000_000)) + part("file", picture(), "a.jpg") + b"--B--\r\n")

    response = send(small, body)

    assert response.status_code == 413
    assert response.json is not None
    assert (response.json["type"], response.json["limit"]) == ("/problems/upload-too-large", LIMIT + OVERHEAD)
    assert body.count < 2_000_000
    assert list(small.store.image_ids()) == []
    assert small.is_clean()


def test_files_together_count_and_those_before_are_kept(small: House) -> None:
    large = picture(400, 300, "BMP")  # 360 KB
    body = Stream(b"".join(part("file", large, f"{number}.bmp") for number in range(10)) + b"--B--\r\n")

    response = send(small, body)

    assert response.status_code == 207
    assert response.json is not None
    results = response.json["results"]
    assert [result["status"] for result in results] == [201, 201, 413]
    assert list(small.store.image_ids()) == [0, 1]
    assert small.is_clean()


def test_a_field_behind_the_files_counts_and_the_files_are_kept(small: House) -> None:
    body = Stream(part("file", picture(), "a.jpg") + part("other", bytes(3_000_000)) + b"--B--\r\n")

    response = send(small, body)

    assert response.json is not None
    assert [result["status"] for result in response.json["results"]] == [201, 413]
    assert list(small.store.image_ids()) == [0]


def test_a_form_within_the_limit_is_taken(small: House) -> None:
    body = Stream(part("other", bytes(500_000)) + part("file", picture(), "a.jpg") + b"--B--\r\n")

    assert send(small, body).status_code == 201
