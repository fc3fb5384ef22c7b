"""Check values read from JSON files, which may have been damaged or made by others.

A declaration is a function that returns whether a value is valid; or, for a JSON object, a dict
from names to declarations. A name that ends in "?" may be missing, and "*" means all other names.

>>> check({"reason": "the loss is NaN"}, {"reason": is_text})
>>> check({"reason": 3}, {"reason": is_text})
Traceback (most recent call last):
ValueError: `reason`: 3
"""

import json
import math
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from kerasdl import errors
from kerasdl.utils import checks

SHOWN = 100  # characters of a damaged file in an error


def read(path: pathlib.Path, declared: Mapping, command: str = "train") -> dict:
    """Read a JSON file; raise `InvalidInput` unless its value fits a declaration.

    Args:
        path: The file.
        declared: The declaration of its value.
        command: str, the command of `kerasdl` that writes such files.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        check(value, declared)
    except (ValueError, RecursionError) as error:
        raise damaged(path, error, command) from None
    return value


def damaged(path: pathlib.Path, received: object, command: str = "train") -> errors.InvalidInput:
    """Return the error for a file with a content that no command of `kerasdl` writes."""
    shown = " ".join(str(received).split())
    shown = f"{shown[:SHOWN]}..." if len(shown) > SHOWN else shown
    return errors.InvalidInput(f"file `{path}`", f"what `kerasdl {command}` wrote", shown)


def check(value: Any, declared: Mapping | Callable, path: str = ""):
    """Raise a `ValueError` that names the first part of a value that does not fit a declaration.

    Args:
        value: A value read from JSON.
        declared: Its declaration.
        path: str, where the value is in the file, for the error.
    """
    if not isinstance(declared, Mapping):
        if not declared(value):
            raise ValueError(f"`{path}`: {str(value)[:80]}")
        return
    if not isinstance(value, dict):
        raise ValueError(f"`{path}`: {str(value)[:80]}" if path else str(value)[:80])
    names = {name.rstrip("?"): part for name, part in declared.items()}
    required = [name for name in declared if name[-1] not in "?*"]
    if missing := [name for name in required if name not in value]:
        raise ValueError(f"no `{f'{path}.{missing[0]}'.lstrip('.')}`")
    for name, part in value.items():
        place = f"{path}.{name}".lstrip(".")
        if known := names.get(name, names.get("*")):
            check(part, known, place)
        else:
            raise ValueError(f"`{place}`, which is unknown")


def optional(declared: Mapping | Callable) -> Callable[[Any], bool]:
    """Declare that a value is `null` or fits a declaration."""
    return lambda value: value is None or _holds(value, declared)


def listed(declared: Mapping | Callable, length: int | None = None) -> Callable[[Any], bool]:
    """Declare a list whose values fit a declaration, of any length by default."""
    return lambda value: (
        isinstance(value, list)
        and length in (None, len(value))
        and all(_holds(part, declared) for part in value)
    )


def _holds(value, declared):
    try:
        check(value, declared)
    except ValueError:
        return False
    return True


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_any(value: Any) -> bool:
    return True


def is_float(value: Any) -> bool:
    """Return whether a value is a number, which may be infinite or NaN."""
    if isinstance(value, float):
        return True
    return checks.is_integer(value, -(2**63)) and value < 2**63


def is_finite(value: Any) -> bool:
    return is_float(value) and math.isfinite(value)


def is_count(value: Any) -> bool:
    return checks.is_integer(value, 0) and value < 2**63


def is_shape(value: Any) -> bool:
    """Return whether a value is the shape of an input, or a list or an object of shapes."""
    if isinstance(value, dict):
        return bool(value) and all(map(is_shape, value.values()))
    if not isinstance(value, list):
        return False
    return all(map(optional(is_count), value)) or all(map(is_shape, value))
