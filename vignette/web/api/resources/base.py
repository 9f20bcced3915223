"""What all resources share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

# RFC 3339 in UTC, to the millisecond.
Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), when_used="json"),
]


class Resource(BaseModel):
    model_config = ConfigDict(frozen=True)
