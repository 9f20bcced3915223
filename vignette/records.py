"""
Makes the content of `record.json`, `edits.json`, `review.json`, `outcome.json` and `deleted.json` from our values;
reads the first four, and `metadata.json`.

A folder may come from a stranger, as a backup. So nothing is read but what Vignette itself may have written: names of
files are those that may lie in a folder, formats are those that the door accepts, numbers fit into the catalogue.
Fields that are not known are passed over, because a later release may have written them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from pydantic import TypeAdapter
from pydantic_core import from_json

from vignette import layout
from vignette.access.names import PATTERN
from vignette.limits import MAX_EXTERNAL_ID_CHARS, MAX_NAME_CHARS
from vignette.model import Edits, Failure, ImageFacts, Outcome, Placeholder, Record, Review, in_milliseconds
from vignette.pixels.formats import ACCEPTED_FORMATS

_RECORDS = TypeAdapter(Record)
_OUTCOMES = TypeAdapter(Outcome)
_EDITS = TypeAdapter(Edits)
_REVIEWS = TypeAdapter(Review)

_FORMATS: Final = frozenset((accepted.media_type, accepted.extension) for accepted in ACCEPTED_FORMATS)

# The whole numbers of the catalogue's columns.
_MOST_INTEGER: Final = 2**31 - 1
_MOST_BIG_INTEGER: Final = 2**63 - 1

# There are at most some dozens of recipes, each with three formats and a moving vignette.
_MOST_VIGNETTES: Final = 1000

# There are three.
_MOST_WARNINGS: Final = 100

ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
"""Of a key, a ticket, a session or a link."""
_PUBLIC_NAME: Final = re.compile(PATTERN, re.ASCII)
SHA_256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CODE: Final = re.compile(r"[a-z][a-z-]{0,63}", re.ASCII)
CHECK_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
REASON_CODE: Final = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
# In base64: a ThumbHash has at most 25 bytes.
_THUMBHASH: Final = re.compile(r"[A-Za-z0-9+/]{1,64}={0,2}", re.ASCII)
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_PDQ: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def record_to_json(record: Record) -> bytes:
    return _RECORDS.dump_json(record, indent=1)


def record_from_json(content: bytes) -> Record:
    """
    The name is made a label, as `clean_name` does.

    Raises:
        ValueError: *content* holds no record that Vignette may have written.
    """
    require_plain_json(content)
    record = _RECORDS.validate_json(content, strict=True)
    _require_facts(record.facts)
    _require_number("bytes", record.bytes, 0, _MOST_BIG_INTEGER)
    require_words("sha256", record.sha256, SHA_256)
    if record.idempotency_key is not None:
        require_words("idempotency_key", record.idempotency_key, SHA_256)
    if record.owner is not None:
        require_words("owner", record.owner, ID)
    if record.ticket is not None:
        require_words("ticket", record.ticket, ID)
    if record.external_id is not None:
        require_label("external_id", record.external_id, MAX_EXTERNAL_ID_CHARS)
    if record.public_name is not None:
        require_words("public_name", record.public_name, _PUBLIC_NAME)
    require_moment("received_at", record.received_at)
    name = clean_name(record.name)
    return record if name == record.name else replace(record, name=name)


def edits_to_json(edits: Edits) -> bytes:
    return _EDITS.dump_json(edits, indent=1)


def edits_from_json(content: bytes) -> Edits:
    """Raise `ValueError` if *content* holds nothing that Vignette may have written."""
    require_plain_json(content)
    edits = _EDITS.validate_json(content, strict=True)
    if edits.links_ended_at is not None:
        require_moment("links_ended_at", edits.links_ended_at)
    return edits


def review_to_json(review: Review) -> bytes:
    return _REVIEWS.dump_json(review, indent=1)


def review_from_json(content: bytes) -> Review:
    """
    The note is made a label, as `clean_name` does.

    Raises:
        ValueError: *content* holds no review that Vignette may have written.
    """
    require_plain_json(content)
    review = _REVIEWS.validate_json(content, strict=True)
    require_words("check", review.suspicion.check, CHECK_NAME)
    require_words("reason", review.suspicion.reason, REASON_CODE)
    require_moment("since", review.suspicion.since)
    if (review.decision is None) != (review.decided_at is None):
        raise ValueError("there is a decision without a time, or a time without a decision")
    if review.decided_at is not None:
        require_moment("decided_at", review.decided_at)
    if review.decided_by is not None:
        require_words("decided_by", review.decided_by, ID)
    suspicion = replace(review.suspicion, since=in_milliseconds(review.suspicion.since.astimezone(UTC)))
    return replace(review, suspicion=suspicion, note=clean_name(review.note))


def outcome_to_json(outcome: Outcome) -> bytes:
    return _OUTCOMES.dump_json(outcome, indent=1)


def outcome_from_json(content: bytes) -> Outcome:
    """
    The words of a failure are cut, and made a label.

    Raises:
        ValueError: *content* holds no outcome that Vignette may have written.
    """
    require_plain_json(content)
    outcome = _OUTCOMES.validate_json(content, strict=True)
    for names in (outcome.vignettes, outcome.to_come, outcome.fingerprints, outcome.replacements):
        _require_vignettes(names)
    for warning in _few("warnings", outcome.warnings):
        require_words("a warning", warning, _CODE)
    _require_number("attempts", outcome.attempts, 0, _MOST_INTEGER)
    if outcome.placeholder is not None:
        _require_placeholder(outcome.placeholder)
    return outcome if outcome.failure is None else replace(outcome, failure=_safe(outcome.failure))


def metadata_from_json(content: bytes) -> dict[str, Any]:
    """Return what `metadata.json` holds; raise `ValueError` if it is damaged."""
    # Of Python's own reader, the depth that it takes depends on the release.
    metadata = from_json(content, allow_inf_nan=False)
    if not isinstance(metadata, dict):
        raise ValueError(f"{layout.METADATA_JSON} holds no object")  # noqa: TRY004 (as with any other damage)
    return metadata


def tombstone_to_json(deleted_at: datetime, ticket: str | None = None) -> bytes:
    """
    Return the content of `deleted.json`, which keeps the number taken when the catalogue is rebuilt from folders; and
    the use of the *ticket* by which the image came, if it came by one.
    """
    by = {} if ticket is None else {"ticket": ticket}
    return json.dumps({"deleted_at": deleted_at.isoformat(), **by}).encode()


def ticket_of_tombstone(content: bytes) -> str | None:
    """Return the id of the ticket in `deleted.json`; None if none is there that Vignette may have written."""
    try:
        found = from_json(content, allow_inf_nan=False)
    except ValueError:
        return None
    ticket = found.get("ticket") if isinstance(found, dict) else None
    return ticket if isinstance(ticket, str) and ID.fullmatch(ticket) else None


def clean_name(name: str | None) -> str | None:
    """
    Return a file name as a label in one line, cut at `limits.MAX_NAME_CHARS` characters; None if *name* is empty.

    Characters that control a terminal, turn the direction of text or end a line (Unicode categories Cc, Cf, Cs, Zl, Zp,
    without U+200C and U+200D) become U+FFFD.
    """
    if not name:
        return None
    return "".join("\ufffd" if _is_control(character) else character for character in name[:MAX_NAME_CHARS])


def _is_control(character: str) -> bool:
    # U+200D joins emoji, U+200C shapes Persian: both belong in names.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"


def require_plain_json(content: bytes) -> None:
    """Refuse what other programs may read in another way, or not at all."""
    try:
        json.loads(content, object_pairs_hook=_without_repeats, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:40]} comes twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _require_facts(facts: ImageFacts) -> None:
    if (facts.media_type, facts.extension) not in _FORMATS:
        raise ValueError(f"{facts.media_type[:40]!r} with {facts.extension[:40]!r} is no format that is accepted")
    for name in ("width", "height", "frames"):
        _require_number(name, getattr(facts, name), 1, _MOST_INTEGER)


def _require_number(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is not within {least} and {most}")


def _few(name: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > _MOST_WARNINGS:
        raise ValueError(f"there are {len(values)} {name}")
    return values


def require_words(name: str, value: str, pattern: re.Pattern[str]) -> None:
    """Refuse a *value* that is not as a whole what the *pattern* describes."""
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} is {value[:80]!r}")


def require_label(name: str, value: str, most_chars: int) -> None:
    """Refuse a *value* that is empty or too long, or that `clean_name` would change."""
    if clean_name(value) != value or len(value) > most_chars:
        raise ValueError(f"{name} is not as we write labels")


def require_moment(name: str, moment: datetime) -> None:
    """Refuse a time without a zone, and one that some clock or calendar could not show."""
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise ValueError(f"{name} is {moment}")
    moment.astimezone(UTC)


def _require_vignettes(names: Iterable[str]) -> None:
    for count, name in enumerate(names):
        if count == _MOST_VIGNETTES or not layout.is_vignette(name):
            raise ValueError(f"{name[:80]!r} is no name of a vignette, or one of too many")


def _require_placeholder(placeholder: Placeholder) -> None:
    require_words("thumbhash", placeholder.thumbhash, _THUMBHASH)
    require_words("colour", placeholder.colour, _COLOUR)
    if placeholder.pdq is not None:
        require_words("pdq", placeholder.pdq, _PDQ)
    _require_number("quality", placeholder.quality, 0, 100)


def _safe(failure: Failure) -> Failure:
    require_words("code", failure.code, _CODE)
    for value in (failure.measured, failure.limit):
        _require_number("a number of the failure", value or 0, -_MOST_BIG_INTEGER, _MOST_BIG_INTEGER)
    return replace(failure, detail=clean_name(failure.detail) or "")
