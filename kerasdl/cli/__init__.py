"""The command line: a file for each group of commands.

catalog.py   list, info, formulas, guide, completion
training.py  fit, train, tune, launch
runs.py      evaluate, predict, explain, doctor
shipping.py  export, compress, bench, demo
completion.py, elsewhere.py, first_steps.py   what completion, info and guide show
listing.py   the tables of `list`, which are shown without the parser and its imports
"""

import io
import os
import sys

import kerasdl
from kerasdl import errors
from kerasdl.utils import plain_text

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself takes 7 ms to import
if TYPE_CHECKING:
    import typer

__all__ = ["app", "main"]

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are raised as exceptions too


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> "typer.Typer":
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from kerasdl.cli import catalog, options, runs, shipping, training  # noqa: F401

    return options.app


def main():
    """Run a command. Invalid input prints one line on standard error and exits with status 2."""
    arguments = sys.argv[1:] or ["--help"]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack the letters of a name
    try:
        if _answer_at_once(arguments):
            sys.exit(0)
        app = __getattr__("app")
        from kerasdl.cli.options import stopping

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


def _answer_at_once(arguments):
    """Run `--version`, `guide` or `list [TOPIC] [--json]` without a parser, or return False."""
    command, *rest = arguments
    if arguments == ["--version"]:
        print(f"kerasdl {kerasdl.__version__}")
        return True
    if arguments == ["guide"]:
        from kerasdl.cli import first_steps

        print(first_steps.text(), end="")
        return True
    topics = [each for each in rest if each != "--json"]
    if command != "list" or len(topics) > 1 or any(each.startswith("-") for each in topics):
        return False
    from kerasdl.cli import listing

    listing.show("".join(topics), as_json="--json" in rest)
    return True


def _fail(message):
    plain_text.tell("kerasdl:", " ".join(str(message).split()))
    sys.exit(2)
