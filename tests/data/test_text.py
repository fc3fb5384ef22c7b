"""Texts become windows of tokens, with targets one token later; pairs are padded with 0."""

import numpy as np
import pytest

from kerasdl.data import text
from kerasdl.errors import InvalidInput


def decoded(source, tokens):
    return "".join(source.vocabulary[token] for token in tokens)


def test_targets_are_delayed_by_one_token():
    source = text.language("abcdefghij" * 20, context=8, stride=5)
    x, y = source.train.arrays
    assert x.dtype == y.dtype == "int32"
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert [decoded(source, row) for row in x[:3]] == ["abcdefgh", "fghijabc", "abcdefgh"]
    assert decoded(source, y[0]) == "bcdefghi"
    assert source.task == "text"


def test_stride_is_half_a_context_in_training_and_a_context_in_tests():
    source = text.language("abcdefghij" * 20, context=8)
    assert [decoded(source, row) for row in source.train.inputs[:2]] == ["abcdefgh", "efghijab"]
    for part in (source.validation, source.test):
        assert [decoded(source, row) for row in part.inputs] == ["abcdefgh", "ijabcdef"]
    assert len(text.language("ab" * 10, context=1).train) == 15  # a stride of at least 1


def test_tokens_outside_the_training_vocabulary_are_0():
    source = text.language("cab" * 40 + "x" * 30, context=4)
    assert source.vocabulary == (text.UNKNOWN, "a", "b", "c")
    assert (source.test.inputs == 0).all()


def test_vocabulary_has_the_most_frequent_words_sorted():
    words = "the cat, the dog\n  the end " * 30
    source = text.language(words, "words", context=4, words=4)
    assert source.vocabulary == (text.UNKNOWN, "\n  ", ",", "the")
    whole = text.language(words, "words", context=4)
    assert {"cat", "dog", "end", "\n  ", ","} <= {*whole.vocabulary}
    assert len(whole.vocabulary) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokens": "letters"}, "`tokens`"),
        ({"context": 0}, "`context`"),
        ({"words": 1}, "`words`.*at least 2"),
        ({"stride": 0}, "`stride`"),
        ({"context": 20}, "Invalid poem. Expected more than 210 characters.*of 20. Received: 200"),
    ],
)
def test_options_without_windows_raise(options, message):
    with pytest.raises(InvalidInput, match=message):
        text.language("ab" * 100, **options, name="poem")


def test_smallest_text_has_one_window_for_validation_and_test():
    source = text.language("a" * 210, context=20)
    assert [len(source.validation), len(source.test)] == [1, 1]


def test_pairs_are_padded_and_delayed_targets_begin_with_start():
    examples = [("ab", "x"), ("a", "xyx")] * 5
    source = text.pairs(examples, "abxy")
    assert source.task == "translation" and source.vocabulary == ("", "<start>", *"abxy")
    (given, delayed), target = source.train.arrays
    assert given.dtype == delayed.dtype == target.dtype == "int32"
    assert given[:2].tolist() == [[2, 3], [2, 0]]
    assert target[:2].tolist() == [[4, 0, 0, 0], [4, 5, 4, 0]]
    assert delayed[:2].tolist() == [[1, 4, 0, 0], [1, 4, 5, 4]]
    assert [len(source.train), len(source.validation), len(source.test)] == [8, 1, 1]
