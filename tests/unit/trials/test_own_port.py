"""The ports of services that run beside each other, and that clients dial while nobody listens."""

from __future__ import annotations

import random
import socket
from contextlib import closing
from functools import partial

import pytest

from vignette.trials.own_port import free_port


def test_no_port_is_given_twice() -> None:
    first = random.randrange(10_000, 19_000)
    given: list[int] = []

    with pytest.raises(OSError, match="is taken"):
        given.extend(iter(partial(free_port, range(first, first + 8)), None))  # until there are none left

    assert 0 < len(given) == len(set(given)) <= 8


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]

        with pytest.raises(OSError, match="is taken"):
            free_port(range(port, port + 1))
