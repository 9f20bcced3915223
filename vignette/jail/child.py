"""Work in a process of its own, of which nothing is left here."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable

from vignette.errors import VignetteError


def trouble_in_a_child(work: Callable[[], object]) -> str | None:
    """
    Do *work* in a child process and wait for its end: it may import much, and open what does not survive a fork.

    Returns:
        The words of the error that ended it, None if it succeeded. They are empty for any error but one of ours, which
        is told on standard error.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            work()
            status = 0
        except VignetteError as error:
            os.write(writer, str(error).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader, "rb") as pipe:  # noqa: PTH123 (a descriptor)
        words = pipe.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return None if status == 0 else words
