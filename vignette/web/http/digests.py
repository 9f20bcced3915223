"""`Content-Digest` and `Repr-Digest` (RFC 9530): what a client says of its bytes, held against what arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Final

from werkzeug.datastructures import Headers

from vignette.errors import DigestMismatch, MalformedRequest

# What we send holds as a whole, so nothing distinguishes the content from the representation on the way in.
_HEADERS: Final = ("Content-Digest", "Repr-Digest")

# Those of RFC 9530 that are not deprecated, by the names that hashlib knows. Others are passed over, as it asks.
_ALGORITHMS: Final = {"sha-256": "sha256", "sha-512": "sha512"}

# A member of a dictionary (RFC 8941) whose value is a byte sequence; its parameters mean nothing here.
_MEMBER: Final = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:;[^,]*)?\s*")


class DigestCheck:
    """The digests that *headers* announce, counted along with the bytes; of none, it costs nothing."""

    def __init__(self, headers: Headers) -> None:
        """
        Raises:
            MalformedRequest: A digest is none.
        """
        self._announced = [
            (name, algorithm, value)
            for name in _HEADERS
            for algorithm, value in _parse(name, headers.get(name, "")).items()
        ]
        self._hashes = {algorithm: hashlib.new(_ALGORITHMS[algorithm]) for _, algorithm, _ in self._announced}

    def __bool__(self) -> bool:
        """Whether there is anything to check."""
        return bool(self._announced)

    def update(self, chunk: bytes) -> None:
        for counted in self._hashes.values():
            counted.update(chunk)

    def verify(self) -> None:
        """
        Raises:
            DigestMismatch: What was announced is not what came.
        """
        for name, algorithm, announced in self._announced:
            counted = self._hashes[algorithm].digest()
            if counted != announced:
                raise DigestMismatch(
                    f"{name} announced {algorithm}=:{_text(announced)}:, the bytes that came have"
                    f" {algorithm}=:{_text(counted)}:"
                )


def sha256_digest(sha256: str) -> str:
    """The value of a digest header, of a SHA-256 in hex."""
    return f"sha-256=:{_text(bytes.fromhex(sha256))}:"


def _parse(name: str, value: str) -> dict[str, bytes]:
    if not value.strip():
        return {}
    digests = {}
    for member in value.split(","):  # no byte sequence holds a comma
        match = _MEMBER.fullmatch(member)
        if match is None:
            raise MalformedRequest(f"{name} is {value[:200]!r}, and has to be sha-256=:…: with base64 inside")
        algorithm, text = match.groups()
        if algorithm in _ALGORITHMS:
            digests[algorithm] = _decoded(name, algorithm, text)
    return digests


def _decoded(name: str, algorithm: str, text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedRequest(f"{name} holds a {algorithm} that is no base64: {error}") from error
    size = hashlib.new(_ALGORITHMS[algorithm]).digest_size
    if len(digest) != size:
        raise MalformedRequest(
            f"{name} holds a {algorithm} of {len(digest)} bytes, and it has {size}", measured=len(digest), limit=size
        )
    return digest


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
