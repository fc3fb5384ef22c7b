"""Neurons and two-layer networks: prediction, learning rules and backpropagation by hand.

The perceptron takes examples as rows. The two-layer network has examples as columns, so that `W x`
reads like the equation; Keras has rows, which transposes every matrix.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np

from kerasdl.formulas.activations import relu, sigmoid, sigmoid_slope, step


def perceptron(x: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """Classic perceptron: a weighted sum and a threshold.

        y = step(w . x + b)

    With a sigmoid in place of the step it is a logistic neuron, see `logistic_neuron`.

    Args:
        x: array (..., inputs).
        w: array (inputs,), weights.
        b: float, bias.

    >>> corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> perceptron(corners, np.array([1, 1]), -1.5).tolist()  # AND
    [0, 0, 0, 1]

    Reference: Rosenblatt, 1958.
    """
    return step(x @ w + b)


def perceptron_update(
    x: np.ndarray, y: int, w: np.ndarray, b: float, learning_rate: float = 1.0
) -> tuple[np.ndarray, float]:
    """Perceptron learning rule: after a mistake, move the weights toward or away from the example.

        w <- w + eta (y - y^) x        b <- b + eta (y - y^)

    Args:
        x: array (inputs,), one example.
        y: int, its label, 0 or 1.
        w: array (inputs,), weights.
        b: float, bias.
        learning_rate: float, step size eta.

    >>> perceptron_update(np.array([1.0, 0.0]), 0, np.zeros(2), 0.0)  # predicted 1, should be 0
    (array([-1.,  0.]), -1.0)

    Reference: Rosenblatt, 1958.
    """
    mistake = y - perceptron(x, w, b)
    return w + learning_rate * mistake * x, float(b + learning_rate * mistake)


def logistic_neuron(x: np.ndarray, w: np.ndarray, b: float) -> np.ndarray:
    """Neuron with a sigmoid: its output is a probability and has a gradient.

        y = sigma(w . x + b)

    Args:
        x: array (..., inputs).
        w: array (inputs,), weights.
        b: float, bias.

    >>> round(float(logistic_neuron(np.array([0.5, 0.3, 0.2]), np.ones(3), 0.0)), 6)
    0.731059
    """
    return sigmoid(x @ w + b)


def dense(x: np.ndarray, w: np.ndarray, b: np.ndarray, activation: Callable = relu) -> np.ndarray:
    """Fully connected layer: every neuron sees all inputs.

        y = f(x W + b)

    Args:
        x: array (..., inputs).
        w: array (inputs, units), weights.
        b: array (units,), biases.
        activation: function f.

    >>> dense(np.array([[1.0, 2.0]]), np.eye(2), np.array([0.0, -3.0])).tolist()
    [[1.0, 0.0]]
    """
    return activation(x @ w + b)


def dense_parameters(*widths: int) -> int:
    """Number of weights and biases of a stack of fully connected layers.

        N = sum( n_in n_out + n_out )

    An image of 224 x 224 x 3 in front of 1000 neurons takes 150 million weights.

    Args:
        widths: int, numbers of units from the input to the output.

    >>> dense_parameters(784, 256, 10)
    203530
    """
    return sum(n * m + m for n, m in itertools.pairwise(widths))


def collapse(
    w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of the single layer that two layers without an activation amount to.

        W2 (W1 x + b1) + b2 = (W2 W1) x + (W2 b1 + b2)

    Args:
        w1: array, weights of the first layer.
        b1: array, its bias.
        w2: array, weights of the second layer.
        b2: array, its bias.

    >>> [part.tolist() for part in collapse(np.eye(2), np.ones(2), np.array([[2.0, 3.0]]), 1.0)]
    [[[2.0, 3.0]], [6.0]]
    """
    return w2 @ w1, w2 @ b1 + b2


def universal_approximation(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate any points with one hidden layer of ReLUs: each neuron bends the line once.

        F(x) = y_1 + sum_i (s_i - s_{i-1}) ReLU(x - k_i)    s_i = (y_{i+1} - y_i) / (k_{i+1} - k_i)

    With more knots it approximates any continuous function on a bounded interval. The theorem needs
    an activation that is not a polynomial and enough neurons; it says that such weights exist, not
    that training finds them.

    Args:
        x: array, where to evaluate.
        knots: array (n,), increasing positions k_i.
        values: array (n,), values y_i at the knots.

    >>> universal_approximation(np.array([0.5, 1.5]), np.array([0, 1, 2]), np.array([0, 1, 0]))
    array([0.5, 0.5])

    Reference: Cybenko, 1989; Leshno et al., 1993.
    """
    slopes = np.diff(values) / np.diff(knots)
    bends = np.diff(slopes, prepend=0.0)  # the output weights, s_i - s_{i-1}
    return values[0] + relu(np.asarray(x)[..., None] - knots[:-1]) @ bends


def forward_propagation(
    x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Forward pass of a two-layer network; examples are columns.

        z1 = W1 x + b1    a1 = ReLU(z1)    z2 = W2 a1 + b2    a2 = sigma(z2)

    Args:
        x: array (inputs, m).
        w1: array (hidden, inputs), weights of the hidden layer.
        b1: array (hidden, 1), its bias.
        w2: array (1, hidden), weights of the output.
        b2: array (1, 1), its bias.

    >>> x, zero = np.ones((3, 5)), np.zeros
    >>> forward_propagation(x, zero((4, 3)), zero((4, 1)), zero((1, 4)), zero((1, 1)))[-1]
    array([[0.5, 0.5, 0.5, 0.5, 0.5]])
    """
    z1 = w1 @ x + b1  # (hidden, m)
    a1 = relu(z1)
    z2 = w2 @ a1 + b2  # (1, m)
    return z1, a1, z2, sigmoid(z2)


def chain_rule(x: float, y: float, w: float, b: float) -> float:
    """Derivative of one sigmoid neuron's squared error with respect to its weight.

        L = (y^ - y)^2    y^ = sigma(z)    z = w x + b
        dL/dw = dL/dy^ dy^/dz dz/dw = 2 (y^ - y) sigma'(z) x

    Args:
        x: float, input.
        y: float, target.
        w: float, weight.
        b: float, bias.

    >>> chain_rule(x=1.0, y=0.0, w=0.0, b=0.0)
    0.25
    """
    z = w * x + b
    return float(2 * (sigmoid(z) - y) * sigmoid_slope(z) * x)


def backpropagation(
    x: np.ndarray, y: np.ndarray, z1: np.ndarray, a1: np.ndarray, a2: np.ndarray, w2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of the mean binary cross-entropy of a two-layer network.

        dZ2 = a2 - y        dW2 = dZ2 a1^T / m    db2 = sum(dZ2) / m
        dA1 = W2^T dZ2      dZ1 = dA1 * (z1 > 0)
                            dW1 = dZ1 x^T / m     db1 = sum(dZ1) / m

    The chain rule, applied from the output backward. Hidden neurons with equal weights get equal
    gradients and stay equal, so weights must not all start at zero.

    Args:
        x: array (inputs, m), examples as columns.
        y: array (1, m), labels 0 or 1.
        z1: array (hidden, m), weighted sums of the hidden layer.
        a1: array (hidden, m), its activations.
        a2: array (1, m), predicted probabilities.
        w2: array (1, hidden), weights of the output.

    >>> x, y, one = np.array([[1.0], [2.0]]), np.array([[1.0]]), np.ones((1, 1))
    >>> gradients = backpropagation(x, y, one, one, 0.5 * one, 3 * one)
    >>> [gradient.tolist() for gradient in gradients]  # dW1, db1, dW2, db2
    [[[-1.5, -3.0]], [[-1.5]], [[-0.5]], [[-0.5]]]

    Reference: Rumelhart et al., 1986.
    """
    m = x.shape[1]
    dz2 = a2 - y  # (1, m)
    dz1 = w2.T @ dz2 * (z1 > 0)  # (hidden, m)
    dw1, db1 = dz1 @ x.T / m, np.sum(dz1, axis=1, keepdims=True) / m
    dw2, db2 = dz2 @ a1.T / m, np.sum(dz2, axis=1, keepdims=True) / m
    return dw1, db1, dw2, db2


def gradient_descent(
    w: float | np.ndarray, gradient: float | np.ndarray, learning_rate: float = 0.01
) -> float | np.ndarray:
    """One step of gradient descent.

        w <- w - eta dL/dw

    On f(w) = w^2 / 2 each step multiplies the error by 1 - eta: for eta above 2 it diverges, for
    eta near 0 it hardly moves.

    Args:
        w: array or float, parameter.
        gradient: array like w, dL/dw.
        learning_rate: float, step size eta.

    >>> w = 1.0
    >>> for _ in range(5):
    ...     w = gradient_descent(w, w, learning_rate=0.1)  # f(w) = w^2 / 2
    >>> round(w, 5)
    0.59049
    """
    return w - learning_rate * gradient


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Number of updates in an epoch.

        ceil(N / B)

    One for batch gradient descent, N for stochastic gradient descent, between for mini-batches.

    Args:
        examples: int, number N of training examples.
        batch_size: int, examples B of an update.

    >>> [steps_per_epoch(1000, batch_size) for batch_size in (1000, 1, 32)]
    [1, 1000, 32]
    """
    return math.ceil(examples / batch_size)
