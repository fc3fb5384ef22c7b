"""Recommendation: rank what a user has not seen."""

import numpy as np
from numpy.typing import ArrayLike


def recommend(scores: ArrayLike, seen: ArrayLike, k: int = 10) -> np.ndarray:
    """The k items with the highest scores that each user has not seen yet.

        top_k( s where not seen, else -inf )

    Args:
        scores: array (users, items).
        seen: bool array (users, items).
        k: int, number of recommendations.

    >>> recommend(np.array([[0.9, 0.2, 0.7]]), np.array([[True, False, False]]), k=2).tolist()
    [[2, 1]]
    """
    return np.argsort(-np.where(seen, -np.inf, scores), axis=-1, kind="stable")[:, :k]
