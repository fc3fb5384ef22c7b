"""Oracles on known functions: the values they try and find, and resuming after a stop."""

import collections
import itertools
import json
import time

import keras_tuner
import numpy as np
import pytest
from scipy import stats

from kerasdl.errors import InvalidInput
from kerasdl.tasks.task import Metric
from kerasdl.tuning import oracles, parameters

THREE, TWO = [1, 2, 3], ["a", "b"]


def valley(x):
    """A function with two minima, the lower one -6.0207 at 0.757."""
    return (6 * x - 2) ** 2 * np.sin(12 * x - 4)


def branin(x, y):
    """The Branin function, with three minima of 0.3979."""
    slope = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return slope**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


PLANE = {"x": (-5.0, 10.0), "y": (0.0, 15.0)}


class Stop(BaseException):
    """An exception that no oracle catches, in place of a kill."""


def stopping_at(function, count):
    """Return the function with an interrupt at its count-th call."""
    calls = itertools.count(1)

    def call(**values):
        if next(calls) == count:
            raise Stop
        return function(**values)

    return call


@pytest.mark.rows("HPO-03")
def test_grid_tries_every_combination_once(searched):
    """3 x 2 x 2 = 12 trials."""
    space = {"p": THREE, "q": TWO, "r": [0.1, 0.2]}
    found = searched("grid", lambda p, q, r: p + r, 100, space=space)
    tried = [tuple(values.values()) for values in found.tried]
    assert len(tried) == 12
    assert set(tried) == set(itertools.product(*space.values()))


def test_stopped_grid_search_continues(searched, tmp_path):
    """The interrupted combination is tried again. KerasTuner's grid search does not continue."""
    space = {"p": THREE, "q": TWO}
    with pytest.raises(Stop):
        searched("grid", stopping_at(lambda p, q: p, 3), 100, tmp_path, space=space)
    found = searched("grid", lambda p, q: p, 100, tmp_path, space=space)
    tried = [tuple(values.values()) for values in found.tried]
    assert tried == list(itertools.product(*space.values()))[2:]


def test_grid_larger_than_the_trials_covers_all_values(searched):
    space = {"p": THREE, "q": THREE, "r": THREE}
    found = searched("grid", lambda p, q, r: p, 12, space=space)
    assert len({tuple(values.values()) for values in found.tried}) == 12
    for name in space:
        assert {values[name] for values in found.tried} == {1, 2, 3}


@pytest.mark.rows("HPO-02")
def test_manual_search_tries_a_list_and_finds_the_best(searched):
    listed = [{"x": 0.2}, {"x": 0.757}, {"x": 0.9}]
    found = searched("grid", valley, 3, combinations=listed)
    assert found.tried == listed
    best = found.oracle.get_best_trials()[0]
    assert best.hyperparameters.values == {"x": 0.757} and best.score == min(found.scores)


@pytest.mark.rows("HPO-04")
def test_random_learning_rates_are_log_uniform():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-5, 1e-1, sampling="log")
    oracle = oracles.make("random", Metric("y", "min", ""), hp, trials=3)
    drawn = np.array([oracle._random_values()["rate"] for _ in range(2000)])
    assert drawn.min() >= 1e-5 and drawn.max() <= 1e-1
    assert np.median(drawn) == pytest.approx(1e-3, rel=0.3)
    assert stats.kstest(np.log10(drawn), stats.uniform(-5, 4).cdf).pvalue > 0.01


@pytest.mark.rows("HPO-05")
def test_nine_trials_try_three_values_in_a_grid_and_nine_at_random(searched):
    """So random search finds the best value of the important one more precisely."""
    plane = {"key": (0.0, 1.0), "other": (0.0, 1.0)}

    def function(key, other):
        return (key - 0.7) ** 2 + 0.01 * other

    grid = searched("grid", function, 9, space=plane)
    random = searched("random", function, 9, space=plane)
    assert len({values["key"] for values in grid.tried}) == 3 and len(grid.tried) == 9
    assert len({values["key"] for values in random.tried}) == 9
    assert min(random.scores) < min(grid.scores)


@pytest.mark.rows("HPO-06")
@pytest.mark.parametrize(
    ("function", "space", "trials", "optimum", "enough"),
    [(valley, {"x": (0.0, 1.0)}, 20, -6.0207, 9), (branin, PLANE, 25, 0.3979, 5)],
    ids=["valley", "branin"],
)
@pytest.mark.slow
def test_bayesian_search_beats_random_over_ten_seeds(
    function, space, trials, optimum, enough, searched
):
    """It is within 5 % of the optimum for most seeds, and better than random on average."""
    best = {
        name: [
            min(searched(name, function, trials, space=space, seed=seed).scores)
            for seed in range(10)
        ]
        for name in ("bayesian", "random")
    }
    near = np.abs(np.array(best["bayesian"]) - optimum) < 0.05 * abs(optimum)
    assert near.sum() >= enough, best["bayesian"]
    gap = {name: np.mean(values) - optimum for name, values in best.items()}
    assert gap["bayesian"] < gap["random"] / 4


def test_maximizing_tries_the_same_values_as_minimizing_the_negative(searched):
    up = searched("bayesian", lambda x: -valley(x), 8, direction="max")
    assert up.tried == searched("bayesian", valley, 8).tried


@pytest.mark.parametrize("name", ["random", "bayesian", "grid", "hyperband"])
def test_same_seed_tries_the_same_values_even_after_a_stop(name, searched, tmp_path):
    options = {"space": {"x": (0.0, 1.0), "c": THREE}, "epochs": 9}

    def function(x, c):
        return valley(x) + c

    whole = searched(name, function, 12, **options).tried
    assert whole == searched(name, function, 12, **options).tried
    with pytest.raises(Stop):
        searched(name, stopping_at(function, 8), 12, tmp_path, **options)
    rest = searched(name, function, 12, tmp_path, **options)
    assert rest.tried == whole[7:]
    if name in ("random", "bayesian"):
        assert whole != searched(name, function, 12, seed=1, **options).tried


def test_trial_that_is_missing_in_the_oracle_file_is_run(searched, tmp_path):
    """KerasTuner writes two files, and a kill may come between them."""
    searched("random", valley, 3, tmp_path)
    before = json.loads((tmp_path / "oracle" / "oracle.json").read_text())
    with pytest.raises(Stop):
        searched("random", stopping_at(valley, 1), 5, tmp_path)
    (tmp_path / "oracle" / "oracle.json").write_text(json.dumps(before))
    found = searched("random", valley, 5, tmp_path)
    assert len(found.tried) == 2 and found.tried[0] != found.tried[1]


@pytest.mark.parametrize("name", ["random", "bayesian", "hyperband"])
def test_failed_trials_are_recorded_and_the_search_continues(name, searched, capsys):
    def function(x):
        return None if x > 0.6 else -x

    found = searched(name, function, 25, epochs=9)
    failed = [t for t in found.oracle.trials.values() if t.status == "FAILED"]
    assert len(failed) >= 3 and len(found.tried) == 25
    assert all("it could not be" in trial.message for trial in failed)
    assert min(found.scores) < -0.5
    if name == "bayesian":  # KerasTuner's oracle would propose the same point again and again
        lost = sum(values["x"] > 0.6 for values in found.tried[-10:])
        assert lost <= 6 and len({values["x"] for values in found.tried}) == 25
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.rows("HPO-11")
def test_hyperband_trains_the_best_trials_longer(searched):
    """18 trials are a whole bracket: 12 of 3 epochs, the best 4 of 9, the best 2 of 27."""
    found = searched("hyperband", valley, 18, epochs=27)
    rounds = {3: 12, 9: 4, 27: 2}
    assert collections.Counter(values["epochs"] for values in found.tried) == rounds
    for few, more in ((3, 9), (9, 27)):
        before = sorted(valley(v["x"]) for v in found.tried if v["epochs"] == few)
        after = sorted(valley(v["x"]) for v in found.tried if v["epochs"] == more)
        assert after == before[: len(after)]


def test_no_trial_starts_after_the_time_limit(searched, tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    for name in oracles.NAMES:
        oracle = oracles.make(name, Metric("y", "min", ""), hp, trials=5, epochs=9)
        oracle._set_project_dir(tmp_path, name)
        oracle.deadline = time.monotonic() - 1
        assert oracle.create_trial("tuner0").status == "STOPPED"


def test_first_trial_has_the_given_values(searched):
    for name in ("random", "bayesian"):
        found = searched(name, valley, 4, first={"x": 0.123})
        assert found.tried[0] == {"x": 0.123} and len({v["x"] for v in found.tried}) == 4


def test_grid_of_a_range_includes_its_ends():
    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1e-2, sampling="log")
    values = [each["rate"] for each in parameters.grid(hp)]
    np.testing.assert_allclose(values, [1e-4, 1e-3, 1e-2])


def test_unknown_tuner_is_refused():
    with pytest.raises(InvalidInput, match="bayesian"):
        oracles.make("bayes", None, None, trials=1)
