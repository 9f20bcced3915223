"""
What a process and its cells tell each other over a Unix socket: a JSON value, blocks of bytes, and descriptors.

Nothing in a message is code, for whoever reads one may not trust who wrote it. A message has bounds; its values have to
be checked by their reader (`whole_number`, `line`).
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from vignette.limits import KIB

# The lengths of the JSON, and of all blocks together.
_HEAD: Final = struct.Struct("<II")

# Long values are blocks.
_MAX_JSON_BYTES: Final = 64 * KIB

# MAX_ERRNO of linux/err.h.
_MAX_ERRNO: Final = 4095


class Malformed(Exception):
    """What came is no message, or holds what must not stand there."""


@dataclass(frozen=True, slots=True)
class Message:
    values: dict[str, Any]
    blocks: tuple[bytes, ...] = ()
    descriptors: tuple[int, ...] = ()
    """Of the process that reads the message. It closes them."""


def encode(values: dict[str, Any], blocks: Sequence[bytes] = ()) -> bytes:
    """Return a message as `send` takes it: two lengths, the JSON, the blocks."""
    text = json.dumps([values, [len(block) for block in blocks]]).encode()
    return b"".join((_HEAD.pack(len(text), sum(map(len, blocks))), text, *blocks))


def send(connection: socket.socket, message: bytes, descriptors: Sequence[int] = ()) -> None:
    """Raise OSError if the other side is gone, TimeoutError if it does not read within the time-out of *connection*."""
    sent = socket.send_fds(connection, [message], descriptors) if descriptors else 0
    connection.sendall(memoryview(message)[sent:])


def receive(
    connection: socket.socket, *, max_bytes: int, max_descriptors: int = 0, deadline: float | None = None
) -> Message | None:
    """
    Read a message whose blocks have at most *max_bytes*. None at the end of the connection.

    The kernel closes descriptors beyond *max_descriptors*. *deadline* is a time of `time.monotonic`, for the message as
    a whole.

    Raises:
        Malformed: It is none, or not whole, or too long.
        TimeoutError: It was not there by the *deadline*.
        OSError: The connection broke.
    """
    _wait_until(deadline, connection)
    if max_descriptors:
        head, descriptors, _, _ = socket.recv_fds(connection, _HEAD.size, max_descriptors)
    else:
        head, descriptors = connection.recv(_HEAD.size), []
    if not head:
        return None
    json_bytes, block_bytes = _HEAD.unpack(head + _exactly(connection, _HEAD.size - len(head), deadline))
    if json_bytes > _MAX_JSON_BYTES or block_bytes > max_bytes:
        raise Malformed(f"a message of {json_bytes} and {block_bytes} bytes is too long")
    values, lengths = _values_and_lengths(_exactly(connection, json_bytes, deadline))
    if sum(lengths) != block_bytes:
        raise Malformed("the blocks are not as long as the message says")
    blocks = tuple(_exactly(connection, length, deadline) for length in lengths)
    return Message(values, blocks, tuple(descriptors))


def _values_and_lengths(text: bytes) -> tuple[dict[str, Any], list[int]]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("the values are not JSON") from error
    match parsed:
        case [dict() as values, list() as lengths] if all(type(length) is int and length >= 0 for length in lengths):
            return values, lengths
        case _:
            raise Malformed("the message has another shape")


def _wait_until(deadline: float | None, connection: socket.socket) -> None:
    """Let the next call on *connection* wait until *deadline*."""
    if deadline is not None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        connection.settimeout(remaining)


def _exactly(connection: socket.socket, length: int, deadline: float | None) -> bytes:
    chunks = bytearray()
    while len(chunks) < length:
        _wait_until(deadline, connection)
        chunk = connection.recv(min(length - len(chunks), 1 << 20))
        if not chunk:
            raise Malformed("the message is cut short")
        chunks += chunk
    return bytes(chunks)


def whole_number(value: object, least: int, most: int) -> int:
    """Return *value* if it is an int between the two, both included; else raise Malformed."""
    if type(value) is not int or not least <= value <= most:
        raise Malformed(f"a number from {least} to {most} must stand where something else does")
    return value


def os_error(number: object) -> OSError:
    """Return the error of the system with this `errno`; raise Malformed if there can be none."""
    code = whole_number(number, 1, _MAX_ERRNO)
    return OSError(code, os.strerror(code))


def line(value: object, max_chars: int) -> str:
    """Return *value* if it is printable text in one line of at most *max_chars*; else raise Malformed."""
    if not isinstance(value, str) or len(value) > max_chars or not value.isprintable():
        raise Malformed(f"a line of at most {max_chars} characters must stand where something else does")
    return value
