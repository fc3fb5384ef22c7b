"""Training loops in Keras: gradients, training mode, states, restarts, data and networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import data

X = np.random.default_rng(0).normal(size=(24, 5)).astype("float32")
Y = np.tanh(X @ np.arange(5.0)[:, None]).astype("float32")


def network(*more):
    """Make a network that has the same initial weights every time."""
    starts = [keras.initializers.GlorotUniform(seed) for seed in range(2)]
    hidden = keras.layers.Dense(8, "tanh", kernel_initializer=starts[0])
    last = keras.layers.Dense(1, kernel_initializer=starts[1])
    return keras.Sequential([keras.Input((5,)), hidden, *more, last])


def compiled():
    model = network()
    model.compile(keras.optimizers.Adam(0.05), "mse")
    return model


def losses(model, steps):
    """Train steps on all of the data; return their losses."""
    return model.fit(X, Y, batch_size=24, epochs=steps, shuffle=False, verbose=0).history["loss"]


@pytest.mark.rows("TRN-07")
def test_a_custom_loop_equals_fit():
    fitted, model = compiled(), network()
    optimizer, loss, found = keras.optimizers.Adam(0.05), keras.losses.MeanSquaredError(), []
    for _ in range(5):
        with tf.GradientTape() as tape:
            value = loss(Y, model(X, training=True))
        gradients = tape.gradient(value, [w.value for w in model.trainable_variables])
        optimizer.apply(gradients, model.trainable_variables)
        found.append(float(value))
    np.testing.assert_allclose(found, losses(fitted, 5), rtol=1e-5)
    assert found[-1] < found[0]


@pytest.mark.rows("TRN-09")
def test_gradients_do_not_accumulate_between_tapes():
    model = network()

    def gradient():
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(X) - Y) ** 2)
        return tape.gradient(value, model.trainable_variables[0].value)

    np.testing.assert_array_equal(gradient(), gradient())


@pytest.mark.rows("TRN-08", "REG-23")
@pytest.mark.parametrize("kind", ["dropout", "noise", "norm"])
def test_training_mode_changes_dropout_noise_and_batch_normalization(kind):
    layer = {
        "dropout": keras.layers.Dropout(0.5, seed=0),
        "noise": keras.layers.GaussianNoise(0.5, seed=0),
        "norm": keras.layers.BatchNormalization(),
    }[kind]
    model = network(layer)
    used = model(X)
    np.testing.assert_array_equal(model(X, training=False), used)
    assert np.abs(model(X, training=True) - used).max() > 1e-3


@pytest.mark.rows("TRN-13")
def test_rematerialization_gives_the_same_gradients():
    found = []
    for mode in (None, "full"):
        with keras.RematScope(mode=mode):
            model = network()
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(X) - Y) ** 2)
        found.append(tape.gradient(value, [w.value for w in model.trainable_variables]))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.rows("OPT-17", "TRN-14")
def test_a_loaded_model_trains_on_like_the_saved_one(tmp_path):
    straight = losses(compiled(), 10)
    model = compiled()
    losses(model, 5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(X), model(X))
    np.testing.assert_allclose(losses(again, 5), straight[5:], rtol=1e-6)
    bare = compiled()
    bare.set_weights(model.get_weights())
    # with weights alone, Adam's averages start from zero and the losses differ
    assert np.abs(np.array(losses(bare, 5)) - straight[5:]).max() > 1e-3


@pytest.mark.rows("BAS-09")
def test_a_feed_forward_network_has_no_state_and_no_cycle():
    model = network()
    np.testing.assert_array_equal(model(X), model(X))
    for layer in model.layers:  # each layer reads only earlier ones
        (node,) = layer._inbound_nodes
        assert all(
            model.layers.index(p.operation) < model.layers.index(layer)
            for p in node.parent_nodes
            if p.operation in model.layers
        )


@pytest.mark.rows("BAS-29")
def test_only_a_recurrent_network_depends_on_the_order_of_steps():
    steps = np.random.default_rng(1).normal(size=(2, 6, 5)).astype("float32")
    forward, order = network(), [3, 0, 5, 1, 4, 2]

    def of_the_mean(x):
        return np.mean([forward(x[:, t]) for t in range(6)], axis=0)

    np.testing.assert_allclose(of_the_mean(steps[:, order]), of_the_mean(steps), atol=1e-6)
    recurrent = keras.layers.SimpleRNN(4)
    assert np.abs(recurrent(steps[:, order]) - recurrent(steps)).max() > 0.05


@pytest.mark.rows("INI-12")
@pytest.mark.parametrize("kind", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU])
def test_the_initial_state_of_recurrent_layers_is_zero(kind):
    x = np.random.default_rng(2).normal(size=(2, 6, 5)).astype("float32")
    keras.utils.set_random_seed(0)
    layer = kind(4)
    zeros = [np.zeros((2, 4), "float32")] * (2 if kind is keras.layers.LSTM else 1)
    np.testing.assert_array_equal(layer(x), layer(x, initial_state=zeros))
    assert np.abs(layer(x, initial_state=[z + 1 for z in zeros]) - layer(x)).max() > 0.01


def digits():
    splits = data.load("digits", batch_size=1000, validation=0)
    return [next(split.as_numpy_iterator()) for split in (splits.train, splits.test)]


def trained(parts, batches):
    """Train a classifier from the same initial weights; return it and its loss."""
    for seed, part in enumerate(part for part in parts if hasattr(part, "kernel_initializer")):
        part.kernel_initializer = keras.initializers.GlorotUniform(seed)
    model = keras.Sequential(parts)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    for batch in batches:
        model.train_on_batch(*batch)
    return model, lambda x, y: float(loss(y, model(x)))


@pytest.mark.rows("BAS-01")
def test_pixels_give_a_higher_accuracy_than_two_handmade_features():
    (train, labels), (test, right) = digits()
    accuracy = {}
    for name, features in {
        "pixels": lambda images: images.reshape(len(images), -1),
        "by hand": lambda images: np.stack([images.mean((1, 2, 3)), images.std((1, 2, 3))], 1),
    }.items():
        x, unseen = features(train), features(test)
        x, unseen = ((values - x.mean(0)) / (x.std(0) + 1e-3) for values in (x, unseen))
        parts = [keras.layers.Dense(32, "relu"), keras.layers.Dense(10)]
        model, _ = trained(parts, [(x, labels)] * 100)
        accuracy[name] = np.mean(np.argmax(model(unseen), axis=1) == right)
    assert accuracy["by hand"] < 0.4 and accuracy["pixels"] > 0.85, accuracy


@pytest.mark.rows("REG-17")
def test_augmentation_narrows_the_gap_between_training_and_test_loss():
    (images, labels), unseen = digits()
    x, y, random = images[:150], labels[:150], np.random.default_rng(0)
    gaps = []
    for moves in (0, 1):
        pixels = [random.integers(-moves, moves + 1, 2) for _ in range(100)]
        batches = [(np.roll(x, each, axis=(1, 2)), y) for each in pixels]
        parts = [keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.Flatten()]
        parts += [keras.layers.Dense(64, "relu"), keras.layers.Dense(10)]
        _, loss = trained(parts, batches)
        gaps.append(loss(*unseen) - loss(x, y))
    assert 0 < gaps[1] < 0.75 * gaps[0]  # accuracies hardly differ
