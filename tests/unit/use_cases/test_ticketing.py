"""Tickets give what their key may do when they are used, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.house import House, picture
from tests.house import house as new_house
from vignette.access.actors import NOBODY, OPERATOR, Actor, Scope
from vignette.access.names import new_name
from vignette.access.policy import Access
from vignette.access.secrets import TICKET_PREFIX, is_well_formed, new_token
from vignette.access.tickets import Ticket, TicketState
from vignette.errors import (
    ImageNotFound,
    InvalidTicket,
    KeyNotFound,
    KeyRequired,
    MalformedRequest,
    MissingScope,
    Refused,
    TicketNotFound,
    TicketSpent,
    UnsupportedFormat,
    UploadTooLarge,
)
from vignette.model import Image, State, Visibility
from vignette.records import record_from_json
from vignette.use_cases.ticketing import Terms, Ticketing

MAKER: Final = frozenset({Scope.UPLOAD, Scope.SHARE})


class Gallery:
    """A gallery whose time may be set, and a key that makes tickets."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.now = datetime.now(UTC)
        self.ticketing: Ticketing = house.context.ticketing
        self.ticketing._clock = lambda: self.now
        self.key, self.token = house.keyholding.add(OPERATOR, "app", MAKER)
        self.maker = self.key.actor

    def add(self, **terms: Any) -> tuple[Ticket, str]:
        return self.ticketing.add(self.maker, Terms(**terms))

    def state(self, ticket: Ticket) -> TicketState:
        [state] = self.ticketing.states([self.ticketing.get(OPERATOR, ticket.id)])
        return state

    def send(self, ticket: Ticket, content: bytes | None = None, key: str | None = None) -> Image:
        """As the web does, with what is known of the ticket now."""
        ticket = self.ticketing.get(OPERATOR, ticket.id)
        intake = self.house.intake
        intake.expect(ticket.actor, None, ticket, [] if key is None else [key])
        with intake.begin(max_bytes=ticket.max_bytes) as upload:
            upload.append(content or picture())
            return intake.keep(ticket.actor, upload, "a.jpg", key, visibility=ticket.visibility, ticket=ticket)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with new_house(tmp_path, access=Access.GALLERY) as house:
        yield Gallery(house)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    """With open doors."""
    with new_house(tmp_path) as house:
        yield house


class TestMaking:
    def test_is_as_it_was_asked_for_and_its_token_is_kept_nowhere(self, gallery: Gallery) -> None:
        ticket, token = gallery.add(
            uses=200,
            expires_at=gallery.now + timedelta(days=1),
            max_bytes=1000,
            media_types=["image/jpeg", "image/jpeg"],
            visibility=Visibility.PRIVATE,
            external_id=" order 7 ",
            origins=["https://App.example:443"],
            note="le mariage\n",
        )

        assert is_well_formed(token, TICKET_PREFIX)
        assert gallery.ticketing.get(gallery.maker, ticket.id) == ticket
        assert (ticket.owner, ticket.uses, ticket.media_types) == (gallery.key.id, 200, ("image/jpeg",))
        assert (ticket.external_id, ticket.note) == ("order 7", "le mariage")
        assert ticket.origins == ("https://app.example",)
        assert gallery.ticketing.authenticate(token) == ticket
        for file in gallery.house.root.rglob("*"):
            assert not file.is_file() or token.encode() not in file.read_bytes()

    @pytest.mark.parametrize("lacking", [Scope.SHARE, Scope.UPLOAD])
    def test_needs_both_scopes(self, gallery: Gallery, lacking: Scope) -> None:
        with pytest.raises(MissingScope) as refused:
            gallery.ticketing.add(Actor("a key", MAKER - {lacking}), Terms())

        assert refused.value.required == lacking
        with pytest.raises(KeyRequired):
            gallery.ticketing.add(NOBODY, Terms())

    @pytest.mark.parametrize(
        "terms",
        [
            *({"uses": 0}, {"uses": -1}, {"uses": 10_001}, {"max_bytes": 0}, {"max_bytes": 2**63}),
            *({"media_types": ["text/html"]}, {"media_types": ["image/*"]}),
            *({"note": "a" * 201}, {"external_id": "a" * 201}, {"origins": ["*"]}, {"origins": ["null"]}),
            {"origins": [f"https://a{number}.example" for number in range(11)]},
            *({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, {"expires_at": datetime(2999, 1, 1)}),  # noqa: DTZ001
        ],
        ids=str,
    )
    def test_keeps_within_limits(self, gallery: Gallery, terms: dict[str, Any]) -> None:
        with pytest.raises(MalformedRequest):
            gallery.add(**terms)

    def test_by_a_command_names_the_key_whose_images_they_will_be(self, gallery: Gallery) -> None:
        ticket, _ = gallery.ticketing.add(OPERATOR, Terms(), owner=gallery.key.id)
        assert ticket.owner == gallery.key.id
        with pytest.raises(MalformedRequest, match="needs a key"):
            gallery.ticketing.add(OPERATOR, Terms())
        with pytest.raises(KeyNotFound):
            gallery.ticketing.add(OPERATOR, Terms(), owner="none")
        reader, _ = gallery.house.keyholding.add(OPERATOR, "reader", [Scope.READ])
        with pytest.raises(MalformedRequest, match="needs a key"):
            gallery.ticketing.add(OPERATOR, Terms(), owner=reader.id)
        with pytest.raises(MissingScope):
            gallery.ticketing.add(gallery.maker, Terms(), owner=reader.id)

    def test_needs_no_key_where_everybody_may_upload_and_is_good_as_long_as_that_is_so(
        self, here: House, tmp_path: Path
    ) -> None:
        ticket, token = here.context.ticketing.add(NOBODY, Terms())
        assert here.context.ticketing.authenticate(token).owner is None
        assert here.context.ticketing.all(NOBODY) == [ticket]

        with new_house(tmp_path, access=Access.CLOSED) as closed:
            with pytest.raises(InvalidTicket):
                closed.context.ticketing.authenticate(token)
            assert closed.context.ticketing.states([ticket]) == [TicketState.REVOKED]


class TestShowing:
    def test_no_valid_one_hears_the_same_words_whatever_the_reason(self, gallery: Gallery) -> None:
        words = set()
        tokens = [new_token(TICKET_PREFIX)]
        (revoked, token), (_, ended) = gallery.add(), gallery.add(expires_at=gallery.now + timedelta(seconds=9))
        gallery.ticketing.revoke(gallery.maker, revoked.id)
        gallery.now += timedelta(seconds=10)
        for shown in (*tokens, token, ended):
            with pytest.raises(InvalidTicket) as refused:
                gallery.ticketing.authenticate(shown)
            words.add(str(refused.value))

        assert len(words) == 1

    @pytest.mark.parametrize("shown", ["", "vt_", "vt_" + "a" * 59])
    def test_a_mistyped_one_is_told_without_a_look_up(self, gallery: Gallery, shown: str) -> None:
        gallery.house.close()
        with pytest.raises(InvalidTicket, match="mistyped"):
            gallery.ticketing.authenticate(shown)

    def test_a_key_is_no_ticket(self, gallery: Gallery) -> None:
        with pytest.raises(InvalidTicket):
            gallery.ticketing.authenticate(gallery.token)

    def test_one_of_another_digest_than_was_asked_for_is_none(
        self, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As a database would answer whose comparison is not exact."""
        ticket, token = gallery.add()
        almost = f"{ticket.digest[:-1]}{'1' if ticket.digest.endswith('0') else '0'}"
        monkeypatch.setattr(gallery.house.catalogue.tickets, "with_digest", lambda _: replace(ticket, digest=almost))

        with pytest.raises(InvalidTicket):
            gallery.ticketing.authenticate(token)

    @pytest.mark.parametrize("why", ["removed", "expired", "lost the scope"])
    def test_gives_what_its_key_may_do_when_it_is_used(self, gallery: Gallery, why: str) -> None:
        ticket, token = gallery.add()
        keyholding = gallery.house.keyholding
        if why == "removed":
            keyholding.remove(OPERATOR, gallery.key.id)
        elif why == "expired":
            keyholding.change(OPERATOR, gallery.key.id, expires_at=gallery.now + timedelta(hours=1))
            keyholding._clock = lambda: gallery.now + timedelta(hours=2)
        else:
            keyholding.change(OPERATOR, gallery.key.id, scopes=[Scope.SHARE])

        with pytest.raises(InvalidTicket):
            gallery.ticketing.authenticate(token)
        assert gallery.state(ticket) is TicketState.REVOKED

    def test_networks_of_its_key_are_not_those_of_its_guests(self, gallery: Gallery) -> None:
        _, token = gallery.add()
        gallery.house.keyholding.change(OPERATOR, gallery.key.id, networks=["10.0.0.0/8"])

        gallery.ticketing.authenticate(token)


class TestLooking:
    def test_a_key_sees_its_own_and_admin_all(self, gallery: Gallery) -> None:
        other, _ = gallery.house.keyholding.add(OPERATOR, "other", MAKER)
        own, _ = gallery.add()
        gallery.now += timedelta(seconds=1)
        others, _ = gallery.ticketing.add(other.actor, Terms())

        assert gallery.ticketing.all(gallery.maker) == [own]
        assert gallery.ticketing.all(other.actor) == [others]
        assert gallery.ticketing.all(OPERATOR) == [others, own]
        assert gallery.ticketing.all(OPERATOR, 1, others.id) == [own]
        for ask in (gallery.ticketing.get, gallery.ticketing.revoke):
            words = []
            for ticket_id in (others.id, "0" * 16):
                with pytest.raises(TicketNotFound) as refused:
                    ask(gallery.maker, ticket_id)
                words.append(str(refused.value).replace(ticket_id, "it"))
            assert words[0] == words[1]
        with pytest.raises(TicketNotFound):
            gallery.ticketing.all(gallery.maker, 1, others.id)
        with pytest.raises(MissingScope):
            gallery.ticketing.all(Actor(gallery.key.id, frozenset({Scope.UPLOAD})))

    def test_what_nobody_has_made_is_for_admin_alone(self, here: House, tmp_path: Path) -> None:
        """Those of a time when everybody might make some."""
        ticket, _ = here.context.ticketing.add(NOBODY, Terms())
        here.close()
        with new_house(tmp_path, access=Access.GALLERY) as gallery:
            assert gallery.context.ticketing.get(OPERATOR, ticket.id) == ticket
            with pytest.raises(TicketNotFound):
                gallery.context.ticketing.get(Actor(None, MAKER), ticket.id)

    def test_tells_which_images_it_became(self, gallery: Gallery) -> None:
        ticket, other = gallery.add(uses=9)[0], gallery.add(uses=9)[0]
        sent = [gallery.send(ticket, picture(40, 30 + number)) for number in range(3)]
        elsewhere = gallery.send(other, picture(40, 50))

        page = gallery.ticketing.images(ticket, 2)
        assert ([image.id for image in page.images], page.has_more) == ([2, 1], True)
        page = gallery.ticketing.images(ticket, 2, sent[1].public_name)
        assert ([image.id for image in page.images], page.has_more) == ([0], False)
        gallery.house.catalogue.removals.begin_delete(sent[1].id)
        for name in (elsewhere.public_name, sent[1].public_name, new_name()):
            with pytest.raises(ImageNotFound):
                gallery.ticketing.images(ticket, 2, name)

    def test_a_guest_hears_of_what_came_by_it_and_of_nothing_else(self, gallery: Gallery) -> None:
        ticket, other = gallery.add(uses=9)[0], gallery.add(uses=9)[0]
        sent, deleted = gallery.send(ticket), gallery.send(ticket, picture(40, 31))
        elsewhere = gallery.send(other)  # the same bytes
        gallery.house.removal.delete(OPERATOR, deleted.id)
        digests = [image.record.sha256[:32] for image in (deleted, sent, sent)]

        assert [image.id for image in gallery.ticketing.sent(ticket, [*digests, "0" * 32])] == [sent.id]
        assert [image.id for image in gallery.ticketing.sent(other, digests)] == [elsewhere.id]
        assert gallery.ticketing.sent(gallery.add()[0], digests) == []


class TestSending:
    def test_makes_images_of_its_key_as_the_ticket_says(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add(external_id="order 7", visibility=Visibility.PRIVATE)

        image = gallery.send(ticket)

        assert (image.record.owner, image.visibility) == (gallery.key.id, Visibility.PRIVATE)
        kept = record_from_json((gallery.house.uploads / "0" / "record.json").read_bytes())
        assert (kept.ticket, kept.external_id) == (ticket.id, "order 7")
        assert gallery.state(ticket) is TicketState.SPENT

    def test_a_spent_one_is_refused_and_leaves_nothing(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add()
        stale = ticket
        gallery.send(ticket)

        with pytest.raises(TicketSpent):
            gallery.send(ticket, picture(40, 31))
        intake = gallery.house.intake
        with intake.begin() as upload:  # of a phone that began before the other one had ended
            upload.append(picture(40, 31))
            with pytest.raises(TicketSpent):
                intake.keep(stale.actor, upload, "b.jpg", ticket=stale)
        assert gallery.house.is_clean()
        assert gallery.house.catalogue.index.next_id() == 1
        assert not (gallery.house.uploads / "1").exists()

    @pytest.mark.parametrize("content", [b"", b"words", picture()[:-100]], ids=["empty", "words", "cut"])
    def test_what_is_refused_spends_nothing(self, gallery: Gallery, content: bytes) -> None:
        ticket, _ = gallery.add()
        intake = gallery.house.intake
        with intake.begin() as upload:
            upload.append(content)
            with pytest.raises(Refused):
                intake.keep(ticket.actor, upload, None, ticket=ticket)

        assert gallery.state(ticket) is TicketState.OPEN

    def test_again_with_its_key_spends_nothing_even_when_it_is_spent(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add()
        image = gallery.send(ticket, key="7f3a")

        assert gallery.send(ticket, key="7f3a").id == image.id
        for key in ("another", None):
            with pytest.raises(TicketSpent):
                gallery.send(ticket, key=key)

    def test_the_same_bytes_without_a_key_are_the_same_image_while_it_is_open(self, gallery: Gallery) -> None:
        ticket, other = gallery.add(uses=2)[0], gallery.add(uses=2)[0]
        image = gallery.send(ticket)

        assert gallery.send(ticket).id == image.id
        assert gallery.send(other).id != image.id
        assert gallery.ticketing.get(OPERATOR, ticket.id).spent == 1
        gallery.house.removal.delete(OPERATOR, image.id)
        assert gallery.send(ticket).id not in (image.id, 1)
        assert gallery.ticketing.get(OPERATOR, ticket.id).spent == 2

    def test_idempotency_keys_are_of_each_ticket(self, gallery: Gallery) -> None:
        tickets = [gallery.add()[0] for _ in range(2)]
        numbers = [gallery.send(ticket, picture(40, 30 + n), key="k").id for n, ticket in enumerate(tickets)]
        mine = gallery.house.upload(picture(40, 40), key="k", actor=gallery.maker).id

        assert [*numbers, mine] == [0, 1, 2]

    def test_only_so_many_bytes(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add(max_bytes=len(picture()))
        with pytest.raises(UploadTooLarge) as refused:
            gallery.send(ticket, picture() + b"\0")

        assert refused.value.limit == len(picture())
        gallery.send(ticket, picture())

    def test_never_more_bytes_than_the_service_takes(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add(max_bytes=2**40)
        with pytest.raises(UploadTooLarge):
            gallery.send(ticket, bytes(1_000_001))

    def test_only_types_that_it_names_by_their_content(self, gallery: Gallery) -> None:
        ticket, _ = gallery.add(media_types=["image/png"])
        with pytest.raises(UnsupportedFormat, match="the file is image/jpeg; this ticket is for image/png"):
            gallery.send(ticket, picture())

        gallery.send(ticket, picture(file_format="PNG"))


def test_a_deletion_gives_no_use_back_even_when_the_catalogue_is_lost(gallery: Gallery, tmp_path: Path) -> None:
    ticket, token = gallery.add(uses=2)
    images = [gallery.send(ticket, picture(40, 30 + number)) for number in range(2)]
    gallery.house.removal.delete(OPERATOR, images[0].id)
    assert gallery.state(ticket) is TicketState.SPENT
    gallery.house.close()
    for file in (tmp_path / "state").glob("catalogue*"):
        file.unlink()

    with new_house(tmp_path, access=Access.GALLERY) as again:
        from vignette.wiring.use_cases import build_snapshots

        for snapshots in build_snapshots(again.store, again.catalogue):
            assert snapshots.bring_back() == 1

        found = again.context.ticketing.authenticate(token)
        assert found == replace(ticket, spent=2)
        assert again.catalogue.library.get(images[0].id).state is State.DELETED


def test_a_folder_whose_row_was_lost_in_a_crash_has_spent_its_use(gallery: Gallery) -> None:
    ticket, _ = gallery.add()
    image = gallery.send(ticket, key="7f3a")
    for undone in ("DELETE FROM image", "UPDATE counter SET next = 0", "UPDATE ticket SET spent = 0"):
        gallery.house.sql(undone)

    with pytest.raises(TicketSpent):
        gallery.send(ticket, picture(40, 31))

    assert gallery.state(ticket) is TicketState.SPENT
    assert gallery.send(ticket, key="7f3a").record == image.record
    assert not (gallery.house.uploads / "1").exists()
