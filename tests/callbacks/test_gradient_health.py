"""GradientHealth records gradient norms for every kind of model and does not change training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import callbacks
from kerasdl.callbacks import gradient_health
from kerasdl.callbacks.gradient_health import label
from kerasdl.errors import InvalidInput
from tests.callbacks.parts import LOSS, RANDOM, X, Y, fit, network, tags


@pytest.mark.rows("DBG-08")
def test_norms_equal_those_of_the_gradients(tmp_path):
    model, watch = network(), callbacks.GradientHealth(every=2, log_dir=tmp_path)
    start = model.get_weights()
    fit(model, watch)
    assert watch.steps == list(range(0, 18, 2))
    model.set_weights(start)
    with tf.GradientTape() as tape:
        loss = LOSS(Y[:16], model(X[:16]))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    first = [norms[0] for norms in watch.norms.values()]
    expected = [tf.linalg.global_norm(gradients[i : i + 2]) for i in (0, 2)]
    np.testing.assert_allclose(first, expected, rtol=1e-5)
    assert [name.rpartition("/")[2] for name in watch.norms] == ["hidden", "logits"]
    assert watch.labels() == dict.fromkeys(watch.norms, "ok")
    assert {f"gradient_norm/{name}" for name in watch.norms} <= tags(tmp_path, "scalars")
    assert len(watch.figure().axes[0].lines) == 4


def test_training_is_unchanged_and_recording_ends_with_fit():
    alone, watched = network(), network()
    expected = fit(alone) | {"again": fit(alone)["loss"]}
    watch = callbacks.GradientHealth(every=1)
    found = fit(watched, watch)
    steps = list(watch.steps)
    found["again"] = fit(watched)["loss"]
    assert found == expected
    assert watch.steps == steps


def test_steps_between_records_use_the_models_own_function():
    traced = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            traced.append(tf.inside_function())
            return x

    model = network(Counting())
    model.optimizer.build(model.trainable_variables)
    del traced[:]
    own, kinds = model.make_train_function() or model.train_function, []

    class Kinds(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            kinds.append(len(traced))

    watch = callbacks.GradientHealth(every=4)
    fit(model, watch, Kinds(), epochs=2)
    assert watch.steps == [0, 4, 8]
    assert kinds == [0, 1, *[2] * 10] and all(traced)  # each kind of step is traced once
    assert model.train_function is own
    fit(model)
    assert len(traced) == 2


def test_a_train_function_that_another_callback_replaces_is_recorded():
    schedule = kerasdl.schedules.OneCycle(0.1, 18)
    momentum = kerasdl.schedules.CycleMomentum(schedule)
    watch = callbacks.GradientHealth(every=5)
    fit(network(), watch, momentum)
    assert watch.steps == [0, 5, 10, 15]


def test_an_unbuilt_model_is_refused():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("sgd", LOSS)
    with pytest.raises(InvalidInput, match="begin it with a keras\\.Input"):
        fit(model, callbacks.GradientHealth())


def test_several_steps_per_execution_on_a_model_trained_before():
    model = network(steps_per_execution=3)
    fit(model)
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch)
    assert watch.steps == list(range(18))
    assert np.all(np.array(list(watch.norms.values())) > 0)


def test_all_layers_of_a_gan_with_two_optimizers_are_recorded():
    model = kerasdl.create_model("dcgan_tiny", width=8)
    model.compile()
    watch = callbacks.GradientHealth(every=1)
    images = RANDOM.random((32, 8, 8, 1)).astype("float32")
    model.fit(images, batch_size=16, callbacks=[watch], verbose=0)
    assert len(watch.steps) == 2 and all(norms[0] > 0 for norms in watch.norms.values())
    assert len(watch.norms) == len({w.path.rpartition("/")[0] for w in model.trainable_weights})


@pytest.mark.rows("BAS-21", "BAS-22")
@pytest.mark.parametrize(
    ("depth", "activation", "deviation", "expected"),
    [(16, "sigmoid", 0.5, "vanishing"), (8, None, 6.0, "exploding")],
)
def test_vanishing_and_exploding_gradients_are_labeled(depth, activation, deviation, expected):
    start = [keras.initializers.RandomNormal(stddev=deviation) for _ in range(depth)]
    model = network(
        *[keras.layers.Dense(6, activation, kernel_initializer=s) for s in start], rate=1e-12
    )
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch, epochs=1)
    assert next(iter(watch.labels().values())) == expected


@pytest.mark.rows("ACT-16")
def test_dead_units_are_counted():
    model = network()
    model.layers[0].bias.assign([-100.0, -100.0, 0.0, 0.0, 0.0])
    watch = callbacks.GradientHealth(every=1)
    fit(model, watch)
    hidden = next(iter(watch.dead[-1].values()))
    assert hidden == pytest.approx(0.4)
    rare = callbacks.GradientHealth(every=10)  # in 18 steps, 6 an epoch
    fit(network(), rare)
    assert rare.steps == [0, 10] and len(rare.dead) == 2
    assert all(fraction < 1 for layers in rare.dead for fraction in layers.values())


def test_more_records_in_an_epoch_than_the_buffer_holds(monkeypatch):
    whole, short = callbacks.GradientHealth(every=1), callbacks.GradientHealth(every=1)
    fit(network(), whole)
    monkeypatch.setattr(gradient_health, "ROWS", 4)  # an epoch has 6 steps
    fit(network(), short)
    assert short.steps == whole.steps == list(range(18))
    assert list(short.norms.values()) == list(whole.norms.values())


def test_a_model_without_matrices_has_no_dead_units():
    model = keras.Sequential([keras.Input((6,)), keras.layers.LayerNormalization()])
    model.compile("sgd", "mse")
    watch = callbacks.GradientHealth(every=1)
    model.fit(X, X, callbacks=[watch], verbose=0)
    assert watch.dead == [{}] and len(watch.norms) == 1


@pytest.mark.rows("DBG-03")
def test_labels_at_their_limits():
    assert [label(n) for n in (0.0, 9e-8, 1e-7, 100.0, 100.1, np.nan)] == [
        "zero",
        "vanishing",
        "ok",
        "ok",
        "exploding",
        "exploding",
    ]
    with pytest.raises(InvalidInput, match="a positive integer"):
        callbacks.GradientHealth(every=0)


class Stop(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 3:
            raise KeyboardInterrupt


def test_norms_in_mixed_precision_equal_those_in_float32():
    norms = []
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(0)
        layers = keras.layers.Dense(5, "relu", dtype=policy), keras.layers.Dense(3, dtype=policy)
        model = keras.Sequential([keras.Input((6,)), *layers])
        optimizer = keras.optimizers.SGD(0.0)  # so that skipped steps do not matter
        if policy != "float32":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**20)
        model.compile(optimizer, LOSS)
        watch = callbacks.GradientHealth(every=1)
        fit(model, watch)
        norms.append(np.array(list(watch.norms.values())))
    taken = np.isfinite(norms[1][0])
    assert not taken[0] and taken[6:].all()  # the scale is too large, so first steps are skipped
    assert np.isnan(norms[1][:, ~taken]).all() and set(watch.labels().values()) == {"ok"}
    np.testing.assert_allclose(norms[1][:, taken], norms[0][:, taken], rtol=0.01)


class Pair(keras.Model):
    """Two layers with an optimizer each, in a custom `train_step` as of a GAN."""

    def __init__(self):
        super().__init__()
        self.first, self.second = keras.layers.Dense(4, name="one"), keras.layers.Dense(1)
        self.build((None, 6))

    def build(self, shape):
        self.first.build(shape)
        self.second.build((None, 4))
        self.built = True

    def compile(self, **options):
        super().compile(**options)
        self.others = keras.optimizers.SGD(0.1)

    def train_step(self, data):
        x, _ = keras.utils.unpack_x_y_sample_weight(data)[:2]
        with tf.GradientTape(persistent=True) as tape:
            loss = keras.ops.mean(self.second(self.first(x)) ** 2)
        optimizer = self.optimizer if isinstance(self.optimizer, keras.optimizers.SGD) else self.own
        for each, layer in ((optimizer, self.first), (self.others, self.second)):
            weights = layer.trainable_variables
            each.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"loss": loss}


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("given", [True, False])
def test_unused_and_second_optimizers(given, at_once):
    model = Pair()
    model.own = keras.optimizers.SGD(0.1)
    options = {"optimizer": keras.optimizers.SGD(0.1)} if given else {}
    model.compile(steps_per_execution=at_once, **options)
    watch = callbacks.GradientHealth(every=5)
    fit(model, watch)
    assert watch.steps == [0, 5, 10, 15]
    assert len(watch.norms) == 2 and all(min(norms) > 0 for norms in watch.norms.values())


def test_an_interrupted_fit_does_not_affect_the_next():
    model, watch = network(), callbacks.GradientHealth(every=3)
    with pytest.raises(KeyboardInterrupt):
        fit(model, watch, Stop())
    fit(model, watch)
    assert watch.steps == [0, 3, 6, 9, 12, 15]
    assert not hasattr(model.train_function, "plain")


def test_two_callbacks_wrap_the_train_function_once_each():
    model, watching = network(), [callbacks.GradientHealth(every=n) for n in (3, 4)]
    depths = []

    class Depth(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            depths.append(len(list(gradient_health.chain(self.model.train_function))))

    fit(model, *watching, Depth())
    assert depths == [3, 3, 3]


def test_layers_that_are_unfrozen_later_are_not_recorded():
    model = network(keras.layers.Dense(5, "relu", name="frozen"))
    model.optimizer.build(model.trainable_variables)
    model.layers[0].trainable = False

    class Thaw(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.layers[0].trainable = True
                self.model.make_train_function(force=True)

    watch = callbacks.GradientHealth(every=1)
    fit(model, Thaw(), watch)
    assert [name.rpartition("/")[2] for name in watch.norms] == ["logits"]
    assert watch.steps == list(range(18))


def test_units_of_a_transposed_convolution_are_its_filters():
    layer = keras.layers.Conv2DTranspose(5, 2, activation="relu", name="turned")
    model = keras.Sequential([keras.Input((3, 3, 2)), layer, keras.layers.Flatten()])
    model.add(keras.layers.Dense(1))
    model.compile("sgd", "mse")
    layer.bias.assign([-100.0] * 4 + [1.0])
    watch = callbacks.GradientHealth(every=1)
    model.fit(RANDOM.normal(size=(8, 3, 3, 2)), np.ones((8, 1)), callbacks=[watch], verbose=0)
    assert next(iter(watch.dead[0].values())) == pytest.approx(0.8)


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(InvalidInput, match="below exploding"):
        callbacks.GradientHealth(vanishing=5, exploding=1)
