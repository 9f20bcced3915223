"""Each use case asks the policy itself: what a door in front of it has let in may still be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.access.links import Place, Representation
from vignette.access.names import new_name
from vignette.access.policy import Access
from vignette.access.tickets import Ticket
from vignette.errors import NotAllowed
from vignette.model import Decision, Image, Visibility
from vignette.use_cases.linking import Wanted
from vignette.use_cases.serving import Wish
from vignette.use_cases.ticketing import Terms
from vignette.web.context import WebContext

MAY_DO_ALL: Final = frozenset(Scope) - {Scope.ADMIN}
LINK: Final = "0" * 16


class Closed:
    """A service with closed doors, a key with all scopes but `admin`, and an image and a ticket of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.use: WebContext = house.context
        self.key, _ = house.keyholding.add(OPERATOR, "owner", MAY_DO_ALL)
        self.image: Image = house.upload(picture(), actor=self.key.actor)
        assert self.image.public_name is not None
        self.name = self.image.public_name
        self.ticket: Ticket = self.use.ticketing.add(self.key.actor, Terms())[0]

    def keep(self, actor: Actor) -> None:
        with self.house.intake.begin() as upload:
            upload.append(picture())
            self.house.intake.keep(actor, upload, None)

    def make_link(self, actor: Actor) -> None:
        ends_at = datetime.now(UTC) + timedelta(days=1)
        self.use.linking.make(actor, self.name, Wanted(Representation.PAGE, ends_at, Place.NONE))


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Closed]:
    with new_house(tmp_path, access=Access.CLOSED) as house:
        yield Closed(house)


Ask = Callable[[Closed, Actor], object]

ASKED: Final[list[tuple[Scope, str, Ask]]] = [
    (Scope.READ, "look at one", lambda here, actor: here.use.browsing.existing(actor, here.name)),
    (Scope.READ, "look at the newest", lambda here, actor: here.use.browsing.newest(actor, 1)),
    (Scope.READ, "look at several", lambda here, actor: here.use.browsing.several(actor, [here.name])),
    (Scope.READ, "look at neighbours", lambda here, actor: here.use.browsing.neighbours(actor, here.image, 1)),
    (Scope.READ, "count", lambda here, actor: here.use.browsing.count(actor)),
    (Scope.READ, "look for the like", lambda here, actor: here.use.likeness.like(actor, here.name, 1)),
    (Scope.READ, "see a vignette", lambda here, actor: here.use.serving.vignette(actor, here.name, None, Wish(()))),
    (Scope.UPLOAD, "announce a file", lambda here, actor: here.use.intake.expect(actor, None)),
    (Scope.UPLOAD, "send a file", Closed.keep),
    (Scope.UPLOAD, "make a ticket", lambda here, actor: here.use.ticketing.add(actor, Terms())),
    (
        Scope.EDIT,
        "say who sees it",
        lambda here, actor: here.use.editing.set_visibility(actor, here.name, Visibility.PUBLIC),
    ),
    (Scope.EDIT, "have it tried again", lambda here, actor: here.use.renewal.retry(actor, here.name)),
    (
        Scope.EDIT,
        "have it tried again if there is room",
        lambda here, actor: here.use.renewal.retry_if_there_is_room(actor, here.name),
    ),
    (Scope.DELETE, "delete", lambda here, actor: here.use.removal.delete(actor, here.name)),
    (Scope.SHARE, "share by a ticket", lambda here, actor: here.use.ticketing.add(actor, Terms())),
    (Scope.SHARE, "list tickets", lambda here, actor: here.use.ticketing.all(actor)),
    (Scope.SHARE, "look at a ticket", lambda here, actor: here.use.ticketing.get(actor, here.ticket.id)),
    (Scope.SHARE, "revoke a ticket", lambda here, actor: here.use.ticketing.revoke(actor, here.ticket.id)),
    (Scope.SHARE, "make a link", Closed.make_link),
    (Scope.SHARE, "list links", lambda here, actor: here.use.linking.of_image(actor, here.name)),
    (Scope.SHARE, "revoke a link", lambda here, actor: here.use.linking.revoke(actor, here.name, LINK)),
    (Scope.SHARE, "end all links", lambda here, actor: here.use.linking.end_all(actor, here.name)),
    (Scope.ADMIN, "list what waits", lambda here, actor: here.use.reviewing.waiting(actor, 1)),
    (Scope.ADMIN, "decide", lambda here, actor: here.use.reviewing.decide(actor, here.name, Decision.REJECT)),
    (Scope.ADMIN, "read the audit", lambda here, actor: here.use.auditing.newest(actor, 1)),
    (Scope.ADMIN, "make a key", lambda here, actor: here.use.keyholding.add(actor, "a key", [Scope.READ])),
    (Scope.ADMIN, "list keys", lambda here, actor: here.use.keyholding.all(actor)),
    (Scope.ADMIN, "look at a key", lambda here, actor: here.use.keyholding.get(actor, LINK)),
    (Scope.ADMIN, "change a key", lambda here, actor: here.use.keyholding.change(actor, here.key.id, name="mine")),
    (Scope.ADMIN, "remove a key", lambda here, actor: here.use.keyholding.remove(actor, here.key.id)),
]


@pytest.mark.parametrize(("scope", "ask"), [pytest.param(scope, ask, id=words) for scope, words, ask in ASKED])
def test_who_lacks_the_scope_is_refused_although_the_image_is_his(closed: Closed, scope: Scope, ask: Ask) -> None:
    with pytest.raises(NotAllowed):
        ask(closed, NOBODY)
    with pytest.raises(NotAllowed) as refused:
        ask(closed, Actor(closed.key.id, MAY_DO_ALL - {scope}))

    assert refused.value.required == scope


@pytest.mark.parametrize(("scope", "ask"), [pytest.param(scope, ask, id=words) for scope, words, ask in ASKED])
def test_who_lacks_the_scope_does_not_hear_whether_there_is_an_image(closed: Closed, scope: Scope, ask: Ask) -> None:
    closed.name = new_name()
    for actor in (NOBODY, Actor(closed.key.id, MAY_DO_ALL - {scope})):
        with pytest.raises(NotAllowed):
            ask(closed, actor)
