"""The command line: `script/vignette --help`."""

from __future__ import annotations

import sys

import click

from vignette import __version__
from vignette.access.policy import Access
from vignette.cli.audit import audit
from vignette.cli.images import render, retry
from vignette.cli.keys import keys
from vignette.cli.quarantine import quarantine
from vignette.cli.signing_keys import signing_keys
from vignette.cli.tickets import tickets
from vignette.cli.trials import bench, torture
from vignette.cli.upkeep import fsck, reindex
from vignette.jail.modes import keep_files_private
from vignette.settings import Settings, load_settings_or_exit


@click.group()
@click.version_option(__version__, prog_name="vignette")
def main() -> None:
    """Vignette: a self-hosted image intake service."""
    keep_files_private()
    # The object of Click's context, `main(obj=…)`, is what `fsck` calls to settle; without one it settles as usual.


@main.command()
def serve() -> None:
    """Run the whole service in the foreground: queue, worker, web. Ctrl-C stops it."""
    # Here and in each other command: what only one of them needs is imported by that one, for imports are slow.
    from vignette.running.launcher import serve as serve_until_stopped

    sys.exit(serve_until_stopped(load_settings_or_exit(), open_catalogue))


def open_catalogue(settings: Settings, offer: str) -> None:
    """
    Bring the catalogue up to date before any process needs it; raise what keeps it from that. Where keys are needed and
    there is none for `admin`, the first one is offered for the token with the digest *offer*.
    """
    from vignette.wiring.stores import open_and_catch_up
    from vignette.wiring.use_cases import build_first_key

    store, catalogue = open_and_catch_up(settings)
    if settings.is_alone:
        catalogue.renderings.end_leases()  # those of a worker that was stopped while it rendered
    if settings.access is not Access.OPEN:
        build_first_key(settings, store, catalogue).offer(offer)
    catalogue.close()


for command in (reindex, retry, render, fsck, keys, tickets, signing_keys, quarantine, audit, torture, bench):
    main.add_command(command)
