"""
Tokens: the secrets that keys, sessions, offers, tickets and the right to take an image back are shown by.

A token is "vk_" for a key, "vs_" for a session, "vf_" for the offer of a first key, "vt_" for a ticket or "vd_" for an
image that may be taken back (`delete_tokens`); then 256 random bits, and the CRC-32 (RFC 1952) of all that stands
before it, both in base32 (RFC 4648, section 6) in lower case. So scanners of source code know one when they see it, and
a mistyped one is told without a look-up. It is random, so its digest needs no salt, and no slow hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import zlib
from typing import Final

PREFIX: Final = "vk_"
SESSION_PREFIX: Final = "vs_"
OFFER_PREFIX: Final = "vf_"
TICKET_PREFIX: Final = "vt_"
DELETE_PREFIX: Final = "vd_"
# The secret of a signing key, which is kept as it is: nobody shows it, so `is_well_formed` takes none.
LINK_PREFIX: Final = "vl_"

_RANDOM_BYTES: Final = 32
_FORM: Final = re.compile(r"(v[ksfdt]_[a-z2-7]{52})([a-z2-7]{7})", re.ASCII)


def new_token(prefix: str = PREFIX) -> str:
    """Return a token that nobody has seen: 62 characters of a to z, 2 to 7 and "_"."""
    return token_of(prefix, secrets.token_bytes(_RANDOM_BYTES))


def token_of(prefix: str, content: bytes) -> str:
    """Return the token with this *prefix* whose 256 bits are *content*."""
    text = prefix + base32(content)
    return text + _checksum(text)


def is_well_formed(token: str, prefix: str = PREFIX) -> bool:
    """Whether *token* is one as `new_token` makes it. A change of one character, or of two beside each other, tells."""
    form = _FORM.fullmatch(token)
    return form is not None and token.startswith(prefix) and _checksum(form[1]) == form[2]


def digest_of(token: str) -> str:
    """Return the SHA-256 of the whole *token*, in hex. It is all that is ever kept of one."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(text: str) -> str:
    return base32(zlib.crc32(text.encode()).to_bytes(4))


def base32(content: bytes) -> str:
    """Return *content* in the base32 of tokens and names: RFC 4648, section 6, in lower case and without padding."""
    return base64.b32encode(content).decode().rstrip("=").lower()
