"""Convert networks of keras.applications to tf_keras, quantize them with TFMOT, write int8 files.

    python benchmarks/applications.py [NAME ...]

The result goes to results/applications.json. Weights are random, and deep random networks amplify
rounding errors: the int8 files of trained networks agree more with the float network.
"""

import json
import pathlib
import sys
import tempfile
import time

import keras
import numpy as np

from kerasdl import compression, export
from kerasdl.compression.bridge import graph, quantization, training

RESULTS = pathlib.Path(__file__).parent / "results" / "applications.json"
NAMES = ("ResNet50", "MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "DenseNet121")
SIDE = 96


def images(count, seed):
    """Coarse colored noise, so that the images differ in more than single pixels."""
    random = np.random.default_rng(seed)
    coarse = random.random((count, 6, 6, 3)).repeat(SIDE // 6, 1).repeat(SIDE // 6, 2)
    return (255 * (0.8 * coarse + 0.2 * random.random((count, SIDE, SIDE, 3)))).astype("float32")


def measure(name, folder):
    keras.utils.set_random_seed(0)
    model = create(name)
    # without statistics of real activations, outputs of fifty random layers vanish or explode
    settle(model, images(32, 0))
    x = images(64, 1)
    expected = model.predict(x, verbose=0)
    start = time.perf_counter()
    flat = compression.flatten(model)
    network = graph.to_tf_keras(flat, opaque_rnns=True)
    crossed = network.predict(x, verbose=0)
    crossing = time.perf_counter() - start
    start = time.perf_counter()
    quantized = quantization.quantize(network)
    quantization.calibrate(quantized, [images(32, 2), images(32, 3)])
    hosted = training.host(quantized, flat)
    quantizing = time.perf_counter() - start
    start = time.perf_counter()
    file = export.to_litert(hosted, folder / f"{name}.tflite", quantize="aware")
    converting = time.perf_counter() - start
    plain = export.to_litert(model, folder / f"{name}-float.tflite")
    received = file.predict(x)
    types = [detail["dtype"] for detail in file.interpreter.get_tensor_details()]
    return {
        "parameters": model.count_params(),
        "bridge_error": largest(crossed - expected, expected),
        "rounding_error": largest(expected - in_double_precision(name, model, x), expected),
        "int8_agreement": float((received.argmax(-1) == expected.argmax(-1)).mean()),
        "int8_agreement_with_fake_quantization": export.verify(hosted, file, x).agreement,
        "int8_correlation": float(np.corrcoef(received.ravel(), expected.ravel())[0, 1]),
        "float_bytes": plain.size,
        "int8_bytes": file.size,
        "int8_zipped_bytes": file.zipped_size,
        "float_tensors": sum(dtype is np.float32 for dtype in types),
        "operators": file.operators,
        "untouched": quantization.untouched(quantized),
        "seconds": {"cross": crossing, "quantize": quantizing, "convert": converting},
    }


def create(name):
    options = {"weights": None, "input_shape": (SIDE, SIDE, 3), "classes": 10}
    return getattr(keras.applications, name)(**options, classifier_activation=None)


def largest(difference, outputs):
    return float(np.abs(difference).max() / np.abs(outputs).max())


def in_double_precision(name, model, x):
    """The outputs of the Keras model in float64."""
    keras.config.set_dtype_policy("float64")
    try:
        double = create(name)
    finally:
        keras.config.set_dtype_policy("float32")
    double.set_weights(model.get_weights())
    return double.predict(x.astype("float64"), verbose=0)


def settle(model, x):
    """Set the moving statistics of batch normalization to those of these images."""
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(x, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def main(names):
    table = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names or NAMES:
            table[name] = row = measure(name, pathlib.Path(folder))
            print(
                f"{name}: bridge {row['bridge_error']:.1e}, float32's own rounding"
                f" {row['rounding_error']:.1e}, int8 agreement"
                f" {row['int8_agreement']:.1%}, {row['float_bytes'] / 1e6:.2f} MB ->"
                f" {row['int8_bytes'] / 1e6:.2f} MB",
                flush=True,
            )
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
