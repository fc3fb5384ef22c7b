# %% [markdown]
# # Hyperparameters: search, do not guess
#
# **Claim.** What a network learns in five epochs depends mostly on its learning rate: with a
# learning rate a hundred times too low or too high, the loss is at least three times the best. Nine
# trials on a 3x3 grid test three values of a hyperparameter, and nine random trials test nine; the
# nearest of them is closer to the best value. Bayesian optimization, which uses the results of all
# trials so far, finds the higher of two hills in fewer than ten trials. On a real network the
# median loss of the trials that it chooses is less than half of that of random trials. But with
# only two hyperparameters, the best of twelve random trials is about as good as its best trial.
#
# **The idea.** A trial is expensive, so use the results of earlier trials. A Gaussian process turns
# the trials so far into a mean m and a standard deviation s of the unknown function at every point.
# The next trial is where the expected improvement (EI) over the best value b so far is largest:
#
# $$m = k^T (K + \sigma^2 I)^{-1} y \qquad s^2 = 1 - k^T (K + \sigma^2 I)^{-1} k \qquad
# EI = (m - b)\,\Phi(z) + s\,\varphi(z), \quad z = (m - b) / s$$
#
# Run it: `python tutorials/7_scale/03_hyperparameters.py` (45 seconds).
# You will see what learning rate and depth do to a network, grid against random search, each step
# of a Bayesian optimization, and what random and Bayesian search find with KerasTuner.

# %%
import functools
import math
import pathlib
import tempfile

import keras
import keras_tuner
import numpy as np

import kerasdl
from kerasdl.formulas import bayesian_optimization as formulas
from kerasdl.tuning import oracles
from kerasdl.utils import tutorial

LEARNING_RATES = np.logspace(-5, 0, 6)
DEPTHS = (0, 1, 2, 4, 8)
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## What can be tuned
# There are four kinds of hyperparameters: of the architecture (depth, width), of the optimizer
# (learning rate, schedule), of regularization (weight decay, dropout) and of training (batch size,
# epochs, augmentation). A trial gets few epochs: enough to compare, not enough to finish. Trials
# are compared on validation data. Test data are used once, for the best trial.
#
# Here a trial trains a small network on digits with one learning rate and one depth. The figure
# shows all combinations. (For the learning rate alone, a sweep within one epoch finds the order of
# magnitude: see the tutorial on learning rates.)


# %%
class Trials:
    """The validation loss of a network as a function of its learning rate and its depth."""

    def __init__(self, fast):
        data = kerasdl.data.load("digits", split="1437", validation=0.2)
        parts = (part.unbatch().batch(2000) for part in (data.train, data.validation))
        self.train, self.validation = (next(part.as_numpy_iterator()) for part in parts)
        self.models, self.epochs = {}, 1 if fast else 5

    def network(self, depth):
        if depth not in self.models:
            keras.utils.set_random_seed(0)
            hidden = [keras.layers.Dense(64, "relu") for _ in range(depth)]
            first = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
            model = keras.Sequential([*first, *hidden, keras.layers.Dense(10)])
            model.compile(keras.optimizers.Adam(), LOSS)
            model.optimizer.build(model.trainable_variables)
            variables = [*model.variables, *model.optimizer.variables]
            self.models[depth] = model, [(v, v.numpy()) for v in variables]
        return self.models[depth]

    def __call__(self, learning_rate, depth):
        model, start = self.network(depth)
        for variable, value in start:
            variable.assign(value)
        model.optimizer.learning_rate = learning_rate
        model.fit(*self.train, batch_size=64, epochs=self.epochs, shuffle=False, verbose=0)
        loss = float(model.evaluate(*self.validation, batch_size=300, verbose=0))
        return loss if math.isfinite(loss) else 1e3


@functools.cache
def trials(fast):
    return Trials(fast)


@functools.cache
def all_combinations(fast):
    depths = DEPTHS[:1] if fast else DEPTHS
    return np.array([[trials(fast)(rate, depth) for rate in LEARNING_RATES] for depth in depths])


def rates_and_depths(fast=False):
    table = all_combinations(fast)
    print("validation loss by depth and learning rate:", np.round(table, 3).tolist())
    if not fast:
        low, best, high = table[2, [1, 3, 5]]  # two hidden layers
        assert best == table[2].min() and min(low, high) > 3 * best, table

    figure, axis = tutorial.panels(size=(6.4, 4))
    axis.imshow(np.log10(table), cmap="viridis_r", aspect="auto")
    for (row, column), loss in np.ndenumerate(table):
        color = "white" if loss > 0.4 else "black"
        axis.text(column, row, f"{loss:.3g}", ha="center", va="center", color=color)
    axis.set_xticks(range(6), [f"1e{math.log10(rate):.0f}" for rate in LEARNING_RATES])
    axis.set_yticks(range(len(table)), DEPTHS[: len(table)])
    axis.set(xlabel="learning rate", ylabel="hidden layers")
    axis.set_title(f"Validation loss, epochs: {trials(fast).epochs}")
    return {"network": figure}


# %%
tutorial.show(rates_and_depths)

# %% [markdown]
# ## Grid against random
# Suppose that one of two hyperparameters matters and the other does not. A 3x3 grid then tries the
# same three values three times each; nine random trials try nine different values. To compare them,
# draw the best value at random many times, and measure how far the nearest trial is from it.
#
# Learning rates are drawn uniformly by their logarithm: then half of those from 1e-5 to 1 are below
# 0.003.


# %%
def nearest(per_side, times=2000):
    """Mean distance from the best value to the nearest trial: of a grid, and of random trials."""
    random = np.random.default_rng(0)
    best = random.uniform(size=(times, 1))
    grid = (np.arange(per_side)[None] + 0.5) / per_side
    tried = grid, random.uniform(size=(times, per_side**2))
    return [float(abs(each - best).min(axis=1).mean()) for each in tried]


def grid_and_random(fast=False):
    sides = 2, 3, 4, 5, 6
    distances = np.array([nearest(side) for side in sides])  # (sizes, grid and random)
    grid, random = distances[1]
    print(f"nearest of nine trials to the best value: grid {grid:.3f}, random {random:.3f}")
    assert random < 0.7 * grid

    figure, (left, middle, right) = tutorial.panels(1, 3, size=(4.4, 3.8))
    points = {
        "grid": (np.stack(np.meshgrid(*[(np.arange(3) + 0.5) / 3] * 2)).reshape(2, 9), left),
        "random": (np.random.default_rng(1).uniform(size=(2, 9)), middle),
    }
    for (name, (at, axis)), color in zip(points.items(), ("tab:blue", "tab:orange"), strict=True):
        axis.plot(*at, "o", color=color)
        axis.vlines(at[0], -0.08, -0.02, color=color)
        different = len(np.unique(at[0].round(6)))
        axis.set(title=f"{name}: nine trials, {different} values of x", xlim=(0, 1))
        axis.set(xlabel="x, which matters", ylabel="y, which does not", ylim=(-0.08, 1))
    for column, name in enumerate(points):
        right.plot(np.square(sides), distances[:, column], "o-", label=name)
    right.set(title="Nearest trial: mean of 2,000 cases", xlabel="number of trials")
    right.set(ylabel="distance in x to the best value", ylim=(0, None))
    right.legend()
    return {"grid_and_random": figure}


# %%
tutorial.show(grid_and_random)

# %% [markdown]
# ## Bayesian optimization, step by step
# Points that are near each other have similar values; the kernel k says how similar. The rest is
# linear algebra. At the points that were tried the standard deviation is 0, and far from all trials
# it is large. The expected improvement is large where the mean is high or the uncertainty is large,
# so the search returns to good regions and also explores unknown ones.


# %%
def kernel(a, b, length=0.12):
    return np.exp(-(((a[:, None] - b[None]) / length) ** 2) / 2)


def posterior(x, y, at, noise=1e-8):
    k = kernel(x, at)  # (tried, asked)
    weights = np.linalg.solve(kernel(x, x) + noise * np.eye(len(x)), k)
    return weights.T @ y, np.sqrt(np.maximum(1 - np.sum(k * weights, axis=0), 0))


def expected_improvement(m, s, best):
    z = (m - best) / np.maximum(s, 1e-12)
    below = np.array([(1 + math.erf(each / math.sqrt(2))) / 2 for each in z])
    return (m - best) * below + s * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def hills(x):
    """A low hill at 0.2 and a higher one at 0.757: it stands for an expensive function."""
    return -((6 * x - 2) ** 2) * np.sin(12 * x - 4) / 6


def optimize_hills(first=(0.05, 0.3, 0.6), steps=6):
    """After each step: the points tried; mean, deviation and expected improvement everywhere."""
    at, x = np.linspace(0, 1, 401), np.array(first)
    history = []
    for _ in range(steps):
        y = hills(x)
        m, s = posterior(x, y - y.mean(), at)
        gain = expected_improvement(m + y.mean(), s, y.max())
        history.append((x, m + y.mean(), s, gain))
        x = np.append(x, at[np.argmax(gain)])
    return at, x, history


def check_the_formulas():
    at, _, history = optimize_hills()
    tried, m, s, gain = history[3]
    y = hills(tried)
    kernel_of_library = functools.partial(formulas.squared_exponential, length=0.12)
    known = formulas.gaussian_process(
        tried[:, None], y - y.mean(), at[:, None], kernel_of_library, 1e-8
    )
    np.testing.assert_allclose([m - y.mean(), s], known, atol=1e-4)
    expected = formulas.expected_improvement(m, s, y.max())
    np.testing.assert_allclose(gain, expected, atol=1e-6)


def step_by_step(fast=False):
    check_the_formulas()
    at, x, history = optimize_hills()
    print("points tried, in this order:", np.round(x, 3).tolist())
    assert hills(x).max() > 0.95 * hills(at).max() and len(x) < 10

    figure, axes = tutorial.panels(2, 3, size=(4.2, 2.8), sharex=True, sharey=True)
    for axis, (x, m, s, gain) in zip(axes.flat, history, strict=True):
        axis.plot(at, hills(at), "k--", linewidth=1, label="the unknown function")
        axis.fill_between(at, m - 2 * s, m + 2 * s, alpha=0.2, label="mean, 2 deviations")
        axis.plot(at, m)
        axis.plot(x, hills(x), "ko", label="tried")
        height = -4.5 + 1.5 * gain / gain.max()
        axis.fill_between(at, -4.5, height, color="tab:orange", alpha=0.6, label="EI (scaled)")
        axis.axvline(at[np.argmax(gain)], color="tab:orange", linewidth=1, label="next")
        axis.set(title=f"after {len(x)} trials", ylim=(-4.6, 4.5))
    axes[0, 0].legend(fontsize=7, ncols=2, loc="upper left")
    figure.supxlabel("hyperparameter")
    figure.supylabel("value")
    return {"steps": figure}


# %%
tutorial.show(step_by_step)

# %% [markdown]
# ## KerasTuner
# KerasTuner holds the space of hyperparameters, asks an *oracle* for the next values and keeps the
# results. The method `run_trial` runs a trial. (`kerasdl tune` does the same with a recipe, and
# runs each trial in its own process.)
#
# The Bayesian oracle begins with three random trials, in the gray area of the figure. In one of the
# three searches none of these learns anything, and the search has to start from there. Its later
# trials are much better than random ones. But only the best trial of a search counts, and twelve
# random trials of two hyperparameters contain a good one, too: with so few hyperparameters,
# Bayesian search is worth its effort only if trials are few or if every trial has to be good. With
# more hyperparameters, good values become rare, and random trials miss them.


# %%
class Tuner(keras_tuner.Tuner):
    def run_trial(self, trial, function, losses, verbose):  # what `search` below is given
        losses.append(function(**trial.hyperparameters.values))
        return {"log_loss": math.log(losses[-1])}


def search(name, count, function, seed):
    """The losses of `count` trials, in order, and the best hyperparameters."""
    hp = keras_tuner.HyperParameters()
    hp.Float("learning_rate", 1e-5, 1.0, sampling="log")
    hp.Choice("depth", list(DEPTHS))
    objective, losses = keras_tuner.Objective("log_loss", "min"), []
    oracle = oracles.make(name, objective, hp, trials=count, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(oracle=oracle, directory=folder)
        tuner.search(function, losses, verbose=0)
    return losses, tuner.get_best_hyperparameters()[0].values


def random_and_bayesian(fast=False):
    found = {"random": [], "bayesian": []}
    for name, runs in found.items():
        for seed in range(1 if fast else 3):
            losses, best = search(name, 4 if fast else 12, trials(fast), seed)
            runs.append(losses)
            print(f"{name}: losses {np.round(losses, 3).tolist()}, best with {best}")
    found = {name: np.array(runs) for name, runs in found.items()}  # (searches, trials)
    chosen = {name: float(np.median(runs[:, 3:])) for name, runs in found.items()}
    best = {name: float(np.median(runs.min(axis=1))) for name, runs in found.items()}
    print(f"median trial after the third: {chosen}; median best trial of a search: {best}")
    if not fast:
        table = all_combinations(fast)
        assert chosen["bayesian"] < 0.5 * chosen["random"], chosen
        assert found["bayesian"].min() < 1.1 * table.min(), (found, table.min())
        assert 0.5 < best["bayesian"] / best["random"] < 2, best  # no difference to speak of

    figure, (left, right) = tutorial.panels(1, 2, size=(5.8, 3.9), sharey=True)
    for (name, runs), color in zip(found.items(), ("tab:blue", "tab:orange"), strict=True):
        numbers = np.arange(runs.shape[1]) + 1
        left.plot(numbers, runs.T, "o", color=color, alpha=0.5)
        left.plot([3.5, numbers[-1]], [chosen[name]] * 2, color=color, label=f"{name}, median")
        so_far = np.minimum.accumulate(runs, axis=1)
        right.step(numbers, so_far.T, where="post", color=color, alpha=0.3)
        middle = np.median(so_far, axis=0)
        right.step(numbers, middle, where="post", color=color, linewidth=2.5, label=name)
    for axis in (left, right):
        axis.axvspan(0.5, 3.5, color="0.9", zorder=0)
        axis.set(xlabel="trial", ylabel="validation loss", yscale="log")
        axis.legend()
    ratio = chosen["bayesian"] / chosen["random"]
    left.set_title(f"Median loss of all trials: Bayesian / random = {ratio:.2f}")
    ratio = best["bayesian"] / best["random"]
    right.set_title(f"Best so far: Bayesian / random = {ratio:.2f} at the end")
    return {"searches": figure}


# %%
tutorial.show(random_and_bayesian)


# %%
def main(fast=False, out=pathlib.Path("out/03_hyperparameters")):
    sections = rates_and_depths, grid_and_random, step_by_step, random_and_bayesian
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Use the upper confidence bound m + 2 s in place of the expected improvement. Which steps
#    change?
# 2. Set the kernel's length to 0.03 instead of 0.12. What are the mean and the deviation between
#    trials?
# 3. Run `kerasdl tune mlp --trials 10`. Does its `figures/importance.png` agree with the first
#    figure?

# %%
if __name__ == "__main__":
    main()
