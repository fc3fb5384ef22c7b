"""`python -m kerasdl` runs the command `kerasdl`."""

from kerasdl.cli import main

if __name__ == "__main__":
    main()
