# %% [markdown]
# # Universal approximation: what a wide layer can do, and what that does not promise
#
# **Claim.** One hidden layer of 64 neurons fits the sine on $[-\pi, \pi]$ with a mean squared error
# below $10^{-3}$. Without an activation no number of neurons beats the best straight line, whose
# error is 0.199; neurons that square their sum do not either. Wider is better: from 2 to 8, 32 and
# 128 learned ReLUs, the error falls to less than a third each time. But that good weights exist
# does not mean that training finds them: 128 calculated ReLUs have less than a tenth of the error
# of 128 learned ones. Outside the interval the fit is wrong by more than 1. At a jump the largest
# error stays near one half for any width. And from four neurons on, a network that fits thirty
# points better predicts other points worse.
#
# **The idea.** A ReLU bends a straight line at one point k. With enough bends, a broken line
# between points $(k_i, y_i)$ of a curve follows it as closely as desired:
#
# $$F(x) = y_1 + \sum_i (s_i - s_{i-1})\,\mathrm{ReLU}(x - k_i) \qquad
# s_i = \frac{y_{i+1} - y_i}{k_{i+1} - k_i}$$
#
# This is the universal approximation theorem for one input, and its conditions matter: the function
# is continuous, the set on which it is approximated is closed and bounded, the activation is not a
# polynomial, and there may be as many neurons as it takes.
#
# Run it: `python tutorials/1_learning/08_universal_approximation.py` (45 seconds).
# You will see a sine made of bends, what training finds inside and outside the interval, and when
# width helps and when it does not.

# %%
import functools
import itertools
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl.formulas import basics
from kerasdl.utils import tutorial

X = np.linspace(-np.pi, np.pi, 256, dtype="float32")[:, None]
LINE = float(np.linalg.lstsq(X, np.sin(X))[1][0] / len(X))  # error of the best straight line
WIDTHS = 2, 8, 32, 128


def error(found, f=np.sin):
    return float(np.mean((found - f(X)) ** 2))


# %% [markdown]
# ## By calculation
# Choose the places of the bends, evenly. Between two places the sum of the ReLUs is a straight
# line, and each neuron adds the change of slope at its place. If there are twice as many bends, the
# gap between the curve and its chords is a quarter, so the mean squared error falls with the fourth
# power of the width.


# %%
def bends(f, width, low=-np.pi, high=np.pi):
    """Places of the bends, and the change of slope at each."""
    knots = np.linspace(low, high, width + 1)
    slopes = np.diff(f(knots)) / np.diff(knots)
    return knots[:-1], np.diff(slopes, prepend=0.0)


def neurons(x, places, changes):
    """The output of each neuron times its output weight: (points, neurons)."""
    return np.maximum(0, x - places) * changes


def calculated(x, f, width):
    places, changes = bends(f, width)
    return f(places[0]) + neurons(x, places, changes).sum(axis=1, keepdims=True)


def seven_neurons(fast=False):
    width = 7
    places, changes = bends(np.sin, width)
    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.8))
    for number, line in enumerate(neurons(X, places, changes).T):
        left.plot(X, line, color=f"C{number}")
        left.plot(places[number], 0, "o", color=f"C{number}")
    title = f"{width} neurons, each with a bend (dots)"
    left.set(title=title, ylim=(-6, 6), xlabel="x", ylabel="output times output weight")
    approximation = calculated(X, np.sin, width)
    right.plot(places, np.sin(places), "o", color="tab:orange")
    curves = {"sine": np.sin(X), "sum of the neurons": approximation}
    title = f"Their sum: error {error(approximation):.4f}"
    tutorial.lines(right, curves, X, xlabel="x", ylabel="y", title=title)

    knots = np.linspace(-np.pi, np.pi, 9)
    theirs = basics.universal_approximation(X[:, 0], knots, np.sin(knots))
    np.testing.assert_allclose(calculated(X, np.sin, 8)[:, 0], theirs, atol=1e-6)
    return figure


# %%
tutorial.show(seven_neurons)

# %% [markdown]
# ## A jump is not continuous
# For the sine even the largest error becomes as small as desired. A function that jumps from 0 to 1
# is not continuous, and the theorem does not hold for it: more bends make the line steeper at the
# jump, but close to it the error stays about one half or more.


# %%
def jump(x):
    return (np.asarray(x) > 0.01).astype(float)


def largest_error(f, width):
    x = np.linspace(-np.pi, np.pi, 4001)[:, None]
    return float(np.abs(calculated(x, f, width) - f(x)).max())


def sine_and_jump(fast=False):
    widths = 2 ** np.arange(2, 11)
    errors = {
        name: [largest_error(f, width) for width in widths]
        for name, f in (("sine", np.sin), ("jump", jump))
    }
    figure, axes = tutorial.panels(size=(6, 4))
    names = {"xlabel": "hidden neurons", "ylabel": "largest error"}
    title = "Calculated bends: the largest error"
    tutorial.lines(axes, errors, widths, title=title, marker="o", **names)
    axes.set(xscale="log", yscale="log")
    assert min(errors["jump"]) > 0.49 > 1e-5 > errors["sine"][-1]
    return figure


# %%
tutorial.show(sine_and_jump)

# %% [markdown]
# ## By learning
# The same layer, but its bends start at random and gradient descent has to find where to put them.
# Several networks with different random starts are trained side by side, in layers with one more
# axis for the network (as in tutorial 04).


# %%
def side_by_side(width, activation, inputs, seeds):
    scale = keras.initializers.VarianceScaling(seeds, "fan_avg", "uniform")  # Xavier's for each
    options = {"bias_axes": "so", "kernel_initializer": scale}
    dense = functools.partial(keras.layers.EinsumDense, "bsi,sio->bso", **options)
    hidden = dense((seeds, width), activation=activation)
    return keras.Sequential([keras.Input((seeds, inputs)), hidden, dense((seeds, 1))])


def fit(model, x, y, loss, steps):
    learning_rate = keras.optimizers.schedules.CosineDecay(0.02, steps)
    model.compile(keras.optimizers.Adam(learning_rate), loss, steps_per_execution=steps // 10)
    data = tf.data.Dataset.from_tensors((x, y)).repeat()
    model.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0)


@functools.cache
def learned(width, activation, steps, seeds):
    kerasdl.set_seed(width)
    model = side_by_side(width, activation, 1, seeds)
    x = np.repeat(X[:, None], seeds, axis=1)  # (points, seeds, 1)
    fit(model, x, np.sin(x), "mse", steps)
    return model


def outputs(model, x):
    """The output of each network: (seeds, points, 1)."""
    seeds = model.input_shape[1]
    found = model(np.repeat(x.astype("float32")[:, None], seeds, axis=1))
    return np.swapaxes(found, 0, 1)


# %% [markdown]
# ## An activation that is not a polynomial
# Without an activation two layers are one: $W_2 (W_1 x + b_1) + b_2 = (W_2 W_1) x + \dots$, a
# straight line. Neurons that square their sum make parabolas, and the sum of any number of
# parabolas is a parabola; the best one for the sine, which is odd, is again the straight line. With
# tanh the layer follows the sine inside the interval. Outside it has learned nothing, and is wrong
# by more than 1.


# %%
def three_activations(fast=False):
    steps = 20 if fast else 2000
    models = {
        "no activation": learned(64, "linear", steps, 1),
        "squares": learned(64, keras.ops.square, steps, 1),
        "tanh": learned(64, "tanh", steps, 1),
    }
    errors = {name: error(outputs(model, X)[0]) for name, model in models.items()}
    figure, axes = tutorial.panels(
        1, 3, size=(4.6, 3.6), title="64 neurons, taught in the blue part"
    )
    x = np.linspace(-2 * np.pi, 2 * np.pi, 600)[:, None]
    for place, (name, model) in zip(axes, models.items(), strict=True):
        place.axvspan(-np.pi, np.pi, alpha=0.15)
        curves = {"sine": np.sin(x), "network": outputs(model, x)[0]}
        title = f"{name}: error {errors[name]:.3g}"
        tutorial.lines(place, curves, x, xlabel="x", ylabel="y", title=title)
        place.set_ylim(-3, 3)

    outside = 2.5 * X
    worst = float(np.abs(outputs(models["tanh"], outside)[0] - np.sin(outside)).max())
    print(f"errors: {errors}; of the best line {LINE:.6f}; of tanh outside at most {worst:.2f}")
    w1, b1, w2, b2 = (weights[0] for weights in models["no activation"].get_weights())
    w, b = basics.collapse(w1.T, b1[:, None], w2.T, b2[:, None])  # the two layers as one
    np.testing.assert_allclose(outputs(models["no activation"], X)[0], X @ w.T + b, atol=1e-5)
    assert min(errors["no activation"], errors["squares"]) > LINE - 1e-4
    if not fast:
        assert errors["tanh"] < 1e-3 and errors["no activation"] < LINE + 1e-4 and worst > 1
    return figure


# %%
tutorial.show(three_activations)

# %% [markdown]
# ## Width
# More learned neurons fit better, but calculated ones fit better still: training does not find the
# best positions of the bends.


# %%
def width(fast=False):
    steps, seeds = (20, 2) if fast else (2000, 5)
    table = {"ReLU, calculated": [error(calculated(X, np.sin, n)) for n in WIDTHS]}
    for name, activation in () if fast else (("ReLU, learned", "relu"), ("tanh, learned", "tanh")):
        table[name] = [
            float(np.median([error(y) for y in outputs(learned(n, activation, steps, seeds), X)]))
            for n in WIDTHS
        ]
    figure, axes = tutorial.panels(size=(6, 4))
    axes.axhline(LINE, color="grey", linestyle=":", label="best straight line")
    names = {"xlabel": "hidden neurons", "ylabel": "mean squared error"}
    tutorial.lines(axes, table, WIDTHS, title="Fitting the sine", marker="o", **names)
    axes.set(xscale="log", yscale="log")
    print("errors by width:", {name: [f"{e:.2g}" for e in row] for name, row in table.items()})
    if not fast:
        for row in (table["ReLU, learned"], table["tanh, learned"]):
            assert row == sorted(row, reverse=True), table
        assert all(w < n / 3 for n, w in itertools.pairwise(table["ReLU, learned"])), table
        assert table["ReLU, learned"][-1] > 10 * table["ReLU, calculated"][-1], table
    return figure


# %%
tutorial.show(width)

# %% [markdown]
# ## What capacity costs
# A network that can follow any curve can also do anything between its examples. Wider layers fit
# thirty noisy points of two half moons better and better. From four neurons on, they predict unseen
# points worse and worse: they have learned the noise. Tutorials 09 and 10 show what helps.


# %%
@functools.cache
def on_moons(width, steps, seeds):
    """The mean loss on thirty points that are learned and on five hundred others."""
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


def overfitting(fast=False):
    widths = (2,) if fast else (2, 4, 8, 16, 32, 64)
    steps, seeds = (20, 4) if fast else (1000, 10)
    known, unknown = zip(*[on_moons(width, steps, seeds) for width in widths], strict=True)
    figure, axes = tutorial.panels(size=(6, 4))
    curves = {"30 points that are learned": known, "500 other points": unknown}
    names = {"xlabel": "hidden neurons", "ylabel": "cross-entropy"}
    tutorial.lines(axes, curves, widths, title="Two moons with noise", marker="o", **names)
    axes.set(xscale="log", ylim=(0, None))
    axes.set_xticks(widths, [str(width) for width in widths])
    axes.minorticks_off()
    print(f"loss by width, learned {np.round(known, 3)}, others {np.round(unknown, 3)}")
    if not fast:
        assert list(known) == sorted(known, reverse=True)
        assert list(unknown[1:]) == sorted(unknown[1:])
        assert unknown[-1] - known[-1] > 2 * (unknown[1] - known[1])
    return figure


# %%
tutorial.show(overfitting)

# %% [markdown]
# ## Exercises
# 1. Put the bends where the sine is most curved instead of evenly. How much do eight neurons gain?
# 2. Neurons that cube their sum make more than a line. What is the best that any number of them
#    can do?
# 3. Where are the bends of the learned ReLUs, $-b / w$, before and after training? Start them
#    evenly.
# 4. Give the moons a thousand points instead of thirty. Which width would you choose now?


# %%
def main(fast=False, out=pathlib.Path("out/08_universal_approximation")):
    can = seven_neurons, sine_and_jump, three_activations
    tutorial.run(*can, width, overfitting, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
