# %% [markdown]
# # L1, L2 and early stopping: three ways to ask for less
#
# **Claim.** Of 40 weights only 5 are needed. L1 makes most of the others exactly zero, if its steps
# stop at zero; plain gradient steps make none so, and neither does L2. The reason is its corners:
# in two dimensions it puts at least 3 of 10 random problems on an axis, L2 none. Where few weights
# are needed L1 errs least on new data. Stopping early is a relative of L2: it shrinks each
# direction as L2 does, within 0.22, and its error comes within 10 % of the best ridge's.
#
# **The idea.** Pay for weights. The slope of $\lambda w^2$ fades near zero; that of $\lambda |w|$
# does not, so a step against it that would cross zero must stop there:
#
# $$\min_w \tfrac 1 {2n} |Xw - y|^2 + \lambda_1 \sum |w_i| + \tfrac{\lambda_2} 2 \sum w_i^2 \qquad
# w \leftarrow \mathrm{sign}(u) \max(|u| - \eta \lambda_1, 0),\;\; u = w - \eta g$$
#
# Run it: `python tutorials/1_learning/09_l1_l2_and_early_stopping.py` (10 seconds).
# You will see the regions,
# the weights as the price rises, and what stopping does.

# %%
import pathlib

import matplotlib.pyplot as plt
import numpy as np

from kerasdl.formulas import regularization

PRICES = np.geomspace(0.003, 3, 31)
KINDS = {"L1": (1, 0), "L2": (0, 1), "elastic net": (0.5, 0.5)}
TRUE = np.array([3, -2, 1.5, -1, 1] + [0] * 35)

# %% [markdown]
# ## A step that stops at zero
# The step downhill is taken on the smooth part, the error and L2. Then L1 takes off the same of
# every weight, but never past zero. (One of the notes says that a weight once zero stays zero. It
# leaves as soon as the error pulls harder than the price: all weights below begin at zero.)


# %%
def soft_threshold(w, shrinkage):
    return np.sign(w) * np.maximum(abs(w) - shrinkage, 0)


def descend(x, y, l1=0.0, l2=0.0, steps=1000, proximal=True):
    """Weights after each step, from zeros on."""
    n, w = len(x), np.zeros(x.shape[1])
    rate, path = 1 / (np.linalg.norm(x, 2) ** 2 / n + l2), []
    for _ in range(steps):
        slope = x.T @ (x @ w - y) / n + l2 * w
        if proximal:
            w = soft_threshold(w - rate * slope, rate * l1)
        else:
            w = w - rate * (slope + l1 * np.sign(w))
        path.append(w)
    return np.array(path)


def ridge(x, y, l2):
    return np.linalg.solve(x.T @ x / len(x) + l2 * np.eye(x.shape[1]), x.T @ y / len(x))


# %% [markdown]
# ## Stopping
# Keep the weights with the least error on data that does not teach, and stop when it has not
# improved for some time. Along a direction in which the data has variance s, descent from zero has
# gone $1 - (1 - \eta s)^t$ of its way after t steps; ridge goes $s / (s + \lambda)$ of it. Both
# keep what the data is sure of; with $\lambda = 1 / \eta t$ descent keeps somewhat more.


# %%
def early_stopping(losses, patience, min_delta=0.0):
    """The epochs, from 1, at which to stop and whose weights to keep."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best] - min_delta:
            best = epoch
        if epoch - best >= patience:
            break
    return epoch + 1, best + 1


def kept_by_descent(s, rate, steps):
    return 1 - (1 - rate * s) ** steps


def kept_by_ridge(s, l2):
    return s / (s + l2)


# %% [markdown]
# ## Where the optimum lands
# Two weights, an error whose contours are ellipses about $c$, and a price. The optimum with a price
# is the best place in the region of all weights that cost no more than it does, where ellipse and
# region touch. A diamond likes to be touched at a corner, which lies on an axis.

# %%
ELLIPSE = np.array([[1.0, 0.5], [0.5, 1.0]])


def problem(centre):
    x = np.sqrt(2) * np.linalg.cholesky(ELLIPSE).T  # so that x'x / n is the ellipse
    return x, x @ centre


def penalty(w, l1, l2):
    return l1 * np.sum(abs(w), axis=-1) + l2 / 2 * np.sum(w**2, axis=-1)


def draw_geometry(centre=np.array((1.5, 0.5)), price=0.8):  # noqa: B008
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    grid = np.stack(np.meshgrid(np.linspace(-1.2, 2.2, 300), np.linspace(-1.2, 1.6, 300)), -1)
    away = grid - centre
    heights = 0.5 * np.sum(away @ ELLIPSE * away, axis=-1)
    for axis, (name, kinds) in zip(axes, KINDS.items(), strict=True):
        l1, l2 = price * np.array(kinds)
        best = descend(*problem(centre), l1, l2)[-1]
        touched = 0.5 * (best - centre) @ ELLIPSE @ (best - centre)
        x, y = np.moveaxis(grid, -1, 0)
        costs = penalty(grid, l1, l2)
        axis.contourf(x, y, costs, [0, penalty(best, l1, l2)], colors=["tab:orange"], alpha=0.4)
        axis.contour(x, y, heights, touched * np.array([0.1, 0.4, 1, 2, 4]), alpha=0.6)
        axis.plot(*best, "o", color="black")
        axis.annotate(f"({best[0]:.2f}, {best[1]:.2f})", best, (8, -14), textcoords="offset points")
        axis.plot(*centre, "x", color="black")
        axis.axhline(0, color="grey", lw=0.5), axis.axvline(0, color="grey", lw=0.5)
        axis.set(title=name, xlabel="w1", ylabel="w2", aspect="equal")
    return figure


def draw_weights(prices, paths):
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", sharey=True)
    for axis, (name, path) in zip(axes, paths.items(), strict=True):
        axis.semilogx(prices, path[:, 5:], color="lightgrey")
        axis.semilogx(prices, path[:, :5], color="tab:blue")
        axis.set(title=name, xlabel="price")
    axes[0].plot([], color="tab:blue", label="the 5 that are needed")
    axes[0].plot([], color="lightgrey", label="the 35 others")
    axes[0].set(ylabel="weight", ylim=(-3.6, 2.8))
    axes[0].legend(loc="lower left")
    return figure


def draw_stopping(errors, table, rate, t):
    figure, (one, two, three) = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
    for name, each in errors.items():
        one.semilogx(np.arange(1, len(each) + 1), each, label=name)
    one.set(title="Mean squared error", xlabel="step", ylim=(0, None))
    s = np.linspace(0, 1 / rate, 200)
    two.plot(s, kept_by_descent(s, rate, t), label=f"{t} steps of descent")
    two.plot(s, kept_by_ridge(s, 1 / rate / t), label="ridge, price 1 / (rate x steps)")
    two.set(title="How much of a direction is kept", xlabel="its variance s", ylim=(0, 1.05))
    three.bar_label(three.bar([*table], [*table.values()]), fmt="%.2f")
    three.set(title="Error on new data", ylim=(0, 1.1 * max(table.values())))
    three.tick_params(axis="x", labelrotation=30)
    one.legend(), two.legend()
    return figure


# %% [markdown]
# ## Forty weights, sixty examples
# Each way chooses its price, or its step, by the error on sixty more examples, and is judged by a
# thousand others.


# %%
def examples(random, n):
    x = random.normal(size=(n, 40))
    return x, x @ TRUE + random.normal(size=n)


def error(data, w):
    return np.mean((w @ data[0].T - data[1]) ** 2, axis=-1)


def experiment(seed, prices):
    random = np.random.default_rng(seed)
    train, validation, test = [examples(random, n) for n in (60, 60, 1000)]
    paths, found = {}, {}
    for name, kinds in KINDS.items():
        paths[name] = np.array([descend(*train, *(p * np.array(kinds)))[-1] for p in prices])
        best = np.argmin(error(validation, paths[name]))
        found[name] = error(test, paths[name][best])
    walk = descend(*train, steps=3000)
    _, kept = early_stopping(error(validation, walk), patience=300)
    found |= {"stopped early": error(test, walk[kept - 1]), "to the end": error(test, walk[-1])}
    errors = {"of the 60 examples": error(train, walk), "of new data": error(test, walk)}
    return train, paths, found, errors


# %%
def main(fast=False, out=pathlib.Path("out/09_l1_l2_and_early_stopping")):
    out.mkdir(parents=True, exist_ok=True)
    prices, seeds = (PRICES[::5], 1) if fast else (PRICES, 10)
    runs = [experiment(seed, prices) for seed in range(seeds)]
    table = {name: np.mean([found[name] for _, _, found, _ in runs]) for name in runs[0][2]}
    train, paths, _, errors = runs[0]
    rate, t = 1 / (np.linalg.norm(train[0], 2) ** 2 / 60), 30
    centres = np.random.default_rng(0).normal(size=(20 if fast else 200, 2))
    on_axis = {}
    for name, (l1, l2) in KINDS.items():
        ends = np.array([descend(*problem(c), 0.5 * l1, 0.5 * l2, steps=100)[-1] for c in centres])
        on_axis[name] = np.mean((ends == 0).sum(axis=1) == 1)  # not at the origin, where both are
    walk = descend(*train, l1=0.2)
    plain = descend(*train, l1=0.2, proximal=False)[-1]
    figures = {"geometry": draw_geometry(), "stopping": draw_stopping(errors, table, rate, t)}
    figures["weights"] = draw_weights(prices, paths)
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120)
    plt.close("all")
    zeros = [int((w == 0).sum()) for w in (walk[-1], plain, *paths["L2"])]
    print("random problems that end on an axis:", on_axis)
    print(f"zeros of 40 at an L1 price of 0.2: {zeros[0]}; by plain steps: {zeros[1]}")
    print("error on new data:", {name: round(float(value), 3) for name, value in table.items()})

    # the claim
    assert on_axis["L1"] > 0.3 and on_axis["L2"] == 0, on_axis
    assert zeros[0] > 20 and not any(zeros[1:]), zeros
    assert (walk[-1][:5] != 0).all(), "they began at zero, and left it"
    norms = np.linalg.norm(paths["L2"], axis=1)
    assert (np.diff(norms) < 0).all(), norms
    for price, w in zip(prices, paths["L2"], strict=True):
        np.testing.assert_allclose(ridge(*train, price), w, atol=1e-3 if price > 0.05 else 0.1)
        np.testing.assert_allclose(ridge(*train, price), regularization.ridge(*train, 60 * price))
    w = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(soft_threshold(w, 1.5), regularization.soft_threshold(w, 1.5))
    np.testing.assert_allclose(penalty(w, 0.01, 0.02), regularization.elastic_net_penalty(w))
    assert early_stopping([1, 0.8, 0.9, 0.95, 0.99], patience=3) == (5, 2)
    variance, directions = np.linalg.eigh(train[0].T @ train[0] / 60)
    shares = kept_by_descent(variance, rate, t)
    least = directions.T @ np.linalg.lstsq(*train)[0]
    np.testing.assert_allclose(directions @ (shares * least), descend(*train, steps=t)[-1])
    s = np.linspace(0, 1 / rate, 1000)
    gaps = [kept_by_descent(s, rate, n) - kept_by_ridge(s, 1 / rate / n) for n in range(t, 300)]
    assert np.max(np.abs(gaps)) < 0.22, np.max(np.abs(gaps))
    if not fast:
        assert table["L1"] < 0.9 * min(v for n, v in table.items() if n != "L1"), table
        assert abs(table["stopped early"] / table["L2"] - 1) < 0.1, table
        assert table["to the end"] > 1.3 * table["stopped early"], table


# %% [markdown]
# ## Exercises
# 1. Make all 40 true weights 0.5. Which way errs least now, and how many zeros does L1 make?
# 2. Let two columns of X be equal. What does L1 do to their weights, what L2, what both?
# 3. Make the ellipse a circle. How often does L1 end on an axis now? The normal law tells exactly.

# %%
if __name__ == "__main__":
    main()
