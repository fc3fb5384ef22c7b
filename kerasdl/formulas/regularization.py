"""Regularization: what keeps a network from learning its examples by heart."""

import numpy as np


def l1_penalty(w, rate=0.01):
    """Added to the loss, it costs every weight the same slope: small ones go to 0 (LASSO).

        L = L_orig + lambda sum |w_i|

    Plain gradient steps jump about 0; `soft_threshold` gets there.

    Spec: LOS-07, REG-01, AEN-09

    >>> round(float(l1_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.06
    """
    return rate * np.sum(np.abs(w))


def l2_penalty(w, rate=0.01):
    """Added to the loss, it costs large weights most: all shrink, none becomes 0 (ridge).

        L = L_orig + lambda sum w_i^2        without the 1/2 that some write

    With plain gradient descent it is weight decay by 2 eta lambda; with Adam it is not, see
    `optimizers.adamw`.

    Spec: LOS-08, REG-02, REG-20

    >>> round(float(l2_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.14
    """
    return rate * np.sum(np.square(w))


def elastic_net_penalty(w, l1=0.01, l2=0.01):
    """Both, each with its rate.

        L = L_orig + lambda_1 sum |w_i| + lambda_2 sum w_i^2

    Spec: REG-03

    >>> round(float(elastic_net_penalty(np.array([1.0, -2.0, 3.0]))), 6)
    0.2
    """
    return l1_penalty(w, l1) + l2_penalty(w, l2)


def soft_threshold(w, shrinkage):
    """The step that L1 really means: everything moves towards 0 by as much, and stops there.

        w <- sign(w) max(|w| - eta lambda, 0)

    One of the notes says that a weight which is 0 stays so. It leaves again as soon as the loss
    pulls harder than lambda.

    Spec: REG-01, E-85

    >>> soft_threshold(np.array([-3.0, 0.5, 2.0]), 1.0)
    array([-2.,  0.,  1.])
    """
    return np.sign(w) * np.maximum(np.abs(w) - shrinkage, 0)


def ridge(x, y, rate):
    """The linear weights that L2 ends at, in one go.

        w = (x^T x + lambda 1)^-1 x^T y        the least of ||x w - y||^2 + lambda ||w||^2

    Spec: REG-02

    >>> ridge(np.eye(2), np.array([2.0, 4.0]), rate=1.0)
    array([1., 2.])
    """
    return np.linalg.solve(x.T @ x + rate * np.eye(x.shape[-1]), x.T @ y)


def dropout(x, kept, rate):
    """Silence some numbers and make the others louder, so that the expected sum stays.

        y = m x / (1 - p)        m = 0 with probability p; in use y = x

    The notes leave out the division. Without it a network would hear 1 / (1 - p) times as much in
    use as in training.

    Spec: REG-04, E-49

    >>> dropout(np.ones(4), np.array([1, 0, 0, 1]), rate=0.5)
    array([2., 0., 0., 2.])
    """
    return kept * x / (1 - rate)


def dropout_variance(mean, variance, rate):
    """What dropout does to a variance while training: BatchNorm after it expects too much in use.

        Var(y) = (Var(x) + p mean(x)^2) / (1 - p)

    Spec: REG-14

    >>> dropout_variance(mean=0.0, variance=1.0, rate=0.5)
    2.0
    """
    return (variance + rate * mean**2) / (1 - rate)


def drop_connect(x, w, kept, rate):
    """Dropout of connections: the mask has the shape of the weights.

        y = x (M W) / (1 - p)

    Spec: REG-05

    >>> drop_connect(np.ones(2), np.eye(2), np.array([[1, 1], [1, 0]]), rate=0.5)
    array([2., 0.])
    """
    return x @ dropout(w, kept, rate)


def smooth_labels(y, smoothing=0.1):
    """Never be quite sure: the right class gives a little to all.

        y <- (1 - eps) y + eps / C

    One of the notes has the heading alone.

    Spec: REG-18, TRN-06, E-87

    >>> smooth_labels(np.array([0.0, 0.0, 1.0])).round(6).tolist()
    [0.033333, 0.033333, 0.933333]
    """
    return (1 - smoothing) * y + smoothing / y.shape[-1]


def early_stopping(losses, patience, min_delta=0.0):
    """The epochs, from 0, at which to stop and whose weights to take back.

        stop at the first t with t - best(t) >= max(patience, 1)

    Spec: REG-06

    >>> early_stopping([1, 0.8, 0.9, 0.95, 0.99], patience=3)
    (4, 1)
    """
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = epoch
        if epoch - best >= max(patience, 1):
            return epoch, best
    return len(losses) - 1, best


def ensemble(probabilities):
    """What several models say together: (models, ..., classes) -> (..., classes).

        p = mean_k p_k        -log p[y] <= mean_k( -log p_k[y] ), by Jensen

    Spec: REG-21

    >>> ensemble(np.array([[0.9, 0.1], [0.5, 0.5]])).round(3).tolist()
    [0.7, 0.3]
    """
    return np.mean(probabilities, axis=0)
