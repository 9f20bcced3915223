"""Offer the first key to whoever has started the service, by a link that is good once."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from vignette.access.actors import NOBODY, Actor
from vignette.access.keys import Key
from vignette.access.offers import ENDS_AFTER, Offer
from vignette.access.secrets import OFFER_PREFIX, digest_of, is_well_formed
from vignette.errors import FirstKeyGone, StoreUnavailable
from vignette.ports.access import Offers
from vignette.use_cases.keyholding import Keyholding

NAME: Final = "first key"

_GONE: Final = "the link was used, or has ended; a start prints another while no key has the scope admin"


class FirstKey:
    """The use case. An offer stands for a day, and as long as no key has the scope `admin`."""

    def __init__(
        self, offers: Offers, keyholding: Keyholding, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._offers = offers
        self._keyholding = keyholding
        self._clock = clock

    def offer(self, digest: str) -> bool:
        """
        Offer the first key to whoever shows the token of this *digest*, in place of any former offer. False, and no
        offer stands, if there is a key for `admin`.
        """
        if self._keyholding.has_admin():
            self._offers.remove()
            return False
        self._offers.write(Offer(digest, self._clock() + ENDS_AFTER))
        return True

    def take(self, token: str, actor: Actor = NOBODY) -> tuple[Key, str]:
        """
        Make the first key, with the scope `admin`, for whoever shows the *token* of the offer; return it and its own
        token, which nobody can tell again. Of several who do so at once, one gets a key.

        Raises:
            FirstKeyGone: No such offer stands.
        """
        offer = self._offers.read() if is_well_formed(token, OFFER_PREFIX) else None
        if (
            offer is None
            or not hmac.compare_digest(offer.digest, digest_of(token))
            or self._clock() >= offer.expires_at
        ):
            raise FirstKeyGone(_GONE)
        made = self._keyholding.add_first(NAME, actor)
        if made is None:
            raise FirstKeyGone(_GONE)
        with suppress(StoreUnavailable):  # it is good no more, whether it is there or not
            self._offers.remove()
        return made
