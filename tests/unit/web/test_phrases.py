"""How a page tells of sizes, times, pictures and problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest
from flask import Flask, render_template_string

from vignette.web.pages import phrases
from vignette.web.pages.i18n import init_i18n

Reader = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def reading() -> Reader:
    """A request by a reader of the language given."""
    app = Flask(__name__)
    init_i18n(app, ("en", "fr"))

    @contextmanager
    def request_in(language: str) -> Iterator[None]:
        with app.test_request_context(headers={"Accept-Language": language}):
            yield

    return request_in


@pytest.mark.parametrize(
    ("size", "english", "french"),
    [
        (0, "0 bytes", "0 octet"),
        (1, "1 byte", "1 octet"),
        (1023, "1,023 bytes", "1 023 octets"),
        (1024, "1 KiB", "1 Kio"),
        (2_122_886, "2 MiB", "2 Mio"),
        (2_200_000, "2.1 MiB", "2,1 Mio"),
        (104_857_600, "100 MiB", "100 Mio"),
        (3 * 1024**3, "3 GiB", "3 Gio"),
    ],
)
def test_a_size_is_told_in_the_unit_that_fits(reading: Reader, size: int, english: str, french: str):
    with reading("en"):
        assert plain(phrases.filesize(size)) == english
    with reading("fr"):
        assert plain(phrases.filesize(size)) == french


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (1, "0.000001 megapixels"),
        (6800, "0.0068 megapixels"),
        (12_192_768, "12.2 megapixels"),
        (100_000_000, "100 megapixels"),
    ],
)
def test_pixels_are_told_with_the_digits_that_they_need(reading: Reader, pixels: int, words: str):
    with reading("en"):
        assert plain(phrases.megapixels(pixels)) == words


def test_a_time_is_told_in_utc_to_the_minute(reading: Reader):
    received_at = datetime(2026, 11, 22, 19, 5, 11, tzinfo=UTC)

    with reading("en"):
        assert plain(phrases.moment(received_at)) == "November 22, 2026, 19:05 UTC"
    with reading("fr"):
        assert plain(phrases.moment(received_at)) == "22 novembre 2026 à 19:05 UTC"


def test_a_time_of_the_readers_own_is_told_to_the_second_for_a_script(reading: Reader):
    with reading("en"):
        told = plain(phrases.local(datetime(2026, 11, 22, 19, 5, 11, tzinfo=UTC)))
    assert told == '<time datetime="2026-11-22T19:05:11Z" data-local>November 22, 2026, 19:05 UTC</time>'


@pytest.mark.parametrize(
    ("iso_8601", "words"),
    [
        ("2018-07-16T17:52:22", "July 16, 2018, 17:52"),
        ("2018-07-16T17:52:22.123+02:00", "July 16, 2018, 17:52"),
        ("2018-07-16T00:10:00-11:00", "July 16, 2018, 00:10"),
        ("2018-07-16", "July 16, 2018"),
        ("2018-07", "2018-07"),
        ("2018-02-31T10:00:00", "2018-02-31T10:00:00"),
    ],
)
def test_a_picture_was_taken_by_the_clock_of_its_camera(reading: Reader, iso_8601: str, words: str):
    with reading("en"):
        assert phrases.taken(iso_8601) == words


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ({"camera_make": "Apple", "camera_model": "iPhone 13 Pro"}, "Apple iPhone 13 Pro"),
        ({"camera_make": "NIKON CORPORATION", "camera_model": "NIKON D90"}, "NIKON D90"),
        ({"camera_make": "Canon", "camera_model": "canon EOS 5D"}, "canon EOS 5D"),
        ({"camera_make": "Leica"}, "Leica"),
        ({"camera_model": "E950"}, "E950"),
        ({}, ""),
    ],
)
def test_a_camera_is_named_with_its_make_once(summary: dict[str, str], words: str):
    assert phrases.camera(summary) == words


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        (
            {"exposure_time_s": 1 / 120, "f_number": 1.8, "iso": 50, "focal_length_mm": 4.2},
            "1/120 s · f/1.8 · ISO 50 · 4.2 mm",
        ),
        ({"iso": 400}, "ISO 400"),
        ({}, ""),
    ],
)
def test_an_exposure_is_told_as_far_as_it_is_known(summary: dict[str, float], words: str):
    assert plain(phrases.exposure(summary)) == words


@pytest.mark.parametrize(
    ("code", "measured", "limit", "words"),
    [
        pytest.param("too-many-pixels", 61_200_000, 50_000_000, ("61.2 megapixels", "50 megapixels"), id="pixels"),
        pytest.param(
            "too-many-pixels", 50_000_001, 50_000_000, ("50,000,001 pixels", "50,000,000 pixels"), id="one-pixel-over"
        ),
        pytest.param(
            "upload-too-large", 104_857_601, 104_857_600, ("104,857,601 bytes", "104,857,600 bytes"), id="one-byte-over"
        ),
        pytest.param("too-many-frames", 1001, 1000, ("1,001 frames", "1,000 frames"), id="frames"),
        pytest.param("too-many-files", 51, 50, ("51 files", "50 files"), id="files"),
        pytest.param("upload-too-large", None, 104_857_600, (None, "100 MiB"), id="nothing-measured"),
        pytest.param("empty-file", 0, None, ("0 bytes", None), id="nothing-allowed"),
        pytest.param("no-file", None, None, (None, None), id="nothing-to-compare"),
    ],
)
def test_a_problem_tells_its_numbers_with_their_unit(
    reading: Reader, code: str, measured: int | None, limit: int | None, words: tuple[str | None, str | None]
):
    problem = {"type": f"/problems/{code}", "measured": measured, "limit": limit}

    with reading("en"):
        assert tuple(told and plain(told) for told in phrases.amounts(problem)) == words


def test_advice_is_in_the_language_of_the_reader(reading: Reader):
    with reading("fr"):
        assert phrases.advice("/problems/no-file").startswith("Choisissez d’abord")


def test_words_that_come_from_elsewhere_are_neither_formatted_nor_trusted(reading: Reader):
    with reading("en"):
        assert render_template_string("{{ words | translated }}", words="100 % <b>") == "100 % &lt;b&gt;"


def plain(text: str) -> str:
    """*text* with simple spaces: the no-break ones of a language are its own matter."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")
