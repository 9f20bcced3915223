"""What is taken of an upload."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator

from vignette.limits import MIB
from vignette.settings.values import MOST_BYTES, Group, WholeNumber

# What one form may hold beside a file of full size, unless it is said.
_UPLOADS_IN_A_REQUEST: Final = 5
# 8 GB decoded to RGBA.
_MOST_PIXELS: Final = 2_000_000_000


class Intake(Group):
    max_upload_bytes: Annotated[WholeNumber, Field(ge=1, le=MOST_BYTES)] = 100 * MIB
    max_request_bytes: Annotated[WholeNumber, Field(ge=0, le=MOST_BYTES)] = 0
    max_files_per_request: Annotated[WholeNumber, Field(ge=1, le=1000)] = 50
    max_pixels: Annotated[WholeNumber, Field(ge=1, le=_MOST_PIXELS)] = 100_000_000
    max_frames: Annotated[WholeNumber, Field(ge=1, le=1_000_000)] = 1000

    @field_validator("max_request_bytes")
    @classmethod
    def _room_for_several_files(cls, size: int, info: ValidationInfo) -> int:
        # `max_upload_bytes` stands before it and is missing here only if it was wrong itself.
        return size or min(_UPLOADS_IN_A_REQUEST * int(info.data.get("max_upload_bytes", MOST_BYTES)), MOST_BYTES)
