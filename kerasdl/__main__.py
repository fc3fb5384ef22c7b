"""`python -m kerasdl` is `kerasdl`."""

from kerasdl.cli import main

if __name__ == "__main__":
    main()
