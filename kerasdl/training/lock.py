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

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, hold(pathlib.Path(folder)):
        ...     print("no other process trains into the folder")
        no other process trains into the folder
    """
    with _locked(folder) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(folder):
    """Return the open and locked file of a folder."""
    import fcntl

    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = (folder / NAME).open("a+")
        except FileNotFoundError:  # a process that failed has just removed the folder
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                file.seek(0)
                expected = "a folder in which no other process trains"
                received = f"{folder}, in which process {file.read() or '?'} does"
            raise InvalidInput("output folder", expected, received) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(folder / NAME)):
                return file
        file.close()  # a process that failed removed it before it was locked here
