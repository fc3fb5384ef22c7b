"""Masks are applied in every training step, and the final sparsity is exact."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import compression
from kerasdl.compression import pruning, schedules
from kerasdl.errors import InvalidInput


def sparsities(model):
    return list(compression.sparsity(model).values())


def exact(model, sparsity):
    for variable in pruning.kernels(model):
        zeros = np.sum(variable.numpy() == 0)
        size = variable.numpy().size
        assert zeros == size - max(1, round(size * (1 - sparsity))), variable.path


class EveryStep(keras.callbacks.Callback):
    """Record the smallest sparsity of all kernels after each batch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(min(sparsities(self.model)))


@pytest.mark.rows("CMP-08")
def test_every_kind_of_model_has_the_exact_sparsity(model, train, compiled, traced):
    compression.prune(compiled(model), train, sparsity=0.75, epochs=4)
    exact(model, 0.75)
    assert len(traced) == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"jit_compile": True}, marks=pytest.mark.slow),
        {"steps_per_execution": 3},
        {"gradient_accumulation_steps": 2},
        {"use_ema": True, "ema_momentum": 0.9},
        {"use_ema": True, "ema_overwrite_frequency": 2},
        {"weight_decay": 0.1, "clipnorm": 1.0},
    ],
    ids=["plain", "jit", "steps", "accumulation", "ema", "ema_overwrite", "decay"],
)
def test_masks_are_applied_in_every_step(options, train, compiled):
    keras.utils.set_random_seed(0)
    compiling = {k: options[k] for k in options if k in ("jit_compile", "steps_per_execution")}
    optimizer = keras.optimizers.Adam(**{k: options[k] for k in options if k not in compiling})
    model = compiled(functional_without_dropout(), optimizer, **compiling)
    watch = EveryStep()
    schedule = schedules.constant(0.5)
    model.fit(
        train, epochs=3, verbose=0, shuffle=False, callbacks=[compression.Prune(schedule), watch]
    )
    assert min(watch.seen) >= 0.49
    exact(model, 0.5)


def functional_without_dropout():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, activation="relu")(inputs)
    x = keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def test_a_custom_train_step(train, compiled):
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
            for metric in self.metrics:
                metric.update_state(*((loss,) if metric.name == "loss" else (y, self(x))))
            return self.get_metrics_result()

    base = functional_without_dropout()
    model = compiled(Own(base.inputs, base.outputs))
    watch = EveryStep()
    callback = compression.Prune(schedules.constant(0.6))
    model.fit(train, epochs=2, verbose=0, shuffle=False, callbacks=[callback, watch])
    assert min(watch.seen) >= 0.59
    exact(model, 0.6)


def test_mixed_precision(train, compiled):
    keras.config.set_dtype_policy("mixed_float16")
    model = compiled(functional_without_dropout())
    compression.prune(model, train, sparsity=0.5, epochs=4)
    exact(model, 0.5)


def test_a_resumed_training_equals_an_uninterrupted_one(train, compiled, tmp_path):
    """Schedule and masks are restored with the optimizer and the weights."""

    def fit(model, epochs, first=0):
        callback = compression.Prune(schedules.Polynomial(0.8, end=12, frequency=3))
        options = {"verbose": 0, "shuffle": False, "callbacks": [callback]}
        model.fit(train, epochs=epochs, initial_epoch=first, **options)

    keras.utils.set_random_seed(0)
    whole = compiled(functional_without_dropout())
    whole.optimizer.build(whole.trainable_variables)
    whole.save(tmp_path / "start.keras")
    fit(whole, 5)
    halves = keras.models.load_model(tmp_path / "start.keras")
    fit(halves, 2)
    halves.save(tmp_path / "half.keras")
    halves = keras.models.load_model(tmp_path / "half.keras")
    fit(halves, 5, first=2)
    exact(halves, 0.8)
    for a, b in zip(whole.get_weights(), halves.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_it_equals_tfmot_on_tf_keras(images, train):
    """Pruning gives the weights that TFMOT gives the same network in Keras 2.

    Masks are updated inside epochs of 4 steps, because at the end of an epoch TFMOT applies the
    old masks once more.
    """
    from kerasdl.compression.bridge.tfmot import tf_keras, tfmot

    model = functional_without_dropout()
    model.compile(
        keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    twin = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1)),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(32, activation="relu"),
            tf_keras.layers.Dense(4),
        ]
    )
    twin.set_weights(model.get_weights())
    schedule = tfmot.sparsity.keras.PolynomialDecay(0.0, 0.8, 0, 9, frequency=3)
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(twin, schedule)
    wrapped.compile(
        tf_keras.optimizers.SGD(0.1),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    update = tfmot.sparsity.keras.UpdatePruningStep()
    wrapped.fit(train, epochs=3, verbose=0, shuffle=False, callbacks=[update])
    twin = tfmot.sparsity.keras.strip_pruning(wrapped)
    callback = compression.Prune(schedule)
    model.fit(train, epochs=3, verbose=0, shuffle=False, callbacks=[callback])
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert 0.79 < sparsities(model)[1] < 0.81


def test_global_pruning_gives_layers_different_sparsities(train, compiled):
    model = compiled(functional_without_dropout())
    compression.prune(model, train, sparsity=0.8, scope="global", epochs=4)
    variables = pruning.kernels(model)
    zeros = sum(np.sum(v.numpy() == 0) for v in variables)
    total = sum(v.numpy().size for v in variables)
    assert zeros == total - round(total * 0.2)
    assert max(sparsities(model)) - min(sparsities(model)) > 0.1


@pytest.mark.parametrize("pattern", ["2:4", "block"])
def test_patterns(pattern, train, compiled):
    model = compiled(functional_without_dropout())
    compression.prune(model, train, sparsity=0.5, pattern=pattern, epochs=4)
    kernel = model.layers[3].kernel.numpy()  # (288, 32)
    assert np.mean(kernel == 0) == 0.5
    side = 4 if pattern == "2:4" else (4, 4)
    if pattern == "2:4":
        assert (np.count_nonzero(kernel.reshape(-1, side, 32), axis=1) <= 2).all()
    else:
        squares = np.count_nonzero(kernel.reshape(72, 4, 8, 4), axis=(1, 3))
        assert set(squares.ravel()) <= {0, 16}


def test_skipped_layers_stay_dense_and_constraints_are_restored(train, compiled):
    model = functional_without_dropout()
    model.layers[1].kernel.constraint = keras.constraints.MaxNorm(1.0)
    compression.prune(compiled(model), train, sparsity=0.5, epochs=2, skip=(model.layers[-1].name,))
    assert sparsities(model)[-1] == 0
    assert isinstance(model.layers[1].kernel.constraint, keras.constraints.MaxNorm)
    assert (np.linalg.norm(model.layers[1].kernel.numpy(), axis=0) <= 1.0001).all()


def test_schedules_end_at_the_final_sparsity():
    schedule = schedules.Polynomial(0.8, end=25, begin=5, frequency=10)
    due = [step for step in range(40) if schedule(step)[0]]
    assert due == [5, 15, 25]
    assert [round(float(schedule(step)[1]), 4) for step in (0, 5, 15, 25, 39)] == [
        0.0,
        0.0,
        0.7,
        0.8,
        0.8,
    ]


def test_invalid_input_is_refused(train, compiled):
    model = functional_without_dropout()
    with pytest.raises(InvalidInput, match="a compiled model"):
        compression.prune(model, train)
    compiled(model)
    with pytest.raises(InvalidInput, match="pattern"):
        compression.prune(model, train, pattern="4:2")
    with pytest.raises(InvalidInput, match="sparsity"):
        compression.prune(model, train, sparsity=1.2)
    with pytest.raises(InvalidInput, match="known length"):
        compression.prune(model, train.repeat())
    with pytest.raises(InvalidInput, match="unstructured"):
        compression.prune(model, train, pattern="block", scope="global")
    bare = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(InvalidInput, match="kernels"):
        compression.prune(compiled(bare), train, epochs=1)


def test_global_pruning_sorts_all_weights_once_a_step(train, compiled, monkeypatch):
    """Masks are renewed at the steps 2 and 5 for all kernels together."""
    sorts = tf.Variable(0)
    unstructured = pruning.masks.unstructured

    def counted(weights, sparsity):
        sorts.assign_add(1)
        return unstructured(weights, sparsity)

    monkeypatch.setattr(pruning.masks, "unstructured", counted)
    model = compiled(functional_without_dropout())
    schedule = schedules.Polynomial(0.7, begin=2, end=5, frequency=10)
    callback = compression.Prune(schedule, scope="global")
    model.fit(train, epochs=2, verbose=0, shuffle=False, callbacks=[callback])
    assert len(pruning.kernels(model)) == 3 and int(sorts) == 2
    values = np.concatenate([kernel.numpy().ravel() for kernel in pruning.kernels(model)])
    assert np.sum(values == 0) == len(values) - round(len(values) * 0.3)
    assert len({round(s, 2) for s in sparsities(model)}) > 1
