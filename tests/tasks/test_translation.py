"""Translation: texts to tokens and back, and what a trained run answers."""

import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare

RECIPE = recipes.get("translation")


@pytest.fixture(scope="module")
def splits():
    return prepare.load_data(RECIPE)


@pytest.fixture(scope="module")
def task(splits):
    return prepare.task_for(RECIPE, splits.info)


def test_texts_become_tokens_and_texts_again(task):
    tokens = task.encode("5 may 1996", 20)
    assert tokens.shape == (20,) and task.decode(tokens) == "5 may 1996"


@pytest.mark.parametrize("text", ["", "5 März 1996", "5" * 99])
def test_what_cannot_be_encoded_is_refused(task, text):
    with pytest.raises(InvalidInput, match="1 to 20 characters"):
        task.encode(text, 20)


def test_exact_counts_whole_targets(task, splits):
    """A model that copies the truth is exact; one wrong character makes a target wrong."""
    model = prepare.compiled_model(RECIPE, task, steps=1)
    _, target = next(splits.test.as_numpy_iterator())
    wrong = target.copy()
    wrong[0, 3] += 1
    few = splits.test.take(1)
    for generated, expected in ((target, 1.0), (wrong, 1 - 1 / len(target))):
        object.__setattr__(model, "generate", lambda source, length, answer=generated: answer)
        assert task.evaluate(model, few)["exact"] == pytest.approx(expected)


def test_measure_reads_files_as_evaluate_reads_the_model(task, splits):
    model = prepare.compiled_model(RECIPE, task, steps=1)
    measured = task.measure({"model": model.predict_on_batch}, model, splits)
    judged = model.evaluate(splits.test, verbose=0, return_dict=True)
    assert measured["nats"] == pytest.approx(judged["loss"], rel=1e-4)
    assert measured["token_accuracy"] == pytest.approx(judged["token_accuracy"], abs=1e-6)
    assert np.isfinite(measured["nats"])
