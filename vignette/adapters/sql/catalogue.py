"""All ports of the catalogue and of access in SQL, on one database."""

from __future__ import annotations

from collections.abc import Iterable

from vignette.adapters.sql.alike import SqlAlike
from vignette.adapters.sql.arrivals import SqlArrivals
from vignette.adapters.sql.audit import SqlAudit
from vignette.adapters.sql.database import Database
from vignette.adapters.sql.editing import SqlEditing
from vignette.adapters.sql.indexing import SqlIndex
from vignette.adapters.sql.keys import SqlKeys
from vignette.adapters.sql.library import SqlLibrary
from vignette.adapters.sql.links import SqlLinks
from vignette.adapters.sql.quarantine import SqlQuarantine
from vignette.adapters.sql.quotas import SqlQuotas
from vignette.adapters.sql.removals import SqlRemovals
from vignette.adapters.sql.renderings import SqlRenderings
from vignette.adapters.sql.same_bytes import SqlSameBytes
from vignette.adapters.sql.schema import is_new, migrate
from vignette.adapters.sql.sessions import SqlSessions
from vignette.adapters.sql.ticket_images import SqlTicketImages
from vignette.adapters.sql.tickets import SqlTickets
from vignette.adapters.sql.unflushed import SqlUnflushed
from vignette.adapters.sql.waiting import SqlWaiting
from vignette.adapters.sql.workers import SqlWorkers
from vignette.model import Durability, Image, ImageId


class SqlCatalogue:
    """
    Every port of `ports.catalogue`, `ports.access`, `ports.tickets` and `ports.audit` as an attribute, and what a
    process needs to begin and to end.

    Build one in each process: connections do not survive a fork.
    """

    def __init__(
        self,
        url: str,
        durability: Durability = "full",
        *,
        must_exist: bool = False,
        waits_for_disk: bool = True,
        boot: str | None = None,
    ) -> None:
        """
        SQLite makes its file where there is none, unless it *must_exist*: then that is `CatalogueUnavailable`.

        *boot* is that of the store (`ports.store.Flushing`): whose memory may hold what this process writes. Without
        *waits_for_disk*, a crash of the database's machine may undo the last transactions of this process.
        """
        self.database = Database(url, durability, must_exist=must_exist, waits_for_disk=waits_for_disk)
        self.arrivals = SqlArrivals(self.database)
        self.library = SqlLibrary(self.database)
        self.alike = SqlAlike(self.database)
        self.same_bytes = SqlSameBytes(self.database)
        self.renderings = SqlRenderings(self.database, boot)
        self.waiting = SqlWaiting(self.database)
        self.removals = SqlRemovals(self.database)
        self.editing = SqlEditing(self.database)
        self.quarantine = SqlQuarantine(self.database)
        self.sessions = SqlSessions(self.database)
        self.links = SqlLinks(self.database)
        self.index = SqlIndex(self.database)
        self.workers = SqlWorkers(self.database, boot)
        self.keys = SqlKeys(self.database)
        self.audit = SqlAudit(self.database)
        self.tickets = SqlTickets(self.database)
        self.ticket_images = SqlTicketImages(self.database)
        self.quotas = SqlQuotas(self.database)
        self.unflushed = SqlUnflushed(self.database, boot)

    def is_new(self) -> bool:
        """See `schema.is_new`."""
        return is_new(self.database)

    def migrate(self, images: Iterable[tuple[ImageId, Image | None]]) -> None:
        """See `schema.migrate`."""
        migrate(self.database, images)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()
