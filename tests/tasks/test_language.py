"""Language modeling: encoding and decoding, nats per token, and continued prompts."""

import keras
import numpy as np
import pytest

from kerasdl import tasks
from kerasdl.errors import InvalidInput
from tests.tasks import made

CHARACTERS = ("?", "a", "b", "c")
WORDS = ("?", "the", "cat", ",")
WINDOWS = np.array([[1, 2, 3, 1], [2, 3, 1, 2]] * 3, "int32")


def task_of(vocabulary):
    splits = made.splits(WINDOWS, np.roll(WINDOWS, -1, 1), "text", vocabulary=vocabulary)
    return tasks.create("language", splits.info), splits


def test_characters_and_words_are_encoded_and_decoded():
    task, _ = task_of(CHARACTERS)
    assert task.encode("abcz a").tolist() == [1, 2, 3, 0, 0, 1]
    assert task.encode("abc").dtype == "int32"
    assert task.decode([1, 2, 3]) == "abc"
    task, _ = task_of(WORDS)
    assert task.encode("the cat, dog").tolist() == [1, 2, 3, 0]
    assert task.decode([1, 2]) == "the cat"


class Continuing:
    """A model that appends a c to a prompt."""

    def generate(self, prompt, count, temperature, seed):
        self.asked = {"count": count, "temperature": temperature, "seed": seed}
        return [*prompt, 3]

    def stream(self, prompt, count, **options):
        self.asked = {"count": count, **options}
        return iter([3, 2])


def test_continuation_of_a_prompt_is_repeatable(tmp_path):
    task, splits = task_of(CHARACTERS)
    model = Continuing()
    assert task.predict(model, ["ab", "c"], tmp_path) == [
        {"input": "ab", "text": "abc"},
        {"input": "c", "text": "cc"},
    ]
    assert model.asked == {"count": 200, "temperature": 0.7, "seed": 0}
    with pytest.raises(InvalidInput, match=r"prompt of at least one character.*''"):
        task.predict(model, [""], tmp_path)
    task.write_examples(model, splits, tmp_path / "examples")
    # the prompt is half of a test window
    assert (tmp_path / "examples" / "sample.txt").read_text() == "abc\n"


def test_a_continuation_is_yielded_in_pieces():
    model = Continuing()
    for vocabulary, prompt, pieces in (
        (CHARACTERS, "ab", ["ab", "c", "b"]),
        (WORDS, "the", ["the", " ,", " cat"]),
    ):
        task, _ = task_of(vocabulary)
        assert list(task.stream(model, prompt)) == pieces
    assert task.streams and model.asked == {"count": 200, "temperature": 0.7, "seed": 0}
    with pytest.raises(InvalidInput, match="prompt of at least one character"):
        next(task.stream(model, ""))


def test_nats_and_bits_are_means_over_tokens():
    task, splits = task_of(CHARACTERS)
    found = task.measure({"model": lambda x: np.zeros((*x.shape, 4), "float32")}, None, splits)
    assert found == {"nats": pytest.approx(np.log(4))}

    class Model:
        def evaluate(self, dataset, verbose):
            return np.log(8)

    assert task.evaluate(Model(), splits.test) == pytest.approx({"nats": np.log(8), "bits": 3})


def test_weight_decay_applies_to_matrices_only():
    task, splits = task_of(CHARACTERS)
    assert task.model_options() == {"vocabulary_size": 4, "context": 4}
    inputs = keras.Input((4,), dtype="int32")
    x = keras.layers.LayerNormalization()(keras.layers.Embedding(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(4)(x))

    def optimizer(**options):
        return keras.optimizers.AdamW(weight_decay=0.1, **options)

    task.compile(model, optimizer, steps_per_execution=2)
    decays = {v.name for v in model.trainable_variables if model.optimizer._use_weight_decay(v)}
    assert decays == {"kernel"}
    assert model.optimizer.beta_2 == 0.95 and model.optimizer.global_clipnorm == 1
    assert model.loss.from_logits and model.steps_per_execution == 2
    (export,) = task.exports(model, splits).values()
    np.testing.assert_array_equal(export.inputs, WINDOWS)
    assert export.model is model and not task.shown_in_demo
    assert made.drawn(task.figures(model, splits, {"loss": [1.0]})) == {"curves"}


def test_data_without_a_vocabulary_are_refused():
    message = r"^Invalid data. Expected data with vocabulary for language modeling. .*made, without"
    with pytest.raises(InvalidInput, match=message):
        task_of(None)


@pytest.mark.parametrize(("file", "holds"), [(2.0, True), (2.009, True), (2.011, False)])
def test_file_may_add_half_a_percent_of_nats(file, holds):
    task, _ = task_of(CHARACTERS)
    assert task.criterion.metric == "nats" and task.criterion.holds(file, 2.0) == holds
