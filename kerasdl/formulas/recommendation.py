"""Recommendation: what to show next."""

import numpy as np


def recommend(scores, seen, k=10):
    """The k best for each user that they do not know yet: (users, items) -> (users, k).

        top_k( s where not seen, else -inf )

    Spec: OTH-04

    >>> recommend(np.array([[0.9, 0.2, 0.7]]), np.array([[True, False, False]]), k=2).tolist()
    [[2, 1]]
    """
    return np.argsort(-np.where(seen, -np.inf, scores), axis=-1, kind="stable")[:, :k]
