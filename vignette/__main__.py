"""`python -m vignette`."""

from vignette.cli import main
from vignette.cli.streams import outlive_readers

outlive_readers()
main(prog_name="script/vignette")  # as it is typed
