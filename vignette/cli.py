"""The command line: `script/vignette --help`."""

from __future__ import annotations

import sys

import click

from vignette import __version__
from vignette.errors import VignetteError
from vignette.settings import Settings, load_settings_or_exit


@click.group()
@click.version_option(__version__, prog_name="vignette")
def main() -> None:
    """Vignette: a self-hosted image intake service."""


@main.command()
def serve() -> None:
    """Run the whole service in the foreground: queue, worker, web. Ctrl-C stops it."""
    # Here and below: the import costs more than the other commands take.
    from vignette.launcher import serve as serve_until_stopped

    sys.exit(serve_until_stopped(load_settings_or_exit(), prepare=_open_catalogue))


def _open_catalogue(settings: Settings) -> None:
    """Bring it up to date before any process needs it, or say why that cannot be."""
    from vignette.wiring import open_store_and_catalogue

    _, catalogue = open_store_and_catalogue(settings)
    catalogue.close()


@main.command()
def reindex() -> None:
    """Rebuild the catalogue from the folders. Safe while the service runs."""
    from vignette.reindexing import reindex as rebuild
    from vignette.wiring import open_store_and_catalogue

    settings = load_settings_or_exit()
    try:
        count = rebuild(*open_store_and_catalogue(settings))
    except VignetteError as error:
        raise click.ClickException(f"{error} ({error.__cause__})" if error.__cause__ else str(error)) from error
    click.echo(f"{count} images in the catalogue, from {settings.upload_folder}")
