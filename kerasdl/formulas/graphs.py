"""Graph neural networks: layers for nodes that are connected by edges."""

import numpy as np


def normalized_adjacency(adjacency: np.ndarray, loops: bool = True) -> np.ndarray:
    """Adjacency matrix, normalized so that nodes with many neighbors do not dominate.

        D^(-1/2) A D^(-1/2)        d_i = sum_j A_ij, A <- A + I with loops

    Args:
        adjacency: array (nodes, nodes), 1 for an edge, else 0.
        loops: bool, connect each node with itself.

    >>> normalized_adjacency(np.array([[0, 1], [1, 0]])).round(6).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    joined = adjacency + np.eye(len(adjacency)) if loops else adjacency
    scale = 1 / np.sqrt(joined.sum(axis=1))
    return scale[:, None] * joined * scale


def graph_convolution(
    x: np.ndarray, adjacency: np.ndarray, w: np.ndarray, loops: bool = True
) -> np.ndarray:
    """Graph convolution (GCN): average over neighbors, then one dense layer for all nodes.

        Y = D^(-1/2) A D^(-1/2) X W

    Args:
        x: array (nodes, inputs).
        adjacency: array (nodes, nodes), 1 for an edge, else 0.
        w: array (inputs, units).
        loops: bool, connect each node with itself.

    >>> pair, x = np.array([[0, 1], [1, 0]]), np.array([[1.0], [3.0]])
    >>> graph_convolution(x, pair, np.eye(1)).round(6).tolist()
    [[2.0], [2.0]]

    Reference: Kipf and Welling, 2017.
    """
    return normalized_adjacency(adjacency, loops) @ x @ w
