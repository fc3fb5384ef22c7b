# %% [markdown]
# # Many devices: each a part of the batch, together the same step
#
# **Claim.** Two devices that compute half of every batch each end with the weights of one, within
# 1e-5, if three rules are kept. Gradients count by the size of their part: counted alike they are
# wrong in the last, uneven batch, and added up they double the rate. And batch normalisation looks
# at the whole batch: by halves, its statistics are off by more than a hundred times as much.
# Batches eight times as large make an eighth of the steps: at the old rate the network learns too
# little, at eight times the rate as much as before, within two points.
#
# **The idea.** A mean over a batch is the mean of the means over its parts, weighted by size. So is
# its gradient. Added up by a ring, it costs each of n devices less than 2 S sent for S bytes:
#
# $$g = \sum_k \frac{B_k}{B} g_k \qquad \text{sent} = 2 \frac{n - 1}{n} S \qquad
# \eta_{kB} = k\, \eta_B$$
#
# Run it: `python tutorials/7_scale/01_many_devices.py` (20 seconds).
# The devices are virtual, two halves of
# a CPU, so nothing is faster here; what is computed is what several GPUs would compute. You will
# see the ring at work, what breaks each rule, and large batches learn.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import distribute
from kerasdl.formulas import data_parallel

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
BATCH, RATE = 32, 0.05

# %% [markdown]
# ## A step of several, by hand
# Each device takes its rows and computes the mean loss over them and its gradient. What is then
# done with the gradients is the rule. The last batch of an epoch is what is left: of 3 rows one
# device gets 1 and the other 2.


# %%
def parts_of(rows, devices):
    return [slice(rows * d // devices, rows * (d + 1) // devices) for d in range(devices)]


def by_size(gradients, sizes):
    return sum(g * (size / sum(sizes)) for g, size in zip(gradients, sizes, strict=True))


def all_alike(gradients, sizes):
    return sum(gradients) / len(gradients)


def added_up(gradients, sizes):
    return sum(gradients)


RULES = {"by size": by_size, "all alike": all_alike, "added up": added_up}


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
            variable.assign_sub(RATE * rule(each, sizes))
        path.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    return np.array(path)


# %% [markdown]
# ## The ring
# Nobody collects the gradients: that one would have n times the work. Each device passes one piece
# of n to its neighbour, which adds its own; after n - 1 rounds each holds one piece of the whole
# sum, and after n - 1 more rounds all of them.


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


def draw_ring(rounds):
    figure, axes = plt.subplots(1, len(rounds), figsize=(13, 2.6), layout="constrained")
    for r, (axis, held) in enumerate(zip(axes, rounds, strict=True)):
        axis.imshow(held, cmap="Blues", vmin=0, vmax=1.3 * len(held))
        for (device, piece), count in np.ndenumerate(held):
            axis.text(piece, device, count, ha="center", va="center")
        axis.set(title=f"round {r}", xticks=[], yticks=[])
    axes[0].set(ylabel="device", xlabel="piece of the gradient")
    figure.suptitle("How many devices' gradients a piece holds")
    return figure


# %% [markdown]
# ## The library: a strategy, then Keras's `fit`
# Under a strategy `fit` cuts the batches, counts the parts by size and adds up the gradients.
# `synchronize` lets batch normalisation exchange its means and squares between the devices. Both
# work with any Keras 3 model.


# %%
def network(shape, normalised):
    layers = keras.layers
    x = inputs = keras.Input(shape)
    x = layers.Conv2D(16, 3, use_bias=not normalised)(x)
    x = layers.BatchNormalization()(x) if normalised else x
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def fitted(strategy, shape, data, epochs, synchronized):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = network(shape, normalised=True)
        model.compile(keras.optimizers.SGD(RATE), LOSS)
    if synchronized:
        distribute.synchronize(model)
    model.fit(data, epochs=epochs, shuffle=False, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


# %% [markdown]
# ## More devices, larger batches
# Devices that are to be busy want large parts, so the batch grows with their number. The steps of
# an epoch become fewer, and their gradients less noisy: each may be longer, in proportion. At the
# start long steps would lead nowhere: the rate warms up.


# %%
def accuracy(data, epochs, times, rate):
    batch = BATCH * times
    keras.utils.set_random_seed(0)
    model = network(data.info.shape, normalised=True)
    x, y = (np.concatenate(part) for part in zip(*data.train.as_numpy_iterator(), strict=True))
    steps = epochs * -(-len(x) // batch)
    warm = {"warmup_target": rate, "warmup_steps": steps // 10}
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - steps // 10, **warm)
    model.compile(keras.optimizers.SGD(schedule), LOSS, metrics=["accuracy"])
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return model.evaluate(data.test, verbose=0)[1]


def draw_rules(distances):
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, values in distances.items():
        axis.semilogy(np.maximum(values, 1e-9), label=name)
    axis.set(xlabel="step", title="Largest distance of a weight from one device's", ylim=(1e-9, 10))
    axis.legend(title="two devices; gradients")
    return figure


def draw_batches(table):
    figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
    bars = axis.barh([*table], [100 * value for value in table.values()])
    axis.bar_label(bars, fmt="%.1f", padding=3)
    axis.set(xlabel="read right after the same epochs, %", xlim=(0, 110))
    return figure


def main(fast=False, out=pathlib.Path("out/01_many_devices")):
    strategy = distribute.strategy("cpu:2")  # before anything else is computed
    out.mkdir(parents=True, exist_ok=True)
    data = kerasdl.data.load("digits", validation=0, batch_size=BATCH)
    epochs, shape = (1, 2)[not fast], data.info.shape
    rows = 8 * BATCH + 3 if fast else 20 * BATCH + 3
    x, y = next(data.train.unbatch().batch(rows).as_numpy_iterator())
    batches = [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, rows, BATCH)]
    keras.utils.set_random_seed(0)
    model = network(shape, normalised=False)
    start = model.get_weights()
    one = train(model, batches, epochs)
    distances = {}
    for name, rule in RULES.items():
        model.set_weights(start)
        path = train(model, batches, epochs, devices=2, rule=rule)
        distances[name] = np.abs(path - one).max(axis=1)
    whole = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    alone = fitted(distribute.strategy("one"), shape, whole, epochs, synchronized=False)
    together = fitted(strategy, shape, whole, epochs, synchronized=True)
    halves = fitted(strategy, shape, whole, epochs, synchronized=False)
    exact, apart = (float(np.abs(w - alone).max()) for w in (together, halves))
    long = 1 if fast else 30
    table = {
        f"batch {BATCH}, rate {RATE:g}": accuracy(data, long, 1, RATE),
        f"batch {8 * BATCH}, rate {RATE:g}": accuracy(data, long, 8, RATE),
        f"batch {8 * BATCH}, rate {8 * RATE:g}": accuracy(data, long, 8, 8 * RATE),
    }
    rounds = ring(4)
    draw_ring(rounds).savefig(out / "ring.png", dpi=120)
    draw_rules(distances).savefig(out / "rules.png", dpi=120)
    draw_batches(table).savefig(out / "batches.png", dpi=120)
    plt.close("all")
    last = {name: float(values[-1]) for name, values in distances.items()}
    print("distance of two devices' weights from one's, by hand:", last)
    print(f"of fit's: {exact:.1e}; with batch normalisation by halves: {apart:.1e}")
    print("read right:", {name: round(value, 4) for name, value in table.items()})

    # the claim
    first_uneven = len(batches) - 1
    assert last["by size"] < 1e-5 and exact < 1e-5, (last, exact)
    alike = distances["all alike"]
    assert alike[first_uneven - 1] < 1e-5 < alike[first_uneven], alike
    assert distances["added up"][0] > 1e-4, distances["added up"]
    assert apart > 100 * exact, (apart, exact)
    assert (rounds[-1] == 4).all()
    sums, sent = data_parallel.ring_all_reduce(np.eye(4))
    assert (sums == 1).all() and sent == data_parallel.ring_bytes(4, 4)
    if not fast:
        small, same, scaled = table.values()
        assert scaled > small - 0.02 and same < small - 0.02, table


# %% [markdown]
# ## Exercises
# 1. A loss that you average yourself (`tf.reduce_mean` in a `train_step`) breaks one of the rules.
#    Which, and what would `keras.losses.Loss` have done?
# 2. Dropout draws other numbers on each device. Which of the claims still hold, and how would you
#    test them?
# 3. Make the batch 64 times as large. Does eight times the rate of the last bar still help?

# %%
if __name__ == "__main__":
    main()
