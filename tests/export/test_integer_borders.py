"""Files whose inputs and outputs are int8: `predict` takes and gives floats all the same."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl import compression, export
from kerasdl.compression import fake_quant
from kerasdl.errors import InvalidInput
from kerasdl.export import model_file
from tests.export.networks import attention, images, pair, tokens, two_heads, vectors


def both(model, folder, calibration, **options):
    """Return the int8 file with float inputs and outputs, and the one with int8."""
    options = {"quantize": "int8", "calibration": calibration, **options}
    return [
        export.to_litert(model, folder / f"{kind}.tflite", input_type=kind, **options)
        for kind in ("float32", "int8")
    ]


def test_predict_takes_and_gives_floats(trained, tmp_path):
    model, x, _ = trained
    floats, integers = both(model, tmp_path, x, labels=tuple("abcd"), activation="softmax")
    assert [dtype for _, dtype in integers.inputs.values()] == [np.int8]
    assert [dtype for _, dtype in integers.outputs.values()] == [np.int8]
    assert {"QUANTIZE", "DEQUANTIZE"} <= floats.operators.keys()
    assert {"QUANTIZE", "DEQUANTIZE"}.isdisjoint(integers.operators)
    ((scale, zero),) = integers.input_scales.values()
    assert scale == pytest.approx((x.max() - x.min()) / 255, rel=0.01)
    assert not floats.input_scales and not floats.output_scales
    answers = integers.predict(x)
    assert answers.dtype == np.float32
    assert np.array_equal(answers, floats.predict(x))
    given = model_file.quantized(x, scale, zero, np.dtype("int8"))
    assert np.array_equal(integers.predict(given), answers)  # integers are taken as they are
    assert integers.labels == floats.labels and integers.size < floats.size
    assert export.verify(model, integers, x).agreement > 0.98
    assert export.benchmark(integers, seconds=0).median > 0


@pytest.mark.parametrize("make", [pair, two_heads])
def test_several_inputs_and_outputs_keep_names_and_order(make, tmp_path):
    model = make()
    x = {"image": images(), "size": images()[:, 0, :2, 0]} if make is two_heads else vectors(2)
    floats, integers = both(model, tmp_path, x)
    for part in ("inputs", "outputs"):
        old, new = getattr(floats, part), getattr(integers, part)
        assert list(old) == list(new)
        assert [shape for shape, _ in old.values()] == [shape for shape, _ in new.values()]
        assert {dtype for _, dtype in new.values()} == {np.dtype("int8")}
    right, found = floats.predict(x), integers.predict(x)
    for name, (scale, _) in integers.output_scales.items():
        assert np.abs(right[name] - found[name]).max() <= 1.01 * scale


def test_tokens_stay_integers(tmp_path):
    inputs = keras.Input((12,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 16)(inputs))
    model = keras.Model(inputs, layers.Dense(5)(x))
    _, integers = both(model, tmp_path, tokens())
    assert [dtype for _, dtype in integers.inputs.values()] == [np.int32]
    assert not integers.input_scales and integers.output_scales


def test_a_file_of_quantization_aware_training(trained, tmp_path):
    model, x, y = trained
    aware = fake_quant.quantize_aware(model)
    aware(x[:50], training=True)
    path = tmp_path / "aware.tflite"
    file = export.to_litert(aware, path, quantize="aware", input_type="int8")
    assert file.input_scales and file.output_scales
    assert np.mean(file.predict(x).argmax(-1) == y) > 0.9


def test_impossible_types_are_refused(trained, tmp_path):
    model, x, _ = trained
    path = tmp_path / "m.tflite"
    with pytest.raises(InvalidInput, match=r"float32, unless `quantize` is int8 or aware.*dynamic"):
        export.to_litert(model, path, quantize="dynamic", input_type="int8")
    with pytest.raises(InvalidInput, match=r"`input_type`. Expected one of float32, int8"):
        export.to_litert(model, path, input_type="uint8")
    calibration = {"quantize": "int8", "calibration": tokens()}
    with pytest.raises(InvalidInput, match=r"input_type='float32' works.*output `output` of SOFTM"):
        export.to_litert(attention(), path, input_type="int8", activation="softmax", **calibration)
    assert not path.exists()
    file = export.to_litert(model, path, quantize="int8", calibration=x, input_type="int8")
    with pytest.raises(InvalidInput, match=r"Expected numbers. Received: NaN"):
        file.predict(np.full((1, 8, 8, 1), np.nan, "float32"))
    data = type("Data", (), {"train": _batches(trained), "test": _batches(trained)})
    with pytest.raises(InvalidInput, match="method with `input_type` int8"):
        compression.search(model, data, methods=("int4",), input_type="int8")


def test_a_search_tries_methods_that_compute_in_int8(trained, tmp_path):
    model = trained[0]
    data = type("Data", (), {"train": _batches(trained), "test": _batches(trained)})
    options = {"methods": ("int8", "qat"), "input_type": "int8", "epochs": 1, "folder": tmp_path}
    found = compression.search(model, data, 0.1, **options)
    kinds = {r.method: bool(export.LiteRTModel(r.file).input_scales) for r in found.reports}
    assert kinds == {"float": False, "int8": True, "qat": True}
    assert all(report.accuracy > 0.9 for report in found.reports)


def _batches(trained):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(trained[1:]).batch(50)
