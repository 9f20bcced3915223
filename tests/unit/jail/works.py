"""Work as a cell does it, some of it as a stranger would have it done."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vignette.errors import BrokenImage
from vignette.jail.messages import encode
from vignette.limits import MIB

_MAP_GROWSDOWN = 0x100  # linux/mman.h


def do(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """What the values ask for."""
    return {
        "echo": _echo,
        "look": _look,
        "spin": _spin,
        "eat": _eat,
        "grab": _grab,
        "limit": lambda values, _descriptors: ({"limit": resource.getrlimit(values["which"])}, []),
        "sleep": _sleep,
        "crash": _crash,
        "refuse": _refuse,
        "bug": _bug,
        "lie": _lie,
        "drip": _drip,
        "break out": _break_out,
        "who": _who,
        "speak ahead": _speak_ahead,
    }[values["do"]](values, descriptors)


def _echo(values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    return values, [os.pread(descriptor, 1000, 0) for descriptor in descriptors]


def _break_out(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """What came of each attempt to reach something outside: the name of its error, or that it was done."""
    attempts: dict[str, Callable[[], object]] = {
        "read a file": lambda: Path(values["file"]).read_bytes(),
        "write a file": lambda: Path(values["file"]).write_bytes(b"hacked"),
        "list a folder": lambda: os.listdir(Path(values["file"]).parent),  # noqa: PTH208 (it is what is tried)
        "connect": lambda: socket.socket().connect(("127.0.0.1", values["port"])),
        "fork": os.fork,
        "run a program": lambda: os.execv("/bin/true", ["true"]),
        "signal its parent": lambda: os.kill(os.getppid(), 0),
    }
    return {name: _outcome(attempt) for name, attempt in attempts.items()}, []


def _speak_ahead(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Answer twice: the second time with what is to be taken for the answer to the next piece."""
    os.write(_connection(), encode({"done": {"answers": "this piece"}}))
    return {"answers": "the next piece"}, []


def _who(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    return {"users": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()]}, []


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _look(_values: dict[str, Any], descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """What this process holds."""
    held = {}
    for entry in os.listdir("/proc/self/fd"):  # noqa: PTH208 (it is open while it is listed, and gone then)
        with suppress(FileNotFoundError):
            held[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")  # noqa: PTH115
    environment = Path("/proc/self/environ").read_text()
    return {
        "pid": os.getpid(),
        "zygote": os.getppid(),
        "held": sorted(held.items()),
        "given": list(descriptors),
        "environment": environment + "".join(os.environ),
    }, []


def _spin(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    while True:
        with suppress(BaseException):
            sum(range(1000))


def _eat(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    return {"eaten": len(b"\1" * values["bytes"])}, []


def _grab(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Map memory as no library does, and have the kernel take *bytes* of its own for it."""
    flags, step = {
        "shared": (mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, mmap.PAGESIZE),
        "a stack": (mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_GROWSDOWN, mmap.PAGESIZE),
        # Each page that is only read costs nothing, but for the table that leads to it: one for 2 MiB.
        "page tables": (mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 2 * MIB),
    }[values["how"]]
    is_read = values["how"] == "page tables"
    length = values["bytes"] // mmap.PAGESIZE * step
    try:
        memory = mmap.mmap(-1, length, flags, mmap.PROT_READ if is_read else mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError as error:
        return {"refused": errno.errorcode[error.errno or 0]}, []
    for at in range(0, length, step):
        if is_read:
            memory[at]
        else:
            memory[at] = 1
    return {"taken": values["bytes"]}, []


def _sleep(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    Path(values["begun"]).touch()
    time.sleep(1000)
    return {}, []


def _crash(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Crash, but only once if there is a file that remembers it."""
    once = values.get("once")
    if once is None or not Path(once).exists():
        if once is not None:
            Path(once).mkdir()  # no file may have a length
        os.kill(os.getpid(), signal.SIGSEGV)
    return {"survived": True}, []


def _refuse(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    raise BrokenImage("it has\n7 bytes", measured=7, limit=8)


def _bug(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    raise ZeroDivisionError("an oversight")


def _drip(_values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Begin an answer that is long, and give it byte by byte."""
    os.write(_connection(), bytes.fromhex("e803000000000000"))
    while True:
        os.write(_connection(), b" ")
        time.sleep(0.05)


def _connection() -> int:
    return next(number for number in range(3, 20) if _is_socket(number))


def _is_socket(descriptor: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _lie(values: dict[str, Any], _descriptors: Sequence[int]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """Write *raw* over the connection, in place of an answer, and wait for what comes of it."""
    os.write(_connection(), bytes.fromhex(values["raw"]))
    time.sleep(1000)
    return {}, []
