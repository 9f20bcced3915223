"""What `ports.tickets` promises, and how uses are counted with images, on each database that we support."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.contract.cataloguing import never, nothing, record
from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.tickets import Ticket
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.errors import InvalidTicket, TicketNotFound, TicketSpent, TooManyTickets
from vignette.model import Image, ImageId, Record, State, Visibility

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
LONG_AGO: Final = NOON - timedelta(days=30)
KEY: Final = Key("f" * 16, "f" * 64, "app", frozenset({Scope.UPLOAD}), NOON)
FULL: Final = Ticket(
    id="0123456789abcdef",
    digest="ab" * 32,
    owner=KEY.id,
    uses=2,
    created_at=NOON,
    expires_at=NOON + timedelta(days=1),
    max_bytes=2**40,
    media_types=("image/jpeg", "image/png"),
    visibility=Visibility.PRIVATE,
    external_id="order 7",
    origins=("https://app.example", "http://localhost:3000"),
    note="le mariage",
)


def forget(_: Sequence[Ticket]) -> None:
    """Write nothing down."""


def a_ticket(number: int, **changes: object) -> Ticket:
    bare = Ticket(f"{number:016x}", f"{number:064x}", None, 1, NOON + timedelta(seconds=number))
    return replace(bare, **changes)  # type: ignore[arg-type]


def add(
    catalogue: SqlCatalogue, *tickets: Ticket, at_most: int = 100, of_owner: int = 100, keep: object = forget
) -> None:
    for ticket in tickets:
        catalogue.tickets.add(
            ticket,
            keep,  # type: ignore[arg-type]
            at_most=at_most,
            at_most_of_owner=of_owner,
            forget_before=LONG_AGO,
        )


def by_ticket(ticket: Ticket, number: int = 0, **changes: object) -> Record:
    facts = {"received_at": NOON, "ticket": ticket.id, **changes}
    return replace(record(f"{number:064x}"), **facts)  # type: ignore[arg-type]


def send(catalogue: SqlCatalogue, ticket: Ticket, number: int = 0, **changes: object) -> Image:
    return catalogue.arrivals.add(by_ticket(ticket, number, **changes), nothing, never)[0]


def spent(catalogue: SqlCatalogue, ticket: Ticket) -> int:
    return catalogue.tickets.get(ticket.id).spent


def test_it_is_found_as_it_was_added(catalogue: SqlCatalogue) -> None:
    bare = a_ticket(1)
    add(catalogue, FULL, bare)

    for ticket in (FULL, bare):
        assert catalogue.tickets.get(ticket.id) == catalogue.tickets.with_digest(ticket.digest) == ticket
    assert catalogue.tickets.with_digest("cd" * 32) is None
    with pytest.raises(TicketNotFound):
        catalogue.tickets.get("none")


def test_pages_go_from_the_newest_down_and_may_be_those_of_a_key(catalogue: SqlCatalogue) -> None:
    tickets = [a_ticket(number, owner=KEY.id if number % 2 else None) for number in range(6)]
    add(catalogue, *tickets)

    assert catalogue.tickets.all(4) == tickets[:1:-1]
    assert catalogue.tickets.all(4, tickets[2].id) == [tickets[1], tickets[0]]
    assert catalogue.tickets.all(2, owner=KEY.id) == [tickets[5], tickets[3]]
    assert catalogue.tickets.all(2, tickets[3].id, owner=KEY.id) == [tickets[1]]
    with pytest.raises(TicketNotFound):
        catalogue.tickets.all(2, "none")


def test_a_revoked_one_stays_to_be_looked_at_and_is_written_down_no_more(catalogue: SqlCatalogue) -> None:
    times: list[Sequence[Ticket]] = []
    add(catalogue, FULL, a_ticket(1))

    for later in range(2):
        catalogue.tickets.revoke(FULL.id, NOON + timedelta(seconds=later), times.append)

    assert catalogue.tickets.get(FULL.id) == replace(FULL, revoked_at=NOON)
    assert times == [[a_ticket(1)]] * 2
    assert catalogue.tickets.kept() == [a_ticket(1)]
    with pytest.raises(TicketNotFound):
        catalogue.tickets.revoke("none", NOON, times.append)


def test_a_change_that_cannot_be_written_down_is_none(catalogue: SqlCatalogue) -> None:
    def fail(_: Sequence[Ticket]) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        add(catalogue, FULL, keep=fail)
    assert catalogue.tickets.is_empty()
    add(catalogue, FULL)
    with pytest.raises(OSError, match="no room"):
        catalogue.tickets.revoke(FULL.id, NOON, fail)
    assert catalogue.tickets.get(FULL.id) == FULL


class TestUses:
    def test_are_counted_with_each_image_until_none_is_left(self, catalogue: SqlCatalogue) -> None:
        catalogue.keys.add(KEY, lambda _: None)
        add(catalogue, FULL)

        for number in range(FULL.uses):
            assert spent(catalogue, FULL) == number
            send(catalogue, FULL, number)
        with pytest.raises(TicketSpent) as refused:
            catalogue.arrivals.add(by_ticket(FULL, 9), never, never)  # nothing is promoted

        assert refused.value.limit is None  # how many may come is for its maker to know
        assert spent(catalogue, FULL) == 2
        assert catalogue.index.next_id() == 2

    def test_cannot_be_overdrawn_by_several_at_once(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1, uses=3)
        add(catalogue, ticket)
        together = threading.Barrier(8)

        def try_to_send(number: int) -> bool:
            together.wait(30)
            try:
                send(catalogue, ticket, number)
            except TicketSpent:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            kept = list(threads.map(try_to_send, range(8)))

        assert sum(kept) == spent(catalogue, ticket) == catalogue.index.next_id() == 3

    def test_are_not_counted_again_for_what_is_sent_again(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1)
        add(catalogue, ticket)
        digest = "e" * 64
        assert not catalogue.arrivals.has_any([digest])
        image = send(catalogue, ticket, idempotency_key=digest)

        again, is_new = catalogue.arrivals.add(by_ticket(ticket, idempotency_key=digest), never, never)

        assert (again.id, is_new) == (image.id, False)
        assert spent(catalogue, ticket) == 1
        assert catalogue.arrivals.has_any(["0" * 64, digest])

    def test_are_counted_for_the_same_bytes_once_their_image_is_being_deleted(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1, uses=3)
        add(catalogue, ticket)
        first = send(catalogue, ticket)
        assert send(catalogue, ticket).id == first.id
        catalogue.removals.begin_delete(first.id)

        assert send(catalogue, ticket).id != first.id
        assert spent(catalogue, ticket) == 2

    def test_are_not_counted_for_what_could_not_be_kept(self, catalogue: SqlCatalogue) -> None:
        def fail(_: ImageId) -> None:
            raise OSError("no room")

        ticket = a_ticket(1)
        add(catalogue, ticket)

        with pytest.raises(OSError, match="no room"):
            catalogue.arrivals.add(by_ticket(ticket), fail, lambda: None)

        assert spent(catalogue, ticket) == 0
        send(catalogue, ticket)

    @pytest.mark.parametrize("why", ["revoked", "expired", "key removed", "key expired"])
    def test_end_while_an_image_is_on_its_way(self, catalogue: SqlCatalogue, why: str) -> None:
        ended = NOON - timedelta(seconds=1)
        key = replace(KEY, expires_at=ended if why == "key expired" else None)
        if why != "key removed":
            catalogue.keys.add(key, lambda _: None)
        ticket = replace(FULL, expires_at=NOON if why == "expired" else None)
        add(catalogue, ticket)
        if why == "revoked":
            catalogue.tickets.revoke(ticket.id, NOON, forget)

        with pytest.raises(InvalidTicket):
            catalogue.arrivals.add(by_ticket(ticket), never, never)

        assert spent(catalogue, ticket) == 0
        assert catalogue.index.next_id() == 0

    def test_stay_spent_when_the_image_is_deleted(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1)
        add(catalogue, ticket)
        image = send(catalogue, ticket, external_id="order 7", owner="f" * 16)
        catalogue.removals.begin_delete(image.id)
        catalogue.removals.end_delete(image.id)

        deleted = catalogue.library.get(image.id).record
        assert (deleted.ticket, deleted.external_id, deleted.owner) == (ticket.id, None, None)
        with pytest.raises(TicketSpent):
            send(catalogue, ticket, 1)


class TestImagesThatCame:
    def test_are_listed_newest_first_without_deleted_ones(self, catalogue: SqlCatalogue) -> None:
        ticket, other = a_ticket(1, uses=9), a_ticket(2, uses=9)
        add(catalogue, ticket, other)
        sent = [send(catalogue, each, number).id for number, each in enumerate((ticket, other, ticket, ticket, other))]
        catalogue.removals.begin_delete(sent[2])

        def found(of: Ticket, *arguments: object) -> list[int]:
            return [image.id for image in catalogue.ticket_images.of_ticket(of.id, *arguments)]  # type: ignore[arg-type]

        assert found(ticket, 9) == [3, 0]
        assert found(ticket, 1) == [3]
        assert found(ticket, 9, 3) == [0]
        assert found(ticket, 9, 0) == []
        assert (found(other, 9), found(other, 9, 4)) == ([4, 1], [1])
        digests = [f"{number:064x}" for number in range(5)]
        assert [image.id for image in catalogue.ticket_images.sent_by(ticket.id, digests)] == [0, 3]

    def test_have_what_its_maker_calls_them(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1)
        add(catalogue, ticket)

        image = catalogue.library.get(send(catalogue, ticket, external_id="order 7").id)

        assert (image.record.ticket, image.record.external_id) == (ticket.id, "order 7")


class TestRebuilding:
    """The folders tell which images came by a ticket."""

    def test_leaves_the_tickets_and_counts_images_that_it_did_not_know(self, catalogue: SqlCatalogue) -> None:
        ticket, untouched = a_ticket(1, uses=9), a_ticket(2, uses=9)
        add(catalogue, ticket, untouched)
        images = [Image(ImageId(n), by_ticket(ticket, n), State.READY) for n in range(2)]
        gone = Image(ImageId(2), by_ticket(ticket, 2), State.DELETED)

        catalogue.index.restore([(image.id, image) for image in (*images, gone)])
        assert (spent(catalogue, ticket), spent(catalogue, untouched)) == (3, 0)
        catalogue.index.catch_up([(ImageId(3), Image(ImageId(3), by_ticket(ticket, 3), State.PENDING))])
        assert spent(catalogue, ticket) == 4
        catalogue.index.index(ImageId(7), lambda: Image(ImageId(7), by_ticket(ticket, 7), State.PENDING))
        assert spent(catalogue, ticket) == 5

    def test_gives_no_use_back(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1)
        add(catalogue, ticket)
        send(catalogue, ticket)

        catalogue.index.restore([])

        assert spent(catalogue, ticket) == 1


class TestTicketsThatWereWrittenDown:
    def test_come_back_where_there_is_none_with_their_uses(self, catalogue: SqlCatalogue) -> None:
        ticket = a_ticket(1, uses=2)
        images = [Image(ImageId(n), by_ticket(ticket, n), State.DELETED if n else State.READY) for n in range(2)]
        catalogue.index.restore([(image.id, image) for image in images])

        assert catalogue.tickets.restore(lambda: [FULL, ticket]) == 2

        assert catalogue.tickets.get(FULL.id) == FULL
        assert spent(catalogue, ticket) == 2
        assert catalogue.tickets.may_use("https://app.example", NOON)

    def test_are_not_even_read_where_there_is_one_not_even_where_it_is_revoked(self, catalogue: SqlCatalogue) -> None:
        def read() -> list[Ticket]:
            raise AssertionError("the catalogue has tickets")

        add(catalogue, FULL)
        catalogue.tickets.revoke(FULL.id, NOON, forget)

        assert catalogue.tickets.restore(read) == 0


class TestOrigins:
    def test_are_those_of_tickets_that_can_be_used(self, catalogue: SqlCatalogue) -> None:
        open_one = a_ticket(1, origins=("https://app.example",))
        add(catalogue, open_one)

        assert catalogue.tickets.may_use("https://app.example", NOON)
        assert not catalogue.tickets.may_use("https://app.example.evil", NOON)
        assert catalogue.tickets.origins(NOON) == {"https://app.example"}
        send(catalogue, open_one)
        assert not catalogue.tickets.may_use("https://app.example", NOON)
        assert catalogue.tickets.origins(NOON) == frozenset()

    @pytest.mark.parametrize("why", ["revoked", "expired"])
    def test_end_with_it(self, catalogue: SqlCatalogue, why: str) -> None:
        ticket = a_ticket(1, origins=("https://app.example",), expires_at=NOON + timedelta(hours=1))
        add(catalogue, ticket)
        if why == "revoked":
            catalogue.tickets.revoke(ticket.id, NOON, forget)

        later = NOON + timedelta(hours=1 if why == "expired" else 0)
        assert not catalogue.tickets.may_use("https://app.example", later)
        assert catalogue.tickets.origins(later) == frozenset()


class TestRoom:
    def test_those_that_ended_long_ago_are_forgotten(self, catalogue: SqlCatalogue) -> None:
        earlier = LONG_AGO - timedelta(seconds=1)
        add(catalogue, a_ticket(1, expires_at=earlier), a_ticket(2), a_ticket(3, uses=1), a_ticket(4))
        catalogue.tickets.revoke(a_ticket(2).id, earlier, forget)
        send(catalogue, a_ticket(3), received_at=earlier)

        add(catalogue, FULL)

        assert {ticket.id for ticket in catalogue.tickets.all(9)} == {a_ticket(4).id, FULL.id}

    def test_where_there_are_as_many_as_may_be_the_oldest_that_ended_go(self, catalogue: SqlCatalogue) -> None:
        ended = a_ticket(1, expires_at=NOON, origins=("https://app.example",))
        add(catalogue, ended, a_ticket(2), a_ticket(3, expires_at=NOON))

        add(catalogue, a_ticket(4), at_most=3)
        assert [ticket.id for ticket in catalogue.tickets.all(9)] == [a_ticket(n).id for n in (4, 3, 2)]
        add(catalogue, a_ticket(5), at_most=3)
        with pytest.raises(TooManyTickets) as refused:
            add(catalogue, a_ticket(6), at_most=3)

        assert refused.value.limit == 3
        assert [ticket.id for ticket in catalogue.tickets.all(9)] == [a_ticket(n).id for n in (5, 4, 2)]
        with catalogue.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM ticket_origin").scalar_one() == 0

    @pytest.mark.parametrize("owner", [KEY.id, None], ids=["a key", "nobody"])
    def test_one_owner_leaves_room_for_others(self, catalogue: SqlCatalogue, owner: str | None) -> None:
        catalogue.keys.add(KEY, lambda _: None)
        add(catalogue, *(a_ticket(number, owner=owner) for number in (1, 2)), of_owner=2)

        with pytest.raises(TooManyTickets) as refused:
            add(catalogue, a_ticket(3, owner=owner), of_owner=2)

        assert (refused.value.measured, refused.value.limit) == (3, 2)
        add(catalogue, a_ticket(4, owner=None if owner else KEY.id), at_most=3, of_owner=2)
        assert len(catalogue.tickets.all(9)) == 3

    @pytest.mark.parametrize("end", ["revoked", "expired", "spent"])
    def test_what_an_owner_cannot_use_any_more_takes_none_of_it(self, catalogue: SqlCatalogue, end: str) -> None:
        ticket = a_ticket(1, expires_at=NOON if end == "expired" else None)
        add(catalogue, ticket)
        if end == "revoked":
            catalogue.tickets.revoke(ticket.id, NOON, forget)
        elif end == "spent":
            send(catalogue, ticket)

        add(catalogue, a_ticket(2), of_owner=1)
        with pytest.raises(TooManyTickets):
            add(catalogue, a_ticket(3), of_owner=1)

    def test_of_an_owner_is_not_overdrawn_by_several_at_once(self, catalogue: SqlCatalogue) -> None:
        together = threading.Barrier(4)

        def try_to_add(number: int) -> bool:
            together.wait(30)
            try:
                add(catalogue, a_ticket(number), of_owner=2)
            except TooManyTickets:
                return False
            return True

        with ThreadPoolExecutor(4) as threads:
            added = list(threads.map(try_to_add, range(4)))

        assert sum(added) == len(catalogue.tickets.all(9)) == 2

    def test_tickets_of_a_key_that_was_removed_give_way(self, catalogue: SqlCatalogue) -> None:
        catalogue.keys.add(KEY, lambda _: None)
        add(catalogue, FULL, a_ticket(1))
        catalogue.keys.remove(KEY.id, lambda _: None)

        add(catalogue, a_ticket(2), at_most=2)

        assert [ticket.id for ticket in catalogue.tickets.all(9)] == [a_ticket(2).id, a_ticket(1).id]
