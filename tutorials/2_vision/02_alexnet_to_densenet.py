# %% [markdown]
# # From AlexNet to DenseNet: what each network added
#
# **Claim.** Thirty layers deep, a plain network's first layer gets less than a thousandth of the
# gradient that it gets with shortcuts. Batch normalization brings the gradient back, and still,
# after the same steps, the plain network's training loss is more than ten times the residual one's.
# The five ideas of 2012 to 2017 take a few lines each, and with less than half of AlexNet's weights
# the three youngest networks read at least 94 % of unseen digits after ten epochs.
#
# **The idea.** Each network removed what stood in the way of the next: AlexNet split its channels
# to fit the machine, VGG replaced large kernels by stacks of small ones, ResNet let the signal
# pass its layers, SE-Net let the image choose its channels, DenseNet kept everything.
#
# $$\text{ResNet:}\; H(x) = F(x) + x \qquad \text{SE:}\; s(x) \odot x \qquad
# \text{DenseNet:}\; x_n = H_n([x_0, \dots, x_{n-1}])$$
#
# Run it: `python tutorials/2_vision/02_alexnet_to_densenet.py` (45 seconds).
# You will see what
# reaches each layer of a plain and of a residual network, and five families side by side.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops

import kerasdl
from kerasdl.explain import counts
from kerasdl.formulas import convolution, normalization
from kerasdl.layers.local_response_normalization import LocalResponseNormalization

COUNT = convolution.convolution_parameters
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
FAMILIES = {
    "alexnet_tiny": "groups, LRN, dropout",
    "vgg_tiny": "stacks of 3x3",
    "resnet_tiny": "sum",
    "se_resnet_tiny": "sum, channel weights",
    "densenet_tiny": "concatenation",
}


def conv(filters, activation=None):
    return layers.Conv2D(filters, 3, padding="same", activation=activation)


# %% [markdown]
# ## The five ideas
# **Groups** (AlexNet, 2012): half of the filters see half of the channels; each half of the network
# had a graphics card of its own. Half of the weights, too. The same network lets neighbouring
# channels compete (`LocalResponseNormalization`), and it popularised ReLU and dropout, which
# one of the notes says it introduced.
#
# **Stacks** (VGG, 2014): two 3x3 kernels see as far as one 5x5, with 18 instead of 25 weights.


# %%
def grouped(x, filters, groups=2):
    parts = [conv(filters // groups)(part) for part in ops.split(x, groups, axis=-1)]
    return ops.concatenate(parts, axis=-1)


def stacked(x, filters, depth=2):
    for _ in range(depth):
        x = conv(filters, activation="relu")(x)
    return x


# %% [markdown]
# **Sum** (ResNet, 2015): a block learns what to change. Doing nothing is F = 0, and the gradient
# passes the sum whole. Two 3x3 convolutions are the *basic* block; a docstring in the notes calls
# them the bottleneck, which is 1x1, 3x3, 1x1.
#
# **Channel weights** (SE-Net, 2017): the image's mean decides how much each channel counts.
#
# **Concatenation** (DenseNet, 2017): keep all that was found, and find a little more.


# %%
def residual(x):
    return ops.relu(x + conv(x.shape[-1])(conv(x.shape[-1], activation="relu")(x)))


def squeeze_excite(x, ratio=4):
    squeezed = layers.GlobalAveragePooling2D()(x)  # (batch, channels)
    narrow = layers.Dense(x.shape[-1] // ratio, activation="relu")(squeezed)
    return x * layers.Dense(x.shape[-1], activation="sigmoid")(narrow)[:, None, None]


def dense(x, growth=4, depth=3):
    for _ in range(depth):
        x = ops.concatenate([x, conv(growth)(ops.relu(x))], axis=-1)
    return x


# %% [markdown]
# ## Thirty layers, with and without the sum
# Plain and residual differ by nothing but `x +`. Without normalization the signal dies on its way
# through the plain network and the gradient on its way back, so that no layer learns. With it every
# layer gets a gradient, but the first a hundred times the last one's. With the sum they are even.


# %%
def deep(shortcut, normalized, pairs):
    def layer(x):
        return layers.BatchNormalization()(conv(16)(x)) if normalized else conv(16)(x)

    inputs = keras.Input((8, 8, 1))
    x = ops.relu(layer(inputs))
    for _ in range(pairs):
        change = layer(ops.relu(layer(x)))
        x = ops.relu(x + change if shortcut else change)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def gradient_norms(model, images, labels):
    with tf.GradientTape() as tape:
        loss = LOSS(labels, model(images, training=True))
    kernels = [weight for weight in model.trainable_weights if len(weight.shape) == 4]
    return [float(tf.norm(gradient)) for gradient in tape.gradient(loss, kernels)]


def degradation(data, epochs, pairs):
    norms, losses, batch = {}, {}, next(iter(data.train))
    for name, shortcut in (("plain", False), ("residual", True)):
        kerasdl.set_seed(0)
        norms[name] = gradient_norms(deep(shortcut, False, pairs), *batch)
        model = deep(shortcut, True, pairs)
        norms[f"{name}, normalized"] = gradient_norms(model, *batch)
        model.compile("adam", LOSS)
        model.optimizer.build(model.trainable_variables)  # before `fit`, which else traces twice
        history = model.fit(data.train, epochs=epochs, shuffle=False, verbose=0).history
        losses[f"{name}, normalized"] = history["loss"]
    return norms, losses


# %% [markdown]
# ## Side by side
# The same data, steps and schedule for the library's small variants; its recipes train longer. One
# of the notes calls the multiply-adds FLOPs; there are two FLOPs in each.


# %%
def compare(names, data, epochs):
    rows, steps = {}, int(data.train.cardinality())
    for name in names:
        kerasdl.set_seed(0)
        model = kerasdl.create_model(name, num_classes=10, input_shape=data.info.shape)
        warmup = {"warmup_target": 3e-3, "warmup_steps": steps}
        rate = keras.optimizers.schedules.CosineDecay(0.0, epochs * steps, **warmup)
        model.compile(keras.optimizers.AdamW(rate, weight_decay=0.02), LOSS, metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        model.fit(data.train, epochs=epochs, shuffle=False, verbose=0)
        accuracy = model.evaluate(data.test, verbose=0)[1]
        rows[name] = counts.parameters(model).trainable, counts.macs(model), accuracy
    return rows


# %% [markdown]
# ## The pictures


# %%
def draw_degradation(norms, losses):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    for name, values in norms.items():
        colour = "tab:orange" if name.startswith("plain") else "tab:blue"
        style = "-" if name in losses else "--"
        left.semilogy(range(1, len(values) + 1), values, style, color=colour, label=name)
        if name in losses:
            epochs = range(1, len(losses[name]) + 1)
            right.semilogy(epochs, losses[name], "o-", color=colour)
    left.set(title="Gradient of each layer, before training", xlabel="layer", ylabel="norm")
    right.set(title="Training", xlabel="epoch", ylabel="training loss", xticks=epochs)
    left.legend()
    return figure


def draw_families(rows):
    weights, macs, accuracies = (np.array(column) for column in zip(*rows.values(), strict=True))
    panels = {
        "weights, thousands": weights / 1e3,
        "multiply-adds, millions": macs / 1e6,
        "misread digits, %": 100 * (1 - accuracies),
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        bars = axis.barh([f"{name}\n{FAMILIES[name]}" for name in rows], values)
        axis.bar_label(bars, fmt="{:.3g}", padding=3)
        axis.set(title=title, xticks=[], xlim=(0, 1.2 * max(values)))
    axes[0].invert_yaxis()
    return figure


# %%
def check_the_ideas():
    """What the text says of the five functions, and the formulas behind them."""

    def weights(idea):
        inputs = keras.Input((8, 8, 16))
        return keras.Model(inputs, idea(inputs)).count_params()

    x = np.random.default_rng(0).normal(size=(1, 8, 8, 16)).astype("float32")
    ours = normalization.local_response_normalization(x)
    np.testing.assert_allclose(ours, LocalResponseNormalization()(x), atol=1e-5)
    assert weights(lambda x: grouped(x, 32)) == COUNT(16, 32, 3, groups=2)
    assert weights(lambda x: stacked(x, 16)) == 2 * COUNT(16, 16, 3) < COUNT(16, 16, 5)
    assert convolution.receptive_field([(3, 1)] * 2) == 5
    shapes = [idea(x).shape for idea in (residual, squeeze_excite, dense)]
    assert shapes == [(1, 8, 8, 16), (1, 8, 8, 16), (1, 8, 8, 16 + 3 * 4)]


# %%
def main(fast=False, out=pathlib.Path("out/02_alexnet_to_densenet")):
    out.mkdir(parents=True, exist_ok=True)
    check_the_ideas()
    data = kerasdl.data.load("digits")
    norms, losses = degradation(data, *((1, 2) if fast else (5, 15)))
    rows = compare(["alexnet_tiny"] if fast else FAMILIES, data, epochs=1 if fast else 10)
    draw_degradation(norms, losses).savefig(out / "degradation.png", dpi=120)
    draw_families(rows).savefig(out / "families.png", dpi=120)
    plt.close("all")
    print({f"gradient at layer 1, {name}": f"{values[0]:.1e}" for name, values in norms.items()})
    print({f"training loss, {name}": round(values[-1], 3) for name, values in losses.items()})
    print(f"{'':16}{'weights':>9}{'multiply-adds':>15}{'accuracy':>10}")
    for name, (parameters, macs, accuracy) in rows.items():
        print(f"{name:16}{parameters:9,}{macs:15,}{accuracy:10.1%}")

    # the claim
    if not fast:
        assert norms["plain"][0] < norms["residual"][0] / 1000, norms
        assert losses["plain, normalized"][-1] > 10 * losses["residual, normalized"][-1], losses
        for name in ("resnet_tiny", "se_resnet_tiny", "densenet_tiny"):
            assert rows[name][0] < rows["alexnet_tiny"][0] / 2, rows
            assert rows[name][2] >= 0.94, rows


# %% [markdown]
# ## Exercises
# 1. By what factor does each pair of plain layers shrink the gradient? Try `he_normal` as well.
# 2. Put `squeeze_excite` at the end of each residual block of `deep`. What does it cost?
# 3. Set every convolution's weights in `residual` to 0. What does the block compute?
# 4. AlexNet and VGG have no batch normalization. Give them a third of the rate, or more epochs.

# %%
if __name__ == "__main__":
    main()
