"""Pairs of sentences: BERT's masks, other ones in each epoch, the same ones on resumption."""

import numpy as np
import pytest

import kerasdl.data
from kerasdl.data import augment, sentence_pairs
from kerasdl.data.sentence_pairs import MASK, SEPARATOR, SPECIAL, START, Pairs
from kerasdl.data.sets import stories
from kerasdl.errors import InvalidInput
from kerasdl.formulas import language

WORDS = tuple("abcdefghijklmnop")
VOCABULARY = (*SPECIAL, *WORDS)
DOCUMENTS = [[["a", "b"], ["c"], ["d", "e", "f"]], [["g", "h"], ["i", "j"]], [["k"], ["l", "m"]]]
PAIRS = Pairs.of(DOCUMENTS, VOCABULARY, context=11)


def batch(pairs, epoch, rows, seed=3):
    tokens, targets = pairs(None, None, seed=seed, epoch=epoch, rows=np.array(rows))
    return tokens.numpy(), {name: part.numpy() for name, part in targets.items()}


def restored(tokens, targets):
    """The tokens before words were masked."""
    return np.where(targets["words"] >= 0, targets["words"], tokens)


def read(tokens):
    """The two sentences of an example."""
    length = int((tokens > 0).sum())
    assert tokens[0] == START and tokens[length - 1] == SEPARATOR and not tokens[length:].any()
    first, second = "".join(
        "." if token == SEPARATOR else VOCABULARY[token] for token in tokens[1 : length - 1]
    ).split(".")
    return first, second


def test_the_second_sentence_follows_the_first_or_is_of_another_document():
    sentences = ["".join(sentence) for document in DOCUMENTS for sentence in document]
    documents = [["".join(sentence) for sentence in document] for document in DOCUMENTS]
    followed, others = 0, set()
    for epoch in range(200):
        tokens, targets = batch(PAIRS, epoch, range(4))
        for row, follows in zip(restored(tokens, targets), targets["next"], strict=True):
            first, second = read(row)
            if follows:
                assert sentences.index(second) == sentences.index(first) + 1
            else:
                own = next(document for document in documents if first in document)
                assert second in sentences and second not in own
                others.add((first, second))
            followed += follows
    assert followed / 800 == pytest.approx(0.5, abs=0.06)
    assert len(others) == 2 * 4 + 5 + 5  # each sentence of each other document


def test_words_are_masked_as_the_formula_has_it():
    rows = np.tile(np.arange(4), 500)
    tokens, targets = batch(PAIRS, 1, rows)
    again, _ = batch(PAIRS, 1, rows[:4])
    np.testing.assert_array_equal(tokens[:4], again)
    documents = [[[WORDS[i % 16]] * 12, [WORDS[(i + 1) % 16]] * 12] for i in range(2000)]
    pairs = Pairs.of(documents, VOCABULARY, context=27)
    tokens, targets = batch(pairs, 4, range(2000))
    whole, asked = restored(tokens, targets), targets["words"] >= 0
    draws = augment.uniform(3, 4, np.arange(2000), 2 + 2 * 27).numpy()
    other = len(SPECIAL) + (draws[:, 2 + 27 :] * len(WORDS)).astype("int32")
    inputs, chosen = language.mask_tokens(whole, draws[:, 2 : 2 + 27], MASK, other)
    real = whole >= len(SPECIAL)
    np.testing.assert_array_equal(asked, chosen & real)
    np.testing.assert_array_equal(tokens, np.where(real, inputs, whole))
    words = real.sum()
    assert asked.sum() / words == pytest.approx(0.15, abs=0.005)
    assert (tokens == MASK).sum() / asked.sum() == pytest.approx(0.8, abs=0.01)
    changed = asked & (tokens != MASK) & (tokens != whole)
    assert changed.sum() / asked.sum() == pytest.approx(0.1 * 15 / 16, abs=0.01)
    assert (~asked & (tokens != whole)).sum() == 0


@pytest.mark.rows("TRF-41", "TRF-42")
def test_each_epoch_has_other_masks_and_evaluation_always_the_same():
    splits = kerasdl.data.load("stories", count=60, batch_size=16, seed=1)

    def read(dataset):
        parts = [(x, y["words"], y["next"]) for x, y in dataset.as_numpy_iterator()]
        return [np.concatenate(each) for each in zip(*parts, strict=True)]

    first, second = read(splits.train), read(splits.train)
    assert any((a != b).any() for a, b in zip(first, second, strict=True))
    splits.epoch.assign(-1)  # resumed before the first epoch, and then in the middle of the second
    for ours, again in zip(read(splits.train), first, strict=True):
        np.testing.assert_array_equal(ours, again)
    for ours, again in zip(read(splits.rest(2)), second, strict=True):
        np.testing.assert_array_equal(ours, again[32:])
    other = read(kerasdl.data.load("stories", count=60, batch_size=7, seed=1).train)
    rows = [np.lexsort(np.concatenate([part[0], part[1]], axis=1).T) for part in (first, other)]
    np.testing.assert_array_equal(first[0][rows[0]], other[0][rows[1]])  # in batches of any size
    for dataset in (splits.validation, splits.test):
        for ours, again in zip(read(dataset), read(dataset), strict=True):
            np.testing.assert_array_equal(ours, again)
    assert 0.2 < read(splits.test)[2].mean() < 0.8


def test_one_document_takes_other_sentences_of_its_own():
    pairs = Pairs.of([[[word] for word in WORDS]], VOCABULARY, context=5)
    for epoch in range(20):
        tokens, targets = batch(pairs, epoch, range(15))
        for row, follows in zip(restored(tokens, targets), targets["next"], strict=True):
            first, second = read(row)
            assert first != second and follows == (ord(second) == ord(first) + 1)


def test_long_sentences_are_cut_and_rare_words_are_unknown():
    documents = {"train": [[["a"] * 9, ["b"] * 9]] * 2, "validation": [], "test": [[["c"], ["a"]]]}
    source = sentence_pairs.source(documents, words=6, context=11)
    assert source.vocabulary == (*SPECIAL, "a") and source.validation is None
    tokens = restored(source.test.inputs, source.test.targets)
    assert tokens[0, :3].tolist() == [START, 1, SEPARATOR]
    assert source.train.inputs.shape == (2, 11)


def test_texts_are_divided_into_documents_and_sentences():
    written = "The cat sat. It slept!\nThen it ate\n\n" * 10 + "alone\n\n"
    documents = sentence_pairs.documents_of(written)
    assert len(documents) == 10
    assert documents[0] == [["the", "cat", "sat", "."], ["it", "slept", "!"], ["then", "it", "ate"]]
    undivided = sentence_pairs.documents_of("A b. " * 100)
    assert [len(document) for document in undivided] == [10] * 10
    with pytest.raises(InvalidInput, match=r"file `x`.*at least 40 sentences.*: 3 sentences"):
        sentence_pairs.documents_of("A. B. C.", "file `x`")


def test_a_file_of_sentences_is_read(tmp_path):
    file = tmp_path / "cats.txt"
    file.write_text("The cat sat.\nIt slept.\nThen it ate.\n\n" * 40)
    splits = kerasdl.data.load(str(file), task="sentences", context=16)
    assert splits.info.task == "sentence_pairs" and splits.info.shape == (16,)
    assert splits.info.counts == {"train": 64, "validation": 8, "test": 8}
    with pytest.raises(InvalidInput, match=r"`task`.*one of language, sentences"):
        kerasdl.data.load(str(file), task="text")


def test_stories_keep_their_place_and_person():
    rng = np.random.default_rng(0)
    topics = [stories._topic(line) for line in stories.TOPICS.strip().split("\n")]
    names = {*stories.WOMEN, *stories.MEN}
    for _ in range(200):
        story = stories._story(rng, topics)
        words = {word for sentence in story for word in sentence}
        place, things, deeds, qualities = next(t for t in topics if t[0] in words)
        assert 4 <= len(story) <= 6 and len({*things} & words) > 1
        for sentence in story:
            assert {*things} & {*sentence} and len(sentence) <= 14
        foreign = {w for t in topics if t[0] != place for part in t[1:] for w in part}
        assert not words & (foreign - {*things, *deeds, *qualities})
        (name,) = {*story[0]} & names
        wrong = {"he", "his", "him"} if name in stories.WOMEN else {"she", "her"}
        assert not words & wrong
