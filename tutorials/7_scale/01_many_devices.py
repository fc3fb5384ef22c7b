# %% [markdown]
# # Many devices: each computes a part of the batch
#
# **Claim.** Two devices that each compute half of every batch end with the weights of one device,
# within 1e-5, if three rules are followed. First, gradients are weighted by the size of their part;
# if they are weighted equally, they are wrong in the last, uneven batch. Second, they are averaged,
# not added; added, they double the learning rate. Third, batch normalization uses the statistics of
# the whole batch; with those of each half, the weights are off by more than a hundred times as
# much.
#
# With batches eight times as large there are an eighth of the steps. At the old learning rate the
# network then learns too little; at eight times the learning rate its accuracy is within two points
# of the original.
#
# **The idea.** The mean over a batch is the mean of the means over its parts, weighted by their
# sizes. The same holds for its gradient. To add up S bytes of gradients, a ring of n devices sends
# less than 2 S bytes from each. And k times as large a batch allows k times the learning rate:
#
# $$g = \sum_k \frac{B_k}{B} g_k \qquad \text{sent} = 2 \frac{n - 1}{n} S \qquad
# \eta_{kB} = k\, \eta_B$$
#
# Run it: `python tutorials/7_scale/01_many_devices.py` (20 seconds).
# The devices are virtual, two halves of a CPU, so nothing gets faster here; but the results are
# those that several GPUs would compute. You will see what happens when each rule is broken, how a
# ring adds up gradients, and how a network learns with large batches.

# %%
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import distribute
from kerasdl.formulas import data_parallel
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
BATCH, LEARNING_RATE = 32, 0.05


@functools.cache
def two_devices():
    return distribute.strategy("cpu:2")  # before TensorFlow computes anything


@functools.cache
def digits():
    return kerasdl.data.load("digits", validation=0, batch_size=BATCH)


def network(normalized):
    layers = keras.layers
    x = inputs = keras.Input(digits().info.shape)
    x = layers.Conv2D(16, 3, use_bias=not normalized)(x)
    x = layers.BatchNormalization()(x) if normalized else x
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def all_weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


# %% [markdown]
# ## A training step on several devices, by hand
# Each device takes its rows of the batch and computes their mean loss and its gradient. Then the
# gradients are combined by a rule. The last batch of an epoch contains the remaining examples: of 3
# rows, one device gets 1 and the other 2. The figure shows how far the weights are from those of
# one device.
#
# - Weighted by size: only rounding errors, which grow slowly.
# - Weighted equally: correct until the first uneven batch.
# - Added up: wrong from the first step.


# %%
def parts_of(rows, devices):
    return [slice(rows * d // devices, rows * (d + 1) // devices) for d in range(devices)]


def by_size(gradients, sizes):
    return sum(g * (size / sum(sizes)) for g, size in zip(gradients, sizes, strict=True))


def equally(gradients, sizes):
    return sum(gradients) / len(gradients)


def added_up(gradients, sizes):
    return sum(gradients)


RULES = {"weighted by size": by_size, "weighted equally": equally, "added up": added_up}


@tf.function
def gradients_of(model, x, y):
    with tf.GradientTape() as tape:
        loss = LOSS(y, model(x, training=True))
    return tape.gradient(loss, [v.value for v in model.trainable_variables])


def train(model, batches, epochs, devices=1, rule=by_size):
    """Plain gradient descent; all weights after every step."""
    path = []
    for x, y in batches * epochs:
        parts = parts_of(len(x), devices)
        found = [gradients_of(model, tf.constant(x[p]), tf.constant(y[p])) for p in parts]
        sizes = [p.stop - p.start for p in parts]
        for variable, *each in zip(model.trainable_variables, *found, strict=True):
            variable.assign_sub(LEARNING_RATE * rule(each, sizes))
        path.append(all_weights(model))
    return np.array(path)


def some_digits(fast):
    """Images and labels whose last batch has 3 rows, and epochs."""
    rows = (8 if fast else 20) * BATCH + 3
    x, y = next(digits().train.unbatch().batch(rows).as_numpy_iterator())
    return x, y, 1 if fast else 2


def three_rules(fast=False):
    two_devices()
    x, y, epochs = some_digits(fast)
    batches = [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(x), BATCH)]
    keras.utils.set_random_seed(0)
    model = network(normalized=False)
    start = model.get_weights()
    one = train(model, batches, epochs)
    distances = {}
    for name, rule in RULES.items():
        model.set_weights(start)
        path = train(model, batches, epochs, devices=2, rule=rule)
        distances[name] = np.abs(path - one).max(axis=1)
    print({name: f"{values[-1]:.1e}" for name, values in distances.items()})
    uneven = len(batches) - 1
    assert distances["weighted by size"][-1] < 1e-5, distances
    assert distances["weighted equally"][uneven - 1] < 1e-5 < distances["weighted equally"][uneven]
    assert distances["added up"][0] > 1e-4, distances["added up"]

    figure, axis = tutorial.panels(size=(7, 4))
    for name, values in distances.items():
        axis.semilogy(np.arange(len(values)) + 1, np.maximum(values, 1e-9), label=name)
    axis.axvline(uneven + 1, color="gray", linestyle=":", label="first uneven batch")
    axis.set(title="Two devices against one", xlabel="training step", ylim=(1e-9, 10))
    axis.set(ylabel="largest difference of a weight")
    axis.legend(title="gradients")
    return {"rules": figure}


# %%
tutorial.show(three_rules)

# %% [markdown]
# ## The ring
# If one device collected all gradients, it would have n times the work of the others. In a ring,
# the gradient is cut into n pieces. In each round, each device sends one piece to its neighbor,
# which adds its own piece to it. After n - 1 rounds each device holds one piece of the complete
# sum, and after n - 1 more rounds it holds all of them.


# %%
def ring(devices):
    """How many devices' gradients are in each piece, after each round."""
    held = np.ones((devices, devices), int)
    rounds = [held.copy()]
    for r in range(2 * devices - 2):
        moving = [held[k, (k - r) % devices] for k in range(devices)]
        for k in range(devices):
            piece = (k + 1) % devices, (k - r) % devices
            held[piece] = held[piece] + moving[k] if r < devices - 1 else moving[k]
        rounds.append(held.copy())
    return rounds


def add_up_in_a_ring(fast=False):
    rounds = ring(4)
    assert (rounds[-1] == 4).all()
    sums, sent = data_parallel.ring_all_reduce(np.eye(4))
    assert (sums == 1).all() and sent == data_parallel.ring_bytes(4, 4)

    title = "How many devices' gradients each piece contains"
    figure, axes = tutorial.panels(1, len(rounds), size=(1.9, 2.5), title=title)
    for r, (axis, held) in enumerate(zip(axes, rounds, strict=True)):
        axis.imshow(held, cmap="Blues", vmin=0, vmax=1.3 * len(held))
        for (device, piece), count in np.ndenumerate(held):
            axis.text(piece, device, count, ha="center", va="center")
        axis.set(title=f"round {r}", xticks=[], yticks=[], xlabel="piece")
    axes[0].set(ylabel="device")
    return {"ring": figure}


# %%
tutorial.show(add_up_in_a_ring)

# %% [markdown]
# ## The library: a strategy, and Keras's `fit`
# Under a strategy, `fit` divides the batches, weights the gradients by size and adds them up.
# `distribute.synchronize` makes batch normalization exchange its means and squares between the
# devices. Both work with any Keras 3 model.


# %%
def fitted(strategy, data, epochs, synchronized):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = network(normalized=True)
        model.compile(keras.optimizers.SGD(LEARNING_RATE), LOSS)
    if synchronized:
        distribute.synchronize(model)
    model.fit(data, epochs=epochs, shuffle=False, verbose=0)
    return all_weights(model)


def with_keras(fast=False):
    x, y, epochs = some_digits(fast)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    one = fitted(distribute.strategy("one"), data, epochs, synchronized=False)
    whole = fitted(two_devices(), data, epochs, synchronized=True)
    halves = fitted(two_devices(), data, epochs, synchronized=False)
    exact, apart = (float(np.abs(weights - one).max()) for weights in (whole, halves))
    print(f"`fit`, largest difference of a weight: {exact:.1e}")
    print(f"with batch normalization of each half: {apart:.1e}")
    assert exact < 1e-5, exact
    assert apart > 100 * exact, (apart, exact)


# %%
tutorial.show(with_keras)

# %% [markdown]
# ## More devices, larger batches
# A device is used efficiently if its part of the batch is large, so the batch grows with the number
# of devices. Then an epoch has fewer steps. But the gradient of a larger batch is less noisy, so
# each step may be longer, in proportion. At the start of training long steps would diverge, so the
# learning rate warms up.


# %%
def accuracy(epochs, times, learning_rate):
    batch = BATCH * times
    keras.utils.set_random_seed(0)
    model = network(normalized=True)
    parts = zip(*digits().train.as_numpy_iterator(), strict=True)
    x, y = (np.concatenate(part) for part in parts)
    steps = epochs * -(-len(x) // batch)
    warmup = {"warmup_target": learning_rate, "warmup_steps": steps // 10}
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 10, **warmup)
    model.compile(keras.optimizers.SGD(schedule), LOSS, metrics=["accuracy"])
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return model.evaluate(digits().test, verbose=0)[1]


def large_batches(fast=False):
    epochs = 1 if fast else 30
    ways = (1, LEARNING_RATE), (8, LEARNING_RATE), (8, 8 * LEARNING_RATE)
    right = [accuracy(epochs, times, learning_rate) for times, learning_rate in ways]
    names = [f"batch {BATCH * k}\nlearning rate {learning_rate:g}" for k, learning_rate in ways]
    for name, value in zip(names, right, strict=True):
        print(f"{name.replace(chr(10), ', ')}: accuracy {value:.1%}")
    if not fast:
        small, same, scaled = right
        assert scaled > small - 0.02 and same < small - 0.02, right

    figure, axis = tutorial.panels(size=(7, 3.4))
    bars = axis.barh(names, [100 * value for value in right])
    axis.bar_label(bars, fmt="%.1f", padding=3)
    axis.set(title="The same number of epochs", xlabel="accuracy on unseen digits, %")
    axis.set(xlim=(0, 110))
    axis.invert_yaxis()
    return {"batches": figure}


# %%
tutorial.show(large_batches)


# %%
def main(fast=False, out=pathlib.Path("out/01_many_devices")):
    sections = three_rules, add_up_in_a_ring, with_keras, large_batches
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. A loss that you average yourself (`tf.reduce_mean` in a `train_step`) breaks one of the rules.
#    Which? What would a `keras.losses.Loss` have done?
# 2. Dropout draws different numbers on each device. Which of the claims still hold, and how would
#    you test them?
# 3. Make the batch 64 times as large. Does the proportional learning rate still help?

# %%
if __name__ == "__main__":
    main()
