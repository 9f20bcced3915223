"""A change of an image says which edition it changes, so that nobody undoes what he has not seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.contract.asking import BROWSER
from tests.house import House, picture
from tests.house import house as new_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path) as house:
        house.upload(picture())
        yield house


def get(house: House, **headers: str) -> TestResponse:
    return house.client.get("/images/0", headers={name.replace("_", "-"): value for name, value in headers.items()})


def patch(house: House, visibility: str, tag: str | None) -> TestResponse:
    headers = {} if tag is None else {"If-Match": tag}
    return house.client.patch("/images/0", json={"visibility": visibility}, headers=headers)


def test_of_two_who_change_what_both_have_seen_one_is_told(house: House) -> None:
    tag = get(house).headers["ETag"]

    first, second = patch(house, "private", tag), patch(house, "public", tag)

    assert first.status_code == 200
    assert (second.status_code, second.json["type"]) == (412, "/problems/edited-meanwhile")
    assert get(house).json["visibility"] == "private"
    assert patch(house, "public", get(house).headers["ETag"]).status_code == 200


def test_the_answer_has_the_tag_for_the_next_change(house: House) -> None:
    changed = patch(house, "private", get(house).headers["ETag"])

    assert changed.headers["ETag"] == get(house).headers["ETag"]
    assert patch(house, "public", changed.headers["ETag"]).status_code == 200


def test_a_vignette_that_was_made_meanwhile_is_no_other_edition(house: House) -> None:
    before = get(house).headers["ETag"]
    house.work()
    after = get(house).headers["ETag"]

    assert before != after
    assert before.partition("-")[0] == after.partition("-")[0]
    assert patch(house, "private", before).status_code == 200


def test_without_a_condition_nothing_is_changed(house: House) -> None:
    refused = patch(house, "private", None)

    assert (refused.status_code, refused.json["type"]) == (428, "/problems/condition-required")
    assert get(house).json["visibility"] == "public"


def test_a_star_is_for_whatever_edition_there_is(house: House) -> None:
    assert [patch(house, each, "*").status_code for each in ("private", "private", "public")] == [200] * 3


@pytest.mark.parametrize("other", ['"another"', "", "W/{tag}", '"-"', "another"])
def test_no_other_tag_will_do(house: House, other: str) -> None:
    tag = get(house).headers["ETag"]

    assert patch(house, "private", other.format(tag=tag)).status_code == 412
    assert patch(house, "private", f'"another", {tag}').status_code == 200


def test_who_has_the_image_as_it_is_need_not_get_it_again(house: House) -> None:
    tag = get(house).headers["ETag"]
    unchanged = get(house, If_None_Match=tag)

    assert (unchanged.status_code, unchanged.data, unchanged.headers["ETag"]) == (304, b"", tag)
    assert unchanged.headers["Vary"] == "Accept"
    patch(house, "private", "*")
    assert get(house, If_None_Match=tag).status_code == 200
    assert get(house, If_Match=tag).status_code == 412
    assert "ETag" not in get(house, Accept=BROWSER).headers


def test_a_form_needs_none(house: House) -> None:
    answer = house.client.post("/images/0/visibility?visibility=private", headers={"Accept": BROWSER})

    assert answer.status_code == 303
