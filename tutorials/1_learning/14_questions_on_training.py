# %% [markdown]
# # Ten questions on training, each answered by an experiment
#
# **Claim.** Ten questions about learning that are often asked in interviews each have an answer of
# one sentence, and an experiment of a few lines that could refute it. Every number here is measured
# when you run it, and every answer is checked. The next tutorial has ten more, on layers and whole
# networks.
#
# **The idea.** A number that you have seen is easier to remember than a sentence, and a result that
# could have been different is easier to believe. The first question measures a formula: the error
# of models fitted to many noisy samples of a function f has two parts:
#
# $$\mathbb E[(\hat f - f)^2] = (\mathbb E[\hat f] - f)^2 + \mathrm{Var}[\hat f]
# = \text{bias}^2 + \text{variance}$$
#
# Run it: `python tutorials/1_learning/14_questions_on_training.py` (15 seconds).
# You will see ten questions, each with its answer and a figure that shows it.

# %%
import functools
import pathlib

import keras
import numpy as np
from numpy.polynomial import chebyshev
from sklearn import linear_model

import kerasdl
from kerasdl.formulas import activations, basics, optimizers
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## 1. What are bias and variance?
# A model that is too simple makes the same error each time (bias). A model that is too flexible
# makes a different error for each sample of data (variance).
#
# Polynomials of degree 1, 5 and 15 are fitted to 500 samples of 25 noisy points of a sine. Blue:
# some of the fits; orange: their mean. For degree 1 the mean misses the sine, for degree 15 the
# single fits do.


# %%
def fit_polynomials(degree, count, penalty=0.0):
    """x, the truth, and 500 fitted curves; `penalty` is an L2 price of the coefficients."""
    random = np.random.default_rng(0)
    x = np.linspace(-1, 1, count)
    truth = np.sin(3 * x)
    features = chebyshev.chebvander(x, degree)
    squares = features.T @ features + penalty * np.eye(degree + 1)
    y = truth + random.normal(scale=0.3, size=(500, count))
    return x, truth, y @ features @ np.linalg.inv(squares) @ features.T


def bias_and_variance(degree, count, penalty=0.0):
    """Mean squared bias, and mean variance."""
    _, truth, fitted = fit_polynomials(degree, count, penalty)
    return float(np.mean((fitted.mean(axis=0) - truth) ** 2)), float(fitted.var(axis=0).mean())


def q1_bias_and_variance(fast=False):
    figure, axes = tutorial.panels(1, 3, sharey=True, title="1. Bias and variance")
    found = {}
    for place, degree in zip(axes, (1, 5, 15), strict=True):
        x, truth, fitted = fit_polynomials(degree, 25)
        bias, variance = found[degree] = bias_and_variance(degree, 25)
        place.plot(x, fitted[:20].T, color="tab:blue", alpha=0.25, lw=0.8)
        curves = {"truth": truth, "mean of the fits": fitted.mean(axis=0)}
        title = f"degree {degree}: bias² {bias:.3f}, variance {variance:.3f}"
        tutorial.lines(place, curves, x, xlabel="x", ylabel="y", title=title)
        place.lines[-2].set(color="black", ls="--")
        place.title.set_fontsize(10)
        place.legend(fontsize=8)
    (high_bias, calm), middle, (low_bias, wild) = found.values()
    assert high_bias > 10 * low_bias and wild > 5 * calm
    assert sum(middle) < min(high_bias, wild)
    return figure


# %%
tutorial.show(q1_bias_and_variance)

# %% [markdown]
# ## 2. What helps against overfitting?
# More data helps most. A penalty on weights trades a little bias for much variance.


# %%
def q2_overfitting(fast=False):
    cases = {
        "nothing": bias_and_variance(15, 25),
        "weight decay": bias_and_variance(15, 25, penalty=1.0),
        "ten times the data": bias_and_variance(15, 250),
    }
    figure, axes = tutorial.panels(size=(6, 3.8))
    bias, variance = np.transpose([*cases.values()])
    axes.bar([*cases], bias, label="bias²")
    axes.bar([*cases], variance, bottom=bias, label="variance")
    axes.set(title="2. What helps a polynomial of degree 15", ylabel="error")
    axes.legend()
    errors = [sum(case) for case in cases.values()]
    assert errors == sorted(errors, reverse=True)
    assert 0 < 4 * (bias[1] - bias[0]) < variance[0] - variance[1]
    return figure


# %%
tutorial.show(q2_overfitting)

# %% [markdown]
# ## 3. L1 or L2?
# L1 makes weights exactly zero, L2 only makes them small. Here 5 of 30 weights are needed.


# %%
def q3_l1_or_l2(fast=False):
    random = np.random.default_rng(0)
    x, w = random.normal(size=(100, 30)), np.r_[np.full(5, 2.0), np.zeros(25)]
    y = x @ w + random.normal(size=100)
    figure, axes = tutorial.panels(1, 2, sharey=True, title="3. L1 or L2: the 30 weights")
    zeros = {}
    for place, (name, model) in zip(
        axes, {"L1": linear_model.Lasso(0.3), "L2": linear_model.Ridge(30.0)}.items(), strict=True
    ):
        found = model.fit(x, y).coef_
        zeros[name] = int(np.sum(found[5:] == 0))
        colors = ["tab:blue"] * 5 + ["tab:orange"] * 25
        place.bar(range(30), found, color=colors)
        title = f"{name}: {zeros[name]} of 25 useless weights are 0"
        place.set(title=title, xlabel="weight (blue: needed)", ylabel="value")
        place.title.set_fontsize(10)
    assert zeros["L1"] > 15 > zeros["L2"] == 0
    return figure


# %%
tutorial.show(q3_l1_or_l2)

# %% [markdown]
# ## 4. Why precision and recall, and not accuracy?
# Of 10,000 people 100 are ill, and a test gives each a score. Saying "healthy" to everyone is 99 %
# accurate. *Precision* is the fraction of the positive answers that are correct; *recall* is the
# fraction of the ill that are found. A higher threshold raises precision and lowers recall.


# %%
def q4_precision_and_recall(fast=False):
    random, ill = np.random.default_rng(0), np.arange(10_000) < 100
    score = random.normal(size=10_000) + 2.5 * ill

    def measure(threshold):
        called = score > threshold
        return ill[called].mean(), called[ill].mean(), (called == ill).mean()

    thresholds = np.linspace(-1, 3.5, 46)
    curves = dict(
        zip(
            ("precision", "recall", "accuracy"),
            np.transpose([measure(limit) for limit in thresholds]),
            strict=True,
        )
    )
    figure, axes = tutorial.panels(size=(6.5, 4))
    title = "4. One person in 100 is ill"
    tutorial.lines(axes, curves, thresholds, xlabel="threshold", ylabel="fraction", title=title)
    axes.axhline(np.mean(~ill), color="grey", ls=":", label='accuracy of always "healthy"')
    axes.legend(fontsize=8)
    (low, much, _), (high, few, _) = measure(1), measure(3)
    assert np.mean(~ill) == 0.99
    assert low < 0.2 < 0.5 < high and much > 0.8 > 0.5 > few
    return figure


# %%
tutorial.show(q4_precision_and_recall)

# %% [markdown]
# ## 5. Cross-entropy or squared error for a class?
# A sigmoid that is certain is flat, also when it is wrong. The gradient of the squared error
# contains the sigmoid's slope and vanishes there; that of the cross-entropy does not.
#
# The correct class is 1, so a very negative z is a certain mistake.


# %%
def q5_cross_entropy(fast=False):
    z = np.linspace(-10, 5, 301)
    p = activations.sigmoid(z)
    slopes = {"cross-entropy": 1 - p, "squared error": 2 * (1 - p) * p * (1 - p)}
    figure, axes = tutorial.panels(size=(6.5, 4))
    names = {"xlabel": "z (the right class is 1)", "ylabel": "size of the gradient"}
    tutorial.lines(axes, slopes, z, title="5. The gradient of a sure mistake", **names)
    p = activations.sigmoid(-8.0)
    assert 1 - p > 1000 * 2 * (1 - p) * p * (1 - p)
    return figure


# %%
tutorial.show(q5_cross_entropy)

# %% [markdown]
# ## 6. Why do gradients vanish?
# Each layer of sigmoids multiplies the gradient by at most 1/4 (besides the weights). With ReLU and
# He's weights its size stays about the same.


# %%
def through(depth, activation, slope, deviation, width=128):
    """Deviation of each layer's outputs, and norms of the gradient, from the last layer back."""
    random = np.random.default_rng(0)
    a, passed, deviations = random.normal(size=(64, width)), [], []
    for _ in range(depth):
        w = random.normal(scale=deviation, size=(width, width))
        z = a @ w
        a = activation(z)
        passed.append((w, slope(z)))
        deviations.append(float(a.std()))
    gradient = random.normal(size=a.shape)
    norms = [np.linalg.norm(gradient)]
    for w, factor in reversed(passed):
        gradient = (gradient * factor) @ w.T
        norms.append(np.linalg.norm(gradient))
    return deviations, np.array(norms) / norms[0]


HE, XAVIER = np.sqrt(2 / 128), np.sqrt(1 / 128)
RELU = activations.relu, activations.relu_slope


def q6_vanishing_gradients(fast=False):
    _, sigmoid = through(15, activations.sigmoid, activations.sigmoid_slope, XAVIER)
    _, relu = through(15, *RELU, HE)
    curves = {"sigmoid, Xavier": sigmoid, "ReLU, He": relu, "1/4 a layer": 0.25 ** np.arange(16)}
    figure, axes = tutorial.panels(size=(6.5, 4))
    names = {"xlabel": "layers back", "ylabel": "gradient / that of the last layer"}
    tutorial.lines(axes, curves, title="6. Gradients through fifteen layers", **names)
    axes.lines[-1].set(color="grey", ls=":")
    axes.set_yscale("log")
    axes.legend(fontsize=8)
    assert sigmoid[-1] < 1e-7 < 0.1 < relu[-1] < 10
    return figure


# %%
tutorial.show(q6_vanishing_gradients)

# %% [markdown]
# ## 7. Why ReLU?
# Its slope is 1 for every positive input. Six layers learn with it, and do not with sigmoids.


# %%
@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


def learn(*hidden, optimizer="adam", epochs=10):
    """The training loss of each epoch, and the accuracy on test digits."""
    (x, y), (images, labels) = digits()
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), *hidden, keras.layers.Dense(10)]
    model = keras.Sequential(layers)
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    losses = model.fit(x, y, epochs=epochs, verbose=0).history["loss"]
    return losses, float(np.mean(model.predict_on_batch(images).argmax(axis=-1) == labels))


def q7_relu(fast=False):
    epochs, losses, right = 1 if fast else 10, {}, {}
    for name in ("sigmoid", "relu"):
        kerasdl.set_seed(0)
        hidden = [keras.layers.Dense(32, name) for _ in range(6)]
        losses[name], right[name] = learn(*hidden, epochs=epochs)
    losses = {f"{name}: test accuracy {right[name]:.0%}": each for name, each in losses.items()}
    figure, axes = tutorial.panels(size=(6.5, 4))
    title = "7. Six layers learn digits"
    x = np.arange(1, epochs + 1)
    tutorial.lines(axes, losses, x, xlabel="epoch", ylabel="training loss", title=title)
    axes.axhline(np.log(10), color="grey", ls=":")
    assert fast or right["sigmoid"] < 0.3 < 0.75 < right["relu"]
    return figure


# %%
tutorial.show(q7_relu)

# %% [markdown]
# ## 8. Why do initial weights matter?
# Thirty layers of ReLU keep the deviation of their inputs only if a weight's variance is 2/n.


# %%
def q8_initial_weights(fast=False):
    deviations = {"0.01": 0.01, "Xavier, 0.088": XAVIER, "He, 0.125": HE, "0.2": 0.2}
    curves = {name: through(30, *RELU, deviation)[0] for name, deviation in deviations.items()}
    figure, axes = tutorial.panels(size=(6.5, 4))
    names = {"xlabel": "layer", "ylabel": "deviation of its outputs"}
    title = "8. A signal of 1 through thirty layers of ReLU"
    tutorial.lines(axes, curves, np.arange(1, 31), title=title, **names)
    axes.set_yscale("log")
    small, xavier, he, large = [curve[-1] for curve in curves.values()]
    assert small < 1e-20 and xavier < 1e-3 and 0.2 < he < 2 and large > 100
    return figure


# %%
tutorial.show(q8_initial_weights)

# %% [markdown]
# ## 9. What does the learning rate do?
# If it is too low, the loss hardly changes. If it is too high, each step jumps across the valley,
# so that the loss stays at that of guessing (2.3) or above.


# %%
def q9_learning_rate(fast=False):
    epochs, losses = 1 if fast else 10, {}
    for rate in (0.0003, 0.1, 100.0):
        kerasdl.set_seed(0)
        sgd = keras.optimizers.SGD(rate)
        each, _ = learn(keras.layers.Dense(32, "relu"), optimizer=sgd, epochs=epochs)
        losses[f"{rate:g}"] = each
    figure, axes = tutorial.panels(size=(6.5, 4))
    title = "9. Three learning rates"
    x = np.arange(1, epochs + 1)
    tutorial.lines(axes, losses, x, xlabel="epoch", ylabel="training loss", title=title)
    axes.axhline(np.log(10), color="grey", ls=":")
    axes.set_yscale("log")
    ends = {name: each[-1] for name, each in losses.items()}
    assert fast or ends["0.1"] < 0.5 < 2 < min(ends["0.0003"], ends["100"])
    return figure


# %%
tutorial.show(q9_learning_rate)

# %% [markdown]
# ## 10. Adam or SGD?
# Adam gives each weight its own step size. A valley along the axes does not slow it down, even if
# it is 1000 times steeper across than along. SGD must take steps that are small enough for the
# steepest direction.


# %%
def q10_adam_or_sgd(fast=False):
    steep, goal = np.array([1.0, 1000.0]), 1e-2

    def descend(step):
        """Losses until the goal is reached."""
        w, losses = np.ones(2), []
        while not losses or losses[-1] >= goal:
            w = step(w, steep * w, len(losses) + 1)
            losses.append(np.sum(steep * w**2))
        return losses

    m, v = 0.0, 0.0

    def adam(w, gradient, t):
        nonlocal m, v
        w, m, v = optimizers.adam(w, gradient, m, v, t, learning_rate=0.1)
        return w

    def sgd(w, gradient, t):
        return basics.gradient_descent(w, gradient, learning_rate=1.9 / 1000)

    losses = {"Adam": descend(adam), "SGD": descend(sgd)}
    curves = {f"{name}: {len(each)} steps": each for name, each in losses.items()}
    curves = {name: (np.arange(1, len(each) + 1), each) for name, each in curves.items()}
    figure, axes = tutorial.panels(size=(6.5, 4))
    title = "10. A valley 1000 times steeper across than along"
    tutorial.lines(axes, curves, xlabel="step", ylabel="loss", title=title)
    axes.set(xscale="log", yscale="log")
    assert len(losses["SGD"]) > 5 * len(losses["Adam"])
    return figure


# %%
tutorial.show(q10_adam_or_sgd)

# %% [markdown]
# ## Exercises
# 1. Pick the answer that you believe least, and change its experiment so that it would fail.
# 2. Early stopping is missing in question 2. Add it: descent from zero, stopped half-way.
# 3. Give SGD momentum in question 10 (`optimizers.momentum`). How many steps does it need?


# %%
def main(fast=False, out=pathlib.Path("out/14_questions_on_training")):
    data = q1_bias_and_variance, q2_overfitting, q3_l1_or_l2, q4_precision_and_recall
    signals = q5_cross_entropy, q6_vanishing_gradients, q7_relu, q8_initial_weights
    tutorial.run(*data, *signals, q9_learning_rate, q10_adam_or_sgd, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
