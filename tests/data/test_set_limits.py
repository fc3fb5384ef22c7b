"""Limits of the options of embedded datasets, and how dates and languages are written."""

import datetime

import pytest

from kerasdl.data import catalog
from kerasdl.data.sets import languages, texts
from kerasdl.errors import InvalidInput


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("adding", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("adding", {"steps": 1}, "`steps`. Expected an integer of at least 2. Received: 1"),
        ("copy", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("copy", {"delay": 0}, "`delay`. Expected a positive integer. Received: 0"),
        ("copy", {"length": 0}, "`length`. Expected a positive integer. Received: 0"),
        ("copy", {"symbols": 1}, "`symbols`. Expected an integer of at least 2. Received: 1"),
        (
            "copy",
            {"symbols": 100_001},
            "`symbols`. Expected an integer of at least 2, at most 100000. Received: 100001",
        ),
        (
            "seasons",
            {"count": 1919},
            "`count`. Expected an integer of at least 1920. Received: 1919",
        ),
        ("seasons", {"window": 0}, "`window`. Expected a positive integer. Received: 0"),
        ("seasons", {"noise": -1}, "`noise`. Expected a number at least 0 and at most 1e+06"),
        ("dates", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("dates", {"first": 999}, "`first`. Expected an integer from 1000 to 9999. Received: 999"),
        ("dates", {"first": 10_000}, "`first`. Expected an integer from 1000 to 9999. Received: 1"),
        ("dates", {"last": 1899}, "`last`. Expected an integer from 1900 to 9999. Received: 1899"),
        ("dates", {"last": 10_000}, "`last`. Expected an integer from 1900 to 9999. Received: 100"),
        (
            "digits",
            {"split": "all"},
            "split of `digits`. Expected one of 1437, half. Received: all",
        ),
        ("digits", {"validation": 1}, "`validation`. Expected a fraction in [0, 1). Received: 1"),
        ("grid", {"side": 0}, "`side`. Expected a positive integer. Received: 0"),
        (
            "grid",
            {"side": 1001},
            "`side`. Expected a positive integer, at most 1000. Received: 1001",
        ),
        ("grid", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("moons", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("ring", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("ring", {"modes": 0}, "`modes`. Expected a positive integer. Received: 0"),
        (
            "ring",
            {"modes": 1_000_001},
            "`modes`. Expected a positive integer, at most 1000000. Received: 1000001",
        ),
        ("sine", {"window": 0}, "`window`. Expected a positive integer. Received: 0"),
        ("sine", {"horizon": 0}, "`horizon`. Expected a positive integer. Received: 0"),
        (
            "sine",
            {"count": 199, "window": 7, "horizon": 3},
            "`count`. Expected an integer of at least 200. Received: 199",
        ),
        ("sums", {"digits": 0}, "`digits`. Expected an integer from 1 to 7. Received: 0"),
        ("sums", {"digits": 8}, "`digits`. Expected an integer from 1 to 7. Received: 8"),
        ("sums", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("sums", {"reverse": 1}, "`reverse`. Expected True or False. Received: 1"),
        ("swiss_roll", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("world_dates", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        ("world_dates", {"first": 999}, "`first`. Expected an integer from 1000 to 9999. Received"),
        (
            "world_dates",
            {"last": 1899},
            "`last`. Expected an integer from 1900 to 9999. Received: ",
        ),
        (
            "pronunciations",
            {"count": 9},
            "`count`. Expected an integer of at least 10. Received: 9",
        ),
        (
            "pronunciations",
            {"longest": 1},
            "`longest`. Expected an integer of at least 2. Received",
        ),
        ("pronunciations", {"stress": 1}, "`stress`. Expected True or False. Received: 1"),
        ("emoji", {"count": 9}, "`count`. Expected an integer of at least 10. Received: 9"),
        (
            "world_dates",
            {"languages": ()},
            "value for argument `languages`. Expected codes of languages, in a text with commas or "
            "a list. Received: ()",
        ),
        (
            "world_dates",
            {"languages": "de, klingon"},
            "value for a language. Expected the code of a language that babel knows, such as de or "
            "pt_BR. Received: 'klingon'",
        ),
    ],
)
def test_invalid_options_are_named(name, options, message):
    with pytest.raises(InvalidInput) as raised:
        catalog.find(name)(0, **options)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("adding", {"count": 10, "steps": 2}, (8, 1, 1)),
        ("copy", {"count": 10, "delay": 1, "length": 1, "symbols": 2}, (8, 1, 1)),
        ("dates", {"count": 10, "first": 1000, "last": 1000}, (8, 1, 1)),
        ("dates", {"count": 10**4, "first": 9999, "last": 9999}, (292, 36, 37)),  # all days
        ("grid", {"count": 10, "side": 1}, (8, 1, 1)),
        ("moons", {"count": 10, "noise": 0}, (4, 2, 4)),  # 2 of 5 in each class, and 1
        ("ring", {"count": 10, "modes": 1, "deviation": 0, "radius": 0}, (8, 1, 1)),
        ("sums", {"count": 10, "digits": 7}, (8, 1, 1)),
        ("sums", {"digits": 1}, (44, 5, 6)),  # 10 * 11 / 2 sums
        ("swiss_roll", {"count": 10, "noise": 0}, (8, 1, 1)),
        ("iris", {"validation": 0, "test": 0.5}, (75, 0, 75)),
    ],
)
def test_options_at_their_limits(name, options, counts):
    found = catalog.find(name)(0, **options).counts()
    assert tuple(found.values()) == counts


def test_series_are_at_least_twenty_windows_long():
    source = catalog.find("sine")(0, count=200, window=7, horizon=3)
    # 160, 20 and 20 values, each less one window and its horizon, plus one
    assert source.counts() == {"train": 151, "validation": 11, "test": 11}


def test_a_date_in_each_format():
    written = [
        "5 march 1996",
        "march 5, 1996",
        "tuesday, 5 march 1996",
        "tuesday, march 5 1996",
        "mar 5, 1996",
        "5 mar 1996",
        "5.3.1996",
        "3/5/1996",
    ]
    day = datetime.date(1996, 3, 5).toordinal()
    found = [texts._written(day, form) for form in texts.FORMATS]
    assert found == [(each, "1996-03-05") for each in written]


def test_months_and_weekdays_begin_with_january_and_monday():
    for month in (1, 12):
        day = datetime.date(2024, month, 1)
        written, _ = texts._written(day.toordinal(), "{weekday} {month} {short}")
        assert written == f"{day:%A %B %b}".lower()
    assert len(texts.MONTHS.split()) == 12 and len(texts.WEEKDAYS.split()) == 7


def test_codes_of_languages_are_a_list_or_a_text():
    assert languages._codes("de, fr,pt_BR ") == ["de", "fr", "pt_BR"]
    assert languages._codes(["de", "fr"]) == ["de", "fr"]
    for wrong in (3, "", [], None, {"de"}):
        with pytest.raises(InvalidInput, match=r"`languages`. Expected codes of languages"):
            languages._codes(wrong)


def test_pronunciations_have_the_length_and_the_stress_that_were_asked_for():
    source = languages.pronunciations(0, count=50, longest=2)
    letters = [len([t for t in row if t]) for part in (source.train,) for row in part.inputs[0]]
    assert max(letters) <= 2
    assert not any(token[-1:].isdigit() for token in source.vocabulary)
    stressed = languages.pronunciations(0, count=50, longest=2, stress=True)
    assert {token[-1] for token in stressed.vocabulary if token[-1:].isdigit()} <= {"0", "1", "2"}


def test_words_have_their_first_pronunciation(tmp_path):
    file = tmp_path / "some.dict"
    file.write_text(
        "a AH0\na(2) EY1\nain't EY1 N T # place\n'bout B AW1 T\n100 W AH1 N\n", encoding="utf-8"
    )
    assert languages._dictionary(file) == {
        "a": ["AH0"],
        "ain't": ["EY1", "N", "T"],
        "'bout": ["B", "AW1", "T"],
    }
