"""What the service says to the person who started it, on standard error."""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Iterator
from typing import Final

from vignette.jail.privileges import runs_as_root
from vignette.jail.sandbox import Abilities, abilities
from vignette.lines import time_text, write_line
from vignette.model import LogFormat
from vignette.settings import Settings, without_password

# A log that takes nothing must not keep the supervisor from its work.
_PATIENCE_S: Final = 1.0


def banner(settings: Settings, offer: str | None = None) -> str:
    """
    What a person wants to know once the service runs: the address, where things are kept, what to try; and the link for
    the first key, if one is offered for the token *offer*.
    """
    # On all addresses, others know the machine by a name that this one may not reach itself by; a person may.
    name = own_address(settings.host)
    if name != settings.host and settings.allowed_hosts:
        name = settings.allowed_hosts[0]
    url = settings.public_url or f"http://{in_url(name)}:{settings.port}"
    broker = f"embedded, {settings.broker_socket}" if settings.uses_embedded_broker else settings.broker_url
    key = "" if settings.access == "open" else '-H "Authorization: Bearer $KEY" '
    return "\n".join(
        (
            f"Vignette runs at {url}/",
            f"    listens    {in_url(settings.host)}:{settings.port}",
            f"    images     {settings.upload_folder}",
            f"    state      {settings.state_folder}",
            f"    catalogue  {without_password(settings.effective_database_url)}",
            f"    broker     {without_password(broker)}",
            *dangers(abilities(), is_root=runs_as_root()),
            *([f"first key, for you alone, once, within a day:  {url}/first-key?token={offer}"] if offer else []),
            f"try:  curl {key}-F file=@image_test/photo.jpg {url}/images",
        )
    )


def dangers(has: Abilities, *, is_root: bool) -> Iterator[str]:
    """What the person who started the service should know about its safety on a machine that *has* this, by lines."""
    if has.shortfall:
        yield f"note: {has.shortfall}: what reads the pictures of strangers is less shut in"
    if is_root:
        yield (
            "note: Vignette runs as root. What reads the pictures of strangers runs as nobody; but whoever finds a flaw"
            " in anything else is root here. Start it as a user of its own"
        )


def own_address(host: str) -> str:
    """Where we reach a server of ours that listens on *host*: 0.0.0.0 and :: mean every address of the machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def say(text: str, log_format: LogFormat = "text") -> None:
    """Write *text* for the person who started us, each line as one; or as one entry of a log in JSON."""
    if log_format == "json":
        entry = {
            "time": time_text(time.time()),
            "level": "info",
            "event": text,
            "logger": "vignette",
            "pid": os.getpid(),
        }
        write_line(json.dumps(entry), patience_s=_PATIENCE_S)
        return
    for line in text.splitlines():
        write_line(f"vignette: {line}", patience_s=_PATIENCE_S)
