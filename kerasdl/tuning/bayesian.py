"""Bayesian optimisation: a Gaussian process of the results so far, and where it promises most."""

import warnings

import numpy as np
import threadpoolctl
from keras_tuner import oracles
from sklearn import exceptions, gaussian_process
from sklearn.gaussian_process import kernels

from kerasdl.formulas.bayesian_optimization import expected_improvement
from kerasdl.tuning.lasting import RUNNING, Lasting

EVERYWHERE, NEAR = 2000, 1000  # points that are compared: anywhere, and around the best three


def propose(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The point of the unit cube with the largest expected improvement.

    Each dimension has its own length, because some matter more. What is far below the median
    counts as equally bad: nobody wants to know how bad.

    Args:
        x: Points that were tried, (count, dimensions).
        y: What came out, (count,); more is better.
    """
    middle, top = np.median(y), np.max(y)
    y = np.maximum(y, middle - 2 * (top - middle))
    noise = kernels.WhiteKernel(1e-3, (1e-6, 0.5))
    kernel = kernels.Matern(np.full(x.shape[1], 0.3), (0.1, 1.5), nu=2.5) + noise
    process = gaussian_process.GaussianProcessRegressor(
        kernel, normalize_y=True, n_restarts_optimizer=2, random_state=int(rng.integers(2**31))
    )
    best = x[np.argsort(-y)[:3]]
    steps = rng.normal(size=(NEAR, x.shape[1])) * 10 ** rng.uniform(-3, -0.7, size=(NEAR, 1))
    near = np.clip(best[rng.integers(len(best), size=NEAR)] + steps, 0, 1)
    points = np.concatenate([rng.uniform(size=(EVERYWHERE, x.shape[1])), near])
    # matrices this small are slower on several threads
    with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
        # a length at its bound says that a dimension matters little
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        process.fit(x, y)
        mean, deviation = process.predict(points, return_std=True)
        reached = process.predict(x).max()
    # what a trial adds by chance is no improvement
    chance = process.kernel_.k2.noise_level * np.var(y)
    deviation = np.sqrt(np.maximum(deviation**2 - chance, 0))
    return points[np.argmax(expected_improvement(mean, deviation, reached))]


class Bayesian(Lasting, oracles.BayesianOptimizationOracle):
    """KerasTuner's oracle with `propose` in place of its own search for the next point.

    KerasTuner leaves failed trials out and so may propose a point that failed again and again:
    here they count as the worst. What was tried already is not tried again.

    Reference: Snoek, Larochelle, Adams (2012), Practical Bayesian Optimization of Machine Learning
    Algorithms.
    Spec: HPO-06, HPO-07, HPO-08
    """

    def populate_space(self, trial_id):
        completed = [t for t in self.trials.values() if t.status == "COMPLETED"]
        if self.over or len(completed) < self.num_initial_points:
            return super().populate_space(trial_id)
        # a function of seed and trial: a search that was stopped goes on as one that was not
        rng = np.random.default_rng((self.seed, len(self.trials)))
        values = self._vector_to_values(propose(*self._results(completed), rng))
        if self._duplicate(values):
            return self._random_populate_space()
        return {**RUNNING, "values": values}

    def _results(self, completed):
        sign = 1 if self.objective.direction == "max" else -1
        known = {t.trial_id: sign * t.score for t in completed}
        worst, middle = min(known.values()), np.median([*known.values()])
        guess = {"FAILED": worst}  # and of one that runs, on another worker: as good as most
        y = [known.get(i, guess.get(t.status, middle)) for i, t in self.trials.items()]
        space = self._nonfixed_space()
        values = [t.hyperparameters.values for t in self.trials.values()]
        x = [[p.value_to_prob(each[p.name]) for p in space] for each in values]
        return np.array(x, float), np.array(y, float)
