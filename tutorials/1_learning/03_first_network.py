# %% [markdown]
# # The first network in Keras: from XOR to handwritten digits
#
# **Claim.** A few lines of Keras are the network of the last tutorial: from the same weights,
# `GradientTape` gives the gradients found by hand, and `fit` takes the same steps of gradient
# descent. The same kind of network with more inputs and outputs classifies at least 93 % of unseen
# handwritten digits correctly.
#
# **The idea.** A network for ten classes has ten outputs, one *logit* $z_k$ for each class. Softmax
# turns them into probabilities, and the loss is the cross-entropy of the right class y:
#
# $$p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} \qquad L = -\log p_y$$
#
# Everything else stays: forward pass, backward pass, a step against the gradient.
#
# Run it: `python tutorials/1_learning/03_first_network.py` (10 seconds).
# You will see two identical learning curves, a network that learns digits, and the digits that it
# gets wrong.

# %%
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl.formulas import activations, basics, losses
from kerasdl.utils import tutorial

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([[0], [1], [1], [0]])

# %% [markdown]
# ## The network of the last tutorial
# Now each *row* is an example, as in Keras. The library's formula has columns, so the code
# transposes on the way in and out.


# %%
def start(hidden, seed):
    """Random weights and zero biases: W1, b1, W2, b2."""
    normal = np.random.default_rng(seed).normal
    w1 = normal(0, np.sqrt(2 / 2), (2, hidden))
    w2 = normal(0, np.sqrt(2 / hidden), (hidden, 1))
    return [w1, np.zeros(hidden), w2, np.zeros(1)]


def forward(x, weights):
    w1, b1, w2, b2 = weights
    z1 = x @ w1 + b1  # (m, hidden)
    a1 = activations.relu(z1)
    return z1, a1, activations.sigmoid(a1 @ w2 + b2)  # (m, 1)


def gradients_by_hand(x, y, weights):
    z1, a1, a2 = forward(x, weights)
    slopes = basics.backpropagation(x.T, y.T, z1.T, a1.T, a2.T, weights[2].T)
    return [slope.T.reshape(w.shape) for slope, w in zip(slopes, weights, strict=True)]


def learn_by_hand(x, y, weights, steps, learning_rate=0.5):
    """The loss before each step of gradient descent."""
    history = []
    for _ in range(steps):
        history.append(losses.binary_cross_entropy(y, forward(x, weights)[-1]))
        slopes = gradients_by_hand(x, y, weights)
        weights = [w - learning_rate * slope for w, slope in zip(weights, slopes, strict=True)]
    return history


# %% [markdown]
# ## The same in Keras
# `Sequential` stacks layers; `Dense` is a layer in which each neuron sees all inputs. `compile`
# chooses how to take steps (SGD is gradient descent) and which loss to lower. `fit` repeats:
# forward, loss, backward, step.


# %%
def in_keras(weights):
    hidden = weights[0].shape[1]
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.set_weights(weights)  # instead of Keras's own random start
    return model


def gradients_by_tape(x, y, weights):
    model = in_keras(weights)
    with tf.GradientTape() as tape:
        loss = keras.losses.BinaryCrossentropy()(y, model(x))
    return tape.gradient(loss, model.trainable_weights)


def learn_in_keras(x, y, weights, steps, learning_rate=0.5):
    """The mean loss of each ten steps; each step sees all examples."""
    model = in_keras(weights)
    model.compile(keras.optimizers.SGD(learning_rate), loss="binary_crossentropy")
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    history = model.fit(data, steps_per_epoch=10, epochs=steps // 10, shuffle=False, verbose=0)
    return history.history["loss"]


def same_descent(fast=False):
    steps, weights = 50 if fast else 500, start(hidden=8, seed=0)
    pairs = zip(
        gradients_by_hand(CORNERS, XOR, weights),
        gradients_by_tape(CORNERS, XOR, weights),
        strict=True,
    )
    difference = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
    by_hand = learn_by_hand(CORNERS, XOR, weights, steps)
    by_hand = np.reshape(by_hand, (-1, 10)).mean(axis=1)
    by_keras = learn_in_keras(CORNERS, XOR, weights, steps)

    figure, axes = tutorial.panels(size=(6.5, 4))
    x = 10 * np.arange(len(by_hand)) + 5
    axes.plot(x, by_hand, color="tab:orange", linewidth=7, alpha=0.5, label="NumPy, by hand")
    tutorial.lines(axes, {"Keras": by_keras}, x, xlabel="step", ylabel="loss", color="black")
    axes.set_title("XOR: the same start, the same descent")

    print(f"largest difference between the gradients: {difference:.1e}")
    assert difference < 1e-6
    np.testing.assert_allclose(by_hand, by_keras, atol=1e-4)
    return figure


# %%
tutorial.show(same_descent)

# %% [markdown]
# ## Handwritten digits
# 1,797 images of 8x8 pixels, split into three parts. The network learns from the *training* part.
# The *validation* part shows during training how well it does on other images. The final result is
# that of the *test* part, which was not used for any decision.
#
# `kerasdl.create_model("mlp")` makes a network of dense layers (a multilayer perceptron), here with
# 64 inputs and 10 logits. The loss gets the logits and computes softmax and logarithm together
# (`from_logits=True`). That matters: a network that is very certain of a wrong class gives the
# correct class the probability 0 in 32 bits, and the logarithm of 0 is minus infinity. Computed
# together, $\log p_y = z_y - \log \sum_j e^{z_j}$ stays finite.


# %%
@functools.cache
def learn_digits(fast):
    kerasdl.set_seed(0)
    data = kerasdl.data.load("digits")
    model = kerasdl.create_model("mlp", num_classes=10, input_shape=data.info.shape)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    options = {"shuffle": False, "verbose": 0}  # the pipeline shuffles
    epochs = 1 if fast else 30
    history = model.fit(data.train, validation_data=data.validation, epochs=epochs, **options)
    images, labels = data.test.rebatch(data.info.counts["test"]).get_single_element()
    probabilities = keras.ops.softmax(model.predict(images, verbose=0))
    return history.history, images.numpy(), labels.numpy(), np.array(probabilities)


def digits(fast=False):
    history, images, labels, probabilities = learn_digits(fast)
    accuracy = np.mean(labels == probabilities.argmax(axis=-1))
    print(f"{accuracy:.1%} of {len(labels)} test digits are right")
    if not fast:
        assert accuracy >= 0.93

    figure, (left, right) = tutorial.panels(1, 2, title="The network learns digits")
    epochs = np.arange(1, len(history["loss"]) + 1)
    curves = {"training": history["loss"], "validation": history["val_loss"]}
    tutorial.lines(left, curves, epochs, xlabel="epoch", ylabel="loss")
    curves = {"training": history["accuracy"], "validation": history["val_accuracy"]}
    tutorial.lines(right, curves, epochs, xlabel="epoch", ylabel="fraction right")
    mistakes = kerasdl.explain.predictions(images, labels, probabilities)
    return {"digits": figure, "mistakes": mistakes}


# %%
tutorial.show(digits)

# %% [markdown]
# ## A certain mistake
# What is the loss when the network is very certain and wrong: logits 0 and 200, and the correct
# class is the first? It should be 200. Keras's loss from logits is correct. From probabilities in
# 32 bits the loss is infinite, and clipping them by a tiny 1e-15 first does not help if the
# probability is close to *one*: $1 - 10^{-15}$ is rounded to 1, and $\log(1 - 1)$ is minus
# infinity. (Keras clips by 1e-7, and so reports 16.)


# %%
def sure_mistake(fast=False):
    logits, right = np.array([[0.0, 200.0]], "float32"), np.array([0])
    together = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(right, logits)
    apart = keras.losses.SparseCategoricalCrossentropy()(right, activations.softmax(logits))
    print(f"loss of a sure mistake: {float(together):.0f} from logits, {float(apart):.0f} clipped")
    assert np.isclose(together, 200)
    assert float(apart) < 20
    assert np.float32(1 - 1e-15) == 1  # the clip is rounded away


# %%
tutorial.show(sure_mistake)

# %% [markdown]
# ## Exercises
# 1. Leave out the ReLU of the XOR network. What is the loss at the end, whatever the width?
# 2. Train the digits for 300 epochs. What do the two curves of the loss do?
# 3. Give `fit` labels in random order (`keras.random.shuffle`). What can the network still learn?


# %%
def main(fast=False, out=pathlib.Path("out/03_first_network")):
    tutorial.run(same_descent, digits, sure_mistake, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
