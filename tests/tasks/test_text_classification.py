"""Text classification: texts of users, and the linear baseline."""

import numpy as np
import pytest

from kerasdl import create_model, data, recipes
from kerasdl.errors import InvalidInput
from kerasdl.tasks.text_classification import TextClassification
from tests.tasks import made

VOCABULARY = ("", "\ufffd", "bad", "good", "not", "the")
WORDS = np.array([[3, 0, 0], [5, 3, 0], [2, 0, 0], [5, 2, 0]] * 3, "int32")
LABELS = np.array([1, 1, 0, 0] * 3, "int32")
SPLITS = made.splits(WORDS, LABELS, "classification", classes=("no", "yes"), vocabulary=VOCABULARY)


@pytest.fixture
def task():
    return TextClassification(SPLITS.info)


def test_a_text_becomes_tokens_and_its_class_is_named(task, tmp_path):
    assert task.encode("The film, GOOD!").tolist() == [5, 1, 1, 3, 1]
    model = create_model("text_classifier_tiny", **task.model_options())
    task.check_model(model)
    (row,) = task.predict(model, ["not good"], tmp_path)
    assert row["prediction"] in ("no", "yes") and 0.5 <= row["probability"] <= 1
    task.write_examples(model, SPLITS, tmp_path / "examples")
    lines = (tmp_path / "examples" / "texts.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[:2] == ["yes\tgood", "yes\tthe good"]


def test_the_baseline_learns_words_without_their_order(task):
    metrics = task.baselines(SPLITS)["linear bag of words"]
    assert metrics["accuracy"] == 1
    reviews = data.load("reviews", count=2000)
    metrics = TextClassification(reviews.info).baselines(reviews)["linear bag of words"]
    (bar,) = recipes.get("text_classifier").bars
    assert 0.55 < metrics["accuracy"] < bar.at_least - 0.02


def test_an_empty_text_and_images_are_refused(task):
    with pytest.raises(InvalidInput, match="at least one word"):
        task.encode(" ")
    with pytest.raises(InvalidInput, match="a table with --task text"):
        TextClassification(data.load("iris").info)
