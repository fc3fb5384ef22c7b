"""Suppress the messages of C++ libraries on standard error."""

import contextlib
import os
import sys
import tempfile

# TensorFlow imports Keras, which imports these if they are installed: for plots, for tables as
# inputs and for scikit-learn's interface
OPTIONAL = ("matplotlib", "pandas", "sklearn")


@contextlib.contextmanager
def native_stderr():
    """Suppress the messages of C++ code on standard error; print them if the block raises.

    Log levels do not help: TensorFlow and LiteRT print some lines before they read them.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            log.seek(0)
            os.write(kept, log.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextlib.contextmanager
def _as_if_missing(packages):
    """Let imports of packages that are not imported yet fail inside a `with` block."""
    blocked = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(blocked))
    try:
        yield
    finally:
        for name in blocked:
            sys.modules.pop(name, None)


def import_tensorflow(find_devices: bool = True):
    """Import TensorFlow and Keras without start-up messages and optional packages.

    Commands do not use what Keras does with the optional packages, and importing them takes a third
    of the time. They can be imported afterwards.

    Args:
        find_devices: bool, whether to initialize the devices too. A multi-worker strategy must do
            that itself: pass False and make the strategy inside `native_stderr`.
    """
    with _telling("Loading TensorFlow ..."), native_stderr():
        with _as_if_missing(OPTIONAL):
            import tensorflow as tf

        if find_devices:
            tf.config.list_logical_devices()


@contextlib.contextmanager
def _telling(text):
    """Show a line on a terminal while the `with` block runs, and remove it then."""
    shown = sys.stderr.isatty() and "tensorflow" not in sys.modules
    if shown:
        print(f"{text}\r", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if shown:
            print(" " * len(text) + "\r", end="", file=sys.stderr, flush=True)
