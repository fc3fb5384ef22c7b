"""KerasTuner's oracles, which choose the next trial, with what a long search needs besides.

Every state is written beside and renamed, so that a kill at any moment leaves a readable one; the
first trial is the recipe itself; time ends a search; the same seed goes on after a stop as it would
have without. KerasTuner's seed 0 means chance, so seeds are made of ours.
"""

import pathlib
import time
import warnings

import keras_tuner
import numpy as np
import sklearn.exceptions
from keras_tuner import oracles as theirs

from kerasdl import errors
from kerasdl.recipes.run import write_json
from kerasdl.tuning import parameters

RUNNING, STOPPED = {"status": "RUNNING"}, {"status": "STOPPED", "values": None}


class Lasting:
    """What all of them have.

    Args:
        first: Values of the first trial, or `None`.
        deadline: When `time.monotonic` says so, no trial begins any more.
        on_end: Called with each trial that ended.
    """

    first = None
    deadline = None
    stopped = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.on_end = lambda trial: None
        self.verbose = 0
        self.max_consecutive_failed_trials = np.inf  # KerasTuner would end the search, and hang

    @property
    def over(self) -> bool:
        """Whether there is no time left."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def populate_space(self, trial_id):
        if self.over:
            return STOPPED
        if self.first and not self.trials:
            return {**RUNNING, "values": dict(self.first)}
        return super().populate_space(trial_id)

    def create_trial(self, tuner_id):
        trial = super().create_trial(tuner_id)
        self.stopped |= trial.status == "STOPPED"
        return trial

    def end_trial(self, trial):
        super().end_trial(trial)
        self.on_end(trial)

    def save(self):
        write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        folder = pathlib.Path(self._get_trial_dir(trial.trial_id))
        write_json(folder / "trial.json", trial.get_state())

    def reload(self):
        """Go on: a trial that began and did not end is run again."""
        super().reload()
        for trial in self.trials.values():
            ended = trial.status in ("COMPLETED", "FAILED")
            if not ended and trial.trial_id not in self._retry_queue:
                self._retry_queue.append(trial.trial_id)
                self._record_values(trial)  # of one that the state did not know yet

    @keras_tuner.synchronized
    def forget(self, tuner_id):
        """A worker is gone: another will run what it ran."""
        self.tuner_ids.discard(tuner_id)
        if trial := self.ongoing_trials.pop(tuner_id, None):
            self._retry_queue.append(trial.trial_id)
            self.save()


class Random(Lasting, theirs.RandomSearchOracle):
    """Values at random, no combination twice."""


class Grid(Lasting, keras_tuner.Oracle):
    """Every combination once; if there are more than trials, they come in a random order.

    KerasTuner's own begins at a corner and forgets, after a stop, where it was.
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


class Bayesian(Lasting, theirs.BayesianOptimizationOracle):
    """A Gaussian process of the results so far, and the point that may well be best.

    KerasTuner leaves failed trials out, and so proposes a point that failed again and again; here
    they count as the worst so far. What was tried already is not tried again.
    """

    def populate_space(self, trial_id):
        # a function of seed and trial: a search that was stopped goes on as one that was not
        self._random_state = np.random.RandomState((self.seed + len(self.trials)) % 2**32)
        with warnings.catch_warnings():
            # a length at its bound says that a parameter matters little
            warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
            found = super().populate_space(trial_id)
        if found["values"] and self._duplicate(found["values"]):
            return self._random_populate_space()
        return found

    def _vectorize_trials(self):
        x, y = super()._vectorize_trials()
        failed = [t for t in self.trials.values() if t.status == "FAILED"]
        if not failed or not len(y):
            return x, y
        space = self._nonfixed_space()
        lost = [[p.value_to_prob(t.hyperparameters.values[p.name]) for p in space] for t in failed]
        return np.concatenate([x, lost]), np.concatenate([y, np.full(len(lost), max(y))])


class Hyperband(Lasting, theirs.HyperbandOracle):
    """Many trials of few epochs, the best of them again with more.

    Only brackets whose every round fits into the trials are begun. A trial that failed lost.
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
