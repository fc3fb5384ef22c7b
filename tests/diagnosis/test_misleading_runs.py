"""The doctor on broken runs that resemble other problems, and on healthy runs that look broken."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import model_symptoms
from kerasdl.errors import InvalidInput
from tests.diagnosis.runs import BRIEF, LOGITS, VX, VY, X, Y, dense, found, network, run

pytestmark = pytest.mark.slow  # about 40 trainings

layers = keras.layers
BINARY = keras.losses.BinaryCrossentropy(from_logits=True)


def bits(y):
    """Make ten binary labels for each digit, four of which are 1."""
    return ((y[:, None] + np.arange(10)) % 5 < 2).astype("float32")


def many_labels(**options):
    return run(lambda: network(*dense(32), last="sigmoid"), y=bits(Y), vy=bits(VY), **options)


def healthy_with_many_labels():
    return many_labels(loss="binary_crossentropy", rate=0.01)


def healthy_with_one_logit():
    one = lambda: keras.Sequential([keras.Input((8, 8, 1)), *dense(32), layers.Dense(1)])  # noqa: E731
    return run(one, y=Y > 4, vy=VY > 4, loss=BINARY, rate=0.01)


def healthy_on_bytes():
    return bytes_into(layers.Rescaling(1 / 255), epochs=8)


def healthy_with_a_small_penalty():
    return penalised(0.001)


def bytes_into(*first, **options):
    x, vx = ((255 * images).astype("uint8") for images in (X, VX))
    return run(lambda: network(*first, *dense(32)), x=x, vx=vx, **options)


def pixels_as_bytes():
    return bytes_into(**BRIEF)


def penalised(factor, **options):
    penalty = {"kernel_regularizer": keras.regularizers.L2(factor)}
    return run(lambda: network(*dense(64, 64, **penalty), **penalty), **options)


def penalty_of_ten():
    return penalised(10.0, epochs=3)


def penalty_of_one():
    return penalised(1.0, epochs=3)


def decay_of_a_hundred():
    return run(lambda: network(*dense(64, 64)), decay=100.0, epochs=3)


def decay_of_ten():
    return run(lambda: network(*dense(64, 64)), decay=10.0, epochs=6)


def labels_off_by_one():
    return run(lambda: network(*dense(64, 64)), y=(Y + 1) % 10, epochs=4)


def validation_labels_shuffled():
    vy = np.random.default_rng(0).permutation(VY)
    return run(lambda: network(*dense(64, 64)), vy=vy, epochs=4)


def random_layers_frozen():
    def make():
        model = network(*dense(64, 64))
        for layer in model.layers[:-1]:
            layer.trainable = False
        return model

    return run(make, rate=1e-4, epochs=3)


def logits_to_a_function():
    function = keras.losses.sparse_categorical_crossentropy
    return run(lambda: network(*dense(32)), loss=function, **BRIEF)


def sigmoid_and_logits():
    return many_labels(loss=BINARY, **BRIEF)


def softmax_of_softmax():
    twice = lambda: keras.Sequential([network(*dense(32), last="softmax"), layers.Softmax()])  # noqa: E731
    return run(twice, loss="sparse_categorical_crossentropy", **BRIEF)


BROKEN = {
    pixels_as_bytes: "inputs not scaled",
    logits_to_a_function: "logits taken for probabilities",
    sigmoid_and_logits: "softmax twice",
    softmax_of_softmax: "softmax twice",
    penalty_of_ten: "too much regularization",
    penalty_of_one: "too much regularization",
    decay_of_a_hundred: "too much regularization",
    decay_of_ten: "too much regularization",
    random_layers_frozen: "most weights frozen",
    labels_off_by_one: "training and validation disagree",
    validation_labels_shuffled: "training and validation disagree",
}


@pytest.mark.filterwarnings("ignore:.*produced by a (Softmax|Sigmoid) activation")
@pytest.mark.parametrize(
    ("make", "expected"), BROKEN.items(), ids=lambda v: getattr(v, "__name__", "")
)
def test_the_problem_of_a_broken_run_is_found(make, expected):
    finding = found(make())
    assert finding.name == expected, str(finding)


@pytest.mark.parametrize(
    "make",
    [
        healthy_with_many_labels,
        healthy_with_one_logit,
        healthy_on_bytes,
        healthy_with_a_small_penalty,
    ],
)
def test_a_healthy_run_has_no_finding(make):
    assert not list(filter(None, diagnosis.doctor(make()).values()))


def untrained(model, loss, x, y):
    model.compile("adam", loss)
    return diagnosis.Case(model, tf.data.Dataset.from_tensor_slices((x, y)).batch(32), None, {})


def test_one_logit_may_lie_between_0_and_1_by_chance():
    x = np.random.default_rng(0).random((8, 4)).astype("float32")
    start = keras.initializers.RandomUniform(0.0, 0.2, seed=0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1, kernel_initializer=start)])
    case = untrained(model, BINARY, x, x[:, :1] > 0.5)
    assert 0 <= np.min(model(x)) < np.max(model(x)) <= 1
    assert not model_symptoms.wrong_outputs(case)


class OneNumber(keras.Model):
    """A subclassed model, whose graph of layers is not known."""

    def __init__(self, last, bias):
        super().__init__()
        self.last = last
        self.dense = layers.Dense(1, kernel_initializer="zeros", bias_initializer=bias)

    def call(self, inputs):
        return self.last(self.dense(inputs))


@pytest.mark.parametrize(("last", "expected"), [("linear", None), ("sigmoid", "softmax twice")])
def test_outputs_of_a_subclassed_model_are_checked_after_training(last, expected):
    x = np.ones((8, 4), "float32")
    last = keras.activations.get(last)
    trained, fresh = (OneNumber(last, keras.initializers.Constant(b)) for b in (-3.0, 0.5))
    case = dataclasses.replace(untrained(trained, BINARY, x, x[:, :1]), fresh=lambda: fresh)
    assert getattr(model_symptoms.wrong_outputs(case), "name", None) == expected


def test_tokens_are_not_checked_for_scaling():
    x, y = np.arange(800).reshape(100, 8), np.arange(100) % 2
    hidden = [layers.Embedding(800, 4), layers.GlobalAveragePooling1D(), layers.Dense(2)]
    case = untrained(keras.Sequential([keras.Input((8,)), *hidden]), LOGITS, x, y)
    assert case.inputs is None
    pixels = untrained(keras.Sequential([keras.Input((8,)), layers.Dense(2)]), LOGITS, x, y)
    assert pixels.inputs.shape == (100, 8)


@pytest.mark.parametrize("named", [False, True])
def test_a_model_of_two_outputs_is_examined(named):
    x, vx = np.random.default_rng(0).random((2, 64, 4)).astype("float32")
    loss = {"a": "mse", "b": "mse"} if named else ["mse", "mse"]
    give = (
        (lambda x: {"a": x[:, :1], "b": x[:, 1:2]}) if named else (lambda x: (x[:, :1], x[:, 1:2]))
    )
    inputs = keras.Input((4,))
    outputs = {name: layers.Dense(1, name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, outputs if named else list(outputs.values()))
    model.compile("adam", loss)
    train, validation = (
        tf.data.Dataset.from_tensor_slices((part, give(part))).batch(16) for part in (x, vx)
    )
    history = model.fit(train, validation_data=validation, epochs=3, verbose=0, shuffle=False)
    history = history.history
    assert diagnosis.doctor(diagnosis.Case(model, train, validation, history))


def test_a_case_with_invalid_history_or_data_is_refused():
    model = network()
    model.compile("adam", LOGITS)
    train = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    with pytest.raises(InvalidInput, match="a dict, such as"):
        diagnosis.Case(model, train, None, None)
    with pytest.raises(InvalidInput, match=r"a tf.data.Dataset of batches. Received: tuple"):
        diagnosis.Case(model, (X, Y), None, {})
    with pytest.raises(InvalidInput, match="at least one batch"):
        diagnosis.doctor(diagnosis.Case(model, train.take(0), None, {}))
