"""
Public names: what an image is called by those who must not learn its number. Numbers can be guessed, and tell how many
pictures there are; a name is 128 random bits in base32 (RFC 4648, section 6), in lower case.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from vignette.access.secrets import base32
from vignette.model import ImageId, PublicName, Record

_BYTES: Final = 16
PATTERN: Final = "[a-z2-7]{26}"
_FORM: Final = re.compile(PATTERN, re.ASCII)


def new_name() -> PublicName:
    return _written(secrets.token_bytes(_BYTES))


def is_name(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def name_of_earlier(image_id: ImageId, record: Record) -> PublicName:
    """
    Return the name of an image whose record has none, because it came before there were names: the same each time.

    It can be guessed by nobody who does not know the whole file, and the millisecond in which it came.
    """
    came_at_ms = round(record.received_at.timestamp() * 1000)
    facts = f"vignette public name\n{image_id}\n{came_at_ms}\n{record.sha256}"
    return _written(hashlib.sha256(facts.encode()).digest()[:_BYTES])


def _written(content: bytes) -> PublicName:
    return PublicName(base32(content))
