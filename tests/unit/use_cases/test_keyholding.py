"""Keys are given out, changed, removed and shown, on a real folder and a real SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.access.keys import Key
from vignette.access.quotas import Quota
from vignette.access.secrets import digest_of, new_token
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.errors import (
    InvalidKey,
    KeyNotFound,
    MalformedRequest,
    MissingScope,
    StoreUnavailable,
    TooManyKeys,
    VignetteError,
)
from vignette.limits import MAX_KEY_NETWORKS, MAX_KEYS, MAX_QUOTA
from vignette.snapshots import keys_from_json
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.service_snapshots import KeySnapshots

WEST, EAST = timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))
NOON: Final = datetime(2026, 11, 29, 12, 0, 0, 402_717, UTC)
ADMIN: Final = Actor("a" * 16, frozenset({Scope.ADMIN}))
ALL_BUT_ADMIN: Final = Actor("b" * 16, frozenset(Scope) - {Scope.ADMIN})
READ: Final = (Scope.READ,)
THE_SAME_WORDS: Final = "it is unknown, was removed, has expired, or is not valid from this address"


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


class Place:
    """A folder, a catalogue, and who holds keys in them."""

    def __init__(self, root: Path) -> None:
        self.file = root / "uploads" / ".service" / "keys.json"
        self.store = FolderStore(root / "uploads")
        self.store.make()
        self.database = root / "catalogue.sqlite3"
        self.catalogue = SqlCatalogue(f"sqlite:///{self.database}")
        self.catalogue.migrate([])
        self.clock = Clock()
        self.keyholding = self.another()

    def another(self) -> Keyholding:
        """As another process has it."""
        snapshots = KeySnapshots(self.catalogue.keys, self.store)
        return Keyholding(self.catalogue.keys, snapshots.write, clock=self.clock)

    def written_down(self) -> Sequence[Key]:
        return keys_from_json(self.file.read_bytes())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.catalogue.close()


@pytest.fixture
def keyholding(place: Place) -> Keyholding:
    return place.keyholding


class TestAKeyThatIsMade:
    def test_is_as_it_was_asked_for_and_its_token_is_kept_nowhere(self, place: Place) -> None:
        key, token = place.keyholding.add(
            ADMIN,
            " le téléphone\n ",
            [Scope.UPLOAD, Scope.READ],
            expires_at=datetime(2026, 12, 1, tzinfo=timezone(timedelta(hours=1))),
            networks=["192.0.2.7", "2001:DB8::/32"],
            origins=["https://App.example.org:443"],
            quota=Quota(images=10),
        )

        assert key == Key(
            id=key.id,
            digest=digest_of(token),
            name="le téléphone",
            scopes=frozenset({Scope.UPLOAD, Scope.READ}),
            created_at=NOON.replace(microsecond=402_000),
            expires_at=datetime(2026, 11, 30, 23, tzinfo=UTC),
            networks=("192.0.2.7/32", "2001:db8::/32"),
            origins=("https://app.example.org",),
            quota=Quota(images=10),
        )
        assert place.keyholding.all(ADMIN) == list(place.written_down()) == [key]
        for file in place.file.parents[2].rglob("*"):
            assert not file.is_file() or token.encode() not in file.read_bytes()

    def test_has_an_id_and_a_token_of_its_own(self, keyholding: Keyholding) -> None:
        made = [keyholding.add(OPERATOR, "phone", READ) for _ in range(5)]

        assert len({key.id for key, _ in made}) == len({token for _, token in made}) == 5

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"name": ""}, "a key needs a name"),
            ({"name": " \n"}, "a key needs a name"),
            ({"name": "a" * 201}, "the name has 201 characters, the limit is 200"),
            ({"scopes": ()}, "a key needs a scope at least: upload, read, edit, delete, share, admin"),
            ({"networks": ["home"]}, "networks: 'home' does not appear to be an IPv4 or IPv6 network"),
            ({"networks": ["10.0.0.5/8"]}, "networks: 10.0.0.5/8 has host bits set"),
            ({"networks": [f"10.0.{i}.0/24" for i in range(MAX_KEY_NETWORKS + 1)]}, "there are 51 networks"),
            ({"origins": ["*"]}, "origins: '\\*' is no origin"),
            ({"origins": [f"https://a{i}.org" for i in range(21)]}, "there are 21 origins, the limit is 20"),
            ({"expires_at": NOON}, "expires_at has passed already"),
            ({"expires_at": datetime(2027, 1, 1)}, "expires_at has no time zone"),  # noqa: DTZ001
            ({"expires_at": datetime.max.replace(tzinfo=UTC)}, "expires_at is after the year 9998"),
            ({"expires_at": datetime(9998, 12, 31, 23, tzinfo=WEST)}, "expires_at is after the year 9998"),
            ({"expires_at": datetime.max.replace(tzinfo=WEST)}, "expires_at is after the year 9998"),
            ({"expires_at": datetime.min.replace(tzinfo=EAST)}, "expires_at has passed already"),
        ],
    )
    def test_is_refused_if_it_makes_no_sense_and_so_is_such_a_change(
        self, keyholding: Keyholding, values: dict[str, Any], words: str
    ) -> None:
        key, _ = keyholding.add(ADMIN, "phone", READ)

        with pytest.raises(MalformedRequest, match=words):
            keyholding.add(ADMIN, **{"name": "another", "scopes": READ} | values)
        with pytest.raises(MalformedRequest, match=words):
            keyholding.change(ADMIN, key.id, **values)  # type: ignore[misc]

        assert keyholding.all(ADMIN) == [key]

    @pytest.mark.parametrize("field", ["images", "bytes", "images_per_day"])
    @pytest.mark.parametrize("value", [-1, MAX_QUOTA + 1])
    def test_has_no_quota_below_nothing_or_above_all(self, keyholding: Keyholding, field: str, value: int) -> None:
        key, _ = keyholding.add(ADMIN, "phone", READ)

        with pytest.raises(MalformedRequest, match=rf"quota\.{field} is {value}"):
            keyholding.add(ADMIN, "another", READ, quota=Quota(**{field: value}))
        with pytest.raises(MalformedRequest, match=rf"quota\.{field} is {value}"):
            keyholding.change(ADMIN, key.id, quota={field: value})

        assert keyholding.change(ADMIN, key.id, quota={field: MAX_QUOTA}).quota == Quota(**{field: MAX_QUOTA})

    def test_has_a_label_for_a_name(self, keyholding: Keyholding) -> None:
        assert keyholding.add(ADMIN, "a\x1b[31m\u202e", READ)[0].name == "a\ufffd[31m\ufffd"

    def test_is_not_made_if_it_cannot_be_written_down(self, place: Place) -> None:
        place.file.parent.write_bytes(b"in its place")

        with pytest.raises(StoreUnavailable, match=r"\.service in the upload folder is a link or a file"):
            place.keyholding.add(ADMIN, "phone", READ)

        assert place.keyholding.all(ADMIN) == []

    def test_is_not_one_too_many(self, place: Place) -> None:
        key, _ = place.keyholding.add(ADMIN, "phone", READ)
        others = [replace(key, id=f"{i:016x}", digest=f"{i:064x}") for i in range(MAX_KEYS)]
        place.catalogue.keys.remove(key.id, lambda _: None)
        place.catalogue.keys.restore(lambda: others)

        with pytest.raises(TooManyKeys, match="there are 10000 keys already") as refused:
            place.keyholding.add(ADMIN, "one more", READ)

        assert (refused.value.measured, refused.value.limit) == (MAX_KEYS + 1, MAX_KEYS)
        place.keyholding.remove(ADMIN, others[0].id)
        place.keyholding.add(ADMIN, "one more", READ)
        assert len(place.written_down()) == MAX_KEYS


class TestAKeyThatIsChanged:
    def test_has_what_was_named_and_keeps_the_rest(self, place: Place) -> None:
        key, token = place.keyholding.add(
            ADMIN, "phone", READ, expires_at=NOON + timedelta(days=1), networks=["10.0.0.0/8"]
        )

        renamed = place.keyholding.change(ADMIN, key.id, name="tablet")
        assert renamed == replace(key, name="tablet")
        changed = place.keyholding.change(ADMIN, key.id, scopes=[Scope.EDIT], expires_at=None, networks=[])
        assert changed == replace(renamed, scopes=frozenset({Scope.EDIT}), expires_at=None, networks=())

        assert place.keyholding.all(ADMIN) == list(place.written_down()) == [changed]
        assert place.another().authenticate(token, None) == Actor(key.id, frozenset({Scope.EDIT}))

    def test_keeps_what_was_not_named_of_its_quota(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", READ, quota=Quota(images=5, bytes=100))

        changed = place.keyholding.change(ADMIN, key.id, quota={"bytes": None, "images_per_day": 3})
        assert changed.quota == Quota(images=5, images_per_day=3)
        with pytest.raises(MalformedRequest, match=r"quota\.images is -1"):
            place.keyholding.change(ADMIN, key.id, quota={"images": -1})

        place.keyholding.change(ADMIN, key.id, origins=["https://app.example.org"])
        assert place.another().authenticate(token, None).origins == {"https://app.example.org"}
        assert place.keyholding.origins() == {"https://app.example.org"}
        (written,) = place.written_down()
        assert (written.quota, written.origins) == (changed.quota, ("https://app.example.org",))

    def test_is_not_changed_if_that_cannot_be_written_down(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", READ)
        place.file.unlink()
        place.file.parent.rmdir()
        place.file.parent.write_bytes(b"in its place")

        for change in (
            lambda: place.keyholding.change(ADMIN, key.id, scopes=[Scope.ADMIN]),
            lambda: place.keyholding.remove(ADMIN, key.id),
        ):
            with pytest.raises(StoreUnavailable):
                change()

        assert place.keyholding.all(ADMIN) == [key]
        assert place.keyholding.authenticate(token, None).scopes == {Scope.READ}


class TestWhoMay:
    @pytest.mark.parametrize("actor", [NOBODY, ALL_BUT_ADMIN], ids=["nobody", "all but admin"])
    def test_manage_keys_is_admin_alone(self, place: Place, actor: Actor) -> None:
        key, _ = place.keyholding.add(ADMIN, "phone", READ)

        for use in (
            lambda: place.keyholding.add(actor, "another", READ),
            lambda: place.keyholding.all(actor),
            lambda: place.keyholding.get(actor, key.id),
            lambda: place.keyholding.get(actor, "f" * 16),
            lambda: place.keyholding.change(actor, key.id, scopes=[Scope.ADMIN]),
            lambda: place.keyholding.change(actor, actor.key_id or key.id, scopes=[Scope.ADMIN]),
            lambda: place.keyholding.remove(actor, key.id),
            lambda: place.keyholding.remove(actor, "f" * 16),
        ):
            with pytest.raises(MissingScope) as refused:
                use()
            assert (refused.value.required, refused.value.granted) == ("admin", tuple(sorted(actor.scopes)))

        assert place.keyholding.all(ADMIN) == list(place.written_down()) == [key]

    def test_see_a_key_is_whoever_shows_it(self, keyholding: Keyholding) -> None:
        key, token = keyholding.add(ADMIN, "phone", READ)
        actor = keyholding.authenticate(token, None)

        assert keyholding.mine(actor).id == keyholding.get(actor, key.id).id == key.id
        for stranger in (NOBODY, OPERATOR, ADMIN):
            with pytest.raises(KeyNotFound):
                keyholding.mine(stranger)


def refusal(use: Callable[[], object]) -> str:
    with pytest.raises(InvalidKey) as refused:
        use()
    return str(refused.value)


class TestWhoeverShows:
    def test_a_key_is_who_it_says_from_the_moment_that_it_is_made_in_any_process(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", [Scope.UPLOAD, Scope.SHARE])

        for keyholding in (place.keyholding, place.another()):
            assert keyholding.authenticate(token, "192.0.2.7") == Actor(key.id, frozenset({Scope.UPLOAD, Scope.SHARE}))

    @pytest.mark.parametrize(
        "mistyped", ["", "vk_", "x", "{token} ", "{shorter}", "Bearer {token}", "vk_" + "a" * 59, "ключ", "\ud800"]
    )
    def test_a_mistyped_token_is_told_so_without_a_look_up(self, place: Place, mistyped: str) -> None:
        _, token = place.keyholding.add(ADMIN, "phone", READ)
        place.catalogue.close()
        place.database.unlink()

        words = refusal(lambda: place.keyholding.authenticate(mistyped.format(token=token, shorter=token[:-1]), None))

        assert words == "it is mistyped: no key that was ever given out is written like that"

    def test_no_valid_key_hears_the_same_words_whatever_the_reason(self, place: Place) -> None:
        keyholding = place.keyholding
        removed, token_of_removed = keyholding.add(ADMIN, "removed", READ)
        keyholding.remove(ADMIN, removed.id)
        _, token_of_expired = keyholding.add(ADMIN, "expired", READ, expires_at=NOON + timedelta(hours=1))
        _, token_from_elsewhere = keyholding.add(ADMIN, "bound", READ, networks=["10.0.0.0/8"])
        assert keyholding.authenticate(token_of_expired, None)
        assert keyholding.authenticate(token_from_elsewhere, "10.1.2.3")
        place.clock.now += timedelta(hours=1)

        for another in (keyholding, place.another()):
            assert {
                refusal(partial(another.authenticate, token, "192.0.2.7"))
                for token in (new_token(), token_of_removed, token_of_expired, token_from_elsewhere)
            } == {THE_SAME_WORDS}

    def test_a_key_of_another_digest_than_was_asked_for_is_nobody(self, place: Place) -> None:
        """As a database would answer whose comparison is not exact."""
        key, _ = place.keyholding.add(ADMIN, "phone", READ)

        class AnyKey(type(place.catalogue.keys)):  # type: ignore[misc]
            def with_digest(self, digest: str) -> Key:
                return replace(key, digest=f"{digest[:-1]}{'1' if digest.endswith('0') else '0'}")

        keyholding = Keyholding(AnyKey(place.catalogue.database), lambda _: None, clock=place.clock)

        assert refusal(lambda: keyholding.authenticate(new_token(), None)) == THE_SAME_WORDS


class TestTheLastUse:
    def test_is_noted_at_most_once_a_minute(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", READ)
        seen = []

        for seconds in (0, 59, 60, 61, 121):
            place.clock.now = NOON + timedelta(seconds=seconds)
            place.keyholding.authenticate(token, None)
            place.another().authenticate(token, None)
            last = place.keyholding.get(ADMIN, key.id).last_used_at
            assert last is not None
            seen.append(round((last - NOON).total_seconds()))

        assert seen == [0, 0, 60, 60, 121]

    def test_is_not_written_down_in_the_folder(self, place: Place) -> None:
        _, token = place.keyholding.add(ADMIN, "phone", READ)
        before = place.file.stat()

        place.keyholding.authenticate(token, None)

        assert place.file.stat().st_mtime_ns == before.st_mtime_ns
        assert b"last_used_at" not in place.file.read_bytes()

    def test_of_a_key_that_is_refused_is_not_noted(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", READ, networks=["10.0.0.0/8"])

        refusal(lambda: place.keyholding.authenticate(token, "192.0.2.7"))

        assert place.keyholding.get(ADMIN, key.id).last_used_at is None

    def test_keeps_nobody_waiting_while_the_database_cannot_be_written(self, place: Place) -> None:
        key, token = place.keyholding.add(ADMIN, "phone", READ)
        tried: list[datetime] = []
        note = place.catalogue.keys.note_use

        def noting(key_id: str, at: datetime) -> None:
            tried.append(at)
            note(key_id, at)

        place.catalogue.keys.note_use = noting  # type: ignore[method-assign]
        with closing(sqlite3.connect(place.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for _ in range(3):
                assert place.keyholding.authenticate(token, None) == key.actor
        assert tried == [NOON.replace(microsecond=402_000)]

        place.clock.now += timedelta(minutes=1)
        place.keyholding.authenticate(token, None)
        assert place.keyholding.get(ADMIN, key.id).last_used_at == place.clock.now.replace(microsecond=402_000)


def test_no_error_tells_the_token(place: Place) -> None:
    _, token = place.keyholding.add(ADMIN, "phone", READ)
    for shown in (token[:-1], token + "a", new_token()):
        with pytest.raises(VignetteError) as refused:
            place.keyholding.authenticate(shown, None)
        assert shown not in str(refused.value)
