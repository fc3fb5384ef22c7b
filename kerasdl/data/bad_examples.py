"""Invalid examples of a dataset: raise an error for the first, or leave all out and count them."""

import collections
import dataclasses
from collections.abc import Hashable
from typing import Any

from kerasdl import errors
from kerasdl.utils import checks

SHOWN = 5  # places that `Skipped` keeps


@dataclasses.dataclass(frozen=True)
class Skipped:
    """The invalid examples that were left out of a dataset.

    Args:
        count: int, number of examples left out, or of class folders or files that hold them.
        total: int, number before they were left out.
        reasons: dict, number for each reason.
        places: tuple of str, where the first few were.

    >>> print(Skipped(3, 1797, {"empty file": 3}, ("a.png", "b.png")))
    skipped 3 of 1,797: empty file 3 (a.png, b.png and 1 more)
    """

    count: int
    total: int
    reasons: dict
    places: tuple

    def __str__(self):
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.items())
        places = ", ".join(self.places)
        rest = self.count - len(self.places)
        more = f" and {rest:,} more" if rest else ""
        return f"skipped {self.count:,} of {self.total:,}: {reasons} ({places}{more})"


class Inspection:
    """Collect the invalid examples while a dataset is read.

    Args:
        skip: bool, leave them out. Otherwise `check` raises an error for the first one, which also
            counts the others.
        may_skip: bool, whether the error says how to leave them out.
    """

    def __init__(self, skip: bool, may_skip: bool = True):
        checks.flags(skip_bad=skip)
        self.skip, self.may_skip = skip, may_skip
        self.found: set[Hashable] = set()
        self.count = 0  # of invalid examples
        self._reasons: collections.Counter[str] = collections.Counter()
        self._first: list[tuple] = []  # a file may hold millions of them

    def bad(
        self,
        key: Hashable,
        place: str,
        reason: str,
        subject: str,
        expected: str,
        received: Any,
        count: int = 1,
    ):
        """Note an invalid example.

        Args:
            key: Identifies the example; only the first note on an example counts.
            place: str, where it is, in a few words.
            reason: str, under which `Skipped` counts it.
            subject, expected, received: The parts of the error; see `InvalidInput`.
            count: int, number of examples that the note stands for.
        """
        if key in self.found:
            return
        self.found.add(key)
        self.count += count
        self._reasons[reason] += count
        if len(self._first) < SHOWN:
            self._first.append((place, (subject, expected, received)))

    def check(self):
        """Raise `InvalidInput` for the first invalid example, unless they are left out."""
        if self.found and not self.skip:
            subject, expected, received = self._first[0][1]
            more = self.count - 1
            notes = [f"{more:,} more like it"] if more else []
            if self.may_skip:
                notes.append(f"--skip-bad, `skip_bad=True`, leaves {'them' if more else 'it'} out")
            hint = f" ({'; '.join(notes)})" if notes else ""
            raise errors.InvalidInput(subject, expected, f"{received}{hint}")

    def done(self, total: int, subject: str) -> Skipped | None:
        """Return what was left out, or None; raise `InvalidInput` if it is more than half.

        Args:
            total: int, number of examples with the invalid ones.
            subject: str, the dataset, for the error.
        """
        self.check()
        if not self.found:
            return None
        if 2 * self.count > total:
            first, expected, received = self._first[0][1]
            received = f"{self.count:,} of {total:,}; first {first}: {received}, not {expected}"
            raise errors.InvalidInput(subject, "at most half of it to be bad", received)
        places = tuple(place for place, _ in self._first)
        return Skipped(self.count, total, dict(self._reasons), places)
