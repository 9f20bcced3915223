"""Commands that torture or measure a service, which they start for the purpose."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import click

from vignette.settings import PROJECT_FOLDER, load_settings_or_exit
from vignette.trials.bench.effort import Effort
from vignette.trials.undertaker import undertaken


@click.command()
@click.option("--minutes", default=1.0, show_default=True, type=click.FloatRange(min=0, min_open=True))
@click.option("--seed", type=int, help="Of the plan; chosen by chance unless given.")
@click.option("--runs", default=1, show_default=True, type=click.IntRange(min=1), help="One after another.")
@click.option(
    "--tasks-per-process",
    type=click.IntRange(min=1),
    help="Pictures until the worker forks a new process: the fewer, the more forks.",
)
def torture(minutes: float, seed: int | None, runs: int, tasks_per_process: int | None) -> None:
    """
    See for yourself that nothing acknowledged is lost.

    Starts a service in a temporary folder, uploads to it, and meanwhile kills and freezes its processes and empties its
    queue. Then it compares what was promised with what is there. Your own images are not touched.

    Each of several runs has a new service, and the next seed; the last line adds them up.

    Exit status 0: every promise was kept; 1: some were not, and the folders are left for a look; 2: not on this system.
    """
    from vignette.trials.torture.session import torture as run
    from vignette.trials.torture.session import total
    from vignette.trials.torture.victim import TASKS_PER_PROCESS

    if sys.platform != "linux":
        raise click.UsageError("it finds its processes in /proc, as only Linux has it")
    click.get_current_context().with_resource(undertaken())
    first = secrets.randbelow(2**32) if seed is None else seed
    results = []
    for number in range(first, first + runs):
        say = partial(click.echo, err=True)
        results.append(run(minutes * 60, number, tasks_per_process=tasks_per_process or TASKS_PER_PROCESS, say=say))
        click.echo(results[-1].as_text())
    if runs > 1:
        click.echo(total(results))
    sys.exit(1 if any(result.violations for result in results) else 0)


@click.group()
def bench() -> None:
    """Measure Vignette, mostly beside others that do the same job in the same run: see docs/performance.md."""
    if sys.platform == "linux":
        click.get_current_context().with_resource(undertaken())


_photos = click.option(
    "--photos",
    "folder",
    envvar="VIGNETTE_CORPUS",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A folder of photos, or with a folder `photos` of them; VIGNETTE_CORPUS unless given.",
)
_disk = click.option(
    "--folder",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    help="A folder on the disk to measure; that of the service's state unless given.",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
_check = click.option("--check", is_flag=True, help="Exit status 1 if a ratio is more than a margin behind its goal.")
_quick = click.option(
    "--quick", "effort", flag_value=Effort.QUICK, default=Effort.FULL, help="Few and short rounds: a minute at most."
)
_smoke = click.option("--smoke", "effort", flag_value=Effort.SMOKE, help="One tiny round: it runs, and tells nothing.")


def _effort(command: Callable[..., None]) -> Callable[..., None]:
    """`--quick` and `--smoke`, as the argument `effort`."""
    return _quick(_smoke(command))


@bench.command()
@_photos
@_as_json
@_check
@_effort
def pixels(folder: Path, as_json: bool, check: bool, effort: Effort) -> None:
    """
    What a vignette costs beside libvips: processor time, memory, and how near it is to the whole picture.

    The formats that the photos lack are made of the largest JPEG. Exit status 2 if there is none.
    """
    from vignette.trials.bench import pixels as one_vignette

    with _measuring() as done:
        report = one_vignette.run(folder, effort, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_as_json
@_check
@_effort
def serve(as_json: bool, check: bool, effort: Effort) -> None:
    """
    Requests a second for a ready vignette, beside nginx with the same file.

    Starts a service and an nginx for the purpose; needs nginx and wrk (Debian: nginx-light, wrk). Exit status 2 if one
    is missing.
    """
    from vignette.trials.bench import serve as serving

    rounds, seconds = effort.choose(full=(15, 2), quick=(5, 1), smoke=(1, 1))
    with _measuring(rounds * 4) as done:
        report = serving.run(rounds=rounds, seconds=seconds, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@click.option(
    "--photos",
    "folder",
    envvar="VIGNETTE_CORPUS",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=PROJECT_FOLDER / "image_test",
    help="A folder of photos to upload, or with a folder `photos` of them; VIGNETTE_CORPUS or one photo unless given.",
)
@_as_json
@_check
@_effort
def latency(folder: Path, as_json: bool, check: bool, effort: Effort) -> None:
    """
    How long a ready vignette takes while four clients upload, beside nginx with the same file.

    Starts a service and an nginx for the purpose; needs nginx (Debian: nginx-light). Exit status 2 if it is missing.
    """
    from vignette.trials.bench import latency as under_load
    from vignette.trials.bench.tools import find_photos

    rounds, seconds = effort.choose(full=(7, 4), quick=(3, 4), smoke=(1, 1))
    with _measuring(rounds) as done:
        report = under_load.run(find_photos(folder), rounds=rounds, seconds=seconds, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_photos
@_as_json
@_check
@_effort
def pipeline(folder: Path, as_json: bool, check: bool, effort: Effort) -> None:
    """
    Seconds from the first upload to the last vignette, beside `vipsthumbnail` making the same from files.

    Three ratios: both make the same small JPEG; the last default vignette with default settings, beside that JPEG; all
    vignettes with default settings.

    Starts two services for the purpose; needs vipsthumbnail (Debian: libvips-tools) and photos, which are sent again
    and again until there are 60. Exit status 2 if something is missing.
    """
    from vignette.trials.bench import pipeline as whole_way
    from vignette.trials.bench.tools import find_photos

    count, rounds = effort.choose(full=(whole_way.PHOTOS, 7), quick=(12, 3), smoke=(1, 1))
    with _measuring(rounds * 4) as done:
        report = whole_way.run(find_photos(folder), count=count, rounds=rounds, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_photos
@_as_json
@_check
@_effort
def upload(folder: Path, as_json: bool, check: bool, effort: Effort) -> None:
    """
    Processor time of the web process for an upload, beside a bare web application that keeps the body as durably.

    Starts both for the purpose; sends the three JPEGs whose sizes are nearest to 1 MB. Linux. Exit status 2 if
    something is missing.
    """
    from vignette.trials.bench import upload as one_upload
    from vignette.trials.bench.tools import find_photos

    uploads, rounds = effort.choose(full=(60, 7), quick=(40, 5), smoke=(1, 1))
    with _measuring(rounds * 3) as done:
        report = one_upload.run(find_photos(folder), uploads=uploads, rounds=rounds, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_disk
@_as_json
@_effort
def durability(folder: Path | None, as_json: bool, effort: Effort) -> None:
    """
    Milliseconds for an upload with `durability = "full"`, beside the same with "fast": what flushing costs.

    Exit status 2 if nothing can be written to the folder.
    """
    from vignette.trials.bench import durability as flushing

    edges_px, rounds = effort.choose(full=(flushing.EDGES_PX, 15), quick=(flushing.EDGES_PX, 5), smoke=((100,), 1))
    with _measuring(len(edges_px) * len(flushing.CLIENTS) * rounds * 2) as done:
        report = flushing.run(_place(folder), edges_px=edges_px, rounds=rounds, done=done)
    _tell(report, as_json=as_json)


@bench.command()
@_disk
@_as_json
@click.option(
    "--check", is_flag=True, help="Exit status 1 if anything is lost, given twice or left without a vignette."
)
@_effort
def burst(folder: Path | None, as_json: bool, check: bool, effort: Effort) -> None:
    """
    10,000 small uploads of 32 clients: how long they take, how much memory, and whether each of them is kept.

    Tells also how long a vignette that was there before takes meanwhile.

    Starts a service for the purpose. Exit status 2 if it does not start, or refuses an upload for good.
    """
    from vignette.trials.bench import burst as many_uploads

    uploads = effort.choose(full=many_uploads.UPLOADS, quick=300, smoke=10)
    with _measuring(uploads) as done:
        report = many_uploads.run(_place(folder), uploads=uploads, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_disk
@_as_json
@_check
@_effort
def scale(folder: Path | None, as_json: bool, check: bool, effort: Effort) -> None:
    """
    What pages, starts and sweeps cost with 1,000,000 images, beside 10,000; with --quick, 100,000 beside 10,000.

    Generates both catalogues, which takes 1 GB of the disk and a minute. Exit status 2 if there is no room.
    """
    from vignette.trials.bench import scale as many_images

    sizes, rounds = effort.choose(
        full=(many_images.FULL, 15), quick=(many_images.QUICK, 5), smoke=(many_images.SMOKE, 1)
    )
    with _measuring() as done:
        report = many_images.run(_place(folder), sizes, rounds=rounds, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


@bench.command()
@_as_json
@click.option("--check", is_flag=True, help="Exit status 1 if a request had no answer within 20 seconds.")
@_effort
def strangers(as_json: bool, check: bool, effort: Effort) -> None:
    """
    What a healthy client feels beside idle connections, slow uploads, slow readers, many downloads and many pages.

    Starts a service for the purpose. Linux only. Exit status 2 if it does not start.
    """
    from vignette.trials.bench import strangers as beside_strangers

    if sys.platform != "linux":
        raise click.UsageError("the strangers come from 127.0.0.2, which only Linux has by itself")
    many = beside_strangers.CONNECTIONS
    seconds, settling_s, connections = effort.choose(
        full=(30.0, 10.0, many), quick=(8.0, 6.0, many), smoke=(0.1, 0.5, 50)
    )
    with _measuring() as done:
        report = beside_strangers.run(seconds=seconds, settling_s=settling_s, connections=connections, done=done)
    _tell(report, as_json=as_json)
    _fail_if(check, report.shortfalls())


def _place(folder: Path | None) -> Path:
    return load_settings_or_exit().state_folder if folder is None else folder


class _BenchReport(Protocol):
    def as_text(self) -> str: ...
    def as_json(self) -> str: ...


@contextmanager
def _measuring(steps: int | None = None) -> Iterator[Callable[[], None]]:
    """
    Show a progress bar to a person; yield what is to be called after each of *steps* (None: nobody knows how many).

    If the bench cannot run, the command ends with exit status 2.
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


def _tell(report: _BenchReport, *, as_json: bool) -> None:
    click.echo(report.as_json() if as_json else report.as_text())


def _fail_if(check: bool, shortfalls: list[str]) -> None:
    if check and shortfalls:
        for words in shortfalls:
            click.echo(f"vignette: {words}", err=True)
        sys.exit(1)
