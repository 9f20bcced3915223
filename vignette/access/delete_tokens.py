"""
Delete tokens: whoever has sent an image without a key, with a ticket or without, may take it back by one.

None is kept. The token of an image is made of a secret of the service and of the public name of the image (HMAC,
RFC 2104, with SHA-256): so it is the same each time, and whoever does not know the secret can make none.
"""

from __future__ import annotations

import hmac

from vignette.access.actors import Actor
from vignette.access.secrets import DELETE_PREFIX, is_well_formed, token_of
from vignette.model import PublicName, Record


def token_for(secret: bytes, name: PublicName) -> str:
    """Return the token by which the image of this *name* may be deleted."""
    return token_of(DELETE_PREFIX, hmac.digest(secret, f"vignette delete token\n{name}".encode(), "sha256"))


def is_token_for(secret: bytes, name: PublicName, token: str) -> bool:
    """Whether *token* is that of the image of this *name*. How long it takes does not tell how much of it is right."""
    return is_well_formed(token, DELETE_PREFIX) and hmac.compare_digest(token_for(secret, name), token)


def is_told_to(actor: Actor, record: Record) -> bool:
    """Whether *actor*, who has sent an image with this *record*, is told its token."""
    return actor.key_id is None and is_good_for(record)


def is_good_for(record: Record) -> bool:
    """
    Whether an image with this *record* may be taken back: it came without a key. The image of a ticket has an owner all
    the same.
    """
    return record.owner is None or record.ticket is not None
