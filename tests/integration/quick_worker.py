"""
The real worker, which waits less for what was lost or is stuck.

Run as `celery -A tests.integration.quick_worker worker`.
"""

from __future__ import annotations

from tests.integration.pace import QUICK
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker

app = build_worker(load_settings_or_exit(), pace=QUICK)
