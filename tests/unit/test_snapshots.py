"""What is read of the service's own files. They may come from a stranger, as the folders of images may."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from vignette.access.actors import Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.access.secrets import digest_of, new_token
from vignette.access.tickets import Ticket
from vignette.layout import KEYS, most_bytes
from vignette.limits import MAX_KEY_NETWORKS, MAX_KEY_ORIGINS, MAX_KEYS, MAX_QUOTA, MAX_TICKETS, MIB
from vignette.model import Visibility
from vignette.pixels.formats import ACCEPTED_FORMATS
from vignette.snapshots import (
    keys_from_json,
    keys_to_json,
    tickets_from_json,
    tickets_to_json,
    without_spent_uses,
    without_uses,
)

NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_000, UTC)
KEY: Final = Key(
    id="0123456789abcdef",
    digest="ab" * 32,
    name="le téléphone \u200d",
    scopes=frozenset({Scope.UPLOAD, Scope.READ}),
    created_at=NOON,
    expires_at=NOON + timedelta(days=30),
    networks=("10.0.0.0/8", "2001:db8::/32"),
    last_used_at=NOON,
    quota=Quota(images=100, bytes=None, images_per_day=0),
    origins=("https://app.example.org", "http://localhost:5173"),
)
OTHER: Final = replace(KEY, id="f" * 16, digest="f" * 64, expires_at=None, networks=(), quota=Quota(), origins=())


def changed(**values: Any) -> bytes:
    """The JSON of two keys, with other *values* in the second."""
    whole = json.loads(keys_to_json([OTHER, KEY]))
    whole["keys"][1].update(values)
    return json.dumps(whole).encode()


def test_what_we_write_is_read_but_for_the_last_use() -> None:
    for keys in ([], [KEY], [OTHER, KEY]):
        assert keys_from_json(keys_to_json(keys)) == without_uses(keys)
    assert [key.last_used_at for key in without_uses([KEY])] == [None]


def test_the_same_keys_are_always_written_in_the_same_way() -> None:
    assert keys_to_json([KEY]) == keys_to_json(
        [replace(KEY, last_used_at=None, scopes=frozenset(reversed([*KEY.scopes])))]
    )


def test_no_token_is_in_it() -> None:
    token = new_token()
    content = keys_to_json([replace(KEY, digest=digest_of(token))]).decode()

    assert digest_of(token) in content
    assert token not in content
    assert "vk_" not in content


def test_what_a_later_release_adds_is_passed_over() -> None:
    before = json.loads(changed())
    for key in before["keys"]:
        del key["quota"], key["origins"]
    assert [key.quota for key in keys_from_json(json.dumps(before).encode())] == [Quota()] * 2, "an earlier release"
    assert keys_from_json(changed(photo=[1])) == without_uses([OTHER, KEY])
    assert keys_from_json(json.dumps({"tickets": [], "keys": []}).encode()) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", ""),
        ("id", "0123456789ABCDEF"),
        ("id", "../../etc/passwd"),
        ("id", "f" * 16),
        ("id", 7),
        ("digest", "f" * 64),
        ("digest", "vk_"),
        ("digest", None),
        ("name", ""),
        ("name", "a\x1b[31m"),
        ("name", "a" * 201),
        ("name", None),
        ("scopes", []),
        ("scopes", ["root"]),
        ("scopes", "admin"),
        ("scopes", ["Admin"]),
        ("created_at", "2026-11-29T12:00:00"),
        ("created_at", "0001-01-01T00:00:00+23:00"),
        ("created_at", 7),
        ("expires_at", "9999-12-31T23:59:59Z"),
        ("expires_at", "never"),
        ("networks", ["home"]),
        ("networks", ["10.0.0.5/8"]),
        ("networks", ["192.0.2.7"]),
        ("networks", ["10.0.0.0/8", "10.0.0.0/8"]),
        ("networks", [f"10.0.{i}.0/24" for i in range(MAX_KEY_NETWORKS + 1)]),
        ("networks", "10.0.0.0/8"),
        ("origins", ["*"]),
        ("origins", ["https://app.example.org/"]),
        ("origins", ["https://app.example.org"] * 2),
        ("origins", [f"https://a{i}.example.org" for i in range(MAX_KEY_ORIGINS + 1)]),
        ("quota", {"images": -1}),
        ("quota", {"bytes": 10**16}),
        ("quota", {"images_per_day": "7"}),
        ("quota", None),
    ],
)
def test_keys_that_we_would_not_write_are_not_read(name: str, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each says another thing)
        keys_from_json(changed(**{name: value}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"[" * 100_000,
        b"\xff",
        b'{"keys": NaN}',
    ],
)
def test_what_is_no_snapshot_is_not_read(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each says another thing)
        keys_from_json(content)


def _many(count: int, name: str, networks: int) -> list[Key]:
    each = tuple(f"2001:db8:1234:5678:9abc:def0:1234:{i:x}/128" for i in range(networks))
    origins = tuple(f"https://{i:098d}.a:65000" for i in range(min(networks, MAX_KEY_ORIGINS)))
    quota = Quota(MAX_QUOTA, MAX_QUOTA, MAX_QUOTA)
    key = replace(KEY, name=name, networks=each, origins=origins, quota=quota)
    return [replace(key, id=f"{i:016x}", digest=f"{i:064x}") for i in range(count)]


def test_too_many_keys_are_not_read() -> None:
    assert len(keys_from_json(keys_to_json(_many(MAX_KEYS, "a", 0)))) == MAX_KEYS
    with pytest.raises(ValueError, match="there are 10001 keys, and at most 10000"):
        keys_from_json(keys_to_json(_many(MAX_KEYS + 1, "a", 0)))


def test_as_many_keys_as_there_may_be_are_shorter_than_what_is_read() -> None:
    a_hundredth = len(keys_to_json(_many(MAX_KEYS // 100, "\U0001f511" * 200, MAX_KEY_NETWORKS)))

    assert a_hundredth < most_bytes(KEYS) / 100


TICKET: Final = Ticket(
    id="0123456789abcdef",
    digest="ab" * 32,
    owner="f" * 16,
    uses=200,
    created_at=NOON,
    expires_at=NOON + timedelta(days=30),
    max_bytes=2**40,
    media_types=("image/jpeg",),
    visibility=Visibility.PRIVATE,
    external_id="order 7",
    origins=("https://app.example",),
    note="le mariage",
    spent=7,
)
BARE: Final = Ticket("f" * 16, "f" * 64, None, 1, NOON)


def a_changed_ticket(**values: Any) -> bytes:
    """The JSON of two tickets, with other *values* in the second."""
    whole = json.loads(tickets_to_json([BARE, TICKET]))
    whole["tickets"][1].update(values)
    return json.dumps(whole).encode()


def test_tickets_are_read_as_we_write_them_but_for_their_uses() -> None:
    for tickets in ([], [TICKET], [BARE, TICKET]):
        assert tickets_from_json(tickets_to_json(tickets)) == without_spent_uses(tickets)
    assert tickets_from_json(tickets_to_json([TICKET])) == (replace(TICKET, spent=0),)
    assert tickets_from_json(a_changed_ticket(spent=9, later=[1])) == without_spent_uses([BARE, TICKET])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("id", "f" * 16), ("id", "../../etc"), ("id", 7), ("digest", "f" * 64), ("digest", "vt_"), ("owner", "x")),
        *(("uses", 0), ("uses", 10_001), ("uses", "1"), ("uses", True), ("max_bytes", 0), ("max_bytes", 2**63)),
        *(("created_at", "2026-01-01T00:00:00"), ("expires_at", "9999-01-01T00:00:00Z")),
        ("revoked_at", "2026-01-01T00:00:00Z"),
        *(("media_types", ["text/html"]), ("media_types", ["image/jpeg"] * 99), ("visibility", "all")),
        *(("origins", ["*"]), ("origins", ["https://A.example"]), ("origins", ["https://a.example"] * 11)),
        *(("note", ""), ("note", "a" * 201), ("note", "a\x1b[31m"), ("external_id", "a\n"), ("external_id", "a" * 201)),
    ],
)
def test_a_ticket_that_we_would_not_have_written_is_not_read(name: str, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (each has words of its own)
        tickets_from_json(a_changed_ticket(**{name: value}))


def test_as_many_tickets_as_there_may_be_fit_into_what_is_read() -> None:
    longest = replace(
        TICKET,
        media_types=tuple(dict.fromkeys(accepted.media_type for accepted in ACCEPTED_FORMATS)),
        external_id="\U0001f511" * 200,
        note="\U0001f511" * 200,
        origins=tuple(f"https://{'a' * 250}{number}" for number in range(10)),
    )
    assert len(tickets_to_json([longest])) * MAX_TICKETS < 64 * MIB
    with pytest.raises(ValueError, match="at most"):
        tickets_from_json(tickets_to_json([BARE] * (MAX_TICKETS + 1)))
