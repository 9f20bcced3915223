"""Make tickets, look at them and revoke them, and tell which one is shown."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from vignette.access.actors import NOBODY, Actor, Scope
from vignette.access.events import What
from vignette.access.origins import origins_of
from vignette.access.policy import Access, Policy
from vignette.access.secrets import TICKET_PREFIX, digest_of, is_well_formed, new_token
from vignette.access.tickets import Ticket, TicketState
from vignette.errors import ImageNotFound, InvalidTicket, MalformedRequest, TicketNotFound
from vignette.limits import (
    ENDED_TICKETS_STAY_DAYS,
    MAX_EXTERNAL_ID_CHARS,
    MAX_TICKET_NOTE_CHARS,
    MAX_TICKET_ORIGINS,
    MAX_TICKET_USES,
    MAX_TICKETS,
    MAX_TICKETS_OF_A_KEY,
)
from vignette.model import Image, PublicName, Visibility, in_milliseconds
from vignette.pixels.formats import ACCEPTED_MEDIA_TYPES
from vignette.ports.catalogue import Library
from vignette.ports.tickets import Keep, TicketImages, Tickets
from vignette.use_cases.auditing import NO_TRAIL, Trail, noting
from vignette.use_cases.browsing import Page, require
from vignette.use_cases.checked import checked_end_or_none, checked_label, few
from vignette.use_cases.keyholding import Keyholding

# One and the same, so that nobody learns whether there was such a ticket.
_NOT_VALID: Final = "it is unknown, was revoked or has ended, or who made it may not upload any more"
_MISTYPED: Final = "it is mistyped: no ticket that was ever given out is written like that"

_MOST_BYTES: Final = 2**63 - 1
_MOST_WORDS: Final = 200

_SENT_IS_TOLD_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a ticket is to allow; see `access.tickets.Ticket`. Nothing of it has been checked."""

    uses: int = 1
    expires_at: datetime | None = None
    max_bytes: int | None = None
    media_types: Sequence[str] = ()
    visibility: Visibility | None = None
    external_id: str | None = None
    origins: Sequence[str] = ()
    note: str | None = None


class Ticketing:
    """
    The use case. *keep* writes the tickets down at each change (`TicketSnapshots.write`). *clock* tells the time, in
    UTC.

    A ticket gives `Scope.UPLOAD` and nothing else, and only as long as the key that made it may upload. Where everybody
    may, tickets can be made without a key; they are refused when that is no longer so.

    Every method may raise `CatalogueUnavailable`, and those that change tickets `StoreUnavailable`: then nothing
    changed.
    """

    def __init__(
        self,
        tickets: Tickets,
        keep: Keep,
        images: TicketImages,
        library: Library,
        keyholding: Keyholding,
        policy: Policy,
        *,
        trail: Trail = NO_TRAIL,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._trail = trail
        self._tickets = tickets
        self._keep = keep
        self._images = images
        self._library = library
        self._keyholding = keyholding
        self._policy = policy
        self._clock = clock

    def add(self, actor: Actor, terms: Terms, *, owner: str | None = None) -> tuple[Ticket, str]:
        """
        Make a ticket; return it and its token, which nobody can tell again. The images that come by it are those of the
        actor's key; with *owner*, which is for `Scope.ADMIN`, those of the key of this id.

        Raises:
            NotAllowed: *actor* may not both upload and share.
            KeyNotFound: There is no key *owner*.
            MalformedRequest: The terms are not within their limits, or the ticket could not be used.
            TooManyTickets: There are as many as there may be, of this owner or of all.
        """
        require(self._policy, actor, Scope.SHARE)
        require(self._policy, actor, Scope.UPLOAD)
        owner = actor.key_id if owner is None else self._keyholding.get(actor, owner).id
        if not self._maker_may_upload(owner):
            raise MalformedRequest("a ticket needs a key that may upload, whose images they will be")
        token, now = new_token(TICKET_PREFIX), in_milliseconds(self._clock())
        ticket = Ticket(
            id=secrets.token_hex(8),
            digest=digest_of(token),
            owner=owner,
            uses=_number("uses", terms.uses, MAX_TICKET_USES),
            created_at=now,
            expires_at=checked_end_or_none(terms.expires_at, now),
            max_bytes=None if terms.max_bytes is None else _number("max_bytes", terms.max_bytes, _MOST_BYTES),
            media_types=_media_types(terms.media_types),
            visibility=terms.visibility,
            external_id=checked_label("external_id", terms.external_id, MAX_EXTERNAL_ID_CHARS),
            origins=few("origins", origins_of, terms.origins, MAX_TICKET_ORIGINS),
            note=checked_label("note", terms.note, MAX_TICKET_NOTE_CHARS),
        )
        forget_before = now - timedelta(days=ENDED_TICKETS_STAY_DAYS)
        with self._trail.along(What.TICKET_MADE, actor, subject=ticket.id) as note:
            self._tickets.add(
                ticket,
                noting(note, self._keep),
                at_most=MAX_TICKETS,
                at_most_of_owner=MAX_TICKETS_OF_A_KEY,
                forget_before=forget_before,
            )
        return ticket, token

    def all(self, actor: Actor, limit: int = MAX_TICKETS, after: str | None = None) -> list[Ticket]:
        """
        Return at most *limit* tickets that *actor* may see, the newest first: those that follow the ticket with the id
        *after*. They are those of its key; all of them for `Scope.ADMIN`, and where everybody may do everything.

        Raises:
            NotAllowed: *actor* may not share.
            TicketNotFound: There is no ticket with the id *after* for *actor*, any more.
        """
        require(self._policy, actor, Scope.SHARE)
        if after is not None:
            self.get(actor, after)
        return self._tickets.all(limit, after, owner=None if self._sees_all(actor) else actor.key_id)

    def get(self, actor: Actor, ticket_id: str) -> Ticket:
        """
        Return a ticket.

        Raises:
            NotAllowed: *actor* may not share.
            TicketNotFound: There is no ticket of this id, or another key has made it.
        """
        require(self._policy, actor, Scope.SHARE)
        ticket = self._tickets.get(ticket_id)
        if not self._sees_all(actor) and (actor.key_id is None or ticket.owner != actor.key_id):
            raise TicketNotFound(f"there is no ticket {ticket_id[:40]!r}")
        return ticket

    def images(self, ticket: Ticket, limit: int, before: PublicName | None = None) -> Page:
        """
        The images that came by *ticket*, which `get` has returned, and that are not deleted; with *before*, those that
        came before the one of this name.

        Raises:
            ImageNotFound: No image *before* came by the ticket, or it was deleted.
        """
        number = None
        if before is not None:
            found = self._came_by(ticket, before)
            if found is None:
                raise ImageNotFound(f"there is no image {before}")
            number = found.id
        images = self._images.of_ticket(ticket.id, limit + 1, number)
        return Page(images[:limit], has_more=len(images) > limit)

    def states(self, tickets: Iterable[Ticket]) -> list[TicketState]:
        """
        Where each of *tickets* stands now. One whose key is gone, or may not upload any more, is as good as revoked.
        """
        now, may = self._clock(), dict[str | None, bool]()
        states = []
        for ticket in tickets:
            if ticket.owner not in may:
                may[ticket.owner] = self._maker_may_upload(ticket.owner)
            state = ticket.state_at(now)
            states.append(state if may[ticket.owner] or state is not TicketState.OPEN else TicketState.REVOKED)
        return states

    def revoke(self, actor: Actor, ticket_id: str) -> Ticket:
        """
        Revoke a ticket: from now on no process takes it. Repeating this does nothing.

        Raises:
            NotAllowed, TicketNotFound: As of `get`.
        """
        ticket = self.get(actor, ticket_id)
        with self._trail.along(What.TICKET_REVOKED, actor, subject=ticket.id) as note:
            return self._tickets.revoke(ticket.id, in_milliseconds(self._clock()), noting(note, self._keep))

    def authenticate(self, token: str) -> Ticket:
        """
        Return the ticket of this *token*, even if it is spent: a client may send again what it has sent. The catalogue
        is asked each time, so that what was revoked is never taken again, in any process.

        Raises:
            InvalidTicket: It is mistyped, or not valid.
        """
        if not is_well_formed(token, TICKET_PREFIX):
            raise InvalidTicket(_MISTYPED)
        digest = digest_of(token)
        ticket = self._tickets.with_digest(digest)
        if (
            ticket is None
            or not hmac.compare_digest(ticket.digest, digest)
            or ticket.has_ended_at(self._clock())
            or not self._maker_may_upload(ticket.owner)
        ):
            raise InvalidTicket(_NOT_VALID)
        return ticket

    def admits_page(self, origin: str) -> bool:
        """Whether there is a ticket that pages of this *origin* may use now."""
        return self._tickets.may_use(origin, in_milliseconds(self._clock()))

    def origins(self) -> frozenset[str]:
        """Return the origins that tickets name which can be used now."""
        return self._tickets.origins(in_milliseconds(self._clock()))

    def sent(self, ticket: Ticket, beginnings: Iterable[str]) -> list[Image]:
        """
        Those images that came by *ticket* within the last hour and are there, whose SHA-256 begins with one of these
        *beginnings*, in this order. Who has sent a file knows its digest. Others learn the digest of a public image
        too: by then they are told no more of it.
        """
        since = self._clock() - _SENT_IS_TOLD_FOR
        found = self._images.sent_by(ticket.id, dict.fromkeys(beginnings))
        return [image for image in found if image.record.received_at >= since]

    def _came_by(self, ticket: Ticket, name: PublicName) -> Image | None:
        with suppress(ImageNotFound):
            image = self._library.named(name)
            if image.record.ticket == ticket.id and not image.state.is_gone:
                return image
        return None

    def _sees_all(self, actor: Actor) -> bool:
        return self._policy.access is Access.OPEN or actor.has(Scope.ADMIN)

    def _maker_may_upload(self, owner: str | None) -> bool:
        maker = NOBODY if owner is None else self._keyholding.rights_of(owner)
        return maker is not None and self._policy.why_not(maker, Scope.UPLOAD) is None


def _number(name: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise MalformedRequest(f"{name} is {value}, and has to be from 1 to {most}", measured=value, limit=most)
    return value


def _media_types(wanted: Iterable[str]) -> tuple[str, ...]:
    types = tuple(dict.fromkeys(wanted))
    for media_type in types:
        if media_type not in ACCEPTED_MEDIA_TYPES:
            raise MalformedRequest(
                f"media_types has {media_type[:_MOST_WORDS]!r}; accepted are {', '.join(ACCEPTED_MEDIA_TYPES)}"
            )
    return types
