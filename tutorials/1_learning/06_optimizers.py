# %% [markdown]
# # Optimizers: what each adds to the step downhill
#
# **Claim.** In a ravine fifty times steeper across than along, momentum needs less than a third of
# plain descent's steps. It rolls out of a poor minimum in which descent ends. Its three forms in
# the notes take the same steps until the rate falls: then two roll on with old steps, and one does
# not. AdaGrad, RMSProp and Adam do not see at all how steep a ravine is, as long as it lies along
# the axes; turned by 45 degrees it costs AdaGrad over ten times the steps. Adam without bias
# correction begins with a hundred steps three to seven times too long. An L2 penalty inside Adam
# takes off less where gradients are large; AdamW takes the same share off every weight.
#
# **The idea.** Remember: the last step (momentum), or how large gradients are (the others).
#
# $$v \leftarrow \mu v - \eta g \quad w \leftarrow w + v \qquad\qquad
# m \leftarrow \beta_1 m + (1 - \beta_1) g \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \quad
# w \leftarrow w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}$$
#
# Run it: `python tutorials/1_learning/06_optimizers.py` (5 seconds).
# You will see paths through a ravine
# and over a saddle, momentum when the rate falls, and Adam's first steps.

# %%
import functools
import pathlib

import matplotlib.pyplot as plt
import numpy as np

from kerasdl.formulas import optimizers

# %% [markdown]
# ## Momentum, three times, and Nesterov's
# Each rule gets the slope as a function, what it remembers, and a rate. One of the notes turns the
# sign of the velocity and takes it off; one keeps the rate out of it, the second below. (One says
# that the last *gradient* is added. It is the last *step*, in which all gradients are.) Nesterov
# asks for the slope where the velocity is about to carry it. Keras writes down the place ahead,
# $w + \mu v$, instead of w, so its numbers are not a book's, though its steps are.


# %%
def momentum(w, slope, v, rate, decay=0.9):
    v = decay * v - rate * slope(w)
    return w + v, v


def momentum_of_gradients(w, slope, v, rate, decay=0.9):
    v = decay * v + slope(w)
    return w - rate * v, v


def nesterov(w, slope, v, rate, decay=0.9):
    v = decay * v - rate * slope(w + decay * v)
    return w + v, v


# %% [markdown]
# ## A rate for each weight
# AdaGrad divides by the root of all squares so far, RMSProp by that of their fading mean, and Adam
# does so to a fading mean of gradients. Both means start at 0, so after t steps they hold only
# $1 - \beta^t$ of what they should: Adam divides by that. One of the notes leaves it out. AdamW
# lets weights decay by themselves; the gradient of an L2 penalty would be divided like any other.


# %%
def adagrad(w, slope, squares, rate, epsilon=1e-7):
    g = slope(w)
    squares = squares + g**2
    return w - rate * g / np.sqrt(squares + epsilon), squares


def rmsprop(w, slope, squares, rate, decay=0.9, epsilon=1e-7):
    g = slope(w)
    squares = decay * squares + (1 - decay) * g**2
    return w - rate * g / np.sqrt(squares + epsilon), squares


def adam(w, slope, state, rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8, correct=True, decay=0.0):
    m, v, t = state or (0.0, 0.0, 0)
    g, t = slope(w), t + 1
    m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
    m_hat, v_hat = (m / (1 - beta_1**t), v / (1 - beta_2**t)) if correct else (m, v)
    w = w - rate * decay * w  # AdamW: neither m nor v knows of it
    return w - rate * m_hat / (np.sqrt(v_hat) + epsilon), (m, v, t)


def walk(rule, slope, w, rates, **options):
    """All places from w on; a rate for each step."""
    path, state = [np.asarray(w, float)], 0.0
    for rate in rates:
        w, state = rule(path[-1], slope, state, rate, **options)
        path.append(w)
    return np.array(path)


# %% [markdown]
# ## Landscapes
# A ravine, straight or turned; a line with a poor minimum at 0.65 and a good one at -0.75; and a
# saddle at (0, 0), a minimum along one axis and a maximum along the other: from exactly above it
# only noise leads away, and from a little beside it momentum leaves first.


# %%
STEEP, STRAIGHT = np.array([1.0, 50.0]), np.eye(2)
TURNED = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
TWO_MINIMA = np.polynomial.Polynomial([0, 0.2, -1, 0, 1])  # x^4 - x^2 + 0.2 x
RULES = {"descent": (momentum, 0.03, {"decay": 0}), "momentum": (momentum, 0.03, {"decay": 0.8})}
RULES |= {"Nesterov": (nesterov, 0.025, {"decay": 0.8}), "AdaGrad": (adagrad, 0.5, {})}
RULES |= {"RMSProp": (rmsprop, 0.02, {}), "Adam": (adam, 0.1, {})}


def ravine(w, turn=STRAIGHT):
    return 0.5 * np.sum(STEEP * (w @ turn) ** 2, axis=-1)


def ravine_slope(w, turn=STRAIGHT):
    return turn @ (STEEP * (w @ turn))


def saddle_slope(w, noise=None):  # of x^2 / 2 - y^2 / 2 + y^4 / 4
    return np.array([w[0], w[1] ** 3 - w[1]]) + (noise.normal(scale=0.1, size=2) if noise else 0)


def draw_ravines(paths, steps):
    figure, axes = plt.subplots(2, 6, figsize=(15, 5.6), layout="constrained")
    grid = np.stack(np.meshgrid(np.linspace(-1.1, 1.5, 200), np.linspace(-1.3, 1.5, 200)), -1)
    for (name, row), path in paths.items():
        heights, axis = ravine(grid, TURNED if row else STRAIGHT), axes[row, [*RULES].index(name)]
        axis.contour(*np.moveaxis(grid, -1, 0), heights, np.geomspace(0.02, 90, 12), alpha=0.4)
        axis.plot(*path[: steps[name][row] + 1].T, ".-", ms=4, lw=1)
        axis.set(title=f"{name}: {steps[name][row]} steps", xticks=[], yticks=[])
    axes[0, 0].set(ylabel="along the axes"), axes[1, 0].set(ylabel="turned by 45 degrees")
    return figure


def draw_momentum(rolls, slides, forms):
    figure, axes = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    axes[0].plot(x := np.linspace(-1.25, 1.25, 200), TWO_MINIMA(x), color="grey")
    for (name, path), up in zip(rolls.items(), (0.05, 0.0), strict=True):
        label = f"{name}, ends at {path[-1]:.2f}"
        axes[0].plot(path, TWO_MINIMA(path) + up, ".-", ms=5, lw=0.8, label=label)
    axes[0].set(title="Two minima, from 1.2", xlabel="x", ylabel="f (descent drawn a bit above)")
    axes[1].set(title="From above a saddle", xlabel="step", ylabel="y (saddle: 0)", ylim=(-3, 1.4))
    axes[2].set(title="Momentum when the rate falls to a tenth", xlabel="step", ylabel="w")
    axes[2].axvline(4, color="grey", ls=":")
    for axis, lines in zip(axes[1:], (slides, forms), strict=True):
        for number, (name, path) in enumerate(lines.items()):
            axis.plot(path, "--" if number == 1 else "-", lw=2, label=name)
    for axis, place in zip(axes, ("upper left", "lower right", "best"), strict=True):
        axis.legend(loc=place)
    return figure


def draw_adam(lengths, *bars):
    figure, axes = plt.subplots(1, 3, figsize=(14, 3.8), layout="constrained")
    for name, length in lengths.items():
        axes[0].semilogx(np.arange(1, len(length) + 1), length, label=name)
    for axis, each in zip(axes[1:], bars, strict=True):
        for place, (name, values) in enumerate(each.items()):
            axis.bar(np.arange(1, len(values) + 1) + 0.4 * place - 0.2, values, 0.38, label=name)
    for bars in axes[2].containers:
        axes[2].bar_label(bars, fmt="%.2f")
    axes[0].set(title="Gradients of 5", xlabel="step", ylabel="length of step / rate", ylim=(0, 8))
    axes[1].set(title="Gradients 5, -5, 5, ...", xlabel="step", ylabel="step / rate", ylim=(-6, 8))
    axes[2].set(title="What is left of weights of 1", xticks=[1, 2], xticklabels=["10", "0.1"])
    axes[2].set(xlabel="size of their gradients", ylim=(0, 1.05))
    for axis in axes:
        axis.legend()
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/06_optimizers")):
    out.mkdir(parents=True, exist_ok=True)
    paths, steps, random = {}, {name: [] for name in RULES}, np.random.default_rng(0)
    for name, (rule, rate, options) in RULES.items():
        for row, turn in enumerate((STRAIGHT, TURNED)):
            slope = functools.partial(ravine_slope, turn=turn)
            paths[name, row] = walk(rule, slope, turn @ np.ones(2), [rate] * 1000, **options)
            steps[name].append(int(np.argmax(ravine(paths[name, row], turn) < 1e-3)))
    rolls = {"descent": 0, "momentum": 0.9}
    for name, decay in rolls.items():
        rolls[name] = walk(momentum, TWO_MINIMA.deriv(), 1.2, [0.02] * 500, decay=decay)
    slides = {"descent, exactly above": (None, 0, 0), "the same, noisy slopes": (random, 0, 0)}
    slides["descent, a millionth off"] = None, 1e-6, 0
    slides["momentum, a millionth off"] = None, 1e-6, 0.9
    for name, (noise, y, decay) in slides.items():
        slope = functools.partial(saddle_slope, noise=noise)
        slides[name] = walk(momentum, slope, [1, y], [0.1] * 200, decay=decay)[:, 1]
    downhill = lambda w, slope, *rest: optimizers.momentum_downhill(w, slope(w), *rest)  # noqa: E731
    forms = {"v = mu v - eta g": momentum, "v = mu v + eta g, w - v": downhill}
    forms |= {"v = mu v + g, w - eta v": momentum_of_gradients}
    forms = {n: walk(f, lambda w: w, 1.0, [0.1] * 4 + [0.01] * 36) for n, f in forms.items()}
    lengths = {"corrected": True, "not corrected": False}
    for name, correct in lengths.items():
        lengths[name] = -np.diff(walk(adam, lambda w: 5.0, 0.0, [1] * 5000, correct=correct))
    signs = np.array([5.0, -5.0] * 4)
    flips = iter(signs)
    sign = -np.diff(walk(adam, lambda w: next(flips), 0.0, [1] * 8))
    decays, rates = {"L2 in Adam": (0.1, 0), "AdamW": (0, 0.1)}, [0.01] * 1000
    for name, (l2, decay) in decays.items():  # gradients that are nothing but noise, and L2's
        slope = lambda w, l2=l2: random.normal(0, [10, 0.1], w.shape) + l2 * w  # noqa: E731
        decays[name] = walk(adam, slope, np.ones((500, 2)), rates, decay=decay)[-1].mean(axis=0)
    draw_ravines(paths, steps).savefig(out / "ravine.png", dpi=120)
    draw_momentum(rolls, slides, forms).savefig(out / "momentum.png", dpi=120)
    draw_adam(lengths, {"descent": signs, "Adam": sign}, decays).savefig(out / "adam.png", dpi=120)
    plt.close("all")
    late = lengths["not corrected"]
    never, noised, slow, quick = (int(np.argmax(abs(y) > 0.5)) for y in slides.values())
    print(f"steps along the axes, turned: {steps}; to leave the saddle: {noised}, {slow}, {quick}")
    print(f"Adam not corrected: {late[[0, 11, 99, 999]].round(2)}; signs flip: {sign.round(3)}")
    print("left of weights:", {name: left.round(3).tolist() for name, left in decays.items()})

    # the claim
    assert steps["descent"] == [103, 103] and steps["momentum"] == [32, 32], steps
    for name in ("AdaGrad", "RMSProp", "Adam"):
        np.testing.assert_allclose(*paths[name, 0][:50].T, atol=1e-4)  # along the diagonal
    assert steps["AdaGrad"][1] > 10 * steps["AdaGrad"][0] and min(map(min, steps.values())), steps
    np.testing.assert_allclose([path[-1] for path in rolls.values()], [0.651, -0.753], atol=1e-3)
    assert never == 0 < noised and quick < slow / 2, (never, noised, quick, slow)
    book, (v, ahead) = walk(nesterov, lambda w: w, 1.0, [0.1] * 5), (0.0, 1.0)
    np.testing.assert_allclose(book[1:], [0.9, 0.729, 0.51759, 0.294589, 0.084499], atol=1e-6)
    for place in book[1:]:  # Keras's numbers lead to a book's
        ahead, v = optimizers.nesterov_ahead(ahead, ahead, v, 0.1)
        np.testing.assert_allclose(ahead - 0.9 * v, place)
    sparse = [walk(rule, lambda w: w, 1.0, [0.1] * 3)[1:] for rule in (adagrad, rmsprop)]
    np.testing.assert_allclose(sparse[0], [0.9, 0.833104, 0.780456], atol=1e-6)
    np.testing.assert_allclose(sparse[1][0], optimizers.rmsprop(1.0, 1.0, learning_rate=0.1)[0])
    one, two, three = forms.values()
    np.testing.assert_allclose(one[:5], [1, 0.9, 0.72, 0.486, 0.2268], atol=1e-6)
    np.testing.assert_allclose(np.append(one, one[:5]), np.append(two, three[:5]))
    assert min(one) < -1 < -0.2 < min(three), (one, three)
    np.testing.assert_allclose(lengths["corrected"], 1, atol=1e-6)
    assert abs(late[0] - 0.1 / np.sqrt(0.001)) < 1e-5 and min(late[:100]) > 3 and max(late) < 7
    np.testing.assert_allclose(sign[:4], [1, -0.0526, 0.3358, -0.0526], atol=1e-4)
    step = functools.partial(walk, adam, w=1, rates=[0.1])
    still = step(lambda w: 0, decay=0.1), step(lambda w: 0.1 * w)
    np.testing.assert_allclose(still, [(1, 0.99), (1, 0.9)], atol=1e-6)  # no gradient but L2's
    assert np.ptp(decays["AdamW"]) < 0.1 and np.ptp(decays["L2 in Adam"]) > 0.7, decays


# %% [markdown]
# ## Exercises
# 1. Nesterov's rate above is 0.025. At 0.03 it leaves the ravine for ever: follow it across. Why?
# 2. Make the ravine 500 times steeper, straight and turned. Who needs more steps?
# 3. Let RMSProp go on for 1,000 steps. Why does it never come to rest? What would help?

# %%
if __name__ == "__main__":
    main()
