"""One table: who asks, for what, to which image, in each mode; and what the policy says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vignette.access.actors import NOBODY, OPERATOR, Actor, Grant, Scope
from vignette.access.links import Link, Representation
from vignette.access.policy import Access, Policy, Sight
from vignette.model import Image, ImageFacts, ImageId, PublicName, Record, State, Suspicion, Visibility

RECORD = Record("a.jpg", ImageFacts("image/jpeg", "jpg", 4, 3, 1), 10, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC))


SUSPICION = Suspicion("moderation", "nudity", datetime(2026, 1, 1, tzinfo=UTC))


def image(
    owner: str | None,
    visibility: Visibility | None,
    state: State = State.READY,
    quarantine: Suspicion | None = None,
) -> Image:
    record = replace(RECORD, owner=owner, public_name=PublicName("a" * 26))
    return Image(ImageId(7), record, state, visibility=visibility, quarantine=quarantine)


IMAGES = {
    "any": None,
    "own": image("me", Visibility.PRIVATE),
    "another's, public": image("you", Visibility.PUBLIC),
    "another's, private": image("you", Visibility.PRIVATE),
    "nobody's, public": image(None, Visibility.PUBLIC),
    "nobody's, private": image(None, Visibility.PRIVATE),
    "nobody's, earlier": image(None, None),
    "deleted": image("you", Visibility.PUBLIC, State.DELETING),  # its row still says whose it was, and who saw it
    "own, in quarantine": image("me", Visibility.PUBLIC, quarantine=SUSPICION),
    "nobody's, in quarantine": image(None, Visibility.PUBLIC, quarantine=SUSPICION),
}
ACTORS = {
    "nobody": NOBODY,
    "bare key": Actor("me"),
    "key": Actor("me", frozenset(Scope) - {Scope.ADMIN}),
    "admin": Actor("me", frozenset({Scope.ADMIN})),
    "ticket": Actor(None, frozenset({Scope.UPLOAD}), ticket_id="a ticket of mine"),
    "operator": OPERATOR,
}


# What stands for a refusal, in the rows below.
YES, KEY, SCOPE, OWNER, NONE = None, "key-required", "missing-scope", "not-the-owner", "image-not-found"

ALL = (YES,) * 10
# Whoever sent it: what is in quarantine is as if it were not there.
ALL_BUT_QUARANTINE = (YES,) * 8 + (NONE,) * 2
# Those that are private, that came before, that were deleted, or are in quarantine: as if there were none.
PUBLIC_ONES = (YES, NONE, YES, NONE, YES, NONE, NONE, NONE, NONE, NONE)
PUBLIC_AND_OWN = (YES, YES, YES, NONE, YES, NONE, NONE, NONE, NONE, NONE)
OWN = (YES, YES, OWNER, NONE, OWNER, NONE, NONE, NONE, NONE, NONE)

# By mode and actor: the answers to reading, then to changing (edit, delete, share), for each of IMAGES in turn.
TABLE: dict[tuple[Access, str], tuple[tuple[str | None, ...], tuple[str | None, ...]]] = {
    **{
        (Access.OPEN, actor): (ALL_BUT_QUARANTINE, ALL_BUT_QUARANTINE)
        for actor in ("nobody", "bare key", "key", "ticket")
    },
    **{(access, actor): (ALL, ALL) for access in Access for actor in ("admin", "operator")},
    (Access.GALLERY, "nobody"): (PUBLIC_ONES, (KEY,) * 10),
    (Access.GALLERY, "bare key"): (PUBLIC_AND_OWN, (SCOPE,) * 10),
    (Access.GALLERY, "key"): (PUBLIC_AND_OWN, OWN),
    (Access.GALLERY, "ticket"): (PUBLIC_ONES, (SCOPE,) * 10),
    (Access.CLOSED, "ticket"): ((SCOPE,) * 10, (SCOPE,) * 10),
    (Access.CLOSED, "nobody"): ((KEY,) * 10, (KEY,) * 10),
    (Access.CLOSED, "bare key"): ((SCOPE,) * 10, (SCOPE,) * 10),
    (Access.CLOSED, "key"): (PUBLIC_AND_OWN, OWN),
}


POLICIES = {access: Policy(access, of_earlier=Visibility.PRIVATE) for access in Access}


def answer(access: Access, actor: str, scope: Scope, which: str) -> str | None:
    refusal = POLICIES[access].why_not(ACTORS[actor], scope, IMAGES[which])
    return None if refusal is None else refusal.code


def test_the_table_has_every_mode_and_actor() -> None:
    assert TABLE.keys() == {(access, actor) for access in Access for actor in ACTORS}


@pytest.mark.parametrize(("access", "actor"), TABLE)
def test_reading_and_changing(access: Access, actor: str) -> None:
    reading, changing = TABLE[access, actor]

    assert [answer(access, actor, Scope.READ, which) for which in IMAGES] == list(reading)
    for scope in (Scope.EDIT, Scope.DELETE, Scope.SHARE):
        assert [answer(access, actor, scope, which) for which in IMAGES] == list(changing)


@pytest.mark.parametrize(("access", "actor"), TABLE)
def test_who_may_upload(access: Access, actor: str) -> None:
    anybody = "nobody" if access is Access.OPEN else "key"
    expected = {"nobody": KEY, "bare key": SCOPE}.get(actor) if anybody == "key" else YES

    assert answer(access, actor, Scope.UPLOAD, "any") == expected


@pytest.mark.parametrize("access", Access)
def test_only_an_admin_manages_keys_in_each_mode(access: Access) -> None:
    found = {actor: answer(access, actor, Scope.ADMIN, "any") for actor in ACTORS}

    assert found == {"nobody": KEY, "bare key": SCOPE, "key": SCOPE, "admin": YES, "ticket": SCOPE, "operator": YES}


@pytest.mark.parametrize("scope", Scope)
def test_a_refusal_names_the_scope_that_is_needed_and_those_that_are_there(scope: Scope) -> None:
    had = frozenset(Scope) - {scope, Scope.ADMIN}
    refusal = Policy(Access.CLOSED).why_not(Actor("me", had), scope)

    assert (refusal.required, refusal.granted) == (scope, tuple(sorted(had)))  # type: ignore[union-attr]


@pytest.mark.parametrize("access", [Access.GALLERY, Access.CLOSED])
@pytest.mark.parametrize("by_number", [False, True])
def test_a_hidden_image_is_told_in_the_words_for_one_that_never_was(access: Access, by_number: bool) -> None:
    hidden = Policy(access).why_not(ACTORS["key"], Scope.READ, IMAGES["another's, private"], by_number=by_number)

    assert str(hidden) == f"there is no image {7 if by_number else 'a' * 26}"
    assert hidden is not None
    assert hidden.code == "image-not-found"


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("which", [which for which in IMAGES if which != "any"])
def test_a_number_is_for_those_who_may_know_it(access: Access, which: str) -> None:
    image = IMAGES[which]
    assert image is not None
    for actor in ACTORS.values():
        by_number = Policy(access).why_not(actor, Scope.READ, image, by_number=True)
        if image.quarantine is not None:
            assert (by_number is None) == actor.has(Scope.ADMIN)
        elif Policy(access).knows_number(actor, image):
            assert str(by_number) == str(Policy(access).why_not(actor, Scope.READ, image))
        else:
            assert by_number is not None

    knowing = {name for name, actor in ACTORS.items() if Policy(access).knows_number(actor, image)}
    owning = {"bare key", "key"} if which in ("own", "own, in quarantine") else set()
    assert knowing == (set(ACTORS) if access is Access.OPEN else {"admin", "operator"} | owning)


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("of_earlier", Visibility)
@pytest.mark.parametrize("by_number", [False, True])
def test_a_list_has_what_may_be_looked_at(access: Access, of_earlier: Visibility, by_number: bool) -> None:
    policy = Policy(access, of_earlier)
    for actor in ACTORS.values():
        if policy.why_not(actor, Scope.READ) is not None:
            continue
        sight = policy.sight(actor, by_number=by_number)
        for image in IMAGES.values():
            if image is None or image.state.is_gone:
                continue
            is_in_sight = sight is None or (
                image.quarantine is None
                and (
                    sight.visibilities is None
                    or (sight.owner is not None and sight.owner == image.record.owner)
                    or image.visibility in sight.visibilities
                )
            )
            assert is_in_sight == (policy.why_not(actor, Scope.READ, image, by_number=by_number) is None)


class TestLinks:
    """Who comes by a link reads its image, and does nothing else, whatever else he has shown."""

    LINK = Link(Representation.PAGE, PublicName("a" * 26), "0" * 16, made=1000, expires=2000)

    def answer(
        self, access: Access, which: Image | None, maker: Actor | None = None, scope: Scope = Scope.READ
    ) -> str | None:
        actor = Actor("me", frozenset(Scope), Grant(self.LINK, maker))
        refusal = POLICIES[access].why_not(actor, scope, which)
        return None if refusal is None else refusal.code

    @pytest.mark.parametrize("access", Access)
    def test_it_gives_one_image_to_read(self, access: Access) -> None:
        nothing = KEY if access is Access.CLOSED else NONE
        other = image("me", Visibility.PUBLIC)
        other = replace(other, record=replace(other.record, public_name=PublicName("b" * 26)))

        assert {which: self.answer(access, found) for which, found in IMAGES.items()} == {
            which: nothing if which == "deleted" or "quarantine" in which else YES for which in IMAGES
        }
        assert self.answer(access, other) == nothing
        for scope in set(Scope) - {Scope.READ}:
            assert self.answer(access, IMAGES["own"], scope=scope) == KEY
            assert self.answer(access, None, scope=scope) == KEY

    @pytest.mark.parametrize("access", Access)
    def test_it_gives_nothing_once_links_were_ended(self, access: Access) -> None:
        nothing = KEY if access is Access.CLOSED else NONE
        for second, expected in ((999, YES), (1000, nothing), (1001, nothing)):
            ended = replace(image("you", Visibility.PUBLIC), links_ended_at=datetime.fromtimestamp(second, UTC))
            assert self.answer(access, ended) == expected

    @pytest.mark.parametrize("access", Access)
    def test_it_gives_what_its_maker_may_share(self, access: Access) -> None:
        nothing = YES if access is Access.OPEN else KEY if access is Access.CLOSED else NONE
        makers = {
            "owner": Actor("me", frozenset({Scope.SHARE})),
            "reader": Actor("me", frozenset({Scope.READ})),
            "other": Actor("you", frozenset({Scope.SHARE})),
            "admin": Actor("you", frozenset({Scope.ADMIN})),
        }
        assert {name: self.answer(access, IMAGES["own"], maker) for name, maker in makers.items()} == {
            "owner": YES,
            "reader": nothing,
            "other": nothing,
            "admin": YES,
        }

    @pytest.mark.parametrize("access", Access)
    def test_it_tells_no_number_and_is_in_no_list(self, access: Access) -> None:
        actor, own = Actor("me", frozenset(Scope), Grant(self.LINK)), IMAGES["own"]
        assert own is not None

        assert not POLICIES[access].knows_number(actor, own)
        assert POLICIES[access].sight(actor) == Sight(None, frozenset())
        assert POLICIES[access].sight_of(actor, own.id) == Sight(None, frozenset())
        assert POLICIES[access].sight_of(actor, PublicName("b" * 26)) == Sight(None, frozenset())
        assert POLICIES[access].sight_of(actor, self.LINK.image) is None
