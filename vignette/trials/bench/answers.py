"""Answers of HTTP/1.1 (RFC 9112) as a client hears them on a connection that it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The status and the body of an answer; `is_last` if the server closes the connection after it."""

    status: int
    body: bytes
    is_last: bool


def whole_answer(received: bytes) -> Answer | None:
    """
    The answer that *received* holds; None if it is not whole yet.

    Raises:
        ValueError: It has no Content-Length, so that nobody can tell when it is whole.
    """
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    head += b"\r\n"
    length = _LENGTH.search(head)
    if length is None:
        raise ValueError(f"an answer does not tell its length: {head!r}")
    if len(body) < int(length[1]):
        return None
    return Answer(int(head[9:12]), body, _CLOSE.search(head) is not None)
