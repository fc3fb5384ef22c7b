"""KerasTuner's oracles, which choose the next trial, made resumable.

Every state is written to a temporary file and renamed, so a kill never leaves an incomplete one.
The first trial is the recipe itself. A search may have a time limit. With the same seed, a resumed
search continues as it would have without the interruption. (KerasTuner's seed 0 means a random
seed, so its seeds are derived from ours.)
"""

import pathlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import keras_tuner
import numpy as np
import threadpoolctl
from keras_tuner import oracles as theirs
from sklearn import exceptions, gaussian_process
from sklearn.gaussian_process import kernels

from kerasdl import errors
from kerasdl.formulas.bayesian_optimization import expected_improvement
from kerasdl.tuning import parameters
from kerasdl.utils.files import write_json

RUNNING, STOPPED = {"status": "RUNNING"}, {"status": "STOPPED", "values": None}
EVERYWHERE, NEAR = 2000, 1000  # candidate points: anywhere, and around the best three


class Resumable:
    """Make an oracle resumable; a mixin before KerasTuner's class.

    Attributes:
        first: dict, the values of the first trial, or `None`.
        deadline: float, the time of `time.monotonic` after which no trial begins.
        on_end: function that gets each trial that ended.
    """

    # of the oracle beside it
    trials: dict  # by id
    get_state: Callable[[], dict]
    _get_oracle_fname: Callable[[], str]
    _record_values: Callable[[Any], None]
    _retry_queue: list
    first: dict | None = None
    deadline: float | None = None
    stopped = False

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.on_end = lambda trial: None
        self.verbose = 0
        self.max_consecutive_failed_trials = np.inf  # else KerasTuner ends the search and hangs

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.over:
            return STOPPED
        if self.first and not self.trials:
            return {**RUNNING, "values": dict(self.first)}
        return super().populate_space(trial_id)  # type: ignore[misc]  # of the oracle beside it

    def create_trial(self, tuner_id: str) -> "keras_tuner.engine.trial.Trial":
        trial = super().create_trial(tuner_id)  # type: ignore[misc]  # of the oracle beside it
        self.stopped |= trial.status == "STOPPED"
        return trial

    def end_trial(self, trial: "keras_tuner.engine.trial.Trial"):
        super().end_trial(trial)  # type: ignore[misc]  # of the oracle beside it
        self.on_end(trial)

    def save(self) -> None:
        write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        folder = pathlib.Path(self._get_trial_dir(trial.trial_id))
        write_json(folder / "trial.json", trial.get_state())

    def reload(self) -> None:
        """Reload the state; a trial that began and did not end is run again."""
        super().reload()  # type: ignore[misc]  # of the oracle beside it
        for trial in self.trials.values():
            ended = trial.status in ("COMPLETED", "FAILED")
            if not ended and trial.trial_id not in self._retry_queue:
                self._retry_queue.append(trial.trial_id)
                self._record_values(trial)  # of a trial that began after the state was saved

    @keras_tuner.synchronized
    def forget(self, tuner_id):
        """Give the trial of a lost worker to another one."""
        self.tuner_ids.discard(tuner_id)
        if trial := self.ongoing_trials.pop(tuner_id, None):
            self._retry_queue.append(trial.trial_id)
            self.save()


class Random(Resumable, theirs.RandomSearchOracle):
    """Random search: no combination twice, learning rates on a logarithmic scale."""


class Grid(Resumable, keras_tuner.Oracle):
    """Grid search: every combination once, in random order if there are more than trials.

    KerasTuner's own starts at a corner of the grid and loses its position after an interruption.

    Args:
        combinations: list of dict, the combinations to try, for a manual search.
    """

    def __init__(self, *args, combinations: list[dict] | None = None, **kwargs):
        super().__init__(*args, **kwargs)
        self.combinations = combinations or parameters.grid(self.hyperparameters)
        if self.max_trials and len(self.combinations) > self.max_trials:
            order = np.random.default_rng(self.seed).permutation(len(self.combinations))
            self.combinations = [self.combinations[i] for i in order]

    def populate_space(self, trial_id):
        if self.over or len(self.trials) >= len(self.combinations):
            return STOPPED
        return {**RUNNING, "values": dict(self.combinations[len(self.trials)])}


class Hyperband(Resumable, theirs.HyperbandOracle):
    """Hyperband: many trials of few epochs, the best of them again with more.

    Only brackets whose rounds all fit into the number of trials are run. A failed trial counts as
    the worst. Each trial trains from the start, because a recipe's learning rate follows a schedule
    over all its epochs.

    Reference: Li et al. (2018), Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization.
    """

    def __init__(self, *args, max_trials: int | None = None, **kwargs):
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


def propose(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The point of the unit cube with the largest expected improvement under a Gaussian process.

    Each dimension has its own length scale, because some matter more than others. Results far
    below the median are clipped: it does not matter how bad they are.

    Args:
        x: array (count, dimensions), the points that were tried.
        y: array (count,), their results; larger is better.
        rng: Generator of the candidate points.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> propose(rng.random((6, 2)), rng.random(6), rng).shape
        (2,)
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
    # several threads slow down matrices this small
    with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
        # a length scale at its bound means that the dimension matters little
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        process.fit(x, y)
        mean, deviation = process.predict(points, return_std=True)
        reached = process.predict(x).max()
    # noise in the result of a trial is not an improvement
    chance = process.kernel_.k2.noise_level * np.var(y)
    deviation = np.sqrt(np.maximum(deviation**2 - chance, 0))
    return points[np.argmax(expected_improvement(mean, deviation, reached))]


class Bayesian(Resumable, theirs.BayesianOptimizationOracle):
    """Bayesian optimization: KerasTuner's oracle with `propose` choosing the next point.

    KerasTuner ignores failed trials and may therefore propose the same failing point repeatedly;
    here they count as the worst. No point is tried twice.

    Reference: Snoek, Larochelle, Adams (2012), Practical Bayesian Optimization of Machine Learning
    Algorithms.
    """

    def populate_space(self, trial_id):
        completed = [t for t in self.trials.values() if t.status == "COMPLETED"]
        if self.over or len(completed) < self.num_initial_points:
            return super().populate_space(trial_id)
        # a function of seed and trial, so that a resumed search proposes the same points
        rng = np.random.default_rng((self.seed, len(self.trials)))
        values = self._vector_to_values(propose(*self._results(completed), rng))
        if self._duplicate(values):
            return self._random_populate_space()
        return {**RUNNING, "values": values}

    def _results(self, completed):
        sign = 1 if self.objective.direction == "max" else -1
        known = {t.trial_id: sign * t.score for t in completed}
        worst, middle = min(known.values()), np.median([*known.values()])
        guess = {"FAILED": worst}  # a trial that runs on another worker counts as the median
        y = [known.get(i, guess.get(t.status, middle)) for i, t in self.trials.items()]
        space = self._nonfixed_space()
        values = [t.hyperparameters.values for t in self.trials.values()]
        x = [[p.value_to_prob(each[p.name]) for p in space] for each in values]
        return np.array(x, float), np.array(y, float)


NAMES = {"bayesian": Bayesian, "grid": Grid, "hyperband": Hyperband, "random": Random}


def make(
    tuner: str,
    objective: Any,
    hyperparameters: keras_tuner.HyperParameters,
    *,
    trials: int,
    seed: int = 0,
    epochs: int | None = None,
    first: dict | None = None,
    **options,
) -> Any:
    """Make an oracle.

    Args:
        tuner: str, one of `NAMES`.
        objective: `kerasdl.tasks.task.Metric` or `keras_tuner.Objective`, what to improve.
        hyperparameters: `keras_tuner.HyperParameters`, the search space.
        trials: int, the largest number of trials.
        seed: int; the same seed gives the same search.
        epochs: int, of a whole trial, for Hyperband.
        first: dict, the values of the first trial; grid search and Hyperband ignore it.
        **options: Further options of the oracle.

    Example:
        >>> objective = keras_tuner.Objective("accuracy", "max")
        >>> oracle = make("random", objective, keras_tuner.HyperParameters(), trials=3)
        >>> oracle.max_trials
        3
    """
    errors.one_of("tuner", tuner, NAMES)
    seed = int(np.random.default_rng(seed).integers(1, 2**31))
    options |= {
        "objective": keras_tuner.Objective(objective.name, objective.direction),
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
