# %% [markdown]
# # The perceptron, and the question that it cannot answer
#
# **Claim.** There are sixteen questions about two bits. The perceptron's rule learns fourteen of
# them, whatever the order of its examples, AND and OR after fewer mistakes than a bound foretells.
# Never XOR and its opposite: there its weights go in circles for ever. A logistic neuron fails too,
# and ends at chance. Three perceptrons in two layers answer XOR; descent finds such weights from
# some starts with two hidden neurons, and from at least 95 in 100 with sixteen.
#
# **The idea.** A neuron weighs its inputs and asks whether they reach a threshold. After a mistake
# it turns towards the example, or away from it. Where *some* weights answer everything with a
# margin, all mistakes together are no more than:
#
# $$\hat y = [\,w \cdot x + b \ge 0\,] \qquad w \leftarrow w + \eta\,(y - \hat y)\,x \qquad
# \text{mistakes} \le \max_i |\tilde x_i|^2\, |\tilde w^*|^2$$
#
# with $\tilde x = (x, 1)$, and weights $\tilde w^* = (w^*, b^*)$ that put each example at least 1
# on its side of the threshold.
#
# Run it: `python tutorials/1_learning/01_perceptron_and_xor.py` (25 seconds).
# You will see the line turn, all
# sixteen questions, what a second layer does to XOR, and how often descent finds it.

# %%
import itertools
import pathlib

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kerasdl.formulas import basics

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
AND, OR, XOR = np.array([[0, 0, 0, 1], [0, 1, 1, 1], [0, 1, 1, 0]])
ORDERS = list(itertools.permutations(range(4)))
HOW = "(first bit to the right, second up)"

# %% [markdown]
# ## The neuron and its rule
# The notes give no rule to learn by; this is Rosenblatt's. The bias is the weight of a third input
# that is always 1. A run ends when an epoch has no mistake. If it finds itself, at the beginning of
# an epoch, with weights that it had before, all will repeat: it never ends.


# %%
def perceptron(x, w, b):
    return (x @ w + b >= 0).astype(int)


def learn(answers, order):
    """Weights from zeros on, after each mistake, and whether the last ones are right."""
    w, b, path, seen = np.zeros(2), 0.0, [(0.0, 0.0, 0.0)], set()
    while any(perceptron(CORNERS, w, b) != answers):
        if path[-1] in seen:
            return path, False
        seen.add(path[-1])
        for i in order:
            mistake = answers[i] - perceptron(CORNERS[i], w, b)
            w, b = w + mistake * CORNERS[i], float(b + mistake)
            if mistake:
                path.append((*w.tolist(), b))
    return path, True


def bound(answers, w, b):
    assert np.min((2 * answers - 1) * (CORNERS @ w + b)) >= 1
    return (np.sum(CORNERS**2, axis=1) + 1).max() * (w @ w + b**2)


# %% [markdown]
# ## Two layers, by hand
# XOR is "one of them, but not both": OR and not AND. The hidden layer moves the four corners to
# three places, (OR, AND), and there a line suffices. Nine numbers in all.


# %%
def last_neuron(hidden):
    return perceptron(hidden, np.array([1, -1]), -0.5)


def two_layers(x):
    w, b = np.array([[1, 1], [1, 1]]), np.array([-0.5, -1.5])  # OR, AND
    hidden = basics.dense(x, w, b, basics.step)
    return hidden, last_neuron(hidden)


# %% [markdown]
# ## Two layers, learned
# Who of the three made the mistake? The rule does not say: it knows no right answer for a hidden
# neuron. And a step has no slope to follow. So take neurons that have one: the logistic neuron
# $\sigma(w \cdot x + b)$ (which one of the notes calls a perceptron) as the last, ReLUs before it.
# The slopes are those of tutorial 02, and each number goes a little downhill.


# %%
def descend(width, seed, steps, rate=0.5):
    """Weights after learning XOR, and the last answers, as probabilities."""
    random = np.random.default_rng(seed)
    weights = [random.normal(size=(width, 2)), np.zeros((width, 1))]
    weights += [random.normal(size=(1, width)), np.zeros((1, 1))]
    for _ in range(steps):
        z1, a1, _, a2 = basics.forward_propagation(CORNERS.T, *weights)
        slopes = basics.backpropagation(CORNERS.T, XOR, z1, a1, a2, weights[2])
        weights = [w - rate * slope for w, slope in zip(weights, slopes, strict=True)]
    return weights, basics.forward_propagation(CORNERS.T, *weights)[-1][0]


def descend_alone(answers, steps, rate=0.5):
    """The same with one logistic neuron; examples are rows."""
    w, b = np.array([1.0, -0.5]), 0.3
    for _ in range(steps):
        slope = (basics.logistic_neuron(CORNERS, w, b) - answers) / 4
        w, b = w - rate * CORNERS.T @ slope, b - rate * slope.sum()
    return basics.logistic_neuron(CORNERS, w, b)


def slope_of_step():
    z = tf.Variable([-2.0, 0.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.cast(z >= 0, "float32")
    return tape.gradient(y, z)


# %% [markdown]
# ## The pictures


# %%
def draw_regions(axis, answer, answers, title, points=CORNERS):
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 1.5, 401)] * 2), axis=-1)
    shown = {"extent": (-0.5, 1.5, -0.5, 1.5), "origin": "lower", "aspect": "auto"}
    axis.imshow(answer(grid), cmap="coolwarm", vmin=-0.3, vmax=1.3, alpha=0.7, **shown)
    for point, y in zip(points, answers, strict=True):
        axis.plot(*point, "o", color="tab:red" if y else "tab:blue", mec="black", ms=9)
    axis.set(title=title, xticks=[0, 1], yticks=[0, 1])
    axis.title.set_fontsize(10)


def draw_line(axis, weights, answers, title):
    w, b = np.array(weights[:2]), weights[2]
    draw_regions(axis, lambda x: perceptron(x, w, b), answers, title)
    axis.tick_params(labelbottom=False, labelleft=False)


def draw_rule(path):
    figure, axes = plt.subplots(2, len(path) // 2, figsize=(14, 4.6), layout="constrained")
    for number, (axis, weights) in enumerate(zip(axes.flat, path, strict=True)):
        title = "mistakes: {}\nw = ({:g}, {:g}), b = {:g}"
        draw_line(axis, weights, AND, title.format(number, *weights))
    figure.suptitle(f"AND: what is answered 1 is red, and so is the corner where 1 is right {HOW}")
    return figure


def draw_sixteen(found):
    figure, axes = plt.subplots(2, 8, figsize=(14, 4.2), layout="constrained")
    for axis, (answers, (path, right)) in zip(axes.flat, found.items(), strict=True):
        mistakes = f"mistakes: {len(path) - 1}" if right else "never learned"
        draw_line(axis, path[-1], answers, f"{''.join(map(str, answers))}, {mistakes}")
        axis.title.set_weight("normal" if right else "bold")
    figure.suptitle(f"All questions about two bits, named by answers to 00, 01, 10 and 11 {HOW}")
    return figure


def draw_xor(weights):
    def learned(x):
        return basics.forward_propagation(x.reshape(-1, 2).T, *weights)[-1].reshape(x.shape[:2])

    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    draw_regions(axes[0], lambda x: two_layers(x)[1], XOR, "by hand: OR and not AND")
    title = f"learned: {len(weights[0])} ReLUs, then a logistic neuron"
    draw_regions(axes[2], learned, XOR, title)
    hidden, title = two_layers(CORNERS)[0], "by hand: what the last neuron sees"
    draw_regions(axes[1], last_neuron, XOR, title, hidden)
    for point, name in zip(hidden[[0, 1, 3]], ("00", "01 and 10", "11"), strict=True):
        axes[1].annotate(name, point, (0, 10), textcoords="offset points", ha="center")
    axes[1].set(xlabel="OR", ylabel="AND")
    return figure


def draw_starts(solved, alone):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    for place, (name, answers) in enumerate(alone.items()):
        left.bar(np.arange(4) + (place - 1) * 0.27, answers, 0.25, label=name)
    left.set_xticks(range(4), ("00", "01", "10", "11"))
    left.set(title="One logistic neuron, after learning", ylabel="probability of 1", ylim=(0, 1.3))
    left.legend(ncols=3)
    bars = right.bar([str(width) for width in solved], [100 * share for share in solved.values()])
    right.bar_label(bars, fmt="%.0f")
    right.set(title="XOR: starts that end with four right, %", ylim=(0, 112))
    right.set(xlabel="hidden neurons")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/01_perceptron_and_xor")):
    out.mkdir(parents=True, exist_ok=True)
    starts, steps, widths = (5, 500, (2, 16)) if fast else (100, 1500, (2, 3, 4, 8, 16))
    sixteen = itertools.product((0, 1), repeat=4)
    runs = {answers: [learn(np.array(answers), order) for order in ORDERS] for answers in sixteen}
    solved, kept = {}, None
    for width in widths:
        ends = [descend(width, seed, steps) for seed in range(starts)]
        right = [weights for weights, answers in ends if np.all((answers > 0.5) == XOR)]
        solved[width] = len(right) / starts
        kept = kept or right[0] if right else kept
    alone = {n: descend_alone(y, 3000) for n, y in (("AND", AND), ("OR", OR), ("XOR", XOR))}

    of_and, of_or = runs[tuple(AND)], runs[tuple(OR)]
    figures = {"rule": draw_rule(max((path for path, _ in of_and), key=len))}
    figures["sixteen"] = draw_sixteen({answers: each[0] for answers, each in runs.items()})
    figures |= {"xor": draw_xor(kept), "starts": draw_starts(solved, alone)}
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120)
    plt.close("all")
    learned = [answers for answers, each in runs.items() if all(right for _, right in each)]
    never = [answers for answers, each in runs.items() if not any(right for _, right in each)]
    most = [max(len(path) - 1 for path, _ in each) for each in (of_and, of_or)]
    limits = [bound(AND, np.array([2, 2]), -3), bound(OR, np.array([2, 2]), -1)]
    print(f"learned in every order: {len(learned)} of 16; in none: {never}")
    print(f"mistakes in AND and OR: at most {most}; bounds {np.array(limits)}")
    print("the logistic neuron:", {name: p.round(3).tolist() for name, p in alone.items()})
    print(f"XOR solved, by hidden neurons: {solved}; figures in {out}")

    # the claim
    assert len(learned) == 14 and never == [(0, 1, 1, 0), (1, 0, 0, 1)], (learned, never)
    assert np.all(np.less(most, limits)), (most, limits)
    assert (two_layers(CORNERS)[1] == XOR).all() and basics.dense_parameters(2, 2, 1) == 9
    assert slope_of_step() is None  # not even zero
    np.testing.assert_allclose(alone["XOR"], 0.5, atol=1e-3)
    assert np.array_equal([alone["AND"] > 0.5, alone["OR"] > 0.5], [AND, OR]), alone
    neuron = basics.logistic_neuron(np.array([0.5, 0.3, 0.2]), np.ones(3), 0.0)
    np.testing.assert_allclose(neuron, 0.731059, atol=1e-6)  # the notes' example
    w, b = basics.perceptron_update(CORNERS[0], 0, np.zeros(2), 0.0)
    assert of_and[0][0][1] == (*w, b)  # the rule is the library's
    assert fast or (0 < solved[2] < 0.9 and solved[16] >= 0.95), solved


# %% [markdown]
# ## Exercises
# 1. Start the two-layer network with all weights 0. Why does no hidden neuron ever learn?
# 2. Put the third corner of an AND at (0.9, 0.9) instead of (1, 0). What becomes of the bound, and
#    what of the mistakes?
# 3. The runs with two hidden neurons that fail: which answers do they give, and why do they stay?
# 4. How many of the 256 questions about three bits does one perceptron learn?

# %%
if __name__ == "__main__":
    main()
