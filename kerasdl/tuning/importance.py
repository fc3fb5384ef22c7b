"""How much each hyper-parameter matters, as far as the trials tell."""

import dataclasses

import numpy as np

FEWEST = 8  # trials from which anything is told
TREES, REPEATS = 300, 30


@dataclasses.dataclass(frozen=True)
class Importance:
    """Of each hyper-parameter what the forest loses without it.

    Args:
        names: The hyper-parameters.
        mean, deviation: R^2 that is lost when that column is shuffled, over shuffles.
        explained: R^2 of the trials that a tree did not see: near 0, nothing is known.
    """

    names: tuple[str, ...]
    mean: np.ndarray
    deviation: np.ndarray
    explained: float


def measure(names, positions, scores, seed: int = 0) -> Importance | None:
    """Permutation importance of a random forest that predicts scores; `None` of too few trials.

    Args:
        names: The hyper-parameters.
        positions: Of each trial, each value as a number in [0, 1].
        scores: Of each trial.
    """
    if len(scores) < FEWEST or np.ptp(scores) == 0:
        return None
    from sklearn import ensemble

    x, y = np.asarray(positions, float), np.asarray(scores, float)
    forest = ensemble.RandomForestRegressor(TREES, oob_score=True, random_state=seed).fit(x, y)
    random, columns = np.random.default_rng(seed), x.shape[1]
    shuffled = np.tile(x, (columns, REPEATS, 1, 1))
    for column in range(columns):
        shuffled[column, ..., column] = random.permuted(shuffled[column, ..., column], axis=-1)
    # all in one call: what a forest costs is the calls of its trees
    said = forest.predict(shuffled.reshape(-1, columns)).reshape(columns, REPEATS, len(y))
    worse = (said - y) ** 2 - (forest.predict(x) - y) ** 2
    lost = worse.mean(-1) / y.var()
    explained = float(forest.oob_score_)
    return Importance(tuple(names), lost.mean(-1), lost.std(-1), explained)
