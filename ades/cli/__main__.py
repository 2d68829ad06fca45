"""`python -m ades.cli`: the command line without its script."""

from ades.cli import main

main()
