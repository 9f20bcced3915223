"""The first key is offered once, to whoever has started the service."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.house import House
from vignette.access.actors import OPERATOR, Scope
from vignette.access.offers import ENDS_AFTER
from vignette.access.secrets import OFFER_PREFIX, digest_of, new_token
from vignette.errors import FirstKeyGone
from vignette.use_cases.first_key import FirstKey


@pytest.fixture
def first(house: House) -> FirstKey:
    return house.context.first_key


def offered(first: FirstKey) -> str:
    token = new_token(OFFER_PREFIX)
    assert first.offer(digest_of(token))
    return token


def test_it_is_made_for_whoever_shows_the_token_and_may_do_everything(house: House, first: FirstKey) -> None:
    key, token = first.take(offered(first))

    assert key.scopes == {Scope.ADMIN}
    assert house.keyholding.authenticate(token, None).key_id == key.id


def test_it_is_made_once_however_many_ask(first: FirstKey, house: House) -> None:
    token = offered(first)

    def take(_: int) -> bool:
        try:
            first.take(token)
        except FirstKeyGone:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 1
    assert len(house.keyholding.all(OPERATOR)) == 1


def test_a_later_offer_takes_the_place_of_the_former(first: FirstKey) -> None:
    former, later = offered(first), offered(first)

    with pytest.raises(FirstKeyGone):
        first.take(former)
    first.take(later)


def test_no_other_token_makes_one(first: FirstKey) -> None:
    offered(first)

    for token in ("", "vf_", "vf_\udcff", "vk_" + "a" * 59, "x" * 10_000, new_token(OFFER_PREFIX), new_token()):
        with pytest.raises(FirstKeyGone):
            first.take(token)


def test_each_digit_of_its_digest_counts(first: FirstKey) -> None:
    token = new_token(OFFER_PREFIX)
    digest = digest_of(token)
    for place in range(64):
        other = "0" if digest[place] != "0" else "1"
        assert first.offer(digest[:place] + other + digest[place + 1 :])
        with pytest.raises(FirstKeyGone):
            first.take(token)


def test_it_is_not_offered_where_a_key_is_for_admin(first: FirstKey, house: House) -> None:
    token = offered(first)
    house.keyholding.add(OPERATOR, "another", [Scope.UPLOAD])
    house.keyholding.add(OPERATOR, "by command", [Scope.ADMIN])

    with pytest.raises(FirstKeyGone):
        first.take(token)
    assert not first.offer(digest_of(new_token(OFFER_PREFIX)))
    with pytest.raises(FirstKeyGone):
        first.take(token)


def test_it_is_offered_again_once_no_key_is_for_admin(first: FirstKey, house: House) -> None:
    key, _ = house.keyholding.add(OPERATOR, "by command", [Scope.ADMIN])
    house.keyholding.remove(OPERATOR, key.id)

    first.take(offered(first))


def test_it_is_offered_again_once_the_key_for_admin_has_expired(
    first: FirstKey, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    house.keyholding.add(OPERATOR, "by command", [Scope.ADMIN], expires_at=ends_at)
    assert not first.offer(digest_of(new_token(OFFER_PREFIX)))
    monkeypatch.setattr(house.keyholding, "_clock", lambda: ends_at + timedelta(seconds=1))

    first.take(offered(first))


def test_it_ends_after_a_day(first: FirstKey, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    monkeypatch.setattr(first, "_clock", lambda: now)
    token = offered(first)

    now += ENDS_AFTER
    with pytest.raises(FirstKeyGone):
        first.take(token)
    now -= timedelta(seconds=1)
    first.take(token)


def test_what_is_kept_of_the_offer_is_for_our_own_user_and_no_secret(first: FirstKey, house: House) -> None:
    token = offered(first)
    file = house.root / "state" / "first-key.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token not in file.read_text()
    file.write_text("{")
    with pytest.raises(FirstKeyGone):
        first.take(token)
