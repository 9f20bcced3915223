"""The checks that each upload has to pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator, model_validator

from vignette.limits import MAX_BLOCKED_PICTURES
from vignette.pixels.pdq import read_hashes
from vignette.ports.checks import OnBlocked, OnError
from vignette.records import CHECK_NAME
from vignette.settings.addresses import (
    host_and_port_of,
    is_web_address,
)
from vignette.settings.values import Group, WholeNumber

# An upload waits for all of them, one after the other, and holds a place meanwhile.
_MOST_CHECKS: Final = 8
_MOST_CHECK_SECONDS: Final = 60
# Of hexadecimal digits, these are 64 bits.
_LEAST_SECRET_CHARS: Final = 16


class CheckSettings(Group):
    """A check that each upload has to pass: that of an HTTP service at `url`, or of ClamAV's daemon at `clamd`."""

    name: str
    url: Annotated[str, Field(repr=False)] = ""
    secret: Annotated[str, Field(repr=False)] = ""
    clamd: str = ""
    on_found: Literal["reject", "quarantine"] = "reject"
    on_error: OnError = OnError.REFUSE
    timeout_seconds: Annotated[WholeNumber, Field(ge=1, le=_MOST_CHECK_SECONDS)] = 10

    @field_validator("name")
    @classmethod
    def _a_label(cls, name: str) -> str:
        if not CHECK_NAME.fullmatch(name):
            raise ValueError("should be a lower-case letter, then up to 31 lower-case letters, digits or hyphens")
        return name

    @field_validator("url")
    @classmethod
    def _a_service(cls, url: str) -> str:
        if url and not is_web_address(url):
            raise ValueError("should be http:// or https:// with a host, without user and password")
        return url

    @field_validator("clamd")
    @classmethod
    def _a_socket(cls, clamd: str) -> str:
        if clamd and not clamd.startswith("/"):
            host_and_port_of(clamd)
        return clamd

    @model_validator(mode="after")
    def _one_of_both(self) -> CheckSettings:
        if bool(self.url) == bool(self.clamd):
            raise ValueError("should have either url or clamd")
        if self.url and len(self.secret) < _LEAST_SECRET_CHARS:
            raise ValueError(f"should have a secret of at least {_LEAST_SECRET_CHARS} characters beside its url")
        if self.clamd and self.secret:
            raise ValueError("should have no secret beside clamd, which knows none")
        return self


def blocked_pictures(block_list: str) -> tuple[int, ...]:
    """
    Return the hashes in this file, none if there is no file to be read; raise `ValueError` if it cannot be read, or
    holds anything else, or too many.
    """
    if not block_list:
        return ()
    try:
        hashes = read_hashes(Path(block_list).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot be read: {error}") from None
    if len(hashes) > MAX_BLOCKED_PICTURES:
        raise ValueError(f"holds {len(hashes)} hashes, the limit is {MAX_BLOCKED_PICTURES}")
    return hashes


class Checks(Group):
    checks: Annotated[tuple[CheckSettings, ...], Field(max_length=_MOST_CHECKS)] = ()
    block_list: str = ""
    on_blocked: OnBlocked = OnBlocked.QUARANTINE

    @field_validator("checks")
    @classmethod
    def _checks_differ(cls, checks: tuple[CheckSettings, ...]) -> tuple[CheckSettings, ...]:
        names = [check.name for check in checks]
        if len(set(names)) < len(names):
            raise ValueError("should each have a name of its own")
        return checks

    @field_validator("block_list")
    @classmethod
    def _holds_hashes(cls, block_list: str) -> str:
        blocked_pictures(block_list)
        return block_list
