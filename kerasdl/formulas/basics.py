"""Neurons: what one computes, how one learns, and how errors flow back through two layers.

The perceptron takes examples as rows. The two-layer network is written as in the notes, examples
as columns, so that `W x` reads like the equation; Keras has rows, which transposes every matrix.
"""

import itertools
import math

import numpy as np

from kerasdl.formulas.activations import relu, sigmoid, sigmoid_slope, step


def perceptron(x, w, b):
    """The classic neuron: a weighted vote and a threshold.

        y = step(w . x + b)

    One of the notes calls the neuron with a sigmoid a perceptron; see `logistic_neuron`.

    Spec: BAS-05, E-41

    >>> corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> perceptron(corners, np.array([1, 1]), -1.5).tolist()  # AND
    [0, 0, 0, 1]
    """
    return step(x @ w + b)


def perceptron_update(x, y, w, b, learning_rate=1.0):
    """Rosenblatt's learning rule: after a mistake, turn towards the example or away from it.

        w <- w + eta (y - y^) x        b <- b + eta (y - y^)

    Spec: BAS-07

    >>> perceptron_update(np.array([1.0, 0.0]), 0, np.zeros(2), 0.0)  # said 1, should be 0
    (array([-1.,  0.]), -1.0)
    """
    mistake = y - perceptron(x, w, b)
    return w + learning_rate * mistake * x, float(b + learning_rate * mistake)


def logistic_neuron(x, w, b):
    """A neuron with a sigmoid: its answer is a probability and has a slope to learn from.

        y = sigma(w . x + b)

    Spec: BAS-06, E-41

    >>> round(float(logistic_neuron(np.array([0.5, 0.3, 0.2]), np.ones(3), 0.0)), 6)
    0.731059
    """
    return sigmoid(x @ w + b)


def dense(x, w, b, activation=relu):
    """A layer of a multilayer perceptron: neurons side by side, each of which sees all of x.

        y = f(x W + b)

    Spec: BAS-08, TRF-39

    >>> dense(np.array([[1.0, 2.0]]), np.eye(2), np.array([0.0, -3.0])).tolist()
    [[1.0, 0.0]]
    """
    return activation(x @ w + b)


def dense_parameters(*widths):
    """Weights and biases of fully connected layers of these widths.

        N = sum( n_in n_out + n_out )

    An image of 224 x 224 x 3 before 1000 neurons takes 150 million weights.

    Spec: BAS-04, BAS-25, AEN-02, AEN-03, AEN-04, AEN-14, CNA-28, GAN-05, TRL-02

    >>> dense_parameters(784, 256, 10)
    203530
    """
    return sum(n * m + m for n, m in itertools.pairwise(widths))


def collapse(w1, b1, w2, b2):
    """Two layers without an activation are one layer; this is its W and its b.

        W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)

    Spec: BAS-11, ACT-15

    >>> [part.tolist() for part in collapse(np.eye(2), np.ones(2), np.array([[2.0, 3.0]]), 1.0)]
    [[[2.0, 3.0]], [6.0]]
    """
    return w2 @ w1, w2 @ b1 + b2


def universal_approximation(x, knots, values):
    """A hidden layer of ReLUs through any points: each neuron bends the line at one knot.

        F(x) = y_1 + sum_i (s_i - s_{i-1}) ReLU(x - k_i)    s_i = (y_{i+1} - y_i) / (k_{i+1} - k_i)

    More knots come as near to a continuous function as one likes: on a bounded interval, with an
    activation that is no polynomial, and enough neurons. The notes leave these conditions out. That
    such weights exist says nothing about whether learning finds them.

    Spec: BAS-10, E-86

    >>> universal_approximation(np.array([0.5, 1.5]), np.array([0, 1, 2]), np.array([0, 1, 0]))
    array([0.5, 0.5])
    """
    slopes = np.diff(values) / np.diff(knots)
    bends = np.diff(slopes, prepend=0.0)  # the output weights
    return values[0] + relu(np.asarray(x)[..., None] - knots[:-1]) @ bends


def forward_propagation(x, w1, b1, w2, b2):
    """Two layers, one after the other; examples are columns.

        z1 = W1 x + b1    a1 = ReLU(z1)    z2 = W2 a1 + b2    a2 = sigma(z2)

    Spec: BAS-12

    >>> x, zero = np.ones((3, 5)), np.zeros
    >>> forward_propagation(x, zero((4, 3)), zero((4, 1)), zero((1, 4)), zero((1, 1)))[-1]
    array([[0.5, 0.5, 0.5, 0.5, 0.5]])
    """
    z1 = w1 @ x + b1  # (hidden, m)
    a1 = relu(z1)
    z2 = w2 @ a1 + b2  # (1, m)
    return z1, a1, z2, sigmoid(z2)


def chain_rule(x, y, w, b):
    """How a weight of one sigmoid neuron moves its squared error: slope times slope times slope.

        L = (y^ - y)^2    y^ = sigma(z)    z = w x + b
        dL/dw = dL/dy^ dy^/dz dz/dw = 2 (y^ - y) sigma'(z) x

    Spec: BAS-14

    >>> chain_rule(x=1.0, y=0.0, w=0.0, b=0.0)
    0.25
    """
    z = w * x + b
    return float(2 * (sigmoid(z) - y) * sigmoid_slope(z) * x)


def backpropagation(x, y, z1, a1, a2, w2):
    """The gradients of the mean binary cross-entropy: the chain rule, walked from the end.

        dZ2 = a2 - y        dW2 = dZ2 a1^T / m    db2 = sum(dZ2) / m
        dA1 = W2^T dZ2      dZ1 = dA1 * (z1 > 0)
                            dW1 = dZ1 x^T / m     db1 = sum(dZ1) / m

    One of the notes has the heading alone. Hidden neurons with equal weights get equal gradients
    and stay equal, so all-zero weights are no start.

    Spec: BAS-13, INI-01, E-87

    >>> x, y, one = np.array([[1.0], [2.0]]), np.array([[1.0]]), np.ones((1, 1))
    >>> gradients = backpropagation(x, y, one, one, 0.5 * one, 3 * one)
    >>> [gradient.tolist() for gradient in gradients]  # dW1, db1, dW2, db2
    [[[-1.5, -3.0]], [[-1.5]], [[-0.5]], [[-0.5]]]
    """
    m = x.shape[1]
    dz2 = a2 - y  # (1, m)
    dz1 = w2.T @ dz2 * (z1 > 0)  # (hidden, m)
    dw1, db1 = dz1 @ x.T / m, np.sum(dz1, axis=1, keepdims=True) / m
    dw2, db2 = dz2 @ a1.T / m, np.sum(dz2, axis=1, keepdims=True) / m
    return dw1, db1, dw2, db2


def gradient_descent(w, gradient, learning_rate=0.01):
    """One step downhill.

        w <- w - eta dL/dw

    On f(w) = w^2 / 2 the error is multiplied by 1 - eta: above 2 it grows, near 0 it stays.

    Spec: BAS-15, BAS-20, OPT-01

    >>> w = 1.0
    >>> for _ in range(5):
    ...     w = gradient_descent(w, w, learning_rate=0.1)  # f(w) = w^2 / 2
    >>> round(w, 5)
    0.59049
    """
    return w - learning_rate * gradient


def steps_per_epoch(examples, batch_size):
    """How often an epoch updates: once (batch), N times (stochastic) or between (mini-batches).

        ceil(N / B)

    Spec: BAS-16, BAS-17, BAS-18

    >>> [steps_per_epoch(1000, batch_size) for batch_size in (1000, 1, 32)]
    [1, 1000, 32]
    """
    return math.ceil(examples / batch_size)
