"""Neurons: what one computes, how one learns, and how errors flow back through two layers.

The perceptron takes examples as rows. The two-layer network is written as in the notes, examples
as columns, so that `W x` reads like the equation; Keras has rows, which transposes every matrix.
"""

import itertools

import numpy as np

from kerasdl.formulas.activations import relu, sigmoid, step


def perceptron(x, w, b):
    """The classic neuron: a weighted vote and a threshold.

        y = step(w . x + b)

    Spec: BAS-05. One of the notes calls the neuron with a sigmoid a perceptron; see
    `logistic_neuron`.

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

    Spec: BAS-06

    >>> round(float(logistic_neuron(np.array([0.5, 0.3, 0.2]), np.ones(3), 0.0)), 6)
    0.731059
    """
    return sigmoid(x @ w + b)


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


def backpropagation(x, y, z1, a1, a2, w2):
    """The gradients of the mean binary cross-entropy: the chain rule, walked from the end.

        dZ2 = a2 - y        dW2 = dZ2 a1^T / m    db2 = sum(dZ2) / m
        dA1 = W2^T dZ2      dZ1 = dA1 * (z1 > 0)
                            dW1 = dZ1 x^T / m     db1 = sum(dZ1) / m

    Spec: BAS-13, BAS-14

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

    Spec: BAS-15

    >>> w = 1.0
    >>> for _ in range(5):
    ...     w = gradient_descent(w, w, learning_rate=0.1)  # f(w) = w^2 / 2
    >>> round(w, 5)
    0.59049
    """
    return w - learning_rate * gradient


def dense_parameters(*widths):
    """Weights and biases of fully connected layers of these widths.

        N = sum( n_in n_out + n_out )

    Spec: BAS-04, BAS-25

    >>> dense_parameters(784, 256, 10)
    203530
    """
    return sum(n * m + m for n, m in itertools.pairwise(widths))
