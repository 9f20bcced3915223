"""Standard output and standard error that outlive their readers."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from typing import Any, Final, TextIO

# A pipe whose reader is gone answers a write with EPIPE (pipe(7)), a terminal whose window is closed with EIO.
_GONE: Final = frozenset({errno.EPIPE, errno.EIO})


def outlive_readers() -> None:
    """
    Let this process go on when nobody reads its standard output or standard error any more (`| head`, a window that was
    closed): what it writes there is dropped from then on, and its work and exit status are what they would have been.

    Python would raise at a write, and end with status 120 (`Py_FinalizeEx`) for what it could not flush in the end.
    """
    sys.stdout = _outliving(sys.stdout)
    sys.stderr = _outliving(sys.stderr)


def _outliving(stream: TextIO) -> TextIO:
    # Python has none where the descriptor is closed. A file has no reader, and EIO is a fault of its disk.
    if stream is None or stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    raw = _Unread(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)


class _Unread(io.FileIO):
    """What is written after the reader has gone counts as written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return memoryview(data).nbytes
