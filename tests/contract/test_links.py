"""What `ports.links` promises, on each database that we support."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.contract.cataloguing import add as add_image
from vignette.access.links import Kept, Link, Place, Representation
from vignette.access.names import new_name
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import TooManyLinks
from vignette.model import Image, ImageId, PublicName, State

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
SECOND: Final = int(NOON.timestamp())
IMAGE: Final = PublicName("a" * 26)
OTHER: Final = PublicName("b" * 26)
LINK: Final = Link(
    what=Representation.VIGNETTE,
    image=IMAGE,
    key="",
    made=SECOND,
    expires=SECOND + 60,
    place=Place.COARSE,
    size="small",
    id="0" * 16,
    by="1" * 16,
)
PAGE: Final = replace(LINK, what=Representation.PAGE, size="", keep=(Kept.CREDIT,), id="2" * 16, by="", made=SECOND + 1)


def test_it_is_found_as_it_was_added_the_newest_first(catalogue: SqlCatalogue) -> None:
    for link in (LINK, replace(PAGE, key="f" * 16), replace(LINK, id="3" * 16, image=OTHER)):
        catalogue.links.add(link, NOON, at_most=10)

    assert catalogue.links.of_image(IMAGE, NOON) == [PAGE, LINK]
    assert catalogue.links.of_image(new_name(), NOON) == []


def test_an_id_is_that_of_a_link_to_one_image(catalogue: SqlCatalogue) -> None:
    catalogue.links.add(LINK, NOON, at_most=10)

    assert catalogue.links.is_of(LINK.id, IMAGE)
    assert not catalogue.links.is_of(LINK.id, OTHER)
    assert not catalogue.links.is_of("f" * 16, IMAGE)


def test_one_that_was_removed_is_gone_and_others_stay(catalogue: SqlCatalogue) -> None:
    for link in (LINK, PAGE):
        catalogue.links.add(link, NOON, at_most=10)

    assert not catalogue.links.remove(LINK.id, OTHER)
    assert catalogue.links.remove(LINK.id, IMAGE)
    assert not catalogue.links.remove(LINK.id, IMAGE)
    assert catalogue.links.of_image(IMAGE, NOON) == [PAGE]
    catalogue.links.remove_all(OTHER)
    assert catalogue.links.is_of(PAGE.id, IMAGE)
    catalogue.links.remove_all(IMAGE)
    assert not catalogue.links.is_of(PAGE.id, IMAGE)


def test_one_whose_time_is_over_is_not_listed_and_goes_when_another_comes(catalogue: SqlCatalogue) -> None:
    catalogue.links.add(LINK, NOON, at_most=1)
    later = NOON + timedelta(seconds=60)

    assert catalogue.links.of_image(IMAGE, later) == []
    catalogue.links.add(replace(PAGE, expires=SECOND + 900), later, at_most=1)
    assert not catalogue.links.is_of(LINK.id, IMAGE)


def test_an_image_has_so_many_and_no_more(catalogue: SqlCatalogue) -> None:
    catalogue.links.add(LINK, NOON, at_most=1)
    catalogue.links.add(replace(LINK, id="4" * 16, image=OTHER), NOON, at_most=1)

    with pytest.raises(TooManyLinks) as caught:
        catalogue.links.add(PAGE, NOON, at_most=1)
    assert (caught.value.measured, caught.value.limit) == (1, 1)
    assert not catalogue.links.is_of(PAGE.id, IMAGE)


def test_they_go_with_their_image_and_stay_when_the_index_is_made_anew(catalogue: SqlCatalogue) -> None:
    number = add_image(catalogue)
    image = catalogue.library.get(number)
    named = replace(image, record=replace(image.record, public_name=IMAGE))
    for link in (LINK, replace(LINK, id="5" * 16, image=OTHER)):
        catalogue.links.add(link, NOON, at_most=10)

    catalogue.index.restore(iter([(number, named)]))
    assert catalogue.links.is_of(LINK.id, IMAGE)
    catalogue.removals.end_delete(number)
    assert catalogue.links.is_of(LINK.id, IMAGE)  # its deletion was not begun
    catalogue.removals.begin_delete(number)
    catalogue.removals.end_delete(number)
    assert not catalogue.links.is_of(LINK.id, IMAGE)
    assert catalogue.links.is_of("5" * 16, OTHER)


def test_the_end_of_links_is_brought_back_from_a_folder(catalogue: SqlCatalogue) -> None:
    number = add_image(catalogue)
    image: Image = replace(catalogue.library.get(number), state=State.READY, links_ended_at=NOON)

    catalogue.index.restore(iter([(ImageId(number), image)]))

    assert catalogue.library.get(number).links_ended_at == NOON


def test_one_at_a_time_acts_alone(catalogue: SqlCatalogue) -> None:
    inside, most = 0, 0

    def act() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.02)
        inside -= 1

    threads = [threading.Thread(target=catalogue.links.alone, args=[act]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == 1


def test_what_fails_alone_holds_nobody_up(catalogue: SqlCatalogue) -> None:
    with pytest.raises(ZeroDivisionError):
        catalogue.links.alone(lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    done: list[int] = []
    catalogue.links.alone(lambda: done.append(1))

    assert done == [1]
