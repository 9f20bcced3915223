"""Commands on all images: rebuild the catalogue, check and repair catalogue and folders."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from vignette.errors import VignetteError
from vignette.model import ImageId
from vignette.settings import exit_with_words, load_settings, load_settings_or_exit
from vignette.use_cases.findings import Report

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # Click gives its type no other name


@click.command()
@click.option("--lost", is_flag=True, help="The upload folder holds no image any more, and is to be taken as it is.")
def reindex(lost: bool) -> None:
    """
    Rebuild the catalogue from the folders. The service may run: uploads wait meanwhile, or are answered 503.

    Where the catalogue knows images and the upload folder holds none, its disk is probably not mounted, and nothing is
    done. If the images are lost for good, --lost makes an empty catalogue. Their numbers stay taken.

    If the catalogue has no keys, those that the upload folder knows are valid again. Otherwise the keys stay as they
    are. The same holds for tickets.
    """
    from vignette.wiring.stores import open_and_catch_up
    from vignette.wiring.use_cases import build_reindexing, build_snapshots

    with exit_with_words():
        settings = load_settings()
        store, catalogue = open_and_catch_up(settings, images_are_lost=lost)
        reindexing = build_reindexing(store, catalogue)
        count = reindexing.rebuild(_with_a_bar) if sys.stderr.isatty() else reindexing.rebuild()
        for snapshots in build_snapshots(store, catalogue):
            snapshots.bring_back()
    click.echo(f"{count} images in the catalogue, from {settings.upload_folder}")


def _with_a_bar(image_ids: Sequence[ImageId]) -> Iterator[ImageId]:
    with _bar("reading the folders", len(image_ids)) as bar:
        for image_id in image_ids:
            yield image_id
            bar.update(1)


def _bar(label: str, length: int) -> ProgressBar[int]:
    """A bar that says how many of *length* are done and how long the others will take, where there is a terminal."""
    return click.progressbar(
        length=length,
        label=label,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        show_pos=True,
        show_percent=True,
        # To draw the bar for each image would take longer than to read the image.
        update_min_steps=max(1, length // 1000),
    )


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
        with _bar("checking", len(image_ids)) as bar:
            found = list(checkup.run(image_ids, repair=repair, checked=lambda _: bar.update(1)))
    except VignetteError as error:
        click.echo(f"vignette: it could not be checked: {error}", err=True)
        sys.exit(2)
    report = Report(len(image_ids), found, checkup.incomplete, checkup.not_completed)
    click.echo(report.as_json() if as_json else report.as_text())
    sys.exit(0 if report.is_well else 1)
