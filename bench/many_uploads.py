"""
Many small uploads through the real service, at so many clients at a time; each is looked for again at the end.

    .venv/bin/python bench/many_uploads.py [UPLOADS [CLIENTS]]

10000 uploads of 32 clients unless said otherwise. Who is told to try again (503) does so. Tells how long it took, the
memory of the processes, and whether everything that was acknowledged is there, byte for byte, and has its vignette.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

import httpx  # noqa: E402

from tests.house import picture  # noqa: E402
from tests.running import Service, running_service  # noqa: E402


def content_of(number: int) -> bytes:
    """A picture of its own for each of a million numbers."""
    return picture(40 + number // 1000, 40 + number % 1000)


def upload(client: httpx.Client, number: int) -> tuple[int, int, int]:
    """Send until it is taken; the number of the upload, that of its image, and how often it was sent away."""
    refusals = 0
    while True:
        answer = client.post("/images", content=content_of(number), headers={"Content-Type": "image/jpeg"})
        if answer.status_code == 201:
            return number, int(answer.text), refusals
        if answer.status_code != 503:
            raise SystemExit(f"upload {number}: {answer.status_code} {answer.text}")
        refusals += 1
        time.sleep(0.1)


def peak_mib(service: Service) -> dict[str, float]:
    peaks: dict[str, float] = {}
    for number, line in service.processes().items():
        kind = next((name for name in ("granian", "celery", "valkey", "vignette serve") if name in line), "other")
        words = Path(f"/proc/{number}/status").read_text()
        match = re.search(r"VmHWM:\s+(\d+)", words)
        peaks[kind] = max(peaks.get(kind, 0), int(match[1]) / 1024 if match else 0)
    return {kind: round(size) for kind, size in peaks.items()}


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    uploads, clients = (*given, *(10_000, 32)[len(given) :])
    (PROJECT / "instance").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=PROJECT / "instance") as folder,
        running_service(Path(folder)) as service,
        httpx.Client(base_url=service.url, timeout=120) as client,
    ):
        report(service, client, uploads, clients)


def report(service: Service, client: httpx.Client, uploads: int, clients: int) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        kept = list(pool.map(lambda number: upload(client, number), range(uploads)))
    took = time.monotonic() - started
    print(f"{uploads} uploads of {clients} clients in {took:.0f} s, {sum(k[2] for k in kept)} times told to try again")
    wrong = [
        image
        for number, image, _ in kept
        if (service.upload_folder / str(image) / "original.jpg").read_bytes() != content_of(number)
    ]
    twice = uploads - len({image for _, image, _ in kept})
    print(f"numbers given twice: {twice}, originals lost or changed: {len(wrong)}")
    while (
        waiting := sum(not has_outcome(service, image) for _, image, _ in kept)
    ) and time.monotonic() - started < 3600:
        time.sleep(2)
    print(f"without a vignette: {waiting}; all were made {time.monotonic() - started:.0f} s after the first upload")
    print(f"left in staging: {len(list((service.upload_folder / '.staging').iterdir()))}")
    print(f"most memory of one process, MiB: {peak_mib(service)}")


def has_outcome(service: Service, image_id: int) -> bool:
    return (service.upload_folder / str(image_id) / "outcome.json").exists()


if __name__ == "__main__":
    main()
