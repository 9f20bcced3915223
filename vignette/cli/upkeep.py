"""Commands on all images: rebuild the catalogue, check and repair catalogue and folders."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from vignette.errors import VignetteError
from vignette.settings import exit_with_words, load_settings, load_settings_or_exit
from vignette.use_cases.findings import Report


@click.command()
@click.option("--lost", is_flag=True, help="The upload folder holds no image any more, and is to be taken as it is.")
def reindex(lost: bool) -> None:
    """
    Rebuild the catalogue from the folders. The service may run: uploads wait meanwhile, or are answered 503.

    Where the catalogue knows images and the upload folder holds none, its disk is probably not mounted, and nothing is
    done. If the images are lost for good, --lost makes an empty catalogue. Their numbers stay taken.
    """
    from vignette.wiring.stores import open_and_catch_up
    from vignette.wiring.use_cases import build_reindexing

    with exit_with_words():
        settings = load_settings()
        count = build_reindexing(*open_and_catch_up(settings, images_are_lost=lost)).rebuild()
    click.echo(f"{count} images in the catalogue, from {settings.upload_folder}")


@click.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired; without it, only look.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.pass_obj
def fsck(settle: Callable[[], object] | None, repair: bool, as_json: bool) -> None:
    """
    Check every folder against its record and its row in the catalogue. Safe while the service runs.

    Every original is read, and compared with the SHA-256 that it had when it came. No repair deletes an original,
    except that of an image whose deletion was asked for and was cut short.

    Exit status 0: all is well, or was repaired; 1: something is wrong; 2: it could not be checked.
    """
    from vignette.wiring.commands import open_checkup

    try:
        checkup = open_checkup(load_settings_or_exit(), settle)
        image_ids = checkup.image_ids()
        with click.progressbar(
            length=len(image_ids), label="checking", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            found = list(checkup.run(image_ids, repair=repair, checked=lambda _: bar.update(1)))
    except VignetteError as error:
        click.echo(f"vignette: it could not be checked: {error}", err=True)
        sys.exit(2)
    report = Report(len(image_ids), found, checkup.incomplete)
    click.echo(report.as_json() if as_json else report.as_text())
    sys.exit(0 if report.is_well else 1)
