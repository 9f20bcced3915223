from __future__ import annotations

import io

import pytest

from vignette.errors import MalformedRequest
from vignette.web.http.multipart import file_parts

BOUNDARY = b"limit"


def form(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        b"--limit\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"
        for head, body in parts
    ]
    return b"".join(lines) + b"--limit--\r\n"


def read(body: bytes) -> list[tuple[str, str | None, bytes]]:
    return [(part.field, part.name, b"".join(part.chunks)) for part in file_parts(io.BytesIO(body), BOUNDARY)]


def test_files_come_in_order_and_other_fields_are_skipped() -> None:
    body = form(
        ('name="file"; filename="a.jpg"', b"one"),
        ('name="title"', b"ignored"),
        ('name="file"; filename="b.jpg"', b"two"),
    )

    assert read(body) == [("file", "a.jpg", b"one"), ("file", "b.jpg", b"two")]


def test_a_file_larger_than_the_buffer_comes_in_pieces() -> None:
    content = bytes(range(256)) * 20_000

    parts = file_parts(io.BytesIO(form(('name="file"; filename="a.jpg"', content))), BOUNDARY)
    chunks = list(next(parts).chunks)

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) < len(content) / 10


def test_what_is_not_read_of_a_file_is_skipped() -> None:
    body = form(('name="file"; filename="a.jpg"', b"x" * 1_000_000), ('name="file"; filename="b.jpg"', b"two"))

    names = [part.name for part in file_parts(io.BytesIO(body), BOUNDARY)]

    assert names == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        pytest.param('name="file"; filename=""', None, id="empty"),
        pytest.param('name="file"; filename="été ☀.jpg"', "été ☀.jpg", id="utf-8"),
        pytest.param("name=\"file\"; filename*=UTF-8''%C3%A9t%C3%A9.jpg", "été.jpg", id="RFC 5987"),
        pytest.param('name="file"; filename="../../etc/passwd"', "../../etc/passwd", id="path"),
        pytest.param(f'name="file"; filename="{"a" * 5000}"', "a" * 5000, id="5000 letters"),
    ],
)
def test_a_name_is_what_was_sent(head: str, name: str | None) -> None:
    assert read(form((head, b"x")))[0][1] == name


@pytest.mark.parametrize("end", [1, 30, 60, 75, 90])
def test_a_body_that_ends_too_soon_is_malformed(end: int) -> None:
    body = form(('name="file"; filename="a.jpg"', b"content"))

    with pytest.raises(MalformedRequest):
        read(body[:end])


def test_a_body_of_something_else_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        read(b"nothing of the kind")


def test_headers_without_end_are_malformed_before_they_fill_the_memory() -> None:
    body = b"--limit\r\nX: " + b"a" * 10_000_000

    with pytest.raises(MalformedRequest):
        read(body)
