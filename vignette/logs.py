"""
The log: one line for each thing that happened, on standard error, for a person or as JSON.

Code of ours and of libraries logs with Python's `logging`. What there is to say of an image or a request beside the
words goes into `extra`, as numbers and texts: `logger.info("image ready", extra={"image": 5})`. Values of other kinds
are left out. Nothing secret goes there, and nothing that a file says of itself: names and metadata of a deleted image
must not live on in a log.

What strangers send may stand in any value. So no character of it ends a line, moves a cursor or turns the direction of
text: each line of standard error is one entry, or begins with spaces and belongs to the entry before it (a traceback).
A line goes out in one write of at most 4 KiB, which a pipe never tears apart (pipe(7), PIPE_BUF); only an entry with a
traceback may be longer.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

from vignette.lines import REQUEST, STANDARD_ERROR, Batches, escaped, quoted, time_text
from vignette.model import LogFormat

# So that all of an entry fits in a line: of its words, and of each value beside them.
_MOST_CHARS_OF_WORDS: Final = 1000
_MOST_CHARS_OF_A_VALUE: Final = 200
_MOST_VALUES: Final = 12
_MOST_CHARS_OF_A_TRACEBACK: Final = 12_000

# Loggers that write by handlers of their own, unless they are told otherwise.
_HANDLED_ELSEWHERE: Final = ("_granian", "granian.access")

_FIRST: Final = ("time", "level", "event")


def set_up_logs(log_format: LogFormat, *, level: int | str = logging.INFO, file: str | None = None) -> None:
    """Have all of this process log in *log_format*, to standard error or to the end of *file*."""
    if file is None:
        descriptor = STANDARD_ERROR
    else:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    handler = _OneWrite(descriptor)
    handler.setFormatter(formatter(log_format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _HANDLED_ELSEWHERE:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)


def formatter(log_format: LogFormat) -> logging.Formatter:
    """Return a formatter that makes an entry of a record of `logging`, without the line feed at its end."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[
            _add_circumstances,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _bounded,
            _as_json if log_format == "json" else _as_text,
        ],
    )


class _OneWrite(logging.Handler):
    """
    Writes each record by one call: no other process writes in between. If the log takes nothing, its records wait, as
    those of `Batches` do, and whoever logs goes on.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._batches = Batches(descriptor)

    def handle(self, record: logging.LogRecord) -> bool:
        # Not under the lock of a handler: a thread that may have to wait for the log must not keep the others waiting.
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a record of somebody else that cannot be formatted must stop nobody either
            self.handleError(record)
        else:
            self._batches.write_now(line)


# The processors of structlog


_Entry = MutableMapping[str, Any]


def _add_circumstances(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    record: logging.LogRecord = entry["_record"]
    entry["time"] = time_text(record.created)
    entry["level"] = record.levelname.lower()
    if request := REQUEST.get():
        entry["request"] = request
    entry["logger"] = record.name
    entry["pid"] = record.process
    if record.processName not in (None, "MainProcess"):
        entry["process"] = record.processName
    return entry


def _bounded(_logger: Any, _method: str, entry: _Entry) -> _Entry:
    words, traceback = _cut(str(entry.pop("event")), _MOST_CHARS_OF_WORDS), entry.pop("exception", None)
    bounded: _Entry = {"time": entry.pop("time"), "level": entry.pop("level"), "event": words}
    plain = {name: value for name, value in entry.items() if isinstance(value, bool | int | float | str)}
    for name, value in list(plain.items())[:_MOST_VALUES]:
        bounded[name] = _cut(value, _MOST_CHARS_OF_A_VALUE) if isinstance(value, str) else value
    if traceback is not None:
        bounded["exception"] = traceback[-_MOST_CHARS_OF_A_TRACEBACK:]
    return bounded


def _cut(text: str, most_chars: int) -> str:
    return text if len(text) <= most_chars else f"{text[:most_chars]}…"


def _as_json(_logger: Any, _method: str, entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, default=str)


def _as_text(_logger: Any, _method: str, entry: _Entry) -> str:
    traceback = entry.pop("exception", "")
    time_, level, words = (entry.pop(name) for name in _FIRST)
    values = "".join(f" {name}={quoted(str(value))}" for name, value in entry.items())
    lines = "".join(f"\n    {escaped(line)}" for line in traceback.splitlines())
    return f"{time_} {level:7} {escaped(words)}{values}{lines}"
