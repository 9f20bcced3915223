"""A TCP port for a service that starts, stops and starts again, beside others that do the same."""

from __future__ import annotations

import random
import socket
import sys
from contextlib import suppress
from typing import Final

# Below the ports that a system gives to clients (from 32768 on Linux, 49152 elsewhere). While a service is down, no
# client may get its port as the near end of a connection: dialling the service, it would even reach itself.
_PORTS: Final = range(20_000, 32_768)


def free_port(ports: range = _PORTS) -> int:
    """
    One of *ports* of the loopback interface on which nobody listens.

    No other call returns it, in any process, while this process lives.

    Raises:
        OSError: Each of them is taken.
    """
    for port in random.sample(ports, len(ports)):
        if _is_free(port) and _claim(port):
            return port
    raise OSError(f"each port from {ports.start} to {ports.stop - 1} is taken")


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _claim(port: int) -> bool:
    """Claim a port; return whether it is ours. The kernel gives a name to one socket, and frees it with that."""
    if sys.platform != "linux":  # only Linux has abstract sockets (unix(7)); elsewhere we trust in chance
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0vignette-port-{port}")
    except OSError:
        claim.close()
        return False
    claim.detach()  # the process keeps it open until it ends
    return True
