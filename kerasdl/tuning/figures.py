"""Figures and TensorBoard events of a search, and the importance of its hyperparameters."""

import dataclasses
import itertools
import shutil
from collections.abc import Sequence

import numpy as np

from kerasdl.explain import style
from kerasdl.runs import folder
from kerasdl.tuning import parameters
from kerasdl.utils import plain_text

FEWEST = 8  # trials from which importance can be estimated
TREES, REPEATS = 300, 30
CURVES = 12  # learning curves that are drawn, of the best trials
WHITE = {"boxstyle": "square,pad=0.1", "color": "white", "alpha": 0.7}
LABEL = {"textcoords": "offset points", "fontsize": 8, "bbox": WHITE, "zorder": 5}


@dataclasses.dataclass(frozen=True)
class Importance:
    """How much each hyperparameter matters.

    Args:
        names: tuple of str, the hyperparameters.
        mean: array, the loss of R^2 when a hyperparameter is shuffled, averaged over shuffles.
        deviation: array, its standard deviation.
        explained: float, the R^2 on trials that a tree was not fitted to: near 0, the importance
            means nothing.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray
    explained: float


def importance(names: Sequence[str], positions, scores, seed: int = 0) -> Importance | None:
    """Permutation importance in a random forest that predicts scores; `None` for too few trials.

    Args:
        names: The hyperparameters.
        positions: array (trials, names), each value as a number in [0, 1].
        scores: array (trials,).
        seed: int, of the forest.
    """
    if len(scores) < FEWEST or np.ptp(scores) == 0:
        return None
    from sklearn import ensemble, inspection

    x, y = np.asarray(positions, float), np.asarray(scores, float)
    forest = ensemble.RandomForestRegressor(TREES, oob_score=True, random_state=seed).fit(x, y)
    lost = inspection.permutation_importance(forest, x, y, n_repeats=REPEATS, random_state=seed)
    mean, deviation = lost.importances_mean, lost.importances_std
    return Importance(tuple(names), mean, deviation, float(forest.oob_score_))


def draw(plan, board: dict):
    """Draw a leaderboard into the folder of a search."""
    rows = [row for row in board["trials"] if row["status"] == "completed"]
    if not rows:
        return
    names = [p.name for p in plan.parameters]
    x = [parameters.positions(plan.hyperparameters, row["values"]) for row in rows]
    scores = [row["score"] for row in rows]
    found = {
        "best_so_far": lambda: best_so_far(rows, plan.objective),
        "parallel_coordinates": lambda: parallel_coordinates(rows, x, plan),
        "learning_curves": lambda: learning_curves(rows, plan),
    }
    if known := importance(names, x, scores):
        found["importance"] = lambda: importance_bars(known)
    folder.save_figures(plan.folder, found)


def best_so_far(rows, objective):
    """Draw each trial's score and the best so far."""
    rows = sorted(rows, key=lambda row: row["trial"])
    numbers, scores = [r["trial"] for r in rows], [r["score"] for r in rows]
    best = list(itertools.accumulate(scores, lambda a, b: objective.best([a, b])))
    with style.figure(6.5, 3.6) as picture:
        axis = picture.subplots()
        axis.plot(numbers, scores, "o", color=style.BLUE, label="a trial")
        axis.step(numbers, best, where="post", color=style.ORANGE, label="best so far")
        axis.set(xlabel="trial", title=f"validation {objective.name.replace('_', ' ')}")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return picture


def parallel_coordinates(rows, positions, plan):
    """Draw a line for each trial through its values, colored by its score."""
    import matplotlib

    ranks = np.argsort(np.argsort([row["score"] for row in rows]))
    if plan.objective.direction == "min":
        ranks = len(rows) - 1 - ranks
    shades = matplotlib.colormaps["viridis"](ranks / max(len(rows) - 1, 1))
    with style.figure(1.5 * len(plan.parameters) + 2, 4.2) as picture:
        axis = picture.subplots()
        for row in range(len(rows) - 1, -1, -1):
            best = row == 0
            axis.plot(
                positions[row],
                color=style.ORANGE if best else shades[row],
                linewidth=2.5 if best else 1,
                alpha=1 if best else 0.7,
                label="best" if best else None,
            )
        for place, p in enumerate(plan.hyperparameters.space):
            for label, height in _ticks(p):
                axis.annotate(label, (place, height), (3, 0), **LABEL)
        groups = [
            plain_text.for_figure(f"{p.name.replace('_', ' ')}\n({p.group})")
            for p in plan.parameters
        ]
        axis.set_xticks(range(len(groups)), groups, fontsize=8)
        axis.set(yticks=[], xlim=(-0.2, len(groups) - 0.5), ylim=(-0.04, 1.04))
        axis.set_title(f"{len(rows)} trials by {plan.objective.name}: dark is worst, light is best")
        axis.grid(axis="x", color="#888888")
        axis.legend(loc="upper right", fontsize=8)
    return picture


def _ticks(parameter):
    """Some values of a hyperparameter and their positions."""
    if hasattr(parameter, "min_value"):
        return [(f"{parameter.prob_to_value(at):.2g}", at) for at in (0, 0.5, 1)]
    labels = map(plain_text.for_figure, parameter.values)
    positions = map(parameter.value_to_prob, parameter.values)
    return list(zip(labels, positions, strict=True))


def importance_bars(found: Importance):
    """Draw the importance of each hyperparameter, largest first."""
    order = np.argsort(found.mean)
    with style.figure(6.5, 0.35 * len(order) + 1.2) as picture:
        axis = picture.subplots()
        names = [found.names[i].replace("_", " ") for i in order]
        axis.barh(names, found.mean[order], xerr=found.deviation[order], color=style.BLUE)
        axis.set(xlabel="R² that a random forest loses when these values are shuffled")
        explained = f"explains {max(found.explained, 0):.0%} of unseen trials"
        axis.set_title(f"importance by a random forest that {explained}")
    return picture


def learning_curves(rows, plan):
    """Draw the results of the best trials on the validation data after each epoch."""
    metric = plan.objective.name
    with style.figure(6.5, 4) as picture:
        axis = picture.subplots()
        for place, row in enumerate(rows[:CURVES]):
            history = folder.read_history(plan.folder / row["run"] / folder.HISTORY)
            # the objective itself if training reports it, because losses of recipes differ
            names = [f"val_{metric}", "val_loss", *history]
            name = next(name for name in names if name in history)
            axis.plot(
                range(1, len(history[name]) + 1),
                history[name],
                color=style.ORANGE if place == 0 else style.BLUE,
                alpha=1 if place == 0 else 0.35,
                marker="o" if len(history[name]) == 1 else None,
                zorder=3 if place == 0 else 2,
                label={0: "best", 1: "others"}.get(place),
            )
        shown = name.replace("val_", "validation ").replace("_", " ")
        axis.set(xlabel="epoch", title=f"{shown} of the {min(len(rows), CURVES)} best trials")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return picture


def write_events(plan, board: dict):
    """Write all trials for TensorBoard's HParams page: `tensorboard --logdir FOLDER/events`."""
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    events = plan.folder / "events"
    shutil.rmtree(events, ignore_errors=True)
    domains = {p.name: api.HParam(p.name, _domain(api, p)) for p in plan.hyperparameters.space}
    metric = plan.objective.name
    with tf.summary.create_file_writer(str(events)).as_default():
        shown = [api.Metric(metric, display_name=board["objective"])]
        api.hparams_config(hparams=list(domains.values()), metrics=shown)
    for row in board["trials"]:
        if row["status"] != "completed":
            continue
        name = f"{row['trial']:04d}"
        with tf.summary.create_file_writer(str(events / name)).as_default():
            values = {domains[key]: value for key, value in row["values"].items()}
            api.hparams(values, trial_id=name)
            tf.summary.scalar(metric, row["score"], step=row["epochs"])


def _domain(api, parameter):
    if hasattr(parameter, "min_value"):
        return api.RealInterval(parameter.min_value, parameter.max_value)
    return api.Discrete([*parameter.values])
