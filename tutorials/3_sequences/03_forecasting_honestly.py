# %% [markdown]
# # Forecasting honestly: baselines, splits in time, and what must not be known
#
# **Claim.** Three mistakes make forecasts look good that are worthless. Each is shown on a series
# that nobody can forecast better than by its last value or its mean.
# - *No baseline.* On a random walk, a linear model explains 95 % of the variance or more. So does
#   the last value alone, which is at least as good.
# - *A random split.* Windows overlap. If they are split at random, the values that follow a test
#   window lie in training windows, and a model that only looks up the most similar window seems
#   better than the last value, five steps ahead. Split in time, it is worse.
# - *The future in the inputs.* A series of pure noise, smoothed with values of both sides, seems
#   to be predictable: each smoothed value holds noise of the future.
#
# Then an LSTM forecasts the next day of a series that can be forecast, split in time, and its
# error stays at least a fifth below that of the best of three naive forecasts.
#
# **The idea.** A forecast is worth what it is better than a forecast that needs no model: the last
# value (naive), or the value of one season $m$ before (seasonal naive):
#
# $$\hat{y}_{T+k} = x_T \qquad\qquad \hat{y}_{T+k} = x_{T+k-m}$$
#
# The relative error is the mean absolute error divided by that of the best of these on the same
# windows: below 1 the model has learned something.
#
# Run it: `python tutorials/3_sequences/03_forecasting_honestly.py` (45 seconds).
# You will see three illusions beside the honest result, and the error of an LSTM hour by hour.

# %%
import functools
import pathlib

import numpy as np

import kerasdl
from kerasdl.data.sets import sequences
from kerasdl.utils import tutorial

WINDOW = 10
AHEAD = 5  # steps that the most similar window forecasts


def mae(answers, truth):
    return float(np.abs(answers - truth).mean())


def split_in_time(*arrays):
    """The first seven tenths to train, the last three to test."""
    end = len(arrays[0]) * 7 // 10
    return [(array[:end], array[end:]) for array in arrays]


def linear_model(inputs, targets):
    """Least squares with a constant."""
    weights = np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], targets, rcond=None)[0]
    return lambda x: np.c_[x, np.ones(len(x))] @ weights


def windows_of(series, window=WINDOW, horizon=1):
    inputs, targets = sequences.windows(series, window, horizon)
    return inputs[..., 0], targets[:, 0]


@functools.cache
def walks(fast):
    """Random walks: each value is the last one plus noise, which nobody can forecast."""
    random = np.random.default_rng(0)
    return random.normal(size=(5 if fast else 20, 1000)).cumsum(axis=1)


# %% [markdown]
# ## No baseline
# The figure shows the forecasts of a linear model on a random walk, one step ahead. They follow the
# truth closely, and $R^2$ is near 1. But they follow it one step late: the model has learned to
# repeat the last value.


# %%
def no_baseline(fast=False):
    scores = []
    for walk in walks(fast):
        (x, tested), (y, truth) = split_in_time(*windows_of(walk))
        answers = linear_model(x, y)(tested)
        r2 = 1 - ((answers - truth) ** 2).mean() / truth.var()
        scores.append((r2, mae(answers, truth) / mae(tested[:, -1], truth)))
    r2, relative = np.median(scores, axis=0)
    print(f"random walks: R^2 of a linear model {r2:.3f}, error {relative:.2f} of the last value's")
    assert r2 > 0.95 and relative >= 1, (r2, relative)

    figure, axis = tutorial.panels(size=(9, 3.5))
    steps = np.arange(60)
    axis.plot(steps, truth[:60], "o-", color="0.6", label="truth")
    axis.plot(steps, answers[:60], color="tab:blue", label="linear model")
    axis.set(title="One step ahead on a random walk", xlabel="step", ylabel="value")
    axis.legend(frameon=False)
    return {"no_baseline": figure}


# %%
tutorial.show(no_baseline)

# %% [markdown]
# ## A random split
# The model looks up the training window that is most similar to the test window, and answers with
# what came five steps after it. If the windows are split at random, the most similar window is
# often the one that begins a step earlier or later, and its answer is one step from the right one.


# %%
def looked_up(x, y, tested):
    distances = ((tested[:, None] - x[None]) ** 2).sum(axis=-1)
    return y[distances.argmin(axis=1)]


def random_split(fast=False):
    found = {"split at random": [], "split in time": []}
    random = np.random.default_rng(1)
    for walk in walks(fast):
        x, y = windows_of(walk, 2 * WINDOW, AHEAD)
        shuffled = random.permutation(len(x))
        for name, order in (("split at random", shuffled), ("split in time", np.arange(len(x)))):
            (known, tested), (answers, truth) = split_in_time(x[order], y[order])
            error = mae(looked_up(known, answers, tested), truth)
            found[name].append(error / mae(tested[:, -1], truth))
    medians = {name: float(np.median(errors)) for name, errors in found.items()}
    print("error of the most similar window, relative to the last value:", medians)
    assert medians["split at random"] < 0.9 and medians["split in time"] > 1, medians

    figure, axis = tutorial.panels(size=(7, 3.5))
    labels = {"xlabel": "how the windows are split", "ylabel": "error / error of the last value"}
    tutorial.bars(axis, medians, **labels, color=["tab:orange", "tab:blue"])
    axis.axhline(1, color="0.4", ls=":")
    axis.set(title=f"The most similar window, {AHEAD} steps ahead")
    return {"random_split": figure}


# %%
tutorial.show(random_split)

# %% [markdown]
# ## The future in the inputs
# White noise has no pattern. Its moving average over nine values, four on each side, has one: two
# neighbors share eight of nine values. A model that reads it and forecasts it one step ahead
# forecasts what it has already read. Trained to forecast the noise itself, from a moving average of
# the past alone, it is no better than the mean.


# %%
def future_in_inputs(fast=False):
    noise = np.random.default_rng(2).normal(size=2000 if fast else 20_000)
    kernel = np.ones(9) / 9
    smooth = np.convolve(noise, kernel, "valid")  # smooth[i] holds noise[i] to noise[i + 8]
    relative = {}
    # the middle of smooth[i] is noise[i + 4]
    (x, tested), (y, truth) = split_in_time(*windows_of(smooth))
    relative["smoothed"] = mae(linear_model(x, y)(tested), truth) / mae(y.mean(), truth)
    x, _ = windows_of(smooth)
    y = noise[WINDOW + 8 :]  # what follows the last value that the window's end holds
    (x, tested), (y, truth) = split_in_time(x[: len(y)], y)
    relative["noise itself"] = mae(linear_model(x, y)(tested), truth) / mae(y.mean(), truth)
    print("error on noise, relative to the mean:", {k: round(v, 2) for k, v in relative.items()})
    assert relative["smoothed"] < 0.5, relative
    assert abs(relative["noise itself"] - 1) < (0.1 if fast else 0.03), relative

    figure, axis = tutorial.panels(size=(7, 3.5))
    labels = {"xlabel": "inputs and targets", "ylabel": "error / error of the mean"}
    tutorial.bars(axis, relative, **labels, color=["tab:orange", "tab:blue"])
    axis.axhline(1, color="0.4", ls=":")
    axis.set(title="Forecasts of noise")
    return {"future_in_inputs": figure}


# %%
tutorial.show(future_in_inputs)

# %% [markdown]
# ## An honest forecast
# The data `seasons` are hours with a daily season that differs on weekends, a trend, a level that
# wanders, and noise. The library splits them in time; mean and standard deviation are those of the
# training hours. The recipe `forecaster` trains an LSTM, here for three epochs; the naive
# forecasts stand beside it.
#
# The figure shows the error at each hour of the day that is forecast. The last value is good for an
# hour; the last week is equally good for all hours; the LSTM uses both.


# %%
def honest(fast=False):
    recipe = kerasdl.recipes.get("forecaster").replace(epochs=3)
    run = recipe.run(tutorial.scratch() / "run", fast=fast, progress=False, pictures=False)
    inputs, truth = tutorial.arrays(run.load_data().test)
    _, deviation = run.info.target_scale
    answers = {"LSTM": run.task.apply(run.model, inputs), **run.task.simple_forecasts(inputs)}
    errors = {
        name: np.abs(found - truth)[..., 0].mean(axis=0) * deviation[0]
        for name, found in answers.items()
    }
    for name, error in errors.items():
        print(f"{name}: mean absolute error {error.mean():.2f}")
    if not fast:
        best = min(error.mean() for name, error in errors.items() if name != "LSTM")
        assert errors["LSTM"].mean() < 0.8 * best, errors
        assert abs(run.metrics["test"]["relative"] - errors["LSTM"].mean() / best) < 1e-3

    figure, axis = tutorial.panels(size=(9, 3.8))
    hours = np.arange(1, truth.shape[1] + 1)
    labels = {"xlabel": "hours ahead", "ylabel": "mean absolute error"}
    tutorial.lines(axis, errors, hours, **labels, title="Error by hour", linewidth=2)
    return {"honest": figure}


# %%
tutorial.show(honest)


# %%
def main(fast=False, out=pathlib.Path("out/03_forecasting_honestly")):
    tutorial.run(no_baseline, random_split, future_in_inputs, honest, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Forecast the random walks two steps ahead. How much larger is the error of the last value, and
#    why is it not twice as large?
# 2. Split the windows of `no_baseline` at random. Does the linear model gain from it as the most
#    similar window does?
# 3. Train the recipe with `model_options={"width": 64, "patch": 24}`. What does it lose?
# 4. Give the recipe a table of your own with a column of times. Is your data better forecast by
#    the last value or by the last season?

# %%
if __name__ == "__main__":
    main()
