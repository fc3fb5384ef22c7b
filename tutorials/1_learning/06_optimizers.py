# %% [markdown]
# # Optimizers: what each adds to the step downhill
#
# **Claim.** In a ravine fifty times steeper across than along, momentum needs less than a third of
# the steps of plain gradient descent. It leaves a poor minimum in which descent ends, and a saddle
# point in less than half of descent's steps. For AdaGrad, RMSProp and Adam the steepness of a
# ravine makes no difference as long as it lies along the axes; turned by 45 degrees, it costs
# AdaGrad more than ten times the steps. Without bias correction Adam's first hundred steps are
# three to seven times too long. An L2 penalty inside Adam shrinks weights less where gradients are
# large; AdamW shrinks all weights by the same fraction.
#
# **The idea.** Plain descent uses only the gradient g of the current step. Every other optimizer
# keeps a state: the previous steps (momentum), the size of each weight's past gradients (AdaGrad,
# RMSProp), or both (Adam).
#
# $$v \leftarrow \mu v - \eta g \quad w \leftarrow w + v \qquad\qquad
# m \leftarrow \beta_1 m + (1 - \beta_1) g \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \quad
# w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$
#
# Run it: `python tutorials/1_learning/06_optimizers.py` (5 seconds).
# You will see six optimizers in a ravine, momentum in a minimum, over a saddle and when the
# learning rate falls, and what Adam's bias correction and AdamW's decay do.

# %%
import functools
import pathlib

import numpy as np

from kerasdl.formulas import optimizers
from kerasdl.utils import tutorial

# %% [markdown]
# ## How the optimizers are written
# Each is a function of the weights w, the gradient as a function of w, the optimizer's state, and
# the learning rate. It returns the new weights and the new state. `walk` repeats it and keeps all
# points on the way.


# %%
def walk(rule, gradient, w, learning_rates, **options):
    """All places from w on, one step for each learning rate."""
    path, state = [np.asarray(w, float)], 0.0
    for learning_rate in learning_rates:
        w, state = rule(path[-1], gradient, state, learning_rate, **options)
        path.append(w)
    return np.array(path)


# %% [markdown]
# ## Momentum
# The velocity v remembers all steps so far: each step keeps the fraction $\mu$ of the last one
# (often 0.9) and adds a new piece downhill. Where gradients agree, steps grow up to $1 / (1 - \mu)$
# times; where they alternate, they cancel. (A fraction of the last *step* is kept, which contains
# all earlier gradients, not only the last gradient.)
#
# *Nesterov's* momentum takes the gradient a little ahead, where the velocity is about to carry the
# weights, and so slows down earlier. Keras stores this point ahead, $w + \mu v$, as the weights.


# %%
def momentum(w, gradient, v, learning_rate, decay=0.9):
    v = decay * v - learning_rate * gradient(w)
    return w + v, v


def nesterov(w, gradient, v, learning_rate, decay=0.9):
    v = decay * v - learning_rate * gradient(w + decay * v)
    return w + v, v


# %% [markdown]
# On a curve with two minima, starting from the right at 1.2, descent ends in the first minimum that
# it meets. Momentum has the speed to roll on into the deeper one.


# %%
TWO_MINIMA = np.polynomial.Polynomial([0, 0.2, -1, 0, 1])  # x^4 - x^2 + 0.2 x


def two_minima(fast=False):
    figure, axes = tutorial.panels(size=(7, 4))
    x = np.linspace(-1.25, 1.25, 200)
    axes.plot(x, TWO_MINIMA(x), color="grey")
    ends = []
    for name, decay, up in (("descent, drawn a bit higher", 0, 0.05), ("momentum 0.9", 0.9, 0)):
        path = walk(momentum, TWO_MINIMA.deriv(), 1.2, [0.02] * 500, decay=decay)
        label = f"{name}: ends at {path[-1]:.2f}"
        axes.plot(path, TWO_MINIMA(path) + up, ".-", ms=5, lw=0.8, label=label)
        ends.append(path[-1])
    axes.set(title="Two minima, from x = 1.2", xlabel="x", ylabel="loss")
    axes.legend(fontsize=8)
    np.testing.assert_allclose(ends, [0.651, -0.753], atol=1e-3)
    return figure


# %%
tutorial.show(two_minima)

# %% [markdown]
# At a *saddle point* the gradient is 0, and the loss falls in one direction and rises in another.
# Descent that comes from exactly above it stays there for ever. Noise in the gradients, which every
# mini-batch has, leads away; from a start a millionth beside it, momentum leaves first.


# %%
def saddle_gradient(w, noise=None):
    """Of x^2 / 2 - y^2 / 2 + y^4 / 4: a saddle at (0, 0), minima at y = 1 and y = -1."""
    gradient = np.array([w[0], w[1] ** 3 - w[1]])
    return gradient + (noise.normal(scale=0.1, size=2) if noise else 0)


def saddle(fast=False):
    cases = {  # noise, first y, momentum
        "descent, exactly above": (None, 0, 0),
        "descent, exactly above, noisy": (np.random.default_rng(0), 0, 0),
        "descent, a millionth beside": (None, 1e-6, 0),
        "momentum, a millionth beside": (None, 1e-6, 0.9),
    }
    paths, steps = {}, []
    for name, (noise, y, decay) in cases.items():
        gradient = functools.partial(saddle_gradient, noise=noise)
        paths[name] = walk(momentum, gradient, [1, y], [0.1] * 200, decay=decay)[:, 1]
        steps.append(int(np.argmax(abs(paths[name]) > 0.5)))  # 0: it never left
    figure, axes = tutorial.panels(size=(7, 4))
    names = {"xlabel": "step", "ylabel": "y (the saddle is at 0)"}
    tutorial.lines(axes, paths, title="Leaving a saddle point", **names)
    axes.set_ylim(-1.3, 2.3)  # room for the legend
    never, noisy, slow, quick = steps
    print(f"steps to leave the saddle: noisy {noisy}, beside {slow}, with momentum {quick}")
    assert never == 0 < noisy and quick < slow / 2
    return figure


# %%
tutorial.show(saddle)

# %% [markdown]
# ## Momentum is written in three ways
# Books and frameworks write it as
#
# 1. $v \leftarrow \mu v - \eta g, \quad w \leftarrow w + v$ (above, and in Keras)
# 2. $v \leftarrow \mu v + \eta g, \quad w \leftarrow w - v$
# 3. $v \leftarrow \mu v + g, \quad w \leftarrow w - \eta v$ (PyTorch)
#
# With a constant learning rate all three take the same steps. When the learning rate falls, the
# third one slows down at once, because the new learning rate multiplies the whole velocity. In the
# first two the velocity consists of steps of the old size and decays only gradually.


# %%
def momentum_subtracted(w, gradient, v, learning_rate):
    return optimizers.momentum_downhill(w, gradient(w), v, learning_rate)


def momentum_of_gradients(w, gradient, v, learning_rate, decay=0.9):
    v = decay * v + gradient(w)
    return w - learning_rate * v, v


def three_forms(fast=False):
    forms = {
        "1: v = mu v - eta g": momentum,
        "2: v = mu v + eta g": momentum_subtracted,
        "3: v = mu v + g": momentum_of_gradients,
    }
    learning_rates = [0.1] * 4 + [0.01] * 36
    paths = {name: walk(rule, lambda w: w, 1.0, learning_rates) for name, rule in forms.items()}
    figure, axes = tutorial.panels(size=(7, 4))
    tutorial.lines(
        axes, paths, xlabel="step", ylabel="w", title="The learning rate falls to a tenth"
    )
    axes.lines[1].set(linestyle="--")  # it lies on the first
    axes.axvline(4, color="grey", ls=":")
    axes.legend(fontsize=8)

    one, two, three = paths.values()
    np.testing.assert_allclose(one[:5], [1, 0.9, 0.72, 0.486, 0.2268], atol=1e-6)
    np.testing.assert_allclose(two, one)
    np.testing.assert_allclose(three[:5], one[:5])
    assert min(one) < -1 < -0.2 < min(three)
    return figure


# %%
tutorial.show(three_forms)

# %% [markdown]
# ## A learning rate for each weight
# - **AdaGrad** divides the step of each weight by the root of the sum of all its squared gradients
#   so far. Weights with rare or small gradients get larger steps; all steps get ever smaller.
# - **RMSProp** replaces the sum by a moving average, so that steps need not shrink to nothing.
# - **Adam** does the same, and takes a moving average of the gradients as well, which is a kind of
#   momentum. Both averages start at 0, so after t steps they are too small by the factor
#   $1 - \beta^t$: Adam divides by it (*bias correction*).
# - **AdamW** lets the weights decay separately from Adam's step (`decay` below).


# %%
def adagrad(w, gradient, squares, learning_rate, epsilon=1e-7):
    g = gradient(w)
    squares = squares + g**2
    return w - learning_rate * g / np.sqrt(squares + epsilon), squares


def rmsprop(w, gradient, squares, learning_rate, decay=0.9, epsilon=1e-7):
    g = gradient(w)
    squares = decay * squares + (1 - decay) * g**2
    return w - learning_rate * g / np.sqrt(squares + epsilon), squares


def adam(
    w,
    gradient,
    state,
    learning_rate,
    beta_1=0.9,
    beta_2=0.999,
    epsilon=1e-8,
    correct=True,
    decay=0.0,
):
    m, v, t = state or (0.0, 0.0, 0)
    g, t = gradient(w), t + 1
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = (m / (1 - beta_1**t), v / (1 - beta_2**t)) if correct else (m, v)
    w = w - learning_rate * decay * w  # AdamW: not a part of m and v
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), (m, v, t)


# %% [markdown]
# ## A ravine
# The loss is $\frac12 (x^2 + 50 y^2)$: fifty times steeper across than along. Descent must take
# small steps so as not to diverge across the ravine, and is then slow along it. In momentum, the
# oscillations cancel. AdaGrad, RMSProp and Adam divide each coordinate by the size of its own
# gradients, so they move along the diagonal as if there were no ravine (upper row). That works only
# if the ravine lies along the axes: turned by 45 degrees (lower row), both coordinates have equally
# large gradients.


# %%
STEEPNESS = np.array([1.0, 50.0])
STRAIGHT = np.eye(2)
TURNED = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
RULES = {  # name: rule, learning rate, options
    "descent": (momentum, 0.03, {"decay": 0}),
    "momentum": (momentum, 0.03, {"decay": 0.8}),
    "Nesterov": (nesterov, 0.025, {"decay": 0.8}),
    "AdaGrad": (adagrad, 0.5, {}),
    "RMSProp": (rmsprop, 0.02, {}),
    "Adam": (adam, 0.1, {}),
}


def ravine_loss(w, turn):
    return 0.5 * np.sum(STEEPNESS * (w @ turn) ** 2, axis=-1)


def ravine_gradient(w, turn):
    return turn @ (STEEPNESS * (w @ turn))


def ravine(fast=False):
    figure, axes = tutorial.panels(
        2, 6, size=(2.5, 2.6), title="Steps until the loss is below 0.001"
    )
    grid = np.stack(np.meshgrid(np.linspace(-1.1, 1.5, 200), np.linspace(-1.3, 1.5, 200)), -1)
    steps, paths = {}, {}
    for column, (name, (rule, learning_rate, options)) in enumerate(RULES.items()):
        for row, turn in enumerate((STRAIGHT, TURNED)):
            gradient = functools.partial(ravine_gradient, turn=turn)
            path = walk(rule, gradient, turn @ np.ones(2), [learning_rate] * 1000, **options)
            needed = int(np.argmax(ravine_loss(path, turn) < 1e-3))
            steps.setdefault(name, []).append(needed)
            paths[name, row] = path
            place, levels = axes[row, column], np.geomspace(0.02, 90, 12)
            place.contour(*np.moveaxis(grid, -1, 0), ravine_loss(grid, turn), levels, alpha=0.4)
            place.plot(*path[: needed + 1].T, ".-", ms=4, lw=1)
            place.set(title=f"{name}: {needed}", xticks=[], yticks=[])
    axes[0, 0].set_ylabel("along the axes")
    axes[1, 0].set_ylabel("turned by 45 degrees")

    print("steps along the axes, turned:", steps)
    assert steps["descent"] == [103, 103] and steps["momentum"] == [32, 32]
    for name in ("AdaGrad", "RMSProp", "Adam"):
        x, y = paths[name, 0][:50].T
        np.testing.assert_allclose(x, y, atol=1e-4)  # along the diagonal
    assert steps["AdaGrad"][1] > 10 * steps["AdaGrad"][0]
    assert min(map(min, steps.values())) > 0  # all arrived
    return figure


# %%
tutorial.show(ravine)

# %% [markdown]
# ## Adam's first steps
# With a constant gradient of 5, every step of Adam should be exactly the learning rate long: $m /
# \sqrt v = 5 / 5$. With bias correction it is. Without it the first step is $0.1 / \sqrt{0.001} =
# 3.2$ times as long, since m contains 0.1 of the gradient and v only 0.001 of its square. The steps
# get even longer before they return to normal, over a thousand steps.
#
# The middle panel has a gradient whose sign alternates, 5, -5, 5, ...: descent jumps to and fro,
# and Adam's averages turn it into small steps.


# %%
def adam_first_steps(fast=False):
    lengths = {
        name: -np.diff(walk(adam, lambda w: 5.0, 0.0, [1] * 5000, correct=correct))
        for name, correct in (("corrected", True), ("not corrected", False))
    }
    signs = np.array([5.0, -5.0] * 4)
    remaining = iter(signs)
    alternating = -np.diff(walk(adam, lambda w: next(remaining), 0.0, [1] * 8))

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 4))
    names = {"xlabel": "step", "ylabel": "length of the step / learning rate"}
    tutorial.lines(left, lengths, np.arange(1, 5001), title="A gradient of 5", **names)
    left.set(xscale="log", ylim=(0, 8))
    for name, values, shift in (("descent", signs, -0.2), ("Adam", alternating, 0.2)):
        right.bar(np.arange(1, 9) + shift, values, 0.38, label=name)
    right.set(title="Gradients of 5, -5, 5, ...", xlabel="step", ylabel="step / learning rate")
    right.legend(fontsize=8)

    late = lengths["not corrected"]
    print("without correction, steps 1, 12, 100, 1000:", late[[0, 11, 99, 999]].round(2))
    print("Adam, alternating gradients:", alternating.round(3))
    np.testing.assert_allclose(lengths["corrected"], 1, atol=1e-6)
    assert abs(late[0] - 0.1 / np.sqrt(0.001)) < 1e-5
    assert min(late[:100]) > 3 and max(late) < 7
    np.testing.assert_allclose(alternating[:4], [1, -0.0526, 0.3358, -0.0526], atol=1e-4)
    return figure


# %%
tutorial.show(adam_first_steps)

# %% [markdown]
# ## Weight decay in Adam
# Weight decay shrinks all weights a little in each step. In plain descent an L2 penalty does that:
# it adds $\lambda w$ to the gradient. Adam divides the gradient by its usual size, and the penalty
# with it, so weights with large gradients hardly decay. AdamW does not change the gradient and
# multiplies the weights by $1 - \eta \lambda$ instead.
#
# Below, the gradients are nothing but noise, of the size 10 for one half of the weights and 0.1 for
# the other, and all weights start at 1.


# %%
def weight_decay(fast=False):
    random, left = np.random.default_rng(0), {}
    for name, l2, decay in (("L2 penalty in Adam", 0.1, 0.0), ("AdamW", 0.0, 0.1)):

        def gradient(w, l2=l2):
            return random.normal(0, [10, 0.1], w.shape) + l2 * w

        path = walk(adam, gradient, np.ones((500, 2)), [0.01] * 1000, decay=decay)
        left[name] = path[-1].mean(axis=0)
    figure, axes = tutorial.panels(1, 2, sharey=True, title="What is left of weights of 1")
    for place, (name, values) in zip(axes, left.items(), strict=True):
        values = dict(zip(("10", "0.1"), values, strict=True))
        names = {"xlabel": "size of the gradients", "ylabel": "mean weight after 1000 steps"}
        tutorial.bars(place, values, title=name, **names)
    axes[0].set_ylim(0, 1.1)
    print("left of weights of 1:", {name: v.round(3).tolist() for name, v in left.items()})
    assert np.ptp(left["AdamW"]) < 0.1
    assert np.ptp(left["L2 penalty in Adam"]) > 0.7
    return figure


# %%
tutorial.show(weight_decay)

# %% [markdown]
# ## Comparison with the library
# The rules above equal the library's formulas (which equal Keras's optimizers) and values computed
# by hand.


# %%
def same_elsewhere(fast=False):
    def slope(w):
        return w  # of w^2 / 2

    path, (v, ahead) = walk(nesterov, slope, 1.0, [0.1] * 5), (0.0, 1.0)
    np.testing.assert_allclose(path[1:], [0.9, 0.729, 0.51759, 0.294589, 0.084499], atol=1e-6)
    for place in path[1:]:  # Keras stores the place ahead; the places are the same
        ahead, v = optimizers.nesterov_ahead(ahead, ahead, v, 0.1)
        np.testing.assert_allclose(ahead - 0.9 * v, place)
    path = walk(adagrad, slope, 1.0, [0.1] * 3)
    np.testing.assert_allclose(path[1:], [0.9, 0.833104, 0.780456], atol=1e-6)
    step = walk(rmsprop, slope, 1.0, [0.1])[1]
    np.testing.assert_allclose(step, optimizers.rmsprop(1.0, 1.0, learning_rate=0.1)[0])
    # one step without a gradient: AdamW shrinks by 1 %, the L2 penalty alone makes a full step
    np.testing.assert_allclose(walk(adam, lambda w: 0, 1, [0.1], decay=0.1), (1, 0.99), atol=1e-6)
    np.testing.assert_allclose(walk(adam, lambda w: 0.1 * w, 1, [0.1]), (1, 0.9), atol=1e-6)


# %%
tutorial.show(same_elsewhere)

# %% [markdown]
# ## Exercises
# 1. Nesterov's learning rate in the ravine is 0.025. At 0.03 it leaves the ravine for ever: follow
#    its swings across. Why?
# 2. Make the ravine 500 times steeper, straight and turned. Which optimizers need more steps?
# 3. Let RMSProp go on for 1,000 steps. Why does it never come to rest? What would help?


# %%
def main(fast=False, out=pathlib.Path("out/06_optimizers")):
    by_momentum = two_minima, saddle, three_forms
    by_size = ravine, adam_first_steps, weight_decay, same_elsewhere
    tutorial.run(*by_momentum, *by_size, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
