"""The processes of a service, found in /proc below its supervisor (proc(5))."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path


def children_of(number: int) -> list[int]:
    return [other for other in _numbers() if parent_of(other) == number]


def parent_of(number: int) -> int | None:
    try:
        # The name, in parentheses, may hold anything; state and parent follow it.
        return int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def cpu_s(number: int) -> float:
    """The processor time of a process and of those of its children that it has buried; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # utime, stime, cutime, cstime


def command_line(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def name_of(number: int) -> str:
    """What the process calls itself, in at most 15 characters."""
    try:
        return Path(f"/proc/{number}/comm").read_text(errors="replace").rstrip("\n")
    except OSError:
        return ""


def marked(mark: str) -> list[int]:
    """
    The ids of other processes that have *mark* in one of our variables (`VIGNETTE_…`) of their environment, or in the
    name of a file that they have open for writing.

    The file is for the embedded server, which writes its title over its environment. Whoever reads a log of the trial,
    or has a shell in its folder, is none of them.
    """
    return [number for number in _numbers() if number != os.getpid() and _has_mark(number, mark)]


def with_descendants(numbers: Iterable[int]) -> list[int]:
    """Return *numbers* and the ids of all processes below them: those that decode have an empty environment."""
    children: dict[int | None, list[int]] = {}
    for number in _numbers():
        children.setdefault(parent_of(number), []).append(number)
    found = dict.fromkeys(numbers)
    waiting = list(found)
    while waiting:
        below = [child for child in children.get(waiting.pop(), ()) if child not in found]
        found |= dict.fromkeys(below)
        waiting += below
    return list(found)


def end_marked(mark: str, within_s: float) -> list[int]:
    """Kill all other processes that have *mark*, frozen ones too; return those that are left after *within_s*."""
    deadline = time.monotonic() + within_s
    while (left := marked(mark)) and time.monotonic() < deadline:
        for number in left:
            if (parent := parent_of(number)) is not None:
                send(number, parent, signal.SIGKILL)
        time.sleep(0.02)
    return left


def send(number: int, parent: int, what: signal.Signals) -> bool:
    """Send the signal *what* to process *number* if it still is a child of *parent*; return whether it was."""
    try:
        # The descriptor stays with this process, even if its number is given to another one.
        descriptor = os.pidfd_open(number)
    except OSError:
        return False
    try:
        if parent_of(number) != parent:
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, what)
            return True
        return False
    finally:
        os.close(descriptor)


def _has_mark(number: int, mark: str) -> bool:
    entry = Path(f"/proc/{number}")
    try:
        variables = (entry / "environ").read_bytes().split(b"\0")
        if any(variable.startswith(b"VIGNETTE_") and mark.encode() in variable for variable in variables):
            return True
        files = [file.name for file in (entry / "fd").iterdir() if mark in os.readlink(file)]  # noqa: PTH115 (no path)
        return any(_is_for_writing(entry / "fdinfo" / name) for name in files)
    except OSError:  # it ended meanwhile, or is not ours
        return False


def _is_for_writing(info: Path) -> bool:
    """Whether the descriptor that *info* tells of (proc_pid_fdinfo(5)) was opened for writing."""
    flags = next(line for line in info.read_text().splitlines() if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def _numbers() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
