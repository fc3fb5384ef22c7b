# %% [markdown]
# # Backpropagation by hand, through layers and through time
#
# **Claim.** The chain rule, walked from the loss back, gives every gradient of the notes' two-layer
# network and of a recurrent one: those of GradientTape and of trying each weight. The notes take
# the slope in a recurrent network's Jacobian at the wrong step, off by more than a tenth. What
# the first of six signs was is learned from nine of ten starts at least; with the gradient cut
# before it reaches that sign, from less than half on average.
#
# **The idea.** Each node knows the slope of what it computes. What comes back from the loss is
# multiplied by that slope and handed on; where paths part on the way there, they add up on the way
# back. In a recurrent network all steps have the same weights, so theirs add up over time.
#
# $$\frac{\partial L}{\partial w} = \frac{\partial L}{\partial \hat y}
# \frac{\partial \hat y}{\partial z} \frac{\partial z}{\partial w} \qquad
# \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t \qquad
# \delta_t = (\partial L / \partial h_t + \delta_{t+1} U^\top)\,(1 - h_t^2)$$
#
# Run it: `python tutorials/1_learning/02_backpropagation_by_hand.py` (20 seconds).
# You will see
# numbers go forth and back through layers and steps, two Jacobians, and what a cut loses.

# %%
import functools
import itertools
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kerasdl.formulas import activations, basics, gradients, optimizers

# %% [markdown]
# ## Two layers
# As in the notes, examples are columns. Back is the way forth in reverse. At its start two slopes
# cancel, the cross-entropy's $(\hat y - y) / (\hat y (1 - \hat y))$ and the sigmoid's.


# %%
def forth(x, w1, b1, w2, b2):
    z1 = w1 @ x + b1
    a1 = np.maximum(0, z1)
    z2 = w2 @ a1 + b2
    return z1, a1, z2, activations.sigmoid(z2)


def back(x, y, z1, a1, a2, w2):
    m = x.shape[1]
    dz2 = a2 - y
    dw2, db2 = dz2 @ a1.T / m, dz2.sum(axis=1, keepdims=True) / m
    dz1 = w2.T @ dz2 * (z1 > 0)  # where ReLU said 0, nothing comes back
    dw1, db1 = dz1 @ x.T / m, dz1.sum(axis=1, keepdims=True) / m
    return dw1, db1, dw2, db2


def by_tape(f, weights, upstream=None):
    variables = [tf.Variable(w) for w in weights]
    with tf.GradientTape() as tape:
        value = f(*variables)
    return tape.gradient(value, variables, upstream)


def by_trying(f, weights):
    def of_one(n):
        return lambda w: f(*weights[:n], w, *weights[n + 1 :])

    return [gradients.central_differences(of_one(n), w) for n, w in enumerate(weights)]


# %% [markdown]
# ## Through time
# The last step's error goes back through all steps, or with `cut` through so many only, which saves
# memory where sequences are long. A framework "detaches" the state: value goes on, gradient stops.
# From state to state the slope is $1 - h_k^2$, that of tanh at step k; the notes put it at k - 1.
# They also let gradients explode wherever U's largest singular value is above 1. They may; but
# [[0, 2], [0, 0]] has 2, and its square is 0.


# %%
def states(x, w, u, b):
    """x is (time, batch, inputs); the states begin with zeros: (time + 1, batch, units)."""
    h = [np.zeros((x.shape[1], len(u)))]
    for x_t in x:
        h.append(np.tanh(x_t @ w + h[-1] @ u + b))
    return np.array(h)


def through_time(x, h, u, upstream, cut):  # upstream is the gradient of the last state
    dw, du, db, dh = 0, 0, 0, upstream
    for t in range(len(x), len(x) - cut, -1):
        dz = dh * (1 - h[t] ** 2)
        dw, du, db = dw + x[t - 1].T @ dz, du + h[t - 1].T @ dz, db + dz.sum(axis=0)
        dh = dz @ u.T
    return dw, du, db


def last_state(x, cut, w, u, b):
    h = tf.zeros((x.shape[1], u.shape[0]), "float64")
    for t, x_t in enumerate(x):
        h = tf.stop_gradient(h) if t == len(x) - cut else h
        h = tf.tanh(x_t @ w + h @ u + b)
    return h


def jacobians(z, u, h):
    """dh_k / dh_(k-1) by tape, with the slope at k, and as in the notes; h is at k - 1."""
    after = np.tanh(z + u @ h)
    rows = [by_tape(lambda v: tf.tanh(z + tf.linalg.matvec(u, v)), [h], i) for i in np.eye(len(h))]
    return np.concatenate(rows), *((1 - state[:, None] ** 2) * u for state in (after, h))


def learn_to_recall(cut, seed, steps):
    """Signs come in; which was the first of six? The last losses' mean, with the gradient cut."""
    random = np.random.default_rng(seed)
    u = 0.3 * np.linalg.qr(random.normal(size=(4, 4)))[0]
    weights = random.normal(size=(1, 4)), u, np.zeros(4), np.zeros((4, 1))
    first, second, losses = [0.0] * 4, [0.0] * 4, []
    for step in range(1, steps + 1):
        x = random.choice([-1.0, 1.0], size=(6, 64, 1))
        h = states(x, *weights[:3])
        said = activations.sigmoid(h[-1] @ weights[3])
        losses.append(-np.mean(np.log(np.where(x[0] > 0, said, 1 - said))))
        error = (said - (x[0] > 0)) / 64
        slopes = [*through_time(x, h, weights[1], error @ weights[3].T, cut), h[-1].T @ error]
        moved = map(optimizers.adam, weights, slopes, first, second, [step] * 4, [0.01] * 4)
        weights, first, second = zip(*moved, strict=True)
    return np.mean(losses[-30:])


# %% [markdown]
# ## The pictures: black goes forth, red are the slopes of the loss that come back


# %%
def draw_graph(nodes, edges, title):  # name: column, row, value, slope; from, to, weight, slope
    figure, axis = plt.subplots(figsize=(13, 3.4), layout="constrained")
    arrow = {"arrowstyle": "->", "color": "grey", "shrinkA": 1, "shrinkB": 1}
    mid = {"ha": "center", "va": "center"}
    side = {"va": "center", "size": 9, "bbox": {"facecolor": "white", "lw": 0, "pad": 1}}
    boxes, box = {}, {"boxstyle": "round", "facecolor": "aliceblue"}
    for name, (*place, value, slope) in nodes.items():
        boxes[name] = axis.text(*place, f"{name} = {value:.4g}\n", bbox=box, **mid).get_bbox_patch()
        axis.text(*place, f"\n{slope:.4g}", color="red", **mid)
    for start, end, *numbers in edges:
        a, b = np.array(nodes[start][:2]), np.array(nodes[end][:2])
        axis.annotate("", b, a, arrowprops=arrow | {"patchA": boxes[start], "patchB": boxes[end]})
        for number, ha, colour in zip(numbers, ("right", "left"), ("black", "red"), strict=False):
            axis.text(*(0.6 * a + 0.4 * b), f" {number:.4g}", ha=ha, color=colour, **side)
    axis.set(title=title, xlim=(-0.4, max(n[0] for n in nodes.values()) + 0.4), ylim=(-0.3, 1.3))
    axis.axis("off")
    return figure


def draw_layers():
    x, zero = np.array([[1.0], [2.0]]), np.zeros((2, 1))
    w1, w2 = np.array([[1.0, -1.0], [0.5, 0.5]]), np.array([[1.0, 0.5]])
    z1, a1, z2, a2 = forth(x, w1, zero, w2, zero[:1])
    dw1, db1, dw2, db2 = back(x, 0, z1, a1, a2, w2)  # of one example: db is dz
    p, edges = a2[0, 0], [("s", "p"), ("p", "L")]
    nodes = {"p": (4, 0.5, p, 1 / (1 - p)), "L": (5, 0.5, -np.log(1 - p), 1)}
    nodes["s"] = 3, 0.5, z2[0, 0], db2[0, 0]
    columns = ("x", x, w1.T @ db1), ("z", z1, db1), ("a", a1, w2.T @ db2)
    for i in (0, 1):
        for column, (name, values, slopes) in enumerate(columns):
            nodes[f"{name}{i + 1}"] = column, 1 - i, values[i, 0], slopes[i, 0]
        edges += [(f"z{i + 1}", f"a{i + 1}"), (f"a{i + 1}", "s", w2[0, i], dw2[0, i])]
        edges += [(f"x{j + 1}", f"z{i + 1}", w1[i, j], dw1[i, j]) for j in (0, 1)]
    return draw_graph(nodes, edges, "Two layers; on the arrows the weights. The right answer is 0")


def draw_time():
    # s_t = 0.5 x_t + 0.8 s_(t-1), and E = (1 - s_3)^2; all x are 1
    s = list(itertools.accumulate([1] * 3, lambda s, x: 0.5 * x + 0.8 * s, initial=0.0))
    ds = [2 * (s[3] - 1) * 0.8 ** (3 - t) for t in range(4)]
    slopes = [np.dot(ds[1:], s[:3]), sum(ds[1:]), ds[3] * s[3]]  # of U, W and the last weight
    nodes, edges = {"s0": (0, 1, 0, ds[0]), "E": (4, 1, (1 - s[3]) ** 2, 1)}, []
    for t in (1, 2, 3):
        nodes |= {f"s{t}": (t, 1, s[t], ds[t]), f"x{t}": (t, 0, 1, 0.5 * ds[t])}
        edges += [(f"s{t - 1}", f"s{t}", 0.8, ds[t] * s[t - 1]), (f"x{t}", f"s{t}", 0.5, ds[t])]
    title = "Three steps; dE/dU = {:.4g} and dE/dW = {:.5g} are sums over their arrows"
    return slopes, draw_graph(nodes, [*edges, ("s3", "E", 1, slopes[2])], title.format(*slopes))


def draw_jacobians_and_cuts(three, shares):
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axis, matrix, place in zip(axes, three[1:], ("k, as by tape", "k - 1"), strict=False):
        axis.imshow(matrix, cmap="coolwarm", vmin=-1.5, vmax=1.5)
        for (i, j), value in np.ndenumerate(matrix):
            axis.text(j, i, f"{value:.2f}", ha="center", va="center")
        axis.set(title=f"Jacobian, slope at {place}", xticks=[], yticks=[])
    axes[2].bar([*map(str, shares)], [100 * share for share in shares.values()])
    axes[2].set(title="Starts that learn, %", xlabel="steps that the gradient goes back")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/02_backpropagation_by_hand")):
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(3, 5)), random.integers(2, size=(1, 5))
    weights = [random.normal(size=shape) for shape in ((4, 3), (4, 1), (1, 4), (1, 1))]
    z1, a1, _, a2 = forth(x, *weights)
    ours = back(x, y, z1, a1, a2, weights[2])

    def loss_of(w1, b1, w2, b2):
        logits = w2 @ tf.nn.relu(w1 @ x + b1) + b2
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y.astype(float), logits))

    pairs = {by.__name__: (ours, by(loss_of, weights)) for by in (by_tape, by_trying)}
    pairs["library"] = ours, basics.backpropagation(x, y, z1, a1, a2, weights[2])
    series, w, b = random.normal(size=(6, 2, 3)), random.normal(size=(3, 4)), np.zeros(4)
    u, upstream = np.eye(4) + 0.3 * random.normal(size=(4, 4)), random.normal(size=(2, 4))
    h = states(series, w, u, b)
    for cut in (6, 3, 1):
        taped = by_tape(functools.partial(last_state, series, cut), (w, u, b), upstream)
        pairs[f"{cut} steps"] = through_time(series, h, u, upstream, cut), taped
    tried = by_trying(lambda *v: np.sum(last_state(series, 6, *v) * upstream), (w, u, b))
    pairs["6 steps, by_trying"] = through_time(series, h, u, upstream, 6), tried
    apart = {n: max(np.max(abs(a - b)) for a, b in zip(*p, strict=True)) for n, p in pairs.items()}
    three = jacobians(np.array([0.5, -0.5, 0.2]), u[:3, :3], np.array([0.9, -0.4, 0.1]))
    seeds, steps = (1, 20) if fast else (20, 1000)
    shares = dict.fromkeys(range(1, 7), 0.0)
    for cut, seed in itertools.product(shares, range(seeds)):
        shares[cut] += float(learn_to_recall(cut, seed, steps) < 0.1) / seeds
    draw_layers().savefig(out / "layers.png", dpi=120)
    slopes, figure = draw_time()
    figure.savefig(out / "time.png", dpi=120)
    draw_jacobians_and_cuts(three, shares).savefig(out / "jacobians_and_cuts.png", dpi=120)
    plt.close("all")
    print("largest difference:", {name: f"{value:.1e}" for name, value in apart.items()})
    shares = {cut: round(share, 2) for cut, share in shares.items()}
    print(f"three steps: {np.round(slopes, 4)}; starts that learn: {shares}; figures in {out}")

    # the claim
    assert max(apart.values()) < 1e-7, apart
    np.testing.assert_allclose(slopes, [0.572, 1.0736, 0.5368])
    assert np.abs(three[1] - three[0]).max() < 1e-12 < 0.1 < np.abs(three[2] - three[0]).max()
    assert fast or (shares[6] >= 0.9 and np.mean([*shares.values()][:-1]) < 0.5), shares


# %% [markdown]
# ## Exercises
# 1. Replace the cross-entropy by $(\hat y - y)^2$. Which line of `back` changes?
# 2. How can a run learn that is cut after two steps? Look for the first sign in its last state.

# %%
if __name__ == "__main__":
    main()
