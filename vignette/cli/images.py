"""Commands on images: try again what failed, and render again what other recipes have made."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Final

import click

from vignette.access.actors import OPERATOR
from vignette.errors import ImageDeleted, ImageNotFailed, ImageNotFound
from vignette.model import ImageId
from vignette.ports.jobs import Lane
from vignette.settings import exit_with_words, load_settings
from vignette.use_cases.progress import duration
from vignette.use_cases.renewal import Amount, Renewal, Renewed


@click.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--all-failed", is_flag=True, help="Every image that failed, in whole or in part.")
def retry(numbers: tuple[int, ...], all_failed: bool) -> None:
    """
    Try images again that failed, in whole or in part, as if they had never been tried.

    A ready image that lacks sizes stays ready, and is given only those. The vignettes are made at once if the service
    runs, or else as soon as it does. Exit status 1 if one of the images could not be tried: it has not failed, was
    deleted, or never was.
    """
    from vignette.wiring.commands import open_renewal

    if bool(numbers) == all_failed:
        raise click.UsageError("name the images, or say --all-failed")
    with exit_with_words():
        renewal = open_renewal(load_settings())
        refused = 0
        for image_id in renewal.failed() if all_failed else map(ImageId, numbers):
            try:
                renewal.retry(OPERATOR, image_id, Lane.BULK)
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
        if is_all:
            refused, tally = 0, RenderTally(renewal.count_due(force=force))
            image_ids = renewal.all_due(force=force)
        else:
            named, refused = _due(renewal, numbers, force=force)
            tally, image_ids = RenderTally(Amount(len(named), len(named))), iter(named)
        try:
            tally.follow(renewal.run(image_ids, force=force))
            if is_all and not force:  # The worker has tried some by itself meanwhile, perhaps in vain.
                tally.end(still_due=renewal.count_due().least)
        finally:
            tally.tell()
    sys.exit(1 if refused or tally.failed or tally.left else 0)


def _due(renewal: Renewal, numbers: tuple[int, ...], *, force: bool) -> tuple[list[ImageId], int]:
    """Those of *numbers* that are to be rendered, and how many are no image."""
    due, refused = [], 0
    for image_id in map(ImageId, numbers):
        try:
            if force or renewal.is_due(image_id):
                due.append(image_id)
        except (ImageNotFound, ImageDeleted) as error:
            click.echo(f"vignette: {error}", err=True)
            refused += 1
    return due, refused


class RenderTally:
    """Counts how many of *total* images `vignette render` has done, and shows it on a terminal."""

    # Enough to estimate the others by, and few enough to be done soon.
    _SAMPLE: Final = 20

    def __init__(self, total: Amount) -> None:
        self._total = total
        self._rendered = 0
        self.failed = 0
        self._left: int | None = None

    @property
    def left(self) -> int:
        """How many are left, at least."""
        return max(0, self._total.least - self._rendered - self.failed) if self._left is None else self._left

    def follow(self, images: Iterator[Renewed]) -> None:
        click.echo(f"{self._total} images to render")
        if self._total.least > self._SAMPLE:
            self._estimate(images)
        with click.progressbar(
            length=self._total.most,
            label="rendering",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
            show_pos=True,
            show_percent=True,
        ) as bar:
            bar.update(self._rendered + self.failed)
            for image in images:
                self._count(image)
                bar.update(1)
        self._left = 0

    def end(self, *, still_due: int) -> None:
        """Note how many are still to be rendered, those that have failed included."""
        self._left = max(0, still_due - self.failed)

    def _estimate(self, images: Iterator[Renewed]) -> None:
        begun = time.monotonic()
        for image in islice(images, self._SAMPLE):
            self._count(image)
        took_s = time.monotonic() - begun
        others = [duration(took_s / self._SAMPLE * (of - self._SAMPLE)) for of in (self._total.least, self._total.most)]
        words = f"about {others[0]}" if self._total.least == self._total.most else " to ".join(others)
        click.echo(f"the first {self._SAMPLE} took {duration(took_s)}: {words} for the others")

    def tell(self) -> None:
        is_exact = self._left is not None or self._total.least == self._total.most
        left = f"{self.left:,}" if is_exact else f"at least {self.left:,}"
        click.echo(f"{self._rendered:,} rendered, {self.failed:,} failed, {left} left")

    def _count(self, image: Renewed) -> None:
        if image.failure is None:
            self._rendered += 1
        else:
            self.failed += 1
            click.echo(f"vignette: image {image.image_id} could not be rendered: {image.failure.detail}", err=True)
