"""The command line: `script/vignette --help`."""

from __future__ import annotations

import sys

import click

from vignette import __version__
from vignette.settings import exit_with_words, load_settings, load_settings_or_exit


@click.group()
@click.version_option(__version__, prog_name="vignette")
def main() -> None:
    """Vignette: a self-hosted image intake service."""


@main.command()
def serve() -> None:
    """Run the whole service in the foreground: queue, worker, web. Ctrl-C stops it."""
    # Here and below: the import costs more than the other commands take.
    from vignette.launcher import serve as serve_until_stopped

    sys.exit(serve_until_stopped(load_settings_or_exit()))


@main.command()
def reindex() -> None:
    """Rebuild the catalogue from the folders. The service may run; uploads wait meanwhile, or are told to."""
    from vignette.reindexing import reindex as rebuild
    from vignette.wiring import open_store_and_catalogue

    with exit_with_words():
        settings = load_settings()
        count = rebuild(*open_store_and_catalogue(settings))
    click.echo(f"{count} images in the catalogue, from {settings.upload_folder}")
