"""The tables as the code sees them (`migrations` makes them), and our values as rows and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from vignette.model import (
    Failure,
    Image,
    ImageFacts,
    ImageId,
    Need,
    Placeholder,
    Record,
    State,
    Suspicion,
    Visibility,
)

metadata = sa.MetaData()

image_table = sa.Table(
    "image",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("media_type", sa.Text),
    sa.Column("extension", sa.Text),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("frames", sa.Integer),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("sha256", sa.Text),
    sa.Column("received_at_ms", sa.BigInteger),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("attempts", sa.Integer),
    sa.Column("failure", sa.JSON(none_as_null=True)),
    sa.Column("hinted_at", sa.Float),
    sa.Column("lease_until", sa.Float),
    sa.Column("thumbhash", sa.Text),
    sa.Column("colour", sa.Text),
    sa.Column("recipe_set", sa.Text),
    sa.Column("sizes", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("public_name", sa.Text),
    sa.Column("visibility", sa.Text),
    sa.Column("links_ended_at_ms", sa.BigInteger),
    sa.Column("quarantine", sa.JSON(none_as_null=True)),
    sa.Column("ticket", sa.Text),
    sa.Column("external_id", sa.Text),
    sa.Column("metadata_bytes", sa.BigInteger),
    sa.Column("vignette_bytes", sa.BigInteger),
    sa.Column("pdq", sa.Text),
    sa.Column("pdq_quality", sa.Integer),
)
counter_table = sa.Table("counter", metadata, sa.Column("id", sa.Integer), sa.Column("next", sa.BigInteger))
worker_table = sa.Table(
    "worker", metadata, sa.Column("name", sa.Text), sa.Column("seen_at", sa.Float), sa.Column("boot", sa.Text)
)
unflushed_table = sa.Table(
    "unflushed",
    metadata,
    sa.Column("number", sa.BigInteger),
    sa.Column("image_id", sa.BigInteger),
    sa.Column("boot", sa.Text),
)
key_table = sa.Table(
    "access_key",
    metadata,
    sa.Column("id", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("scopes", sa.Text),
    sa.Column("created_at_ms", sa.BigInteger),
    sa.Column("expires_at_ms", sa.BigInteger),
    sa.Column("networks", sa.Text),
    sa.Column("last_used_at_ms", sa.BigInteger),
    sa.Column("origins", sa.Text),
    sa.Column("quota_images", sa.BigInteger),
    sa.Column("quota_bytes", sa.BigInteger),
    sa.Column("quota_images_per_day", sa.BigInteger),
)
# Kept by triggers (migration 0014), in the transaction of whatever changes an image.
usage_table = sa.Table(
    "usage",
    metadata,
    sa.Column("owner", sa.Text),
    sa.Column("images", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("day", sa.BigInteger),
    sa.Column("day_images", sa.BigInteger),
)

session_table = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("key_id", sa.Text),
    sa.Column("created_at_ms", sa.BigInteger),
    sa.Column("last_used_at_ms", sa.BigInteger),
    sa.Column("agent", sa.Text),
)

link_table = sa.Table(
    "link",
    metadata,
    sa.Column("id", sa.Text),
    sa.Column("image", sa.Text),
    sa.Column("what", sa.Text),
    sa.Column("size", sa.Text),
    sa.Column("place", sa.Text),
    sa.Column("keep", sa.Text),
    sa.Column("made_by", sa.Text),
    sa.Column("made_at_ms", sa.BigInteger),
    sa.Column("expires_at_ms", sa.BigInteger),
)

edit_table = sa.Table(
    "edit_under_way",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("image_id", sa.BigInteger),
    sa.Column("begun_at", sa.Float),
)

audit_table = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("at_ms", sa.BigInteger),
    sa.Column("what", sa.Text),
    sa.Column("actor", sa.Text),
    sa.Column("address", sa.Text),
    sa.Column("image_id", sa.BigInteger),
    sa.Column("subject", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("times", sa.Integer),
)

ticket_table = sa.Table(
    "ticket",
    metadata,
    sa.Column("id", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("owner", sa.Text),
    sa.Column("uses", sa.Integer),
    sa.Column("spent", sa.Integer),
    sa.Column("created_at_ms", sa.BigInteger),
    sa.Column("expires_at_ms", sa.BigInteger),
    sa.Column("revoked_at_ms", sa.BigInteger),
    sa.Column("last_used_at_ms", sa.BigInteger),
    sa.Column("max_bytes", sa.BigInteger),
    sa.Column("media_types", sa.Text),
    sa.Column("visibility", sa.Text),
    sa.Column("external_id", sa.Text),
    sa.Column("origins", sa.Text),
    sa.Column("note", sa.Text),
)
ticket_origin_table = sa.Table("ticket_origin", metadata, sa.Column("origin", sa.Text), sa.Column("ticket_id", sa.Text))

# Stand in `state` of a ready image that waits for the worker, or is in its hands: to be given its other sizes, or to be
# rendered again. They are states of their own in the table alone, where such images are queued, claimed and found as
# those that have no vignette yet.
COMPLETING: Final = "completing"
RENEWING: Final = "renewing"

# What an image needs, by what stands in `state`. The most urgent comes first.
NEEDS: Final = {
    State.PROCESSING.value: Need.FIRST,
    State.PENDING.value: Need.FIRST,
    COMPLETING: Need.REST,
    RENEWING: Need.AGAIN,
}


class Now(FunctionElement[float]):
    """
    The time when the statement began, in seconds since the epoch, by the database's clock: machines that share the
    database need not agree on theirs.

    PostgreSQL uses no index to compare with `clock_timestamp()`, which goes on while the statement runs.
    """

    inherit_cache = True
    type = sa.Float()


@compiles(Now, "sqlite")
def _now_on_sqlite(_element: Now, _compiler: object, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Now, "postgresql")
def _now_on_postgresql(_element: Now, _compiler: object, **_: Any) -> str:
    return "extract(epoch from statement_timestamp())"


def anew() -> dict[str, Any]:
    """The columns of an image that is to be rendered as if it had never been tried, and is being queued."""
    return {"attempts": 0, "failure": None, "lease_until": None, "hinted_at": Now()}


def milliseconds(moment: datetime) -> int:
    """The column of a moment, which has whole milliseconds."""
    return round(moment.timestamp() * 1000)


def moment_column(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)


def moment_of(column: int) -> datetime:
    return datetime.fromtimestamp(column / 1000, tz=UTC)


def moment_or_none(column: int | None) -> datetime | None:
    return None if column is None else moment_of(column)


def words_column(words: Iterable[str]) -> str:
    """The column of words that hold no comma."""
    return ",".join(words)


def words_of(column: str) -> tuple[str, ...]:
    return tuple(filter(None, column.split(",")))


def to_row(image: Image) -> dict[str, Any]:
    record, facts = image.record, image.record.facts
    return {
        "id": image.id,
        "name": record.name,
        "media_type": facts.media_type,
        "extension": facts.extension,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "bytes": record.bytes,
        "sha256": record.sha256,
        "received_at_ms": milliseconds(record.received_at),
        "idempotency_key": record.idempotency_key,
        "owner": record.owner,
        "public_name": record.public_name,
        "ticket": record.ticket,
        "external_id": record.external_id,
        "visibility": visibility_column(image.visibility),
        "links_ended_at_ms": moment_column(image.links_ended_at),
        "quarantine": quarantine_column(image.quarantine),
        "metadata_bytes": image.metadata_bytes,
        "vignette_bytes": image.vignette_bytes,
        "state": COMPLETING if image.is_completing else image.state,
        "attempts": image.attempts,
        "failure": None if image.failure is None else asdict(image.failure),
        "recipe_set": image.recipe_set,
        "sizes": sizes_column(image.sizes),
        **placeholder_columns(image.placeholder),
    }


def forgotten() -> dict[str, Any]:
    """
    The columns that tell something of an image, without it. Of a deleted image the row keeps the number, the digest
    of its idempotency key (a client that did not hear of its upload and sends it again must not bring the image back),
    and the id of its ticket, of which a use stays spent.
    """
    columns = ("name", "owner", "public_name", "external_id", "failure", "lease_until", "sizes")
    nothing: dict[str, Any] = dict.fromkeys((*columns, "quarantine", "links_ended_at_ms"), None)
    nothing |= placeholder_columns(None)
    no_text = dict.fromkeys(("media_type", "extension", "sha256", "visibility"), "")
    numbers = ("width", "height", "frames", "bytes", "received_at_ms", "attempts", "hinted_at")
    zero = dict.fromkeys((*numbers, "metadata_bytes", "vignette_bytes"), 0)
    return nothing | no_text | zero


def placeholder_columns(placeholder: Placeholder | None) -> dict[str, Any]:
    if placeholder is None:
        return dict.fromkeys(("thumbhash", "colour", "pdq", "pdq_quality"))
    return {
        "thumbhash": placeholder.thumbhash,
        "colour": placeholder.colour,
        "pdq": placeholder.pdq,
        "pdq_quality": placeholder.quality,
    }


def visibility_column(visibility: Visibility | None) -> str:
    """Not NULL where nothing was said: no index would have such images in order."""
    return visibility or ""


def quarantine_column(suspicion: Suspicion | None) -> dict[str, Any] | None:
    if suspicion is None:
        return None
    return {"check": suspicion.check, "reason": suspicion.reason, "since_ms": milliseconds(suspicion.since)}


def _suspicion(column: dict[str, Any] | None) -> Suspicion | None:
    return None if column is None else Suspicion(column["check"], column["reason"], moment_of(column["since_ms"]))


def sizes_column(sizes: tuple[str, ...] | None) -> str | None:
    return None if sizes is None else words_column(sizes)


def from_row(row: sa.Row[Any]) -> Image:
    facts = ImageFacts(row.media_type, row.extension, row.width, row.height, row.frames)
    received_at = moment_of(row.received_at_ms)
    record = Record(
        row.name,
        facts,
        row.bytes,
        row.sha256,
        received_at,
        row.idempotency_key,
        row.owner,
        row.public_name,
        row.ticket,
        row.external_id,
    )
    failure = None if row.failure is None else Failure(**row.failure)
    placeholder = (
        None if row.thumbhash is None else Placeholder(row.thumbhash, row.colour, row.pdq, row.pdq_quality or 0)
    )
    is_renewing, is_completing = row.state == RENEWING, row.state == COMPLETING
    return Image(
        id=ImageId(row.id),
        record=record,
        state=State.READY if is_renewing or is_completing else State(row.state),
        attempts=row.attempts,
        failure=failure,
        placeholder=placeholder,
        recipe_set=row.recipe_set,
        is_renewing=is_renewing,
        is_completing=is_completing,
        sizes=None if row.sizes is None else words_of(row.sizes),
        visibility=Visibility(row.visibility) if row.visibility else None,
        links_ended_at=moment_or_none(row.links_ended_at_ms),
        quarantine=_suspicion(row.quarantine),
        metadata_bytes=row.metadata_bytes,
        vignette_bytes=row.vignette_bytes,
    )
