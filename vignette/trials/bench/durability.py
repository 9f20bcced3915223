"""
What `durability = "full"` costs: the same uploads with "full" and with "fast", in turns: `vignette bench durability`.

Everything but HTTP, the queue and the worker is the real thing: staging, check, metadata, folder, catalogue.
"""

from __future__ import annotations

import io
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from PIL import Image

from vignette.access.actors import OPERATOR
from vignette.access.policy import Access, Policy
from vignette.adapters.door.inspecting import InspectorHere
from vignette.adapters.sql.catalogue import SqlCatalogue
from vignette.adapters.stores.folder import FolderStore
from vignette.limits import CHUNK_BYTES, KIB, MIB
from vignette.model import Durability, ImageId
from vignette.ports.jobs import Lane
from vignette.trials.bench.rounds import interleaved, median_ratio
from vignette.trials.bench.tools import bench_folder
from vignette.use_cases.intake import Intake, IntakeLimits
from vignette.wiring.use_cases import build_reindexing

CLIENTS: Final = (1, 8)

# The edges of JPEGs as large as that of a small graphic, of a picture on a page, and of a camera.
EDGES_PX: Final = (100, 700, 2000)

_UPLOADS_IN_A_ROUND: Final = 8


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds for each upload, a figure for each round."""

    bytes: int
    clients: int
    full: list[float]
    fast: list[float]

    @property
    def ratio(self) -> float:
        """The time with "full" over that with "fast"."""
        return median_ratio(self.full, self.fast)


@dataclass(frozen=True, slots=True)
class DurabilityReport:
    comparisons: Sequence[Comparison]

    def as_json(self) -> str:
        return json.dumps([asdict(one) | {"ratio": one.ratio} for one in self.comparisons], indent=1)

    def as_text(self) -> str:
        rounds = len(self.comparisons[0].full)
        lines = [
            f"ms for each upload, median of {rounds} rounds of {_UPLOADS_IN_A_ROUND}",
            f"{'size':>10}{'clients':>9}{'full':>9}{'fast':>9}{'ratio':>8}",
            *map(_line, self.comparisons),
        ]
        return "\n".join(lines)


def _line(one: Comparison) -> str:
    full, fast = (statistics.median(figures) * 1000 for figures in (one.full, one.fast))
    return f"{_size(one.bytes):>10}{one.clients:>9}{full:9.1f}{fast:9.1f}{one.ratio:8.2f}"


def _size(number: int) -> str:
    return f"{number / KIB:.0f} KiB" if number < MIB else f"{number / MIB:.1f} MiB"


def run(
    place: Path, *, edges_px: Sequence[int], rounds: int, done: Callable[[], object] = lambda: None
) -> DurabilityReport:
    """
    Measure on the disk that has *place*, in a folder of its own there, with a JPEG for each of *edges_px*.

    Raises:
        BenchUnavailable: Nothing can be made in *place*.
    """
    with bench_folder(place) as folder, _intake(folder, "full") as full, _intake(folder, "fast") as fast:
        return DurabilityReport(
            [
                _compare(full, fast, content, clients, rounds, done)
                for content in map(_noise, edges_px)
                for clients in CLIENTS
            ]
        )


def _compare(
    full: Intake, fast: Intake, content: bytes, clients: int, rounds: int, done: Callable[[], object]
) -> Comparison:
    with ThreadPoolExecutor(clients) as pool:
        works = [partial(_seconds_of_an_upload, pool, intake, content) for intake in (full, fast)]
        figures = interleaved(works, rounds, done)
    return Comparison(len(content), clients, *figures)


def _seconds_of_an_upload(pool: ThreadPoolExecutor, intake: Intake, content: bytes) -> float:
    started = time.perf_counter()
    list(pool.map(partial(_upload, intake), [content] * _UPLOADS_IN_A_ROUND))
    return (time.perf_counter() - started) / _UPLOADS_IN_A_ROUND


def _upload(intake: Intake, content: bytes) -> None:
    with intake.begin() as arriving:
        for start in range(0, len(content), CHUNK_BYTES):
            arriving.append(content[start : start + CHUNK_BYTES])
        intake.keep(OPERATOR, arriving, "noise.jpg")


@contextmanager
def _intake(folder: Path, durability: Durability) -> Iterator[Intake]:
    store = FolderStore(folder / durability, durability)
    store.make()
    with closing(SqlCatalogue(f"sqlite:///{folder / durability}.sqlite3", durability)) as catalogue:
        catalogue.migrate(())
        limits = IntakeLimits(max_bytes=100 * MIB, max_pixels=10**8, max_frames=1)
        yield Intake(
            store,
            store,
            catalogue.arrivals,
            build_reindexing(store, catalogue),
            _NoJobs(),
            InspectorHere(),
            limits,
            Policy(Access.CLOSED),
        )


class _NoJobs:
    """`ports.Jobs` of a bench in which nobody renders."""

    def hint(self, image_id: ImageId, lane: Lane) -> None:
        pass

    def hint_all(self, image_ids: Sequence[ImageId], lane: Lane) -> None:
        pass

    def backlog(self) -> int:
        return 0


def _noise(edge_px: int) -> bytes:
    """A JPEG that does not compress: as large as a photo of as many pixels."""
    content = io.BytesIO()
    Image.effect_noise((edge_px, edge_px), 60).convert("RGB").save(content, "JPEG", quality=90)
    return content.getvalue()
