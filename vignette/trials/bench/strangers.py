"""
What a healthy client feels while strangers hold connections, or ask for pages as fast as they can
(`vignette.trials.strangers`): `vignette bench strangers`.

The client comes from another address than they. It does four things in turns, each over a connection of its own: it
asks for a ready vignette, for a page, for a large original, and it uploads a small picture. If it is told to try again
(503), or is cut off, it does so after a moment; its wait counts to the answer that it wanted.
"""

from __future__ import annotations

import http.client
import io
import json
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Final

from PIL import Image

from vignette.trials.bench.beside_nginx import ready_vignette
from vignette.trials.bench.tools import BenchUnavailable, bench_folder, own_service, upload
from vignette.trials.strangers import HAMMERS, attacking, attacks, hammering

CONNECTIONS: Final = 4000

# An answer that takes longer is none.
LIMIT_S: Final = 20.0

_PAUSE_S: Final = 0.2


@dataclass(slots=True)
class Felt:
    """The waits under one attack, in seconds, by what was asked for. `unserved` had no answer within `LIMIT_S`."""

    attack: str
    waits: dict[str, list[float]] = field(default_factory=dict)
    unserved: int = 0
    told_to_retry: int = 0


@dataclass(frozen=True, slots=True)
class StrangersReport:
    felt: list[Felt]

    def shortfalls(self) -> list[str]:
        """The attacks under which a request had no answer in time."""
        return [f"{one.attack}: {one.unserved} requests had no answer" for one in self.felt if one.unserved]

    def as_json(self) -> str:
        return json.dumps([asdict(one) for one in self.felt], indent=1)

    def as_text(self) -> str:
        names = list(self.felt[0].waits)
        head = f"{'ms: median / longest':22}" + "".join(f"{name:>20}" for name in names) + "   without answer"
        return "\n".join([head, *(_line(one, names) for one in self.felt)])


def _line(felt: Felt, names: list[str]) -> str:
    cells = []
    for name in names:
        waits = [1000 * wait for wait in felt.waits[name]] or [float("nan")]
        cells.append(f"{statistics.median(waits):9.1f} /{max(waits):9.1f}")
    told = f", told to try again {felt.told_to_retry} times" if felt.told_to_retry else ""
    return f"{felt.attack:22}" + "".join(f"{cell:>20}" for cell in cells) + f"   {felt.unserved}{told}"


def run(
    *, seconds: float, settling_s: float, connections: int = CONNECTIONS, done: Callable[[], object] = lambda: None
) -> StrangersReport:
    """
    Measure for so many *seconds* without strangers, and then, *settling_s* after it has begun, beside each attack.

    Attacks with idle connections have so many *connections*. *done* is called after each attack.

    Raises:
        BenchUnavailable: The service does not start, or does not take a picture.
    """
    with bench_folder() as folder, own_service(folder) as service:
        vignette, _ = ready_vignette(service)
        # 10 MB: more than the kernel keeps for a client that does not read.
        original = f"/images/{upload(service.port, _picture(2400, 1400, 'BMP'))}/original"
        small = _picture(40, 30, "JPEG")
        asked: dict[str, tuple[str, str, bytes | None]] = {
            "vignette": ("GET", vignette.path, None),
            "page": ("GET", "/images", None),
            "original": ("GET", original, None),
            "upload": ("POST", "/images", small),
        }
        found = []
        beside: dict[str, AbstractContextManager[object]] = {"none": nullcontext()}
        beside |= {attack.name: attacking(service.port, attack) for attack in attacks(original, connections)}
        beside[f"{HAMMERS} ask for pages"] = hammering(service.port)
        for attack, going_on in beside.items():
            with going_on:
                if attack != "none":
                    time.sleep(settling_s)
                felt = Felt(attack, {name: [] for name in asked})
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    for name, what in asked.items():
                        _ask(service.port, what, felt, felt.waits[name])
            found.append(felt)
            done()
    return StrangersReport(found)


def _ask(port: int, what: tuple[str, str, bytes | None], felt: Felt, waits: list[float]) -> None:
    begun = time.monotonic()
    while (left_s := begun + LIMIT_S - time.monotonic()) > 0:
        status, words = _answer(port, what, left_s)
        if status in (http.client.OK, http.client.CREATED):
            waits.append(time.monotonic() - begun)
            return
        if status not in (None, http.client.SERVICE_UNAVAILABLE, http.client.REQUEST_TIMEOUT):
            raise BenchUnavailable(f"{what[0]} {what[1]} was answered {status}: {words!r}")
        felt.told_to_retry += status is not None
        time.sleep(_PAUSE_S)
    felt.unserved += 1


def _answer(port: int, what: tuple[str, str, bytes | None], limit_s: float) -> tuple[int | None, bytes]:
    """Ask once; return the status of the answer and its first bytes. The status is None if there is no answer."""
    method, path, body = what
    headers = {"Host": "localhost"} | ({"Content-Type": "image/jpeg"} if body else {})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)) as connection:
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            words = answer.read()[:1000]
        except (OSError, http.client.HTTPException):
            return None, b""
        return answer.status, words


def _picture(width: int, height: int, file_format: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, file_format)
    return content.getvalue()
