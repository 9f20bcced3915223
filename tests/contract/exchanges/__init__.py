"""How every operation is asked: in all ways that we can think of, a module for each kind of resource."""

from __future__ import annotations

from typing import Final

from tests.contract.exchanges import images, keys, links, quarantine, service, sessions, tickets, uploads
from tests.contract.exchanges.exchange import Exchanges

EXCHANGES: Final[Exchanges] = {
    **uploads.EXCHANGES,
    **images.EXCHANGES,
    **quarantine.EXCHANGES,
    **keys.EXCHANGES,
    **sessions.EXCHANGES,
    **tickets.EXCHANGES,
    **links.EXCHANGES,
    **service.EXCHANGES,
}
"""By method and path, as the document has them."""
