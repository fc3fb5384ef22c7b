"""`verify` measures the errors of a file, and how often it predicts the class of its model."""

import keras
import numpy as np
import pytest

from kerasdl.errors import InvalidInput
from kerasdl.export import verify
from kerasdl.export.metadata import Metadata
from kerasdl.export.model_file import ModelFile
from kerasdl.export.verify import Parity


class File(ModelFile):
    """A fake file with given outputs and the attributes that `verify` reads."""

    path, metadata = "fake", None
    call = runner = outputs = None
    inputs = ("a", "b")

    def __init__(self, predict, **facts):
        self.predict, self.metadata = predict, Metadata(**facts)


def identity(shape, **names):
    inputs = keras.Input(shape)
    outputs = keras.layers.Activation("linear")(inputs)
    return keras.Model(inputs, outputs)


X = np.random.default_rng(0).random((300, 4)).astype("float32")  # more than two batches


def test_errors_are_absolute_over_all_examples():
    error = np.zeros_like(X)
    error[299, 0], error[0, 1] = -0.6, 0.3
    parity = verify(identity((4,)), File(lambda x: x + error), X)
    assert parity.largest_error == pytest.approx(0.6, rel=1e-5)
    assert parity.mean_error == pytest.approx(0.9 / X.size, rel=1e-3)
    assert parity.count == 300


def test_agreement_is_the_fraction_of_equal_classes():
    def swapped(x):
        return np.concatenate([x[:225], x[225:, ::-1]])

    assert verify(identity((4,)), File(swapped), X).agreement == 0.75
    steps = X.reshape(100, 3, 4)
    changed = steps.copy()
    changed[:50, 0] = changed[:50, 0, ::-1]
    assert verify(identity((3, 4)), File(lambda x: changed), steps).agreement == pytest.approx(
        5 / 6
    )


@pytest.mark.parametrize("shape", [(1,), (2, 2, 3)])
def test_outputs_without_classes_have_no_agreement(shape):
    x = np.ones((6, *shape), "float32")
    parity = verify(identity(shape), File(lambda x: x), x)
    assert parity == Parity(0, 0, None, 6)


def test_activation_of_the_file_is_applied_to_the_model():
    probabilities = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
    file = File(lambda x: probabilities, activation="softmax")
    assert verify(identity((4,)), file, X).largest_error < 1e-6


def test_several_inputs_and_outputs_are_compared_by_name():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": a + b, "left": a * 1})
    x = {"a": X, "b": 2 * X}

    def predict(x):
        return {"left": x["a"] + 0.25, "sum": x["a"] + x["b"]}

    parity = verify(model, File(predict), x)
    assert parity.largest_error == pytest.approx(0.25, rel=1e-5)
    assert parity.mean_error == pytest.approx(0.125, rel=1e-5)
    assert parity.agreement == 1 and parity.count == 300


def test_parity_prints_as_one_line():
    assert str(Parity(0.25, 0.125, 0.5, 7)) == (
        "largest error 2.5e-01, mean error 1.2e-01, agreement 50.00% on 7 examples"
    )
    assert str(Parity(0.25, 0.125, None, 7)) == (
        "largest error 2.5e-01, mean error 1.2e-01 on 7 examples"
    )


def test_outputs_of_other_shapes_are_refused():
    with pytest.raises(InvalidInput, match=r"outputs of fake. Expected the model's, .*\(300, 4\)"):
        verify(identity((4,)), File(lambda x: x[:, :3]), X)
    with pytest.raises(InvalidInput, match="an opened LiteRT or ONNX file"):
        verify(identity((4,)), "model.tflite", X)


def test_model_runs_in_batches_of_128_with_the_settings_of_the_file():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.lstm = keras.layers.LSTM(4)

        def build(self, shape):
            self.lstm.build((None, 5, 4))

        def call(self, inputs, training=None):
            seen.append((len(inputs), training, self.lstm.unroll))
            return inputs

    seen, model = [], Model()
    model(X)  # builds it
    for quantize, unrolled in ((None, False), ("int8", True)):
        seen.clear()
        assert verify(model, File(lambda x: x, quantize=quantize), X).largest_error == 0
        assert seen == [(128, False, unrolled), (128, False, unrolled), (44, False, unrolled)]


def test_errors_are_computed_in_float64():
    # float32 holds 2**25, but not 2**25 + 1
    x = np.full((3, 2), 2.0**25, "float32")
    parity = verify(identity((2,)), File(lambda x: x.astype("float64") + 1), x)
    assert (parity.largest_error, parity.mean_error, parity.count) == (1, 1, 3)


def test_invalid_arguments_raise():
    with pytest.raises(InvalidInput, match=r"`model`. Expected a Keras model. Received: 'net'"):
        verify("net", File(lambda x: x), X)
    with pytest.raises(InvalidInput, match=r"`litert_model`. Expected an opened LiteRT or ONNX"):
        verify(identity((4,)), identity((4,)), X)
    for x in (None, [], ["a"]):
        with pytest.raises(InvalidInput, match=r"`x`. Expected an array of numbers"):
            verify(identity((4,)), File(lambda x: x), x)
    with pytest.raises(InvalidInput) as raised:
        verify(identity((4,)), File(lambda x: {"output": x[:7]}), X)
    assert str(raised.value) == (
        "Invalid outputs of fake. Expected the model's, {'output': (300, 4)}. "
        "Received: {'output': (7, 4)}"
    )
