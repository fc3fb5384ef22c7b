"""Train subjects and write the results: `worker.py STRATEGY FOLDER [SUBJECT ...]`."""

import pathlib
import pickle
import sys
import warnings

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import distribute

BATCH = 16
layers = keras.layers
cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def images(count):
    random = np.random.default_rng(0)
    x = random.random((count, 8, 8, 1), "float32")
    return x, random.integers(0, 10, count)


def batches(*data):
    data = data if len(data) > 1 else data[0]
    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH)


def functional():
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.BatchNormalization(synchronized=True)(x)
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


class Subclassed(keras.Model):
    """A model whose weights are created in `fit`."""

    def __init__(self):
        super().__init__()
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(16, activation="relu")
        self.logits = layers.Dense(10)

    def call(self, inputs):
        return self.logits(self.hidden(self.flatten(inputs)))


class OwnStep(keras.Sequential):
    """A model with a custom `train_step`, which returns a scalar that is not a metric."""

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, self(x, training=True))
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return {"norm": tf.linalg.global_norm([tf.convert_to_tensor(v) for v in variables])}


def our_metrics():
    return [
        kerasdl.metrics.ExpectedCalibrationError(from_logits=True),
        kerasdl.metrics.InceptionScore(10, from_logits=True),
        kerasdl.metrics.Perplexity(),
    ]


def compiled(model, metrics=(), **options):
    # a metric given by its name, or an unbuilt optimizer, makes Keras trace the step twice
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    metrics = [accuracy if model.built else "accuracy", *metrics]
    # not Adam, which turns rounding errors of zero gradients into full steps
    optimizer = keras.optimizers.SGD(0.05, momentum=0.5)
    model.compile(optimizer, cross_entropy, metrics=metrics, **options)
    if model.built:
        optimizer.build(model.trainable_variables)
    return model


def classify(strategy, make, count, fit=None, metrics=tuple, **options):
    keras.utils.set_random_seed(0)
    x, y = images(count)
    with strategy.scope():
        model = compiled(make(), metrics(), **options)
    data = batches(x, y)
    history = model.fit(data, validation_data=data, epochs=2, verbose=0, shuffle=False, **fit or {})
    return {
        "history": history.history,
        "evaluate": model.evaluate(data, verbose=0),
        "predict": model.predict(x, batch_size=BATCH, verbose=0),
        "weights": model.get_weights(),
    }


def in_bfloat16(strategy, make, count):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return classify(strategy, make, count)
    finally:
        keras.config.set_dtype_policy("float32")


def records_by_file(strategy):
    """Train on TFRecords of which each worker reads its own files."""
    keras.utils.set_random_seed(0)
    share = distribute.share(strategy)
    folder = pathlib.Path(sys.argv[2]) / "records"
    splits = kerasdl.data.load(folder, batch_size=BATCH, share=share, shard="file")
    with strategy.scope():
        model = compiled(functional())
    count, counts = splits.info.counts["train"], splits.info.replicas
    train = distribute.pipeline(splits.train, strategy, count, BATCH, counts)
    history = model.fit(train, epochs=2, verbose=0, shuffle=False).history
    read = sum(len(labels) for _, labels in splits.train.as_numpy_iterator())
    return {"history": history, "weights": model.get_weights(), "read": read}


def perceptron(kind=keras.Sequential):
    return kind([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10)])


weights = {number: 1 + number / 10 for number in range(10)}
# whole networks with batch normalization are in tests/conformance
SUBJECTS = {
    "functional": lambda strategy: classify(strategy, functional, 71, metrics=our_metrics),
    "last batch of one": lambda strategy: classify(
        strategy, functional, 65, fit={"class_weight": weights}
    ),
    # with 63 examples, the last part is full on only one of two workers
    "steps per execution": lambda strategy: classify(
        strategy, perceptron, 63, steps_per_execution=3
    ),
    "mixed precision": lambda strategy: in_bfloat16(strategy, functional, 72),
    "subclassed": lambda strategy: classify(strategy, Subclassed, 71),
    "own step": lambda strategy: classify(strategy, lambda: perceptron(OwnStep), 71),
    "records by file": records_by_file,
}


def main():
    warnings.filterwarnings("error", "Your input ran out of data")  # no length is known
    strategy = distribute.strategy(sys.argv[1])
    results = {name: SUBJECTS[name](strategy) for name in sys.argv[3:] or SUBJECTS}
    number, _ = distribute.worker_of(strategy)
    name = f"{sys.argv[1].replace(':', '-')}-{number}.pickle"
    (pathlib.Path(sys.argv[2]) / name).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
