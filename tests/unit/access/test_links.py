"""What is signed, what is read of a URL, and when links end."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from vignette.access import links
from vignette.access.links import (
    MOST_AHEAD_S,
    Kept,
    Link,
    Place,
    Representation,
    canonical,
    end_of_links,
    fault_of,
    first_second_after,
    is_signed,
    kept_of,
    query_of,
    read_link,
    signature_of,
)
from vignette.model import PublicName
from vignette.settings import PROJECT_FOLDER

VECTORS: Final = json.loads((PROJECT_FOLDER / "docs" / "links-vectors.json").read_text())["vectors"]

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
SECRET: Final = "vl_secret"
LINK: Final = Link(
    what=Representation.PAGE,
    image=PublicName("a" * 26),
    key="0" * 16,
    made=int(NOON.timestamp()),
    expires=int(NOON.timestamp()) + 60,
    place=Place.COARSE,
    keep=(Kept.CREDIT,),
    id="1" * 16,
    by="2" * 16,
)
VIGNETTE: Final = replace(LINK, what=Representation.VIGNETTE, keep=(), size="small")
OTHERS: Final[dict[str, Any]] = {
    "what": Representation.PUBLIC,
    "image": PublicName("b" * 26),
    "key": "f" * 16,
    "made": LINK.made + 1,
    "expires": LINK.expires + 1,
    "place": Place.NONE,
    "size": "large",
    "keep": (),
    "id": "",
    "by": "3" * 16,
}


def link_of(vector: dict[str, Any]) -> Link:
    values = vector["values"]
    return Link(
        what=Representation(vector["what"]),
        image=PublicName(vector["image"]),
        key=values["key"],
        made=int(values["made"]),
        expires=int(values["expires"]),
        place=Place(values["place"]),
        size=values["size"],
        keep=kept_of(filter(None, values["keep"].split(","))),
        id=values["link"],
        by=values["by"],
    )


def in_url(link: Link, /, **changes: Any) -> dict[str, list[str]]:
    query = {name: [value] for name, value in query_of(link, signature_of(link, SECRET)).items()}
    return {name: value for name, value in (query | changes).items() if value is not None}


@pytest.mark.parametrize("vector", VECTORS)
def test_the_vectors_are_what_we_sign(vector: dict[str, Any]) -> None:
    link = link_of(vector)

    assert canonical(link) == vector["canonical"]
    assert signature_of(link, vector["secret"]) == vector["signature"]
    assert fault_of(link) is None


def test_the_vectors_have_each_representation_and_place() -> None:
    assert {vector["what"] for vector in VECTORS} == set(Representation)
    assert {vector["values"]["place"] for vector in VECTORS} == set(Place)


@pytest.mark.parametrize("field", [field.name for field in fields(Link)])
def test_every_value_is_signed(field: str) -> None:
    other = replace(LINK, **{field: OTHERS[field]})

    assert is_signed(LINK, SECRET, signature_of(LINK, SECRET))
    assert not is_signed(other, SECRET, signature_of(LINK, SECRET))


def test_values_do_not_flow_into_each_other() -> None:
    texts = {canonical(replace(LINK, id=one, by=other)) for one, other in (("1", ""), ("", "1"), ("1", "1"))}

    assert len(texts) == 3


@pytest.mark.parametrize("signature", ["", "é" * 43, "\udcff", "A" * 43, "A" * 10_000])
def test_a_signature_of_any_characters_is_compared(signature: str) -> None:
    assert not is_signed(LINK, SECRET, signature)


@pytest.mark.parametrize("place", range(43))
def test_each_character_of_a_signature_counts(place: int) -> None:
    right = signature_of(LINK, SECRET)
    wrong = "B" if right[place] == "A" else "A"

    assert not is_signed(LINK, SECRET, right[:place] + wrong + right[place + 1 :])


def test_another_secret_signs_otherwise() -> None:
    assert not is_signed(LINK, SECRET + "x", signature_of(LINK, SECRET))


@pytest.mark.parametrize("link", [LINK, VIGNETTE, replace(VIGNETTE, size="", id="", by="", place=Place.NONE)])
def test_a_url_is_read_as_it_was_written(link: Link) -> None:
    assert read_link(link.what, link.image, in_url(link)) == (link, signature_of(link, SECRET))


def test_what_a_vignette_s_url_has_beside_the_link_is_passed_over() -> None:
    read, _ = read_link(VIGNETTE.what, VIGNETTE.image, in_url(VIGNETTE, v=["e3c09555"], still=["1"]))

    assert read == VIGNETTE


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("expires", "made", "place", "key", "signature")),
        *({name: [value, value]} for name, value in (("expires", "9"), ("key", "0" * 16), ("keep", "credit"))),
        *({"made": [value]} for value in ("", "-1", "01", "1.0", "1e9", "٣", " 1", "1\n", "9" * 12)),
        *({"expires": [value]} for value in ("", "+1", "0x10", "9" * 5000)),
        *({"place": [value]} for value in ("", "NONE", "near", "none\n")),
        *({"keep": [value]} for value in ("provenance", "credit,credit", ",credit", "credit,", "Credit")),
        *({name: [value]} for name in ("key", "link", "by") for value in ("A" * 16, "0" * 15, "0" * 16 + "\n", "../x")),
        *({name: [""]} for name in ("keep", "link", "by")),
        *({"signature": [value]} for value in ("", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "/", "é" * 43)),
    ],
    ids=str,
)
def test_a_url_that_we_would_not_write_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_link(LINK.what, LINK.image, in_url(LINK, **changes))


@pytest.mark.parametrize("size", ["Small", "a\nb", "", "a" * 33, "../x"])
def test_a_size_is_the_name_of_a_recipe(size: str) -> None:
    with pytest.raises(ValueError, match="size"):
        read_link(
            VIGNETTE.what, VIGNETTE.image, in_url(VIGNETTE, size=[size]) | {"size": [size, size][: 1 + (not size)]}
        )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"what": Representation.ORIGINAL, "keep": ()}, "place=exact"),
        ({"what": Representation.ORIGINAL, "place": Place.EXACT}, "without keep"),
        ({"what": Representation.PUBLIC}, "keep"),
        ({"what": Representation.VIGNETTE}, "keep"),
        ({"size": "small"}, "recipe"),
    ],
)
def test_what_a_link_cannot_give_is_said_and_not_read(changes: dict[str, Any], words: str) -> None:
    link = replace(LINK, **changes)

    assert words in (fault_of(link) or "")
    if "size" not in changes:  # of what is no vignette, the size is no part of the link
        with pytest.raises(ValueError, match=words):
            read_link(link.what, link.image, in_url(link))


def test_it_holds_until_the_second_that_it_names() -> None:
    end = LINK.expires_at

    assert LINK.is_valid_at(end - timedelta(milliseconds=1))
    assert not LINK.is_valid_at(end)


def test_one_of_a_clock_that_is_ahead_by_much_does_not_hold_yet() -> None:
    made = datetime.fromtimestamp(LINK.made, UTC)

    assert LINK.is_valid_at(made - timedelta(seconds=MOST_AHEAD_S))
    assert not LINK.is_valid_at(made - timedelta(seconds=MOST_AHEAD_S, milliseconds=1))


def test_links_end_at_the_moment_that_is_written_down_and_later_ones_hold() -> None:
    assert not LINK.is_ended_by(None)
    assert LINK.is_ended_by(NOON)
    assert not LINK.is_ended_by(NOON - timedelta(seconds=1))


@pytest.mark.parametrize("passes", [timedelta(), timedelta(milliseconds=300), timedelta(hours=1), -timedelta(hours=1)])
def test_whatever_the_clock_does_each_end_ends_what_was_made_before_it_and_nothing_else(passes: timedelta) -> None:
    ended: datetime | None = None
    now = NOON
    for _ in range(5):
        link = replace(LINK, made=first_second_after(ended, now))
        assert not link.is_ended_by(ended)
        ended = end_of_links(now, ended)
        assert link.is_ended_by(ended)
        now += passes


def test_the_edition_is_the_first_line() -> None:
    assert canonical(LINK).splitlines()[0] == links.EDITION == "vignette-link-v1"
