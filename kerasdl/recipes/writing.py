"""Files that are there as a whole or not at all, under names that stay in their folder."""

import contextlib
import os
import pathlib
import re
import zlib

LONGEST = 100  # characters of a name


@contextlib.contextmanager
def beside(path: pathlib.Path):
    """A path to write to, renamed at the end; a kill or a full disk leaves what was there."""
    partial = path.with_name(f"partial-{path.name}")  # its suffix says what it is
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def file_name(text: str) -> str:
    """The text, if it can be a file's name; else something like it that can.

    >>> file_name("a cat"), file_name("../../etc/passwd")
    ('a cat', 'etc_passwd-df406b03')
    """
    text = str(text)
    name = re.sub(r"[^\w .,+=()-]+", "_", text).strip("._ ")[:LONGEST]
    return name if name == text else f"{name}-{zlib.crc32(text.encode()):08x}".lstrip("-")
