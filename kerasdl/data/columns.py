"""Columns of a table: encode them the same way in training and prediction.

The fitted numbers are plain data, which config.json of a run keeps: a pickled transformer of
scikit-learn would run code when a stranger's run is opened, and Keras's `FeatureSpace` has no
blanks and no dates.
"""

import dataclasses
import re
import zlib
from collections.abc import Sequence

import numpy as np

from kerasdl.utils import checks

BUCKETS = 32  # numbers of the input for a column of many different words
MOST_WORDS = 40  # a column with more different words is not one-hot encoded
FEW = 20  # words that may all be different, in a table of few rows
LONG = 3  # words in a cell, on average, that make a text
MANY = 8  # names of columns that a note lists
FORMATS = (
    "ISO8601",
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M"),
)
# a day of the year is an angle, so that December is next to January
DATE = ("days", "year", "month", "day", "weekday", "hour", "season (sine)", "season (cosine)")
# columns that become many numbers, whose squares shall add up to those of one standardized number:
# otherwise a network of few rows fits the noise in them
SPREAD = ("date", "hashed", "text")
HEADINGS = {
    "number": "numbers, standardized",
    "date": "dates, as days, year, month, day, weekday, hour and season",
    "category": "words, one-hot encoded",
    "hashed": f"many different words, hashed into {BUCKETS} numbers",
    "text": f"texts, as counts of words that are hashed into {BUCKETS} numbers",
    "dropped": "not used",
}


@dataclasses.dataclass(frozen=True)
class Column:
    """Standardize a column as on the training split, after words and dates became numbers.

        z = (x - mean) / deviation

    A blank is encoded as the mean, z = 0. If the training split has blanks, another number of the
    input is 1 for a blank and 0 otherwise, standardized too.

    Args:
        name: str, heading of the column.
        words: tuple of str, the words of the training split, each a number of the input; None for
            columns that are not one-hot encoded. The word "" is a blank.
        mean: tuple of float, of the training split, for each number of the input.
        deviation: tuple of float, standard deviations, 1 where the training split is constant; for
            the kinds in `SPREAD`, times the square root of their count.
        kind: str, a key of `HEADINGS`; by default "category" with words and "number" without.
        blanks: bool, whether a number of the input says that a number or date is blank.
        detail: str, the format of a date, or why a column is not used; otherwise None.
    """

    name: str
    words: tuple | None
    mean: tuple
    deviation: tuple
    kind: str = ""
    blanks: bool = False
    detail: str | None = None

    def __post_init__(self):
        kind = self.kind or ("category" if self.words else "number")
        object.__setattr__(self, "kind", kind)
        if kind not in HEADINGS or (kind == "date" and self.detail not in FORMATS):
            raise ValueError(f"column `{self.name}` of kind {kind}, {self.detail}")
        if not len(self.mean) == len(self.deviation) == self.width:
            raise ValueError(f"column `{self.name}` of {len(self.mean)} numbers")

    @classmethod
    def fit(
        cls, name: str, values: np.ndarray, train: np.ndarray, date: str | None = None
    ) -> "Column":
        """Return the column with the statistics of some rows.

        Args:
            name: str, heading of the column.
            values: Array of words or of numbers, NaN for a blank, (rows,).
            train: The rows of the training split.
            date: str, the format of dates whose days since 1970 are the values.
        """
        part, words, blanks = values[train], None, False
        kind, detail = ("date", date) if date else ("number", None)
        if part.dtype.kind in "UO":
            kind, detail = _kind_of_words(part)
            words = tuple(sorted(set(part.tolist()))) if kind == "category" else None
        elif np.isnan(part).any():
            blanks = True
            if np.isnan(part).all():
                kind, detail, blanks = "dropped", "always blank", False
        width = _width(kind, words, blanks)
        plain = cls(name, words, (0.0,) * width, (1.0,) * width, kind, blanks, detail)
        if not width:
            return plain
        numbers = plain._numbers(part)
        mean, deviation = np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0)
        deviation[deviation < 1e-12 * np.abs(mean)] = 0  # constant, but for rounding
        deviation[deviation == 0] = 1
        if kind in SPREAD:
            deviation *= np.sqrt(width)
        return dataclasses.replace(
            plain, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist())
        )

    @property
    def width(self) -> int:
        """How many numbers of the input the column becomes."""
        return _width(self.kind, self.words, self.blanks)

    def standardized(self, values: np.ndarray) -> np.ndarray:
        """Encode numbers or words, (rows,), as float32 (rows, numbers of the input)."""
        encoded = (self._numbers(values) - self.mean) / self.deviation
        return np.nan_to_num(encoded, copy=False, nan=0.0).astype("float32")

    def _numbers(self, values):
        """Return the numbers for each value, which are NaN for a blank: (rows, width)."""
        if self.kind == "number":
            numbers = values[:, None]
        elif self.kind == "date":
            numbers = _parts_of_dates(values)
        else:
            return self._numbers_of_words(values.tolist())
        if self.blanks:
            numbers = np.concatenate([numbers, np.isnan(values)[:, None]], axis=1)
        return numbers

    def _numbers_of_words(self, values):
        found = np.zeros((len(values), self.width), "float32")
        if self.kind == "category":
            places = {word: place for place, word in enumerate(self.words or ())}
            # a word that is not in the training split is none of the known ones
            column = np.array([places.get(value, -1) for value in values], int)
            rows = np.flatnonzero(column >= 0)
            found[rows, column[rows]] = 1
        for row, value in enumerate(values if self.kind in ("hashed", "text") else ()):
            for word in [value] if self.kind == "hashed" else re.findall(r"\w+", value.lower()):
                found[row, zlib.crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS] += 1
        return found

    @property
    def names(self) -> list[str]:
        """What each number of the input is, before it is standardized."""
        names = {
            "number": [self.name],
            "date": [f"{part} of {self.name}" for part in DATE],
            "category": [f"{self.name} is {word or 'blank'}" for word in self.words or ()],
            "dropped": [],
        }.get(self.kind, [f"words of {self.name} with crc32 % {BUCKETS} = {i}" for i in BINS])
        return names + [f"{self.name} is blank"] * self.blanks

    def __str__(self):
        parts = zip(self.names, self.mean, self.deviation, strict=True)
        return ", ".join(f"({name} - {mean:.6g}) / {scale:.6g}" for name, mean, scale in parts)

    @property
    def note(self) -> str:
        """The name of the column, and what is special about it."""
        facts = [self.detail] if self.detail else []
        if self.words:
            known = len([word for word in self.words if word])
            facts = [f"{known} words" + (" and blanks" if "" in self.words else "")]
        facts += ["blanks marked"] if self.blanks else []
        return f"{self.name} ({', '.join(facts)})" if facts else self.name


BINS = range(BUCKETS)


def _width(kind, words, blanks):
    widths = {"number": 1, "date": len(DATE), "category": len(words or ()), "dropped": 0}
    return widths.get(kind, BUCKETS) + blanks


def _kind_of_words(words):
    """Return how a column of words is encoded, and why if it is not used."""
    given = [word for word in words.tolist() if word]
    different = len(set(given))
    if not given:
        return "dropped", "always blank"
    if different <= FEW or (different <= MOST_WORDS and different < len(given)):
        return "category", None
    if sum(len(word.split()) for word in given) >= LONG * len(given):
        return "text", None
    if different == len(given):
        return "dropped", "each value is different"
    return "hashed", None


def _parts_of_dates(days):
    """Return the numbers `DATE` of days since 1970, NaN for NaN."""
    blank = np.isnan(days)
    whole = np.floor(np.where(blank, 0, days))
    date = whole.astype("int64").astype("datetime64[D]")
    year, month = date.astype("datetime64[Y]"), date.astype("datetime64[M]")
    angle = 2 * np.pi * (date - year).astype(int) / 365.25
    parts = np.stack(
        [
            days,
            year.astype(int) + 1970,
            month.astype(int) % 12 + 1,
            (date - month).astype(int) + 1,
            (whole + 3) % 7,  # 1970 began on a Thursday; 0 is Monday
            (days - whole) * 24,
            np.sin(angle),
            np.cos(angle),
        ],
        axis=1,
    )
    parts[blank] = np.nan
    return parts


def date_format(values: Sequence[str]) -> str | None:
    """Return the first of `FORMATS` that nine of ten texts have, or None; "" counts for nothing.

    >>> date_format(["03/04/2024", "", "28/02/2024"])
    '%d/%m/%Y'
    """
    given = [value for value in values if value]
    given = given[:: max(1, len(given) // 1000)]  # a thousand tell
    if not given or sum(character.isdigit() for character in given[0]) < 3:
        return None
    found = [(int(np.isnan(days(given, form)).sum()), form) for form in FORMATS]
    missed, form = min(found, key=lambda pair: pair[0])
    return form if missed <= len(given) / 10 else None


def days(values: Sequence[str], form: str) -> np.ndarray:
    """Return the days since 1970 of texts in a date format, NaN for others.

    >>> days(["1970-01-02", "1970-01-02 12:00", "soon"], "ISO8601")
    array([1. , 1.5, nan])
    """
    import pandas

    parsed = pandas.to_datetime(list(values), format=form, errors="coerce", utc=True)
    seconds = parsed.tz_localize(None).to_numpy("datetime64[s]")
    found = seconds.astype("int64") / 86400
    found[np.isnat(seconds)] = np.nan
    return found


def inputs(columns: Sequence[Column], table: dict[str, np.ndarray]) -> np.ndarray:
    """Encode the values of a table, by column name, as vectors in the order of `columns`."""
    used = [column for column in columns if column.width]
    rows, width = len(table[used[0].name]), sum(column.width for column in used)
    # float32, and float64 while a column is encoded
    checks.memory(12 * rows * width, columns=f"{width:,} inputs of {rows:,} rows")
    return np.concatenate([column.standardized(table[column.name]) for column in used], axis=1)


def notes(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return a line for each kind of column: how it is encoded, and which columns are.

    >>> notes([Column("area", None, (1.0,), (2.0,))])
    ('numbers, standardized: area',)
    """
    lines = []
    for kind, heading in HEADINGS.items():
        names = [column.note for column in columns if column.kind == kind]
        more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
        lines += [f"{heading}: {', '.join(names[:MANY])}{more}"] if names else []
    return tuple(lines)
