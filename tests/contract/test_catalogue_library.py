"""What `ports.catalogue.Library` and `Editing` promise, on each database that we support."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest

from tests.contract.cataloguing import add, never, nothing, record
from vignette.access.names import new_name
from vignette.access.policy import Sight
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import ImageNotFound
from vignette.model import Edits, ImageId, PublicName, State, Visibility
from vignette.ports.catalogue import Sights

NOON = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)


@pytest.mark.parametrize("number", [1, 2**62])
def test_an_unknown_number_is_said_to_be_unknown(catalogue: SqlCatalogue, number: int) -> None:
    add(catalogue)

    with pytest.raises(ImageNotFound):
        catalogue.library.get(ImageId(number))


def test_pages_of_an_owner_have_its_images_alone(catalogue: SqlCatalogue) -> None:
    mine, yours = "0123456789abcdef", "f" * 16
    for number, owner in enumerate((mine, None, yours, mine, mine, yours, mine)):
        image, _ = catalogue.arrivals.add(replace(record(f"{number:064}"), owner=owner), nothing, never)
        assert catalogue.library.get(image.id).record.owner == owner
    catalogue.removals.begin_delete(ImageId(6))

    assert [image.id for image in catalogue.library.newest(2, sight=Sight(mine, frozenset()))] == [4, 3]
    assert [image.id for image in catalogue.library.newest(2, ImageId(3), Sight(mine, frozenset()))] == [0]
    assert catalogue.library.newest(2, ImageId(0), Sight(mine, frozenset())) == []
    assert [image.id for image in catalogue.library.newest(10, sight=Sight(yours, frozenset()))] == [5, 2]
    assert catalogue.library.newest(10, sight=Sight("0" * 16, frozenset())) == []


SEEN = (Visibility.PUBLIC, Visibility.PRIVATE, None, Visibility.PRIVATE, Visibility.PUBLIC, None)


@pytest.mark.parametrize("limit", [1, 2, 10])
@pytest.mark.parametrize("visibilities", [{Visibility.PUBLIC}, {Visibility.PUBLIC, None}, set(), {None}, set(SEEN)])
@pytest.mark.parametrize("owner", ["f" * 16, None])
def test_pages_have_what_is_in_sight_once_and_in_order(
    catalogue: SqlCatalogue, limit: int, visibilities: set[Visibility | None], owner: str | None
) -> None:
    owners = [None, "f" * 16, None, None, "f" * 16, None]
    for number, (visibility, of) in enumerate(zip(SEEN, owners, strict=True)):
        catalogue.arrivals.add(replace(record(f"{number:064}"), owner=of), nothing, never, visibility)
    sight = Sight(owner, frozenset(visibilities))
    expected = [n for n in range(5, -1, -1) if SEEN[n] in visibilities or (owner is not None and owners[n] == owner)]

    found: list[int] = []
    while page := catalogue.library.newest(limit, ImageId(found[-1]) if found else None, sight):
        found += [image.id for image in page]

    assert found == expected
    for number in range(-1, 6):
        newer = [image.id for image in catalogue.library.next_newer(limit, ImageId(number), sight)]
        assert newer == [n for n in reversed(expected) if n > number][:limit]


@pytest.mark.parametrize("owner", [None, "0123456789abcdef", "fedcba9876543210"])
@pytest.mark.parametrize("seen", [set(), {Visibility.PUBLIC}, {Visibility.PUBLIC, None}])
def test_what_is_not_in_sight_is_not_found(
    catalogue: SqlCatalogue, owner: str | None, seen: set[Visibility | None]
) -> None:
    sight = Sight(owner, frozenset(seen))
    for its_owner, visibility in product((None, "0123456789abcdef"), (Visibility.PUBLIC, Visibility.PRIVATE, None)):
        name = new_name()
        sent = replace(record(), owner=its_owner, public_name=name)
        image, _ = catalogue.arrivals.add(sent, nothing, never, visibility)
        is_own = owner is not None and owner == its_owner

        assert is_found(catalogue, image.id, name, sight) == (is_own or visibility in seen)
        assert among_several(catalogue, image.id, name, sight) == (is_own or visibility in seen)
        catalogue.removals.begin_delete(image.id)
        assert is_found(catalogue, image.id, name, sight) == is_own
        assert not among_several(catalogue, image.id, name, sight)


def among_several(catalogue: SqlCatalogue, number: ImageId, name: PublicName, sight: Sight) -> bool:
    """Whether both ways lead to the image, and it is counted; fail if they differ."""
    by_number = catalogue.library.living({number, ImageId(10**6)}, set(), Sights(by_number=sight, by_name=None))
    by_name = catalogue.library.living(set(), {name, new_name()}, Sights(by_number=None, by_name=sight))
    assert [image.id for image in by_number] == [image.id for image in by_name]
    assert catalogue.library.count(100, sight) == len(catalogue.library.newest(100, sight=sight))
    return [image.id for image in by_number] == [number]


def test_several_are_looked_up_and_all_are_counted(catalogue: SqlCatalogue) -> None:
    numbers = [add(catalogue) for _ in range(4)]
    catalogue.removals.begin_delete(numbers[1])

    found = catalogue.library.living(set(numbers), set(), Sights(by_number=None, by_name=None))

    assert {image.id for image in found} == {0, 2, 3}
    assert [catalogue.library.count(limit) for limit in (1, 2, 3, 4)] == [1, 2, 3, 3]


def is_found(catalogue: SqlCatalogue, number: ImageId, name: PublicName, sight: Sight) -> bool:
    """Whether both ways lead to the image; fail if one does."""
    found = []
    for look in (partial(catalogue.library.get, number), partial(catalogue.library.named, name)):
        try:
            found.append(look(sight).id == number)
        except ImageNotFound:
            found.append(False)
    assert found[0] == found[1]
    return found[0]


def test_an_image_is_found_by_its_public_name_until_it_is_deleted(catalogue: SqlCatalogue) -> None:
    name = PublicName("a" * 26)
    image, _ = catalogue.arrivals.add(replace(record(), public_name=name), nothing, never, Visibility.PRIVATE)

    assert catalogue.library.named(name) == image == catalogue.library.get(image.id)
    assert image.visibility is Visibility.PRIVATE
    with pytest.raises(ImageNotFound):
        catalogue.library.named(PublicName("b" * 26))
    catalogue.removals.begin_delete(image.id)
    catalogue.removals.end_delete(image.id)
    with pytest.raises(ImageNotFound):
        catalogue.library.named(name)


def test_visibility_is_changed_if_it_can_be_written_down(catalogue: SqlCatalogue) -> None:
    number, written = add(catalogue), list[Edits]()

    for visibility in (Visibility.PRIVATE, Visibility.PUBLIC, None):
        edits = catalogue.editing.set_visibility(number, visibility, NOON, written.append)
        assert catalogue.library.get(number).visibility is visibility
        assert written[-1] == edits
    assert [edits.visibility for edits in written] == [Visibility.PRIVATE, Visibility.PUBLIC, None]
    with pytest.raises(ZeroDivisionError):
        catalogue.editing.set_visibility(number, Visibility.PRIVATE, NOON, lambda _: 1 // 0)
    assert catalogue.library.get(number).visibility is None
    catalogue.removals.begin_delete(number)
    for change in (
        lambda: catalogue.editing.set_visibility(number, Visibility.PUBLIC, NOON, pytest.fail),
        lambda: catalogue.editing.end_links(number, NOON, pytest.fail),
    ):
        with pytest.raises(ImageNotFound):
            change()


def test_links_are_ended_by_each_change_to_private_and_by_nothing_else(catalogue: SqlCatalogue) -> None:
    number, second, later = add(catalogue), timedelta(seconds=1), NOON + timedelta(hours=1)
    noon = NOON.replace(microsecond=0)

    def said(visibility: Visibility | None, at: datetime) -> datetime | None:
        edits = catalogue.editing.set_visibility(number, visibility, at, lambda _: None)
        assert catalogue.library.get(number).links_ended_at == edits.links_ended_at
        return edits.links_ended_at

    assert said(Visibility.PUBLIC, NOON) is None
    assert said(Visibility.PRIVATE, NOON) == noon
    assert said(Visibility.PRIVATE, later) == noon  # it was private already: links made since then hold
    assert said(Visibility.PUBLIC, later) == noon
    assert said(Visibility.PRIVATE, NOON) == noon + second  # later than before, whatever the clock says
    assert said(None, later) == noon + second
    assert said(Visibility.PRIVATE, later) == later.replace(microsecond=0)


def test_links_are_ended_at_will(catalogue: SqlCatalogue) -> None:
    number, written = add(catalogue), list[Edits]()
    catalogue.editing.set_visibility(number, Visibility.PUBLIC, NOON, lambda _: None)

    for _ in range(2):
        catalogue.editing.end_links(number, NOON, written.append)

    noon = NOON.replace(microsecond=0)
    assert written == [Edits(Visibility.PUBLIC, noon), Edits(Visibility.PUBLIC, noon + timedelta(seconds=1))]
    found = catalogue.library.get(number)
    assert (found.visibility, found.links_ended_at) == (Visibility.PUBLIC, written[-1].links_ended_at)


def test_nobody_owns_what_was_deleted(catalogue: SqlCatalogue) -> None:
    image, _ = catalogue.arrivals.add(replace(record(), owner="0123456789abcdef"), nothing, never)

    catalogue.removals.begin_delete(image.id)
    catalogue.removals.end_delete(image.id)

    assert catalogue.library.get(image.id).record.owner is None


def test_pages_go_from_the_newest_down(catalogue: SqlCatalogue) -> None:
    add(catalogue, 5)

    assert [image.id for image in catalogue.library.newest(2)] == [4, 3]
    assert [image.id for image in catalogue.library.newest(2, before=ImageId(3))] == [2, 1]
    assert [image.id for image in catalogue.library.newest(2, before=ImageId(0))] == []
    catalogue.removals.begin_delete(ImageId(2))
    assert [image.id for image in catalogue.library.next_newer(2, ImageId(1))] == [3, 4]
    assert catalogue.library.next_newer(2, ImageId(4)) == []


def test_images_in_a_state_are_listed_in_portions(catalogue: SqlCatalogue) -> None:
    ids = [add(catalogue) for _ in range(5)]

    first = catalogue.library.in_state(State.PENDING, 2)

    assert first == ids[:2]
    assert catalogue.library.in_state(State.PENDING, 10, after=first[-1]) == ids[2:]
