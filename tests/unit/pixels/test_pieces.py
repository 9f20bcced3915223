"""A file put together from pieces reads as if it lay there whole."""

from __future__ import annotations

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vignette.pixels.pieces import Pieces, Splice

SOURCE = bytes(range(200))

PIECES = st.lists(
    st.binary(max_size=9) | st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda pair: tuple(sorted(pair)))
)


def splice(pieces: list[bytes | tuple[int, int]]) -> tuple[Splice, bytes]:
    """It, and what it has to read as."""
    made, whole = Pieces(), b""
    for piece in pieces:
        if isinstance(piece, bytes):
            made.write(piece)
            whole += piece
        else:
            made.copy(*piece)
            whole += SOURCE[slice(*piece)]
    return Splice(io.BytesIO(SOURCE), made, closes_source=True), whole


@given(pieces=PIECES)
def test_it_reads_as_its_pieces_in_order(pieces: list[bytes | tuple[int, int]]) -> None:
    file, whole = splice(pieces)

    assert (file.size, file.read()) == (len(whole), whole)


@given(pieces=PIECES, start=st.integers(0, 300), length=st.integers(0, 300))
def test_it_reads_from_anywhere(pieces: list[bytes | tuple[int, int]], start: int, length: int) -> None:
    file, whole = splice(pieces)

    file.seek(start)

    assert file.read(length) == whole[start : start + length]
    assert file.tell() == max(start, min(start + length, len(whole))) if start <= len(whole) else file.tell() == start


def test_it_is_sought_as_files_are() -> None:
    file, whole = splice([(0, 10), b"abc"])

    assert file.seek(-3, os.SEEK_END) == 10
    assert file.read(1) == b"a"
    assert file.seek(1, os.SEEK_CUR) == 12
    assert file.read() == whole[12:]


def test_pieces_that_follow_each_other_are_one() -> None:
    made = Pieces()
    for start in range(0, 100, 10):
        made.copy(start, start + 10)

    assert len(made) == 1


def test_a_source_that_became_shorter_is_an_error() -> None:
    made = Pieces()
    made.copy(0, 300)

    with pytest.raises(OSError, match="shorter"):
        Splice(io.BytesIO(SOURCE), made, closes_source=True).read()


def test_a_buffer_is_filled_over_the_borders() -> None:
    file, whole = splice([(2, 5), b"x", (9, 11), (12, 13)])

    assert io.BufferedReader(file, 4).read(5) == whole[:5]


def test_closing_it_closes_the_source_if_that_is_wanted() -> None:
    source = io.BytesIO(SOURCE)

    Splice(source, Pieces(), closes_source=False).close()
    assert not source.closed

    Splice(source, Pieces(), closes_source=True).close()
    assert source.closed
