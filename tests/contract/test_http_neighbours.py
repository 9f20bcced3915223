"""The images next to one: of all, or in a list that the client names, as far as the client may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

import tests.house
from tests.contract.asking import BROWSER, OURS
from tests.house import House, broken_pixels, picture
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.access.policy import Access
from vignette.model import ImageId, Visibility


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with tests.house.house(tmp_path) as house:
        for _ in range(5):
            house.upload(picture())
        house.removal.delete(NOBODY, ImageId(3))
        yield house


def beside(house: House, path: str) -> tuple[list[int], list[int]]:
    found = house.client.get(path).json
    return [image["id"] for image in found["newer"]], [image["id"] for image in found["older"]]


@pytest.mark.parametrize(
    ("path", "newer", "older"),
    [
        ("/images/2/neighbours", [4], [1]),
        ("/images/2/neighbours?limit=9", [4], [1, 0]),
        ("/images/4/neighbours", [], [2]),
        ("/images/0/neighbours?limit=2", [1, 2], []),
        ("/images/2/neighbours?ids=1,2,4,0", [1], [4]),
        ("/images/2/neighbours?ids=1,3,99,4,2&limit=5", [4, 1], []),
        ("/images/2/neighbours?ids=0,1", [], []),
    ],
)
def test_they_come_nearest_first_without_what_was_deleted(
    house: House, path: str, newer: list[int], older: list[int]
) -> None:
    assert beside(house, path) == (newer, older)


def test_the_page_leads_to_them_and_back_to_the_list(house: House) -> None:
    page = house.client.get("/images/2?ids=4,2,0", headers={"Accept": BROWSER}).text

    assert re.findall(r'rel="(?:prev|next)" href="([^"]+)"', page) == ["/images/4?ids=4,2,0", "/images/0?ids=4,2,0"]
    assert 'href="/images?ids=4,2,0" rel="up"' in page
    alone = house.client.get("/images/2", headers={"Accept": BROWSER}).text
    assert re.findall(r'rel="(?:prev|next)" href="([^"]+)"', alone) == ["/images/4", "/images/1"]
    assert '<link rel="prefetch" href="/images/1">' in alone


@pytest.mark.parametrize(
    ("list_", "home"), [("", "/"), ("?ids=0,1", "/images?ids=0,1")], ids=["among all", "in a list that was named"]
)
def test_its_forms_lead_back_to_where_its_reader_is(tmp_path: Path, list_: str, home: str) -> None:
    with tests.house.house(tmp_path, access=Access.GALLERY) as house:
        key, token = house.keyholding.add(OPERATOR, "laptop", frozenset(Scope))
        house.client.post("/login", data={"key": token}, headers=OURS)
        here = f"/images/{house.upload(broken_pixels(), actor=key.actor).public_name}{list_}"
        house.work()
        page = house.client.get(here, headers={"Accept": BROWSER}).text
        forms = {form.partition("?")[0].rsplit("/")[-1]: unescape(form) for form in re.findall(r'action="(.+?)"', page)}

        def leads_to(form: str) -> str:
            answer = house.client.post(forms[form], headers={**OURS, "Accept": BROWSER})
            return answer.headers["Location"].removeprefix("http://localhost")

        assert [leads_to("retry"), leads_to("visibility"), leads_to("delete")] == [here, here, home]


def test_what_others_have_hidden_is_passed_over(tmp_path: Path) -> None:
    with tests.house.house(tmp_path, access=Access.GALLERY) as house:
        seen = (Visibility.PUBLIC, Visibility.PRIVATE, Visibility.PUBLIC, Visibility.PRIVATE)
        sender, _ = house.keyholding.add(OPERATOR, "sender", frozenset({Scope.UPLOAD}))
        names = [house.upload(picture(), actor=sender.actor, visibility=visibility).public_name for visibility in seen]

        found = house.client.get(f"/images/{names[0]}/neighbours?limit=5").json
        named = house.client.get(f"/images/{names[0]}/neighbours?ids={','.join(map(str, names))}&limit=5").json

        assert [image["public_name"] for image in found["newer"]] == [names[2]]
        assert [image["public_name"] for image in named["older"]] == [names[2]]
        assert found["older"] == named["newer"] == []
        before = house.client.get(f"/images/{names[2]}/neighbours?limit=5").json
        assert [image["public_name"] for image in before["older"]] == [names[0]]


def test_a_program_that_asks_for_an_image_costs_no_query_for_its_neighbours(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(house.catalogue.library), "next_newer", never)

    assert house.client.get("/images/2").status_code == 200
