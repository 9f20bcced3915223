"""`record.json`, `outcome.json` and `deleted.json`: our values as the bytes of a file, and back."""

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
        ValueError: *content* is no record.
    """
    return _RECORDS.validate_json(content)


def outcome_to_json(outcome: Outcome) -> bytes:
    return _OUTCOMES.dump_json(outcome, indent=1)


def outcome_from_json(content: bytes) -> Outcome:
    """
    Raises:
        ValueError: *content* is no outcome.
    """
    return _OUTCOMES.validate_json(content)


def tombstone_to_json(deleted_at: datetime) -> bytes:
    """What stays in the folder of a deleted image, so that its number stays taken when the catalogue is rebuilt."""
    return json.dumps({"deleted_at": deleted_at.isoformat()}).encode()
