"""Invalid examples of a dataset: raise an error for the first, or leave all out and count them."""

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
        self.found: dict[Any, Any] = {}

    def bad(
        self,
        key: Hashable,
        place: str,
        reason: str,
        subject: str,
        expected: str,
        received: Any,
    ):
        """Note an invalid example.

        Args:
            key: Identifies the example; only the first note on an example counts.
            place: str, where it is, in a few words.
            reason: str, under which `Skipped` counts it.
            subject, expected, received: The parts of the error; see `InvalidInput`.
        """
        self.found.setdefault(key, (place, reason, (subject, expected, received)))

    def check(self):
        """Raise `InvalidInput` for the first invalid example, unless they are left out."""
        if self.found and not self.skip:
            subject, expected, received = next(iter(self.found.values()))[2]
            more = len(self.found) - 1
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
        places, reasons, parts = zip(*self.found.values(), strict=True)
        if 2 * len(places) > total:
            first, expected, received = parts[0]
            received = f"{len(places):,} of {total:,}; first {first}: {received}, not {expected}"
            raise errors.InvalidInput(subject, "at most half of it to be bad", received)
        counts = {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
        return Skipped(len(places), total, counts, places[:SHOWN])
