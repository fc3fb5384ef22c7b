"""The made sentences have the tags and classes that their descriptions state."""

import re

import numpy as np
import pytest

from kerasdl.data.sets import sentences
from kerasdl.errors import InvalidInput


def of_split(source, part="test"):
    """Give the words and tags of each sentence."""
    inputs, targets = getattr(source, part).arrays
    np.testing.assert_array_equal(inputs == 0, targets == -1)
    for row, tags in zip(inputs, targets, strict=True):
        length = int((row > 0).sum())
        words = [source.vocabulary[token] for token in row[:length]]
        yield words, [source.classes[tag] for tag in tags[:length]]


@pytest.mark.rows("RNN-35")
def test_liaisons_depend_on_the_next_word_alone():
    source = sentences.liaisons(seed=0, count=200)
    assert source.counts() == {"train": 160, "validation": 20, "test": 20}
    for words, tags in of_split(source, "train"):
        assert 4 <= len(words) <= 12 and tags[-1] == "end"
        vowels = ["vowel" if word[0] in "aeiou" else "consonant" for word in words[1:]]
        assert tags[:-1] == vowels
    _, targets = source.train.arrays
    assert np.bincount(targets[targets != -1])[[0, 2]].std() < 40  # half of them each


def test_entities_are_marked_by_their_beginning_and_inside():
    source = sentences.entities(seed=0, count=300)
    kinds = {}
    for words, tags in of_split(source, "train"):
        marked = "".join(tag[0] for tag in tags)
        for found in re.finditer("BI*", marked):
            name, kind = words[slice(*found.span())], tags[found.start()][2:]
            assert {tag[2:] for tag in tags[slice(*found.span())]} == {kind}
            is_company = bool({name[0], name[-1]} & set(sentences.COMPANIES))
            assert is_company == (kind == "ORG")
            for word in name:
                kinds.setdefault(word, set()).add(kind)
    assert sum(len(found) > 1 for found in kinds.values()) > 50  # only the context decides


def test_the_main_opinion_of_a_review_decides():
    source = sentences.reviews(seed=0, count=400)
    inputs, labels = source.train.arrays
    known = {"good": set(sentences.GOOD), "bad": set(sentences.BAD)}
    for row, label in zip(inputs, labels, strict=True):
        text = " ".join(source.vocabulary[token] for token in row if token)
        text = text.replace("anything but", "never")
        main = text.split(" but ")[-1]
        if "although" in main:
            first, second = main.removeprefix("although ").split(" , ")
            main = second if main.startswith("although") else first
        praises = bool(known["good"] & set(main.split()))
        assert praises or known["bad"] & set(main.split())
        if any(f" {negation} " in main for negation in sentences.NEGATIONS):
            praises = not praises
        assert source.classes[label] == ("positive" if praises else "negative")
    assert labels.mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("make", [sentences.liaisons, sentences.entities, sentences.reviews])
def test_the_seed_determines_the_sentences(make):
    first, again, other = (make(seed=seed, count=50).train.arrays[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    with pytest.raises(InvalidInput, match="`count`"):
        make(seed=0, count=3)
