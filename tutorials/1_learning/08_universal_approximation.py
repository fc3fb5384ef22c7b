# %% [markdown]
# # Universal approximation: what a wide layer can do, and what that does not promise
#
# **Claim.** One hidden layer of 64 neurons fits the sine on $[-\pi, \pi]$ with an error below
# $10^{-3}$. Without a non-linearity no number of neurons beats the best straight line, whose error
# is 0.199, nor do neurons that square. Wider is better: with 2, 8, 32 and 128 learned ReLUs the
# error is each time less than a third. But weights that exist need not be found: 128 calculated
# ReLUs make less than a tenth of the error. Outside the interval the fit is wrong by more than 1;
# at a jump the largest error stays near a half or above, whatever the width; and many neurons learn
# thirty points better, and predict others worse.
#
# **The idea.** A ReLU bends a line at one place. Enough bends come as near any curve as one likes:
#
# $$F(x) = y_1 + \sum_i (s_i - s_{i-1})\,\mathrm{ReLU}(x - k_i) \qquad
# s_i = \frac{y_{i+1} - y_i}{k_{i+1} - k_i}$$
#
# The notes say "any continuous function". What is proved has conditions: on a bounded, closed set;
# with an activation that is not a polynomial; with as many neurons as it takes.
#
# Run it: `python tutorials/1_learning/08_universal_approximation.py` (50 seconds).
# You will see a sine made of
# bends, what learning makes of it inside and outside, and what width helps and what it does not.

# %%
import functools
import itertools
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl.formulas import basics

X = np.linspace(-np.pi, np.pi, 256, dtype="float32")[:, None]
LINE = float(np.linalg.lstsq(X, np.sin(X))[1][0] / len(X))  # the best line's error
WIDTHS = 2, 8, 32, 128

# %% [markdown]
# ## By calculation
# Choose the places of the bends, evenly. Each neuron then adds what the slope has to change by. The
# gaps between a curve and its chords are a quarter when the bends are twice as many, so the mean
# squared error falls with the fourth power of the width.


# %%
def bends(f, width, low=-np.pi, high=np.pi):
    """Places of the bends, and what each adds to the slope."""
    knots = np.linspace(low, high, width + 1)
    slopes = np.diff(f(knots)) / np.diff(knots)
    return knots[:-1], np.diff(slopes, prepend=0.0)


def neurons(x, places, changes):
    """What each neuron says, times its output weight: (points, neurons)."""
    return np.maximum(0, x - places) * changes


def calculated(x, f, width):
    places, changes = bends(f, width)
    return f(places[0]) + neurons(x, places, changes).sum(axis=1, keepdims=True)


def error(found, f=np.sin):
    return float(np.mean((found - f(X)) ** 2))


# %% [markdown]
# ## By learning
# The same layer, but nobody tells it where to bend. Without an activation its two matrices are one
# ($W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + \dots$): a straight line. Neurons that square make
# parabolas, whose sum is a parabola again, whatever their number; and the best parabola through the
# odd sine is the line.


# %%
def side_by_side(width, activation, inputs, seeds):
    """Networks that share nothing but the time in which they learn; one for each seed."""
    scale = keras.initializers.VarianceScaling(seeds, "fan_avg", "uniform")  # Xavier's for each
    options = {"bias_axes": "so", "kernel_initializer": scale}
    dense = functools.partial(keras.layers.EinsumDense, "bsi,sio->bso", **options)
    hidden, last = dense((seeds, width), activation=activation), dense((seeds, 1))
    return keras.Sequential([keras.Input((seeds, inputs)), hidden, last])


def fit(model, x, y, loss, steps):
    rate = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(keras.optimizers.Adam(rate), loss, steps_per_execution=steps // 10)
    data = tf.data.Dataset.from_tensors((x, y)).repeat()
    model.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0)


def learned(width, activation, steps, seeds):
    kerasdl.set_seed(width)
    model = side_by_side(width, activation, 1, seeds)
    x = np.repeat(X[:, None], seeds, axis=1)  # (points, seeds, 1)
    fit(model, x, np.sin(x), "mse", steps)
    return model


def said(model, x):
    """By network: (seeds, points, 1)."""
    seeds = model.input_shape[1]
    found = model(np.repeat(x.astype("float32")[:, None], seeds, axis=1))
    return np.swapaxes(found, 0, 1)


# %% [markdown]
# ## What capacity costs
# A network that can be anything can also be wrong in any way between its examples. Thirty noisy
# points of two half moons: the wider the layer, the better are the thirty learned. From four
# neurons on, points that it has not seen are predicted ever worse.


# %%
def on_moons(width, steps, seeds):
    """The mean loss on thirty points and on five hundred others."""
    options = {"noise": 0.25, "validation": 0.47, "test": 0.5, "batch_size": 500}
    sets = [kerasdl.data.load("moons", seed=seed, **options) for seed in range(seeds)]
    parts = []
    for name in ("train", "test"):
        rows = [next(getattr(data, name).as_numpy_iterator()) for data in sets]
        parts.append((np.stack([x for x, _ in rows], 1), np.stack([y for _, y in rows], 1)))
    kerasdl.set_seed(width)
    model = side_by_side(width, "relu", 2, seeds)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    fit(model, *parts[0], loss, steps)
    return [float(loss(y[..., None], model(x))) for x, y in parts]


# %% [markdown]
# ## The pictures


# %%
def draw_bends(width=7):
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    places, changes = bends(np.sin, width)
    for number, line in enumerate(neurons(X, places, changes).T):
        axes[0].plot(X, line, color=f"C{number}")
        axes[0].plot(places[number], 0, "o", color=f"C{number}")
    axes[0].set(title=f"{width} neurons, each a bend", ylim=(-6, 6), xlabel="x")
    axes[1].plot(X, np.sin(X), color="grey", label="sine")
    axes[1].plot(X, calculated(X, np.sin, width), color="tab:orange", label="their sum")
    axes[1].plot(places, np.sin(places), "o", color="tab:orange")
    axes[1].set(title=f"error {error(calculated(X, np.sin, width)):.4f}", xlabel="x")
    axes[1].legend()
    return figure


def draw_fits(models):
    figure, axes = plt.subplots(1, len(models), figsize=(14, 3.4), layout="constrained")
    x = np.linspace(-2 * np.pi, 2 * np.pi, 600)[:, None]
    for axis, (name, model) in zip(axes, models.items(), strict=True):
        axis.axvspan(-np.pi, np.pi, alpha=0.15)
        axis.plot(x, np.sin(x), color="grey")
        axis.plot(x, said(model, x)[0], color="tab:orange")
        axis.set(title=f"64 neurons, {name}: error {error(said(model, X)[0]):.3g}", xlabel="x")
        axis.set_ylim(-3, 3)
    figure.suptitle("Learned from the points in the blue interval")
    return figure


def draw_widths(table, gaps, moons):
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    for axis, lines in ((axes[0], table), (axes[1], gaps)):
        for name, errors in lines.items():
            axis.loglog([*errors], [*errors.values()], "o-", label=name)
    axes[0].axhline(LINE, color="grey", linestyle=":", label="the best straight line")
    axes[0].set(title="Sine: mean squared error")
    axes[1].set(title="Calculated bends: largest error")
    for column, label in enumerate(("30 points learned", "500 others")):
        values = [row[column] for row in moons.values()]
        axes[2].plot([*map(str, moons)], values, "o-", label=label)
    axes[2].set(title="Two moons: cross-entropy", ylim=(0, None))
    for axis in axes:
        axis.set(xlabel="hidden neurons")
        axis.legend()
    return figure


def jump(x):
    return (np.asarray(x) > 0.01).astype(float)


def largest(f, width):
    x = np.linspace(-np.pi, np.pi, 4001)[:, None]
    return float(np.abs(calculated(x, f, width) - f(x)).max())


# %%
def main(fast=False, out=pathlib.Path("out/08_universal_approximation")):
    out.mkdir(parents=True, exist_ok=True)
    steps, seeds = (20, 2) if fast else (2000, 5)
    table = {"calculated, relu": {n: error(calculated(X, np.sin, n)) for n in WIDTHS}}
    for activation in () if fast else ("relu", "tanh"):
        for n in WIDTHS:
            errors = [error(found) for found in said(learned(n, activation, steps, seeds), X)]
            table.setdefault(f"learned, {activation}", {})[n] = float(np.median(errors))
    kinds = "linear", keras.ops.square, "tanh"
    straight, square, model = (learned(64, kind, steps, 1) for kind in kinds)
    many = (2,) if fast else (2, 4, 8, 16, 32, 64)
    moons = {width: on_moons(width, 20 if fast else 1000, 2 * seeds) for width in many}
    many = 2 ** np.arange(2, 11)
    gaps = {n: {int(w): largest(f, w) for w in many} for n, f in (("sine", np.sin), ("jump", jump))}
    models = dict(zip(("linear", "squares", "tanh"), (straight, square, model), strict=True))
    widths = draw_widths(table, gaps, moons)
    figures = {"bends": draw_bends(), "fits": draw_fits(models), "widths": widths}
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120)
    plt.close("all")
    errors = {name: error(said(each, X)[0]) for name, each in models.items()}
    outside = float(np.abs(said(model, 2.5 * X)[0] - np.sin(2.5 * X)).max())
    print(f"errors: {errors}; the line's {LINE:.6f}; outside at most {outside:.2f}")
    print(f"by width: {table}\nlargest: {gaps}\nmoons: {moons}")

    # the claim
    knots = np.linspace(-np.pi, np.pi, 9)
    theirs = basics.universal_approximation(X[:, 0], knots, np.sin(knots))
    np.testing.assert_allclose(calculated(X, np.sin, 8)[:, 0], theirs, atol=1e-6)
    assert min(gaps["jump"].values()) > 0.49 > 1e-5 > gaps["sine"][1024], gaps
    w1, b1, w2, b2 = (weights[0] for weights in straight.get_weights())
    w, b = basics.collapse(w1.T, b1[:, None], w2.T, b2[:, None])
    np.testing.assert_allclose(said(straight, X)[0], X @ w.T + b, atol=1e-5)
    assert min(errors["linear"], errors["squares"]) > LINE - 1e-4, errors
    if not fast:
        assert errors["tanh"] < 1e-3 and errors["linear"] < LINE + 1e-4 and outside > 1, errors
        by_relu = [*table["learned, relu"].values()]
        for found in (by_relu, [*table["learned, tanh"].values()]):
            assert found == sorted(found, reverse=True), table
        assert all(wide < narrow / 3 for narrow, wide in itertools.pairwise(by_relu)), table
        assert by_relu[-1] > 10 * table["calculated, relu"][128], table
        known, unknown = zip(*moons.values(), strict=True)
        assert sorted(known)[::-1] == [*known] and sorted(unknown[1:]) == [*unknown[1:]], moons
        assert unknown[-1] - known[-1] > 2 * (unknown[1] - known[1]), moons


# %% [markdown]
# ## Exercises
# 1. Put the bends where the sine is most curved instead of evenly. How much do eight gain?
# 2. Neurons that cube, $z^3$, see more than a line. What is the best that any number of them does?
# 3. Where are the bends of the learned ReLUs, $-b / w$, before and after? Start them evenly.
# 4. Give the moons a thousand points instead of thirty. Which width would you choose now?

# %%
if __name__ == "__main__":
    main()
