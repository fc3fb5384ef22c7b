"""KerasTuner's oracles, which choose the next trial."""

import keras_tuner
import numpy as np
from keras_tuner import oracles as theirs

from kerasdl import errors
from kerasdl.tuning import parameters
from kerasdl.tuning.bayesian import Bayesian
from kerasdl.tuning.lasting import RUNNING, STOPPED, Lasting


class Random(Lasting, theirs.RandomSearchOracle):
    """Values at random, no combination twice; rates by their logarithm.

    Spec: HPO-04
    """


class Grid(Lasting, keras_tuner.Oracle):
    """Every combination once; if there are more than trials, they come in a random order.

    KerasTuner's own begins at a corner and forgets, after a stop, where it was. Combinations that
    are given make it a manual search.

    Spec: HPO-02, HPO-03
    """

    def __init__(self, *args, combinations=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.combinations = combinations or parameters.grid(self.hyperparameters)
        if self.max_trials and len(self.combinations) > self.max_trials:
            order = np.random.default_rng(self.seed).permutation(len(self.combinations))
            self.combinations = [self.combinations[i] for i in order]

    def populate_space(self, trial_id):
        if self.over or len(self.trials) >= len(self.combinations):
            return STOPPED
        return {**RUNNING, "values": dict(self.combinations[len(self.trials)])}


class Hyperband(Lasting, theirs.HyperbandOracle):
    """Many trials of few epochs, the best of them again with more.

    Only brackets whose every round fits into the trials are begun. A trial that failed lost. Each
    trains from the start, because a recipe's rate follows a schedule over all its epochs.

    Reference: Li et al. (2018), Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization.
    Spec: HPO-11
    """

    def __init__(self, *args, max_trials=None, **kwargs):
        self.room = max_trials
        super().__init__(*args, hyperband_iterations=None, **kwargs)
        self.max_trials = max_trials

    def _get_num_brackets(self):
        most = super()._get_num_brackets()
        if not self.room:
            return most
        sizes = [sum(self._get_size(b, r) for r in range(b + 1)) for b in range(most)]
        return max((b + 1 for b in range(most) if sizes[b] <= self.room), default=1)

    def populate_space(self, trial_id):
        failed = [t for t in self.trials.values() if t.status == "FAILED"]
        worst = -np.inf if self.objective.direction == "max" else np.inf
        for trial in failed:
            trial.status, trial.score = "COMPLETED", worst
        try:
            return super().populate_space(trial_id)
        finally:
            for trial in failed:
                trial.status, trial.score = "FAILED", None


NAMES = {"bayesian": Bayesian, "grid": Grid, "hyperband": Hyperband, "random": Random}


def make(tuner, objective, hyperparameters, *, trials, seed=0, epochs=None, first=None, **options):
    """An oracle by its name.

    Args:
        tuner: One of `NAMES`.
        objective: An `Objective` of ours, or KerasTuner's.
        hyperparameters: The space.
        trials: How many at most.
        seed: The same seed, the same search.
        epochs: Of a whole trial, for Hyperband.
        first: Values of the first trial; a grid and Hyperband have their own.
    """
    errors.one_of("tuner", tuner, NAMES)
    seed = int(np.random.default_rng(seed).integers(1, 2**31))
    metric = getattr(objective, "metric", None) or objective.name
    options |= {
        "objective": keras_tuner.Objective(metric, objective.direction),
        "hyperparameters": hyperparameters,
        "max_trials": trials,
        "seed": seed,
    }
    if tuner == "bayesian":
        options.setdefault("num_initial_points", max(3, trials // 4))
    if tuner == "hyperband":
        options["max_epochs"] = epochs
    oracle = NAMES[tuner](**options)
    if tuner in ("bayesian", "random"):
        oracle.first = first
    return oracle
