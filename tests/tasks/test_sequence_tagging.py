"""Sequence tagging: accuracy without padding, F1 of names, baselines, and sentences of users."""

import numpy as np
import pytest

from kerasdl import create_model
from kerasdl.errors import InvalidInput
from kerasdl.layers import CRF
from kerasdl.tasks.sequence_tagging import SequenceTagging, is_bio, names_in
from tests.tasks import made

CLASSES = ("B-LOC", "B-PER", "I-PER", "O")
VOCABULARY = ("", "\ufffd", "anna", "lives", "in", "rome", "smith")
WORDS = np.array([[2, 6, 3, 4, 5], [5, 3, 0, 0, 0]], "int32")
TAGS = np.array([[1, 2, 3, 3, 0], [1, 3, -1, -1, -1]], "int32")
SPLITS = made.splits(WORDS, TAGS, "word_tags", classes=CLASSES, vocabulary=VOCABULARY)


@pytest.fixture
def task():
    return SequenceTagging(SPLITS.info)


def logits(tags, certain=20.0):
    return certain * np.eye(len(CLASSES), dtype="float32")[tags]


def test_padding_counts_neither_in_accuracy_nor_in_names_nor_in_nats(task):
    answers = TAGS.copy()
    answers[1] = [0, 3, 0, 0, 0]  # rome is a person here; the padding does not matter
    metrics = task.evaluate(made.Answers(logits(answers)), SPLITS.test)
    assert metrics["accuracy"] == pytest.approx(6 / 7)
    assert metrics["f1"] == pytest.approx(2 * 2 / (3 + 3))  # two of three names
    assert metrics["nats"] == pytest.approx(20 / 7, abs=1e-4)


def test_scores_of_a_crf_have_the_same_metrics(task):
    potentials = np.broadcast_to(logits(TAGS)[:, :, None], (2, 5, 4, 4)).astype("float32")
    metrics = task.measure({"model": lambda words: potentials}, None, SPLITS)
    assert metrics["accuracy"] == metrics["f1"] == 1
    assert metrics["nats"] == pytest.approx(0, abs=1e-5)
    np.testing.assert_array_equal(task.decode(potentials), CRF.decode(potentials))


def test_names_are_whole_only_with_both_ends_and_their_kind():
    assert names_in(["B-LOC", "I-LOC", "O", "B-PER"]) == {(0, 1, "LOC"), (3, 3, "PER")}
    assert names_in(["B-LOC", "B-LOC", "I-PER"]) == {(0, 0, "LOC"), (1, 1, "LOC"), (2, 2, "PER")}
    assert names_in(["O", "I-LOC", "I-LOC"]) == {(1, 2, "LOC")}
    assert names_in(["O"]) == set()
    assert not is_bio(["O"]) and not is_bio(["B-LOC", "NOUN"])


def test_tags_without_names_have_no_f1():
    splits = made.splits(
        WORDS, TAGS, "word_tags", classes=("ADP", "NOUN", "PRON", "VERB"), vocabulary=VOCABULARY
    )
    task = SequenceTagging(splits.info)
    assert set(task.evaluate(made.Answers(logits(TAGS)), splits.test)) == {"accuracy", "nats"}


def test_the_baseline_gives_each_word_its_most_frequent_tag(task):
    metrics = task.baselines(SPLITS)["most frequent tag of a word"]
    assert metrics["accuracy"] == pytest.approx(6 / 7)  # rome has two tags
    assert np.isfinite(metrics["nats"])


@pytest.mark.parametrize("name", ["bilstm_tagger_tiny", "bilstm_crf_tiny"])
def test_sentences_are_tagged_word_by_word(task, name, tmp_path):
    model = create_model(name, **task.model_options())
    task.check_model(model)
    (row,) = task.predict(model, ["anna knows rome"], tmp_path)
    pairs = [pair.split("/") for pair in row["tags"].split()]
    assert [word for word, _ in pairs] == ["anna", "knows", "rome"]
    assert {tag for _, tag in pairs} <= set(CLASSES)
    task.write_examples(model, SPLITS, tmp_path / "examples")
    lines = (tmp_path / "examples" / "sentences.conll").read_text(encoding="utf-8").split("\n")
    assert [line.split()[0] for line in lines if line][:5] == [
        "anna",
        "smith",
        "lives",
        "in",
        "rome",
    ]
    assert made.drawn({"confusion": task.figures(model, SPLITS, {})["confusion"]})


def test_a_sentence_without_words_and_another_network_are_refused(task):
    with pytest.raises(InvalidInput, match="at least one word"):
        task.encode("  ")
    with pytest.raises(InvalidInput, match="scores of 4 tags"):
        task.check_model(create_model("bilstm_tagger_tiny", num_classes=5))
    with pytest.raises(InvalidInput, match="scores of 4 tags"):
        task.check_model(create_model("mlp_tiny"))
