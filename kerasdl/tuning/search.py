"""Run a search: a recipe, a search space, an oracle and a folder. It can be stopped and resumed."""

import contextlib
import dataclasses
import functools
import io
import json
import pathlib
import pickle
import time
from collections.abc import Callable
from typing import Any

import keras_tuner
from keras_tuner.engine import base_tuner
from keras_tuner.src import config

from kerasdl import errors, recipes
from kerasdl.data import in_memory
from kerasdl.errors import InvalidInput
from kerasdl.recipes import space
from kerasdl.recipes.recipe import Recipe
from kerasdl.runs import prepare
from kerasdl.runs.run import Run
from kerasdl.tasks.task import Metric
from kerasdl.training import lock
from kerasdl.tuning import leaderboard, oracles, parameters, trial, workers
from kerasdl.utils import checks, durations, files, patches, plain_text, types

STARTING = 120.0  # seconds that a trial may take in addition to three times its limit
VALIDATION = 0.2  # fraction of the training data that evaluates trials, if a recipe leaves none
HYPERBAND = "tuner/"  # prefix of what Hyperband adds to a trial's values


class Search:
    """A search folder.

    Attributes:
        path: The folder: search.json, trials/, leaderboard.json, figures/, events/ (TensorBoard),
            best/, and oracle/ with KerasTuner's own files.
        leaderboard: {"objective": ..., "best": ..., "trials": [...]}, best trial first.
        best: The best trial as a run, as `kerasdl train` would have left it.
    """

    def __init__(self, path: str | pathlib.Path):
        checks.paths(path=path)
        self.path = pathlib.Path(path)

    @property
    def leaderboard(self) -> dict:
        """The leaderboard as a dictionary."""
        return json.loads((self.path / "leaderboard.json").read_text(encoding="utf-8"))

    @property
    def best(self) -> Run:
        """The run of the best trial."""
        return recipes.open(self.path / "best")


def tune(
    recipe: Recipe,
    *,
    tuner: types.Tuner = "bayesian",
    trials: int = 20,
    time: str | None = None,
    trial_time: str | None = None,
    patience: int | None = None,
    validation: float | None = None,
    only: tuple[str, ...] = (),
    combinations: list[dict] | None = None,
    seed: int = 0,
    out: str | pathlib.Path | None = None,
    fast: bool = False,
    show: Callable[[str], object] = plain_text.tell,
) -> Search | Any:  # None only for a worker of a shared search
    """Search the hyperparameters of a recipe; return a `Search`, or `None` for a worker.

    Each trial trains the recipe with other values in a process of its own, and is evaluated on the
    validation data. The first trial is the recipe itself. With KerasTuner's environment variables
    KERASTUNER_TUNER_ID, _ORACLE_IP and _ORACLE_PORT, several processes share a search.

    Args:
        recipe: `Recipe`; its `epochs` are those of a trial.
        tuner: str, "random", "grid", "bayesian" or "hyperband".
        trials: int, the largest number of trials.
        time: str, for the whole search, such as "10m".
        trial_time: str, for training in one trial, such as "20s". A trial that time ends depends
            on the speed of the machine; all others are repeatable.
        patience: int, epochs without a better validation loss after which a trial ends; by default
            the recipe's, or a fifth of its epochs, at least 5.
        validation: float, fraction of the training data that evaluates trials; by default the
            recipe's, or a fifth.
        only: names of hyperparameters to tune; by default all of the recipe's space.
        combinations: list of dict, values to try one after the other instead of a search.
        seed: int; the same seed gives the same trials.
        out: The folder; by default one under `tunings/`.
        fast: bool, whether to run two trials of one batch each, to see that it works.
        show: function that gets a line for each trial.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     out = f"{folder}/search"
        ...     found = tune(recipes.get("mlp"), tuner="random", trials=1, fast=True, out=out)
        ...     print(found.leaderboard["tuner"])
        random
    """
    checks.check("recipe", recipe, isinstance(recipe, Recipe), "a `kerasdl.recipes.Recipe`")
    checks.callables(show=show)
    role = workers.Role.of_environment()
    planned = plan_search(
        recipe,
        out,
        tuner="grid" if combinations else tuner,
        trials=trials,
        validation=validation,
        only=only,
        seconds=durations.seconds_of(time, "time"),
        trial_seconds=durations.seconds_of(trial_time, "trial-time"),
        patience=patience,
        combinations=combinations,
        seed=seed,
        fast=fast,
    )
    if role.name == "worker":
        _work(planned, role, show)
        return None
    with lock.hold(_claimed(planned)), _shared_data(planned):
        _search(planned, role, show)
    return Search(planned.folder)


@contextlib.contextmanager
def _shared_data(planned):
    """Keep data in memory in a file of the folder while trials, which are processes, read it."""
    data, file = planned.recipe.data, planned.folder / trial.DATA
    if isinstance(data, in_memory.InMemory):
        with files.atomic(file) as partial:
            partial.write_bytes(pickle.dumps(data))
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _claimed(planned):
    """The folder, if it is new or holds this very search."""
    folder, file = planned.folder, planned.folder / "search.json"
    if file.exists():
        old, new = json.loads(file.read_text(encoding="utf-8"))["fixed"], planned.fixed()
        new = json.loads(json.dumps(new))  # tuples are lists there
        if old != new:
            changed = ", ".join(f"{k}={_short(old[k])}" for k in new if old[k] != new[k])
            expected = f"a new folder (give another --out): {folder} holds one with {changed}"
            raise InvalidInput("output folder", expected, folder)
    elif folder.is_dir() and any(f.name not in (lock.NAME, "workers") for f in folder.iterdir()):
        raise InvalidInput("output folder", "a new, empty or search folder", folder)
    return folder


def _short(value):
    return value if not isinstance(value, dict) else "another one"


def _search(planned, role, show):
    progress = leaderboard.Progress(planned, show)
    left = None if planned.seconds is None else max(planned.seconds - progress.spent, 0.0)
    oracle = planned.oracle(left)
    oracle.on_end = progress.ended
    progress.save()
    loop = Tuner(oracle, planned.folder, _runner(planned, lambda: oracle.deadline))
    try:
        if role.name == "chief":
            role.serve(oracle, planned.folder)
        else:
            loop.search()
    except KeyboardInterrupt:
        progress.save()
        raise KeyboardInterrupt(
            f"Stopped. {progress.count} trials are kept in {planned.folder}; "
            "the same command continues."
        ) from None
    progress.finish()


def _work(planned, role, show):
    start = time.monotonic()
    deadline = None if planned.seconds is None else start + planned.seconds
    run = _runner(planned, lambda: deadline)

    def reported(number, values, epochs):
        with role.busy():
            result = run(number, values, epochs)
        show(f"{role.tuner_id}: trial {number} {result.get('score', result.get('reason'))}")
        return result

    with role.connected(planned.folder) as finished:
        if finished:
            show(f"{planned.folder} holds this search, finished; to continue, start its chief.")
            return
        loop = Tuner(planned.oracle(), planned.folder, reported)
        loop.search()


def _runner(planned, deadline):
    """A function that runs a trial within the time that is left."""

    def run(number, values, epochs):
        left = deadline() and max(deadline() - time.monotonic(), 1.0)
        specification = planned.trial(values, epochs, left)
        limit = specification["seconds"]
        return trial.start(
            planned.trial_folder(number),
            specification,
            seconds=limit and 3 * limit + STARTING,
        )

    return run


@dataclasses.dataclass(frozen=True)
class Plan:
    """The settings of a search; those of `fixed` cannot change when it is resumed."""

    recipe: Recipe
    parameters: tuple
    objective: Metric
    folder: pathlib.Path
    tuner: str
    trials: int
    seconds: float | None = None
    trial_seconds: float | None = None
    patience: int = 5
    combinations: list | None = None
    seed: int = 0
    fast: bool = False

    def fixed(self) -> dict:
        """The settings that identify the search."""
        return {
            "recipe": self.recipe.to_json(),
            "hyper-parameters": [p.name for p in self.parameters],
            "objective": {"metric": self.objective.name, "direction": self.objective.direction},
            "tuner": self.tuner,
            "trial-time": self.trial_seconds,
            "patience": self.patience,
            "combinations": self.combinations,
            "seed": self.seed,
            "fast": self.fast,
        }

    @functools.cached_property
    def hyperparameters(self) -> keras_tuner.HyperParameters:
        hp = keras_tuner.HyperParameters()
        parameters.declare(hp, self.parameters, self.recipe)
        return hp

    def oracle(self, seconds: float | None = None):
        """The oracle, with so many seconds left."""
        options = {"combinations": self.combinations} if self.combinations else {}
        oracle = oracles.make(
            self.tuner,
            self.objective,
            self.hyperparameters,
            trials=self.trials,
            seed=self.seed,
            epochs=self.recipe.epochs,
            first={p.name: p.start(self.recipe) for p in self.parameters},
            **options,
        )
        oracle.deadline = None if seconds is None else time.monotonic() + seconds
        return oracle

    def trial_folder(self, number: int) -> pathlib.Path:
        return self.folder / "trials" / f"{number:04d}"

    def trial(self, values: dict, epochs: int | None, seconds: float | None) -> dict:
        """What the process of a trial must know."""
        recipe = space.change(self.recipe, self.parameters, values).replace(epochs=epochs)
        patience = min(self.patience, recipe.epochs) or None
        recipe = dataclasses.replace(recipe, patience=patience)
        limits = [limit for limit in (self.trial_seconds, seconds) if limit is not None]
        return {
            "values": values,
            "recipe": recipe.to_json(),
            "metric": self.objective.name,
            "seconds": min(limits, default=None),
            "fast": self.fast,
        }


def plan_search(
    recipe: Recipe, out=None, *, tuner, trials, validation=None, only=(), **settings
) -> Plan:
    """Check all settings and load the data, a part of which must be left for validation."""
    errors.one_of("tuner", tuner, oracles.NAMES)
    settings = checks.plain(settings)
    fast = settings.get("fast", False)
    checks.flags(fast=fast)
    checks.integers(trials=trials, limit=checks.LARGEST)
    checks.integers(at_least=0, below=2**31, seed=settings.get("seed", 0))
    checks.integers(optional=True, patience=settings.get("patience"))
    checks.paths(optional=True, out=out)
    listed = isinstance(only, (tuple, list)) and all(isinstance(name, str) for name in only)
    checks.check("only", only, listed, "a tuple of names of hyperparameters")
    _check_combinations(settings.get("combinations"))
    parameters.parameters_of(recipe, only=only)  # find a wrong name before loading the data
    if validation is not None:
        checks.numbers(above=0, below=1, validation=validation)
        recipe = _validated_by(recipe, checks.plain(validation))
    info = prepare.load_data(recipe).info
    if not info.counts["validation"]:
        if validation is not None:
            expected = "a fraction that leaves some examples"
            raise InvalidInput("value for `validation`", expected, validation)
        recipe = _validated_by(recipe, VALIDATION)
        info = prepare.load_data(recipe).info
    recipe = recipe.replace(epochs=1) if fast else recipe
    task = prepare.task_for(recipe, info)
    patience = settings.pop("patience", None) or recipe.patience or max(5, recipe.epochs // 5)
    return Plan(
        recipe=recipe,
        parameters=parameters.parameters_of(recipe, info, only),
        objective=task.objective,
        folder=pathlib.Path(out) if out else _folder(recipe, tuner, settings.get("seed", 0), fast),
        tuner=tuner,
        trials=min(trials, 2) if fast else trials,
        patience=patience if task.early_stopping else 0,
        **settings,
    )


def _check_combinations(combinations):
    listed = isinstance(combinations, (tuple, list)) and bool(combinations)
    holds = listed and all(isinstance(values, dict) for values in combinations)
    expected = "a list of dicts, values by the names of hyperparameters, or None"
    checks.check("combinations", combinations, holds or combinations is None, expected)


def _validated_by(recipe, fraction):
    return recipe.replace(data_options={**recipe.data_options, "validation": fraction})


def _folder(recipe, tuner, seed, fast):
    data = pathlib.Path(recipe.data.replace(":", "-")).stem
    tail = "-fast" if fast else ""
    return pathlib.Path("tunings") / f"{recipe.name}-{data}-{tuner}-seed{seed}{tail}"


class Tuner(base_tuner.BaseTuner):
    """KerasTuner's loop over trials: ask the oracle, run the trial, report the result.

    Args:
        oracle: One of `kerasdl.tuning.oracles`.
        folder: Where KerasTuner's files are, from which a stopped search is resumed.
        run: function from a trial's number, values and epochs to its result.
    """

    def __init__(self, oracle, folder: pathlib.Path, run: Callable[[int, dict, int | None], dict]):
        self.run = run
        with contextlib.redirect_stdout(io.StringIO()):  # KerasTuner prints that it reloads
            super().__init__(oracle, directory=folder, project_name="oracle")
        self.save()

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        with patches.replaced(config, "DEBUG", False):  # prints the traceback of a failed trial
            super()._try_run_and_update_trial(trial, *args, **kwargs)

    def run_trial(self, trial):
        values = trial.hyperparameters.values
        own = {name: value for name, value in values.items() if not name.startswith(HYPERBAND)}
        result = self.run(int(trial.trial_id), own, values.get(HYPERBAND + "epochs"))
        if result["status"] == "failed":
            raise keras_tuner.errors.FailedTrialError(result["reason"])
        return {self.oracle.objective.name: result["score"]}

    def pre_create_trial(self):
        if self._is_worker():
            time.sleep(0.2)  # do not flood a chief that has no trial yet with requests

    def save(self):
        if not self._is_worker():
            self.oracle.save()

    def _get_tuner_fname(self):
        # KerasTuner reloads if this file exists: the state of the oracle, which is never torn
        return str(pathlib.Path(self.project_dir) / "oracle.json")
