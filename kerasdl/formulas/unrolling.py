"""Steps in a row: along a sequence, both ways, past padding, up a tree, and gradients back."""

import numpy as np

from kerasdl.formulas.gradients import backpropagation_through_time


def unroll(step, x, *state):
    """The same step, with the same weights, for each moment: x is (..., time, inputs).

        s_t = step(x_t, s_{t-1})

    So any length fits, and what comes at t does not know what follows. Gives every h
    (..., time, units) and the last state.

    Spec: RNN-02, RNN-03, RNN-36

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


def bidirectional(forward, backward, x):
    """What came before and what follows, side by side: twice the units, and no use for writing.

        h_t = [forward(x)_t ; backward(reversed x)_{T+1-t}]

    Both are functions from (..., time, inputs) to (..., time, units). Stacked, one reads what the
    other wrote.

    Spec: RNN-12, RNN-13

    >>> summed = lambda x: np.cumsum(x, axis=-2)
    >>> bidirectional(summed, summed, np.array([[1.0], [2.0], [3.0]])).tolist()
    [[1.0, 6.0], [3.0, 5.0], [6.0, 3.0]]
    """
    reverse = np.flip(backward(np.flip(x, axis=-2)), axis=-2)
    return np.concatenate([forward(x), reverse], axis=-1)


def carry_over_padding(new, old, real):
    """Where a text has ended its state stays: the last state is that of its last word.

        s_t = m_t step(x_t, s_{t-1}) + (1 - m_t) s_{t-1}

    One of the notes only sets padding's embedding to zero. The step still runs on those zeros and
    moves the state: it takes a mask.

    Spec: RNN-14, E-88

    >>> carry_over_padding(np.array([[5.0], [6.0]]), np.zeros((2, 1)), [True, False]).tolist()
    [[5.0], [0.0]]
    """
    return np.where(np.asarray(real)[..., None], new, old)


def truncated_backpropagation_through_time(x, states, w, u, upstream, every):
    """Learn from the last steps only: at each `every` steps the state goes on, its gradient stops.

        dh_t/dh_{t-1} := 0 where t - 1 is a multiple of `every`

    Otherwise as `gradients.backpropagation_through_time`: gives dx, dW, dU, db. One of the notes
    says "update the weights after a few batches" of it and of mini-batches; that is accumulation.

    Spec: RNN-10, RNN-11, RNN-37, E-78

    >>> one, h = np.ones((1, 1)), np.zeros((5, 1))
    >>> x, late = np.ones((4, 1)), np.array([[0.0], [0.0], [0.0], [1.0]])
    >>> dx, *_ = truncated_backpropagation_through_time(x, h, one, 3 * one, late, every=2)
    >>> dx.ravel().tolist()
    [0.0, 0.0, 3.0, 1.0]
    """
    dx, sums = [], 0
    for start in range(0, len(x), every):
        part = slice(start, start + every)
        kept = states[start : start + every + 1]
        by_x, *rest = backpropagation_through_time(x[part], kept, w, u, upstream[part])
        dx.append(by_x)
        sums = [np.add(a, b) for a, b in zip(sums, rest, strict=True)] if sums else rest
    return np.concatenate(dx), *sums


def cell_state_gradient(forget):
    """What an LSTM's long memory passes on, along the memory itself: the gates' product.

        dc_T/dc_0 = prod_t f_t

    The notes give a plain network 8 to 10 steps, or 10 to 20, and an LSTM hundreds, or over 1000.
    No such number is right: f, which it learns, decides. 0.99 leaves a third after 100 steps.

    Spec: RNN-19, E-54

    >>> float(cell_state_gradient(np.full(100, 0.99)).round(3)), 0.5**100 < 1e-30
    (0.366, True)
    """
    return np.prod(forget, axis=0)


def recursive_step(left, right, w, b):
    """Two parts as one, of the same size: a recursive network's step, with W (2n, n).

        h = tanh([left ; right] W + b)

    Spec: RNN-31

    >>> recursive_step(np.ones(1), np.zeros(1), np.array([[1.0], [5.0]]), 0).round(6)
    array([0.761594])
    """
    return np.tanh(np.concatenate([left, right], axis=-1) @ w + b)


def compose(tree, w, b):
    """A tree of words from the leaves up, with the same W at each of its `leaves - 1` joints.

        (The (brown fox))  ->  step(The, step(brown, fox))

    Where only left branches go on, ((a b) c), it is a plain recurrent network that starts at a.

    Spec: RNN-31, RNN-32

    >>> w = np.full((2, 1), 0.5)
    >>> compose((np.ones(1), (np.ones(1), np.ones(1))), w, 0).round(6)
    array([0.706818])
    """
    if not isinstance(tree, tuple):
        return tree
    return recursive_step(*(compose(branch, w, b) for branch in tree), w, b)
