"""Graphs: layers for things that are connected."""

import numpy as np


def normalized_adjacency(adjacency, loops=True):
    """Who hears whom, so that those with many neighbours do not shout: A may count each itself.

        D^(-1/2) A D^(-1/2)        d_i = sum_j A_ij, A <- A + I with loops

    Spec: OTH-08

    >>> normalized_adjacency(np.array([[0, 1], [1, 0]])).round(6).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    joined = adjacency + np.eye(len(adjacency)) if loops else adjacency
    scale = 1 / np.sqrt(joined.sum(axis=1))
    return scale[:, None] * joined * scale


def graph_convolution(x, adjacency, w, loops=True):
    """Each node adds up its neighbours, weighed by 1 / sqrt(d_i d_j); all pass one dense layer.

        Y = D^(-1/2) A D^(-1/2) X W

    Spec: OTH-08

    >>> pair, x = np.array([[0, 1], [1, 0]]), np.array([[1.0], [3.0]])
    >>> graph_convolution(x, pair, np.eye(1)).round(6).tolist()
    [[2.0], [2.0]]
    """
    return normalized_adjacency(adjacency, loops) @ x @ w
