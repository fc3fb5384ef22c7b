"""Unrolled recurrences: sequences, bidirectional, masked, truncated, and over trees."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerasdl.formulas.gradients import backpropagation_through_time


def unroll(step: Callable, x: np.ndarray, *state: np.ndarray) -> tuple[np.ndarray, tuple]:
    """Apply a recurrent step along a sequence; returns all states h and the last state.

        s_t = step(x_t, s_{t-1})

    The same weights serve every step, so any length fits, and outputs do not depend on later
    inputs.

    Args:
        step: function of an input and the state.
        x: array (..., time, inputs).
        state: arrays, initial state.

    >>> h, last = unroll(lambda x, h: x + 0.5 * h, np.ones((3, 1)), np.zeros(1))
    >>> h.ravel().tolist(), last[0].tolist()
    ([1.0, 1.5, 1.75], [1.75])
    """
    outputs = []
    for now in np.moveaxis(x, -2, 0):
        after = step(now, *state)
        state = after if isinstance(after, tuple) else (after,)
        outputs.append(state[0])
    return np.stack(outputs, axis=-2), state


def bidirectional(forward: Callable, backward: Callable, x: ArrayLike) -> np.ndarray:
    """Bidirectional recurrence: forward and backward outputs side by side.

        h_t = [forward(x)_t ; backward(reversed x)_{T+1-t}]

    It sees the future, so it cannot generate text. Layers can be stacked.

    Args:
        forward: function from (..., time, inputs) to (..., time, units).
        backward: function of the same kind, applied to the reversed sequence.
        x: array (..., time, inputs).

    >>> summed = lambda x: np.cumsum(x, axis=-2)
    >>> bidirectional(summed, summed, np.array([[1.0], [2.0], [3.0]])).tolist()
    [[1.0, 6.0], [3.0, 5.0], [6.0, 3.0]]

    Reference: Schuster and Paliwal, 1997.
    """
    reverse = np.flip(backward(np.flip(x, axis=-2)), axis=-2)
    return np.concatenate([forward(x), reverse], axis=-1)


def carry_over_padding(new: ArrayLike, old: ArrayLike, real: ArrayLike) -> np.ndarray:
    """Masked step: keep the state where the input is padding.

        s_t = m_t step(x_t, s_{t-1}) + (1 - m_t) s_{t-1}

    The last state is then that of the last real token. A zero embedding for padding is not enough,
    because the step still changes the state.

    Args:
        new: array (..., units), state after the step.
        old: array (..., units), state before it.
        real: bool array (...,), False for padding.

    >>> carry_over_padding(np.array([[5.0], [6.0]]), np.zeros((2, 1)), [True, False]).tolist()
    [[5.0], [0.0]]
    """
    return np.where(np.asarray(real)[..., None], new, old)


def truncated_backpropagation_through_time(
    x: np.ndarray,
    states: np.ndarray,
    w: np.ndarray,
    u: np.ndarray,
    upstream: np.ndarray,
    every: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truncated backpropagation through time: the state is carried on, its gradient is cut.

        dh_t/dh_{t-1} := 0 where t - 1 is a multiple of `every`

    Otherwise as `gradients.backpropagation_through_time`: returns dx, dW, dU, db. (Updating only
    after several batches is gradient accumulation, another thing.)

    Args:
        x: array (time, inputs).
        states: array (time + 1, units), h_0 to h_T.
        w: array (inputs, units), W.
        u: array (units, units), U.
        upstream: array (time, units), dL/dh_1 to dL/dh_T.
        every: int, number of steps between two cuts.

    >>> one, h = np.ones((1, 1)), np.zeros((5, 1))
    >>> x, late = np.ones((4, 1)), np.array([[0.0], [0.0], [0.0], [1.0]])
    >>> dx, *_ = truncated_backpropagation_through_time(x, h, one, 3 * one, late, every=2)
    >>> dx.ravel().tolist()
    [0.0, 0.0, 3.0, 1.0]

    Reference: Williams and Peng, 1990.
    """
    dx: list[np.ndarray] = []
    sums: list[np.ndarray] = []
    for start in range(0, len(x), every):
        part = slice(start, start + every)
        kept = states[start : start + every + 1]
        by_x, *rest = backpropagation_through_time(x[part], kept, w, u, upstream[part])
        dx.append(by_x)
        sums = [np.add(a, b) for a, b in zip(sums, rest, strict=True)] if sums else rest
    dw, du, db = sums
    return np.concatenate(dx), dw, du, db


def cell_state_gradient(forget: float | np.ndarray) -> np.ndarray:
    """Gradient along the cell state of an LSTM: the product of the forget gates.

        dc_T/dc_0 = prod_t f_t

    It depends on the learned gates how long an LSTM remembers; no fixed number of steps is right.
    With f = 0.99 a third is left after 100 steps.

    Args:
        forget: array (time, ...), forget gates f_t.

    >>> float(cell_state_gradient(np.full(100, 0.99)).round(3)), 0.5**100 < 1e-30
    (0.366, True)

    Reference: Gers et al., 2000.
    """
    return np.prod(forget, axis=0)


def recursive_step(
    left: float | np.ndarray,
    right: float | np.ndarray,
    w: float | np.ndarray,
    b: float | np.ndarray,
) -> np.ndarray:
    """Step of a recursive network: combine two parts into one vector of the same size.

        h = tanh([left ; right] W + b)

    Args:
        left: array (..., n).
        right: array (..., n).
        w: array (2n, n).
        b: array (n,).

    >>> recursive_step(np.ones(1), np.zeros(1), np.array([[1.0], [5.0]]), 0).round(6)
    array([0.761594])

    Reference: Socher et al., 2011.
    """
    return np.tanh(np.concatenate([left, right], axis=-1) @ w + b)


def compose(tree: Any, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Evaluate a recursive network on a tree, from the leaves up, with shared weights.

        (The (brown fox))  ->  step(The, step(brown, fox))

    A tree that only branches to the left, ((a b) c), is a plain recurrent network that starts at a.

    Args:
        tree: array (n,), or pair of trees.
        w: array (2n, n).
        b: array (n,).

    >>> w = np.full((2, 1), 0.5)
    >>> compose((np.ones(1), (np.ones(1), np.ones(1))), w, 0).round(6)
    array([0.706818])

    Reference: Socher et al., 2011.
    """
    if not isinstance(tree, tuple):
        return tree
    left, right = (compose(branch, w, b) for branch in tree)
    return recursive_step(left, right, w, b)
