"""The torture notices doors that do not hold."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from werkzeug.serving import make_server

from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import OPERATOR, Scope
from vignette.access.policy import Access, Policy
from vignette.adapters.sql import arrivals
from vignette.model import Visibility
from vignette.trials.torture.clients import Client
from vignette.trials.torture.ledger import Ledger, Upload
from vignette.trials.torture.pictures import Fate

PICTURES = [picture(40, 30 + number, "PNG") for number in range(3)]


class Visited:
    """A gallery with one image, and a client of the torture who knows it."""

    def __init__(self, house: House, port: int) -> None:
        self.house = house
        key, token = house.keyholding.add(OPERATOR, "torture", [Scope.ADMIN])
        image = house.upload(picture(), actor=key.actor, visibility=Visibility.PRIVATE)
        house.work()
        self.ledger = Ledger()
        self.upload = Upload(
            image.record.sha256,
            image.record.bytes,
            Fate.READY,
            None,
            image.id,
            name=str(image.public_name),
            visibility=Visibility.PRIVATE,
        )
        client = Client(port, self.ledger, Random(1), threading.Event(), token=token)
        self.doors = client._doors


@pytest.fixture
def visited(tmp_path: Path) -> Iterator[Visited]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        server = make_server("127.0.0.1", 0, house.app, threaded=True)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield Visited(house, server.port)
        server.shutdown()
        serving.join()
        server.server_close()


def test_doors_that_hold_are_no_violation(visited: Visited) -> None:
    seen = set()
    for _ in range(12):
        visited.doors.change(visited.upload)
        visited.doors.look(visited.upload)
        seen.add(visited.upload.visibility)
    visited.doors.lend()

    assert visited.ledger.violations == []
    assert seen == set(Visibility)


def test_a_private_image_that_a_stranger_sees_is_one(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "sight", lambda *_, **__: None)
    monkeypatch.setattr(Policy, "_is_seen_by_others", lambda *_: True)

    visited.doors.look(visited.upload)

    assert len(visited.ledger.violations) == 4
    assert "is private, and a stranger was answered 200" in visited.ledger.violations[0]


def test_a_public_image_that_nobody_sees_is_one(visited: Visited) -> None:
    visited.upload.visibility = Visibility.PUBLIC

    visited.doors.look(visited.upload)

    assert "is public, and a stranger was answered 404" in visited.ledger.violations[0]


def test_a_number_that_a_stranger_may_use_is_one(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Policy, "sight", lambda *_, **__: None)
    monkeypatch.setattr(Policy, "knows_number", lambda *_: True)

    visited.doors.look(visited.upload)

    assert "a stranger asked for number 0, and was answered 200" in visited.ledger.violations


def test_a_change_that_is_acknowledged_and_not_made_is_one(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    image = visited.house.catalogue.library.get(0)
    monkeypatch.setattr(visited.house.context.editing, "set_visibility", lambda *_: image)

    for _ in range(12):
        visited.doors.change(visited.upload)
        visited.doors.look(visited.upload)

    assert visited.ledger.violations


def test_a_key_that_was_taken_back_and_is_obeyed_is_one(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visited.house.keyholding, "remove", lambda *_: None)

    visited.doors.lend()

    assert visited.ledger.violations == ["a key was to be answered 401, and was answered 200"]


def test_a_ticket_that_holds_is_no_violation(visited: Visited) -> None:
    visited.doors.invite(PICTURES)

    [(ticket_id, uses)] = visited.ledger.tickets.items()
    assert visited.ledger.violations == []
    assert visited.ledger.by_ticket[ticket_id] == uses == 2
    assert [upload.is_refused for upload in visited.ledger.uploads].count(True) == 1


def test_a_ticket_that_is_overdrawn_is_one(visited: Visited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "spend", lambda *_: None)

    visited.doors.invite(PICTURES)

    assert visited.ledger.violations == ["3 images were acknowledged by a ticket for 2"]
