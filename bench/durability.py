"""
What `durability = "full"` costs: the same uploads with "full" and with "fast", side by side in one run.

    .venv/bin/python bench/durability.py [FOLDER]

FOLDER lies on the disk that is to be measured; it is the project's `instance/` unless named. Everything but HTTP and
the queue is the real thing: staging, check, metadata, folder, catalogue.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, get_args

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from PIL import Image  # noqa: E402

from vignette.adapters.sql.catalogue import SqlCatalogue  # noqa: E402
from vignette.adapters.stores.folder import FolderStore  # noqa: E402
from vignette.limits import CHUNK_BYTES, KIB, MIB  # noqa: E402
from vignette.model import Durability, ImageId  # noqa: E402
from vignette.use_cases.intake import Intake, IntakeLimits  # noqa: E402

ROUNDS: Final = 15
UPLOADS_IN_A_ROUND: Final = 8
CLIENTS: Final = (1, 8)
EDGES_PX: Final = (100, 700, 2000)


class NoJobs:
    """Nobody renders here."""

    def hint(self, image_id: ImageId) -> None:
        pass

    def hint_all(self, image_ids: Sequence[ImageId]) -> None:
        pass

    def backlog(self) -> int:
        return 0


def noise(edge_px: int) -> bytes:
    """A JPEG that does not compress: its size is that of a photo of as many pixels."""
    content = io.BytesIO()
    Image.effect_noise((edge_px, edge_px), 60).convert("RGB").save(content, "JPEG", quality=90)
    return content.getvalue()


def upload(intake: Intake, content: bytes) -> None:
    with intake.begin() as arriving:
        for start in range(0, len(content), CHUNK_BYTES):
            arriving.append(content[start : start + CHUNK_BYTES])
        intake.keep(arriving, "noise.jpg")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "instance"
    place.mkdir(parents=True, exist_ok=True)
    contents = [noise(edge) for edge in EDGES_PX]
    print(f"median of {ROUNDS} rounds of {UPLOADS_IN_A_ROUND} uploads, ms for each upload; full and fast take turns")
    print(f"{'size':>10} {'clients':>8} {'full':>9} {'fast':>9} {'full/fast':>10}")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        intakes: dict[Durability, Intake] = {kind: open_intake(Path(folder), kind) for kind in get_args(Durability)}
        for content in contents:
            for clients in CLIENTS:
                compare(intakes, content, clients)


def open_intake(folder: Path, durability: Durability) -> Intake:
    store = FolderStore(folder / durability, durability)
    catalogue = SqlCatalogue(f"sqlite:///{folder}/{durability}.sqlite3", durability)
    catalogue.migrate(())
    return Intake(store, catalogue, NoJobs(), IntakeLimits(100 * MIB, 10**8, 1))


def compare(intakes: dict[Durability, Intake], content: bytes, clients: int) -> None:
    times: dict[Durability, list[float]] = {kind: [] for kind in intakes}
    with ThreadPoolExecutor(clients) as pool:
        for _ in range(ROUNDS):
            for kind, intake in intakes.items():
                work = [content] * UPLOADS_IN_A_ROUND
                spent = seconds(lambda intake=intake, work=work: list(pool.map(lambda c: upload(intake, c), work)))  # type: ignore[misc]
                times[kind].append(spent / UPLOADS_IN_A_ROUND * 1000)
    full, fast = (statistics.median(times[kind]) for kind in ("full", "fast"))
    size = f"{len(content) / KIB:.0f} KiB" if len(content) < MIB else f"{len(content) / MIB:.1f} MiB"
    print(f"{size:>10} {clients:>8} {full:9.1f} {fast:9.1f} {full / fast:10.2f}")


if __name__ == "__main__":
    main()
