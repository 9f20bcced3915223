"""
The real worker, with little patience for one that begins nothing.

Run as `celery -A tests.integration.impatient_worker worker`.
"""

from __future__ import annotations

from tests.integration.pace import IMPATIENT
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker

app = build_worker(load_settings_or_exit(), pace=IMPATIENT)
