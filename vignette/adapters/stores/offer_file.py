"""`ports.access.Offers` as a file of the state folder, for our own user alone."""

from __future__ import annotations

import secrets
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vignette.access.offers import Offer
from vignette.adapters.stores.disk import our_errors
from vignette.jail import modes

_OFFERS = TypeAdapter(Offer)


class OfferFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Offer | None:
        with our_errors("reading the offer of a first key"):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return None
        try:
            return _OFFERS.validate_json(content)
        except ValidationError:
            return None

    def write(self, offer: Offer) -> None:
        unfinished = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}")
        with our_errors("writing the offer of a first key"):
            with open(unfinished, "xb", opener=modes.private) as file:
                file.write(_OFFERS.dump_json(offer))
            unfinished.replace(self._path)

    def remove(self) -> None:
        with our_errors("removing the offer of a first key"):
            self._path.unlink(missing_ok=True)
