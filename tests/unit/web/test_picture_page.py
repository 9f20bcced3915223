"""What the page of a picture tells of its file, and the links that it offers."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import Babel

from vignette.pixels.metadata import Group
from vignette.web.pages.disclosures import Disclosure, Place, disclosures, place_of
from vignette.web.pages.sharing import snippets


def rows(revealed: list[Group], summary: dict[str, object] | None = None) -> list[Disclosure]:
    app = Flask(__name__)
    Babel(app)
    with app.test_request_context():
        return disclosures(revealed, summary or {})


def row(kind: str, *entries: tuple[str, str], **summary: object) -> Disclosure:
    (found,) = rows([Group(kind, list(entries))], summary)
    return found


def test_what_hurts_most_comes_first_and_is_marked() -> None:
    kinds = ["comments", "time", "serial_numbers", "a later kind", "people", "position"]

    found = rows([Group(kind, [("Name", "value of it")]) for kind in kinds])

    assert [each.kind for each in found] == ["position", "people", "serial_numbers", "time", "comments", "a later kind"]
    assert [each.hurts for each in found] == [True] * 3 + [False] * 3


def test_a_place_is_a_point_and_no_list_of_degrees() -> None:
    entries = [("GPSLatitude", "43.4"), ("GPSImgDirection", "194°"), ("exif:GPSAltitude", "29 m"), ("City", "Arezzo")]

    found = row("position", *entries, latitude=43.467448, longitude=11.885126)

    assert found.place == Place(43.467448, 11.885126)
    assert found.values == ("Arezzo",)
    assert found.place.text == "43.46745, 11.88513"
    assert found.place.geo == "geo:43.467448,11.885126"
    assert found.place.map.startswith("https://www.openstreetmap.org/?mlat=43.467448&mlon=11.885126#map=")


@pytest.mark.parametrize(
    "summary", [{}, {"latitude": 91, "longitude": 0}, {"latitude": 1, "longitude": "1"}, {"latitude": 1}]
)
def test_no_place_on_earth_is_none(summary: dict[str, object]) -> None:
    assert place_of(summary) is None


def test_values_are_told_once_and_the_others_are_counted() -> None:
    found = row("people", *(("Artist", name) for name in ("Ada", " Ada ", "Ben", "Cy", "Di", "Ed")))

    assert (found.values, found.more) == (("Ada", "Ben", "Cy"), 2)


def test_a_number_without_words_has_its_name_and_a_length_its_unit() -> None:
    assert row("history", ("Software", "16.2")).values == ("Software: 16.2",)
    assert row("preview", ("ThumbnailImage", "(6,702 bytes)")).values == ("6.5\u00a0KiB",)
    assert row("time", ("xmp:CreateDate", "2023-02-21T14:33:08")).values == ("2023-02-21 14:33:08",)


def test_an_endless_value_is_cut() -> None:
    assert len(row("comments", ("UserComment", "word " * 10_000)).values[0]) == 121


IMAGE = {"links": {"self": "https://pictures.example/images/3"}}
PICTURE = "https://pictures.example/vignette/3?size=large&v=1"


def test_the_link_is_offered_in_five_languages() -> None:
    texts = {each.name: each.text for each in snippets(IMAGE, PICTURE, "cat.jpg")}

    assert texts == {
        "link": "https://pictures.example/images/3",
        "markdown": f"[![cat.jpg]({PICTURE})](https://pictures.example/images/3)",
        "html": '<a href="https://pictures.example/images/3">'
        '<img src="https://pictures.example/vignette/3?size=large&amp;v=1" alt="cat.jpg"></a>',
        "bbcode": f"[url=https://pictures.example/images/3][img]{PICTURE}[/img][/url]",
        "image": PICTURE,
    }


@pytest.mark.parametrize("name", ["](javascript:alert(1))", '"><script>', "a\nb", "[/img][/url]", "\u202egpj.exe"])
def test_a_hostile_name_breaks_out_of_none_of_them(name: str) -> None:
    texts = {each.name: each.text for each in snippets(IMAGE, PICTURE, name)}

    alt = texts["markdown"].removeprefix("[![").removesuffix(f"]({PICTURE})](https://pictures.example/images/3)")
    assert not set(alt) & set("[]()<>\n\u202e")
    assert texts["html"].count("<") == texts["html"].count(">") == 3
    assert texts["bbcode"].count("[") == 4
