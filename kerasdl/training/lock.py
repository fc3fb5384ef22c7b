"""Lock a run folder, so that only one process trains in it."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from kerasdl.errors import InvalidInput

NAME = ".lock"


@contextlib.contextmanager
def hold(folder: pathlib.Path) -> Iterator[None]:
    """Lock a folder inside a `with` block; raise if another process has locked it.

    The system releases the lock of a killed process.
    """
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            expected = "a folder in which no other process trains"
            received = f"{folder}, in which process {file.read() or '?'} does"
            raise InvalidInput("output folder", expected, received) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
