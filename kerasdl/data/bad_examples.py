"""What is bad in a set, and where: the first is named, or all are left out and counted."""

import dataclasses

from kerasdl import errors

SHOWN = 5  # places that are told


@dataclasses.dataclass(frozen=True)
class Skipped:
    """What was left out of a set.

    Args:
        count: Number of examples, or of what holds them.
        total: How many there were.
        reasons: How many for each reason.
        places: The first few.

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
    """Collects what is bad while a set is read.

    Args:
        skip: Whether to go on without it; else the first is an error that counts the others.
        may_skip: Whether the error tells how to go on.
    """

    def __init__(self, skip: bool, may_skip: bool = True):
        if not isinstance(skip, bool):
            raise errors.InvalidInput("value for argument `skip_bad`", "True or False", skip)
        self.skip, self.may_skip = skip, may_skip
        self.found = {}

    def bad(self, key, place: str, reason: str, subject: str, expected: str, received):
        """Note what is at fault.

        Args:
            key: Which example it is; the first note on an example stays.
            place: Where it is, in a word.
            reason: What to count it as.
            subject, expected, received: The error's three parts.
        """
        self.found.setdefault(key, (place, reason, (subject, expected, received)))

    def check(self):
        """Raise for the first that is bad, unless they are left out."""
        if self.found and not self.skip:
            subject, expected, received = next(iter(self.found.values()))[2]
            more = len(self.found) - 1
            notes = [f"{more:,} more like it"] if more else []
            if self.may_skip:
                notes.append(f"--skip-bad, `skip_bad=True`, leaves {'them' if more else 'it'} out")
            hint = f" ({'; '.join(notes)})" if notes else ""
            raise errors.InvalidInput(subject, expected, f"{received}{hint}")

    def done(self, total: int, subject: str) -> Skipped | None:
        """What was left out of `total`, unless it is too much; `subject` is the whole set."""
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
