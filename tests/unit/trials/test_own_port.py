"""The ports of services that run beside each other, and that clients dial while nobody listens."""

from __future__ import annotations

import random
import socket
from contextlib import closing

import pytest

from vignette.trials import own_port


def test_no_port_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first = random.randrange(10_000, 19_000)
    monkeypatch.setattr(own_port, "_PORTS", range(first, first + 8))
    given: list[int] = []

    with pytest.raises(OSError, match="is taken"):
        given.extend(iter(own_port.free_port, None))  # until there are none left

    assert 0 < len(given) == len(set(given)) <= 8


def test_a_port_that_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr(own_port, "_PORTS", range(port, port + 1))

        with pytest.raises(OSError, match="is taken"):
            own_port.free_port()
