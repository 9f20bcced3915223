"""The real worker, with `poisoned_decoder`. Run as `celery -A tests.integration.poisoned_worker worker`."""

from __future__ import annotations

from tests.integration.pace import QUICK
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker

app = build_worker(load_settings_or_exit(), decoding="tests.integration.poisoned_decoder:do", pace=QUICK)
