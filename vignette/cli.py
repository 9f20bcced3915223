"""The command line: `script/vignette --help`."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

import click

from vignette import __version__
from vignette.bench.commands import bench
from vignette.errors import ImageDeleted, ImageNotFailed, ImageNotFound, VignetteError
from vignette.model import ImageId
from vignette.ports import Lane
from vignette.settings import Settings, exit_with_words, load_settings, load_settings_or_exit
from vignette.use_cases.findings import Report
from vignette.use_cases.renewal import Renewed


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
    from vignette.wiring.stores import open_store_and_catalogue

    _, catalogue = open_store_and_catalogue(settings)
    catalogue.close()


@main.command()
def reindex() -> None:
    """Rebuild the catalogue from the folders. The service may run; uploads wait meanwhile, or are told to."""
    from vignette.use_cases.reindexing import reindex as rebuild
    from vignette.wiring.stores import open_store_and_catalogue

    with exit_with_words():
        settings = load_settings()
        count = rebuild(*open_store_and_catalogue(settings))
    click.echo(f"{count} images in the catalogue, from {settings.upload_folder}")


@main.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--all-failed", is_flag=True, help="Every image that has failed.")
def retry(numbers: tuple[int, ...], all_failed: bool) -> None:
    """
    Try failed images again, as if they had never been tried.

    Their vignettes are made at once if the service runs, and else as soon as it does. Exit status 1 if one of the
    numbers could not be tried: it is not failed, was deleted, or never was.
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


@main.command()
@click.argument("numbers", metavar="[ID]...", nargs=-1, type=click.IntRange(min=0))
@click.option("--all", "is_all", is_flag=True, help="Every image that is ready.")
@click.option("--force", is_flag=True, help="Also those whose vignettes are as the recipes say.")
def render(numbers: tuple[int, ...], is_all: bool, force: bool) -> None:
    """
    Have vignettes made again that other recipes have made than those set now.

    The worker of the running service makes them, when no upload is waiting; what there is goes on being served until
    then. It does so by itself after a start with other recipes: this shows how far it is, and does it for images that
    it could not render. After a change of the recipes the service has to be started anew first.

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
    """Counts what `vignette render` has done of *total* images, and tells of it on a terminal."""

    # As many as tell how long the others will take, and do not take long themselves.
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
        others = _duration(took_s / self._SAMPLE * self.left)
        click.echo(f"the first {self._SAMPLE} took {_duration(took_s)}: about {others} for the others")

    def tell(self) -> None:
        click.echo(f"{self._rendered:,} rendered, {self.failed:,} failed, {self.left:,} left")

    def _count(self, image: Renewed) -> None:
        if image.failure is None:
            self._rendered += 1
        else:
            self.failed += 1
            click.echo(f"vignette: image {image.image_id} could not be rendered: {image.failure.detail}", err=True)


def _duration(seconds: float) -> str:
    """*seconds* as one reads them: "8 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@main.command()
@click.option("--repair", is_flag=True, help="Repair what can be repaired; without it, only look.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def fsck(repair: bool, as_json: bool) -> None:
    """
    Check every folder against its record and its row in the catalogue. Safe while the service runs.

    Every original is read, and compared with the SHA-256 that it had when it came. No repair deletes an original, but
    that of an image whose deletion was asked for and cut short.

    Exit status 0: all is well, or was repaired; 1: something is wrong; 2: it could not be checked.
    """
    from vignette.wiring.commands import open_checkup

    try:
        checkup = open_checkup(load_settings_or_exit())
        image_ids = checkup.image_ids()
        with click.progressbar(
            length=len(image_ids), label="checking", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            found = list(checkup.run(image_ids, repair=repair, checked=lambda _: bar.update(1)))
    except VignetteError as error:
        click.echo(f"vignette: it could not be checked: {error}", err=True)
        sys.exit(2)
    report = Report(images=len(image_ids), findings=found)
    click.echo(report.as_json() if as_json else report.as_text())
    sys.exit(0 if report.is_well else 1)


@main.command()
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--seed", type=int, help="Of the plan; chosen by chance unless given.")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(min=1), help="One after another.")
def torture(minutes: float, seed: int | None, runs: int) -> None:
    """
    See for yourself that nothing acknowledged is lost.

    Starts a service of its own in a temporary folder, uploads to it, and kills and freezes its processes and empties
    its queue meanwhile; then compares what was promised with what is there. Your own images are not touched.

    Several runs have a new service each, and the seeds that follow; the last line adds them up.

    Exit status 0: every promise was kept; 1: not, and the folders are left for a look; 2: not on this system.
    """
    from vignette.torture.session import torture as run
    from vignette.torture.session import total

    if sys.platform != "linux":
        raise click.UsageError("it finds its processes in /proc, as only Linux has it")
    first = secrets.randbelow(2**32) if seed is None else seed
    results = []
    for number in range(first, first + runs):
        results.append(run(minutes * 60, number, say=partial(click.echo, err=True)))
        click.echo(results[-1].as_text())
    if runs > 1:
        click.echo(total(results))
    sys.exit(1 if any(result.violations for result in results) else 0)


main.add_command(bench)
