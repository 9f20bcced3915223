"""Builds the use cases that several kinds of process have, each with the ports that it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from vignette.access.policy import Access, Policy
from vignette.adapters.door.door import Door
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.adapters.stores.offer_file import OfferFile
from vignette.limits import STAGING_MAX_AGE_S
from vignette.ports.jobs import Jobs
from vignette.recipes import Recipe
from vignette.settings import Settings, blocked_pictures
from vignette.use_cases.auditing import NO_TRAIL, Auditing, Trail
from vignette.use_cases.blocking import Blocking
from vignette.use_cases.checking import Checkup, settle
from vignette.use_cases.first_key import FirstKey
from vignette.use_cases.health import Health, takes_uploads, worker_is_heard
from vignette.use_cases.keyholding import Keyholding
from vignette.use_cases.recovery import FLUSH_EVERY_S, Recovery
from vignette.use_cases.reindexing import Reindexing
from vignette.use_cases.removal import Removal
from vignette.use_cases.renewal import Renewal
from vignette.use_cases.reviewing import Reviewing
from vignette.use_cases.service_secret import ServiceSecret
from vignette.use_cases.service_snapshots import KeySnapshots, TicketSnapshots
from vignette.use_cases.settling import Settling
from vignette.use_cases.signing_keys import SigningKeys
from vignette.use_cases.sweeping import CLEAR_TRACES_EVERY_S, HINT_MAX_AGE_S, Sweeping
from vignette.use_cases.ticketing import Ticketing
from vignette.use_cases.verdicts import Verdicts

# Nobody else asks the processes that serve no clients.
_OF_OPERATORS: Final = Policy(Access.CLOSED)


def build_reindexing(store: FolderStore, catalogue: SqlCatalogue) -> Reindexing:
    return Reindexing(store, store, catalogue.index)


def build_health(store: FolderStore, catalogue: SqlCatalogue, jobs: Jobs) -> Health:
    return Health(
        needed={"folder": takes_uploads(store.probe, store), "catalogue": catalogue.database.probe},
        helpful={"queue": jobs.backlog, "worker": worker_is_heard(catalogue.workers)},
    )


def build_removal(
    store: FolderStore, catalogue: SqlCatalogue, policy: Policy = _OF_OPERATORS, trail: Trail = NO_TRAIL
) -> Removal:
    return Removal(store, catalogue.library, catalogue.removals, policy, trail=trail)


def build_reviewing(
    store: FolderStore, catalogue: SqlCatalogue, policy: Policy = _OF_OPERATORS, trail: Trail = NO_TRAIL
) -> Reviewing:
    removal = build_removal(store, catalogue, policy, trail)
    return Reviewing(store, store, catalogue.library, catalogue.quarantine, removal, policy, trail=trail)


def build_blocking(settings: Settings, store: FolderStore, catalogue: SqlCatalogue) -> Blocking | None:
    """None if no picture is blocked."""
    if not settings.block_list:
        return None
    reviewing = build_reviewing(store, catalogue, trail=build_trail(settings, catalogue))
    return Blocking(blocked_pictures(settings.block_list), reviewing, settings.on_blocked)


def build_renewal(
    catalogue: SqlCatalogue,
    jobs: Jobs,
    recipes: Sequence[Recipe],
    policy: Policy = _OF_OPERATORS,
    trail: Trail = NO_TRAIL,
) -> Renewal:
    return Renewal(catalogue.library, catalogue.waiting, catalogue.workers, jobs, recipes, policy, trail=trail)


def build_trail(settings: Settings, catalogue: SqlCatalogue) -> Trail:
    return Trail(catalogue.audit, settings.audit_addresses, settings.audit_days)


def build_auditing(settings: Settings, catalogue: SqlCatalogue) -> Auditing:
    return Auditing(catalogue.audit, settings.audit_days)


def build_key_snapshots(store: FolderStore, catalogue: SqlCatalogue) -> KeySnapshots:
    return KeySnapshots(catalogue.keys, store)


def build_ticket_snapshots(store: FolderStore, catalogue: SqlCatalogue) -> TicketSnapshots:
    return TicketSnapshots(catalogue.tickets, store)


def build_snapshots(store: FolderStore, catalogue: SqlCatalogue) -> tuple[KeySnapshots, TicketSnapshots]:
    """All that is kept in the upload folder beside the images."""
    return build_key_snapshots(store, catalogue), build_ticket_snapshots(store, catalogue)


def build_service_secret(store: FolderStore, catalogue: SqlCatalogue) -> ServiceSecret:
    return ServiceSecret(store, catalogue.keys)


def build_keyholding(store: FolderStore, catalogue: SqlCatalogue, trail: Trail = NO_TRAIL) -> Keyholding:
    return Keyholding(catalogue.keys, build_key_snapshots(store, catalogue).write, trail=trail)


def build_signing_keys(store: FolderStore, catalogue: SqlCatalogue) -> SigningKeys:
    return SigningKeys(store, catalogue.links)


def build_ticketing(
    store: FolderStore,
    catalogue: SqlCatalogue,
    keyholding: Keyholding,
    policy: Policy,
    trail: Trail = NO_TRAIL,
) -> Ticketing:
    return Ticketing(
        catalogue.tickets,
        build_ticket_snapshots(store, catalogue).write,
        catalogue.ticket_images,
        catalogue.library,
        keyholding,
        policy,
        trail=trail,
    )


def build_first_key(settings: Settings, store: FolderStore, catalogue: SqlCatalogue) -> FirstKey:
    return FirstKey(OfferFile(settings.first_key_file), build_keyholding(store, catalogue))


def build_verdicts(
    store: FolderStore, catalogue: SqlCatalogue, recipes: Sequence[Recipe], *, max_attempts: int
) -> Verdicts:
    return Verdicts(store, catalogue.library, catalogue.renderings, recipes, max_attempts=max_attempts)


def build_sweeping(
    store: FolderStore,
    catalogue: SqlCatalogue,
    jobs: Jobs,
    *,
    hint_max_age_s: float = HINT_MAX_AGE_S,
    clear_traces_every_s: float = CLEAR_TRACES_EVERY_S,
    clear_audit: Callable[[], object] = int,
) -> Sweeping:
    settling = Settling(store, store, store, catalogue.editing)
    return Sweeping(
        store,
        catalogue.library,
        catalogue.waiting,
        jobs,
        build_removal(store, catalogue),
        hint_max_age_s=hint_max_age_s,
        clear_traces_every_s=clear_traces_every_s,
        clear_audit=clear_audit,
        settle_edits=settling.settle,
        settle_copies=[copy.settle for copy in build_snapshots(store, catalogue)],
    )


def build_recovery(
    store: FolderStore, catalogue: SqlCatalogue, renewal: Renewal, *, flush_every_s: float = FLUSH_EVERY_S
) -> Recovery:
    return Recovery(store, store, catalogue.library, catalogue.unflushed, renewal, flush_every_s=flush_every_s)


def build_checkup(
    store: FolderStore,
    catalogue: SqlCatalogue,
    jobs: Jobs,
    recipes: Sequence[Recipe],
    *,
    settle: Callable[[], object] = settle,
    staging_max_age_s: float = STAGING_MAX_AGE_S,
) -> Checkup:
    return Checkup(
        store,
        store,
        store,
        catalogue.library,
        catalogue.index,
        build_removal(store, catalogue),
        build_renewal(catalogue, jobs, recipes),
        build_snapshots(store, catalogue),
        Door(),
        recipes,
        settle=settle,
        staging_max_age_s=staging_max_age_s,
    )
