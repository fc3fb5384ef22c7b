"""Optimizers, compared with Keras step by step and with sequences computed by hand."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import optimizers as package_optimizers
from kerasdl.formulas import basics, optimizers, regularization

START = np.array([1.0, -2.0, 0.5, 3.0])
RATE = 2**-5
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2**-10}


def slope(w):
    """Gradient of a function that is 50 times steeper along the second axis than the first."""
    return np.array([1.0, 50.0, 3.0, 0.2]) * np.sin(w)


class Keras:
    """Take steps of a Keras optimizer in float64.

    Keras stores hyperparameters in float32, where 1 - 0.999 has only four exact digits, so the
    tests use powers of two.
    """

    def __init__(self, optimizer, start=START):
        self.optimizer, self.variable = optimizer, keras.Variable(start, dtype="float64")

    def step(self, gradient):
        gradient = np.reshape(gradient, self.variable.shape)
        self.optimizer.apply([tf.constant(gradient, "float64")], [self.variable])
        return self.variable.numpy()


def together(same, formula, name, optimizer, *state, **options):
    """Compare ten steps; `formula` takes and returns w and its state."""
    theirs, w = Keras(optimizer), START
    for _ in range(10):
        gradient = slope(theirs.variable.numpy())
        w, *state = formula(w, gradient, *state, learning_rate=RATE, **options)
        same(formula, name, w, theirs.step(gradient), at_most=1e-12)


@pytest.mark.parametrize("formula", [optimizers.momentum, optimizers.momentum_downhill])
def test_momentum_equals_keras(formula, same):
    keras_sgd = keras.optimizers.SGD(RATE, momentum=0.875)
    together(same, formula, "keras.optimizers.SGD", keras_sgd, 0.0, decay=0.875)


def test_momentum_of_gradients_equals_keras_at_a_constant_learning_rate(same):
    keras_sgd = keras.optimizers.SGD(RATE, momentum=0.875)
    together(
        same, optimizers.momentum_of_gradients, "keras.optimizers.SGD", keras_sgd, 0.0, decay=0.875
    )


def test_nesterov_ahead_equals_keras(same):
    keras_sgd = keras.optimizers.SGD(RATE, momentum=0.875, nesterov=True)
    together(
        same,
        optimizers.nesterov_ahead,
        "keras.optimizers.SGD (nesterov)",
        keras_sgd,
        0.0,
        decay=0.875,
    )


def test_adagrad_equals_keras(same):
    theirs = keras.optimizers.Adagrad(RATE, initial_accumulator_value=0.0)
    together(same, optimizers.adagrad, "keras.optimizers.Adagrad", theirs, 0.0)


def test_rmsprop_equals_keras(same):
    theirs = keras.optimizers.RMSprop(RATE, rho=0.875)
    together(same, optimizers.rmsprop, "keras.optimizers.RMSprop", theirs, 0.0, decay=0.875)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3])
@pytest.mark.parametrize("formula", [optimizers.adam, optimizers.adamw])
def test_adam_equals_keras_after_converting_epsilon(formula, epsilon, same):
    name, decay = {"adam": ("Adam", {}), "adamw": ("AdamW", {"weight_decay": 2**-8})}[
        formula.__name__
    ]
    theirs = Keras(getattr(keras.optimizers, name)(RATE, epsilon=epsilon, **BETAS, **decay))
    w, state = START, (0.0, 0.0)
    for t in range(1, 11):
        gradient = slope(theirs.variable.numpy())
        ours = epsilon / np.sqrt(1 - BETAS["beta_2"] ** t)
        w, *state = formula(w, gradient, *state, t, RATE, **decay, **BETAS, epsilon=ours)
        expected = theirs.step(gradient)
        same(formula, f"keras.optimizers.{name}", w, expected, at_most=1e-12)


def test_adam_with_the_published_epsilon_is_close_to_keras():
    theirs, w, m, v = Keras(keras.optimizers.Adam(RATE, epsilon=1e-8)), START, 0.0, 0.0
    for t in range(1, 11):
        gradient = slope(theirs.variable.numpy())
        w, m, v = optimizers.adam(w, gradient, m, v, t, RATE)
        np.testing.assert_allclose(w, theirs.step(gradient), rtol=1e-4)


def test_adam_without_correction_equals_keras_with_the_correction_removed(same):
    theirs, w, m, v = Keras(keras.optimizers.Adam(RATE, epsilon=1e-8, **BETAS)), START, 0.0, 0.0
    for t in range(1, 11):
        gradient = slope(theirs.variable.numpy())
        theirs.optimizer.learning_rate = (
            RATE * (1 - BETAS["beta_1"] ** t) / np.sqrt(1 - BETAS["beta_2"] ** t)
        )
        w, m, v = optimizers.adam_without_correction(w, gradient, m, v, RATE, **BETAS)
        name = "keras.optimizers.Adam without its bias correction"
        expected = theirs.step(gradient)
        same(optimizers.adam_without_correction, name, w, expected)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_newton_schulz_equals_keras_and_brings_singular_values_near_1(shape, same):
    matrix = np.random.default_rng(0).normal(size=shape).astype("float32")
    theirs = keras.optimizers.Muon().zeropower_via_newtonschulz5(tf.constant(matrix), 5)
    ours = optimizers.newton_schulz(matrix)
    same(optimizers.newton_schulz, "keras.optimizers.Muon", ours, theirs, at_most=1e-5)
    left, values, right = np.linalg.svd(matrix / np.linalg.norm(matrix), full_matrices=False)
    for _ in range(5):
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    np.testing.assert_allclose(ours, left * values @ right, atol=1e-4)
    assert (values > 0.6).all() and (values < 1.3).all()


@pytest.mark.parametrize(
    ("package", "dtype", "at_most"),
    [(keras.optimizers, "float32", 1e-5), (package_optimizers, "float64", 1e-6)],
)
def test_muon_equals_keras_and_the_optimizer_of_this_package(package, dtype, at_most, same):
    generator = np.random.default_rng(0)
    start = w = generator.normal(size=(4, 3))
    kernel = keras.Variable(start, dtype=dtype, name="kernel")
    optimizer, velocity = package.Muon(RATE, momentum=0.875, weight_decay=None), 0.0
    for _ in range(5):
        gradient = generator.normal(size=(4, 3))
        w, velocity = optimizers.muon(w, gradient, velocity, RATE, 0.875)
        optimizer.apply([tf.constant(gradient, dtype)], [kernel])
        name = f"{package.__name__.partition('.src')[0]}.Muon"
        same(optimizers.muon, name, w, kernel.numpy(), at_most)


def walk(formula, steps, start=1.0, gradient=lambda w: w, **options):
    """Return the iterates of a rule with one state variable, by default on f(w) = w^2 / 2."""
    w, state, places = start, 0.0, []
    for _ in range(steps):
        w, state = formula(w, gradient(w), state, **options)
        places.append(w)
    return np.array(places)


@pytest.mark.rows("E-46")
@pytest.mark.parametrize(
    "formula",
    [optimizers.momentum, optimizers.momentum_downhill, optimizers.momentum_of_gradients],
)
def test_three_forms_of_momentum_give_the_same_iterates(formula):
    expected = [0.9, 0.72, 0.486, 0.2268, -0.02916]
    np.testing.assert_allclose(walk(formula, 5, learning_rate=0.1), expected)


@pytest.mark.rows("E-47")
def test_adding_the_last_gradient_is_not_momentum():
    w, last, places = 1.0, 0.0, []
    for _ in range(3):
        w, last = w - 0.1 * (w + 0.9 * last), w
        places.append(w)
    ours = walk(optimizers.momentum, 3, learning_rate=0.1)
    np.testing.assert_allclose(places[:2], ours[:2])
    assert abs(places[2] - ours[2]) > 0.05


@pytest.mark.rows("E-46")
def test_the_third_form_differs_when_the_learning_rate_changes():
    ends = []
    for formula in (
        optimizers.momentum,
        optimizers.momentum_downhill,
        optimizers.momentum_of_gradients,
    ):
        w, velocity = 1.0, 0.0
        for rate in (0.1, 0.1, 0.01):
            w, velocity = formula(w, w, velocity, rate)
        ends.append(w)
    assert ends[0] == pytest.approx(ends[1])
    assert abs(ends[0] - ends[2]) > 0.05


@pytest.mark.rows("E-48")
def test_published_nesterov_equals_keras_shifted_by_the_velocity(same):
    theirs = Keras(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), [1.0])
    w, v, ahead, known = 1.0, 0.0, [], []
    for _ in range(5):
        w, v = optimizers.nesterov(w, lambda w: w, v, learning_rate=0.1)
        known.append(w)
        ahead.append(theirs.step(theirs.variable.numpy())[0])
        behind = ahead[-1] - 0.9 * theirs.optimizer.variables[2].numpy()[0]
        same(optimizers.nesterov, "keras.optimizers.SGD (nesterov), shifted", w, behind)
    np.testing.assert_allclose(known, [0.9, 0.729, 0.51759, 0.294589, 0.084499], atol=1e-6)
    np.testing.assert_allclose(ahead[:3], [0.81, 0.5751, 0.327321], atol=1e-6)


@pytest.mark.parametrize(
    ("formula", "rate", "expected"),
    [
        (optimizers.adagrad, 0.1, [0.9, 0.833104, 0.780456]),
        (optimizers.rmsprop, 0.01, [0.968377, 0.945788, 0.927053]),
    ],
)
def test_adaptive_learning_rates_give_known_iterates(formula, rate, expected):
    np.testing.assert_allclose(walk(formula, 3, learning_rate=rate), expected, atol=1e-6)


def adam_steps(gradients, formula=optimizers.adam):
    """Return the length of each step."""
    w, state, places = 0.0, (0.0, 0.0), [0.0]
    for t, gradient in enumerate(gradients, 1):
        w, *state = formula(w, gradient, *state, *([t] if formula is optimizers.adam else []))
        places.append(w)
    return -np.diff(places)


@pytest.mark.rows("E-45")
def test_adams_first_step_is_the_learning_rate_or_3_times_it_without_correction():
    np.testing.assert_allclose(adam_steps([5.0] * 4), 1e-3 * (1 - 2e-9), rtol=1e-9)
    first = adam_steps([5.0], optimizers.adam_without_correction)
    assert first[0] == pytest.approx(3.1623e-3, rel=1e-4)


def test_adam_moves_little_when_gradients_change_sign():
    expected = 1e-3 * np.array([1, -0.0526, 0.3358, -0.0526])
    np.testing.assert_allclose(adam_steps([5.0, -5.0, 5.0, -5.0]), expected, atol=1e-7)
    m, v = 0.0, 0.0
    for t, gradient in enumerate((5.0, -5.0, 5.0, -5.0), 1):
        _, m, v = optimizers.adam(0.0, gradient, m, v, t)
        assert v / (1 - 0.999**t) == pytest.approx(25)


def test_adams_steps_do_not_depend_on_the_size_of_gradients():
    gradients = np.array([100.0, 0.01])
    w, _, _ = optimizers.adam(np.zeros(2), gradients)
    assert w[0] / w[1] == pytest.approx(1, abs=1e-5)
    w = basics.gradient_descent(np.zeros(2), gradients)
    assert w[0] / w[1] == pytest.approx(1e4)


def test_adamw_decays_weights_and_adam_normalizes_an_l2_penalty():
    assert optimizers.adamw(1.0, 0.0, learning_rate=0.1, weight_decay=0.1)[0] == pytest.approx(0.99)
    penalty = 2 * regularization.l2_penalty(1.0, 0.05)  # its gradient at w = 1
    assert optimizers.adam(1.0, penalty, learning_rate=0.1)[0] == pytest.approx(0.9)


def steps_down_a_ravine(decay):
    w, v, steps = np.ones(2), np.zeros(2), 0
    while np.sum([1, 50] * w**2) / 2 >= 1e-3:
        w, v = optimizers.momentum(w, [1, 50] * w, v, 0.03, decay)
        steps += 1
    return steps


def test_momentum_needs_a_third_of_the_steps_in_a_narrow_valley():
    assert steps_down_a_ravine(0.0) == 103
    assert steps_down_a_ravine(0.8) == 32


@pytest.mark.parametrize(("decay", "end", "height"), [(0.0, 0.651, -0.114), (0.9, -0.753, -0.396)])
def test_momentum_leaves_a_local_minimum(decay, end, height):
    places = walk(
        optimizers.momentum,
        2000,
        start=1.2,
        gradient=lambda x: 4 * x**3 - 2 * x + 0.2,
        learning_rate=0.02,
        decay=decay,
    )
    x = places[-1]
    assert x == pytest.approx(end, abs=1e-3)
    assert x**4 - x**2 + 0.2 * x == pytest.approx(height, abs=1e-3)


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        (optimizers.momentum, "SGD"),
        (optimizers.adagrad, "Adagrad"),
        (optimizers.rmsprop, "RMSprop"),
        (optimizers.adam, "Adam"),
        (optimizers.adamw, "AdamW"),
    ],
)
def test_default_learning_rates_equal_keras_and_lower_the_loss(formula, name, same):
    rate = optimizers.default_rate(name)
    theirs = getattr(keras.optimizers, name)().learning_rate
    same(optimizers.default_rate, "keras.optimizers, default", rate, theirs)
    assert inspect.signature(formula).parameters["learning_rate"].default == rate
    w, (_, *state) = START, formula(START, 0 * START)
    for _ in range(200):
        w, *state = formula(w, [1, 50, 3, 0.2] * w, *state)
    assert np.sum([1, 50, 3, 0.2] * w**2) < np.sum([1, 50, 3, 0.2] * START**2)


def test_default_learning_rates_of_keras():
    table = {"SGD": (0.01, 0.1), "Adam": (1e-3, 1e-3), "RMSprop": (1e-3, 1e-3)}
    assert all(low <= optimizers.default_rate(name) <= high for name, (low, high) in table.items())
    assert optimizers.default_rate("AdamW") >= 10 * 1e-4
