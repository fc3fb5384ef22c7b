"""Translation: encoding and decoding of texts, metrics, and translations of a trained run."""

import re

import keras
import numpy as np
import pytest

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.tasks import translation
from tests.tasks import made

RECIPE = recipes.get("translation")


@pytest.fixture(scope="module")
def splits():
    return prepare.load_data(RECIPE)


@pytest.fixture(scope="module")
def task(splits):
    return prepare.task_for(RECIPE, splits.info)


def test_texts_are_encoded_and_decoded(task):
    tokens = task.encode("5 may 1996", 20)
    assert tokens.shape == (20,) and task.decode(tokens) == "5 may 1996"


@pytest.mark.parametrize("text", ["", "5 März 1996", "5" * 99])
def test_text_that_cannot_be_encoded_is_refused(task, text):
    with pytest.raises(InvalidInput, match="1 to 20 characters"):
        task.encode(text, 20)


def test_exact_counts_completely_correct_targets(task, splits):
    """A model that returns the target is exact; one wrong character makes a target wrong."""
    model = prepare.compiled_model(RECIPE, task, steps=1)
    _, target = next(splits.test.as_numpy_iterator())
    wrong = target.copy()
    wrong[0, 3] += 1
    few = splits.test.take(1)
    for generated, expected in ((target, 1.0), (wrong, 1 - 1 / len(target))):
        object.__setattr__(model, "generate", lambda source, length, answer=generated: answer)
        assert task.evaluate(model, few)["exact"] == pytest.approx(expected)


def test_measured_file_and_evaluated_model_agree(task, splits):
    model = prepare.compiled_model(RECIPE, task, steps=1)
    measured = task.measure({"model": model.predict_on_batch}, model, splits)
    judged = model.evaluate(splits.test, verbose=0, return_dict=True)
    assert measured["nats"] == pytest.approx(judged["loss"], rel=1e-4)
    assert measured["token_accuracy"] == pytest.approx(judged["token_accuracy"], abs=1e-6)
    assert np.isfinite(measured["nats"])


VOCABULARY = ("", "<start>", "a", "b", "c")
SOURCES = np.array([[2, 3, 0], [4, 2, 3], [3, 0, 0], [2, 2, 0]], "int32")
TARGETS = np.array([[3, 2, 0, 0], [4, 3, 2, 0], [2, 0, 0, 0], [3, 3, 0, 0]], "int32")
DELAYED = np.pad(TARGETS[:, :-1], ((0, 0), (1, 0)), constant_values=1)


class Copying:
    """A model that copies the source, attends to each place evenly, and is right by half."""

    def generate(self, sources, length):
        assert length == 4
        return np.pad(sources, ((0, 0), (0, 1)))

    def attention(self, sources, delayed):
        return np.full((len(sources), 4, 3), 1 / 3, "float32")

    def evaluate(self, dataset, verbose):
        return np.float32(1.25), np.float32(0.5)


@pytest.fixture(scope="module")
def small():
    return made.splits((SOURCES, DELAYED), TARGETS, "translation", batch=2, vocabulary=VOCABULARY)


@pytest.fixture(scope="module")
def letters(small):
    return translation.Translation(small.info)


def test_letters_are_encoded_and_decoded_up_to_the_first_padding(letters):
    assert letters.encode("abc", 5).tolist() == [2, 3, 4, 0, 0]
    assert letters.encode("abc", 3).dtype == "int32"
    assert letters.decode([4, 2, 0, 3]) == "ca" and letters.decode([3, 3]) == "bb"
    assert letters.decode([0, 2]) == "" and letters.model_options() == {"vocabulary_size": 5}
    message = r"^Invalid input. Expected 1 to 2 characters out of 'abc'. Received: "
    for text in ("abc", "", "x", "\x01"):
        with pytest.raises(InvalidInput, match=f"{message}{re.escape(repr(text))}$"):
            letters.encode(text, 2)


def test_predictions_are_decoded_in_the_order_of_the_inputs(letters, small, tmp_path):
    assert letters.predict(Copying(), ["ab", "c"], tmp_path) == [
        {"input": "ab", "translation": "ab"},
        {"input": "c", "translation": "c"},
    ]
    letters.write_examples(Copying(), small, tmp_path / "examples")
    letters.write_examples(Copying(), small, tmp_path / "examples")  # the folder may exist
    written = (tmp_path / "examples" / "translations.tsv").read_text()
    assert written == "ab\tab\ncab\tcab\nb\tb\naa\taa\n"


def test_target_is_exact_if_all_of_its_tokens_are(letters, small):
    found = letters.evaluate(Copying(), small.test)
    assert found == {"exact": 0.0, "token_accuracy": 0.5, "nats": 1.25}


def test_gradients_are_clipped_and_token_accuracy_is_reported(letters):
    asked = {}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(5, 5)])
    letters.compile(
        model, lambda **options: asked.update(options) or keras.optimizers.SGD(), jit_compile=False
    )
    assert asked == {"global_clipnorm": 1.0} and model.optimizer.built and model.loss.from_logits
    found = model.evaluate(SOURCES, SOURCES, verbose=0, return_dict=True)
    assert set(found) == {"loss", "token_accuracy"}


def test_file_is_measured_on_all_tokens(letters, small):
    logits = np.log(np.where(np.eye(5)[TARGETS] > 0, 0.8, 0.05)).astype("float32")
    logits[0, 0] = np.log([0.05, 0.05, 0.8, 0.05, 0.05])

    def model(inputs):
        np.testing.assert_array_equal(inputs[0], SOURCES)
        np.testing.assert_array_equal(inputs[1], DELAYED)
        return logits

    found = letters.measure({"model": model}, None, small)
    assert found["token_accuracy"] == pytest.approx(15 / 16)
    assert found["nats"] == pytest.approx(-(15 * np.log(0.8) + np.log(0.05)) / 16, rel=1e-5)


def test_figures_show_the_attention_without_padding(letters, small):
    drawn = letters.figures(Copying(), small, {"loss": [1.0], "val_loss": [1.0]})
    assert made.drawn(drawn) == {"curves", "attention"}
    axes = drawn["attention"]().axes[0]
    assert axes.images[0].get_array().shape == (2, 2)
    (export,) = letters.exports("the model", small).values()
    assert export.model == "the model" and len(export.inputs[1]) == 4


@pytest.mark.parametrize(("count", "expected"), [(None, 4), (1, 1), (2, 2), (3, 3)])
def test_first_examples_are_gathered(small, count, expected):
    (source, delayed), target = translation._arrays(small.test, count)
    np.testing.assert_array_equal(source, SOURCES[:expected])
    np.testing.assert_array_equal(delayed, DELAYED[:expected])
    np.testing.assert_array_equal(target, TARGETS[:expected])


def test_only_the_needed_batches_are_read(small):
    (source, _), target = translation._arrays(small.test.repeat(), 5)
    np.testing.assert_array_equal(source, np.concatenate([SOURCES, SOURCES[:1]]))
    np.testing.assert_array_equal(target, np.concatenate([TARGETS, TARGETS[:1]]))


@pytest.mark.parametrize(("file", "holds"), [(0.9, True), (0.896, True), (0.894, False)])
def test_file_may_lose_half_a_percent_of_accuracy(letters, file, holds):
    assert letters.criterion.metric == "token_accuracy"
    assert letters.criterion.holds(file, 0.9) == holds
