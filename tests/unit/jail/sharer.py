"""
A process that shares the cells of its pool with its forks: `python -m tests.unit.jail.sharer FOLDER WORK`.

It obeys lines on its standard input: "fork", which it answers with the number of the fork, and "keep COUNT". Each fork
listens at FOLDER/NUMBER for pieces of work, a line of JSON each, and answers with what came of it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from vignette.jail.cells import CellLimits, CellPool, CellTrouble
from vignette.limits import MIB


def main() -> None:
    folder, work = sys.argv[1:]
    limits = CellLimits(cpu_s=30, life_cpu_s=60, memory_bytes=48 * MIB)
    pool = CellPool(work, limits, cells=2, pieces=1000, wall_s=60, wait_s=60)
    pool.share()
    for line in sys.stdin:
        match line.split():
            case ["fork"]:
                number = os.fork() or _obey(pool, Path(folder, str(os.getpid())))
                _tell(number)
            case ["keep", count]:
                for _ in range(int(count)):
                    pool.keep()
                _tell("kept")


def _tell(words: object) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _obey(pool: CellPool, path: Path) -> int:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{path}.new")
        listening.listen()
        path.with_suffix(".new").rename(path)
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile("rw") as lines:
                for line in lines:
                    print(json.dumps(_done(pool, line)), file=lines, flush=True)


def _done(pool: CellPool, line: str) -> object:
    try:
        return pool.run(json.loads(line)).values
    except CellTrouble as error:
        return type(error).__name__


if __name__ == "__main__":
    main()
