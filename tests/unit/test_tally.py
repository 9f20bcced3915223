from __future__ import annotations

import hashlib

import pytest

from vignette.errors import DigestMismatch, UploadTooLarge
from vignette.tally import SHA_256, Announced, Digest, Tally


def test_it_counts_and_hashes_what_comes_in_pieces() -> None:
    tally = Tally(algorithms=[SHA_256])

    for chunk in (b"one", b"", b"two"):
        tally.add(chunk)

    assert (tally.bytes, tally.digest(SHA_256)) == (6, hashlib.sha256(b"onetwo").digest())


def test_the_limit_itself_is_allowed_and_one_more_is_not() -> None:
    tally = Tally(limit=3)
    tally.add(b"one")

    with pytest.raises(UploadTooLarge) as caught:
        tally.add(b"!")

    assert (caught.value.measured, caught.value.limit) == (4, 3)


@pytest.mark.parametrize(("length", "is_short"), [(None, False), (2, False), (3, False), (4, True)])
def test_it_knows_whether_something_is_missing(length: int | None, is_short: bool) -> None:
    tally = Tally(Announced(length))
    tally.add(b"one")

    assert tally.is_short is is_short


def test_every_digest_that_was_announced_has_to_hold() -> None:
    right = Digest("Content-Digest", SHA_256, hashlib.sha256(b"one").digest())
    wrong = Digest("Repr-Digest", "sha-512", hashlib.sha512(b"other").digest())
    sound, mixed = Tally(Announced(digests=(right,))), Tally(Announced(digests=(right, wrong)))
    sound.add(b"one")
    mixed.add(b"one")

    sound.verify()
    with pytest.raises(DigestMismatch, match=r"^Repr-Digest announced sha-512=:"):
        mixed.verify()
