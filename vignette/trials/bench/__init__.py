"""Benches of Vignette, mostly beside others that do the same job in the same run: `docs/performance.md`."""
