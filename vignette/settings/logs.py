"""What is logged, and what is kept of who did what."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vignette.access.events import Addresses
from vignette.model import LogFormat
from vignette.settings.values import Group, WholeNumber


class Logs(Group):
    log_format: LogFormat = "text"
    log_requests: bool = True
    audit_days: Annotated[WholeNumber, Field(ge=0, le=3650)] = 90
    audit_addresses: Addresses = Addresses.NETWORK
