"""The list of images goes on, whatever becomes of the image at the end of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Actor, Scope
from vignette.access.policy import Access
from vignette.model import Image, ImageId, Visibility


@pytest.fixture(params=list(Access))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=request.param) as house:
        yield house


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield house


def send(house: House, count: int) -> list[Image]:
    return [house.upload(picture(), actor=OPERATOR) for _ in range(count)]


@pytest.mark.parametrize("fate", ["deleted", "gone for good", "made private"])
def test_a_page_follows_even_if_the_last_image_of_the_one_before_is_gone(gallery: House, fate: str) -> None:
    images = send(gallery, 4)
    page = gallery.client.get("/images?limit=2").json
    if fate == "made private":
        gallery.context.editing.set_visibility(OPERATOR, images[2].id, Visibility.PRIVATE)
    elif fate == "deleted":
        gallery.catalogue.removals.begin_delete(images[2].id)
    else:
        gallery.removal.delete(OPERATOR, images[2].id)

    following = gallery.client.get(page["next"]).json

    assert [image["public_name"] for image in following["images"]] == [images[n].public_name for n in (1, 0)]
    assert following["next"] is None


def test_its_address_tells_no_number(gallery: House) -> None:
    images = send(gallery, 3)
    addresses = {gallery.client.get("/images?limit=2").json["next"] for _ in range(2)}

    assert len(addresses) == 1
    assert "before=~" in addresses.pop()
    assert str(images[1].public_name) not in str(addresses)


@pytest.mark.parametrize("cursor", ["~", "~" + "a" * 26, "~" + "a" * 5000, "~1"])
def test_a_place_that_no_page_has_told_is_refused(house: House, cursor: str) -> None:
    _, token = house.keyholding.add(OPERATOR, "admin", [Scope.ADMIN])
    answer = house.client.get(f"/images?before={cursor}", headers={"Authorization": f"Bearer {token}"})

    assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed-request")
    assert len(answer.json["detail"]) < 200


def test_of_a_place_nobody_sees_more_than_he_may(gallery: House) -> None:
    images = [gallery.upload(picture(), actor=an_owner(gallery), visibility=Visibility.PRIVATE) for _ in range(2)]
    public = send(gallery, 2)
    page = gallery.client.get("/images?limit=1").json
    seen = gallery.client.get(page["next"]).json["images"]

    assert [image["public_name"] for image in seen] == [public[0].public_name]
    assert all(image.id == ImageId(number) for number, image in enumerate(images))


def an_owner(house: House) -> Actor:
    key, _ = house.keyholding.add(OPERATOR, "owner", [Scope.UPLOAD])
    return key.actor
