"""Read durations such as "10m"."""

import re

from kerasdl.errors import InvalidInput

LONGEST = 1e9  # seconds, minutes or hours
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text: str | None, name: str = "time") -> float | None:
    """Return a duration such as "20s", "10m" or "1.5h" in seconds; `None` means no limit.

    Args:
        text: str, a number and a unit.
        name: str, the argument, for an error message.

    >>> seconds_of("1.5m")
    90.0
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d+\.?\d*)([smh])", str(text).strip())
    if not found or not 0 < float(found[1]) <= LONGEST:
        expected = "a number and a unit, above 0: 20s, 10m or 1.5h"
        raise InvalidInput(f"value for `{name}`", expected, text)
    return float(found[1]) * UNITS[found[2]]
