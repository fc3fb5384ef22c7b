"""`python -m kerasdl` is `kerasdl`."""

from kerasdl.cli import main

main()
