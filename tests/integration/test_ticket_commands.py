"""`vignette tickets`, in processes of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.house import House, house
from tests.integration.test_commands import vignette
from vignette.access.secrets import TICKET_PREFIX, is_well_formed
from vignette.errors import InvalidTicket
from vignette.model import Visibility


@pytest.fixture
def here(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as here:
        yield here


def test_they_give_out_list_and_revoke(here: House, tmp_path: Path) -> None:
    done = vignette(
        tmp_path,
        *("tickets", "add", "--uses", "200", "--expires", "12h", "--max-bytes", "1000", "--media-type", "image/png"),
        *("--visibility", "private", "--external-id", "order 7", "--origin", "https://app.example", "--note", "Noces"),
    )
    token = done.stdout.removesuffix("\n")
    assert done.returncode == 0, done.stderr
    assert is_well_formed(token, TICKET_PREFIX)
    assert token not in done.stderr
    ticket = here.context.ticketing.authenticate(token)
    assert (ticket.uses, ticket.max_bytes, ticket.media_types) == (200, 1000, ("image/png",))
    assert (ticket.visibility, ticket.external_id, ticket.note) == (Visibility.PRIVATE, "order 7", "Noces")
    assert ticket.origins == ("https://app.example",)
    assert ticket.expires_at is not None
    assert timedelta(hours=11) < ticket.expires_at - datetime.now(UTC) < timedelta(hours=12)

    listed = vignette(tmp_path, "tickets", "ls").stdout
    assert re.fullmatch(rf'{ticket.id}  open  0 of 200  no key  made \S+  until .+ UTC  "Noces"\n', listed)
    [told] = json.loads(vignette(tmp_path, "tickets", "ls", "--json").stdout)
    assert (told["id"], told["state"], told["external_id"]) == (ticket.id, "open", "order 7")

    assert vignette(tmp_path, "tickets", "rm", ticket.id).returncode == 0
    with pytest.raises(InvalidTicket):
        here.context.ticketing.authenticate(token)
    assert " revoked " in vignette(tmp_path, "tickets", "ls").stdout
    missing = vignette(tmp_path, "tickets", "rm", "0" * 16)
    assert missing.returncode != 0
    assert "there is no ticket" in missing.stderr
