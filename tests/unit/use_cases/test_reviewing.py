"""What waits for a decision: the catalogue and the folder say the same, whoever decides, and whatever dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from tests.running import until
from tests.unit.use_cases.test_checking import check, checkup, kinds
from vignette import layout
from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.errors import (
    FileNotStored,
    ImageDeleted,
    ImageNotQuarantined,
    MissingScope,
    StoreUnavailable,
    VignetteError,
)
from vignette.model import Decision, Image, ImageId, State, Suspicion
from vignette.pixels.rendering import render_in_steps
from vignette.pixels.renditions import Told
from vignette.records import review_from_json
from vignette.use_cases.browsing import existing
from vignette.use_cases.reindexing import read_anew

ZERO = ImageId(0)
ADMIN = Actor("0123456789abcdef", frozenset({Scope.ADMIN}))
ACCEPT, REJECT = Decision


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """With image 0 in quarantine, and nobody asks by a key."""
    with new_house(tmp_path, settling_s=0) as house:
        house.upload(picture())
        house.work()
        assert house.reviewing.suspect(ZERO, "moderation", "nudity")
        yield house


def row(house: House) -> Image:
    return house.catalogue.library.get(ZERO)


def is_shown(house: House) -> bool:
    return [image.id for image in house.context.browsing.newest(NOBODY, 10).images] == [ZERO]


def test_row_and_folder_tell_why(house: House) -> None:
    review = review_from_json(house.store.read(ZERO, layout.REVIEW))

    assert (review.suspicion.check, review.suspicion.reason) == ("moderation", "nudity")
    assert row(house).quarantine == review.suspicion
    assert not is_shown(house)


def test_what_is_accepted_is_an_image_like_any_other(house: House) -> None:
    accepted = house.reviewing.decide(ADMIN, ZERO, ACCEPT, "a statue\x1b[2J")

    assert accepted == row(house)
    assert is_shown(house)
    review = review_from_json(house.store.read(ZERO, layout.REVIEW))
    assert (review.decision, review.decided_by, review.note) == (ACCEPT, ADMIN.key_id, "a statue\ufffd[2J")
    assert review.decided_at is not None
    assert check(house) == []


def test_what_is_rejected_is_deleted(house: House) -> None:
    assert house.reviewing.decide(OPERATOR, ZERO, REJECT) is None

    assert row(house).state is State.DELETED
    assert row(house).quarantine is None
    assert house.files(ZERO) == {layout.TOMBSTONE}


@pytest.mark.parametrize("decision", Decision)
def test_only_an_admin_decides(house: House, decision: Decision) -> None:
    with pytest.raises(MissingScope):
        house.reviewing.decide(Actor("0123456789abcdef", frozenset(Scope) - {Scope.ADMIN}), ZERO, decision)
    with pytest.raises(MissingScope):
        house.reviewing.waiting(Actor("0123456789abcdef"), 10)
    assert row(house).quarantine is not None


@pytest.mark.parametrize("first", Decision)
@pytest.mark.parametrize("second", Decision)
def test_it_is_decided_once(house: House, first: Decision, second: Decision) -> None:
    house.reviewing.decide(OPERATOR, ZERO, first)

    with pytest.raises(ImageNotQuarantined if first is ACCEPT else ImageDeleted):
        house.reviewing.decide(OPERATOR, ZERO, second)


@pytest.mark.parametrize("other", Decision)
@pytest.mark.parametrize("mine", Decision)
def test_of_two_who_decide_at_once_one_counts(
    house: House, monkeypatch: pytest.MonkeyPatch, mine: Decision, other: Decision
) -> None:
    """The other comes through after the first has looked at the image."""
    get, has_come = house.catalogue.library.get, threading.Event()

    def get_and_be_late(image_id: ImageId, *sight: object) -> Image:
        image = get(image_id, *sight)  # type: ignore[arg-type]
        if not has_come.is_set():
            has_come.set()
            house.reviewing.decide(OPERATOR, ZERO, other)
        return image

    monkeypatch.setattr(house.catalogue.library, "get", get_and_be_late)
    with pytest.raises(ImageNotQuarantined):
        house.reviewing.decide(OPERATOR, ZERO, mine)

    assert row(house).state is (State.READY if other is ACCEPT else State.DELETED)
    assert is_shown(house) is (other is ACCEPT)


CHANGES: dict[str, Callable[[House], object]] = {
    "accept": lambda house: house.reviewing.decide(OPERATOR, ZERO, ACCEPT),
    "suspect": lambda house: house.reviewing.suspect(ZERO, "block-list", "known"),
}


@pytest.mark.parametrize("fault", [StoreUnavailable("read-only"), FileNotStored("no folder")])
@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_be_written_down_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: VignetteError, change: str
) -> None:
    def fail(*_: object) -> None:
        raise fault

    if change == "suspect":
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
    before = row(house)
    monkeypatch.setattr(house.store, "write", fail)
    with pytest.raises(type(fault)):
        CHANGES[change](house)

    assert row(house) == before


def test_a_process_that_dies_before_it_commits_has_shown_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written first: then the row says that it is in quarantine still, and fsck finds that."""
    write = house.store.write

    def write_and_die(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
    assert not is_shown(house)
    assert kinds(check(house)) == ["row-differs"]

    house.reviewing.decide(OPERATOR, ZERO, ACCEPT)

    assert check(house) == []
    assert is_shown(house)


def test_a_rejection_that_was_not_ended_is_ended_by_the_sweep(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", die)
        with pytest.raises(KeyboardInterrupt):
            house.reviewing.decide(OPERATOR, ZERO, REJECT)
    with pytest.raises(VignetteError, match="there is no image 0"):
        house.context.browsing.existing(NOBODY, ZERO)

    house.sweeping.sweep()

    assert house.files(ZERO) == {layout.TOMBSTONE}


WHILE_RENDERED: dict[str, Callable[[House], object]] = {
    "reject": lambda house: house.reviewing.decide(OPERATOR, ZERO, REJECT),
    "delete": lambda house: house.removal.delete(OPERATOR, ZERO),
    "accept": lambda house: house.reviewing.decide(OPERATOR, ZERO, ACCEPT),
    "condemn": lambda house: house.reviewing.condemn(ZERO, "block-list", "known"),
}


@pytest.mark.parametrize("end", WHILE_RENDERED)
def test_it_may_end_while_it_is_rendered(tmp_path: Path, end: str) -> None:
    """The worker writes its vignettes behind that, as nobody has told it."""
    houses: list[House] = []

    def render(*arguments: Any) -> Iterator[Told]:
        for step in render_in_steps(*arguments):
            if row(houses[0]).quarantine is not None:
                WHILE_RENDERED[end](houses[0])
            yield step

    with new_house(tmp_path, renderer=render) as house:
        houses.append(house)
        house.upload(picture())
        house.reviewing.suspect(ZERO, "moderation", "nudity")
        house.work()
        house.end_leases()
        house.sweeping.sweep()

        if end == "accept":
            assert (row(house).state, row(house).quarantine) == (State.READY, None)
        else:
            assert row(house).state is State.DELETED
            assert house.files(ZERO) == {layout.TOMBSTONE}


def test_whoever_deletes_it_has_deleted_it(house: House) -> None:
    house.removal.delete(OPERATOR, ZERO)

    with pytest.raises(ImageDeleted):
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
    assert house.reviewing.waiting(OPERATOR, 10).images == []


@pytest.mark.parametrize("is_accepted", [False, True])
def test_reindexing_brings_it_back_as_it_was(house: House, is_accepted: bool) -> None:
    if is_accepted:
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
    before = row(house)
    house.reindexing.rebuild()

    assert row(house) == before
    assert is_shown(house) is is_accepted


DAMAGES: dict[str, Callable[[Path], object]] = {
    "rubbish": lambda path: path.write_bytes(b"{"),
    "nothing": lambda path: path.write_bytes(b""),
    "too long": lambda path: path.write_bytes(b" " * 2_000_000),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link": lambda path: (path.unlink(), path.symlink_to("record.json")),
    "a check of a name that none has": lambda path: path.write_bytes(
        path.read_bytes().replace(b"moderation", b"../moderation")
    ),
    "a decision without a time": lambda path: path.write_bytes(
        path.read_bytes().replace(b'"decision": null', b'"decision": "accept"')
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_cannot_be_read_is_in_quarantine(house: House, damage: Callable[[Path], object]) -> None:
    damage(house.uploads / "0" / layout.REVIEW)
    house.reindexing.rebuild()

    quarantine = row(house).quarantine
    assert quarantine is not None
    assert (quarantine.check, quarantine.reason) == ("vignette", "review-damaged")


class TestFsck:
    def test_it_is_well_in_quarantine(self, house: House) -> None:
        assert check(house) == []

    @pytest.mark.parametrize("is_accepted", [False, True])
    def test_a_damaged_review_is_mended_by_the_row(self, house: House, is_accepted: bool) -> None:
        if is_accepted:
            house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
        before = row(house)
        (house.uploads / "0" / layout.REVIEW).write_bytes(b"{")

        [finding] = check(house, checkup(house), repair=True)

        assert (finding.kind, finding.is_repaired) == ("review-damaged", True)
        assert check(house) == []
        house.reindexing.rebuild()
        assert row(house) == before

    @pytest.mark.parametrize("statement", ["quarantine = NULL", "quarantine = json_set(quarantine, '$.reason', 'x')"])
    def test_a_row_that_says_otherwise_is_written_anew(self, house: House, statement: str) -> None:
        before = row(house)
        house.sql(f"UPDATE image SET {statement}")

        [finding] = check(house, checkup(house), repair=True)

        assert (finding.kind, finding.is_repaired) == ("row-differs", True)
        assert row(house) == before


class TestAVerdictThatComesLater:
    def test_does_not_undo_what_admin_has_decided(self, house: House) -> None:
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)

        assert not house.reviewing.suspect(ZERO, "moderation", "nudity")
        assert is_shown(house)
        assert house.reviewing.suspect(ZERO, "moderation", "violence")
        assert not is_shown(house)

    def test_changes_nothing_of_what_waits_already(self, house: House) -> None:
        before = row(house)

        assert not house.reviewing.suspect(ZERO, "block-list", "known")
        assert row(house) == before

    def test_what_a_process_has_found_between_folder_and_row_is_of_an_earlier_edition(
        self, house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """So a way that keeps answers by the edition of the folder gives none of before the verdict."""
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
        write, found = house.store.write, []

        def write_and_look(image_id: ImageId, name: str, content: bytes) -> None:
            write(image_id, name, content)
            found.append((is_shown(house), house.store.edition(ZERO)))
            until(is_later)

        def is_later() -> bool:
            probe = tmp_path / "probe"
            probe.write_bytes(b"")
            return probe.stat().st_ctime_ns > (house.uploads / str(ZERO)).stat().st_ctime_ns

        monkeypatch.setattr(house.store, "write", write_and_look)
        house.reviewing.suspect(ZERO, "block-list", "known")

        [(was_shown, edition)] = found
        assert was_shown
        assert house.store.edition(ZERO) != edition

    def test_comes_too_late_for_what_was_deleted(self, house: House) -> None:
        house.reviewing.decide(OPERATOR, ZERO, REJECT)
        with pytest.raises(ImageDeleted):
            house.reviewing.suspect(ZERO, "block-list", "known")

    def test_deletes_what_it_rejects_unless_admin_has_accepted_that(self, house: House) -> None:
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)

        assert not house.reviewing.condemn(ZERO, "moderation", "nudity")
        assert is_shown(house)
        assert house.reviewing.condemn(ZERO, "block-list", "known")
        assert house.files(ZERO) == {layout.TOMBSTONE}
        with pytest.raises(ImageDeleted):
            house.reviewing.condemn(ZERO, "block-list", "known")

    def test_is_written_down_as_one_with_the_row(self, house: House) -> None:
        house.reviewing.decide(OPERATOR, ZERO, ACCEPT)
        house.reviewing.suspect(ZERO, "block-list", "known")
        before = row(house)
        house.catalogue.index.index(ZERO, lambda: read_anew(house.store, house.store, ZERO))

        assert row(house) == before
        assert isinstance(before.quarantine, Suspicion)
        assert existing(house.catalogue.library, ZERO) == before
