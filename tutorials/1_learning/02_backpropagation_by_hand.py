# %% [markdown]
# # Backpropagation by hand, through layers and through time
#
# **Claim.** The chain rule, applied from the loss backwards, gives the gradient of every weight of
# a two-layer network and of a recurrent one; they equal TensorFlow's gradients and those found by
# changing each weight a little. With them, a hidden layer of eight neurons learns XOR from each of
# 20 random starts; two neurons often do not. A recurrent network learns to recall the first of six
# signs from at least nine of ten starts; if the gradient is cut before it reaches that sign, from
# fewer than half on average.
#
# **The idea.** The loss depends on the output, the output on the last layer's weights and inputs,
# and these on the layer before. The chain rule multiplies the slopes along the way. So start at the
# loss and go back: at each step multiply the gradient so far by the local slope, and pass it on. If
# a value was used several times, add up the gradients from all uses. In a recurrent network all
# time steps use the same weights, so their gradients add up over time.
#
# $$\frac{\partial L}{\partial w} = \frac{\partial L}{\partial \hat y}
# \frac{\partial \hat y}{\partial z} \frac{\partial z}{\partial w} \qquad
# \frac{\partial L}{\partial U} = \sum_t h_{t-1}^\top \delta_t \qquad
# \delta_t = (\partial L / \partial h_t + \delta_{t+1} U^\top)\,(1 - h_t^2)$$
#
# Run it: `python tutorials/1_learning/02_backpropagation_by_hand.py` (45 seconds).
# You will see values go forward and gradients go back through a small network, how often a hidden
# layer learns XOR, backpropagation through time, and the effect of cutting the gradient.

# %%
import functools
import itertools
import pathlib

import numpy as np
import tensorflow as tf

from kerasdl.formulas import activations, basics, gradients, optimizers
from kerasdl.utils import tutorial

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR = np.array([[0, 1, 1, 0]])

# %% [markdown]
# ## Two layers, forward
# $$z_1 = W_1 x + b_1 \qquad a_1 = \max(0, z_1) \qquad z_2 = W_2 a_1 + b_2 \qquad
# a_2 = \sigma(z_2)$$
#
# Here each *column* of x is an example, so that the code reads like the equation. (In Keras each
# row is an example, which transposes every matrix.) For each layer, z is the sum that its neurons
# compute and a is the activation of z: ReLU in the hidden layer, and a sigmoid at the end, which
# gives the probability of class 1.


# %%
def forward(x, w1, b1, w2, b2):
    z1 = w1 @ x + b1  # (hidden, m)
    a1 = np.maximum(0, z1)
    z2 = w2 @ a1 + b2  # (1, m)
    return z1, a1, z2, activations.sigmoid(z2)


# %% [markdown]
# ## Two layers, backward
# The loss is the mean binary cross-entropy over m examples,
# $L = -\frac1m \sum y \log a_2 + (1 - y) \log (1 - a_2)$. Backward is forward in reverse order:
#
# - At the output, the slope of the cross-entropy is $(a_2 - y) / (a_2 (1 - a_2))$ and the slope of
#   the sigmoid is $a_2 (1 - a_2)$. Their product is just the error $\delta_2 = a_2 - y$.
# - A weight of the second layer multiplies an input $a_1$, so its gradient is $\delta_2$ times that
#   input, averaged over the examples: $\partial L / \partial W_2 = \frac1m \delta_2 a_1^\top$.
# - The hidden neurons get the error through the same weights, $W_2^\top \delta_2$, times the slope
#   of ReLU: 1 where $z_1 > 0$, else 0.
# - The first layer's gradient then has the same form as the second's.


# %%
def backward(x, y, z1, a1, a2, w2):
    """Gradients of w1, b1, w2, b2."""
    m = x.shape[1]
    delta2 = a2 - y  # (1, m)
    dw2 = delta2 @ a1.T / m
    db2 = delta2.sum(axis=1, keepdims=True) / m
    delta1 = w2.T @ delta2 * (z1 > 0)  # (hidden, m): where ReLU gave 0, nothing comes back
    dw1 = delta1 @ x.T / m
    db1 = delta1.sum(axis=1, keepdims=True) / m
    return dw1, db1, dw2, db2


# %% [markdown]
# A small example: two inputs, two hidden neurons, one output that should be 0. Black numbers are
# values, from left to right, and the weights on the arrows. Red numbers are the gradients of the
# loss, from right to left. The lower hidden neuron's sum is positive; if it were negative, all
# gradients to the left of it would be 0.


# %%
def draw_graph(nodes, edges, title):
    """Draw a graph of computations.

    Args:
        nodes: name -> (column, row, value, gradient).
        edges: (from, to, weight, gradient), or only (from, to).
        title: str.
    """
    figure, axes = tutorial.panels(size=(13, 3.6))
    centered = {"ha": "center", "va": "center"}
    rounded = {"boxstyle": "round", "facecolor": "aliceblue"}
    beside = {"va": "center", "size": 9, "bbox": {"facecolor": "white", "lw": 0, "pad": 1}}
    boxes = {}
    for name, (column, row, value, gradient) in nodes.items():
        text = axes.text(column, row, f"{name} = {value:.4g}\n", bbox=rounded, **centered)
        boxes[name] = text.get_bbox_patch()
        axes.text(column, row, f"\n{gradient:.4g}", color="red", **centered)
    for start, end, *numbers in edges:
        a, b = np.array(nodes[start][:2]), np.array(nodes[end][:2])
        arrow = {"arrowstyle": "->", "color": "grey", "shrinkA": 1, "shrinkB": 1}
        arrow |= {"patchA": boxes[start], "patchB": boxes[end]}
        axes.annotate("", b, a, arrowprops=arrow)
        for number, side, color in zip(numbers, ("right", "left"), ("black", "red"), strict=False):
            axes.text(*(0.6 * a + 0.4 * b), f" {number:.4g}", ha=side, color=color, **beside)
    last = max(column for column, *_ in nodes.values())
    axes.set(title=title, xlim=(-0.4, last + 0.4), ylim=(-0.3, 1.3))
    axes.axis("off")
    return figure


def through_layers(fast=False):
    x, y, zero = np.array([[1.0], [2.0]]), 0, np.zeros((2, 1))
    w1, w2 = np.array([[1.0, -1.0], [0.5, 0.5]]), np.array([[1.0, 0.5]])
    z1, a1, z2, a2 = forward(x, w1, zero, w2, zero[:1])
    dw1, dz1, dw2, dz2 = backward(x, y, z1, a1, a2, w2)  # with one example db is dz

    probability = a2[0, 0]
    nodes = {
        "z": (3, 0.5, z2[0, 0], dz2[0, 0]),
        "p": (4, 0.5, probability, 1 / (1 - probability)),
        "L": (5, 0.5, -np.log(1 - probability), 1),
    }
    edges = [("z", "p"), ("p", "L")]
    columns = ("x", x, w1.T @ dz1), ("z", z1, dz1), ("a", a1, w2.T @ dz2)
    for i in (0, 1):
        for column, (name, values, slopes) in enumerate(columns):
            nodes[f"{name}{i + 1}"] = column, 1 - i, values[i, 0], slopes[i, 0]
        edges += [(f"z{i + 1}", f"a{i + 1}"), (f"a{i + 1}", "z", w2[0, i], dw2[0, i])]
        edges += [(f"x{j + 1}", f"z{i + 1}", w1[i, j], dw1[i, j]) for j in (0, 1)]
    title = "Black: values and, on arrows, weights. Red: their gradients. The right answer is 0"
    return draw_graph(nodes, edges, title)


# %%
tutorial.show(through_layers)

# %% [markdown]
# ## Three ways to the same gradient
# TensorFlow's `GradientTape` records the operations of the forward pass and applies the same rules
# to them. The slow but certain way is by central differences: change one weight by a little, once
# up and once down, and divide the change of the loss by that of the weight.


# %%
def by_tape(f, weights, upstream=None):
    variables = [tf.Variable(w) for w in weights]
    with tf.GradientTape() as tape:
        value = f(*variables)
    return tape.gradient(value, variables, upstream)


def by_trying(f, weights):
    def as_function_of(n):
        return lambda w: f(*weights[:n], w, *weights[n + 1 :])

    return [gradients.central_differences(as_function_of(n), w) for n, w in enumerate(weights)]


def largest_difference(ours, theirs):
    return max(np.max(abs(a - b)) for a, b in zip(ours, theirs, strict=True))


def same_gradients(fast=False):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(3, 5)), random.integers(2, size=(1, 5))
    weights = [random.normal(size=shape) for shape in ((4, 3), (4, 1), (1, 4), (1, 1))]
    z1, a1, _, a2 = forward(x, *weights)
    ours = backward(x, y, z1, a1, a2, weights[2])

    def loss(w1, b1, w2, b2):
        logits = w2 @ tf.nn.relu(w1 @ x + b1) + b2
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y.astype(float), logits))

    for name, theirs in (
        ("GradientTape", by_tape(loss, weights)),
        ("trying each weight", by_trying(loss, weights)),
        ("the library's formula", basics.backpropagation(x, y, z1, a1, a2, weights[2])),
    ):
        difference = largest_difference(ours, theirs)
        print(f"largest difference from {name}: {difference:.1e}")
        assert difference < 1e-7


# %%
tutorial.show(same_gradients)

# %% [markdown]
# ## Learning XOR
# Gradient descent repeats two steps: find the gradients, then move each weight a little against its
# gradient. The loss has more than one valley, so the result depends on the random start. With two
# hidden neurons most starts end in a valley where XOR is not solved; with more neurons fewer do.
#
# The size of the initial weights matters as well. On the left all have the standard deviation 1; on
# the right it is $\sqrt{2 / n}$ for a neuron with n inputs (tutorial 05 explains why), and a third
# of the steps is enough.


# %%
def learn_xor(hidden, seed, steps, fit_size, learning_rate=0.5):
    """The number of corners that are right after gradient descent from a random start."""
    random = np.random.default_rng(seed)
    size1, size2 = (np.sqrt(2 / 2), np.sqrt(2 / hidden)) if fit_size else (1, 1)
    weights = [random.normal(0, size1, (hidden, 2)), np.zeros((hidden, 1))]
    weights += [random.normal(0, size2, (1, hidden)), np.zeros((1, 1))]
    x = CORNERS.T
    for _ in range(steps):
        z1, a1, _, a2 = forward(x, *weights)
        slopes = backward(x, XOR, z1, a1, a2, weights[2])
        weights = [w - learning_rate * slope for w, slope in zip(weights, slopes, strict=True)]
    return int(np.sum((forward(x, *weights)[-1] > 0.5) == XOR))


def xor_is_learned(fast=False):
    figure, (left, right) = tutorial.panels(1, 2, title="Fraction of random starts that learn XOR")
    names = {"xlabel": "hidden neurons", "ylabel": "fraction of starts"}

    starts, steps, widths = (5, 500, (2, 16)) if fast else (100, 1500, (2, 3, 4, 8, 16))
    plain = {
        width: sum(learn_xor(width, seed, steps, False) == 4 for seed in range(starts)) / starts
        for width in widths
    }
    title = f"deviation 1: {starts} starts, {steps} steps"
    tutorial.bars(left, plain, title=title, **names)

    starts, steps = (3, 50) if fast else (20, 500)
    fitted = {
        width: sum(learn_xor(width, seed, steps, True) == 4 for seed in range(starts)) / starts
        for width in (2, 4, 8, 16)
    }
    title = f"deviation $\\sqrt{{2/n}}$: {starts} starts, {steps} steps"
    tutorial.bars(right, fitted, title=title, **names)
    for axes in (left, right):
        axes.set_ylim(0, 1.1)

    print(f"XOR learned, by hidden neurons: {plain}, and with sqrt(2 / n): {fitted}")
    if not fast:
        assert 0 < plain[2] < 0.9 and plain[16] >= 0.95
        assert fitted[8] == 1 > 4 * fitted[2]
    return figure


# %%
tutorial.show(xor_is_learned)

# %% [markdown]
# ## Through time
# A recurrent network reads a series step by step. Its state is a function of the input and of the
# state before, with the same weights at every step:
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b)$$
#
# (Here a row is an example, as in Keras.) Written out for T steps it is a network of T layers that
# share their weights. So backpropagation *through time* is backpropagation: walk back from the last
# step, and add up the gradients of W, U and b over the steps.
#
# In a long series this takes memory for all states. *Truncated* backpropagation through time goes
# back only a number of steps (`cut`): the value of the state is passed on, but its gradient is not
# passed back. Frameworks call this detaching the state or stopping the gradient.


# %%
def states(x, w, u, b):
    """x is (time, batch, inputs); the result is (time + 1, batch, units), with zeros first."""
    h = [np.zeros((x.shape[1], len(u)))]
    for x_t in x:
        h.append(np.tanh(x_t @ w + h[-1] @ u + b))
    return np.array(h)


def through_time(x, h, u, upstream, cut):
    """Gradients of w, u and b; `upstream` is the gradient of the last state."""
    dw, du, db, dh = 0, 0, 0, upstream
    for t in range(len(x), len(x) - cut, -1):
        dz = dh * (1 - h[t] ** 2)  # the slope of tanh at this step
        dw = dw + x[t - 1].T @ dz
        du = du + h[t - 1].T @ dz
        db = db + dz.sum(axis=0)
        dh = dz @ u.T  # to the state before
    return dw, du, db


# %% [markdown]
# Three steps of the simplest case, without tanh: $s_t = 0.5\,x_t + 0.8\,s_{t-1}$ and the error
# $E = (1 - s_3)^2$. On the horizontal arrows is U = 0.8, on the vertical ones W = 0.5. The gradient
# of U is the sum of the red numbers on the horizontal arrows between states.


# %%
def three_steps(fast=False):
    w, u = 0.5, 0.8
    s = [0.0]
    for _ in range(3):
        s.append(w * 1 + u * s[-1])  # each input is 1
    ds = [2 * (s[3] - 1) * u ** (3 - t) for t in range(4)]
    du = sum(ds[t] * s[t - 1] for t in (1, 2, 3))
    dw = sum(ds[t] * 1 for t in (1, 2, 3))
    d_last = ds[3] * s[3]  # of a weight of 1 between s3 and E

    nodes = {"s0": (0, 1, 0, ds[0]), "E": (4, 1, (1 - s[3]) ** 2, 1)}
    edges = []
    for t in (1, 2, 3):
        nodes |= {f"s{t}": (t, 1, s[t], ds[t]), f"x{t}": (t, 0, 1, w * ds[t])}
        edges += [(f"s{t - 1}", f"s{t}", u, ds[t] * s[t - 1]), (f"x{t}", f"s{t}", w, ds[t])]
    edges.append(("s3", "E", 1, d_last))
    np.testing.assert_allclose([du, dw, d_last], [0.572, 1.0736, 0.5368])
    return draw_graph(nodes, edges, f"Three steps: dE/dU = {du:.4g} and dE/dW = {dw:.5g} are sums")


# %%
tutorial.show(three_steps)

# %% [markdown]
# And with tanh, four units and six steps, against TensorFlow and against trying, in full and cut:


# %%
def last_state(x, cut, w, u, b):
    """The last state in TensorFlow, with no gradient to more than `cut` steps back."""
    h = tf.zeros((x.shape[1], u.shape[0]), "float64")
    for t, x_t in enumerate(x):
        h = tf.stop_gradient(h) if t == len(x) - cut else h
        h = tf.tanh(x_t @ w + h @ u + b)
    return h


def same_gradients_through_time(fast=False):
    random = np.random.default_rng(1)
    x, w, b = random.normal(size=(6, 2, 3)), random.normal(size=(3, 4)), np.zeros(4)
    u, upstream = np.eye(4) + 0.3 * random.normal(size=(4, 4)), random.normal(size=(2, 4))
    h = states(x, w, u, b)
    pairs = {}
    for cut in (6, 3, 1):
        taped = by_tape(functools.partial(last_state, x, cut), (w, u, b), upstream)
        pairs[f"tape, {cut} steps"] = through_time(x, h, u, upstream, cut), taped
    tried = by_trying(lambda *v: np.sum(last_state(x, 6, *v) * upstream), (w, u, b))
    pairs["trying, 6 steps"] = through_time(x, h, u, upstream, 6), tried
    for name, pair in pairs.items():
        print(f"largest difference from {name}: {largest_difference(*pair):.1e}")
        assert largest_difference(*pair) < 1e-7


# %%
tutorial.show(same_gradients_through_time)

# %% [markdown]
# ## The Jacobian of one step
# From state to state, the gradient is multiplied by the matrix of slopes
# $\partial h_k / \partial h_{k-1}$. The slope of tanh is taken at the *new* state:
#
# $$\frac{\partial h_k}{\partial h_{k-1}} = \mathrm{diag}(1 - h_k^2)\, U$$
#
# It is a common mistake to take it at the old state, $1 - h_{k-1}^2$, and not a small one, as the
# figure shows. (Here states are columns.)
#
# Whether gradients grow or shrink over many steps depends on products of such matrices. If no
# matrix stretches any vector, they cannot grow. The reverse does not hold: U = [[0, 2], [0, 0]]
# doubles some vectors, but its square is 0. The tutorial on vanishing gradients follows this up.


# %%
def one_step(fast=False):
    z, h = np.array([0.5, -0.5, 0.2]), np.array([0.9, -0.4, 0.1])
    u = np.eye(3) + 0.3 * np.random.default_rng(0).normal(size=(3, 3))
    new = np.tanh(z + u @ h)
    taped = np.concatenate(
        [
            by_tape(lambda v: tf.tanh(z + tf.linalg.matvec(u, v)), [h], unit)
            for unit in np.eye(3)  # a row of the Jacobian at a time
        ]
    )
    jacobians = {
        "by tape": taped,
        "slope at the new state": (1 - new[:, None] ** 2) * u,
        "slope at the old state: wrong": (1 - h[:, None] ** 2) * u,
    }
    figure, axes = tutorial.panels(1, 3, title="How the new state depends on the old", size=(4, 4))
    for place, (name, values) in zip(axes, jacobians.items(), strict=True):
        names = {"xlabel": "unit of the old state", "ylabel": "unit of the new state"}
        tutorial.matrix(place, values, title=name, limit=1.5, **names)
    _, right, wrong = jacobians.values()
    assert np.abs(right - taped).max() < 1e-12
    assert np.abs(wrong - taped).max() > 0.1
    return figure


# %%
tutorial.show(one_step)

# %% [markdown]
# ## What a cut loses
# The task: the network reads six signs, +1 or -1, one after the other, and has to name the first
# one. For that it must keep the first sign in its state, and to learn to keep it, the gradient must
# get back to it. If the gradient is cut earlier, learning depends on luck: the random U may happen
# to keep something of the first sign, which the last weights alone can then read.


# %%
def learn_to_recall(cut, seed, steps):
    """The mean loss of the last 30 steps, when the gradient goes back `cut` steps."""
    random = np.random.default_rng(seed)
    u = 0.3 * np.linalg.qr(random.normal(size=(4, 4)))[0]
    weights = random.normal(size=(1, 4)), u, np.zeros(4), np.zeros((4, 1))
    first, second = [0.0] * 4, [0.0] * 4  # what Adam remembers (tutorial 06)
    losses = []
    for step in range(1, steps + 1):
        x = random.choice([-1.0, 1.0], size=(6, 64, 1))
        target = x[0] > 0
        h = states(x, *weights[:3])
        probability = activations.sigmoid(h[-1] @ weights[3])
        losses.append(-np.mean(np.log(np.where(target, probability, 1 - probability))))
        error = (probability - target) / 64
        slopes = through_time(x, h, weights[1], error @ weights[3].T, cut)
        slopes = [*slopes, h[-1].T @ error]
        moved = map(optimizers.adam, weights, slopes, first, second, [step] * 4, [0.01] * 4)
        weights, first, second = zip(*moved, strict=True)
    return np.mean(losses[-30:])


def cut_gradients(fast=False):
    seeds, steps = (1, 20) if fast else (20, 1000)
    learned = dict.fromkeys(range(1, 7), 0.0)
    for cut, seed in itertools.product(learned, range(seeds)):
        learned[cut] += float(learn_to_recall(cut, seed, steps) < 0.1) / seeds
    figure, axes = tutorial.panels(size=(6, 3.6))
    title = f"Recalling the first of six signs, {seeds} starts"
    names = {
        "xlabel": "steps that the gradient goes back",
        "ylabel": "fraction of starts that learn",
    }
    tutorial.bars(axes, learned, title=title, **names)
    print("fraction of starts that learn:", {cut: round(v, 2) for cut, v in learned.items()})
    if not fast:
        assert learned[6] >= 0.9 and np.mean([learned[cut] for cut in range(1, 6)]) < 0.5
    return figure


# %%
tutorial.show(cut_gradients)

# %% [markdown]
# ## Exercises
# 1. Replace the cross-entropy by $(\hat y - y)^2$. Which line of `backward` changes?
# 2. Start the two-layer network with all weights 0. What do the gradients say, and why does no
#    hidden neuron ever learn?
# 3. Two hidden neurons can compute XOR: find weights by hand. At which answers do the runs stay
#    that fail?
# 4. How can a run learn that is cut after two steps? Look for the first sign in its last state.


# %%
def main(fast=False, out=pathlib.Path("out/02_backpropagation_by_hand")):
    layers = through_layers, same_gradients, xor_is_learned
    time = three_steps, same_gradients_through_time, one_step, cut_gradients
    tutorial.run(*layers, *time, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
