"""Images that look alike: what `ports.catalogue.Library.like` promises on each database, and what goes over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import pytest
from PIL import Image as Pillow

from tests.contract.cataloguing import record
from tests.contract.test_catalogue_costs import counting
from tests.house import House
from tests.house import house as new_house
from tests.unit.pixels.pdq_pictures import PICTURES
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access, Sight
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.model import Image, ImageId, Placeholder, State, Visibility

RANDOM: Final = Random(7)
BITS: Final = RANDOM.getrandbits(256)


def differing(bits: int, count: int, seed: int = 0) -> str:
    for bit in Random(seed).sample(range(256), count):
        bits ^= 1 << bit
    return f"{bits:064x}"


def an_image(number: int, pdq: str | None, quality: int = 100, owner: str | None = None) -> Image:
    placeholder = Placeholder("", "#000000", pdq, quality)
    visibility = Visibility.PUBLIC if owner is None else Visibility.PRIVATE
    of_owner = replace(record(), owner=owner)
    return Image(ImageId(number), of_owner, State.READY, placeholder=placeholder, visibility=visibility)


def keep(catalogue: SqlCatalogue, images: list[Image]) -> None:
    catalogue.index.restore((image.id, image) for image in images)


def test_all_that_are_near_enough_are_found_and_the_nearest_come_first(catalogue: SqlCatalogue) -> None:
    """Whatever bits differ: of sixteen parts, one differs in one bit at most."""
    wanted = an_image(0, f"{BITS:064x}")
    others = [an_image(1 + count, differing(BITS, count, seed=count)) for count in range(60)]
    keep(catalogue, [wanted, *others])

    found = catalogue.alike.like(wanted, 31, 100)

    assert [(image.id, distance) for image, distance in found] == [(1 + count, count) for count in range(32)]
    assert [distance for _, distance in catalogue.alike.like(wanted, 10, 5)] == [0, 1, 2, 3, 4]
    assert found[3][0] == others[3]


@pytest.mark.parametrize("seed", range(20))
def test_none_is_missed(catalogue: SqlCatalogue, seed: int) -> None:
    wanted = an_image(0, f"{BITS:064x}")
    keep(catalogue, [wanted, an_image(1, differing(BITS, 31, seed))])

    assert [distance for _, distance in catalogue.alike.like(wanted, 31, 1)] == [31]


def test_what_has_little_to_be_known_by_or_is_gone_or_not_in_sight_is_not_found(catalogue: SqlCatalogue) -> None:
    pdq = f"{BITS:064x}"
    wanted = an_image(0, pdq)
    keep(
        catalogue,
        [
            wanted,
            an_image(1, pdq, quality=49),
            an_image(2, pdq),
            an_image(3, None),
            an_image(4, pdq, owner="another"),
            an_image(5, pdq, owner="mine"),
        ],
    )
    catalogue.removals.begin_delete(ImageId(2))

    def found(sight: Sight | None) -> set[int]:
        return {image.id for image, _ in catalogue.alike.like(wanted, 31, 100, sight)}

    assert found(None) == {4, 5}
    assert found(Sight("mine", frozenset({Visibility.PUBLIC}))) == {5}
    assert found(Sight(None, frozenset({Visibility.PUBLIC}))) == set()
    assert catalogue.alike.like(an_image(9, None), 31, 100) == []


def test_it_costs_the_same_however_many_images_there_are(catalogue: SqlCatalogue) -> None:
    wanted = an_image(0, f"{BITS:064x}")
    keep(catalogue, [wanted, *(an_image(1 + n, f"{RANDOM.getrandbits(256):064x}") for n in range(3000))])
    if not catalogue.database.is_sqlite:
        with catalogue.database.write() as connection:
            connection.exec_driver_sql("ANALYZE image")

    with counting(catalogue) as cost:
        catalogue.alike.like(wanted, 31, 10)

    assert cost.read <= (30_000 if catalogue.database.is_sqlite else 200)


def test_of_a_deleted_image_no_hash_stays(catalogue: SqlCatalogue) -> None:
    keep(catalogue, [an_image(0, f"{BITS:064x}")])
    catalogue.removals.begin_delete(ImageId(0))
    catalogue.removals.end_delete(ImageId(0))

    assert catalogue.library.get(ImageId(0)).placeholder is None
    with catalogue.database.read() as connection:
        assert connection.exec_driver_sql("SELECT pdq, pdq_quality FROM image").one() == (None, None)


def drawn(name: str, width: int = 320, height: int = 240, quality: int = 90) -> bytes:
    content = io.BytesIO()
    PICTURES[name](320, 240).resize((width, height), Pillow.Resampling.LANCZOS).save(content, "JPEG", quality=quality)
    return content.getvalue()


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[House]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield house


def test_copies_of_a_picture_are_found_and_others_are_not(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        house.upload(drawn("shapes"))
        house.upload(drawn("rings"))
        house.upload(drawn("shapes", 200, 150, quality=40))
        house.work()
        answer = house.client.get("/images?like=0")

        [(found, distance)] = [(image["id"], image["distance"]) for image in answer.json["images"]]
        assert (found, distance <= 12) == (2, True)
        assert "/images/2" in house.client.get("/images?like=0", headers={"Accept": "text/html"}).text
        before = house.catalogue.library.newest(10)
        assert all(image.placeholder and image.placeholder.quality > 50 for image in before)
        house.reindexing.rebuild()  # the hashes are in the folders
        assert house.catalogue.library.newest(10) == before
        house.sql("UPDATE image SET pdq_quality = 49 WHERE id = 0")
        assert house.client.get("/images?like=0").json == {"images": []}


def test_of_what_may_not_be_seen_nobody_learns_that_it_looks_alike(gallery: House) -> None:
    key, token = gallery.keyholding.add(OPERATOR, "owner", [Scope.UPLOAD, Scope.READ])
    public = gallery.upload(drawn("shapes"), actor=OPERATOR)
    private = gallery.upload(drawn("shapes"), actor=key.actor, visibility=Visibility.PRIVATE)
    gallery.work()
    owner = {"Authorization": f"Bearer {token}"}
    ours = gallery.client.get(f"/images?like={public.public_name}", headers=owner).json["images"]

    assert [image["public_name"] for image in ours] == [private.public_name]
    assert gallery.client.get(f"/images?like={public.public_name}").json == {"images": []}
    hidden, absent = (gallery.client.get(f"/images?like={name}") for name in (private.public_name, "a" * 26))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.headers["Content-Type"] == absent.headers["Content-Type"]
    for number in (public.id, private.id, 99):
        assert gallery.client.get(f"/images?like={number}").status_code == 404


def test_an_image_that_is_not_rendered_looks_like_none(tmp_path: Path) -> None:
    with new_house(tmp_path) as house:
        for _ in range(2):
            house.upload(drawn("shapes"))

        assert house.client.get("/images?like=0").json == {"images": []}
        assert house.client.get("/images?like=x").status_code == 400
