"""Measure size, accuracy and time of pqat and pcqat on two networks and two datasets.

    python benchmarks/compression.py [NETWORK-DATA ...]

Each network is trained, then compressed by each method from the same weights. The results go to
results/compression.json: the accuracy of the files, run by the LiteRT interpreter, their sizes, and
the time of compression relative to as many epochs of plain training in the same run.
"""

import argparse
import json
import pathlib
import tempfile
import time

import keras
import tensorflow as tf
from keras import layers

import kerasdl
from kerasdl import compression, export
from kerasdl.compression.methods import RATES
from kerasdl.compression.reporting import Evaluator
from kerasdl.utils import processor

RESULT = pathlib.Path(__file__).parent / "results" / "compression.json"
DATA = {
    "digits": {"augment": "light", "validation": 0.1},
    "shapes": {"image_size": 32, "count": 3000, "clutter": 2, "noise": 0.05},
}
EPOCHS = {"digits": 100, "shapes": 15}
COMPRESSING = {"digits": 400, "shapes": 12}
SPARSITY = {  # of pqat and pcqat
    "se_resnet_tiny-digits": (0.8, 0.8),
    "se_resnet_tiny-shapes": (0.9, 0.9),
    "mobile-digits": (0.8, 0.9),
    "mobile-shapes": (0.9, 0.9),
}
CLUSTERS = 16
LEARNING_RATE = 4e-3


def mobile(input_shape, num_classes):
    """A small MobileNet, made of Keras layers."""
    x = inputs = keras.Input(input_shape)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    for width, stride in ((64, 1), (128, 2), (128, 1), (256, 2)):
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x), name="mobile")


def se_resnet(input_shape, num_classes):
    options = {"input_shape": input_shape, "num_classes": num_classes}
    return kerasdl.create_model("se_resnet_tiny", **options)


NETWORKS = {"se_resnet_tiny": se_resnet, "mobile": mobile}


def optimizer(rate, steps):
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10, steps * 9 // 10, warmup_target=rate, warmup_steps=steps // 10
    )
    return keras.optimizers.AdamW(schedule, weight_decay=0.02)


def compile_(model, steps):
    model.compile(
        optimizer(LEARNING_RATE, steps),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        steps_per_execution=8,
    )


def measure(network, name):
    kerasdl.set_seed(0)
    splits = kerasdl.data.load(name, batch_size=64, **DATA[name])
    classes = len(splits.info.classes)
    train = splits.train.map(lambda x, y: (x, tf.one_hot(y, classes)))
    model = NETWORKS[network](splits.info.shape, classes)
    order = splits.order_callback()
    options = {"verbose": 0, "shuffle": False, "callbacks": [order]}
    compile_(model, len(train) * EPOCHS[name])
    start = time.perf_counter()
    model.fit(train, epochs=EPOCHS[name], **options)
    plain = (time.perf_counter() - start) / EPOCHS[name]
    evaluator = Evaluator(model, splits.test)
    weights = model.get_weights()
    folder = pathlib.Path(tempfile.mkdtemp())
    file = export.to_litert(model, folder / "float.tflite")
    whole = evaluator.report(file, model, method="float").row()
    found = {
        "processor": processor.description(),  # of the latencies
        "parameters": model.count_params(),
        "float": whole,
    }
    sparsities = SPARSITY[f"{network}-{name}"]
    for method, sparsity in zip(("pqat", "pcqat"), sparsities, strict=True):
        model.set_weights(weights)
        epochs = COMPRESSING[name]
        start = time.perf_counter()
        small = compression.compress(
            model,
            train,
            method=method,
            path=folder / f"{method}.tflite",
            epochs=epochs,
            sparsity=sparsity,
            clusters=CLUSTERS,
            optimizer=lambda step, epochs: optimizer(
                LEARNING_RATE * RATES[step], len(train) * epochs
            ),
            prune_options={"scope": "global"},
            callbacks=[order],
            evaluator=evaluator,
        )
        seconds = time.perf_counter() - start
        row = small.report.row()
        row["smaller"] = whole["zip_kB"] / row["zip_kB"]
        row["points_lost"] = 100 * (whole["accuracy"] - row["accuracy"])
        row["time_against_plain_epochs"] = seconds / (plain * epochs)
        found[method] = row
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", default=list(SPARSITY))
    for which in parser.parse_args().which:
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        network, name = which.split("-")
        results[which] = measure(network, name)
        RESULT.write_text(json.dumps(results, indent=2) + "\n")
        for method in ("float", "pqat", "pcqat"):
            print(which, results[which][method], flush=True)


if __name__ == "__main__":
    main()
