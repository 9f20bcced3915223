"""Benches of Vignette, most of them beside other programs with the same job in the same run: `docs/performance.md`."""
