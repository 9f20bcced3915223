"""The web server accepts as many connections as it has descriptors for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vignette.limits import MAX_CONNECTIONS, OTHER_DESCRIPTORS

SHOW = """
import resource
from vignette.running.descriptors import connections_of_a_process, raise_the_limit
raise_the_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections_of_a_process())
"""
ENOUGH = MAX_CONNECTIONS + OTHER_DESCRIPTORS


@pytest.mark.parametrize(
    ("limits", "descriptors", "connections"),
    [
        (f"ulimit -Sn 256; ulimit -Hn {ENOUGH}", ENOUGH, MAX_CONNECTIONS),
        ("ulimit -Sn 1024; ulimit -Hn 2048", 2048, 1024),
        ("ulimit -n 300", 300, 150),
        ("ulimit -n 100", 100, 64),
    ],
)
def test_the_limit_is_raised_as_far_as_it_goes(limits: str, descriptors: int, connections: int) -> None:
    shown = subprocess.run(
        ["sh", "-c", f'{limits}; exec "$0" -c "$1"', sys.executable, SHOW], capture_output=True, text=True, check=False
    )

    assert shown.stdout.split() == [str(descriptors), str(connections)], shown.stderr
