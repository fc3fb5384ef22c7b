"""Learning rate schedules, compared with Keras, the package, PyTorch and transformers."""

import functools
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl.schedules
from kerasdl.formulas import schedules

TORCH = np.load(pathlib.Path(__file__).parents[1] / "reference" / "lr_schedules.npz")
T = np.arange(40)
LATE = np.arange(0, 200, 7)  # beyond the end of each schedule
COSINE = functools.partial(schedules.cosine_annealing, steps=32)
LINE = functools.partial(schedules.polynomial_decay, steps=32)
BENT = functools.partial(schedules.polynomial_decay, steps=32, power=2, lowest=1e-4)
ROOT = functools.partial(schedules.inverse_square_root, steps=8)
WARM = {"peak": 0.1, "warm_up_steps": 8, "steps": 40}
CYCLE = {"lowest": 0.01, "highest": 0.1, "half": 5}


@pytest.mark.parametrize(
    ("formula", "options", "name"),
    [
        (schedules.step_decay, {}, "step"),
        (schedules.exponential_decay, {"rate": -np.log(0.9)}, "exp"),
        (schedules.cosine_annealing, {"steps": 40, "lowest": 1e-3}, "cosine"),
        (schedules.polynomial_decay, {"steps": 30, "power": 2}, "poly"),
        (schedules.polynomial_decay, {"initial": 0.01, "steps": 10, "lowest": 0.1}, "linear"),
        (schedules.cyclical, CYCLE, "cyclic_tri"),
        (schedules.cyclical, CYCLE | {"factor": 0.5, "per": "cycle"}, "cyclic_tri2"),
        (schedules.cyclical, CYCLE | {"factor": 0.98}, "cyclic_exp"),
        (schedules.one_cycle, {"steps": 40, "rise": 11.3 / 40}, "onecycle_cos"),
        (schedules.one_cycle_momentum, {"steps": 40, "rise": 11.3 / 40}, "onecycle_cos_momentum"),
        (schedules.warm_up, {"schedule": LINE, "steps": 8}, "hf_linear_warm"),
        (schedules.warm_up, {"schedule": COSINE, "steps": 8}, "hf_cosine_warm"),
        (schedules.warm_up, {"schedule": BENT, "steps": 8}, "hf_poly"),
        (schedules.warm_up, {"schedule": ROOT, "steps": 8}, "hf_invsqrt"),
        (schedules.warm_up_cosine, WARM, "hf_cosine_warm"),
    ],
)
def test_formulas_equal_pytorch_and_transformers(formula, options, name, same):
    library = "transformers" if name.startswith("hf") else "torch.optim.lr_scheduler"
    same(formula, f"{library} (fixture)", formula(T, **options), TORCH[name], at_most=1e-9)


def test_inverse_square_root_and_triangle_equal_their_libraries(same):
    ours = schedules.inverse_square_root(T[8:] - 8, steps=8)
    same(schedules.inverse_square_root, "transformers (fixture)", ours, TORCH["hf_invsqrt"][8:])
    height = (TORCH["cyclic_tri"] - 0.01) / 0.09
    name = "torch.optim.lr_scheduler (fixture)"
    same(schedules.triangle, name, schedules.triangle(T, 5), height)


def test_transformer_schedule_equals_the_paper(same):
    ours = schedules.transformer(TORCH["noam_steps"])
    same(
        schedules.transformer,
        "numbers of the paper (fixture)",
        ours,
        TORCH["noam_d512_w4000"],
        1e-9,
    )
    theirs = kerasdl.schedules.WarmUp(
        kerasdl.schedules.InverseSquareRoot((512 * 4000) ** -0.5, 4000), 4000
    )
    name = "kerasdl.schedules.WarmUp"
    same(schedules.transformer, name, ours, [theirs(t) for t in TORCH["noam_steps"]], 1e-9)


def package():
    """List each formula, its options, and the class that training uses."""
    ours, theirs = kerasdl.schedules, keras.optimizers.schedules
    return [
        (schedules.step_decay, {}, theirs.ExponentialDecay(0.1, 10, 0.5, staircase=True)),
        (schedules.step_decay, {"every": 200}, theirs.PiecewiseConstantDecay([1000], [0.1, 0.05])),
        (schedules.exponential_decay, {}, theirs.ExponentialDecay(0.1, 1, np.exp(-0.05))),
        (schedules.cosine_annealing, {"lowest": 1e-3}, theirs.CosineDecay(0.1, 100, alpha=0.01)),
        (schedules.polynomial_decay, {"power": 2.0}, theirs.PolynomialDecay(0.1, 100, 0.0, 2.0)),
        (schedules.range_test, {}, theirs.ExponentialDecay(1e-7, 100, 1e7)),
        (schedules.inverse_square_root, {}, ours.InverseSquareRoot(0.1, 100)),
        (schedules.cyclical, {}, ours.Cyclical(1e-4, 1e-2, 100)),
        (schedules.one_cycle, {}, ours.OneCycle(0.1, 100)),
        (
            schedules.warm_up,
            {"schedule": schedules.cosine_annealing, "steps": 10},
            ours.WarmUp(theirs.CosineDecay(0.1, 100), 10),
        ),
        (
            schedules.warm_up_cosine,
            {"peak": 0.1, "warm_up_steps": 10, "steps": 110},
            ours.WarmUp(theirs.CosineDecay(0.1, 100), 10),
        ),
    ]


@pytest.mark.parametrize("index", range(11))
def test_formulas_equal_the_schedules_of_training_beyond_their_end(index, same):
    formula, options, schedule = package()[index]
    module = "kerasdl" if "kerasdl" in type(schedule).__module__ else "keras.optimizers"
    name = f"{module}.schedules.{type(schedule).__name__}"
    t = LATE[LATE <= 100] if formula is schedules.range_test else LATE
    same(formula, name, formula(t, **options), [schedule(step) for step in t], at_most=3e-7)


def test_one_cycle_momentum_and_triangle_equal_the_package(same):
    schedule = kerasdl.schedules.OneCycle(0.1, 100)
    callback = kerasdl.schedules.CycleMomentum(schedule)
    ours = schedules.one_cycle_momentum(LATE)
    name = "kerasdl.schedules.CycleMomentum"
    same(schedules.one_cycle_momentum, name, ours, [callback.momentum(t) for t in LATE])
    theirs = kerasdl.schedules.Cyclical(0.0, 1.0, 100)
    ours = schedules.triangle(LATE, 100)
    same(schedules.triangle, "kerasdl.schedules.Cyclical", ours, [theirs(t) for t in LATE])


def test_constant_equals_an_optimizer_without_a_schedule(same):
    optimizer, variable, found = keras.optimizers.SGD(0.1), keras.Variable(0.0), []
    for _ in range(3):
        found.append(optimizer.learning_rate)
        optimizer.apply([tf.constant(1.0)], [variable])
    same(schedules.constant, "keras.optimizers.SGD", schedules.constant(np.arange(3)), found)


@pytest.mark.parametrize(
    ("losses", "patience"),
    [([1, 0.9, 0.9, 0.9, 0.9], 2), ([3, 2, 2, 2, 1, 1, 1, 1, 1, 1], 2), ([1, 0.9, 0.8, 0.8], 0)],
)
def test_reduce_on_plateau_equals_keras(losses, patience, same):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1))
    callback = keras.callbacks.ReduceLROnPlateau("loss", 0.5, patience, min_delta=0)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"loss": loss})
        rates.append(float(model.optimizer.learning_rate))
    ours = schedules.reduce_on_plateau(losses, patience=patience)
    same(schedules.reduce_on_plateau, "keras.callbacks.ReduceLROnPlateau", ours, rates)


def test_cosine_decay_of_keras_ends_at_its_alpha():
    rate = keras.optimizers.schedules.CosineDecay(0.001, decay_steps=10_000, alpha=0.0)
    for step, expected in ((0, 0.001), (5000, 0.0005), (10_000, 0.0), (20_000, 0.0)):
        assert float(rate(step)) == pytest.approx(expected, abs=1e-9)
        assert schedules.cosine_annealing(step, 0.001, 10_000) == pytest.approx(expected, abs=1e-9)


def test_one_cycle_has_one_peak_and_ends_below_its_start():
    rates = schedules.one_cycle(np.arange(101))
    assert np.sum(np.diff(np.sign(np.diff(rates))) != 0) == 1
    assert rates[-1] < rates[0] < rates.max()


@pytest.mark.rows("E-10")
def test_a_schedule_with_a_python_if_fails_in_fit_and_ours_does_not():
    class Notes(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            if step < 2:
                return 0.1 * step / 2
            return 0.05 * (1 + keras.ops.cos(np.pi * (step - 2) / 8))

    def fit(schedule):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(schedule), "mse")
        model.fit(np.ones((12, 1)), np.ones((12, 1)), 1, verbose=0)
        return float(model.optimizer.learning_rate)

    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        fit(Notes())
    assert float(Notes()(14.0)) > 0.02
    ours = kerasdl.schedules.WarmUp(keras.optimizers.schedules.CosineDecay(0.1, 8), 2)
    assert fit(ours) == 0
    assert schedules.warm_up_cosine(12_000) == 0


def test_steepest_equals_the_minimum_of_gradient_tapes_derivative(same):
    rates = schedules.range_test(np.arange(101), 1e-5)
    x = tf.Variable(np.log(rates))
    with tf.GradientTape() as tape:  # the loss falls around e^-5 and rises near 1
        losses = -tf.sigmoid(2 * (x + 5)) + tf.exp(3 * x)
    expected = rates[np.argmin(tape.gradient(losses, x))]
    same(schedules.steepest, "tf.GradientTape", schedules.steepest(rates, losses), expected)
    assert schedules.steepest(rates, losses) == pytest.approx(np.exp(-5), rel=0.1)
