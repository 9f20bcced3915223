"""The files of many uploads are checked in turn, a client after the other."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from flask import Flask, request

from tests.house import picture
from tests.running import until
from vignette.adapters.door.inspecting import InspectorHere
from vignette.ports.inspector import Inspected
from vignette.wiring.fair_checks import FairChecks

ONE, OTHER = "192.0.2.1", "192.0.2.2"


class Slow:
    """An `Inspector` that notes whose file it gets, and works when it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.goes_on = threading.Semaphore(0)

    def inspect(self, file: BinaryIO, size: int, **limits: int) -> Inspected:
        self.begun.append(request.remote_addr or "")
        assert self.goes_on.acquire(timeout=60)
        return InspectorHere().inspect(file, size, **limits)


def test_a_newcomer_does_not_wait_for_all_files_of_another() -> None:
    app, slow = Flask(__name__), Slow()
    checks, content = FairChecks(slow, at_once=2), picture()
    limits = {"max_pixels": 10**9, "max_frames": 100, "max_memory_bytes": 10**9}

    def check(address: str) -> int:
        with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
            return checks.inspect(io.BytesIO(content), len(content), **limits).facts.width

    with ThreadPoolExecutor(16) as pool:
        many = [pool.submit(check, ONE) for _ in range(12)]
        until(lambda: len(checks._places.waiting()) == 10)
        newcomer = pool.submit(check, OTHER)
        until(lambda: len(checks._places.waiting()) == 11)
        slow.goes_on.release()
        until(lambda: len(slow.begun) == 3)
        slow.goes_on.release(20)
        widths = {future.result(60) for future in (*many, newcomer)}

    assert slow.begun[:3] == [ONE, ONE, OTHER]
    assert len(slow.begun) == 13
    assert len(widths) == 1
