"""An upload that goes over the quota of its key is refused before its bytes come."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.house import house, picture
from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.access.quotas import Quota, Usage
from vignette.access.tickets import Ticket
from vignette.errors import QuotaExceeded, StorageQuotaExceeded, TicketSpent
from vignette.use_cases.allowances import Allowances

SENDER = Actor("0123456789abcdef", frozenset({Scope.UPLOAD}))


class Standing:
    def __init__(self, quota: Quota, usage: Usage = Usage()) -> None:  # noqa: B008 (it is frozen)
        self.quota, self.usage = quota, usage

    def standing(self, _key_id: str, _now: datetime) -> tuple[Quota, Usage]:
        return self.quota, self.usage


def test_what_several_have_announced_counts_together() -> None:
    allowances = Allowances(Standing(Quota(bytes=100)))
    with allowances.reserve(SENDER, 60):
        with pytest.raises(StorageQuotaExceeded) as caught, allowances.reserve(SENDER, 41):
            pytest.fail("it was let in")
        assert (caught.value.measured, caught.value.limit) == (101, 100)
        with allowances.reserve(SENDER, 40):
            pass
    with allowances.reserve(SENDER, 100):
        pass
    assert allowances._reserved == {}


def test_a_guest_takes_of_what_the_key_has_that_made_his_ticket() -> None:
    allowances = Allowances(Standing(Quota(bytes=100)))
    ticket = Ticket("00112233aabbccdd", "ab" * 32, SENDER.key_id, 9, datetime(2026, 11, 1, 12, 0, tzinfo=UTC))
    with allowances.reserve(SENDER, 60):
        with pytest.raises(TicketSpent) as caught, allowances.reserve(ticket.actor, 41, ticket):
            pytest.fail("it was let in")
        assert (caught.value.measured, caught.value.limit) == (None, None)
        with (
            allowances.reserve(ticket.actor, 40, ticket),
            pytest.raises(StorageQuotaExceeded),
            allowances.reserve(SENDER, 1),
        ):
            pytest.fail("it was let in")
    assert allowances._reserved == {}


def test_each_request_has_an_image_at_least() -> None:
    allowances = Allowances(Standing(Quota(images_per_day=2), Usage(images_today=1)))
    with allowances.reserve(SENDER, None), pytest.raises(QuotaExceeded), allowances.reserve(SENDER, None):
        pytest.fail("it was let in")


def test_what_was_kept_counts_once(tmp_path: Path) -> None:
    with house(tmp_path) as here:
        key, _ = here.keyholding.add(OPERATOR, "phone", [Scope.UPLOAD])
        image = here.upload(picture(), actor=key.actor)
    numbers = Standing(Quota(images=2))
    allowances = Allowances(numbers)
    with allowances.reserve(SENDER, image.record.bytes + 5) as mine:
        mine.kept(image)
        numbers.usage = Usage(images=1, bytes=image.record.bytes)
        assert (mine.images, mine.bytes) == (0, 5)
        with allowances.reserve(SENDER, 1):
            pass


def test_whoever_has_no_key_or_no_quota_is_not_counted() -> None:
    allowances = Allowances(Standing(Quota()))
    with ExitStack() as stack:
        for actor in (NOBODY, SENDER) * 3:
            stack.enter_context(allowances.reserve(actor, 10**12))
        assert allowances._reserved == {}
