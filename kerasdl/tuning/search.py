"""A search: a recipe, a space, an oracle, a folder; stopped at any time, it goes on."""

import json
import pathlib
import sys
import time

from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.recipes import lock
from kerasdl.recipes.recipe import Recipe
from kerasdl.recipes.run import Run
from kerasdl.tuning import limits, plan, reporting, running, tuner, workers

STARTING = 120.0  # seconds that a trial may take besides training, three times its own


class Search:
    """A search folder.

    Attributes:
        path: search.json, trials/, leaderboard.json, figures/, events/ (TensorBoard), best/, and
            oracle/, KerasTuner's own files.
        leaderboard: {"objective": ..., "best": ..., "trials": [...]}, best first.
        best: The best trial, as `kerasdl train` would have left it.
    """

    def __init__(self, path: str | pathlib.Path):
        self.path = pathlib.Path(path)

    @property
    def leaderboard(self) -> dict:
        return json.loads((self.path / "leaderboard.json").read_text(encoding="utf-8"))

    @property
    def best(self) -> Run:
        return recipes.open(self.path / "best")


def tune(
    recipe: Recipe,
    *,
    tuner: str = "bayesian",
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
    show=lambda line: print(line, file=sys.stderr, flush=True),
) -> Search | None:
    """Search a recipe's space; the result is a `Search`, or `None` for a worker.

    A trial trains the recipe with other values in a process of its own and is judged on the
    validation data. The first one is the recipe itself. With KerasTuner's variables
    KERASTUNER_TUNER_ID, _ORACLE_IP and _ORACLE_PORT, several processes share a search.

    Args:
        recipe: What is tuned; its `epochs` are those of a trial.
        tuner: "random", "grid", "bayesian" or "hyperband".
        trials: How many at most.
        time: For the whole search, such as "10m".
        trial_time: For training in one trial, such as "20s"; what ends by time depends on the
            machine, all else can be had again.
        patience: Epochs without a better validation loss after which a trial ends; by default a
            fifth of its epochs, 5 at least.
        validation: Share of the training data that judges; by default the recipe's, or a fifth.
        only: Names of hyper-parameters, where not all of the space are to be tuned.
        combinations: Values to try one after the other, by hand; the tuner is then "grid".
        seed: The same seed, the same trials.
        out: The folder; by default one under `tunings/`.
        fast: Two trials of one batch each, to see that it works.
        show: Gets a line for each trial.
    """
    role = workers.Role.of_environment()
    planned = plan.make(
        recipe,
        out,
        tuner="grid" if combinations else tuner,
        trials=trials,
        validation=validation,
        only=only,
        seconds=limits.seconds(time, "time"),
        trial_seconds=limits.seconds(trial_time, "trial-time"),
        patience=patience,
        combinations=combinations,
        seed=seed,
        fast=fast,
    )
    if role.name == "worker":
        _work(planned, role, show)
        return None
    with lock.hold(_claimed(planned)):
        _search(planned, role, show)
    return Search(planned.folder)


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
    board = reporting.Board(planned, show)
    left = None if planned.seconds is None else max(planned.seconds - board.spent, 0.0)
    oracle = planned.oracle(left)
    oracle.on_end = board.ended
    board.save()
    loop = tuner.Tuner(oracle, planned.folder, _runner(planned, lambda: oracle.deadline))
    try:
        if role.name == "chief":
            role.serve(oracle, planned.folder)
        else:
            loop.search()
    except KeyboardInterrupt:
        board.save()
        raise KeyboardInterrupt(
            f"Stopped. {board.count} trials are kept in {planned.folder}; the same command goes on."
        ) from None
    board.finish()


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
            show(f"{planned.folder} holds this search, finished; to go on, start its chief first.")
            return
        loop = tuner.Tuner(planned.oracle(), planned.folder, reported)
        loop.search()


def _runner(planned, deadline):
    """What runs a trial, within the time that is left."""

    def run(number, values, epochs):
        left = deadline() and max(deadline() - time.monotonic(), 1.0)
        specification = planned.trial(values, epochs, left)
        limit = specification["seconds"]
        return running.run(
            planned.trial_folder(number),
            specification,
            seconds=limit and 3 * limit + STARTING,
        )

    return run
