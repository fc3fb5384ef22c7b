"""Compare two engines of quantization-aware training: TFMOT's, and kerasdl's in Keras 3.

Each network is trained on digits. From those weights each engine continues for the same number of
epochs. The files are evaluated on the test data: accuracy, agreement with the float network, size,
zipped size, latency on one thread, and the time of the whole call.

    python benchmarks/qat_engines.py

Times are ratios within one run, and need an otherwise idle machine.
"""

import argparse
import json
import pathlib
import tempfile
import time

import keras
import numpy as np

import kerasdl
from kerasdl import compression, export
from kerasdl.data import load

RESULT = pathlib.Path(__file__).parent / "results" / "qat_engines.json"
EPOCHS, MORE, SLOWER = 40, 10, 2e-4


def mobile(input_shape, num_classes):
    """A small MobileNet: depthwise separable blocks, one with a residual connection."""
    layers = keras.layers

    def norm():
        return layers.BatchNormalization(momentum=0.9)

    def block(x, filters, strides=1):
        y = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)
        y = layers.ReLU(6)(norm()(y))
        y = norm()(layers.Conv2D(filters, 1, use_bias=False)(y))
        return layers.Add()([x, y]) if x.shape == y.shape else layers.ReLU(6)(y)

    inputs = keras.Input(input_shape)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.ReLU(6)(norm()(x))
    for filters, strides in ((32, 1), (32, 1), (64, 2), (64, 1)):
        x = block(x, filters, strides)
    return keras.Model(inputs, layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(x)))


def registered(name):
    def make(input_shape, num_classes):
        return kerasdl.create_model(name, input_shape=input_shape, num_classes=num_classes)

    return make


NETWORKS = {
    "simple_cnn_tiny": registered("simple_cnn_tiny"),
    "se_resnet_tiny": registered("se_resnet_tiny"),
    "densenet_tiny": registered("densenet_tiny"),
    "mobile": mobile,
}


def more():
    return {"epochs": MORE, "optimizer": keras.optimizers.Adam(SLOWER)}


def bridge(model, train, path):
    return compression.compress(model, train, method="qat", path=path, **more()).litert


def inside(model, train, path):
    aware = compression.train_aware(model, train, **more())
    return export.to_litert(aware, path, quantize="aware")


ENGINES = {"tfmot": bridge, "kerasdl": inside}


def measure(name, epochs, folder):
    splits = load("digits", batch_size=64)
    batches = splits.test.as_numpy_iterator()
    x, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    keras.utils.set_random_seed(0)
    model = NETWORKS[name](splits.info.shape, len(splits.info.classes))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(splits.train, epochs=epochs, verbose=0, shuffle=False)
    weights = model.get_weights()
    start = time.perf_counter()
    model.fit(splits.train, epochs=MORE, verbose=0, shuffle=False)
    plain = time.perf_counter() - start
    model.set_weights(weights)
    expected = model.predict(x, verbose=0).argmax(-1)
    file = export.to_litert(model, folder / "float.tflite")
    latency = export.benchmark(file.path).median
    rows = {"float": {"accuracy": float(np.mean(expected == labels)), "zipped": file.zipped_size}}
    for engine, train_on in ENGINES.items():
        model.set_weights(weights)
        start = time.perf_counter()
        file = train_on(model, splits.train, folder / f"{engine}.tflite")
        seconds = time.perf_counter() - start
        received = file.predict(x).argmax(-1)
        rows[engine] = {
            "accuracy": float(np.mean(received == labels)),
            "agreement": float(np.mean(received == expected)),
            "size": file.size,
            "zipped": file.zipped_size,
            "latency_of_float": export.benchmark(file.path).median / latency,
            "seconds_of_plain_training": seconds / plain,
        }
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", default=list(NETWORKS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    table = {}
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            table[name] = measure(name, options.epochs, pathlib.Path(folder))
        print(name, json.dumps(table[name], indent=1), flush=True)
    if options.names == list(NETWORKS) and options.epochs == EPOCHS:
        RESULT.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
