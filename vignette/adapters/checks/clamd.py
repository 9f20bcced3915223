"""A check by ClamAV's daemon: the command INSTREAM of clamd(8), over its local socket or over TCP."""

from __future__ import annotations

import re
import struct
from contextlib import suppress
from typing import BinaryIO, Final

from vignette.adapters.checks.deadline import Dial, Line, line
from vignette.adapters.checks.reading import pieces
from vignette.errors import CheckUnavailable
from vignette.limits import KIB
from vignette.model import Record
from vignette.ports.checks import Said, Verdict

_REASON: Final = "malware"
_MOST_REPLY_BYTES: Final = KIB
_MOST_SHOWN_BYTES: Final = 100

_FOUND: Final = re.compile(rb"stream: .+ FOUND", re.ASCII)


class ClamdCheck:
    """
    Asks the clamd that *dial* connects to, and says *on_found* if it knows the file. Safe to share between threads.

    A file longer than clamd's `StreamMaxLength` has no verdict.
    """

    def __init__(self, dial: Dial, timeout_s: float, on_found: Verdict = Verdict.REJECT) -> None:
        self._dial = dial
        self._timeout_s = timeout_s
        self._on_found = on_found

    def ask(self, file: BinaryIO, record: Record) -> Said:  # noqa: ARG002 (clamd wants the bytes alone)
        try:
            with line(self._dial, self._timeout_s) as clamd:
                # It may have its reply before it has read everything, and hang up: that is not yet a fault.
                with suppress(BrokenPipeError, ConnectionResetError):
                    _stream(clamd, file)
                reply = _reply(clamd)
        except OSError as error:
            raise CheckUnavailable(f"clamd: {error}") from error
        if reply == b"stream: OK":
            return Said(Verdict.ACCEPT, "")
        if _FOUND.fullmatch(reply):
            return Said(self._on_found, _REASON)
        raise CheckUnavailable(f"clamd says {reply[:_MOST_SHOWN_BYTES]!r}")


def _stream(clamd: Line, file: BinaryIO) -> None:
    """Send `zINSTREAM`, then each piece behind its length in four bytes, then a length of 0."""
    clamd.sendall(b"zINSTREAM\0")
    for piece in pieces(file):
        clamd.sendall(struct.pack("!I", len(piece)))
        clamd.sendall(piece)
    clamd.sendall(struct.pack("!I", 0))


def _reply(clamd: Line) -> bytes:
    """Return what comes before the zero byte that ends each reply to a command with "z", or before clamd hangs up."""
    reply = b""
    while b"\0" not in reply and len(reply) < _MOST_REPLY_BYTES:
        piece = clamd.read(_MOST_REPLY_BYTES)
        if not piece:
            break
        reply += piece
    return reply.partition(b"\0")[0]
