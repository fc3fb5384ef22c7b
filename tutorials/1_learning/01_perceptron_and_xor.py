# %% [markdown]
# # The perceptron and XOR: what one neuron can learn
#
# **Claim.** There are sixteen functions of two bits. The perceptron's learning rule learns fourteen
# of them, in any order of the examples; for AND and OR it makes fewer mistakes than a theorem
# allows. It never learns XOR and its opposite: its weights repeat in a cycle. A neuron with a
# sigmoid in place of the threshold fails on XOR too: it ends at a probability of one half for every
# example. Three perceptrons in two layers compute XOR.
#
# **The idea.** A neuron multiplies each input by a weight, adds the products and a bias, and
# answers 1 if the sum reaches 0. In a plane of two inputs, the points where the sum is exactly 0
# form a straight line: on one side of it the neuron answers 1, on the other 0. To learn is to find
# the line. After each mistake, the perceptron's rule moves the weights towards the example (if the
# answer should have been 1) or away from it (if it should have been 0):
#
# $$\hat y = [\,w \cdot x + b \ge 0\,] \qquad w \leftarrow w + (y - \hat y)\,x \qquad
# b \leftarrow b + (y - \hat y)$$
#
# Run it: `python tutorials/1_learning/01_perceptron_and_xor.py` (5 seconds).
# You will see the line turn until AND is learned, the sixteen functions and the two that no line
# separates, why a sigmoid does not help, and how a second layer solves XOR.

# %%
import functools
import itertools
import pathlib

import numpy as np

from kerasdl.formulas import basics
from kerasdl.utils import tutorial

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])  # the four inputs of two bits
AND = np.array([0, 0, 0, 1])
OR = np.array([0, 1, 1, 1])
XOR = np.array([0, 1, 1, 0])
COLORS = "blue: class 0, orange: class 1"

# %% [markdown]
# ## The neuron and its learning rule
# The rule is Rosenblatt's (1958). It changes nothing while the answer is right. All weights start
# at 0. One pass over the four examples is an epoch, and learning ends after an epoch without a
# mistake.
#
# If an epoch begins with the same weights as an earlier epoch, everything repeats from there on,
# because the rule has no randomness. So learning also ends when it is certain that it would go on
# for ever.


# %%
def perceptron(x, w, b):
    return (x @ w + b >= 0).astype(int)


def learn(targets, order):
    """Apply the rule until it makes no mistakes or repeats itself.

    Returns the (w1, w2, b) before the first and after each mistake, and whether it succeeded.
    """
    w, b = np.zeros(2), 0.0
    path, seen = [(0.0, 0.0, 0.0)], set()
    while any(perceptron(CORNERS, w, b) != targets):
        if path[-1] in seen:
            return path, False
        seen.add(path[-1])
        for i in order:
            error = targets[i] - perceptron(CORNERS[i], w, b)  # 1, 0 or -1
            if error:
                w = w + error * CORNERS[i]
                b = float(b + error)
                path.append((*w.tolist(), b))
    return path, True


# %% [markdown]
# In the left panel, the neuron answers 1 on the upper right side of the dashed line, so its answer
# for the corner (0, 1) is wrong. The rule subtracts the example from the weights and 1 from the
# bias, and the line moves past that corner.
#
# The middle panel shows a whole run on AND: each mistake draws a new, darker line. (Some weights on
# the way give no line in this panel: the neuron answers 1 everywhere or 0 everywhere.) The right
# panel shows the same weights as numbers.


# %%
def draw_line(axes, w1, w2, b, **options):
    """Draw the points where w1 x1 + w2 x2 + b = 0, inside the box from -0.5 to 1.5."""
    along = np.array([-0.5, 1.5])
    if w2:
        axes.plot(along, -(w1 * along + b) / w2, **options)
    elif w1:
        axes.axvline(-b / w1, **options)


def the_rule(fast=False):
    figure, (step, run, weights) = tutorial.panels(1, 3, title=f"AND ({COLORS})")

    before = np.array([2.0, 3.0]), -2.5
    after = basics.perceptron_update(CORNERS[1], 0, *before)
    tutorial.plane(step, None, CORNERS, AND, title="One mistake at (0, 1)")
    draw_line(step, *before[0], before[1], color="black", ls="--", label="before: w = (2, 3)")
    draw_line(step, *after[0], after[1], color="black", label="after: w = (2, 2)")
    step.legend(fontsize=8, loc="lower left")

    path, _ = learn(AND, order=(0, 1, 2, 3))
    last = np.array(path[-1])
    title = f"A run: {len(path) - 1} mistakes"
    answer = functools.partial(perceptron, w=last[:2], b=last[2])
    tutorial.plane(run, answer, CORNERS, AND, title=title)
    for number, (w1, w2, b) in enumerate(path):
        shade = str(0.8 * (1 - number / (len(path) - 1)))  # from light grey to black
        draw_line(run, w1, w2, b, color=shade, lw=3 if number == len(path) - 1 else 1.5)

    curves = dict(zip(("w1", "w2", "b"), np.transpose(path), strict=True))
    tutorial.lines(
        weights, curves, xlabel="mistakes so far", ylabel="value", drawstyle="steps-post"
    )
    weights.set_title("The weights of that run")
    print(f"AND is learned after {len(path) - 1} mistakes: w = {last[:2]}, b = {last[2]}")
    return figure


# %%
tutorial.show(the_rule)

# %% [markdown]
# ## All functions of two bits
# A function of two bits gives 0 or 1 for each of the four corners, so there are $2^4 = 16$ of them.
# The rule gets each one in all 24 orders of the examples.
#
# For two of them, no line separates the corners. For XOR a neuron would need $b < 0$ (the answer to
# (0, 0) is 0), $w_1 + b \ge 0$ and $w_2 + b \ge 0$ (the answer to (1, 0) and (0, 1) is 1). Then
# $w_1 + w_2 + b \ge -b > 0$, so the answer to (1, 1) is 1 as well, and it should be 0.


# %%
@functools.cache
def learn_all():
    """targets -> a run of `learn` for each order of the examples."""
    orders = list(itertools.permutations(range(4)))
    functions = itertools.product((0, 1), repeat=4)
    return {targets: [learn(np.array(targets), order) for order in orders] for targets in functions}


def sixteen_functions(fast=False):
    title = f"The functions of two bits, by their values at 00, 01, 10, 11 ({COLORS})"
    figure, axes = tutorial.panels(2, 8, title=title, size=(1.9, 2.3))
    for place, (targets, runs) in zip(axes.flat, learn_all().items(), strict=True):
        path, success = runs[0]
        last = np.array(path[-1])
        answer = functools.partial(perceptron, w=last[:2], b=last[2])
        outcome = f"{len(path) - 1} mistakes" if success else "never learned"
        name = f"{''.join(map(str, targets))}: {outcome}"
        tutorial.plane(place, answer, CORNERS, targets, title=name, size=70, xlabel="", ylabel="")
        place.set(xticks=[], yticks=[])
        place.title.set(fontsize=9, fontweight="normal" if success else "bold")
        draw_line(place, *last, color="black", lw=1)

    always = [t for t, runs in learn_all().items() if all(success for _, success in runs)]
    never = [t for t, runs in learn_all().items() if not any(success for _, success in runs)]
    print(f"learned in every order of the examples: {len(always)} of 16; in no order: {never}")
    assert len(always) == 14
    assert never == [(0, 1, 1, 0), (1, 0, 0, 1)]  # XOR and its opposite
    return figure


# %%
tutorial.show(sixteen_functions)

# %% [markdown]
# ## How many mistakes
# Write the bias as the weight of a third input that is always 1: $\tilde x = (x, 1)$ and
# $\tilde w = (w, b)$. If *some* weights $\tilde w^*$ put every example at least 1 on its side of
# the threshold, then the rule makes no more mistakes than
#
# $$\max_i |\tilde x_i|^2\; |\tilde w^*|^2$$
#
# for any number and order of examples (Novikoff, 1962). The reason: each mistake raises
# $\tilde w \cdot \tilde w^*$ by at least 1, but $|\tilde w|^2$ by at most $\max_i |\tilde x_i|^2$.
# After too many mistakes, $\tilde w$ would have to be longer than that allows.


# %%
def bound(targets, w, b):
    """The largest number of mistakes, given weights that separate the examples by 1."""
    assert np.min((2 * targets - 1) * (CORNERS @ w + b)) >= 1
    longest = np.max(np.sum(CORNERS**2, axis=1) + 1)
    return longest * (w @ w + b**2)


def mistakes_and_bound(fast=False):
    for name, targets, b in (("AND", AND, -3), ("OR", OR, -1)):
        most = max(len(path) - 1 for path, _ in learn_all()[tuple(targets.tolist())])
        allowed = bound(targets, np.array([2, 2]), b)
        print(f"{name}: at most {most} mistakes in any order; the theorem allows {allowed}")
        assert most < allowed


# %%
tutorial.show(mistakes_and_bound)

# %% [markdown]
# ## A neuron with a sigmoid
# The threshold has no slope: its derivative is 0 wherever it exists, so it does not show in which
# direction an answer would improve. The *logistic neuron* has the sigmoid
# $\sigma(z) = 1 / (1 + e^{-z})$ in place of the threshold. Its answer is a probability, and it
# learns by gradient descent: each weight moves a little in the direction in which the loss falls.
# For the cross-entropy loss the gradient is simply the error times the input, $(\hat y - y)\,x$
# (the next tutorial derives it).
#
# The points where its answer is one half still form a straight line, so it learns AND and OR, but
# not XOR.


# %%
def descend(targets, steps, learning_rate=0.5):
    """Probabilities of a logistic neuron for the four corners after gradient descent."""
    w, b = np.array([1.0, -0.5]), 0.3
    for _ in range(steps):
        error = (basics.logistic_neuron(CORNERS, w, b) - targets) / 4  # a mean over 4 examples
        w = w - learning_rate * CORNERS.T @ error
        b = b - learning_rate * error.sum()
    return basics.logistic_neuron(CORNERS, w, b)


def logistic_neuron(fast=False):
    names = {"AND": AND, "OR": OR, "XOR": XOR}
    probabilities = {name: descend(targets, steps=3000) for name, targets in names.items()}
    figure, axes = tutorial.panels(1, 3, title=f"A logistic neuron after learning ({COLORS})")
    for place, (name, targets) in zip(axes, names.items(), strict=True):
        values = dict(zip(("00", "01", "10", "11"), probabilities[name], strict=True))
        colors = [tutorial.CLASSES[target] for target in targets]
        tutorial.bars(place, values, xlabel="input", ylabel="probability of 1", color=colors)
        place.axhline(0.5, color="grey", ls=":")
        place.set(title=name, ylim=(0, 1.1))
    print({name: values.round(3).tolist() for name, values in probabilities.items()})
    np.testing.assert_array_equal(probabilities["AND"] > 0.5, AND)
    np.testing.assert_array_equal(probabilities["OR"] > 0.5, OR)
    np.testing.assert_allclose(probabilities["XOR"], 0.5, atol=1e-3)
    return figure


# %%
tutorial.show(logistic_neuron)

# %% [markdown]
# ## Two layers
# XOR is "one of them, but not both": OR and not AND. So let two neurons of a first, *hidden* layer
# compute OR and AND, and let a third neuron answer 1 where OR is 1 and AND is 0. The hidden layer
# maps the four corners to three points, (OR, AND), where a line separates the classes. The network
# has nine numbers: two weights and a bias for each of the three neurons.


# %%
def output_neuron(hidden):
    return perceptron(hidden, np.array([1, -1]), -0.5)


def two_layers(x):
    w, b = np.array([[1, 1], [1, 1]]), np.array([-0.5, -1.5])  # a column a neuron: OR, AND
    hidden = (x @ w + b >= 0).astype(int)
    return hidden, output_neuron(hidden)


def xor_in_two_layers(fast=False):
    figure, (left, right) = tutorial.panels(1, 2, size=(4.6, 4), title=COLORS)
    tutorial.plane(left, lambda x: two_layers(x)[1], CORNERS, XOR, title="XOR: OR and not AND")
    hidden, answers = two_layers(CORNERS)
    names = {"xlabel": "first hidden neuron: OR", "ylabel": "second hidden neuron: AND"}
    title = "What the output neuron sees"
    tutorial.plane(right, output_neuron, hidden, XOR, title=title, **names)
    for place, name in zip(hidden[[0, 1, 3]], ("00", "01 and 10", "11"), strict=True):
        right.annotate(name, place, (0, 12), textcoords="offset points", ha="center")
    print(f"answers of the two layers: {answers.tolist()}")
    np.testing.assert_array_equal(answers, XOR)
    np.testing.assert_array_equal(basics.dense(CORNERS, np.ones((2, 2)), np.array([-0.5, -1.5]),
                                               basics.step), hidden)  # fmt: skip
    assert basics.dense_parameters(2, 2, 1) == 9
    return figure


# %%
tutorial.show(xor_in_two_layers)

# %% [markdown]
# These nine numbers were chosen by hand. The perceptron's rule cannot find them: it needs the
# correct answer of each neuron, and those of hidden neurons are not known. Gradient descent can
# find them, with neurons that have a slope and the chain rule for the gradient of every weight.
# That is the next tutorial.
#
# ## The library has the same
# `kerasdl.formulas.basics` has the perceptron, its rule and the logistic neuron.


# %%
def same_in_the_library(fast=False):
    w, b = basics.perceptron_update(CORNERS[0], 0, np.zeros(2), 0.0)
    assert learn(AND, order=(0, 1, 2, 3))[0][1] == (*w, b)
    neuron = basics.logistic_neuron(np.array([0.5, 0.3, 0.2]), np.ones(3), 0.0)
    np.testing.assert_allclose(neuron, 0.731059, atol=1e-6)


# %%
tutorial.show(same_in_the_library)

# %% [markdown]
# ## Exercises
# 1. A line can have three corners of XOR right. Why does the perceptron's rule never stay there?
# 2. Move the example (1, 0) of AND to (0.9, 0.9). What happens to the bound, and what to the number
#    of mistakes?
# 3. Which nine numbers compute the opposite of XOR?
# 4. How many of the 256 functions of three bits does one perceptron learn?


# %%
def main(fast=False, out=pathlib.Path("out/01_perceptron_and_xor")):
    sections = the_rule, sixteen_functions, mistakes_and_bound, logistic_neuron
    tutorial.run(*sections, xor_in_two_layers, same_in_the_library, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
