"""Commands that start a service of their own, to torture it or to measure it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import click


@click.command()
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
    from vignette.trials.torture.session import torture as run
    from vignette.trials.torture.session import total

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


@click.group()
def bench() -> None:
    """Vignette beside others that do the same job, in the same run. docs/performance.md tells how to read it."""


_photos = click.option(
    "--photos",
    "folder",
    envvar="VIGNETTE_CORPUS",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A folder of photos, or with a folder `photos` of them; VIGNETTE_CORPUS unless given.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
_check = click.option("--check", is_flag=True, help="Exit status 1 if a ratio is more than a margin behind its goal.")
_quick = click.option("--quick", is_flag=True, help="Few and short rounds: a minute at most.")


@bench.command()
@_photos
@_as_json
@_check
@_quick
def pixels(folder: Path, as_json: bool, check: bool, quick: bool) -> None:
    """
    What a vignette costs beside libvips: time of the processor, memory, and how near it is to the whole picture.

    The formats that the photos lack are made of the largest JPEG. Exit status 2 if there is none.
    """
    from vignette.trials.bench.pixels import bench_pixels
    from vignette.trials.bench.tools import photo_folder

    with _measuring() as done:
        report = bench_pixels(photo_folder(folder), quick=quick, compared=done)
    _tell(report, as_json=as_json, check=check)


@bench.command()
@_as_json
@_check
@_quick
def serve(as_json: bool, check: bool, quick: bool) -> None:
    """
    Requests a second for a ready vignette, beside nginx with the same file.

    Starts a service of its own and an nginx of its own; wants nginx and wrk (Debian: nginx-light, wrk). Exit status 2
    if something is missing.
    """
    from vignette.trials.bench import serve as serving

    rounds, seconds = (5, 1) if quick else (15, 2)
    with _measuring(rounds * 4) as done:
        report = serving.run(rounds=rounds, seconds=seconds, done=done)
    _tell(report, as_json=as_json, check=check)


@bench.command()
@_photos
@_as_json
@_check
@_quick
def pipeline(folder: Path, as_json: bool, check: bool, quick: bool) -> None:
    """
    Seconds from the first upload to the last vignette, beside `vipsthumbnail` making the same from files.

    Starts a service of its own; wants vipsthumbnail (Debian: libvips-tools) and photos, which are sent again and again
    until there are 60. Exit status 2 if something is missing.
    """
    from vignette.trials.bench import pipeline as whole_way

    count, rounds = (12, 3) if quick else (whole_way.PHOTOS, 7)
    with _measuring(rounds * 2) as done:
        report = whole_way.run(whole_way.find_photos(folder), count=count, rounds=rounds, done=done)
    _tell(report, as_json=as_json, check=check)


class _BenchReport(Protocol):
    def as_text(self) -> str: ...
    def as_json(self) -> str: ...
    def shortfalls(self) -> list[str]: ...


@contextmanager
def _measuring(steps: int | None = None) -> Iterator[Callable[[], None]]:
    """
    A progress bar for a person; what it gives is to be called *steps* times, or as often as turns out. Exit status 2 if
    it cannot be done.
    """
    from vignette.trials.bench.tools import BenchUnavailable

    try:
        unknown = iter(()) if steps is None else None
        is_hidden = not sys.stderr.isatty()
        with click.progressbar(unknown, steps, "measuring", file=sys.stderr, hidden=is_hidden) as bar:
            yield lambda: bar.update(1)
    except BenchUnavailable as error:
        click.echo(f"vignette: {error}", err=True)
        sys.exit(2)


def _tell(report: _BenchReport, *, as_json: bool, check: bool) -> None:
    click.echo(report.as_json() if as_json else report.as_text())
    shortfalls = report.shortfalls() if check else []
    for words in shortfalls:
        click.echo(f"vignette: {words}", err=True)
    sys.exit(1 if shortfalls else 0)
