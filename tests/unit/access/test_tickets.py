"""What a ticket is, before anybody is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from vignette.access.actors import Scope
from vignette.access.origins import origins_of
from vignette.access.policy import Access, Policy
from vignette.access.tickets import Ticket, TicketState
from vignette.model import Image, ImageFacts, ImageId, PublicName, Record, State, Visibility

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
TICKET: Final = Ticket("0" * 16, "ab" * 32, "a key", 2, NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, TicketState.OPEN),
        ({"spent": 1}, TicketState.OPEN),
        ({"spent": 2}, TicketState.SPENT),
        ({"expires_at": NOON}, TicketState.EXPIRED),
        ({"expires_at": None}, TicketState.OPEN),
        ({"spent": 2, "expires_at": NOON}, TicketState.SPENT),
        ({"spent": 2, "revoked_at": NOON}, TicketState.REVOKED),
    ],
    ids=str,
)
def test_where_it_stands(changes: dict[str, object], state: TicketState) -> None:
    assert replace(TICKET, **changes).state_at(NOON) is state  # type: ignore[arg-type]


def test_a_spent_one_may_be_shown_until_it_ends() -> None:
    spent = replace(TICKET, spent=2)

    assert not spent.has_ended_at(NOON)
    assert spent.has_ended_at(NOON + timedelta(hours=1))
    assert replace(spent, revoked_at=NOON).has_ended_at(NOON)


@pytest.mark.parametrize("access", [Access.GALLERY, Access.CLOSED])
def test_who_shows_it_uploads_and_sees_nothing_of_what_its_key_sees(access: Access) -> None:
    policy, guest = Policy(access), TICKET.actor
    facts = ImageFacts("image/jpeg", "jpg", 4, 3, 1)
    record = Record("a", facts, 1, "0" * 64, NOON, owner="a key", public_name=PublicName("a" * 26))
    private = Image(ImageId(7), record, State.READY, visibility=Visibility.PRIVATE)

    assert policy.why_not(guest, Scope.UPLOAD) is None
    for scope in set(Scope) - {Scope.UPLOAD}:
        assert policy.why_not(guest, scope, private) is not None
    assert not policy.knows_number(guest, private)
    sight = policy.sight(guest)
    assert sight is not None
    assert sight.owner is None


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.UPLOAD])
def test_it_is_told_which_right_it_lacks(scope: Scope) -> None:
    refusal = Policy(Access.CLOSED).why_not(TICKET.actor, scope)

    assert refusal is not None
    assert (refusal.code, refusal.required, refusal.granted) == (  # type: ignore[attr-defined]
        "missing-scope",
        scope,
        ("upload",),
    )


def test_origins_are_written_as_browsers_write_them() -> None:
    texts = ["https://App.Example", "https://app.example:443", "http://localhost:3000", "http://[::1]:80"]

    assert origins_of(texts) == ("https://app.example", "http://localhost:3000", "http://[::1]")
    assert origins_of(origins_of(texts)) == origins_of(texts)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "*",
            "null",
            "",
            "https://",
            "app.example",
            "https://a.example/path",
            "ftp://a.example",
        ),
        *("https://user@a.example", "https://a.example:0", "https://a.example:65536", "https://a.example:x"),
        *("https://*.example", "https://a.example,https://b.example", "https://ä.example", "https://a.example\n"),
        "https://" + "a" * 300,
    ],
)
def test_what_is_no_origin_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        origins_of([text])
