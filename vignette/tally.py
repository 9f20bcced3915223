"""Bytes on their way in: counted, hashed, and held against what their sender said of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from vignette.errors import DigestMismatch, UploadTooLarge

ALGORITHMS: Final[Mapping[str, str]] = {"sha-256": "sha256", "sha-512": "sha512"}
"""The algorithms of RFC 9530 that are not deprecated, with their names in hashlib."""

SHA_256: Final = "sha-256"


class Digest(NamedTuple):
    """A digest of the bytes that the field `header` announced; `algorithm` is one of `ALGORITHMS`."""

    header: str
    algorithm: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender said of the bytes before they came: how many they are, and their digests."""

    length: int | None = None
    digests: tuple[Digest, ...] = ()


NOTHING_ANNOUNCED: Final = Announced()


class Tally:
    """
    The account of one stream of bytes, to which each chunk is added once, as it comes.

    It refuses more than *limit* bytes. It hashes the bytes by the algorithms of the *announced* digests and by
    *algorithms*; an algorithm in both is computed once.
    """

    def __init__(
        self, announced: Announced = NOTHING_ANNOUNCED, *, limit: int | None = None, algorithms: Iterable[str] = ()
    ) -> None:
        self.announced = announced
        self.bytes = 0
        self._limit = limit
        wanted = {*algorithms, *(digest.algorithm for digest in announced.digests)}
        self._hashes = {algorithm: hashlib.new(ALGORITHMS[algorithm]) for algorithm in sorted(wanted)}

    def add(self, chunk: bytes) -> None:
        """
        Count and hash the next *chunk*.

        Raises:
            UploadTooLarge: With this chunk there are more bytes than the limit. It was counted, but not hashed.
        """
        self.bytes += len(chunk)
        if self._limit is not None and self.bytes > self._limit:
            raise too_large(self.bytes, self._limit)
        for counted in self._hashes.values():
            counted.update(chunk)

    def digest(self, algorithm: str) -> bytes:
        """Return the digest of what has come so far; *algorithm* is one that is hashed."""
        return self._hashes[algorithm].digest()

    @property
    def is_short(self) -> bool:
        """Whether fewer bytes have come than were announced."""
        return self.announced.length is not None and self.bytes < self.announced.length

    def verify(self) -> None:
        """
        Compare the announced digests with those of the bytes that have come.

        Raises:
            DigestMismatch: One differs.
        """
        for header, algorithm, announced in self.announced.digests:
            counted = self.digest(algorithm)
            if counted != announced:
                raise DigestMismatch(
                    f"{header} announced {as_member(algorithm, announced)}, the bytes that came have"
                    f" {as_member(algorithm, counted)}"
                )


def as_member(algorithm: str, digest: bytes) -> str:
    """Return *digest* as in a header: a dictionary's member whose value is a byte sequence (RFC 9530, RFC 8941)."""
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


def too_large(measured: int, limit: int) -> UploadTooLarge:
    return UploadTooLarge(f"{measured} bytes or more, the limit is {limit}", measured=measured, limit=limit)
