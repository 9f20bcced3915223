"""The real worker of a whole service, which waits less for what was lost or is stuck."""

from __future__ import annotations

from tests.integration.quick_worker import app as app
