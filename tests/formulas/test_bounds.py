"""Bounds of log p(x), compared with PyTorch and with a model of known likelihood."""

import numpy as np
from scipy import stats

from kerasdl.formulas import bounds, generative


def test_bound_of_four_samples_equals_pytorch(same, reference):
    numbers = reference("vae_elbo")
    z, deviation = numbers["iw_z"], np.exp(numbers["logvar"] / 2)  # (4, 5, 3)
    posterior = stats.norm.logpdf(z, numbers["mu"], deviation).sum(axis=-1)
    likelihood = generative.bernoulli_log_likelihood(numbers["x"], z @ numbers["iw_W"])
    joint = likelihood + stats.norm.logpdf(z).sum(axis=-1)
    ours = bounds.importance_weighted_bound(joint, posterior)
    same(bounds.importance_weighted_bound, "torch logsumexp (fixture)", ours, numbers["iwae4"])
    one_by_one = [bounds.importance_weighted_bound(j, p) for j, p in _single(joint, posterior)]
    np.testing.assert_allclose(np.mean(one_by_one, axis=0), numbers["elbo4"], rtol=1e-5)
    assert np.all(ours >= numbers["elbo4"])


def _single(joint, posterior):
    return zip(joint[:, None], posterior[:, None], strict=True)


def test_bounds_do_not_exceed_the_likelihood(same):
    # z ~ N(0, 1) and x | z ~ N(2 z, 1) give x ~ N(0, 5) and z | x ~ N(0.4 x, 0.2)
    x, random = 1.5, np.random.default_rng(0)
    truth = stats.norm.logpdf(x, 0, np.sqrt(5))

    def bound(mean, deviation, samples):
        z = mean + deviation * random.normal(size=(samples, 4000))
        joint = stats.norm.logpdf(x, 2 * z, 1) + stats.norm.logpdf(z)
        return bounds.importance_weighted_bound(joint, stats.norm.logpdf(z, mean, deviation)).mean()

    exact = bound(0.4 * x, np.sqrt(0.2), 1)
    name = "scipy.stats.norm.logpdf, with the true posterior"
    same(bounds.importance_weighted_bound, name, exact, truth)
    several = [bound(0.0, 1.0, samples) for samples in (1, 4, 32)]
    assert several == sorted(several) and several[-1] < truth
