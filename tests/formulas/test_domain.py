"""Domain adaptation, compared with SciPy, scikit-learn, Keras and GradientTape."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import linalg, stats
from sklearn import linear_model
from sklearn.metrics import pairwise

from kerasdl.formulas import domain, normalization


@pytest.fixture
def heaps():
    """Source and target samples with 4 features."""
    generator = np.random.default_rng(0)
    mix = generator.normal(size=(4, 4))
    return generator.normal(size=(300, 4)), generator.normal(size=(200, 4)) @ mix + 2


def test_example_weights_equal_the_ratio_of_scipys_densities(same):
    x = np.linspace(-2, 4, 31)
    source, target = stats.norm.pdf(x), stats.norm.pdf(x, 2)
    ours = domain.density_ratio(target / (source + target))
    same(domain.density_ratio, "scipy.stats.norm", ours, target / source)


@pytest.mark.rows("OTH-18", "TRL-14")
def test_importance_weights_move_the_source_to_the_target_and_lower_its_error():
    """The inputs shift from 0 to 1; a linear model fits the rule only locally."""
    generator = np.random.default_rng(0)
    source, target = generator.normal(size=20_000), generator.normal(1, 1, size=10_000)
    x = np.concatenate([source, target])[:, None]
    of_target = np.repeat([0, 1], [20_000, 10_000])
    judge = linear_model.LogisticRegression().fit(x, of_target)
    p = judge.predict_proba(source[:, None])[:, 1]
    weights = domain.density_ratio(p, 20_000, 10_000)
    assert np.average(source, weights=weights) == pytest.approx(1, abs=0.1)

    def rule(x):
        return np.sin(2 * x)

    def error(weights):
        line = linear_model.LinearRegression().fit(source[:, None], rule(source), weights)
        return np.mean((line.predict(target[:, None]) - rule(target)) ** 2)

    assert error(weights) < 0.8 * error(None)


def test_discrepancy_equals_scikit_learns_kernel_means_and_grows_with_the_shift(heaps, same):
    x, y = heaps
    kernels = [pairwise.rbf_kernel(a, b, gamma=0.3).mean() for a, b in ((x, x), (y, y), (x, y))]
    ours = domain.maximum_mean_discrepancy(x, y, 0.3)
    name = "sklearn.metrics.pairwise.rbf_kernel"
    same(domain.maximum_mean_discrepancy, name, ours, kernels[0] + kernels[1] - 2 * kernels[2])
    grown = [domain.maximum_mean_discrepancy(x, x + shift, 0.3) for shift in (0, 0.5, 1, 2)]
    assert grown[0] == pytest.approx(0) and np.all(np.diff(grown) > 0)


def test_coral_equals_scipys_matrix_roots_and_reduces_the_discrepancy(heaps, same):
    x, y = heaps
    roots = [linalg.sqrtm(np.cov(part, rowvar=False) + 1e-6 * np.eye(4)) for part in (x, y)]
    theirs = (x - x.mean(0)) @ np.linalg.inv(roots[0]) @ roots[1] + y.mean(0)
    ours = domain.coral(x, y)
    same(domain.coral, "scipy.linalg.sqrtm", ours, theirs)
    np.testing.assert_allclose(np.cov(ours, rowvar=False), np.cov(y, rowvar=False), atol=1e-3)
    before, after = (domain.maximum_mean_discrepancy(part, y, 0.3) for part in (x, ours))
    assert after < 0.2 * before
    # normalizing each domain by its own statistics removes a part of it
    own = [normalization.standardized(part, axis=0) for part in heaps]
    assert domain.maximum_mean_discrepancy(*own, 0.3) < 0.5 * before


def test_reversed_gradient_equals_gradient_tape_and_the_output_is_unchanged(same):
    values, upstream = np.random.default_rng(0).normal(size=(2, 5))
    x = tf.Variable(values)
    with tf.GradientTape() as tape:
        y = -0.3 * x + tf.stop_gradient(1.3 * x)
        loss = tf.reduce_sum(y * upstream)
    np.testing.assert_allclose(y, values)
    ours = domain.reversed_gradient(upstream, 0.3)
    name = "tf.GradientTape with tf.stop_gradient"
    same(domain.reversed_gradient, name, ours, tape.gradient(loss, x))


def test_reversal_rate_equals_a_hyperbolic_tangent(same):
    progress = np.linspace(0, 1, 11)
    ours = domain.reversal_rate(progress)
    same(domain.reversal_rate, "keras.ops.tanh", ours, keras.ops.tanh(5 * progress))
