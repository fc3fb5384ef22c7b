"""The command line: a file for each group of commands.

catalog.py   list, info, formulas
training.py  train, tune, launch
runs.py      evaluate, predict, explain, doctor
shipping.py  export, compress, bench, demo
"""

import io
import os
import sys

from kerasdl import errors
from kerasdl.cli import catalog, runs, shipping, training
from kerasdl.cli.options import app, stopping
from kerasdl.utils import plain_text

__all__ = ["app", "catalog", "main", "runs", "shipping", "training"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are raised as exceptions too


def main():
    """Run a command. Invalid input prints one line on standard error and exits with status 2."""
    arguments = sys.argv[1:] or ["--help"]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack the letters of a name
    try:
        with stopping():
            sys.exit(app(arguments, standalone_mode=False))
    except errors.InvalidInput as error:
        _fail(error)
    except OSError as error:
        expected = "one that can be read, or written to with room"
        _fail(errors.InvalidInput("file or folder", expected, error))
    except Exception as error:
        # typer's own errors, whose class differs between its versions
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message())


def _fail(message):
    plain_text.tell("kerasdl:", " ".join(str(message).split()))
    sys.exit(2)
