"""The command line: `script/vignette --help`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import click

from vignette import __version__
from vignette.errors import ImageDeleted, ImageNotFailed, ImageNotFound, VignetteError
from vignette.findings import Report
from vignette.model import ImageId
from vignette.ports import Lane
from vignette.settings import Settings, exit_with_words, load_settings, load_settings_or_exit


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
    """Rebuild the catalogue from the folders. The service may run; uploads wait meanwhile, or are told to."""
    from vignette.reindexing import reindex as rebuild
    from vignette.wiring import open_store_and_catalogue

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
    from vignette.wiring import open_upkeep

    if bool(numbers) == all_failed:
        raise click.UsageError("name the images, or say --all-failed")
    with exit_with_words():
        upkeep = open_upkeep(load_settings())
        refused = 0
        for image_id in upkeep.failed() if all_failed else map(ImageId, numbers):
            try:
                upkeep.retry(image_id, Lane.BULK)
            except (ImageNotFound, ImageDeleted, ImageNotFailed) as error:
                click.echo(f"vignette: {error}", err=True)
                refused += 1
            else:
                click.echo(image_id)
    sys.exit(1 if refused else 0)


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
    from vignette.wiring import open_checkup

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
def torture(minutes: float, seed: int | None) -> None:
    """
    See for yourself that nothing acknowledged is lost.

    Starts a service of its own in a temporary folder, uploads to it, and kills and freezes its processes and empties
    its queue meanwhile; then compares what was promised with what is there. Your own images are not touched.

    Exit status 0: every promise was kept; 1: not, and the folders are left for a look; 2: not on this system.
    """
    from vignette.torture.session import torture as run

    if sys.platform != "linux":
        raise click.UsageError("it finds its processes in /proc, as only Linux has it")
    result = run(minutes * 60, secrets.randbelow(2**32) if seed is None else seed, say=partial(click.echo, err=True))
    click.echo(result.as_text())
    sys.exit(1 if result.violations else 0)


@main.group()
def bench() -> None:
    """Vignette beside others that do the same job, in the same run. docs/performance.md tells how to read it."""


@bench.command()
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="VIGNETTE_BENCH_PHOTOS",
    required=True,
    help="A folder of photos, or VIGNETTE_BENCH_PHOTOS; the formats that it lacks are made of its largest JPEG.",
)
@click.option("--quick", is_flag=True, help="A few small pictures of each format, in less than a minute.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON, with every picture.")
@click.option("--check", is_flag=True, help="Exit status 1 if a goal is missed by more than a margin.")
def pixels(photos: Path, quick: bool, as_json: bool, check: bool) -> None:
    """What a vignette costs beside libvips: time of the processor, memory, and how near it is to the whole picture."""
    from vignette.bench.photos import NoPhotos
    from vignette.bench.pixels import Comparison, bench_pixels

    def tell(one: Comparison) -> None:
        click.echo(f"{one.photo.path.name}: {one.ours.shrink_cpu_s * 1000:.1f} ms", err=True)

    try:
        report = bench_pixels(photos, quick=quick, compared=tell)
    except (NoPhotos, VignetteError) as error:
        click.echo(f"vignette: {error}", err=True)
        sys.exit(2)
    click.echo(report.as_json() if as_json else report.as_text())
    shortcomings = report.shortcomings() if check else []
    for words in shortcomings:
        click.echo(f"vignette: {words}", err=True)
    sys.exit(1 if shortcomings else 0)


_as_json = click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
_check = click.option("--check", is_flag=True, help="Exit status 1 if a ratio is more than a margin behind.")
_quick = click.option("--quick", is_flag=True, help="Few and short rounds: half a minute at most.")


@bench.command("serve")
@_as_json
@_check
@_quick
def bench_serve(as_json: bool, check: bool, quick: bool) -> None:
    """
    Requests a second for a ready vignette, beside nginx with the same file.

    Starts a service of its own and an nginx of its own; wants nginx and wrk (Debian: nginx-light, wrk). Exit status 2
    if something is missing.
    """
    from vignette.bench import serve as serving

    rounds, seconds = (5, 1) if quick else (15, 2)
    with _measuring(rounds * 4) as done:
        report = serving.run(rounds=rounds, seconds=seconds, done=done)
    _tell(report, as_json=as_json, check=check)


@bench.command("pipeline")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="VIGNETTE_BENCH_PHOTOS",
    required=True,
    help="A folder of photos, of which the JPEGs are sent; or VIGNETTE_BENCH_PHOTOS.",
)
@_as_json
@_check
@_quick
def bench_pipeline(photos: Path, as_json: bool, check: bool, quick: bool) -> None:
    """
    Seconds from the first upload to the last vignette, beside `vipsthumbnail` making the same from files.

    Starts a service of its own; wants vipsthumbnail (Debian: libvips-tools) and photos, which are sent again and again
    until there are 60. Exit status 2 if something is missing.
    """
    from vignette.bench import pipeline

    count, rounds = (12, 3) if quick else (pipeline.PHOTOS, 7)
    with _measuring(rounds * 2) as done:
        report = pipeline.run(pipeline.find_photos(photos), count=count, rounds=rounds, done=done)
    _tell(report, as_json=as_json, check=check)


class _BenchReport(Protocol):
    def as_text(self) -> str: ...
    def as_json(self) -> str: ...
    def shortcomings(self) -> list[str]: ...


@contextmanager
def _measuring(steps: int) -> Iterator[Callable[[], None]]:
    """A progress bar for a person; what it gives is to be called *steps* times. Exit status 2 if it cannot be done."""
    from vignette.bench.tools import BenchUnavailable

    try:
        with click.progressbar(length=steps, label="measuring", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            yield lambda: bar.update(1)
    except BenchUnavailable as error:
        click.echo(f"vignette: {error}", err=True)
        sys.exit(2)


def _tell(report: _BenchReport, *, as_json: bool, check: bool) -> None:
    click.echo(report.as_json() if as_json else report.as_text())
    shortcomings = report.shortcomings() if check else []
    for words in shortcomings:
        click.echo(f"vignette: {words}", err=True)
    sys.exit(1 if shortcomings else 0)
