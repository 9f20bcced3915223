"""
Cursors: places in a list of images, for those who must not learn numbers. A cursor tells nobody its number, and goes on
being a place when the image is gone.

It is "~", then a tag and the number in disguise, 64 bits each, in base32 (RFC 4648, section 6) in lower case. The tag
is an HMAC of the number, by a secret of the service, and the disguise is an HMAC of the tag: the construction of SIV
(RFC 5297) for one short block.
"""

from __future__ import annotations

import base64
import hmac
import re
from typing import Final

from vignette.access.secrets import base32
from vignette.model import ImageId

PATTERN: Final = "~[a-z2-7]{26}"
_FORM: Final = re.compile(PATTERN, re.ASCII)
_HALF: Final = 8


def cursor_of(secret: bytes, image_id: ImageId) -> str:
    """Return the cursor of the place of this number: the same each time."""
    number = image_id.to_bytes(_HALF)
    tag = _digest(secret, b"tag", number)
    return f"~{base32(tag + _xor(number, _digest(secret, b'disguise', tag)))}"


def place_of(secret: bytes, cursor: str) -> ImageId | None:
    """Return the number that *cursor* stands for; None if it was not made with this *secret*."""
    if not _FORM.fullmatch(cursor):
        return None
    content = base64.b32decode(f"{cursor[1:].upper()}======")
    tag, disguised = content[:_HALF], content[_HALF:]
    number = _xor(disguised, _digest(secret, b"disguise", tag))
    is_ours = hmac.compare_digest(_digest(secret, b"tag", number), tag)
    return ImageId(int.from_bytes(number)) if is_ours else None


def _digest(secret: bytes, purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(secret, purpose + b"\n" + content, "sha256")[:_HALF]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
