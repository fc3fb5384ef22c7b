"""Gaussian process and acquisition functions, compared with scikit-learn and KerasTuner."""

import keras_tuner
import numpy as np
import pytest
import sklearn.gaussian_process as processes
from scipy import stats
from sklearn.gaussian_process import kernels

from kerasdl.formulas import bayesian_optimization as formulas

RNG = np.random.default_rng(0)
X, Y, AT = RNG.uniform(size=(7, 2)), RNG.normal(size=7), RNG.uniform(size=(50, 2))
KERNELS = {
    formulas.squared_exponential: lambda length: kernels.RBF(length),
    formulas.matern: lambda length: kernels.Matern(length, nu=2.5),
}


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.__name__)
@pytest.mark.parametrize("noise", [1e-8, 0.1])
def test_posterior_equals_scikit_learn(kernel, noise, same):
    """The mean and the standard deviation, for both kernels."""
    theirs = processes.GaussianProcessRegressor(KERNELS[kernel](0.3), alpha=noise, optimizer=None)
    expected = theirs.fit(X, Y).predict(AT, return_std=True)

    def ours(a, b):
        return kernel(a, b, length=0.3)

    mean, deviation = formulas.gaussian_process(X, Y, AT, ours, noise)
    proven = "sklearn.gaussian_process.GaussianProcessRegressor"
    for formula in (kernel, formulas.gaussian_process):
        same(formula, proven, [mean, deviation], expected)


def test_posterior_equals_keras_tuner(same):
    """Use the length scale that KerasTuner fitted, and standardized results."""
    objective = keras_tuner.Objective("score", "min")
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(objective, seed=1, alpha=1e-2)
    oracle.gpr.fit(X, Y)
    length = oracle.gpr.kernel_.length_scale

    def kernel(a, b):
        return formulas.matern(a, b, length)

    scale = Y.std()
    mean, deviation = formulas.gaussian_process(X, (Y - Y.mean()) / scale, AT, kernel, noise=1e-2)
    expected = oracle.gpr.predict(AT, return_std=True)
    proven = "keras_tuner.oracles.BayesianOptimizationOracle"
    found = [mean * scale + Y.mean(), deviation * scale]
    same(formulas.gaussian_process, proven, found, expected)
    # KerasTuner minimizes mu - beta s, which maximizes the upper bound of -f
    theirs = expected[0] - oracle.beta * expected[1]
    ours = formulas.upper_confidence_bound(-expected[0], expected[1], oracle.beta)
    same(formulas.upper_confidence_bound, proven, ours, -theirs)


def test_without_noise_the_mean_interpolates_the_observations():
    """The standard deviation is 0 at observed points and 1 far away."""
    x = np.array([[0.1], [0.4], [0.9]])
    mean, deviation = formulas.gaussian_process(x, np.array([1.0, -2.0, 0.5]), x)
    np.testing.assert_allclose(mean, [1, -2, 0.5], atol=1e-5)
    np.testing.assert_allclose(deviation, 0, atol=1e-4)
    far = formulas.gaussian_process(x, np.array([1.0, -2.0, 0.5]), np.array([[50.0]]))
    assert far[0] == pytest.approx(0) and far[1] == pytest.approx(1)
    between = formulas.gaussian_process(x, np.array([1.0, -2.0, 0.5]), np.array([[0.25], [0.65]]))
    assert 0 < between[1][0] < between[1][1]


def test_acquisition_functions_have_known_values():
    """Expected values were computed by hand."""
    improvement = formulas.expected_improvement
    assert improvement(0.9, 0.1, 0.85) == pytest.approx(0.069780, abs=1e-6)
    assert improvement(0.0, 1.0, 0.0) == pytest.approx(0.398942, abs=1e-6)
    assert improvement(0.8, 0.0, 0.85) == 0 and improvement(0.9, 0.0, 0.85) == pytest.approx(0.05)
    assert formulas.upper_confidence_bound(0.9, 0.1, 2) == pytest.approx(1.1)
    assert formulas.upper_confidence_bound(0.9, 0.1, 0) == 0.9
    probability = formulas.probability_of_improvement
    assert probability(0.9, 0.1, 0.85) == pytest.approx(0.691462, abs=1e-6)
    assert probability(0.9, 0.0, 0.85) == 1 and probability(0.8, 0.0, 0.85) == 0


def test_acquisition_functions_equal_samples_and_scipy(same):
    """Compare with means over samples f ~ N(m, s^2), and with SciPy's normal distribution."""
    mean, deviation, best = 0.3, 0.5, 0.6
    f = np.random.default_rng(0).normal(mean, deviation, 400_000)
    improvement = np.maximum(f - best, 0).mean()
    assert formulas.expected_improvement(mean, deviation, best) == pytest.approx(
        improvement, rel=0.01
    )
    probability = formulas.probability_of_improvement(mean, deviation, best)
    assert probability == pytest.approx(np.mean(f > best), rel=0.01)
    z = np.linspace(-4, 4, 33)
    same(
        formulas.normal_density,
        "scipy.stats.norm.pdf",
        formulas.normal_density(z),
        stats.norm.pdf(z),
    )
    ours = formulas.normal_probability(z)
    same(formulas.normal_probability, "scipy.stats.norm.cdf", ours, stats.norm.cdf(z))
    normal = stats.norm(mean, deviation)
    expected = normal.expect(lambda f: f - best, lb=best, ub=mean + 12 * deviation)
    ours = formulas.expected_improvement(mean, deviation, best)
    same(formulas.expected_improvement, "scipy.stats.norm.expect", ours, expected)
    same(formulas.probability_of_improvement, "scipy.stats.norm.sf", probability, normal.sf(best))


def test_log_uniform_numbers_are_uniform_in_their_logarithm(same):
    """Check bounds, median and distribution; the function equals KerasTuner's."""
    probabilities = np.linspace(0, 1, 11)
    theirs = keras_tuner.engine.hyperparameters.Float("rate", 1e-5, 1e-1, sampling="log")
    expected = [theirs.prob_to_value(p) for p in probabilities]
    ours = formulas.log_uniform(probabilities, 1e-5, 1e-1)
    same(formulas.log_uniform, "keras_tuner Float", ours, expected)
    drawn = formulas.log_uniform(np.random.default_rng(0).uniform(size=2000), 1e-5, 1e-1)
    assert drawn.min() >= 1e-5 and drawn.max() <= 1e-1
    assert np.median(drawn) == pytest.approx(1e-3, rel=0.3)
    assert stats.kstest(np.log10(drawn), stats.uniform(-5, 4).cdf).pvalue > 0.01
