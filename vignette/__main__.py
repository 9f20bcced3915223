"""`python -m vignette`."""

from vignette.cli import main

main()
