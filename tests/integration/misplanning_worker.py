"""
The real worker, whose public copies are planned by `tests.misplanning`.

Run as `celery -A tests.integration.misplanning_worker worker`.
"""

from __future__ import annotations

from tests.integration.pace import QUICK
from vignette.settings import load_settings_or_exit
from vignette.wiring.worker import build_worker

app = build_worker(load_settings_or_exit(), planning="tests.misplanning:plan_or_misbehave", pace=QUICK)
