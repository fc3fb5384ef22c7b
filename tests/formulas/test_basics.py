"""Neurons and backpropagation, compared with Keras, GradientTape and finite differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import basics, gradients, initializers
from kerasdl.formulas.losses import binary_cross_entropy

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"and": [0, 0, 0, 1], "or": [0, 1, 1, 1], "xor": [0, 1, 1, 0]}


def most_right(targets, epochs=100):
    """Train a perceptron; return the largest number of corners that it classified correctly."""
    w, b, best = np.zeros(2), 0.0, 0
    for _ in range(epochs):
        for x, y in zip(CORNERS, targets, strict=True):
            w, b = basics.perceptron_update(x, y, w, b)
        best = max(best, int((basics.perceptron(CORNERS, w, b) == targets).sum()))
    return best


@pytest.mark.parametrize("gate", GATES)
def test_perceptron_learns_only_linearly_separable_gates(gate):
    assert (most_right(GATES[gate]) == 4) == (gate != "xor")


def test_perceptron_update_equals_scikit_learn(same):
    from sklearn.linear_model import Perceptron

    generator = np.random.default_rng(0)
    x, w, b = generator.normal(size=(50, 3)), np.zeros(3), 0.0
    y = (x @ [1.0, -2.0, 0.5] < 0.2).astype(int)
    assert y[0] == 0  # from zero weights, theirs would also update on a first target of 1
    theirs = Perceptron(max_iter=5, tol=None, shuffle=False).fit(x, y)
    for _ in range(5):
        for row, target in zip(x, y, strict=True):
            w, b = basics.perceptron_update(row, target, w, b)
    name = "sklearn.linear_model.Perceptron"
    same(basics.perceptron_update, name, w, theirs.coef_[0])
    same(basics.perceptron, name, basics.perceptron(x, w, b), theirs.predict(x))


@pytest.mark.rows("E-41")
def test_perceptron_fires_at_exactly_zero():
    assert basics.perceptron(np.array([1.0]), np.array([2.0]), -2.0) == 1
    assert basics.perceptron(CORNERS, np.array([1, 1]), -0.5).tolist() == GATES["or"]
    assert 0 < basics.logistic_neuron(np.array([1.0]), np.array([2.0]), -2.0) < 1


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_neuron_and_layer_equal_keras(activation, same):
    from kerasdl.formulas import activations

    generator = np.random.default_rng(0)
    w, b = generator.normal(size=(3, 4)), generator.normal(size=4)
    layer = keras.layers.Dense(4, activation=activation)
    layer.build((None, 3))
    layer.set_weights([w, b])
    x = generator.normal(size=(5, 3)).astype("float32")
    ours = basics.dense(x, w, b, getattr(activations, activation))
    same(basics.dense, "keras.layers.Dense", ours, layer(x))
    if activation == "sigmoid":
        ours = basics.logistic_neuron(x, w[:, 0], b[0])
        same(basics.logistic_neuron, "keras.layers.Dense", ours, layer(x)[:, 0])


def test_layers_without_activation_collapse_into_one(same):
    first, second, one = (keras.layers.Dense(n) for n in (5, 2, 2))
    x = np.random.default_rng(0).normal(size=(7, 3)).astype("float32")
    theirs = second(first(x))
    (w1, b1), (w2, b2) = first.get_weights(), second.get_weights()
    b1 += 1.0
    first.bias.assign(b1)
    theirs = second(first(x))
    w, b = basics.collapse(w1.T, b1, w2.T, b2)
    one.build((None, 3))
    one.set_weights([w.T, b])
    same(basics.collapse, "keras.layers.Dense after keras.layers.Dense", one(x), theirs)


@pytest.mark.rows("E-86")
def test_relus_approximate_a_sine_and_a_line_does_not(same):
    x = np.linspace(-np.pi, np.pi, 1001)
    errors = []
    for neurons in (2, 8, 32, 128):
        knots = np.linspace(-np.pi, np.pi, neurons + 1)
        ours = basics.universal_approximation(x, knots, np.sin(knots))
        same(
            basics.universal_approximation, "numpy.interp", ours, np.interp(x, knots, np.sin(knots))
        )
        errors.append(np.mean((ours - np.sin(x)) ** 2))
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 1e-4
    line = np.polyval(np.polyfit(x, np.sin(x), 1), x)
    assert np.mean((line - np.sin(x)) ** 2) == pytest.approx(0.196, abs=2e-3)


def test_the_approximation_equals_a_keras_network(same):
    x, knots = np.linspace(0, 3, 50), np.array([0.0, 1.0, 2.0, 3.0])
    values = np.array([1.0, -1.0, 0.5, 2.0])
    slopes = np.diff(values)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, "relu")])
    model.add(keras.layers.Dense(1))
    output = np.diff(slopes, prepend=0.0)[:, None]
    model.set_weights([np.ones((1, 3)), -knots[:-1], output, values[:1]])
    ours = basics.universal_approximation(x, knots, values)
    same(basics.universal_approximation, "keras.Sequential", ours, model(x[:, None])[:, 0])


@pytest.fixture
def problem():
    """Eight examples of three features as columns, targets, and weights of 4 hidden neurons."""
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape) for shape in ((4, 3), (4, 1), (1, 4), (1, 1))]
    return generator.normal(size=(3, 8)), generator.integers(0, 2, (1, 8)), weights


def backward(x, y, weights):
    z1, a1, _, a2 = basics.forward_propagation(x, *weights)
    return basics.backpropagation(x, y, z1, a1, a2, weights[2])


def test_backpropagation_equals_gradient_tape(problem, same):
    x, y, (w1, b1, w2, b2) = problem
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu")])
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.set_weights([w1.T, b1[:, 0], w2.T, b2[:, 0]])  # in Keras, rows are examples
    with tf.GradientTape() as tape:
        output = model(x.T.astype("float32"))
        loss = keras.losses.BinaryCrossentropy()(y.T, output)
    ours = basics.forward_propagation(x, *problem[2])[-1]
    same(basics.forward_propagation, "keras.Sequential", ours.T, output)
    by_tape = tape.gradient(loss, model.trainable_weights)
    ours = [np.reshape(g.T, t.shape) for g, t in zip(backward(*problem), by_tape, strict=True)]
    same(basics.backpropagation, "tf.GradientTape", ours, by_tape)


def test_backpropagation_equals_central_differences(problem, same):
    x, y, weights = problem

    def loss_of(weight, place):
        changed = [*weights[:place], weight, *weights[place + 1 :]]
        return binary_cross_entropy(y, basics.forward_propagation(x, *changed)[-1])

    for place, gradient in enumerate(backward(*problem)):
        slopes = gradients.central_differences(lambda w, i=place: loss_of(w, i), weights[place])
        same(basics.backpropagation, "central differences", gradient, slopes)


def test_chain_rule_equals_gradient_tape(same):
    w = tf.Variable(0.7)
    with tf.GradientTape() as tape:
        loss = (tf.sigmoid(w * 1.5 - 0.2) - 1.0) ** 2
    ours = basics.chain_rule(1.5, 1.0, 0.7, -0.2)
    same(basics.chain_rule, "tf.GradientTape", ours, tape.gradient(loss, w))


def test_neurons_with_equal_initial_weights_stay_equal_and_do_not_learn_xor():
    x, y = CORNERS.T, np.array([GATES["xor"]])
    weights = [np.zeros(shape) for shape in ((4, 2), (4, 1), (1, 4), (1, 1))]
    for _ in range(100):
        slopes = backward(x, y, weights)
        weights = [basics.gradient_descent(w, s, 0.5) for w, s in zip(weights, slopes, strict=True)]
    assert np.ptp(weights[0], axis=0).max() == 0
    loss = binary_cross_entropy(y, basics.forward_propagation(x, *weights)[-1])
    assert loss == pytest.approx(0.693147, abs=1e-6)


def test_gradient_descent_equals_keras_sgd(same):
    variable, optimizer, w = keras.Variable(1.0), keras.optimizers.SGD(0.1), 1.0
    for expected in (0.9, 0.81, 0.729, 0.6561, 0.59049):
        optimizer.apply([variable.value], [variable])  # f(w) = w^2 / 2
        w = basics.gradient_descent(w, w, 0.1)
        same(basics.gradient_descent, "keras.optimizers.SGD", w, variable.numpy(), at_most=1e-7)
        assert w == pytest.approx(expected)


@pytest.mark.parametrize(("rate", "after_100"), [(2.1, 1.1**100), (0.001, 0.999**100)])
def test_a_large_learning_rate_diverges_and_a_small_one_is_slow(rate, after_100):
    w = 1.0
    for _ in range(100):
        w = basics.gradient_descent(w, w, rate)
    assert w == pytest.approx(after_100)
    assert (abs(w) > 1) == (rate > 2)
    assert abs(w) > 0.9


@pytest.mark.parametrize(("batch_size", "steps"), [(1000, 1), (1, 1000), (32, 32)])
def test_steps_per_epoch_equal_the_batches_of_tf_data(batch_size, steps, same):
    batches = tf.data.Dataset.range(1000).batch(batch_size).cardinality()
    ours = basics.steps_per_epoch(1000, batch_size)
    same(basics.steps_per_epoch, "tf.data.Dataset.batch", ours, batches.numpy())
    assert ours == steps


@pytest.mark.parametrize("widths", [(784, 256, 10), (150_528, 10), (5, 1)])
def test_dense_parameters_equal_keras(widths, same):
    model = keras.Sequential([keras.Input(widths[:1]), *map(keras.layers.Dense, widths[1:])])
    ours = basics.dense_parameters(*widths)
    same(basics.dense_parameters, "keras.Model.count_params", ours, model.count_params())


def test_global_average_pooling_divides_the_weights_of_the_head_by_200(same):
    found = []
    for flat, units in (
        (keras.layers.Flatten(), 4096),
        (keras.layers.GlobalAveragePooling2D(), 1000),
    ):
        head = keras.layers.Dense(units, kernel_initializer="zeros", dtype="float16")
        found.append(keras.Sequential([keras.Input((7, 7, 512)), flat, head]).count_params())
    ours = [basics.dense_parameters(7 * 7 * 512, 4096), basics.dense_parameters(512, 1000)]
    name = "keras.Model.count_params after Flatten, after GlobalAveragePooling2D"
    same(basics.dense_parameters, name, ours, found, 0)
    assert found == [102_764_544, 513_000]


@pytest.mark.parametrize(
    ("image", "weights"), [((224, 224, 3), 150_528_000), ((256, 256, 3), 196_608_000)]
)
def test_weights_of_a_dense_layer_of_1000_units_on_an_image(image, weights):
    assert basics.dense_parameters(np.prod(image), 1000) - 1000 == weights


@pytest.mark.rows("E-38")
@pytest.mark.parametrize(
    ("activation", "deviation", "kept"),
    [
        ("sigmoid", initializers.xavier_deviation, lambda ratio: ratio < 1e-3),
        ("relu", lambda n_in, _: initializers.he_deviation(n_in), lambda ratio: ratio > 0.05),
        ("tanh", initializers.xavier_deviation, lambda ratio: ratio > 0.05),
    ],
)
def test_gradients_vanish_in_sigmoid_layers_but_not_in_relu_or_tanh(activation, deviation, kept):
    from kerasdl.formulas import activations

    generator = np.random.default_rng(0)
    f, slope = (getattr(activations, name) for name in (activation, f"{activation}_slope"))
    weights = [generator.normal(0, deviation(64, 64), (64, 64)) for _ in range(10)]
    a, z = generator.normal(size=(100, 64)), []
    inputs = []
    for w in weights:
        inputs.append(a)
        z.append(a @ w)
        a = f(z[-1])
    upstream, norms = a, []
    for w, x, before in zip(weights[::-1], inputs[::-1], z[::-1], strict=True):
        upstream = upstream * slope(before)
        norms.append(np.linalg.norm(x.T @ upstream))
        upstream = upstream @ w.T
    assert kept(norms[-1] / norms[0]), norms[-1] / norms[0]
