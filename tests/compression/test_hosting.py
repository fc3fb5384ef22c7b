"""Training a tf_keras network in Keras 3 gives the same weights as the Keras 3 model."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasdl.compression import compile_settings, methods
from kerasdl.compression.bridge import graph, training
from tests.compression import networks


def cosine():
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 20))


def cross_entropy(y_true, y_pred):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    return loss(y_true, y_pred)


def distance(y_true, y_pred):
    return keras.ops.mean(keras.ops.abs(keras.ops.one_hot(y_true, 3) - y_pred), axis=-1)


def network():
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input(networks.IMAGE)
    x = layers.Conv2D(4, 3, use_bias=False, kernel_constraint="max_norm")(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(8, kernel_regularizer="l2", trainable=False)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(3, name="kind")(layers.RMSNormalization()(x)))


# optimizers are made inside the test, because their variables initialize TensorFlow's devices
@pytest.mark.parametrize(
    ("make_optimizer", "options", "loss"),
    [
        (cosine, {}, cross_entropy),
        (keras.optimizers.AdamW, {"weight_decay": 0.1, "clipnorm": 0.5}, cross_entropy),
        (keras.optimizers.RMSprop, {"use_ema": True}, distance),
        (keras.optimizers.Adam, {"gradient_accumulation_steps": 2}, distance),
    ],
)
def test_losses_and_weights_are_equal(make_optimizer, options, loss):
    optimizer = make_optimizer(**({"learning_rate": 0.01, **options} if options else {}))
    model = network()
    x, y = networks.images(64)
    settings = compile_settings.CompileSettings(
        compile_settings.optimizer_factory(optimizer), loss, {"metrics": ["accuracy"]}
    )
    hosted = training.host(graph.to_tf_keras(model), model)
    histories = []
    for learner in (model, hosted):
        settings.compile(learner, (), "quantize", 2)
        options = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0}
        histories.append(learner.fit(x, y, **options).history)
    for left, right in zip(*(history.values() for history in histories), strict=True):
        np.testing.assert_allclose(left, right, rtol=2e-4)
    twins = graph.pairs(model, hosted.layers[1].network)
    for variable, twin in twins:
        np.testing.assert_allclose(variable.numpy(), twin.numpy(), atol=1e-4)


def test_callbacks_metrics_and_validation_data_work(traced, tmp_path):
    model, train, (x, y) = networks.trained("sequential")
    traced.clear()
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((sorted(logs), self.model.optimizer.iterations.numpy()))

    methods.compress(
        model,
        train,
        method="qat",
        epochs=3,
        path=tmp_path / "model.tflite",
        optimizer="adam",
        loss=distance,
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="right")],
        callbacks=[Watch(), keras.callbacks.EarlyStopping("val_right", baseline=2.0, patience=2)],
        validation_data=(x, y),
        class_weight={0: 1.0, 1: 2.0, 2: 1.0},
    )
    assert seen == [(["loss", "right", "val_loss", "val_right"], 12 * n) for n in (1, 2)]
    assert len(traced) == 1
