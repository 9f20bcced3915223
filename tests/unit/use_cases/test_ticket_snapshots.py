"""The tickets in the folder follow those of the catalogue, and come back where the catalogue has none."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house import House, start_the_service
from tests.unit.use_cases.test_checking import check
from vignette.access.actors import NOBODY, OPERATOR, Scope
from vignette.errors import InvalidTicket, StoreUnavailable
from vignette.snapshots import tickets_from_json, tickets_to_json
from vignette.use_cases.findings import Kind, Remedy
from vignette.use_cases.ticketing import Terms, Ticketing
from vignette.wiring.use_cases import build_keyholding


class Place:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.house = House(root)
        self.file = root / "uploads" / ".service" / "tickets.json"

    @property
    def ticketing(self) -> Ticketing:
        return self.house.context.ticketing

    def start(self) -> None:
        start_the_service(self.root)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.house.close()


def test_each_change_is_written_down_for_our_own_user_alone(place: Place) -> None:
    first, _ = place.ticketing.add(NOBODY, Terms(note="first"))
    second, token = place.ticketing.add(NOBODY, Terms(note="second"))
    assert tickets_from_json(place.file.read_bytes()) == (second, first)
    assert token not in place.file.read_text()
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600

    place.ticketing.revoke(NOBODY, second.id)

    assert tickets_from_json(place.file.read_bytes()) == (first,)


def test_a_ticket_that_cannot_be_written_down_is_not_made(place: Place) -> None:
    place.file.parent.write_bytes(b"in its place")

    with pytest.raises(StoreUnavailable):
        place.ticketing.add(NOBODY, Terms())

    assert place.ticketing.all(OPERATOR) == []


def test_a_start_leaves_what_is_right_also_after_uses_and_writes_anew_what_is_wrong(place: Place) -> None:
    ticket, _ = place.ticketing.add(NOBODY, Terms(uses=2))
    spent, _ = place.ticketing.add(NOBODY, Terms())
    expired, _ = place.ticketing.add(NOBODY, Terms())
    place.house.sql(f"UPDATE ticket SET spent = 1 WHERE id != '{expired.id}'")
    place.house.sql(f"UPDATE ticket SET expires_at_ms = 1 WHERE id = '{expired.id}'")
    before = place.file.stat().st_ino
    assert set(tickets_from_json(place.file.read_bytes())) == {ticket, spent, expired}

    place.start()
    assert place.file.stat().st_ino == before
    place.file.write_bytes(b"{}")
    place.start()

    assert tickets_from_json(place.file.read_bytes()) == (ticket,)


def test_a_sweep_writes_them_anew_also_where_the_keys_cannot_be(place: Place) -> None:
    build_keyholding(place.house.store, place.house.catalogue).add(OPERATOR, "phone", [Scope.READ])
    ticket, _ = place.ticketing.add(NOBODY, Terms())
    place.file.write_bytes(tickets_to_json([]))
    keys = place.file.with_name("keys.json")
    keys.unlink()
    (keys / "something").mkdir(parents=True)

    place.house.sweeping.sweep()

    assert tickets_from_json(place.file.read_bytes()) == (ticket,)
    assert keys.is_dir()


@pytest.mark.parametrize("what", ["was revoked", "is unknown", "is another"])
def test_a_start_takes_out_what_a_copy_must_not_bring_back(place: Place, what: str) -> None:
    kept, _ = place.ticketing.add(NOBODY, Terms())
    wrong, _ = place.ticketing.add(NOBODY, Terms())
    place.ticketing.revoke(NOBODY, wrong.id)
    if what == "is unknown":
        wrong = replace(wrong, id="f" * 16, digest="f" * 64)
    content = tickets_to_json([replace(kept, uses=9)] if what == "is another" else [wrong, kept])
    place.house.store.write_service("tickets.json", content)

    place.start()

    assert tickets_from_json(place.file.read_bytes()) == (kept,)


def test_a_start_without_a_catalogue_brings_back_those_that_were_not_revoked(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    _, token = place.ticketing.add(NOBODY, Terms())
    revoked, token_of_revoked = place.ticketing.add(NOBODY, Terms())
    place.ticketing.revoke(NOBODY, revoked.id)
    place.house.close()
    for file in (place.root / "state").iterdir():
        file.unlink()

    place.start()

    place.house = House(place.root)
    assert place.ticketing.authenticate(token).note is None
    with pytest.raises(InvalidTicket):
        place.ticketing.authenticate(token_of_revoked)
    assert ".service/tickets.json has brought its tickets back (1): `vignette tickets ls` lists them" in caplog.text


def test_none_is_taken_where_there_are_some_even_if_all_were_revoked(place: Place) -> None:
    """Somebody has put an older copy of the folder in its place."""
    ticket, token = place.ticketing.add(NOBODY, Terms())
    place.ticketing.revoke(NOBODY, ticket.id)
    place.house.store.write_service("tickets.json", tickets_to_json([ticket]))

    place.start()

    with pytest.raises(InvalidTicket):
        place.ticketing.authenticate(token)
    assert tickets_from_json(place.file.read_bytes()) == ()


def test_fsck_writes_a_wrong_one_anew(place: Place) -> None:
    ticket, _ = place.ticketing.add(NOBODY, Terms())
    place.file.write_bytes(b"\0")

    (found,) = [finding for finding in check(place.house, repair=True) if finding.image_id is None]

    assert (found.kind, found.name, found.remedy) == (Kind.TICKETS_DIFFER, ".service/tickets.json", Remedy.SERVICE)
    assert found.is_repaired
    assert tickets_from_json(place.file.read_bytes()) == (ticket,)
