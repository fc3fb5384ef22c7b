"""Texts for language modeling and translation."""

import datetime

import numpy as np

from kerasdl.data import text
from kerasdl.data.splits import Source
from kerasdl.utils import checks


def pydocs(seed, tokens="characters", context=128, stride=None, words=8000) -> Source:
    """Python's manual, as shown by `help()`: half a million characters of technical English.

    The text comes with the interpreter (PSF license) and differs slightly between versions of
    Python. The last tenth is for testing and the tenth before it for validation; the seed changes
    only the order.

    tokens: str, "characters" or "words".
    context: int, tokens in a window.
    stride: int, tokens from one training window to the next. By default half of the context.
    words: int, largest size of a vocabulary of words.
    """
    import pydoc_data.topics

    topics = pydoc_data.topics.topics
    joined = "\n".join(topics[name] for name in sorted(topics))
    return text.language(joined, tokens, context, stride, words)


def sums(seed, digits=2, count=20_000, reverse=False) -> Source:
    """Sums: "27+65" is translated to "92", character by character; no sum is in two splits.

    digits: int, largest number of digits of a term, at most 7.
    count: int, number of sums; there are no more than 10^digits (10^digits + 1) / 2.
    reverse: bool, write the source backwards, which is easier for a recurrent network.
    """
    checks.integers(below=8, digits=digits)  # with more digits the square root below would round
    checks.integers(at_least=10, count=count)
    checks.flags(reverse=reverse)
    checks.memory(1000 * count, count=count)  # as texts, before they become tokens
    rng = np.random.default_rng(seed)
    # the pair a <= b has the number b (b + 1) / 2 + a: a + b and b + a are one sum
    total = 10**digits * (10**digits + 1) // 2
    numbers = rng.permutation(total)[:count] if total < 10**7 else rng.integers(0, total, 2 * count)
    numbers = rng.permutation(np.unique(numbers))[:count]
    larger = ((np.sqrt(8 * numbers + 1) - 1) // 2).astype(int)
    smaller = numbers - larger * (larger + 1) // 2
    swapped = rng.random(len(numbers)) < 0.5
    first, second = np.where(swapped, larger, smaller), np.where(swapped, smaller, larger)
    examples = [(f"{a}+{b}", str(a + b)) for a, b in zip(first, second, strict=True)]
    if reverse:
        examples = [(source[::-1], target) for source, target in examples]
    return text.pairs(examples, "0123456789+")


FORMATS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday}, {day} {month} {year}",
    "{weekday}, {month} {day} {year}",
    "{short} {day}, {year}",
    "{day} {short} {year}",
    "{day}.{number}.{year}",
    "{number}/{day}/{year}",
)


def dates(seed, count=10_000, first=1900, last=2100) -> Source:
    """Dates: "tuesday, 5 march 1996" is translated to "1996-03-05"; no date is in two splits.

    count: int, number of dates, each written in one of eight formats.
    first, last: int, range of the years, from 1000 to 9999.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=1000, below=10_000, first=first)
    checks.integers(at_least=first, below=10_000, last=last)
    rng = np.random.default_rng(seed)
    start = datetime.date(first, 1, 1).toordinal()
    days = rng.permutation(datetime.date(last, 12, 31).toordinal() + 1 - start)[:count] + start
    formats = rng.integers(len(FORMATS), size=len(days))
    examples = [_written(int(day), FORMATS[f]) for day, f in zip(days, formats, strict=True)]
    characters = sorted(set("".join(source + target for source, target in examples)))
    return text.pairs(examples, characters)


MONTHS = "january february march april may june july august september october november december"
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"


def _written(ordinal, form):
    # not strftime, which uses the user's locale
    date = datetime.date.fromordinal(ordinal)
    month = MONTHS.split()[date.month - 1]
    weekday = WEEKDAYS.split()[date.weekday()]
    names = {"month": month, "short": month[:3], "weekday": weekday, "number": date.month}
    return form.format(day=date.day, year=date.year, **names), date.isoformat()
