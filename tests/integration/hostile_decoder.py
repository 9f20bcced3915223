"""A decoder as a stranger would have it: what it does stands in the file that it is given, as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from vignette.adapters.decoder.decoding import Decoding
from vignette.model import Placeholder, RenderingWarning
from vignette.pixels.renditions import Rendition, Step, Told
from vignette.recipes import Recipe

WEBP = b"RIFF\0\0\0\0WEBP"


def obey(
    file: BinaryIO, _size: int, stills: Sequence[Recipe], _moving: Sequence[Recipe], _seconds: float
) -> Iterator[Told]:
    order = json.loads(file.read())
    vignette = Rendition(stills[0], "webp", 8, 8, WEBP)
    match order["do"]:
        case "reach":
            yield [replace(vignette, content=WEBP + json.dumps(_reached(**order["outside"])).encode())]
        case "nothing":
            yield [replace(vignette, content=WEBP + str(os.getpid()).encode())]
        case "crash":
            ctypes.string_at(0)
        case "spin":
            while True:
                pass
        case "eat":
            eaten = [bytearray(1 << 20) for _ in range(1 << 20)]
            del eaten
        case "warn":
            yield from map(RenderingWarning, order["warnings"])
            yield [vignette]
        case "lie":
            yield from _lies(vignette)[order["lie"]]


def _lies(true: Rendition) -> dict[str, list[Step]]:
    other = Recipe("other", 8, 8, ("webp",))
    path = replace(other)
    object.__setattr__(path, "name", "../../x")  # no recipe of ours has such a name
    return {
        "too long": [[replace(true, content=WEBP + bytes(1_000_000))]],
        "longer than all": [[replace(true, content=WEBP + bytes(20_000_000))]],
        "too wide": [[replace(true, width=10_000)]],
        "no size": [[replace(true, height=0)]],
        "no number": [[replace(true, height="8")]],  # type: ignore[arg-type]
        "another recipe": [[replace(true, recipe=other)]],
        "a path": [[replace(true, recipe=path)]],
        "another format": [[replace(true, file_format="jpeg")]],
        "no picture": [[replace(true, content=b"<script>")]],
        "twice": [[true, true]],
        "moves": [[replace(true, moves=True)]],
        "moves in part": [[replace(true, file_format="jpeg", content=b"\xff\xd8\xff"), replace(true, moves=True)]],
        "none": [],
        "a placeholder that is none": [[replace(true, placeholder=Placeholder("<b>", "#000000"))]],
        "a hash that is none": [[replace(true, placeholder=Placeholder("AAAA", "#000000", "g" * 64))]],
        "a quality that is none": [[replace(true, placeholder=Placeholder("AAAA", "#000000", "0" * 64, 101))]],
        "a colour that is none": [[replace(true, placeholder=Placeholder("AAAA", "url(x)"))]],
    }


def _reached(folder: str, port: int, worker: int) -> list[str]:
    attempts: dict[str, Callable[[], Any]] = {
        "read": Path(folder, "secret").read_bytes,
        "write": Path(folder, "new").touch,
        "list": lambda: list(Path(folder).iterdir()),
        "environment of the worker": Path(f"/proc/{worker}/environ").read_bytes,
        "own environment": Path("/proc/self/environ").read_bytes,
        "signal the worker": lambda: os.kill(worker, 0),
        "signal the parent": lambda: os.kill(os.getppid(), signal.SIGTERM),
        "TCP": lambda: socket.create_connection(("127.0.0.1", port)),
        "the broker": lambda: _connect(f"{folder}/broker.sock"),
        "UDP": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", port)),
        "fork": _fork,
        "exec": lambda: subprocess.run(["/bin/true"], check=True),
    }
    reached = [f"variable {name}" for name in os.environ]
    for name, attempt in attempts.items():
        try:
            attempt()
        except Exception:
            continue
        reached.append(name)
    return reached


def _connect(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as it:
        it.connect(path)


def _fork() -> None:
    if (child := os.fork()) == 0:
        os._exit(0)
    os.waitpid(child, 0)


do: Final = Decoding(obey)


def rewrite_as_ordered(_values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Be the `cell.Work` of a decoder that answers, to "rewrite", what the file says it should."""
    with os.fdopen(os.dup(descriptors[0]), "rb") as file:
        order = json.loads(file.read())
    if order["answer"] == "crash":
        ctypes.string_at(0)
    return order["answer"], [block.encode("latin-1") for block in order["blocks"]]
