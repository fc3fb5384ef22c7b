# %% [markdown]
# # L1, L2 and early stopping: three ways to keep weights small
#
# **Claim.** Only 5 of 40 weights are needed. L1 makes most of the others exactly zero if its steps
# stop at zero; plain gradient steps make none exactly zero, and neither does L2. The reason is the
# shape of the penalty: in two dimensions the optimum with L1 lies on an axis for more than 3 of 10
# random problems, with L2 for none. If few weights are needed, L1 has the smallest error on new
# data. Early stopping is similar to L2: along each direction it shrinks the weights as L2 does,
# within 0.22, and its error is within 10 % of that of L2.
#
# **The idea.** Add a price for weights to the loss. The slope of $\lambda w^2 / 2$ vanishes near
# zero; that of $\lambda |w|$ does not, so it moves a useless weight all the way to zero. A step
# that would cross zero has to stop there:
#
# $$\min_w \tfrac 1 {2n} |Xw - y|^2 + \lambda_1 \sum |w_i| + \tfrac{\lambda_2} 2 \sum w_i^2 \qquad
# w \leftarrow \mathrm{sign}(u) \max(|u| - \eta \lambda_1, 0),\;\; u = w - \eta g$$
#
# Run it: `python tutorials/1_learning/09_l1_l2_and_early_stopping.py` (10 seconds).
# You will see where the optimum lies, the weights as the price rises, and the effect of stopping
# early.

# %%
import functools
import pathlib

import numpy as np

from kerasdl.formulas import regularization
from kerasdl.utils import tutorial

KINDS = {"L1": (1, 0), "L2": (0, 1), "elastic net": (0.5, 0.5)}  # fractions of the price

# %% [markdown]
# ## A step that stops at zero
# Take a step downhill on the smooth part, the error and L2. Then L1 moves every weight by the same
# amount towards zero, but never past it: *soft thresholding*. A weight that is zero can become
# nonzero again, as soon as the slope of the error is larger than the price. (All weights below
# start at zero.)
#
# A linear model keeps things clear; in Keras the same penalties are `kernel_regularizer="l1"` and
# `"l2"`, which add to the loss and so take plain gradient steps.


# %%
def soft_threshold(w, shrinkage):
    return np.sign(w) * np.maximum(abs(w) - shrinkage, 0)


def descend(x, y, l1=0.0, l2=0.0, steps=1000, stop_at_zero=True):
    """The weights after each step, from zeros on."""
    n, w = len(x), np.zeros(x.shape[1])
    learning_rate = 1 / (np.linalg.norm(x, 2) ** 2 / n + l2)
    path = []
    for _ in range(steps):
        gradient = x.T @ (x @ w - y) / n + l2 * w
        if stop_at_zero:
            w = soft_threshold(w - learning_rate * gradient, learning_rate * l1)
        else:
            w = w - learning_rate * (gradient + l1 * np.sign(w))
        path.append(w)
    return np.array(path)


# %% [markdown]
# ## Where the optimum lies
# Two weights, an error whose contours are ellipses around its minimum (the cross), and a price. The
# optimum (the dot) is where an ellipse touches the region of all weights that cost no more. For L1
# the region is a diamond, which is likely to be touched at a corner; and its corners lie on the
# axes, where one weight is 0.


# %%
ELLIPSE = np.array([[1.0, 0.5], [0.5, 1.0]])


def problem(center):
    """x and y whose mean squared error has these ellipses around the center."""
    x = np.sqrt(2) * np.linalg.cholesky(ELLIPSE).T  # so that x'x / n is the ellipse
    return x, x @ center


def penalty(w, l1, l2):
    return l1 * np.sum(abs(w), axis=-1) + l2 / 2 * np.sum(w**2, axis=-1)


def geometry(fast=False):
    center, price = np.array([1.5, 0.5]), 0.8
    title = "Orange: all weights that cost no more than the dot"
    figure, axes = tutorial.panels(1, 3, title=title, size=(4.2, 4.2))
    grid = np.stack(np.meshgrid(np.linspace(-1.2, 2.2, 300), np.linspace(-1.2, 1.6, 300)), -1)
    away = grid - center
    errors = 0.5 * np.sum(away @ ELLIPSE * away, axis=-1)
    for place, (name, kind) in zip(axes, KINDS.items(), strict=True):
        l1, l2 = price * np.array(kind)
        best = descend(*problem(center), l1, l2)[-1]
        touched = 0.5 * (best - center) @ ELLIPSE @ (best - center)
        x, y = np.moveaxis(grid, -1, 0)
        region = [0, penalty(best, l1, l2)]
        place.contourf(x, y, penalty(grid, l1, l2), region, colors=["tab:orange"], alpha=0.4)
        place.contour(x, y, errors, touched * np.array([0.1, 0.4, 1, 2, 4]), alpha=0.6)
        place.plot(*best, "o", color="black")
        text = f"({best[0]:.2f}, {best[1]:.2f})"
        place.annotate(text, best, (8, -14), textcoords="offset points")
        place.plot(*center, "x", color="black")
        place.axhline(0, color="grey", lw=0.5)
        place.axvline(0, color="grey", lw=0.5)
        place.set(title=name, xlabel="w1", ylabel="w2", aspect="equal")

    centers = np.random.default_rng(0).normal(size=(20 if fast else 200, 2))
    on_axis = {}
    for name, (l1, l2) in KINDS.items():
        ends = np.array([descend(*problem(c), 0.5 * l1, 0.5 * l2, steps=100)[-1] for c in centers])
        on_axis[name] = float(np.mean((ends == 0).sum(axis=1) == 1))  # exactly one weight is 0
    print("fraction of random problems whose optimum is on an axis:", on_axis)
    assert on_axis["L1"] > 0.3 and on_axis["L2"] == 0
    return figure


# %%
tutorial.show(geometry)

# %% [markdown]
# ## Forty weights, sixty examples
# Five of the true weights are not zero. Sixty noisy examples are few for forty weights. As the
# price rises, L1 sets one weight after the other to zero, the useless ones first; L2 shrinks all of
# them and sets none to zero.


# %%
TRUE = np.array([3, -2, 1.5, -1, 1] + [0] * 35)


def examples(random, n):
    x = random.normal(size=(n, 40))
    return x, x @ TRUE + random.normal(size=n)


def error(data, w):
    """Mean squared error, of one vector of weights or of several."""
    return np.mean((w @ data[0].T - data[1]) ** 2, axis=-1)


def ridge(x, y, l2):
    """L2's optimum, which has a formula."""
    return np.linalg.solve(x.T @ x / len(x) + l2 * np.eye(x.shape[1]), x.T @ y / len(x))


def prices(fast):
    return np.geomspace(0.003, 3, 5 if fast else 31)


@functools.cache
def experiment(seed, fast):
    """The data in three parts, the weights for each price, and each kind's error on new data.

    The price is the one with the smallest error on the validation part.
    """
    random = np.random.default_rng(seed)
    train, validation, test = [examples(random, n) for n in (60, 60, 1000)]
    paths, found = {}, {}
    for name, kind in KINDS.items():
        ends = [descend(*train, *(price * np.array(kind)))[-1] for price in prices(fast)]
        paths[name] = np.array(ends)
        best = np.argmin(error(validation, paths[name]))
        found[name] = error(test, paths[name][best])
    return (train, validation, test), paths, found


def weights(fast=False):
    (train, *_), paths, _ = experiment(0, fast)
    figure, axes = tutorial.panels(1, 3, sharey=True, size=(4.4, 4))
    for place, (name, path) in zip(axes, paths.items(), strict=True):
        place.semilogx(prices(fast), path[:, 5:], color="lightgrey")
        place.semilogx(prices(fast), path[:, :5], color="tab:blue")
        place.set(title=name, xlabel="price", ylabel="weight", ylim=(-3.6, 3.2))
    axes[0].plot([], color="tab:blue", label="the 5 that are needed")
    axes[0].plot([], color="lightgrey", label="the 35 others")
    axes[0].legend(loc="lower left", fontsize=8)

    l1 = descend(*train, l1=0.2)[-1]
    plain = descend(*train, l1=0.2, stop_at_zero=False)[-1]
    print(f"zeros of 40 with L1: {np.sum(l1 == 0)}; with plain steps: {np.sum(plain == 0)}")
    assert np.sum(l1 == 0) > 20 and (l1[:5] != 0).all()
    assert np.sum(plain == 0) == 0 and np.sum(paths["L2"] == 0) == 0
    assert (np.diff(np.linalg.norm(paths["L2"], axis=1)) < 0).all()  # ever smaller
    for price, w in zip(prices(fast), paths["L2"], strict=True):
        np.testing.assert_allclose(ridge(*train, price), w, atol=1e-3 if price > 0.05 else 0.1)
        np.testing.assert_allclose(ridge(*train, price), regularization.ridge(*train, 60 * price))
    w = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(soft_threshold(w, 1.5), regularization.soft_threshold(w, 1.5))
    np.testing.assert_allclose(penalty(w, 0.01, 0.02), regularization.elastic_net_penalty(w))
    return figure


# %%
tutorial.show(weights)

# %% [markdown]
# ## Early stopping
# Watch the error on validation data, keep the weights with the smallest one, and stop when it has
# not improved for some time (`patience`). In `fit` this is the callback
# `EarlyStopping(patience=..., restore_best_weights=True)`.


# %%
def early_stopping(losses, patience, min_delta=0.0):
    """The epoch, from 1, at which to stop, and the one whose weights to keep."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch + 1, best + 1


@functools.cache
def without_penalty(seed, fast):
    """Errors while descending, and on new data when stopped early and at the end."""
    (train, validation, test), *_ = experiment(seed, fast)
    walk = descend(*train, steps=3000)
    curves = {"training": error(train, walk), "validation": error(validation, walk)}
    _, kept = early_stopping(curves["validation"], patience=300)
    return curves, {
        "stopped early": error(test, walk[kept - 1]),
        "no penalty": error(test, walk[-1]),
    }


# %% [markdown]
# Why does early stopping work like a penalty? Take one direction in which the data has the variance
# s. Descent from zero has gone the fraction $1 - (1 - \eta s)^t$ of its way after t steps. The
# optimum with an L2 price $\lambda$ lies at the fraction $s / (s + \lambda)$. Both keep directions
# that the data determines well (large s) and shrink the others. With $\lambda = 1 / \eta t$ the two
# are close; descent keeps a little more.


# %%
def kept_by_descent(s, learning_rate, steps):
    return 1 - (1 - learning_rate * s) ** steps


def kept_by_l2(s, price):
    return s / (s + price)


def stopping(fast=False):
    seeds = 2 if fast else 10
    ((x, y), *_), *_ = experiment(0, fast)
    curves, _ = without_penalty(0, fast)
    rows = [experiment(seed, fast)[2] | without_penalty(seed, fast)[1] for seed in range(seeds)]
    table = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    learning_rate, steps = 1 / (np.linalg.norm(x, 2) ** 2 / len(x)), 30

    figure, axes = tutorial.panels(1, 3, size=(4.8, 4))
    names = {"xlabel": "step", "ylabel": "mean squared error"}
    tutorial.lines(axes[0], curves, np.arange(1, 3001), title="Descent without a penalty", **names)
    axes[0].set(xscale="log", ylim=(0, None))
    s = np.linspace(0, 1 / learning_rate, 200)
    kept = {
        f"{steps} steps of descent": kept_by_descent(s, learning_rate, steps),
        "L2, price 1 / (learning rate x steps)": kept_by_l2(s, 1 / learning_rate / steps),
    }
    names = {"xlabel": "variance of the data in a direction", "ylabel": "fraction that is kept"}
    tutorial.lines(axes[1], kept, s, title="Two ways to shrink", **names)
    axes[1].set_ylim(0, 1.05)
    names = {"xlabel": "", "ylabel": "mean squared error"}
    tutorial.bars(axes[2], table, title=f"New data, {seeds} seeds", **names)
    axes[2].tick_params(axis="x", labelrotation=30)

    print("error on new data:", {name: round(value, 3) for name, value in table.items()})
    assert early_stopping([1, 0.8, 0.9, 0.95, 0.99], patience=3) == (5, 2)
    variance, directions = np.linalg.eigh(x.T @ x / len(x))
    fractions = kept_by_descent(variance, learning_rate, steps)
    least_squares = directions.T @ np.linalg.lstsq(x, y)[0]
    walked = descend(x, y, steps=steps)[-1]
    np.testing.assert_allclose(directions @ (fractions * least_squares), walked)
    s = np.linspace(0, 1 / learning_rate, 1000)
    gaps = [
        kept_by_descent(s, learning_rate, n) - kept_by_l2(s, 1 / learning_rate / n)
        for n in range(steps, 300)
    ]
    assert np.max(np.abs(gaps)) < 0.22
    if not fast:
        assert table["L1"] < 0.9 * min(v for name, v in table.items() if name != "L1")
        assert abs(table["stopped early"] / table["L2"] - 1) < 0.1
        assert table["no penalty"] > 1.3 * table["stopped early"]
    return figure


# %%
tutorial.show(stopping)

# %% [markdown]
# ## Exercises
# 1. Make all 40 true weights 0.5. Which way has the smallest error now, and how many zeros does L1
#    make?
# 2. Let two columns of X be equal. What does L1 do to their weights, what L2, what both?
# 3. Make the ellipse a circle. How often does L1 end on an axis now? The normal distribution tells
#    exactly.


# %%
def main(fast=False, out=pathlib.Path("out/09_l1_l2_and_early_stopping")):
    tutorial.run(geometry, weights, stopping, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
