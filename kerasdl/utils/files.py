"""Atomic writes, JSON files and names of files."""

import contextlib
import glob
import itertools
import json
import os
import pathlib
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence

LONGEST_NAME = 150  # bytes; a system allows 255, with prefix, number and suffix
PARTIAL = "partial-"  # how the names of temporary files begin


@contextlib.contextmanager
def atomic(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Give a temporary path to write to, and rename it to `path` if the block succeeds.

    After a kill, an exception or a full disk, `path` is unchanged. The temporary path has the
    suffix of `path`, for writers that depend on it, and may become a file or a folder.

    Args:
        path: The file or folder to write; an existing file is replaced.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with atomic(path) as partial:
        ...     _ = partial.write_text("whole or not at all")
        >>> path.read_text()
        'whole or not at all'
    """
    path = pathlib.Path(path)
    partial = path.with_name(f"{PARTIAL}{path.name}")
    if partial.is_dir():  # a killed process left it; a file would be overwritten
        shutil.rmtree(partial, ignore_errors=True)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        _remove(partial)
        raise


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def matching(path: str, suffixes: Sequence[str] = ()) -> list[str]:
    """Return the sorted files of a folder or of a pattern such as "photos/*.jpg".

    A path that matches nothing is returned alone.

    Args:
        path: str, a file, a folder or a pattern.
        suffixes: sequence of str, endings of the files to find in folders and the folders in them,
            in lower case; by default a folder is returned itself. Hidden files are not found.

    >>> matching("a.png"), matching("no_such_folder/*.png")
    (['a.png'], ['no_such_folder/*.png'])
    """
    # a name may contain the signs of a pattern
    found = [] if os.path.exists(path) else sorted(glob.glob(path, recursive=True))
    return [file for each in found or [path] for file in _inside(each, suffixes)]


def _inside(path, suffixes):
    """Return the files in a folder that have one of the endings, else the path alone."""
    found = []
    for folder, folders, names in os.walk(path) if suffixes else ():
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        shown = sorted(name for name in names if not name.startswith("."))
        found += [os.path.join(folder, n) for n in shown if n.lower().endswith(tuple(suffixes))]
    return found or [path]


def write_json(path: pathlib.Path, value):
    """Write a value as an indented JSON file, atomically."""
    with atomic(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def tupled(value):
    """Return a value read from JSON, with tuples in place of lists.

    >>> tupled({"widths": [1, [2, 3]]})
    {'widths': (1, (2, 3))}
    """
    if isinstance(value, list):
        return tuple(map(tupled, value))
    if isinstance(value, dict):
        return {name: tupled(part) for name, part in value.items()}
    return value


def safe_name(text: str) -> str:
    """Return the text if it is safe as a file name, else a similar, unique name that is safe.

    >>> safe_name("a cat"), safe_name("../../etc/passwd")
    ('a cat', 'etc_passwd-df406b03')
    """
    text = str(text)
    name = re.sub(r"[^\w .,+=()-]+", "_", text).strip("._ ")
    name = name.encode()[:LONGEST_NAME].decode(errors="ignore")
    number = zlib.crc32(text.encode(errors="surrogatepass"))  # of a file name that is not UTF-8
    return name if name == text else f"{name}-{number:08x}".lstrip("-")


def stems(paths: Sequence[str | pathlib.Path]) -> list[str]:
    """Return the names of files without folders and suffixes, all different.

    >>> stems(["a/cat.png", "b/cat.png", "dog.jpg"])
    ['cat', 'cat-2', 'dog']
    """
    found: list[str] = []
    for path in paths:
        stem = pathlib.Path(path).stem
        numbered = (f"{stem}-{number}" for number in itertools.count(2))
        found.append(next(name for name in itertools.chain([stem], numbered) if name not in found))
    return found
