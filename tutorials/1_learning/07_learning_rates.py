# %% [markdown]
# # Learning rates: how to find one, and how to let it change
#
# **Claim.** With the best of six constant learning rates, a network classifies nine of ten digits
# correctly; with one fifty times lower fewer than half; and with one eight times higher one in ten,
# which is guessing. A sweep of a hundred steps suggests a learning rate that trains: within six
# points of the best accuracy if it stays constant, within two as the peak of a one-cycle schedule.
# A learning rate that is too high does less harm if it changes: at 0.2, where a constant one begins
# to fail, one cycle classifies at least ten more digits of a hundred correctly. At 0.4, a schedule
# that starts high and falls is not better than guessing; only schedules that also begin low are.
#
# **The idea.** On the loss $w^2 / 2$ a step of gradient descent multiplies w by $1 - \eta$. If the
# learning rate $\eta$ is tiny, w hardly changes; if it is above 2, w grows in every step. In a
# network that limit is different in each direction and changes during training, so it is found by
# experiment: raise the learning rate from far too low to far too high within a hundred steps, and
# see where the loss falls fastest. Then use a *schedule*: rise for r steps (warm-up), and fall
# until step T, for example along a cosine:
#
# $$\eta_t = \eta \frac t r \;\; (t < r) \qquad
# \eta_t = \frac \eta 2 \Big(1 + \cos \pi \frac{t - r}{T - r}\Big) \;\; (r \le t \le T)$$
#
# Run it: `python tutorials/1_learning/07_learning_rates.py` (55 seconds).
# You will see learning rates that are too low and too high, nine schedules, a sweep, and the
# accuracy on digits with each.

# %%
import functools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl import diagnosis, schedules
from kerasdl.formulas import schedules as formulas
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## Too low, too high
# Thirty steps on $w^2 / 2$ from w = 1. At 1.9 every step overshoots the minimum, but lands nearer
# to it; at 2.1 it lands farther away.


# %%
def limits(fast=False):
    rates = 0.001, 0.1, 1.9, 2.1
    figure, axes = tutorial.panels(size=(7, 4))
    paths = {f"learning rate {rate:g}": (1 - rate) ** np.arange(31) for rate in rates}
    title = "Gradient descent on $w^2 / 2$"
    tutorial.lines(axes, paths, xlabel="step", ylabel="w", title=title, marker=".")
    axes.set_ylim(-5, 5)
    w = {rate: abs((1 - rate) ** 100) for rate in rates}
    print("|w| after 100 steps:", {rate: f"{value:.2g}" for rate, value in w.items()})
    assert w[0.001] > 0.9 and max(w[0.1], w[1.9]) < 1e-4 and w[2.1] > 1e4
    return figure


# %%
tutorial.show(limits)

# %% [markdown]
# ## Nine schedules
# Each is a function from a step t (or many) to a learning rate, here for 100 steps with the peak
# 0.1. `progress` is clipped to the range from 0 to 1, which keeps a schedule at its end value when
# training goes on longer. Without the clip a cosine rises again after its end.


# %%
PEAK, STEPS = 0.1, 100


def progress(t, start, end):
    return np.clip((t - start) / (end - start), 0, 1)


def constant(t):
    return np.full(np.shape(t), PEAK)


def step_decay(t, factor=0.5, every=20):
    return PEAK * factor ** (t // every)


def exponential_decay(t, speed=0.05):
    return PEAK * np.exp(-speed * t)


def polynomial_decay(t, power=2):
    return PEAK * (1 - progress(t, 0, STEPS)) ** power


def cosine(t, start=0, end=STEPS, first=PEAK, last=0.0):
    return last + (first - last) * (1 + np.cos(np.pi * progress(t, start, end))) / 2


def warm_up_cosine(t, rise=10, end=STEPS):
    return np.where(t < rise, PEAK * t / rise, cosine(t, rise, end))


def cyclical(t, lowest=PEAK / 100, half=25):
    return lowest + (PEAK - lowest) * (1 - abs(t / half % 2 - 1))


def one_cycle(t, rise=30):
    up = cosine(t, 0, rise, PEAK / 25, PEAK)
    down = cosine(t, rise, STEPS, PEAK, PEAK / 250_000)
    return np.where(t < rise, up, down)


# %% [markdown]
# The ninth looks at the loss instead of the step: it halves the learning rate when the loss has not
# improved for some epochs (`patience`). In `fit` it is the callback `ReduceLROnPlateau`.


# %%
def on_plateau(losses, learning_rate=PEAK, factor=0.5, patience=2):
    rates, best, waited = [], np.inf, 0
    for loss in losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited == patience:
            learning_rate, waited = learning_rate * factor, 0
        rates.append(learning_rate)
    return rates


def nine_schedules(fast=False):
    t = np.arange(121)
    loss = np.maximum(np.exp(-t / 15), 0.1)  # falls, and then stays
    rates = {
        "constant": constant(t),
        "step decay": step_decay(t),
        "exponential decay": exponential_decay(t),
        "polynomial decay": polynomial_decay(t),
        "cosine": cosine(t),
        "warm-up and cosine": warm_up_cosine(t),
        "cyclical": cyclical(t),
        "one cycle": one_cycle(t),
        "on plateau": on_plateau(loss, patience=20),
    }
    figure, axes = tutorial.panels(3, 3, size=(3.6, 2.2), sharex=True, sharey=True)
    for place, (name, values) in zip(axes.flat, rates.items(), strict=True):
        place.plot(t, values)
        place.set_title(name)
    figure.supxlabel("step")
    figure.supylabel("learning rate")

    theirs = {
        "step decay": formulas.step_decay(t, every=20),
        "exponential decay": formulas.exponential_decay(t),
        "polynomial decay": formulas.polynomial_decay(t, power=2),
        "cosine": formulas.cosine_annealing(t),
        "warm-up and cosine": formulas.warm_up_cosine(t, PEAK, 10, STEPS),
        "cyclical": formulas.cyclical(t, PEAK / 100, PEAK, half=25),
        "one cycle": formulas.one_cycle(t),
    }
    for name, values in theirs.items():
        np.testing.assert_allclose(rates[name], values, atol=1e-9)
    at = cosine(np.array([0, 25, 50, 75, 100, 150]))
    np.testing.assert_allclose(at, [0.1, 0.085355, 0.05, 0.014645, 0, 0], atol=1e-6)
    without_clip = PEAK * 0.5 * (1 + np.cos(np.pi * (120 - 10) / 90))
    assert without_clip > 0.01 > warm_up_cosine(120) == 0  # it rises again
    assert on_plateau([1, 0.9, 0.9, 0.9, 0.9]) == [0.1, 0.1, 0.1, 0.05, 0.05]
    return figure


# %%
tutorial.show(nine_schedules)

# %% [markdown]
# ## A schedule inside `fit`
# A schedule of your own is a subclass of `LearningRateSchedule` whose `__call__` gets the step. In
# `fit` the step is a symbolic tensor, so a Python `if` cannot ask for its value:


# %%
class WarmUpWithIf(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        if step < 10:
            return PEAK * step / 10
        return PEAK * 0.5 * (1 + keras.ops.cos(np.pi * (step - 10) / 90))


# %% [markdown]
# Compute both branches and choose with `where`, as the library's `schedules.WarmUp` does:


# %%
class WarmUpWithWhere(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        falling = PEAK * 0.5 * (1 + keras.ops.cos(np.pi * (step - 10) / 90))
        return keras.ops.where(step < 10, PEAK * step / 10, falling)


# %% [markdown]
# The network for the rest of the tutorial: digits, two hidden layers, momentum 0.9.


# %%
@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


def network(seed, learning_rate):
    kerasdl.set_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, "relu"),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.SGD(learning_rate, momentum=0.9), LOSS)
    return model


def if_and_where(fast=False):
    train, _ = digits()
    options = {"epochs": 1, "steps_per_epoch": 1, "verbose": 0}
    try:
        network(0, WarmUpWithIf()).fit(*train, **options)
        error = None
    except Exception as raised:
        error = type(raised).__name__
    print("fit with a Python if in the schedule raises", error)
    assert error == "OperatorNotAllowedInGraphError"
    network(0, WarmUpWithWhere()).fit(*train, **options)  # works


# %%
tutorial.show(if_and_where)

# %% [markdown]
# ## A sweep
# `diagnosis.lr_find` trains for a hundred steps while it raises the learning rate from 0.00001 to
# 10, suggests the one at which the loss fell fastest, and restores the model.


# %%
@functools.cache
def sweep():
    train, _ = digits()
    model = network(0, 0.01)
    before = model.get_weights()
    found = diagnosis.lr_find(model, train, low=1e-5, high=10)
    assert all(map(np.array_equal, before, model.get_weights())), "it must leave no trace"
    return found


def find(fast=False):
    found = sweep()
    figure, axes = tutorial.panels(size=(7, 4), title="One sweep")
    curves = {"each batch": found.losses, "smoothed": found.smooth}
    tutorial.lines(axes, curves, found.rates, xlabel="learning rate", ylabel="loss")
    axes.lines[0].set_color("lightgrey")
    label = f"suggested: {found.suggestion:.3f}"
    axes.axvline(found.suggestion, color="black", ls=":", label=label)
    axes.set(xscale="log", ylim=(0, 3))
    axes.legend(fontsize=8)
    print(label)
    assert 0.01 < found.suggestion < 0.2
    return figure


# %%
tutorial.show(find)

# %% [markdown]
# ## A comparison on digits
# Five epochs, which are few. Six learning rates, each kept constant, as the start of a cosine and
# as the peak of one cycle; the two highest also with warm-up and cosine.


# %%
def ways(learning_rate, steps):
    """name -> what the optimizer gets as its learning rate."""
    found = {
        "constant": learning_rate,
        "cosine": keras.optimizers.schedules.CosineDecay(learning_rate, steps),
        "one cycle": schedules.OneCycle(learning_rate, steps),
    }
    if learning_rate >= 0.2:
        decay = keras.optimizers.schedules.CosineDecay(learning_rate, round(0.8 * steps))
        found["warm-up and cosine"] = schedules.WarmUp(decay, round(0.2 * steps))
    return found


def accuracy(learning_rate, epochs, seeds):
    """Fraction of test digits that are right, a mean over seeds."""
    train, (images, labels) = digits()
    found = []
    for seed in range(seeds):
        model = network(seed, learning_rate)
        model.fit(*train, batch_size=32, epochs=epochs, verbose=0)
        found.append(np.mean(np.argmax(model(images), axis=-1) == labels))
    return float(np.mean(found))


def compare(fast=False):
    epochs = 1 if fast else 5
    steps = epochs * -(-len(digits()[0][0]) // 32)
    seeds = {0.1: 1} if fast else {0.001: 2, 0.01: 2, 0.05: 3, 0.1: 3, 0.2: 3, 0.4: 3}
    results = {}
    for rate, count in seeds.items():
        for way, schedule in ways(rate, steps).items():
            results.setdefault(way, {})[rate] = accuracy(schedule, epochs, count)
    suggestion, count = sweep().suggestion, 1 if fast else 3
    suggested = {
        way: accuracy(schedule, epochs, count)
        for way, schedule in ways(suggestion, steps).items()
        if way != "cosine"
    }
    for way, row in results.items():
        print(f"{way}:", {rate: f"{value:.1%}" for rate, value in row.items()})
    print(f"suggested {suggestion:.3f}:", {way: f"{v:.1%}" for way, v in suggested.items()})

    figure, axes = tutorial.panels(size=(7, 4.4))
    curves = {way: ([*row], [*row.values()]) for way, row in results.items()}
    names = {"xlabel": "learning rate, or its peak", "ylabel": "test accuracy"}
    tutorial.lines(axes, curves, title="Digits after five epochs", marker="o", **names)
    axes.axvline(suggestion, color="black", ls=":", label="suggested by the sweep")
    axes.axhline(0.1, color="grey", ls="--", label="guessing")
    axes.set(xscale="log", ylim=(0, 1))
    axes.legend(fontsize=8)

    if not fast:
        fixed, fall, cycle, warm = results.values()
        best = max(fixed.values())
        assert best == fixed[0.05] > 0.9 and fixed[0.001] < 0.5 and fixed[0.4] < 0.2, fixed
        assert suggested["constant"] > best - 0.06 and suggested["one cycle"] > best - 0.02
        assert cycle[0.2] > fixed[0.2] + 0.1, results
        assert fall[0.4] < min(0.25, warm[0.4] - 0.1, cycle[0.4] - 0.1), results
    return figure


# %%
tutorial.show(compare)

# %% [markdown]
# ## Exercises
# 1. Give the network 25 epochs. Is one cycle still worth it at 0.05? At 0.2?
# 2. `schedules.CycleMomentum` lowers the momentum while the learning rate is high. Does 0.4 train
#    then?
# 3. Take Adam instead. Where does the sweep end now, and what does it suggest?


# %%
def main(fast=False, out=pathlib.Path("out/07_learning_rates")):
    sections = limits, nine_schedules, if_and_where, find, compare
    tutorial.run(*sections, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
