"""One image of each sender is in the fast lane at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house import House, house, picture
from vignette.access.actors import NOBODY
from vignette.model import Image
from vignette.ports.jobs import Lane


def send(here: House, sender: str) -> Image:
    with here.intake.begin() as upload:
        upload.append(picture())
        return here.intake.keep(NOBODY, upload, None, sender=sender)


def test_a_thousand_images_of_one_do_not_delay_the_first_of_another(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        many = [send(here, "one") for _ in range(5)]
        first = send(here, "another")

        assert [here.jobs.lanes[image.id] for image in many] == [Lane.FAST, *[Lane.BULK] * 4]
        assert here.jobs.lanes[first.id] is Lane.FAST
        assert [here.jobs.take(), here.jobs.take()] == [many[0].id, first.id]


def test_once_it_is_ready_his_next_one_is_in_the_fast_lane_again(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        send(here, "one")
        here.work()

        assert here.jobs.lanes[send(here, "one").id] is Lane.FAST
        assert here.jobs.lanes[send(here, "one").id] is Lane.BULK


@pytest.mark.parametrize("end", ["deleted", "failed"])
def test_so_it_is_once_it_will_never_be_ready(tmp_path: Path, end: str) -> None:
    with house(tmp_path) as here:
        image = send(here, "one")
        if end == "deleted":
            here.removal.delete(NOBODY, image.id)
        else:
            here.sql("UPDATE image SET state = 'failed'")

        assert here.jobs.lanes[send(here, "one").id] is Lane.FAST
