"""
Processor time of the web process for an upload, beside a bare application that keeps the body: `vignette bench upload`.

Both run under the same web server with one process, and flush as often; see `bare_upload`. The kernel counts the time
of that process and of those below it, which are our door (clock_getcpuclockid(3)). Our worker is stopped meanwhile, so
that it does not compete for the processor's caches.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vignette.settings import PROJECT_FOLDER
from vignette.trials.bench.bare_upload import FOLDER
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, own_service
from vignette.trials.own_port import free_port
from vignette.trials.own_service import OwnService
from vignette.trials.processes import children_of, command_line, send

# Our time over that of the bare application, for a body that is the file, and for a form with the file. `--check` fails
# above a goal by more than the margin, which was chosen from the spread in `docs/performance.md`. Of each goal, 0.4 is
# for the door, whose processes may cost 1.5 ms.
GOAL: Final = 2.7
GOAL_FORM: Final = 3.0
MARGIN: Final = 0.8

# Photos of about this size are sent, so many of the folder.
_TYPICAL_BYTES: Final = 1_000_000
_PHOTOS: Final = 3

_WARM_UP_UPLOADS: Final = 6
_LIMIT_S: Final = 60.0

_BOUNDARY: Final = "vignette-bench-7Cq2mV0pLx"
_RAW: Final = "image/jpeg"
_FORM: Final = f"multipart/form-data; boundary={_BOUNDARY}"


@dataclass(frozen=True, slots=True)
class UploadReport:
    """Milliseconds of processor time for an upload, a figure for each round."""

    photos: list[str]
    bytes: int
    """The mean size of the photos."""
    uploads_in_a_round: int
    raw: list[float]
    form: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        """Our time for a file as the body over that of the bare application; less is better."""
        return median_ratio(self.raw, self.bare)

    @property
    def ratio_form(self) -> float:
        """The same for a form with a file."""
        return median_ratio(self.form, self.bare)

    def shortfalls(self) -> list[str]:
        """What is behind its goal by more than the margin."""
        return [
            f"{what}: {ratio:.2f} of the bare application's time is more than {MARGIN:.0%} behind the goal of {goal}"
            for what, ratio, goal in (("file", self.ratio, GOAL), ("form", self.ratio_form, GOAL_FORM))
            if ratio > goal * (1 + MARGIN)
        ]

    def as_json(self) -> str:
        ratios = {"ratio": self.ratio, "ratio_form": self.ratio_form}
        goals = {"goal": GOAL, "goal_form": GOAL_FORM, "margin": MARGIN}
        return json.dumps(asdict(self) | ratios | goals, indent=1)

    def as_text(self) -> str:
        return "\n".join(
            (
                f"{len(self.photos)} photos, {self.bytes / 1e6:.1f} MB on average; uploads: {self.uploads_in_a_round}",
                f"ms of processor time for an upload, median of {len(self.raw)} rounds",
                f"{'':6}{'ms':>8}{'ratio':>8}{'goal':>8}",
                f"{'bare':6}{statistics.median(self.bare):8.2f}",
                f"{'file':6}{statistics.median(self.raw):8.2f}{self.ratio:8.2f}{GOAL:8.1f}",
                f"{'form':6}{statistics.median(self.form):8.2f}{self.ratio_form:8.2f}{GOAL_FORM:8.1f}",
            )
        )


def typical(photos: Sequence[Path]) -> list[Path]:
    """The photos whose sizes are nearest to that of an average one."""
    return sorted(photos, key=lambda photo: abs(photo.stat().st_size - _TYPICAL_BYTES))[:_PHOTOS]


def run(
    photos: Sequence[Path], *, uploads: int, rounds: int, done: Callable[[], object] = lambda: None
) -> UploadReport:
    """
    Measure *rounds* times, with *uploads* of each kind in a round; call *done* after each kind.

    Raises:
        BenchUnavailable: The system does not tell the processor time of a process, or something does not start.
    """
    if sys.platform != "linux":
        raise BenchUnavailable("it reads the processor time of other processes as only Linux tells it")
    chosen = typical(photos)
    contents = [photo.read_bytes() for photo in chosen]
    forms = [_form(photo.name, content) for photo, content in zip(chosen, contents, strict=True)]
    with (
        bench_folder() as folder,
        own_service(folder, web_processes=1) as service,
        _worker_stopped(service),
        _bare_server(folder / "bare") as (bare_port, bare_process),
    ):
        ours = _only_child(_child(service, "granian"))
        figures = interleaved(
            [
                partial(_ms_of_an_upload, ours, service.port, _RAW, contents, uploads),
                partial(_ms_of_an_upload, ours, service.port, _FORM, forms, uploads),
                partial(_ms_of_an_upload, bare_process, bare_port, _RAW, contents, uploads),
            ],
            rounds,
            done,
        )
    return UploadReport([photo.name for photo in chosen], sum(map(len, contents)) // len(contents), uploads, *figures)


def _ms_of_an_upload(process: int, port: int, media_type: str, bodies: Sequence[bytes], uploads: int) -> float:
    for number in range(min(_WARM_UP_UPLOADS, uploads)):
        _post(port, media_type, bodies[number % len(bodies)])
    before = _processor_s(process)
    for number in range(uploads):
        _post(port, media_type, bodies[number % len(bodies)])
    # What a process of the door has had since that ended meanwhile is missing: one in some hundred uploads does.
    spent = sum(seconds - before.get(one, 0.0) for one, seconds in _processor_s(process).items())
    return spent * 1000 / uploads


def _processor_s(process: int) -> dict[int, float]:
    """The processor time that *process* and each process below it have had by now, in all their threads."""
    seconds: dict[int, float] = {}
    found = [process]
    for one in found:
        with suppress(OSError):  # it has just ended
            # As glibc's clock_getcpuclockid(3) makes the number of the clock: 2 stands for the scheduler's count.
            seconds[one] = time.clock_gettime(~one << 3 | 2)
            found += children_of(one)
    return seconds


def _post(port: int, media_type: str, body: bytes) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)) as connection:
        connection.request("POST", "/images", body, {"Content-Type": media_type})
        answer = connection.getresponse()
        words = answer.read().decode(errors="replace")
    if answer.status != http.client.CREATED:
        raise BenchUnavailable(f"an upload was answered {answer.status}: {words}")


def _form(name: str, content: bytes) -> bytes:
    """A form as a browser sends it, with one file."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    return b"%sContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n" % (head.encode(), _RAW.encode(), content, _BOUNDARY.encode())


def _child(service: OwnService, word: str) -> int:
    supervisor = service.supervisor
    found = [] if supervisor is None else [one for one in children_of(supervisor) if word in command_line(one)]
    if not found:
        raise BenchUnavailable(f"the service has no process of {word}")
    return found[0]


def _only_child(number: int) -> int:
    children = children_of(number)
    if len(children) != 1:
        raise BenchUnavailable(f"the web server has {len(children)} processes, and not one")
    return children[0]


@contextmanager
def _worker_stopped(service: OwnService) -> Iterator[None]:
    """Stop the processes of the worker (SIGSTOP); have them go on afterwards, so that the service can end."""
    worker = _child(service, "celery")
    stopped = [(worker, service.supervisor or 0), *((child, worker) for child in children_of(worker))]
    for process, parent in stopped:
        send(process, parent, signal.SIGSTOP)
    try:
        yield
    finally:
        for process, parent in stopped:
            send(process, parent, signal.SIGCONT)


@contextmanager
def _bare_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Run the bare application, which keeps what it gets in *folder*; yield its port and its process."""
    folder.mkdir()
    port = free_port()
    command = [
        *(sys.executable, "-m", "vignette.running.run_tied", "granian", "vignette.trials.bench.bare_upload:app"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--blocking-threads", "32", "--http", "1", "--log-level", "error"),
    ]
    server = subprocess.Popen(
        command,
        cwd=PROJECT_FOLDER,
        env=os.environ | {FOLDER: os.fspath(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(port, server)
        yield port, _only_child(server.pid)
    finally:
        server.kill()  # its process ends with it
        server.wait()


def _until_it_answers(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            _post(port, _RAW, b"1")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise BenchUnavailable("the bare web application does not start")
