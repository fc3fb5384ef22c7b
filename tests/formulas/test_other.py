"""Perturbations, graphs, texture and recommendation, compared with TensorFlow and SciPy."""

import itertools

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from scipy.sparse import csgraph

from kerasdl.formulas import graphs, perturbations, recommendation, texture

RANDOM = np.random.default_rng(0)


@pytest.fixture
def judged():
    """8 pixels, the loss of a linear classifier for them, and the gradient of the loss."""
    w, x = RANDOM.normal(size=(8, 3)), RANDOM.uniform(0.3, 0.7, 8)

    def loss(x, label=0):
        logits = tf.linalg.matvec(tf.transpose(tf.constant(w)), x)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant(label), logits)

    def gradient(label):
        variable = tf.Variable(x)
        with tf.GradientTape() as tape:
            value = loss(variable, label)
        return tape.gradient(value, variable).numpy()

    return x, loss, gradient


def test_the_gradient_sign_is_the_worst_change_of_its_size(judged, same):
    x, loss, gradient = judged
    slope, formula = gradient(0), perturbations.fast_gradient_sign
    ours = formula(x, slope, 0.01)
    corners = [0.01 * np.array(signs) for signs in itertools.product((-1, 1), repeat=8)]
    theirs = x + max(corners, key=lambda change: change @ slope)
    same(formula, "the worst of all 256 corners, by tf.GradientTape", ours, theirs)
    assert float(loss(tf.constant(ours))) > float(loss(tf.constant(x)))
    assert np.abs(ours - x).max() <= 0.01 + 1e-12
    np.testing.assert_array_equal(formula(x, slope, 0.0), x)
    towards = formula(x, gradient(2), -0.01)
    assert float(loss(tf.constant(towards), 2)) < float(loss(tf.constant(x), 2))


def ring(nodes):
    edges = np.eye(nodes, k=1) + np.eye(nodes, k=-1)
    edges[0, -1] = edges[-1, 0] = edges[0, 2] = edges[2, 0] = 1
    return edges


def test_graphs(same):
    edges = ring(6)
    theirs = np.eye(6) - csgraph.laplacian(edges, normed=True)
    ours = graphs.normalized_adjacency(edges, loops=False)
    same(graphs.normalized_adjacency, "1 - scipy.sparse.csgraph.laplacian", ours, theirs)
    x, w = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(4, 2))
    joined = edges + np.eye(6)
    degrees = tf.linalg.diag(tf.reduce_sum(joined, axis=1) ** -0.5)
    theirs = degrees @ joined @ degrees @ x @ w
    same(
        graphs.graph_convolution, "tf.linalg.matmul", graphs.graph_convolution(x, edges, w), theirs
    )
    order = RANDOM.permutation(6)
    moved = graphs.graph_convolution(x[order], edges[np.ix_(order, order)], w)
    np.testing.assert_allclose(moved, graphs.graph_convolution(x, edges, w)[order])


def test_style(same):
    a, b = RANDOM.normal(size=(2, 5, 6, 3)).astype("float32")
    theirs = [tf.einsum("hwc,hwd->cd", image, image) / 30 for image in (a, b)]
    ours = [texture.gram_matrix(image) for image in (a, b)]
    same(texture.gram_matrix, "tf.einsum", ours, theirs)
    flat = a.reshape(-1, 3).T
    theirs_too = sklearn.metrics.pairwise.linear_kernel(flat) / 30
    same(texture.gram_matrix, "sklearn.metrics.pairwise.linear_kernel", ours[0], theirs_too)
    loss = tf.reduce_mean((theirs[0] - theirs[1]) ** 2)
    same(texture.style_loss, "tf.einsum", texture.style_loss(a, b), loss)
    assert texture.style_loss(a, a[::-1, ::-1]) < 1e-10  # positions do not matter


def test_seen_items_are_not_recommended(same):
    scores, seen = RANDOM.random((5, 9)), RANDOM.random((5, 9)) < 0.4
    ours = recommendation.recommend(scores, seen, k=3)
    theirs = tf.math.top_k(tf.where(seen, -np.inf, scores), 3).indices
    same(recommendation.recommend, "tf.math.top_k", ours, theirs)
    assert not np.take_along_axis(seen, ours, axis=1).any()
