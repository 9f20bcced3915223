"""
How fast a ready vignette goes out, beside nginx with the same file: `vignette bench serve`.

Both run all the time, each with its default number of processes; wrk asks them in turns. Our answers carry the state
of the image, `ETag`, `Vary`, negotiation and security headers; nginx's carry what it says of a file. Neither writes a
log. Each is asked for a 304 by the tag that it gave.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from vignette.adapters.stores.folder import FolderStore
from vignette.model import ImageId
from vignette.settings import PROJECT_FOLDER
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, own_service, program, until_ready, upload
from vignette.trials.own_port import free_port

CONNECTIONS: Final = 32

# The share of nginx's requests a second. `--check` fails below the goal by more than the margin, which was chosen from
# the spread in `docs/performance.md`.
GOAL: Final = 0.5
MARGIN: Final = 0.5

# How many 304 we give in the time of a 200.
GOAL_304: Final = 1.0
MARGIN_304: Final = 0.25

_ACCEPT: Final = "image/webp"
_LIMIT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class ServeReport:
    """Requests a second, a figure for each round."""

    connections: int
    vignette_bytes: int
    ours: list[float]
    ours_304: list[float]
    nginx: list[float]
    nginx_304: list[float]

    @property
    def ratio(self) -> float:
        """Our requests a second over nginx's; more is better."""
        return median_ratio(self.ours, self.nginx)

    @property
    def ratio_304(self) -> float:
        return median_ratio(self.ours_304, self.nginx_304)

    @property
    def gain_of_304(self) -> float:
        """How many 304 we give in the time of a 200."""
        return median_ratio(self.ours_304, self.ours)

    def shortfalls(self) -> list[str]:
        """What is behind its goal by more than the margin."""
        found = []
        if self.ratio < GOAL * (1 - MARGIN):
            found.append(f"{self.ratio:.2f} of nginx is more than {MARGIN:.0%} behind the goal of {GOAL}")
        if self.gain_of_304 < GOAL_304 * (1 - MARGIN_304):
            found.append(f"a 304 costs more than a 200: {self.gain_of_304:.2f} of them in its time")
        return found

    def as_json(self) -> str:
        ratios = {"ratio": self.ratio, "ratio_304": self.ratio_304, "gain_of_304": self.gain_of_304}
        return json.dumps(asdict(self) | ratios | {"goal": GOAL, "margin": MARGIN}, indent=1)

    def as_text(self) -> str:
        lines = [
            f"a vignette of {self.vignette_bytes} bytes, {self.connections} connections",
            f"requests a second, median of {len(self.ours)} rounds",
            f"{'':6}{'vignette':>10}{'nginx':>10}{'ratio':>8}",
            _line("200", self.ours, self.nginx, self.ratio),
            _line("304", self.ours_304, self.nginx_304, self.ratio_304),
            f"304 to 200: {self.gain_of_304:.2f}; goal of the first ratio: {GOAL} or more",
        ]
        return "\n".join(lines)


def _line(status: str, ours: list[float], nginx: list[float], ratio: float) -> str:
    return f"{status:6}{statistics.median(ours):10.0f}{statistics.median(nginx):10.0f}{ratio:8.2f}"


def run(*, rounds: int, seconds: float, done: Callable[[], object] = lambda: None) -> ServeReport:
    """
    Measure *rounds* times, each of the four kinds of request for *seconds*; call *done* after each.

    Raises:
        BenchUnavailable: A program is missing, or something does not start.
    """
    wrk, nginx = program("wrk"), program("nginx")
    photo = (PROJECT_FOLDER / "image_test" / "photo.jpg").read_bytes()
    with bench_folder() as folder, own_service(folder) as service:
        image_id = ImageId(upload(service.port, photo))
        content, etag = until_ready(service.port, image_id, _ACCEPT)
        _until_settled(FolderStore(service.upload_folder), image_id)
        with _nginx(nginx, folder, content) as (port, nginx_etag):
            ours = f"http://127.0.0.1:{service.port}/vignette/{image_id}"
            theirs = f"http://127.0.0.1:{port}/vignette.webp"
            ask = partial(_ask, wrk, seconds)
            figures = interleaved(
                [
                    lambda: ask(ours),
                    lambda: ask(theirs),
                    lambda: ask(ours, etag),
                    lambda: ask(theirs, nginx_etag),
                ],
                rounds,
                done,
            )
    return ServeReport(CONNECTIONS, len(content), figures[0], figures[2], figures[1], figures[3])


def _until_settled(store: FolderStore, image_id: ImageId) -> None:
    """Wait until the fast path may keep answers: a folder counts as settled some seconds after its last change."""
    deadline = time.monotonic() + _LIMIT_S
    while store.edition(image_id) is None:
        if time.monotonic() > deadline:
            raise BenchUnavailable("the folder of the image does not settle")
        time.sleep(0.1)


def _ask(wrk: str, seconds: float, url: str, etag: str | None = None) -> float:
    """Requests a second, as wrk counts them; raise `BenchUnavailable` if an answer was 400 or more, or none came."""
    condition = [] if etag is None else ["-H", f"If-None-Match: {etag}"]
    command = [wrk, f"-c{CONNECTIONS}", "-t1", f"-d{seconds:g}s", "-H", f"Accept: {_ACCEPT}", *condition, url]
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"Requests/sec:\s+([\d.]+)", words)
    if match is None or "Non-2xx" in words or "Socket errors" in words:
        raise BenchUnavailable(f"wrk says: {words}")
    return float(match[1])


@contextmanager
def _nginx(nginx: str, folder: Path, content: bytes) -> Iterator[tuple[int, str]]:
    """Run an nginx that serves *content*; yield its port, and the tag that it gives."""
    prefix, port = folder / "nginx", free_port()
    (prefix / "served").mkdir(parents=True)
    (prefix / "served" / "vignette.webp").write_bytes(content)
    config = prefix / "nginx.conf"
    config.write_text(_CONFIG.format(port=port, user=_user()))
    command = [nginx, "-p", os.fspath(prefix), "-c", os.fspath(config), "-e", "error.log"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port, _etag_of(port, process)
    finally:
        process.terminate()
        process.wait()


# As in Debian's own configuration, without the log.
_CONFIG: Final = """
daemon off;
{user}
worker_processes auto;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on;
    tcp_nopush on;
    access_log off;
    types {{ image/webp webp; }}
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; root served; }}
}}
"""


def _user() -> str:
    # If root starts nginx, its processes change to another user, who may not read our folder.
    return "user root;" if os.geteuid() == 0 else ""


def _etag_of(port: int, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_LIMIT_S)) as connection:
            try:
                connection.request("GET", "/vignette.webp")
                return connection.getresponse().headers["ETag"]
            except OSError:
                time.sleep(0.05)
    raise BenchUnavailable("nginx does not start")
