"""The one door to an image: there, never there, deleted."""

from __future__ import annotations

import pytest

from tests.house import House, picture
from vignette.access.actors import NOBODY
from vignette.access.policy import Access, Policy
from vignette.errors import ImageDeleted, ImageNotFound
from vignette.limits import MAX_DESCRIPTION_BYTES
from vignette.model import ImageId
from vignette.use_cases.browsing import Browsing


@pytest.fixture
def browsing(house: House) -> Browsing:
    return Browsing(house.store, house.catalogue.library, Policy(Access.OPEN))


def test_an_image_that_is_there(house: House, browsing: Browsing) -> None:
    image = house.upload(picture())

    assert browsing.existing(NOBODY, image.id) == image


def test_one_that_never_was(browsing: Browsing) -> None:
    with pytest.raises(ImageNotFound):
        browsing.existing(NOBODY, ImageId(0))


@pytest.mark.parametrize("is_finished", [False, True], ids=["begun", "finished"])
def test_one_whose_deletion_was_begun_is_deleted(house: House, browsing: Browsing, is_finished: bool) -> None:
    image = house.upload(picture())
    if is_finished:
        house.removal.delete(NOBODY, image.id)
    else:
        house.catalogue.removals.begin_delete(image.id)

    with pytest.raises(ImageDeleted):
        browsing.existing(NOBODY, image.id)


@pytest.mark.parametrize(("limit", "before", "expected", "has_more"), [(2, None, [2, 1], True), (2, 2, [1, 0], False)])
def test_a_page_tells_whether_there_are_older_ones(
    house: House, browsing: Browsing, limit: int, before: int | None, expected: list[int], has_more: bool
) -> None:
    for _ in range(3):
        house.upload(picture())

    page = browsing.newest(NOBODY, limit, None if before is None else ImageId(before))

    assert ([image.id for image in page.images], page.has_more) == (expected, has_more)


def test_metadata_of_a_stranger_that_are_longer_than_ours_are_not_read(house: House, browsing: Browsing) -> None:
    image = house.upload(picture())
    (house.uploads / "0" / "metadata.json").write_bytes(b'{"xmp": [' + b"[]," * (MAX_DESCRIPTION_BYTES // 3) + b"[]]}")

    assert browsing.metadata(image) == {"warnings": ["metadata.json is too long to be shown here"]}
