# %% [markdown]
# # From AlexNet to DenseNet: what each network added
#
# **Claim.** Thirty layers deep, the first layer of a plain network gets less than a thousandth of
# the gradient that it gets with shortcuts. Batch normalization restores the gradient. Still, after
# the same number of steps, the plain network's training loss is more than ten times the residual
# network's. The five ideas of 2012 to 2017 take a few lines each. The three youngest networks have
# less than half of AlexNet's weights, and after ten epochs they classify at least 94 % of unseen
# digits correctly.
#
# **The idea.** Each network removed an obstacle of earlier ones. AlexNet split its channels to fit
# on two graphics cards. VGG replaced large kernels by stacks of small ones. ResNet lets the signal
# bypass layers. SE-Net weights the channels depending on the image. DenseNet keeps the output of
# every layer.
#
# $$\text{ResNet:}\; H(x) = F(x) + x \qquad \text{SE:}\; s(x) \odot x \qquad
# \text{DenseNet:}\; x_n = H_n([x_0, \dots, x_{n-1}])$$
#
# Run it: `python tutorials/2_vision/02_alexnet_to_densenet.py` (70 seconds).
# You will see how much gradient reaches each layer of a plain and of a residual network, and five
# families side by side.

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
from kerasdl.layers import LocalResponseNormalization
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def conv(filters, activation=None):
    return layers.Conv2D(filters, 3, padding="same", activation=activation)


# %% [markdown]
# ## AlexNet (2012): groups
# Half of the filters read half of the channels, and the other half reads the rest. AlexNet did this
# because each of its two graphics cards had room for one half of the network. A layer of two groups
# has half of the weights.
#
# AlexNet also lets neighboring channels compete (local response normalization, which batch
# normalization has replaced), and it made ReLU and dropout popular; both existed before.


# %%
def grouped(x, filters, groups=2):
    parts = [conv(filters // groups)(part) for part in ops.split(x, groups, axis=-1)]
    return ops.concatenate(parts, axis=-1)


# %% [markdown]
# ## VGG (2014): stacks
# Two 3x3 kernels have the receptive field of one 5x5 kernel, with 18 weights instead of 25, and
# there is an activation between them.


# %%
def stacked(x, filters, depth=2):
    for _ in range(depth):
        x = conv(filters, activation="relu")(x)
    return x


# %% [markdown]
# ## ResNet (2015): the sum
# A block learns what to change in its input. To change nothing, it sets F to 0. On the way back,
# the gradient passes through the sum unchanged. Two 3x3 convolutions make the *basic* block; the
# *bottleneck* block of deeper ResNets has a 1x1, a 3x3 and a 1x1 convolution.


# %%
def residual(x):
    change = conv(x.shape[-1])(conv(x.shape[-1], activation="relu")(x))
    return ops.relu(x + change)


# %% [markdown]
# ## SE-Net (2017): a weight for each channel
# Squeeze: the mean of each channel over the image. Excite: two small dense layers turn these means
# into a number between 0 and 1 for each channel. The channel is multiplied by it.


# %%
def squeeze_excite(x, ratio=4):
    squeezed = layers.GlobalAveragePooling2D()(x)  # (batch, channels)
    narrow = layers.Dense(x.shape[-1] // ratio, activation="relu")(squeezed)
    weights = layers.Dense(x.shape[-1], activation="sigmoid")(narrow)
    return x * weights[:, None, None]


# %% [markdown]
# ## DenseNet (2017): concatenation
# Each layer reads the outputs of all layers before it and adds a few channels of its own.


# %%
def dense(x, growth=4, depth=3):
    for _ in range(depth):
        x = ops.concatenate([x, conv(growth)(ops.relu(x))], axis=-1)
    return x


# %% [markdown]
# The five functions have the sizes that the text states.

# %%
COUNT = convolution.convolution_parameters


def check_the_ideas(fast=False):
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
tutorial.show(check_the_ideas)

# %% [markdown]
# ## Thirty layers, with and without the sum
# The plain and the residual network differ only by `x +`. Without normalization the signal shrinks
# from layer to layer of the plain network, and the gradient shrinks on its way back, so that no
# layer learns. With batch normalization each layer gets a gradient, but the first layer's is a
# hundred times as large as the last layer's. With the sum the gradients have similar sizes, and
# training is far faster.


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


def plain_and_residual(fast=False):
    data = kerasdl.data.load("digits")
    batch = next(iter(data.train))
    epochs, pairs = (1, 2) if fast else (5, 15)
    norms, losses = {}, {}
    for name, shortcut in (("plain", False), ("residual", True)):
        kerasdl.set_seed(0)
        norms[name] = gradient_norms(deep(shortcut, False, pairs), *batch)
        model = deep(shortcut, True, pairs)
        norms[f"{name}, normalized"] = gradient_norms(model, *batch)
        model.compile("adam", LOSS)
        model.optimizer.build(model.trainable_variables)  # before `fit`, which else traces twice
        history = model.fit(data.train, epochs=epochs, shuffle=False, verbose=0).history
        losses[f"{name}, normalized"] = history["loss"]
    print({f"gradient at layer 1, {name}": f"{values[0]:.1e}" for name, values in norms.items()})
    print({f"training loss, {name}": round(values[-1], 3) for name, values in losses.items()})
    if not fast:
        assert norms["plain"][0] < norms["residual"][0] / 1000, norms
        assert losses["plain, normalized"][-1] > 10 * losses["residual, normalized"][-1], losses

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.8))
    for name, values in norms.items():
        color = "tab:orange" if name.startswith("plain") else "tab:blue"
        style = "-" if name in losses else "--"
        left.semilogy(range(1, len(values) + 1), values, style, color=color, label=name)
        if name in losses:
            epoch = range(1, epochs + 1)
            right.semilogy(epoch, losses[name], "o-", color=color, label=name)
    left.set(title="Gradient before training", xlabel="layer", ylabel="norm of the gradient")
    right.set(title="Training", xlabel="epoch", ylabel="training loss", xticks=epoch)
    left.legend()
    right.legend()
    return {"degradation": figure}


# %%
tutorial.show(plain_and_residual)

# %% [markdown]
# ## Five families side by side
# The library's small variant of each family, with the same data, number of steps and learning rate
# schedule. The middle panel counts multiply-adds. One multiply-add is two floating-point
# operations, so the FLOPs are twice as many.

# %%
FAMILIES = {
    "alexnet_tiny": "groups, LRN, dropout",
    "vgg_tiny": "stacks of 3x3",
    "resnet_tiny": "sum",
    "se_resnet_tiny": "sum, channel weights",
    "densenet_tiny": "concatenation",
}


def train(name, data, epochs):
    kerasdl.set_seed(0)
    steps = int(data.train.cardinality())
    model = kerasdl.create_model(name, num_classes=10, input_shape=data.info.shape)
    learning_rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * steps, warmup_target=3e-3, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=0.02)
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    model.fit(data.train, epochs=epochs, shuffle=False, verbose=0)
    return model


def side_by_side(fast=False):
    data, rows = kerasdl.data.load("digits"), {}
    print(f"{'':16}{'weights':>9}{'multiply-adds':>15}{'accuracy':>10}")
    for name in ["alexnet_tiny"] if fast else FAMILIES:
        model = train(name, data, epochs=1 if fast else 10)
        accuracy = model.evaluate(data.test, verbose=0)[1]
        size = counts.parameters(model).trainable
        macs = counts.macs(model)
        rows[name] = size, macs, accuracy
        print(f"{name:16}{size:9,}{macs:15,}{accuracy:10.1%}")
    if not fast:
        for name in ("resnet_tiny", "se_resnet_tiny", "densenet_tiny"):
            assert rows[name][0] < rows["alexnet_tiny"][0] / 2, rows
            assert rows[name][2] >= 0.94, rows

    sizes, macs, accuracies = (np.array(column) for column in zip(*rows.values(), strict=True))
    panels = {
        "weights, thousands": sizes / 1e3,
        "multiply-adds, millions": macs / 1e6,
        "test errors, %": 100 * (1 - accuracies),
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        bars = axis.barh([f"{name}\n{FAMILIES[name]}" for name in rows], values)
        axis.bar_label(bars, fmt="{:.3g}", padding=3)
        axis.set(title=title, xticks=[], xlim=(0, 1.2 * max(values)))
    axes[0].invert_yaxis()
    return {"families": figure}


# %%
tutorial.show(side_by_side)


# %%
def main(fast=False, out=pathlib.Path("out/02_alexnet_to_densenet")):
    tutorial.run(check_the_ideas, plain_and_residual, side_by_side, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. By what factor does each pair of plain layers shrink the gradient? Try `he_normal` as well.
# 2. Put `squeeze_excite` at the end of each residual block of `deep`. How many weights does it add?
# 3. Set every convolution's weights in `residual` to 0. What does the block compute?
# 4. AlexNet and VGG have no batch normalization. Give them a third of the learning rate, or more
#    epochs. Do they catch up?

# %%
if __name__ == "__main__":
    main()
