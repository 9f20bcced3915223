"""Makes the content of `record.json`, `outcome.json` and `deleted.json` from our values, and reads the first two."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import TypeAdapter

from vignette.model import Outcome, Record

_RECORDS = TypeAdapter(Record)
_OUTCOMES = TypeAdapter(Outcome)


def record_to_json(record: Record) -> bytes:
    return _RECORDS.dump_json(record, indent=1)


def record_from_json(content: bytes) -> Record:
    """
    Raises:
        ValueError: *content* holds no record.
    """
    return _RECORDS.validate_json(content)


def outcome_to_json(outcome: Outcome) -> bytes:
    return _OUTCOMES.dump_json(outcome, indent=1)


def outcome_from_json(content: bytes) -> Outcome:
    """
    Raises:
        ValueError: *content* holds no outcome.
    """
    return _OUTCOMES.validate_json(content)


def tombstone_to_json(deleted_at: datetime) -> bytes:
    """Return the content of `deleted.json`, which keeps the number taken when the catalogue is rebuilt from folders."""
    return json.dumps({"deleted_at": deleted_at.isoformat()}).encode()
