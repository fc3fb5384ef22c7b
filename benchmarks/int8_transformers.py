"""Measure size, latency and accuracy of transformers quantized to int8 in each supported way.

    python benchmarks/int8_transformers.py

gpt_tiny is trained on Python's documentation for one epoch, a small vision transformer on digits.
The rows are the float file; "dynamic", int8 weights only; "int8", calibrated; "aware", calibrated
fake quantization in Keras 3, without training. The result goes to results/int8_transformers.json.
Latencies are medians on one thread and ratios within one run.
"""

import json
import pathlib
import tempfile

import keras
import numpy as np
from keras import layers, ops

import kerasdl
from kerasdl import export, recipes
from kerasdl.compression import fake_quant
from kerasdl.layers import PatchEmbedding, TransformerBlock
from kerasdl.utils import processor

RESULT = pathlib.Path(__file__).parent / "results" / "int8_transformers.json"
EXAMPLES = 200  # for calibration, and at most for evaluation


def gpt(folder):
    run = recipes.get("gpt_tiny").replace(epochs=1).run(folder / "run", progress=False)
    return run.model, kerasdl.data.load("pydocs", batch_size=32)


def vision(folder):
    splits = kerasdl.data.load("digits", image_size=16, augment="light", batch_size=64)
    inputs = keras.Input(splits.info.shape)
    x = PatchEmbedding(4, 64)(inputs)
    x = x + layers.Embedding(16, 64)(ops.arange(16))
    for _ in range(3):
        x = TransformerBlock(4, None, "gelu_tanh", "pre")(x)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    model = keras.Model(inputs, layers.Dense(len(splits.info.classes))(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(2e-3), loss)
    model.fit(splits.train, epochs=40, verbose=0, shuffle=False)
    return model, splits


NETWORKS = {"gpt_tiny": gpt, "vision_transformer": vision}


def inputs_of(dataset):
    batches = (x for x, _ in dataset.as_numpy_iterator())
    found = []
    for batch in batches:
        found.append(batch)
        if sum(map(len, found)) >= EXAMPLES:
            break
    return np.concatenate(found)[:EXAMPLES]


def measure(name, folder):
    kerasdl.set_seed(0)
    model, splits = NETWORKS[name](folder)
    calibration, x = inputs_of(splits.train), inputs_of(splits.test)

    def convert(method, network=model, **options):
        quantize = None if method == "float" else method
        path = folder / f"{name}-{method}.tflite"
        return export.to_litert(network, path, quantize=quantize, example=x[:1], **options)

    aware = fake_quant.calibrate(fake_quant.quantize_aware(model), calibration)
    files = {
        "float": convert("float"),
        "dynamic": convert("dynamic"),
        "int8": convert("int8", calibration=calibration),
        "aware": convert("aware", aware),
    }
    latencies = {method: [] for method in files}
    for _ in range(3):  # in turn, so that other load on the machine affects all files alike
        for method, file in files.items():
            latencies[method].append(export.benchmark(file, seconds=0.5).median)
    rows = {}
    for method, file in files.items():
        parity = export.verify(model, file, x)
        rows[method] = {
            "size": file.size,
            "zipped": file.zipped_size,
            "ms": min(latencies[method]),
            "time_of_float": min(latencies[method]) / min(latencies["float"]),
            "agreement": parity.agreement,
            "mean_error": parity.mean_error,
        }
    return rows


def main():
    table = {"instructions": processor.description()}
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            table[name] = measure(name, pathlib.Path(folder))
        for method, row in table[name].items():
            print(name, method, row, flush=True)
    RESULT.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
