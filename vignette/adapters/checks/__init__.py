"""`ports.checks.Check`: an HTTP service, and ClamAV's daemon."""
