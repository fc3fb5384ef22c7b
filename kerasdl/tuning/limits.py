"""Limits of a search: times as people write them."""

import re

from kerasdl.errors import InvalidInput

TUNERS = ("bayesian", "grid", "hyperband", "random")
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str | None, name: str = "time") -> float | None:
    """A time such as "20s", "10m" or "1.5h" in seconds; `None` is no limit.

    >>> seconds("1.5m")
    90.0
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*)([smh])", str(text).strip())
    if not found or float(found[1]) == 0:
        expected = "a number and a unit: 20s, 10m or 1.5h"
        raise InvalidInput(f"value for `{name}`", expected, text)
    return float(found[1]) * UNITS[found[2]]
