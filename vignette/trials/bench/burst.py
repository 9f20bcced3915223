"""
Many small uploads at once, each looked for again at the end: `vignette bench burst`.

A client that is told to try again (503) does so until its upload is taken. Meanwhile somebody looks at a vignette that
was there before, at a fixed rate (`vignette.trials.bench.probe`).
"""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from vignette.model import State
from vignette.settings import DEFAULT_RECIPES
from vignette.trials.bench.beside_nginx import ready_vignette
from vignette.trials.bench.clients import Client, each_by_a_client
from vignette.trials.bench.peaks import peaks_of
from vignette.trials.bench.probing import probing
from vignette.trials.bench.progress import Progress
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, catalogue_of, own_service
from vignette.trials.own_service import OwnService

UPLOADS: Final = 10_000
CLIENTS: Final = 32

# Requests a second for the vignette that was there before.
RATE: Final = 20.0

_PAUSE_S: Final = 0.1

# Far more than 10,000 vignettes take: reached only by a failure.
_LIMIT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class BurstReport:
    """
    Seconds are counted from the first upload: to the last 201, to the last default vignette, and to the last vignette.

    `requests` asked for a vignette that was there before. The longest of them, from the instant at which it was due to
    the whole answer, took `longest_get_s`.

    `peak_mb` is as in `vignette.trials.bench.peaks`.
    """

    uploads: int
    clients: int
    acknowledged_s: float
    default_s: float
    rendered_s: float
    requests: int
    median_get_s: float
    longest_get_s: float
    refusals: int
    numbers_given_twice: int
    originals_lost: int
    failed: int
    left_in_staging: int
    peak_mb: dict[str, float]

    def shortfalls(self) -> list[str]:
        """The promises that were broken."""
        broken = {
            "numbers were given twice": self.numbers_given_twice,
            "originals were lost or changed": self.originals_lost,
            "images have no vignette": self.failed,
            "uploads were left in staging": self.left_in_staging,
        }
        return [f"{count} {words}" for words, count in broken.items() if count]

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    def as_text(self) -> str:
        peaks = ", ".join(f"{name} {size:.0f} MB" for name, size in sorted(self.peak_mb.items()))
        waits = f"median {1000 * self.median_get_s:.1f} ms, longest {1000 * self.longest_get_s:.0f} ms"
        return "\n".join(
            (
                f"{self.uploads} uploads of {self.clients} clients, told to try again {self.refusals} times",
                f"all acknowledged after {self.acknowledged_s:.1f} s",
                f"all default vignettes after {self.default_s:.1f} s, all vignettes after {self.rendered_s:.1f} s",
                f"{self.requests} requests for another vignette meanwhile: {waits}",
                f"most memory of one process: {peaks or 'not known here'}",
                "; ".join(self.shortfalls()) or "each original and each vignette is there, each number was given once",
            )
        )


def run(place: Path, *, uploads: int, clients: int = CLIENTS, done: Callable[[], object] = lambda: None) -> BurstReport:
    """
    Send *uploads* to a service of its own on the disk that has *place*; call *done* after each.

    Raises:
        BenchUnavailable: The service does not start, refuses an upload for good, or does not render all in an hour.
    """
    pictures = list(map(_picture, range(uploads)))
    burst = _Burst()
    with bench_folder(place) as folder, own_service(folder) as service, closing(catalogue_of(service)) as catalogue:
        another, _ = ready_vignette(service)
        progress = Progress(service, catalogue, DEFAULT_RECIPES, limit_s=_LIMIT_S, failures=True)
        with peaks_of(service) as peak_mb, probing(RATE, another) as probed:
            began = time.perf_counter()
            images = []
            for image in each_by_a_client(service.port, clients, burst.upload, pictures):
                images.append(image)
                done()
            acknowledged_s = time.perf_counter() - began
            progress.until_default(images)
            default_s = time.perf_counter() - began
            progress.until_all(images)
            rendered_s = time.perf_counter() - began
        (waits,) = probed.waits
        return BurstReport(
            uploads=uploads,
            clients=clients,
            acknowledged_s=acknowledged_s,
            default_s=default_s,
            rendered_s=rendered_s,
            requests=len(waits.seconds),
            median_get_s=waits.percentile(50),
            longest_get_s=waits.longest,
            refusals=burst.refusals,
            numbers_given_twice=uploads - len(set(images)),
            originals_lost=sum(
                not _is_kept(service, image, picture) for image, picture in zip(images, pictures, strict=True)
            ),
            failed=len(catalogue.library.in_state(State.FAILED, uploads)),
            left_in_staging=len(list((service.upload_folder / ".staging").iterdir())),
            peak_mb=peak_mb,
        )


class _Burst:
    """Counts how often clients were told to try again."""

    def __init__(self) -> None:
        self._refused: list[None] = []  # append() is atomic, += is not

    @property
    def refusals(self) -> int:
        return len(self._refused)

    def upload(self, client: Client, picture: bytes) -> int:
        """Upload *picture*, again and again until it is taken; return its number."""
        while True:
            answer = client.post(picture)
            if answer.status == http.client.CREATED:
                return int(answer.body)
            if answer.status != http.client.SERVICE_UNAVAILABLE:
                raise BenchUnavailable(f"an upload was answered {answer.status}: {answer.body.decode()}")
            self._refused.append(None)
            time.sleep(_PAUSE_S)


def _picture(number: int) -> bytes:
    """Return a JPEG whose size differs for each of a million numbers."""
    content = io.BytesIO()
    Image.new("RGB", (40 + number // 1000, 40 + number % 1000), "teal").save(content, "JPEG")
    return content.getvalue()


def _is_kept(service: OwnService, image: int, picture: bytes) -> bool:
    original = service.upload_folder / str(image) / "original.jpg"
    return original.is_file() and original.read_bytes() == picture
