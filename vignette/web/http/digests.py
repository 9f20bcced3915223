"""`Content-Digest` and `Repr-Digest` (RFC 9530): read from the header of a request or of a part, and written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from werkzeug.datastructures import Headers

from vignette.errors import MalformedRequest
from vignette.tally import ALGORITHMS, SHA_256, Digest, as_member

# What we are sent holds as a whole, so nothing distinguishes the content from the representation on the way in.
_HEADERS: Final = ("Content-Digest", "Repr-Digest")

# A member of a dictionary (RFC 8941) whose value is a byte sequence; its parameters mean nothing here.
_MEMBER: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:;[^,]*)?\s*")


def announced_digests(headers: Headers) -> tuple[Digest, ...]:
    """
    The digests that *headers* announce. Algorithms that we do not know are passed over, as RFC 9530 asks.

    Raises:
        MalformedRequest: A digest is none.
    """
    return tuple(digest for name in _HEADERS for digest in _parse(name, headers.get(name, "")))


def sha256_digest(sha256: str) -> str:
    """The value of a digest header, of a SHA-256 in hex."""
    return as_member(SHA_256, bytes.fromhex(sha256))


def _parse(name: str, value: str) -> Iterator[Digest]:
    if not value.strip():
        return
    for member in value.split(","):  # no byte sequence holds a comma
        match = _MEMBER.fullmatch(member)
        if match is None:
            raise MalformedRequest(f"{name} is {value[:200]!r}, and has to be sha-256=:…: with base64 inside")
        algorithm, text = match.groups()
        if algorithm in ALGORITHMS:
            yield Digest(name, algorithm, _decoded(name, algorithm, text))


def _decoded(name: str, algorithm: str, text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedRequest(f"{name} holds a {algorithm} that is no base64") from error
    size = hashlib.new(ALGORITHMS[algorithm]).digest_size
    if len(digest) != size:
        raise MalformedRequest(
            f"{name} holds a {algorithm} of {len(digest)} bytes, and it has {size}", measured=len(digest), limit=size
        )
    return digest
