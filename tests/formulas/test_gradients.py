"""Derived gradients, compared with GradientTape, central differences and PyTorch."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import activations, attention, gradients, losses, normalization

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
CLIP = np.load(REFERENCE / "grad_clip.npz")
BPTT = np.load(REFERENCE / "bptt_grads.npz")
SDPA = np.load(REFERENCE / "sdpa.npz")


@pytest.fixture
def numbers():
    return np.random.default_rng(0).normal


def both(same, formula, ours, f, *arguments):
    """Assert that `ours` is the gradient of f, by GradientTape and by central differences."""
    variables = [tf.Variable(a, dtype="float64") for a in arguments]
    with tf.GradientTape() as tape:
        loss = f(*variables)
    same(formula, "tf.GradientTape", ours, tape.gradient(loss, variables), at_most=1e-9)
    for place, found in enumerate(ours):

        def moved(value, place=place):
            return f(*variables[:place], tf.constant(value), *variables[place + 1 :]).numpy()

        slopes = gradients.central_differences(moved, arguments[place])
        same(formula, "central differences", found, slopes)


def test_central_differences_equal_gradient_tape(numbers, same):
    w = tf.Variable(numbers(size=(2, 3)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(w) * w[0])
    ours = gradients.central_differences(lambda w: np.sum(np.sin(w) * w[0]), w.numpy())
    same(gradients.central_differences, "tf.GradientTape", ours, tape.gradient(loss, w))


@pytest.mark.parametrize(("factor", "layers"), [(0.25, 10), (0.9, 100), (1.1, 100)])
def test_gradient_through_layers_equals_gradient_tape(factor, layers, same):
    x = tf.Variable(1.0, dtype="float64")
    with tf.GradientTape() as tape:
        y = x
        for _ in range(layers):
            y = factor * y
    ours = gradients.through_layers(factor, layers)
    same(gradients.through_layers, "tf.GradientTape", ours, tape.gradient(y, x))


def stepped(values, **clip):
    """Return the gradients that Keras's SGD applies after clipping."""
    variables = [keras.Variable(np.zeros_like(value)) for value in values]
    keras.optimizers.SGD(1.0, **clip).apply([tf.constant(v) for v in values], variables)
    return [-variable.numpy() for variable in variables]


def test_clipping_by_value_and_by_norm_equals_keras(same):
    values = [np.float32([3, -4, 0.2]), np.float32([0.1, 0.2])]
    ours = [gradients.clip_by_value(value, 0.5) for value in values]
    same(gradients.clip_by_value, "keras clipvalue", ours, stepped(values, clipvalue=0.5))
    ours = [gradients.clip_by_norm(value, 1.0) for value in values]
    same(gradients.clip_by_norm, "keras clipnorm", ours, stepped(values, clipnorm=1.0))
    np.testing.assert_array_equal(ours[1], values[1])  # its norm is below 1


def test_clipping_by_global_norm_equals_keras_and_pytorch(same):
    ours = gradients.clip_by_global_norm
    values = [np.float32([3]), np.float32([4])]
    same(ours, "keras global_clipnorm", ours(values, 1.0), stepped(values, global_clipnorm=1.0))
    assert np.allclose(stepped(values, clipnorm=1.0), 1)  # clipnorm clips each by itself
    values = [CLIP["g0"], CLIP["g1"]]
    theirs = [CLIP["c0"], CLIP["c1"]]
    same(ours, "torch.nn.utils.clip_grad_norm_ (fixture)", ours(values, 2.0), theirs)


def test_clipping_bounds_an_exploding_gradient():
    u, g = 1.1 * np.eye(4), np.ones(4)
    for _ in range(100):
        g = g @ u
    assert np.linalg.norm(g) == pytest.approx(2 * 13_780.6, rel=1e-4)
    assert np.linalg.norm(gradients.clip_by_global_norm([g], 1.0)) == pytest.approx(1)


def test_softmax(numbers, same):
    z, upstream = numbers(size=(3, 4)), numbers(size=(3, 4))
    ours = [gradients.softmax_gradient(z, upstream)]
    both(
        same,
        gradients.softmax_gradient,
        ours,
        lambda z: tf.reduce_sum(tf.nn.softmax(z) * upstream),
        z,
    )


def test_softmax_with_cross_entropy(numbers, same):
    z, y = numbers(size=(6, 5)), np.array([0, 4, 2, 2, 1, 3])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
    ours = [gradients.cross_entropy_gradient(z, y)]
    both(same, gradients.cross_entropy_gradient, ours, lambda z: loss(y, z), z)
    np.testing.assert_allclose(ours[0], (activations.softmax(z) - np.eye(5)[y]) / 6)


def test_sigmoid_with_binary_cross_entropy_has_the_same_gradient(numbers):
    z, y = numbers(size=6), np.array([0, 1, 1, 0, 1, 0])
    slopes = gradients.central_differences(
        lambda z: losses.binary_cross_entropy(y, activations.sigmoid(z)), z
    )
    np.testing.assert_allclose(slopes, (activations.sigmoid(z) - y) / 6, atol=1e-6)


def test_batch_normalization(numbers, same):
    x, gamma, upstream = numbers(size=(7, 3)), numbers(size=3), numbers(size=(7, 3))

    def loss(x, gamma, beta):
        mean, variance = tf.nn.moments(x, [0])
        y = tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)
        return tf.reduce_sum(y * upstream)

    ours = gradients.batch_normalization_gradient(x, gamma, upstream)
    both(same, gradients.batch_normalization_gradient, ours, loss, x, gamma, np.zeros(3))
    np.testing.assert_allclose(ours[0].sum(axis=0), 0, atol=1e-12)


def test_batch_normalization_equals_the_gradient_of_the_keras_layer(numbers, same):
    x, upstream = numbers(size=(7, 3)).astype("float32"), numbers(size=(7, 3))
    layer, variable = keras.layers.BatchNormalization(), tf.Variable(x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(variable, training=True) * upstream.astype("float32"))
    theirs = tape.gradient(loss, [variable, layer.gamma.value, layer.beta.value])
    ours = gradients.batch_normalization_gradient(x, np.ones(3), upstream)
    name = "tf.GradientTape through keras.layers.BatchNormalization"
    same(gradients.batch_normalization_gradient, name, ours, theirs)
    assert normalization.batch_normalization(x).shape == x.shape


def test_attention(numbers, same):
    q, k, v = (SDPA[name][0, 0].astype("float64") for name in "qkv")
    upstream = numbers(size=attention.attention(q, k, v).shape)

    def loss(q, k, v):
        scores = tf.matmul(q, k, transpose_b=True) / q.shape[-1] ** 0.5
        return tf.reduce_sum(tf.nn.softmax(scores) @ v * upstream)

    ours = gradients.attention_gradient(q, k, v, upstream)
    both(same, gradients.attention_gradient, ours, loss, q, k, v)


def recurrent(name="rnn"):
    """Return the inputs, all states beginning with zeros, and the weights W, U and b."""
    w, u = BPTT[f"{name}.w.weight_ih_l0"].T, BPTT[f"{name}.w.weight_hh_l0"].T
    b = BPTT[f"{name}.w.bias_ih_l0"] + BPTT[f"{name}.w.bias_hh_l0"]
    x, states = BPTT["x"][0], [np.zeros(4)]
    for now in x:
        states.append(np.tanh(now @ w + states[-1] @ u + b))
    return x, np.array(states), w, u, b


def test_gradient_of_the_inputs_through_time_equals_pytorch(same):
    x, states, w, u, _ = recurrent()
    upstream = np.zeros((30, 4))
    upstream[-1] = 1  # the loss is the sum of the last state
    found = gradients.backpropagation_through_time(x, states, w, u, upstream)[0]
    name = "torch.nn.RNN (fixture)"
    same(gradients.backpropagation_through_time, name, found, BPTT["rnn_grad"][0])
    norms = np.linalg.norm(found, axis=-1)
    assert norms[0] < 1e-3 * norms[-1]  # the gradient vanishes


def test_backpropagation_through_time_equals_gradient_tape(numbers, same):
    x, states, w, u, b = recurrent()
    upstream = numbers(size=(30, 4))

    def loss(x, w, u, b):
        h, total = tf.zeros(4, "float64"), 0.0
        for t in range(30):
            h = tf.tanh(tf.linalg.matvec(w, x[t], True) + tf.linalg.matvec(u, h, True) + b)
            total += tf.reduce_sum(h * upstream[t])
        return total

    variables = [tf.Variable(a, dtype="float64") for a in (x, w, u, b)]
    with tf.GradientTape() as tape:
        value = loss(*variables)
    ours = gradients.backpropagation_through_time(x, states, w, u, upstream)
    theirs = tape.gradient(value, variables)
    same(gradients.backpropagation_through_time, "tf.GradientTape", ours, theirs, at_most=1e-5)

    def of_recurrent(value):
        return loss(x.astype("float64"), w.astype("float64"), value, b.astype("float64")).numpy()

    slopes = gradients.central_differences(of_recurrent, u)
    name = "central differences"
    same(gradients.backpropagation_through_time, name, ours[2], slopes, at_most=1e-5)


def test_backpropagation_through_three_linear_steps():
    states = np.array([[0.0], [0.5], [0.9], [1.22]])
    upstream = np.array([[0.0], [0.0], [2 * (1.22 - 1)]])  # E = (y - d)^2
    assert pytest.approx(0.0484) == (1.22 - 1) ** 2
    _, dw, du, _ = gradients.backpropagation_through_time(
        np.ones((3, 1)), states, np.array([[0.5]]), np.array([[0.8]]), upstream, np.ones_like
    )
    assert du[0, 0] == pytest.approx(0.572)
    assert dw[0, 0] == pytest.approx(1.0736)


@pytest.mark.rows("E-13")
def test_recurrent_jacobian_uses_the_state_of_its_own_step(same):
    x, states, w, u, b = recurrent()
    h = tf.Variable(states[4])
    with tf.GradientTape() as tape:
        after = tf.tanh(x[4] @ w + b + tf.linalg.matvec(u.T.astype("float64"), h))
    theirs = tape.jacobian(after, h)
    ours = gradients.recurrent_jacobian(states[5], u.T)
    same(gradients.recurrent_jacobian, "tf.GradientTape", ours, theirs)
    assert np.abs(gradients.recurrent_jacobian(states[4], u.T) - theirs).max() > 0.01


@pytest.mark.rows("E-14")
def test_a_singular_value_above_one_is_not_sufficient_for_exploding_gradients():
    u = np.array([[0.0, 2.0], [0.0, 0.0]])
    assert np.linalg.norm(u, 2) == 2
    zero = np.zeros(2)
    jacobian = gradients.recurrent_jacobian(zero, u)
    np.testing.assert_array_equal(jacobian @ gradients.recurrent_jacobian(zero, u), 0)
    for c, after in ((0.9, 0.1216), (1.1, 6.7275)):
        jacobian = gradients.recurrent_jacobian(zero, c * np.eye(2))
        assert np.linalg.norm(np.linalg.matrix_power(jacobian, 20), 2) == pytest.approx(
            after, rel=1e-3
        )
