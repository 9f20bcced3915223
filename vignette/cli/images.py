"""Commands on images: try failed ones again, and render again what other recipes have made."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

import click

from vignette.errors import ImageDeleted, ImageNotFailed, ImageNotFound
from vignette.model import ImageId
from vignette.ports.jobs import Lane
from vignette.settings import exit_with_words, load_settings
from vignette.use_cases.progress import duration
from vignette.use_cases.renewal import Renewed


@click.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--all-failed", is_flag=True, help="Every image that has failed.")
def retry(numbers: tuple[int, ...], all_failed: bool) -> None:
    """
    Try failed images again, as if they had never been tried.

    Their vignettes are made at once if the service runs, or else as soon as it does. Exit status 1 if one of the
    images could not be tried: it has not failed, was deleted, or never was.
    """
    from vignette.wiring.commands import open_renewal

    if bool(numbers) == all_failed:
        raise click.UsageError("name the images, or say --all-failed")
    with exit_with_words():
        renewal = open_renewal(load_settings())
        refused = 0
        for image_id in renewal.failed() if all_failed else map(ImageId, numbers):
            try:
                renewal.retry(image_id, Lane.BULK)
            except (ImageNotFound, ImageDeleted, ImageNotFailed) as error:
                click.echo(f"vignette: {error}", err=True)
                refused += 1
            else:
                click.echo(image_id)
    sys.exit(1 if refused else 0)


@click.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--all", "is_all", is_flag=True, help="Every image that is ready.")
@click.option("--force", is_flag=True, help="Also images whose vignettes are as the recipes say.")
def render(numbers: tuple[int, ...], is_all: bool, force: bool) -> None:
    """
    Render images again whose vignettes were made by recipes other than those set now.

    The worker of the running service does it, after all uploads that wait; the earlier vignettes are served until then.
    The worker does it by itself too, once the service was started with other recipes: this command shows how far it is,
    and tries images again that could not be rendered. After a change of the recipes, start the service anew first.

    Exit status 0: all are done; 1: some could not be rendered, or are left.
    """
    from vignette.wiring.commands import open_renewal

    if bool(numbers) == is_all:
        raise click.UsageError("name the images, or say --all")
    with exit_with_words():
        renewal = open_renewal(load_settings())
        refused, image_ids = 0, renewal.all_due(force=force) if is_all else []
        for image_id in map(ImageId, numbers):
            try:
                if force or renewal.is_due(image_id):
                    image_ids.append(image_id)
            except (ImageNotFound, ImageDeleted) as error:
                click.echo(f"vignette: {error}", err=True)
                refused += 1
        tally = RenderTally(len(image_ids))
        try:
            tally.follow(renewal.run(image_ids, force=force))
        finally:
            tally.tell()
    sys.exit(1 if refused or tally.failed or tally.left else 0)


class RenderTally:
    """Counts how many of *total* images `vignette render` has done, and shows it on a terminal."""

    # Enough to estimate the others by, and few enough to be done soon.
    _SAMPLE: Final = 20

    def __init__(self, total: int) -> None:
        self._total = total
        self._rendered = 0
        self.failed = 0

    @property
    def left(self) -> int:
        return self._total - self._rendered - self.failed

    def follow(self, images: Iterator[Renewed]) -> None:
        click.echo(f"{self._total:,} images to render")
        if self._total > self._SAMPLE:
            self._estimate(images)
        with click.progressbar(
            length=self._total, label="rendering", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            bar.update(self._total - self.left)
            for image in images:
                self._count(image)
                bar.update(1)

    def _estimate(self, images: Iterator[Renewed]) -> None:
        begun = time.monotonic()
        for image in islice(images, self._SAMPLE):
            self._count(image)
        took_s = time.monotonic() - begun
        others = duration(took_s / self._SAMPLE * self.left)
        click.echo(f"the first {self._SAMPLE} took {duration(took_s)}: about {others} for the others")

    def tell(self) -> None:
        click.echo(f"{self._rendered:,} rendered, {self.failed:,} failed, {self.left:,} left")

    def _count(self, image: Renewed) -> None:
        if image.failure is None:
            self._rendered += 1
        else:
            self.failed += 1
            click.echo(f"vignette: image {image.image_id} could not be rendered: {image.failure.detail}", err=True)
