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
    from sklearn import ensemble, inspection

    x, y = np.asarray(positions, float), np.asarray(scores, float)
    forest = ensemble.RandomForestRegressor(TREES, oob_score=True, random_state=seed).fit(x, y)
    lost = inspection.permutation_importance(forest, x, y, n_repeats=REPEATS, random_state=seed)
    mean, deviation = lost.importances_mean, lost.importances_std
    return Importance(tuple(names), mean, deviation, float(forest.oob_score_))
