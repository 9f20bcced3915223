"""
A process with one engine and one picture. It does the job whenever its parent asks for it.

    python -m vignette.trials.bench.contestant ours|libvips PICTURE TINY_PICTURE

It reads requests, one a line, and answers each with a line of JSON. `picture PATH` writes the vignette as it is before
it is encoded. `shrink SECONDS` and `encode SECONDS` repeat the job for that many seconds, and tell what one job costs:
`shrink` without the encoding, `encode` from the file to the bytes of a WebP. The tiny picture is rendered first, so
that what is loaded only once does not count.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

EDGE_PX: Final = 256
QUALITY: Final = 80
_EFFORT: Final = 4

_STATUS: Final = Path("/proc/self/status")


class Contestant(Protocol):
    """An engine with a picture; each method reads the file anew."""

    def shrink(self) -> Any: ...
    def encode(self) -> bytes: ...
    def write(self, path: Path) -> None: ...


class Ours:
    def __init__(self, path: Path) -> None:
        from vignette.jail.confinement import give_back_what_is_freed
        from vignette.recipes import Recipe

        give_back_what_is_freed()  # as the worker does
        self._path = path
        self._recipe = Recipe("small", EDGE_PX, EDGE_PX, formats=("webp",), quality=QUALITY, animate=False)

    def shrink(self) -> Any:
        from vignette.pixels.containers.bounds import Bounds
        from vignette.pixels.decoder_file import decoder_file
        from vignette.pixels.engines import decode
        from vignette.pixels.geometry import fit
        from vignette.pixels.inspection import read_anatomy

        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            anatomy = read_anatomy(file, size, Bounds(checksums=False))
            source = decoder_file(file, size, anatomy.format)
            return decode(source, anatomy, fit(*anatomy.upright_size, self._recipe))

    def encode(self) -> bytes:
        from vignette.pixels.rendering import render

        with self._path.open("rb") as file:
            (rendition,) = render(file, self._path.stat().st_size, [self._recipe])
        return rendition.content

    def write(self, path: Path) -> None:
        self.shrink().save(path, "PNG")


class Libvips:
    """Calls libvips as sharp, imgproxy and imagor do: `thumbnail` of a file in memory, never enlarged, in sRGB."""

    def __init__(self, path: Path) -> None:
        import pyvips

        pyvips.concurrency_set(1)
        pyvips.cache_set_max(0)
        self._path = path
        self._vips = pyvips

    def _thumbnail(self) -> Any:
        return self._vips.Image.thumbnail_buffer(
            self._path.read_bytes(), EDGE_PX, height=EDGE_PX, size="down", output_profile="srgb"
        )

    def shrink(self) -> Any:
        return self._thumbnail().write_to_memory()

    def encode(self) -> bytes:
        content: bytes = self._thumbnail().webpsave_buffer(Q=QUALITY, effort=_EFFORT, keep="none")
        return content

    def write(self, path: Path) -> None:
        path.write_bytes(self._thumbnail().pngsave_buffer(keep="none"))


CONTESTANTS: Final[dict[str, Callable[[Path], Contestant]]] = {"ours": Ours, "libvips": Libvips}


def main() -> None:
    name, picture, tiny_picture = sys.argv[1:]
    CONTESTANTS[name](Path(tiny_picture)).encode()
    contestant = CONTESTANTS[name](Path(picture))
    for line in sys.stdin:
        request, argument = line.rstrip("\n").split(" ", 1)
        if request == "picture":
            answer = _picture(contestant, Path(argument))
        else:
            answer = _cost(contestant.shrink if request == "shrink" else contestant.encode, float(argument))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _picture(contestant: Contestant, path: Path) -> Mapping[str, float | str]:
    """Write the vignette; return the peak of memory over what the process had before. Only the first time tells."""
    before = _resident_kib("VmRSS")
    try:
        contestant.write(path)
    except Exception as error:
        return {"error": str(error)}
    return {"peak_mb": (_resident_kib("VmHWM") - before) / 1000}


def _cost(job: Callable[[], Any], seconds: float) -> Mapping[str, float | str]:
    """Return what one job costs in seconds: of processor time in all threads, and by the clock."""
    times = 0
    cpu, clock = time.process_time(), time.perf_counter()
    while times == 0 or time.perf_counter() - clock < seconds:
        job()
        times += 1
    return {"cpu_s": (time.process_time() - cpu) / times, "wall_s": (time.perf_counter() - clock) / times}


def _resident_kib(field: str) -> int:
    """Return a field of proc_pid_status(5), in KiB; 0 if there is no /proc."""
    if not _STATUS.exists():
        return 0
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])


if __name__ == "__main__":
    main()
