"""Texts: one to model, two to translate."""

import datetime

import numpy as np

from kerasdl import errors
from kerasdl.data import splitting, text
from kerasdl.data.splits import Source


def pydocs(seed, tokens="characters", context=128, stride=None, words=8000) -> Source:
    """Python's own manual, as `help()` shows it: half a million characters of technical English.

    It comes with the interpreter, so that another version of Python has a slightly different text.
    The last tenth tests and the tenth before validates; nothing depends on the seed but the order.

    tokens: "characters" or "words".
    context: Tokens in a window.
    stride: Tokens from one training window to the next; half of the context by default.
    words: The largest size of a vocabulary of words.
    """
    import pydoc_data.topics

    topics = pydoc_data.topics.topics
    joined = "\n".join(topics[name] for name in sorted(topics))
    return text.language(joined, tokens, context, stride, words)


def sums(seed, digits=2, count=20_000, reverse=False) -> Source:
    """Sums: "27+65" is translated to "92", character by character; no sum is in two splits.

    digits: Largest number of digits of a term, at most 7.
    count: Number of sums; of fewer digits there are no more than 10^digits (10^digits + 1) / 2.
    reverse: Write the source backwards, which is easier for a recurrent network.
    """
    splitting.check_integer("digits", digits, 1)
    splitting.check_integer("count", count, 10)
    if digits > 7:  # the square root below would round
        raise errors.InvalidInput("value for option `digits`", "at most 7", digits)
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

    count: Number of dates, each written in one of eight manners.
    first, last: The years that they lie in.
    """
    splitting.check_integer("count", count, 10)
    splitting.check_integer("first", first, 1000)
    splitting.check_integer("last", last, first)
    rng = np.random.default_rng(seed)
    start = datetime.date(first, 1, 1).toordinal()
    days = rng.permutation(datetime.date(last, 12, 31).toordinal() + 1 - start)[:count] + start
    manners = rng.integers(len(FORMATS), size=len(days))
    examples = [_written(int(day), FORMATS[m]) for day, m in zip(days, manners, strict=True)]
    characters = sorted(set("".join(source + target for source, target in examples)))
    return text.pairs(examples, characters)


MONTHS = "january february march april may june july august september october november december"
WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday"


def _written(ordinal, manner):
    # not strftime, which speaks the user's language
    date = datetime.date.fromordinal(ordinal)
    month = MONTHS.split()[date.month - 1]
    weekday = WEEKDAYS.split()[date.weekday()]
    names = {"month": month, "short": month[:3], "weekday": weekday, "number": date.month}
    return manner.format(day=date.day, year=date.year, **names), date.isoformat()
