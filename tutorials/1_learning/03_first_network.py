# %% [markdown]
# # The first network: from one neuron to handwritten digits
#
# **Claim.** One neuron learns AND and OR and never XOR. A hidden layer learns XOR: eight hidden
# neurons from each of 20 random starts, two from hardly any. The gradients that it learns from,
# worked out by hand, are TensorFlow's, and the same idea reads at least 93 % of unseen digits.
#
# **The idea.** A neuron draws one straight line. A hidden layer draws several, and a second layer
# combines them. What is left is to find the lines, and that is the chain rule: how much would
# the loss change if this weight did?
#
# Run it: `python tutorials/1_learning/03_first_network.py` (10 seconds).
# You will see what one neuron can say,
# how often a hidden layer succeeds, two identical learning curves, and digits that are misread.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers

import kerasdl
from kerasdl.formulas.activations import relu, sigmoid
from kerasdl.formulas.basics import gradient_descent, perceptron, perceptron_update
from kerasdl.formulas.losses import binary_cross_entropy

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
GATES = {"AND": np.array([0, 0, 0, 1]), "OR": np.array([0, 1, 1, 1]), "XOR": np.array([0, 1, 1, 0])}
WIDTHS = 2, 4, 8, 16  # of the hidden layer

# %% [markdown]
# ## One neuron
# $$\hat y = \mathrm{step}(w \cdot x + b) \qquad w \leftarrow w + \eta\,(y - \hat y)\,x$$
#
# The rule changes nothing while the answer is right; a corner on the line counts as 1. One of
# the notes puts a sigmoid in the neuron and still calls it a perceptron; the perceptron has the
# step, the other is a logistic neuron.


# %%
def right(answers, targets):
    return int(((answers > 0.5).ravel() == targets.ravel()).sum())


def learn_gate(targets, epochs):
    """The best weights on the way, and how many corners they have right."""
    w, b, best, most = np.zeros(2), 0.0, None, 0
    for x, y in [*zip(CORNERS, targets, strict=True)] * epochs:
        w, b = perceptron_update(x, y, w, b)
        if right(perceptron(CORNERS, w, b), targets) >= most:
            best, most = (w, b), right(perceptron(CORNERS, w, b), targets)
    return best, most


# %% [markdown]
# ## Two layers, forward
# $$z_1 = x W_1 + b_1 \quad a_1 = \max(0, z_1) \quad z_2 = a_1 W_2 + b_2 \quad a_2 = \sigma(z_2)$$
#
# Here, as in Keras, a row is an example. The notes have columns and write $W x$; that form is in
# `kerasdl.formulas.basics`, and each is the other one's transpose.


# %%
def start(hidden, seed):
    """Random weights whose size fits the number of inputs, sqrt(2 / n), and zero biases."""
    normal = np.random.default_rng(seed).normal
    w1 = normal(0, np.sqrt(2 / 2), (2, hidden))
    w2 = normal(0, np.sqrt(2 / hidden), (hidden, 1))
    return [w1, np.zeros(hidden), w2, np.zeros(1)]


def forward(x, weights):
    w1, b1, w2, b2 = weights
    z1 = x @ w1 + b1  # (m, hidden)
    a1 = relu(z1)
    return z1, a1, sigmoid(a1 @ w2 + b2)  # (m, 1)


# %% [markdown]
# ## Two layers, backward
# One of the notes has a heading "Backpropagation" and nothing under it. This is what belongs there.
# The loss is the mean binary cross-entropy, $-\frac1m\sum y \log a_2 + (1-y)\log(1-a_2)$. After a
# sigmoid its gradient is the plain mistake $a_2 - y$; the rest follows by the chain rule:
#
# $$\delta_2 = a_2 - y \qquad \delta_1 = \delta_2 W_2^\top \odot [z_1 > 0] \qquad
# \frac{\partial L}{\partial W_2} = \frac1m a_1^\top \delta_2 \qquad
# \frac{\partial L}{\partial W_1} = \frac1m x^\top \delta_1$$


# %%
def backward(x, y, weights):
    z1, a1, a2 = forward(x, weights)
    delta2 = (a2 - y) / len(x)  # (m, 1)
    delta1 = delta2 @ weights[2].T * (z1 > 0)  # (m, hidden)
    return [x.T @ delta1, delta1.sum(axis=0), a1.T @ delta2, delta2.sum(axis=0)]


def learn(x, y, weights, steps, learning_rate=0.5):
    losses = []
    for _ in range(steps):
        losses.append(binary_cross_entropy(y, forward(x, weights)[-1]))
        gradients = backward(x, y, weights)
        weights = [
            gradient_descent(*pair, learning_rate) for pair in zip(weights, gradients, strict=True)
        ]
    return weights, losses


# %% [markdown]
# ## The same in Keras
# Three lines build it; `GradientTape` finds the gradients, and `fit` repeats the steps.


# %%
def in_keras(weights):
    hidden = layers.Dense(weights[0].shape[1], activation="relu")
    output = layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((2,)), hidden, output])
    model.set_weights(weights)
    return model


def tape_gradients(x, y, weights):
    model = in_keras(weights)
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(y, model(x))
    return tape.gradient(loss, model.trainable_weights)


def learn_in_keras(x, y, weights, steps, learning_rate=0.5):
    """The loss, as the mean of each ten steps."""
    model = in_keras(weights)
    model.compile(keras.optimizers.SGD(learning_rate), "binary_crossentropy")
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    options = {"steps_per_epoch": 10, "epochs": steps // 10, "shuffle": False, "verbose": 0}
    return model.fit(data, **options).history["loss"]


# %% [markdown]
# ## Digits
# The library's `mlp` is this network with 64 inputs and 10 outputs. It gives one *logit* a class,
# and the loss does softmax and logarithm together. (The notes clip probabilities by 1e-15 instead,
# which 32-bit numbers round away: at a sure mistake their loss is not a number.)


# %%
def learn_digits(epochs):
    data = kerasdl.data.load("digits")
    model = kerasdl.create_model("mlp", num_classes=10, input_shape=data.info.shape)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(data.train, epochs=epochs, shuffle=False, verbose=0)  # the pipeline shuffles
    images, labels = data.test.rebatch(data.info.counts["test"]).get_single_element()
    probabilities = keras.ops.softmax(model.predict(images, verbose=0))
    return images.numpy(), labels.numpy(), keras.ops.convert_to_numpy(probabilities)


# %% [markdown]
# ## The pictures


# %%
def plane(axis, answer, targets, title):
    """The answer everywhere, and what it should be at the four corners."""
    grid = np.linspace(-0.5, 1.5, 201)
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    area = {"extent": (-0.5, 1.5, -0.5, 1.5), "origin": "lower", "vmin": 0, "vmax": 1}
    axis.imshow(answer(points).reshape(201, 201), cmap="RdBu", alpha=0.5, **area)
    axis.scatter(*CORNERS.T, c=targets, cmap="RdBu", s=180, edgecolors="black")
    axis.set(title=f"{title}: {right(answer(CORNERS), targets)} of 4", xticks=[0, 1], yticks=[0, 1])


def draw_gates(neurons, weights, file):
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.9), layout="constrained")
    figure.suptitle("Answers everywhere, and the four corners as they should be: blue 1, red 0")
    for axis, (gate, (best, _)) in zip(axes, neurons.items(), strict=False):
        plane(axis, lambda x, best=best: perceptron(x, *best), GATES[gate], f"{gate}, one neuron")
    plane(axes[3], lambda x: forward(x, weights)[-1], GATES["XOR"], "XOR, hidden layer")
    figure.savefig(file, dpi=120)


def draw_learning(successes, starts, by_hand, by_keras, file):
    figure, (bars, curves) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    bars.bar_label(bars.bar([str(width) for width in successes], successes.values()))
    bars.set(title=f"XOR learned, of {starts} random starts", xlabel="hidden neurons", yticks=[])
    steps = 10 * np.arange(len(by_hand)) + 5
    curves.plot(steps, by_hand, color="tab:orange", linewidth=7, alpha=0.5, label="NumPy, by hand")
    curves.plot(steps, by_keras, color="black", label="Keras, fit")
    curves.set(title="The same start, the same descent", xlabel="step", ylabel="loss")
    curves.legend()
    figure.savefig(file, dpi=120)


# %%
def main(fast=False, out=pathlib.Path("out/03_first_network")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    starts, steps, x, y = 3 if fast else 20, 50 if fast else 500, CORNERS, GATES["XOR"][:, None]

    neurons = {gate: learn_gate(targets, epochs=100) for gate, targets in GATES.items()}
    learned = {n: [learn(x, y, start(n, seed), steps) for seed in range(starts)] for n in WIDTHS}
    successes = {
        n: sum(right(forward(x, weights)[-1], y) == 4 for weights, _ in runs)
        for n, runs in learned.items()
    }
    weights, losses = learned[8][0]
    by_hand = np.reshape(losses, (-1, 10)).mean(axis=1)
    by_keras = learn_in_keras(x, y, start(8, seed=0), steps)
    pairs = zip(*(g(x, y, start(8, seed=0)) for g in (backward, tape_gradients)), strict=True)
    gap = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
    images, labels, probabilities = learn_digits(epochs=1 if fast else 30)

    draw_gates(neurons, weights, out / "gates.png")
    draw_learning(successes, starts, by_hand, by_keras, out / "learning.png")
    kerasdl.explain.predictions(images, labels, probabilities).savefig(out / "mistakes.png")
    plt.close("all")
    best = {gate: most for gate, (_, most) in neurons.items()}
    print(f"corners right: {best}; XOR learned, of {starts} starts, by width: {successes}")
    print(f"largest gap between our gradients and GradientTape's: {gap:.1e}")
    accuracy = (labels == probabilities.argmax(axis=-1)).mean()
    print(f"digits: {accuracy:.1%} of the test split right; figures in {out}")

    # the claim
    assert best["AND"] == best["OR"] == 4 > best["XOR"], best
    assert gap < 1e-6, gap
    np.testing.assert_allclose(by_hand, by_keras, atol=1e-4)
    if not fast:
        assert successes[8] == starts > 4 * successes[2], successes
        assert accuracy >= 0.93, accuracy


# %% [markdown]
# ## Exercises
# 1. Start with all weights zero. What do the gradients say, and why does nothing ever change?
# 2. Two hidden neurons can do XOR: find weights by hand. Why does the descent so seldom find them?
# 3. Leave out the ReLU. Which of the four pictures do you get, whatever the width, and why?
# 4. A line can have three corners of XOR right. Why does the perceptron's rule never find it?

# %%
if __name__ == "__main__":
    main()
