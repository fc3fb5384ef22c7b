"""Measure the memory that is available."""

import math
import pathlib
import re

SYSTEM = pathlib.Path("/proc/meminfo")
GROUP = pathlib.Path("/sys/fs/cgroup")  # with the limits of a container


def available() -> float:
    """Return how many bytes can still be allocated; infinity if the system does not tell.

    Memory that caches files counts as available, because the system frees it when needed.

    Example:
        >>> available() > 0
        True
    """
    return min(_of_system(), _of_group())


def _of_system():
    kilobytes = _number(r"^MemAvailable:\s+(\d+) kB$", SYSTEM)
    return math.inf if kilobytes is None else 1024 * kilobytes


def _of_group():
    limit = _number(r"^(\d+)$", GROUP / "memory.max")
    used = _number(r"^(\d+)$", GROUP / "memory.current")
    cached = _number(r"^inactive_file (\d+)$", GROUP / "memory.stat")
    if limit is None or used is None:
        return math.inf
    return max(0, limit - used + (cached or 0))


def _number(pattern, file):
    try:
        found = re.search(pattern, file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
