from __future__ import annotations

import json

import pytest

from tests.house import House, picture
from vignette.access.actors import NOBODY
from vignette.errors import ImageDeleted, ImageNotFound
from vignette.model import ImageId, State


def test_of_a_deleted_image_only_a_tombstone_stays(house: House) -> None:
    house.upload(picture())
    house.work()

    house.removal.delete(NOBODY, ImageId(0))

    assert house.files(0) == {"deleted.json"}
    assert "deleted_at" in json.loads((house.uploads / "0" / "deleted.json").read_text())
    assert house.upload(picture()).id == 1


def test_deleting_twice_says_that_it_was_deleted(house: House) -> None:
    house.upload(picture())
    house.removal.delete(NOBODY, ImageId(0))

    with pytest.raises(ImageDeleted):
        house.removal.delete(NOBODY, ImageId(0))


def test_deleting_twice_says_so_while_a_worker_may_still_write_to_the_folder(house: House) -> None:
    house.upload(picture())
    claim = house.catalogue.renderings.claim(ImageId(0), lease_s=60)
    assert claim
    house.removal.delete(NOBODY, ImageId(0))
    assert house.catalogue.library.get(ImageId(0)).state is State.DELETING

    with pytest.raises(ImageDeleted):
        house.removal.delete(NOBODY, ImageId(0))
    house.catalogue.renderings.finish(claim, None)
    house.sweeping.sweep()

    assert house.catalogue.library.get(ImageId(0)).state is State.DELETED


def test_deleting_what_never_was_says_so(house: House) -> None:
    with pytest.raises(ImageNotFound):
        house.removal.delete(NOBODY, ImageId(0))
