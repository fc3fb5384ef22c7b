# %% [markdown]
# # Vanishing and exploding gradients
#
# **Claim.** In a network of ten layers of sigmoids, the first layer gets less than a thousandth of
# the last layer's gradient, and the network learns nothing. With ReLU and He's weights, tanh and
# Xavier's, or SELU and LeCun's, it gets more than a twentieth. The same happens forward: after
# twenty layers, weights of 0.01 leave nothing of a signal, weights of 1 saturate nine of ten tanh
# units, and weights of the right size keep a tenth or more. Batch normalization (even with weights
# of 0.01) or skip connections let ten layers of sigmoids learn. Clipping by the norm keeps the
# direction of a gradient that explodes.
#
# **The idea.** On the way back each layer multiplies the gradient by its weights and its slope. A
# factor of 1/4, ten times over, is a millionth; a factor of 1.1, a hundred times over, is 13,781.
# So the factor must stay near 1. A sum of n independent terms has n times the variance of one term,
# so weights should have the variance 1/n, or 2/n for ReLU, which passes only half of the signal.
# ($\kappa$ is the part of the variance that the activation keeps: about 1 for tanh near 0, 1/2 for
# ReLU.)
#
# $$\frac{\partial L}{\partial h_0} = \frac{\partial L}{\partial h_L} \prod_l W_l f'(z_l) \qquad
# \mathrm{Var}(h_L) = (n\,\mathrm{Var}(w)\,\kappa)^L\, \mathrm{Var}(h_0) \qquad
# g \leftarrow g \min(1, \tau / |g|)$$
#
# Run it: `python tutorials/1_learning/05_vanishing_gradients.py` (25 seconds).
# You will see a signal pass through twenty layers, gradients come back through ten, what helps, and
# two ways to clip a gradient that explodes.

# %%
import functools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl import callbacks
from kerasdl.formulas import activations, gradients, initializers
from kerasdl.utils import tutorial

# %% [markdown]
# ## Forward: how a signal changes from layer to layer
# Twenty layers of 256 units without biases; the inputs have the standard deviation 1. Each row of
# the table has another standard deviation of the weights, for n inputs and n outputs:
#
# - *Xavier* (Glorot): $\sqrt{2 / (n_\text{in} + n_\text{out}})$, for tanh
# - *He*: $\sqrt{2 / n_\text{in}}$, for ReLU
# - *LeCun*: $\sqrt{1 / n_\text{in}}$, for SELU

# %%
INITIALIZATIONS = {  # name: activation, deviation of a weight for n inputs and outputs
    "tanh, zeros": (np.tanh, lambda n: 0.0),
    "tanh, 0.01": (np.tanh, lambda n: 0.01),
    "tanh, 1": (np.tanh, lambda n: 1.0),
    "tanh, Xavier": (np.tanh, lambda n: (2 / (n + n)) ** 0.5),
    "ReLU, Xavier": (activations.relu, lambda n: (2 / (n + n)) ** 0.5),
    "ReLU, He": (activations.relu, lambda n: (2 / n) ** 0.5),
    "SELU, LeCun": (activations.selu, lambda n: (1 / n) ** 0.5),
}


def outputs(f, deviation, layers=20, n=256):
    """The outputs of each layer, the input first."""
    random = np.random.default_rng(0)
    h = [random.normal(size=(200, n))]
    for _ in range(layers):
        h.append(f(h[-1] @ random.normal(scale=deviation(n), size=(n, n))))
    return h


def forward(fast=False):
    signals = {name: outputs(*way) for name, way in INITIALIZATIONS.items()}
    figure, (left, middle, right) = tutorial.panels(1, 3, size=(4.8, 4))
    deviations = {
        name: [max(layer.std(), 1e-18) for layer in layers] for name, layers in signals.items()
    }
    names = {"xlabel": "layer", "ylabel": "deviation of its outputs"}
    fading = {name: v for name, v in deviations.items() if v[-1] < 0.01}
    tutorial.lines(left, fading, title="Signals that fade", **names)
    left.set(yscale="log", ylim=(1e-18, 1e2))
    lasting = {name: v for name, v in deviations.items() if name not in fading}
    tutorial.lines(middle, lasting, title="Signals that last", **names)
    middle.set_ylim(0, 1.1)
    bins = np.linspace(-1, 1, 41)
    for name in ("tanh, 0.01", "tanh, 1", "tanh, Xavier"):
        right.hist(signals[name][-1].ravel(), bins, alpha=0.5, label=name)
    right.set(title="tanh, the twentieth layer", xlabel="output", ylabel="how many")
    right.set(yscale="log", ylim=(0.5, 3e5))
    right.legend(ncols=3, loc="upper center", fontsize=8)

    left_over = {name: float(layers[-1].std()) for name, layers in signals.items()}
    at_the_ends = float((abs(signals["tanh, 1"][-1]) > 0.9).mean())
    print("deviation after twenty layers:", {n: f"{v:.2g}" for n, v in left_over.items()})
    print(f"tanh units beyond 0.9 with weights of 1: {at_the_ends:.0%}")
    assert left_over["tanh, 0.01"] < 1e-15 and left_over["ReLU, Xavier"] < 0.002
    assert at_the_ends > 0.9
    assert min(left_over[name] for name in ("tanh, Xavier", "ReLU, He", "SELU, LeCun")) > 0.1
    foretold = initializers.variance_after(20, 256, 1e-4) ** 0.5  # the formula above, kappa = 1
    assert abs(left_over["tanh, 0.01"] / foretold - 1) < 0.1
    return figure


# %%
tutorial.show(forward)

# %% [markdown]
# Frameworks differ in their default. Keras's Dense layer starts with Xavier's weights: a deviation
# of 0.044 for 784 inputs and 256 outputs, drawn evenly up to 0.076. PyTorch's Linear draws evenly
# up to $1 / \sqrt n$, here 0.036. He's would go up to 0.087. None of them suits all activations, so
# choose the initializer that suits yours.


# %%
def keras_default(fast=False):
    largest = np.abs(keras.initializers.GlorotUniform(0)((784, 256))).max()
    print(f"largest of Xavier's weights for 784 inputs and 256 outputs: {largest:.3f}")
    np.testing.assert_allclose(largest, initializers.xavier_limit(784, 256), rtol=1e-3)


# %%
tutorial.show(keras_default)

# %% [markdown]
# ## All weights zero
# Why random weights at all? If all weights are zero, all hidden neurons give the same output, get
# the same gradient, and remain equal for ever. The network below never does better than guessing on
# XOR: its loss stays ln 2.


# %%
def zero_weights(fast=False):
    model = keras.Sequential([keras.Input((2,))])
    for units, activation in ((8, "tanh"), (1, None)):
        model.add(keras.layers.Dense(units, activation, kernel_initializer="zeros"))
    model.compile(keras.optimizers.SGD(0.5), keras.losses.BinaryCrossentropy(from_logits=True))
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 1, 1, 0], "float32")
    for _ in range(100):
        loss = float(model.train_on_batch(x, y[:, None]))
    kernel = model.get_weights()[0]
    difference = float(np.abs(kernel - kernel[:, :1]).max())
    print(f"zero weights on XOR: loss {loss:.6f}; hidden neurons differ by {difference}")
    assert difference == 0 and abs(loss - np.log(2)) < 1e-6


# %%
tutorial.show(zero_weights)

# %% [markdown]
# ## Backward: the gradient of each layer
# Ten layers of 64 units learn digits. The library's callback `GradientHealth` records the norm of
# each layer's gradient while `fit` runs. The list contains two remedies for sigmoids:
#
# - *Batch normalization* gives each unit's sum z the mean 0 and the variance 1 over the batch,
#   where the sigmoid is steepest, for any size of the weights (tutorial 10).
# - A *skip connection* adds the layer's input to its output, $h + f(z)$. The slope of that is
#   $1 + f'$, so the gradient always passes the layer.


# %%
def network(activation, initializer, batch_norm=False, skip=False, depth=10):
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(x)
    for number in range(depth):
        before = x
        name, options = f"layer_{number + 1}", {"kernel_initializer": initializer}
        x = keras.layers.Dense(64, use_bias=not batch_norm, name=name, **options)(x)
        if batch_norm:
            x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation(activation)(x)
        if skip:
            x = keras.layers.Add()([before, x])
    return keras.Model(inputs, keras.layers.Dense(10)(x))


SMALL = "random normal, 0.01"
CASES = {  # name: activation, initial weights, and what else
    "sigmoid, Xavier": ("sigmoid", "glorot_normal", {}),
    "sigmoid, 0.01": ("sigmoid", SMALL, {}),
    "tanh, Xavier": ("tanh", "glorot_normal", {}),
    "ReLU, He": ("relu", "he_normal", {}),
    "SELU, LeCun": ("selu", "lecun_normal", {}),
    "sigmoid, 0.01, batch norm": ("sigmoid", SMALL, {"batch_norm": True}),
    "sigmoid, Xavier, skip": ("sigmoid", "glorot_normal", {"skip": True}),
}
BAD = "sigmoid, Xavier", "sigmoid, 0.01"


@functools.cache
def train(name, fast):
    """Norms of the layers' gradients at the first step, the loss by epoch, and their labels."""
    activation, initializer, options = CASES[name]
    kerasdl.set_seed(0)
    if initializer == SMALL:
        initializer = keras.initializers.RandomNormal(stddev=0.01)
    model = network(activation, initializer, **options)
    data = kerasdl.data.load("digits", validation=0, batch_size=32).train
    health = callbacks.GradientHealth(every=5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.03), loss)
    data, epochs = (data.take(1), 1) if fast else (data, 15)
    history = model.fit(data, epochs=epochs, shuffle=False, verbose=0, callbacks=[health]).history
    norms = np.array([health.norms[f"layer_{number}"][0] for number in range(1, 11)])
    labels = {label for layer, label in health.labels().items() if layer.startswith("layer")}
    return norms, history["loss"], labels


def backward(fast=False):
    names = [*CASES][: 1 if fast else None]
    relative, losses = {}, {}
    for name in names:
        norms, losses[name], labels = train(name, fast)
        relative[name] = norms / norms[-1]
        print(
            f"{name}: first / tenth {relative[name][0]:.2g}, {labels}, loss {losses[name][-1]:.3f}"
        )
    # one row for learning networks and one for the others, so that no line hides another
    rows = {"Nothing comes back": BAD, "Gradients come back": [n for n in CASES if n not in BAD]}
    figure, axes = tutorial.panels(2, 2, size=(6, 3.6))
    for (left, right), (title, chosen) in zip(axes, rows.items(), strict=True):
        chosen = [name for name in chosen if name in names]
        x = np.arange(1, 11)
        ratios = {name: relative[name] for name in chosen}
        options = {"marker": "o", "ms": 4}
        ylabel = "gradient / that of layer 10"
        tutorial.lines(left, ratios, x, xlabel="layer", ylabel=ylabel, title=title, **options)
        x = np.arange(1, len(losses[names[0]]) + 1)
        each = {name: losses[name] for name in chosen}
        tutorial.lines(right, each, x, xlabel="epoch", ylabel="training loss", **options)
        right.axhline(np.log(10), color="grey", linestyle=":")
        right.set_title("Loss (dotted: guessing)")
        left.set(yscale="log", ylim=(1e-16, 10) if title == "Nothing comes back" else (0.02, 5))
        right.set(yscale="log", ylim=(0.005, 15))

    for name in names:
        ratio, last = relative[name][0], losses[name][-1]
        assert ratio < 1e-3 if name in BAD else ratio > 0.05, (name, ratio)
        assert fast or (last > 2.2 if name in BAD else last < 1.5), (name, last)
    return figure


# %%
tutorial.show(backward)

# %% [markdown]
# ## Exploding gradients, and clipping
# In a recurrent network each step multiplies the state by the same matrix U, and the gradient on
# its way back by $U^\top$. If U turns vectors and stretches all of them by 1.1 (all its eigenvalues
# have the size 1.1), fifty steps multiply their length by 117; if it shrinks them by 0.9, by 0.005.
#
# The usual remedy for an explosion is to clip the gradient before each step:
#
# - *by value*: each number on its own. That changes the direction of the gradient.
# - *by norm*: the whole gradient gets shorter and keeps its direction.
#
# In Keras, `clipvalue` is the first. `clipnorm` clips each variable on its own, so that the
# gradient of all variables together does turn; `global_clipnorm` keeps its direction.


# %%
def through_time(size, steps=50):
    """Norms of the gradient, from the last step to the first; U turns and stretches by `size`."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    gradient, norms = np.eye(8)[0], []
    for _ in range(steps + 1):
        norms.append(np.linalg.norm(gradient))
        gradient = size * turn.T @ gradient
    return np.array(norms)


def clip_by_value(g, limit):
    return np.clip(g, -limit, limit)


def clip_by_norm(g, limit):
    return g * min(1, limit / np.linalg.norm(g))


def clipping(fast=False):
    figure, (left, right) = tutorial.panels(1, 2, title="Exploding and clipping", size=(6, 4))
    norms = {f"stretched by {size}": through_time(size) for size in (1.1, 1.0, 0.9)}
    names = {"xlabel": "steps back", "ylabel": "norm of the gradient"}
    tutorial.lines(left, norms, title="A gradient on its way back through time", **names)
    left.set_yscale("log")

    g = np.array([2.0, 0.6])
    arrows = {
        "gradient": (g, "lightgrey"),
        "clipped by value, 1": (clip_by_value(g, 1), "tab:orange"),
        "clipped by norm, 1": (clip_by_norm(g, 1), "tab:blue"),
    }
    for name, (arrow, color) in arrows.items():
        options = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
        right.quiver(0, 0, *arrow, color=color, label=name, **options)
    right.set(xlim=(-0.1, 2.2), ylim=(-0.3, 1.3), aspect="equal")  # equal: directions are true
    right.set(title="Only the norm keeps the direction", xlabel="g1", ylabel="g2")
    right.legend(fontsize=8, loc="upper left")

    np.testing.assert_allclose(
        norms["stretched by 1.1"], gradients.through_layers(1.1, np.arange(51))
    )
    g = np.array([4.0, 1.0])
    np.testing.assert_allclose(clip_by_norm(g, 1), gradients.clip_by_norm(g, 1))
    np.testing.assert_allclose(clip_by_norm(g, 1), g / 17**0.5)
    np.testing.assert_allclose(clip_by_value(g, 1), [1, 1])
    return figure


# %%
tutorial.show(clipping)

# %% [markdown]
# ## Exercises
# 1. Give ten layers of tanh weights of 1. What happens to the gradients, and by which factor?
# 2. How deep can the sigmoid's network be, with Xavier's weights, and still learn in 15 epochs?
# 3. Take ReLU with Xavier's weights. By what factor does the signal fall in a layer, and why?
# 4. U = [[0, 2], [0, 0]] has the singular value 2. What becomes of a gradient that it multiplies?


# %%
def main(fast=False, out=pathlib.Path("out/05_vanishing_gradients")):
    sections = forward, keras_default, zero_weights, backward, clipping
    tutorial.run(*sections, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
