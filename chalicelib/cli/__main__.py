"""``python -m chalicelib.cli`` is ``tally``."""

from .main import main

main(prog_name="tally")
