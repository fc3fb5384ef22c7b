"""Searches that evaluate a known function in place of training in a process."""

import keras_tuner
import pytest

from kerasdl.tasks.task import Metric
from kerasdl.tuning import oracles, search


class Search:
    """An oracle in a folder, with a function in place of trials; `None` is a failed trial."""

    def __init__(self, name, function, folder, trials, direction="min", space=None, **options):
        hp = keras_tuner.HyperParameters()
        for key, values in (space or {"x": (0.0, 1.0)}).items():
            if isinstance(values, tuple):
                hp.Float(key, *values)
            else:
                hp.Choice(key, values)
        objective = Metric("y", direction, "")
        self.oracle = oracles.make(name, objective, hp, trials=trials, **options)
        self.function, self.tried, self.scores = function, [], []
        self.tuner = search.Tuner(self.oracle, folder, self.run)

    def run(self, number, values, epochs):
        self.tried.append(values if epochs is None else {**values, "epochs": epochs})
        score = self.function(**values)
        if score is None:
            return {"status": "failed", "reason": "it could not be"}
        self.scores.append(score)
        return {"status": "completed", "score": float(score)}

    def all(self):
        self.tuner.search()
        return self


@pytest.fixture
def searched(tmp_path_factory):
    """Return a function that runs a search; the same folder continues it."""

    def search(name, function, trials, folder=None, **options):
        folder = folder or tmp_path_factory.mktemp("search")
        return Search(name, function, folder, trials, **options).all()

    return search
