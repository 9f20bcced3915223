"""Vignette beside others that do the same job, in the same run: ratios, never figures of one machine alone."""
