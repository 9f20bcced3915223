from __future__ import annotations

import contextlib
import io
import time
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.sansio.multipart import Epilogue, Event, MultipartDecoder, NeedData

from vignette.errors import MalformedRequest
from vignette.web.http import multipart
from vignette.web.http.multipart import parts_of

BOUNDARY = b"limit"


def form(*parts: tuple[str | bytes, bytes]) -> bytes:
    lines = [
        b"--limit\r\nContent-Disposition: form-data; "
        + (head if isinstance(head, bytes) else head.encode())
        + b"\r\n\r\n"
        + body
        + b"\r\n"
        for head, body in parts
    ]
    return b"".join(lines) + b"--limit--\r\n"


def read(body: bytes) -> list[tuple[str, str | None, bytes]]:
    return [
        (part.field, part.name, b"".join(part.chunks)) for part in parts_of(io.BytesIO(body), BOUNDARY) if part.is_file
    ]


def test_files_come_in_order_and_other_fields_are_skipped() -> None:
    body = form(
        ('name="file"; filename="a.jpg"', b"one"),
        ('name="title"', b"ignored"),
        ('name="file"; filename="b.jpg"', b"two"),
    )

    assert read(body) == [("file", "a.jpg", b"one"), ("file", "b.jpg", b"two")]


def test_a_file_larger_than_the_buffer_comes_in_pieces() -> None:
    content = bytes(range(256)) * 20_000

    parts = parts_of(io.BytesIO(form(('name="file"; filename="a.jpg"', content))), BOUNDARY)
    chunks = list(next(parts).chunks)

    assert b"".join(chunks) == content
    assert max(map(len, chunks)) < len(content) / 10


def test_a_file_that_comes_after_its_headers_begins_with_what_it_holds() -> None:
    class Pieces:
        pieces: ClassVar = [
            b'--limit\r\nContent-Disposition: form-data; name=file; filename=""\r\n\r\n',
            b"x",
            b"\r\n--limit--",
        ]

        def read(self, _: int) -> bytes:
            return self.pieces.pop(0) if self.pieces else b""

    part = next(parts_of(Pieces(), BOUNDARY))

    # Nothing at its beginning would say that nobody filled in the field.
    assert next(part.chunks) == b"x"


def test_what_is_not_read_of_a_file_is_skipped() -> None:
    body = form(('name="file"; filename="a.jpg"', b"x" * 1_000_000), ('name="file"; filename="b.jpg"', b"two"))

    names = [part.name for part in parts_of(io.BytesIO(body), BOUNDARY)]

    assert names == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        pytest.param('name="file"; filename=""', None, id="empty"),
        pytest.param('name="file"; filename="été ☀.jpg"', "été ☀.jpg", id="utf-8"),
        pytest.param("name=\"file\"; filename*=UTF-8''%C3%A9t%C3%A9.jpg", "été.jpg", id="RFC 5987"),
        pytest.param('name="file"; filename="../../etc/passwd"', "../../etc/passwd", id="path"),
        pytest.param(f'name="file"; filename="{"a" * 5000}"', "a" * 5000, id="5000 letters"),
        pytest.param("name=file; filename=a.jpg", "a.jpg", id="without quotes"),
        pytest.param("name=file; filename=my holiday.jpg", "my holiday.jpg", id="a blank without quotes"),
        pytest.param('name="file"; filename="a;b=c.jpg"', "a;b=c.jpg", id="marks of a header within quotes"),
        pytest.param('name="file"; filename="a \\"b\\".jpg"', 'a "b".jpg', id="quotes as curl writes them"),
        pytest.param('name="file"; filename="a %22b%22.jpg"', 'a "b".jpg', id="quotes as browsers write them"),
        pytest.param('name="file"; filename="C:\\Users\\me\\holiday.jpg"', "holiday.jpg", id="a path of Windows"),
        pytest.param(
            'name="file"; filename="C:\\\\Users\\\\me\\\\holiday.jpg"', "holiday.jpg", id="the same as curl writes it"
        ),
        pytest.param('name="file"; filename="\\\\nas\\share\\a.jpg"', "a.jpg", id="a share of Windows"),
        pytest.param('name="file"; filename="C:\\pictures\\"', "C:\\pictures\\", id="a folder of Windows"),
        pytest.param(b'name="file"; filename="caf\xe9.jpg"', "café.jpg", id="Latin-1"),
        pytest.param(b'name="file"; filename="\x93caf\xe9\x94.jpg"', "“café”.jpg", id="Windows-1252"),
        pytest.param('name="file"; filename="=?UTF-8?B?Y2Fmw6kuanBn?="', "café.jpg", id="RFC 2047"),
        pytest.param('name="file"; filename="=?iso-8859-1?Q?caf=E9.jpg?="', "café.jpg", id="RFC 2047, Latin-1"),
        pytest.param('name="file"; filename="=?punycode?Q?a-?="', "=?punycode?Q?a-?=", id="RFC 2047 of no text"),
        pytest.param('name="file"; filename*="UTF-8\'\'caf%C3%A9.jpg"', "café.jpg", id="RFC 5987 in quotes"),
        pytest.param(
            'name="file"; filename="x.jpg"; filename*=UTF-8\'en\'caf%C3%A9.jpg', "café.jpg", id="RFC 5987 second"
        ),
        pytest.param(
            'name="file"; filename*=UTF-8\'\'caf%C3%A9.jpg; filename="x.jpg"', "café.jpg", id="RFC 5987 first"
        ),
        pytest.param("name=\"file\"; filename*=iso-8859-1''caf%E9.jpg", "café.jpg", id="RFC 5987, Latin-1"),
        pytest.param("name=\"file\"; filename*=UTF-8''caf%E9.jpg", "café.jpg", id="RFC 5987 that is no UTF-8"),
        pytest.param("name=\"file\"; filename*=x''caf%E9.jpg; filename=a.jpg", "a.jpg", id="of no encoding"),
        pytest.param('name="file"; filename*=a.jpg', "a.jpg", id="RFC 5987 without its marks"),
        pytest.param("name=\"file\"; filename*=UTF-8''C%3A%5Cme%5Ca.jpg", "a.jpg", id="RFC 5987, of Windows"),
        pytest.param(
            'name="file"; filename*0*=UTF-8\'\'caf%C3%A9; filename*1=".jpg"', "café.jpg", id="RFC 2231, in pieces"
        ),
    ],
)
def test_a_name_is_what_was_meant(head: str | bytes, name: str | None) -> None:
    assert read(form((head, b"x"))) == [("file", name, b"x")]


@pytest.mark.parametrize("media_type", ["image/jpeg", "IMAGE/X-WHATEVER; a=b", "application/octet-stream"])
def test_a_part_of_the_type_of_an_image_is_a_file_also_without_a_name(media_type: str) -> None:
    head = f'name="file"\r\nContent-Type: {media_type}'

    assert read(form((head, b"x"), ('name="file"\r\nContent-Type: text/plain', b"y"))) == [("file", None, b"x")]


def test_a_header_of_many_parameters_takes_no_longer_for_each() -> None:
    def seconds(head: str) -> float:
        body = form((f'name="file"; filename="a.jpg"{head}', b"x"))
        return min(once(body) for _ in range(3))  # a collection of garbage may fall into one

    def once(body: bytes) -> float:
        begun = time.process_time()
        read(body)
        return time.process_time() - begun

    for piece in (';a="', ';a=\\"', ";", ' ;="', "; x*0*='", ';b="\\'):
        few, many = piece * 700, piece * 7_000
        assert seconds(many) < 40 * max(seconds(few), 0.01)


def part(head: bytes, more: bytes = b"") -> bytes:
    return b"--limit\r\nContent-Disposition: form-data; " + head + b"\r\n" + more + b"\r\nx\r\n"


MIB_OF_HEADS = {
    "a long name": part(b'name="' + b"a" * 64_000 + b'"') * 16,
    "parameters": part(b"a=b;" * 16_000) * 16,
    "quotes": part(b'a="\\";' * 10_000) * 16,
    "headers": part(b"name=a", b"a:b\r\n" * 12_000) * 16,
    "parts": part(b"name=a; filename=" + b"a" * 400) * 1_999,
    "one head": part(b'name="' + b"a" * 1_048_000 + b'"'),
    "no boundary": b"\r\n--limit " * 100_000,
    "a boundary with blanks": part(b"name=a")[:-3] + (b"\r\n--limit" + b" " * 1000 + b"x") * 1_000,
}


@pytest.mark.parametrize("body", MIB_OF_HEADS.values(), ids=MIB_OF_HEADS)
def test_heads_of_parts_cost_little_however_many_bytes_they_take(body: bytes) -> None:
    def seconds(times: int) -> float:
        begun = time.process_time()
        with contextlib.suppress(MalformedRequest):
            read(body * times + b"--limit--\r\n")
        return time.process_time() - begun

    assert seconds(1) < 1
    assert seconds(8) < 1.5


def test_heads_are_read_up_to_a_number_of_bytes() -> None:
    fits = form(*[('name="file"; filename="' + "a" * 60_000 + '"', b"x")] * 16)
    too_many = form(*[('name="file"; filename="' + "a" * 60_000 + '"', b"x")] * 18)

    assert len(read(fits)) == 16
    with pytest.raises(MalformedRequest, match="longer than 1,048,576 bytes together"):
        read(too_many)
    with pytest.raises(MalformedRequest, match="of a part are longer than 65,536 bytes"):
        read(form(('name="' + "a" * 65_536 + '"', b"x")))


@pytest.mark.parametrize("end", [1, 30, 60, 75, 90])
def test_a_body_that_ends_too_soon_is_malformed(end: int) -> None:
    body = form(('name="file"; filename="a.jpg"', b"content"))

    with pytest.raises(MalformedRequest):
        read(body[:end])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"nothing of the kind", "the boundary 'limit' of its Content-Type is not in it", id="no form"),
        pytest.param(b"a" * 10_000_000, "the boundary 'limit' of its Content-Type is not in", id="a long body"),
        pytest.param(
            b"--limit\r\nX: y\r\n\r\nz\r\n--limit--\r\n", "without a Content-Disposition", id="no disposition"
        ),
        pytest.param(b"--limit\r\nX: ", "it ends within the headers of a part", id="ends in the headers"),
        pytest.param(
            form(('name="file"; filename="a"', b"x"))[:-4], "its last boundary is missing", id="ends in a file"
        ),
        pytest.param(b"--limit\r\nX: " + b"a" * 10_000_000, "the headers of a part are longer than", id="long headers"),
        pytest.param(form(*[('name="a"', b"b")] * 2001), "it has more than 2,000 parts", id="many parts"),
    ],
)
def test_what_is_wrong_with_a_form_is_said_in_words_of_ours(body: bytes, words: str) -> None:
    with pytest.raises(MalformedRequest) as raised:
        read(body)

    assert words in str(raised.value)
    assert str(raised.value).startswith("the body is not the form that its Content-Type says: ")


class Werkzeugs(multipart._Decoder):
    """Our decoder, but that it finds the bytes of a file as Werkzeug does."""

    _parse_data = MultipartDecoder._parse_data


def events(decoder: multipart._Decoder, chunks: list[bytes]) -> list[Event | str]:
    seen: list[Event | str] = []
    waiting = iter(chunks)
    try:
        while not (seen and isinstance(seen[-1], Epilogue)):
            event = decoder.following()
            if isinstance(event, NeedData):
                decoder.feed(next(waiting, None))
            seen.append(event)
    except MalformedRequest as error:
        seen.append(str(error))
    return seen


PART = b"--limit\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
PIECES = (
    *(b"\r", b"\n", b"\r\n", b"-", b"--", b"--limi", b"--limit", b"--limit--", b"\r\n--limit", b"\r\n--limit \t\r\n"),
    *(b"\n--limit--\n", b"\r--limit\r", b"t", b"\0\xff" * 9, b"x" * 40, PART, b"\r\n" + PART, b"\r\n--limit--\r\n"),
)


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map(b"".join), max_size=8))
def test_what_a_file_holds_is_found_as_werkzeug_finds_it(chunks: list[bytes]) -> None:
    body = [PART, *chunks, b"\r\n--limit--\r\n"]

    assert events(multipart._Decoder(BOUNDARY, 10_000, max_parts=9), body) == events(
        Werkzeugs(BOUNDARY, 10_000, max_parts=9), body
    )
