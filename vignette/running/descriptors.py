"""How many files and connections a process may have open (setrlimit(2), RLIMIT_NOFILE)."""

from __future__ import annotations

import resource
from contextlib import suppress

from vignette.limits import MAX_CONNECTIONS, OTHER_DESCRIPTORS

# Less than this is never asked of the web server, however low the limit is.
_LEAST_CONNECTIONS = 64


def raise_the_limit() -> None:
    """
    Raise this process's limit, and that of its children, to what the web server needs, as far as the system allows.

    It goes no higher, because some programs close all possible descriptors one by one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OTHER_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # macOS knows further limits
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_of_a_process() -> int:
    """
    Return how many connections a web process may accept.

    Without a descriptor left, the web server can accept nobody, and an upload can open no file.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(_LEAST_CONNECTIONS, min(MAX_CONNECTIONS, soft - min(OTHER_DESCRIPTORS, soft // 2)))
