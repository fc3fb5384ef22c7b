# %% [markdown]
# # Activations: what a neuron passes on, and what it can still learn
#
# **Claim.** The slope of the sigmoid is at most 1/4, and 0.0025 at 6. A network with six hidden
# layers of sigmoids learns nothing in the time in which tanh, ReLU and its relatives bring the loss
# below a third of that of guessing. A ReLU that is negative for every example never changes again.
# Leaky ReLUs recover from there; ELU and Swish do not if they are far off, because their slopes
# vanish too. Softmax needs an axis and a subtraction: without them its rows do not sum to 1, or
# become NaN.
#
# **The idea.** A neuron passes on $f(z)$. Backpropagation multiplies the gradient by the slope
# $f'(z)$. So look at the slope first: where it is almost 0 the neuron is *saturated*, and almost no
# gradient passes through it, neither to its own weights nor to the layers before.
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}} \qquad \sigma' = \sigma (1 - \sigma) \qquad
# \tanh' = 1 - \tanh^2 \qquad \mathrm{softmax}_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$
#
# Run it: `python tutorials/1_learning/04_activations.py` (30 seconds).
# You will see eight activations with their slopes, a unit that dies and others that recover,
# softmax at three temperatures, and what each activation learns in a deep network.

# %%
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl.formulas import activations, gradients
from kerasdl.utils import tutorial

# %% [markdown]
# ## Eight activations and their slopes
# - **step** is the perceptron's threshold. Its slope is 0, so nothing can be learned through it.
# - **sigmoid** gives values between 0 and 1: probabilities, gates, pixels.
# - **tanh** gives values between -1 and 1. Its slope reaches 1, four times the sigmoid's, and it is
#   still the usual choice in recurrent networks.
# - **ReLU** has slope 1 for every positive z. For every negative z it has slope 0: it is saturated
#   on that side.
# - **leaky ReLU** keeps a small slope a on the negative side. Common values are 0.01, 0.2 and 0.3
#   (Keras's layer). A *parametric* ReLU learns a. (`max(a z, z)` is the same only for a up to 1.)
# - **ELU** and **SELU** approach a negative constant smoothly; SELU is an ELU scaled so that
#   signals keep mean 0 and variance 1 through many layers.
# - **Swish** is $z\,\sigma(z)$: smooth, and slightly negative for negative z.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_slope(z):
    return sigmoid(z) * (1 - sigmoid(z))


def tanh_slope(z):
    return 1 - np.tanh(z) ** 2


def relu(z):
    return np.maximum(0, z)


def relu_slope(z):
    return np.where(z > 0, 1.0, 0.0)  # at 0 there is no slope; 0 is the convention


def leaky_relu(z, a=0.01):
    return np.where(z > 0, z, a * z)


def leaky_relu_slope(z, a=0.01):
    return np.where(z > 0, 1.0, a)


def elu(z, alpha=1.0, scale=1.0):
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(0, z)))


def elu_slope(z, alpha=1.0, scale=1.0):
    return scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(0, z)))


def swish(z):
    return z * sigmoid(z)


def swish_slope(z):
    return sigmoid(z) + z * sigmoid_slope(z)


SELU = {"alpha": 1.6732632423543772, "scale": 1.0507009873554805}
ALL = {  # name: function, slope, the same in Keras
    "step": (
        lambda z: np.where(z >= 0, 1.0, 0.0),
        np.zeros_like,
        lambda z: keras.ops.heaviside(z, 1.0),
    ),
    "sigmoid": (sigmoid, sigmoid_slope, "sigmoid"),
    "tanh": (np.tanh, tanh_slope, "tanh"),
    "ReLU": (relu, relu_slope, "relu"),
    "leaky ReLU": (leaky_relu, leaky_relu_slope, lambda z: keras.ops.leaky_relu(z, 0.01)),
    "ELU": (elu, elu_slope, "elu"),
    "SELU": (functools.partial(elu, **SELU), functools.partial(elu_slope, **SELU), "selu"),
    "Swish": (swish, swish_slope, "silu"),
}


def functions(fast=False):
    z = np.linspace(-6, 6, 601)
    title = "Red: the slope is below 1/20, so almost no gradient gets through"
    figure, axes = tutorial.panels(2, 4, title=title, size=(3.5, 3))
    for place, (name, (f, slope, _)) in zip(axes.flat, ALL.items(), strict=True):
        place.axhline(0, color="lightgrey")
        curves = {"f(z)": f(z), "slope": slope(z)}
        tutorial.lines(place, curves, z, xlabel="z", ylabel="f(z), slope", title=name)
        saturated = abs(slope(z)) < 0.05
        place.fill_between(z, -2, 2.5, where=saturated, color="tab:red", alpha=0.12)
        place.set_ylim(-2, 2.5)
    steepest = {name: float(slope(z).max()) for name, (_, slope, _) in ALL.items()}
    print("largest slopes:", {name: round(value, 3) for name, value in steepest.items()})
    assert steepest["sigmoid"] == 0.25 and abs(sigmoid_slope(6.0) - 0.002467) < 1e-6
    assert steepest["tanh"] == steepest["ReLU"] == 1
    assert abs(swish(np.linspace(-10, 10, 4001)).min() + 0.278465) < 1e-5
    return figure


# %%
tutorial.show(functions)

# %% [markdown]
# All eight equal the library's formulas and Keras's own functions, and their slopes equal numeric
# ones: the change of f between two nearby points divided by their distance.


# %%
def same_elsewhere(fast=False):
    z = np.linspace(-10, 10, 4001)
    for name, (f, slope, theirs) in ALL.items():
        formula = getattr(activations, name.lower().replace(" ", "_"))
        np.testing.assert_allclose(f(z), formula(z), atol=1e-12)
        in_keras = keras.activations.get(theirs)(z.astype("float32"))
        np.testing.assert_allclose(in_keras, f(z.astype("float32")), atol=1e-5)
        some = z[z != 0][::40]
        tried = gradients.central_differences(lambda v, f=f: f(v).sum(), some)
        np.testing.assert_allclose(slope(some), tried, atol=1e-6)
    # for TensorFlow a step has no gradient at all, not even zero
    v = tf.Variable([-2.0, 0.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.cast(v >= 0, "float32")
    assert tape.gradient(y, v) is None


# %%
tutorial.show(same_elsewhere)

# %% [markdown]
# ## A unit that dies
# A unit with the bias -10 has $z = w x + b < 0$ for all x from a normal distribution. It should
# learn to answer 1. The gradient of its squared error is $2 (f(z) - 1) f'(z)$, times x for the
# weight and times 1 for the bias.
#
# - With ReLU the slope is exactly 0: nothing ever changes. The unit is *dead*. In practice a
#   learning rate that is too high kills units this way.
# - The leaky ReLU recovers slowly with a = 0.01, and soon with a = 0.2.
# - ELU's slope at -10 is $e^{-10}$, so it hardly moves. Swish has a small *negative* slope there,
#   and moves in the wrong direction.


# %%
def revive(f, slope, steps=2000, learning_rate=0.1):
    """The bias after each step of gradient descent."""
    x = np.random.default_rng(0).normal(size=200)
    w, b, path = 1.0, -10.0, []
    for _ in range(steps):
        z = w * x + b
        push = 2 * (f(z) - 1) * slope(z)
        w = w - learning_rate * np.mean(push * x)
        b = b - learning_rate * np.mean(push)
        path.append(b)
    return np.array(path)


def dead_units(fast=False):
    paths = {name: revive(*ALL[name][:2]) for name in ("leaky ReLU", "ELU", "Swish", "ReLU")}
    larger = functools.partial(leaky_relu, a=0.2), functools.partial(leaky_relu_slope, a=0.2)
    paths = {"leaky ReLU, a = 0.2": revive(*larger), **paths}
    figure, axes = tutorial.panels(size=(7, 4))
    names = {"xlabel": "step", "ylabel": "bias"}
    tutorial.lines(axes, paths, title="A unit that starts with the bias -10", **names)
    axes.lines[-1].set(color="black", linestyle="--")  # ReLU, below which others hide
    axes.legend(fontsize=8)

    ends = {name: float(path[-1]) for name, path in paths.items()}
    print("biases at the end:", {name: round(end, 3) for name, end in ends.items()})
    assert (paths["ReLU"] == -10).all()
    assert ends["leaky ReLU"] > -8 > ends["ELU"] + 1.9
    assert ends["leaky ReLU, a = 0.2"] > 0.9
    assert ends["Swish"] < -10
    return figure


# %%
tutorial.show(dead_units)

# %% [markdown]
# ## Softmax
# The logits of a network can be negative, so they are not probabilities, and dividing them by their
# sum does not help (1, 2 and -3 sum to 0). Softmax takes their exponentials first, which are
# positive. Two details matter:
#
# - **The axis.** Each row is an example, and each row must sum to 1. Summing over the whole array
#   is right for a single row and wrong for two.
# - **The subtraction.** $e^{1000}$ overflows. Subtracting the largest logit from all of them
#   changes nothing in exact arithmetic, since numerator and denominator get the same factor, and
#   makes the largest exponential 1.
#
# The *temperature* divides the logits: below 1 the largest probability grows towards 1, above 1 the
# probabilities become more equal.


# %%
def softmax(z, temperature=1.0):
    z = np.asarray(z) / temperature
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def naive_softmax(z):
    return np.exp(z) / np.exp(z).sum()  # no axis, no subtraction


def temperatures(fast=False):
    figure, axes = tutorial.panels(
        1, 3, title="Softmax of the logits 2, 1 and 0.1", size=(3.4, 3.2)
    )
    for place, temperature in zip(axes, (0.3, 1, 3), strict=True):
        values = dict(zip(("2", "1", "0.1"), softmax([2, 1, 0.1], temperature), strict=True))
        names = {"xlabel": "logit", "ylabel": "probability"}
        tutorial.bars(place, values, title=f"temperature {temperature}", form="{:.3f}", **names)
        place.set_ylim(0, 1.1)

    logits = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(softmax(logits), activations.softmax(logits))
    np.testing.assert_allclose(softmax([[-0.8, -5.1, 0.5]]), [[0.213544, 0.002897, 0.783558]], 1e-3)
    large = np.array([1000.0, 1001, 1002])
    np.testing.assert_allclose(softmax(large), softmax([0, 1, 2]))
    with np.errstate(over="ignore", invalid="ignore"):
        print("naive softmax of 1000, 1001, 1002:", naive_softmax(large))
        assert np.isnan(naive_softmax(large)).all()
    print("rows of a naive softmax sum to", naive_softmax(logits).sum(axis=1).round(2))
    assert np.isclose(naive_softmax(logits).sum(), 1)  # all six together, not each row
    return figure


# %%
tutorial.show(temperatures)

# %% [markdown]
# ## What they learn
# Six hidden layers of 32 units learn handwritten digits with plain gradient descent. Everything but
# the activation is the same: initial weights of Xavier's size (next tutorial), and one learning
# rate that falls along a cosine.
#
# To see that the result is no accident, five networks with different random starts are trained for
# each activation. They are computed side by side in one model, whose layers have one more axis:
# `EinsumDense("bsi,sio->bso")` multiplies the input i of network s with the weights of network s.


# %%
def networks(activation, seeds):
    # Keras counts the inputs of all networks as one neuron's; the scale undoes that
    xavier = keras.initializers.VarianceScaling(seeds, "fan_avg", "uniform")
    options = {"bias_axes": "so", "kernel_initializer": xavier}
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.RepeatVector(seeds)]
    for _ in range(6):
        shape = {"equation": "bsi,sio->bso", "output_shape": (seeds, 32)}
        layers.append(keras.layers.EinsumDense(**shape, activation=activation, **options))
    layers.append(keras.layers.EinsumDense("bsi,sio->bso", (seeds, 10), **options))
    return keras.Sequential(layers)


def learn(activation, data, epochs, seeds, learning_rate=0.04):
    """The loss of each epoch and the test accuracy, both means over the networks."""
    kerasdl.set_seed(0)
    model = networks(activation, seeds)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # the loss is a mean over the networks, so each would get only its part of a step
    schedule = keras.optimizers.schedules.CosineDecay(
        seeds * learning_rate, epochs * len(data.train)
    )
    sgd = keras.optimizers.SGD(schedule)
    model.compile(sgd, loss, metrics=["accuracy"], steps_per_execution=10)

    def labels_for_each(x, y):
        return x, keras.ops.repeat(y[:, None], seeds, axis=1)

    train, test = data.train.map(labels_for_each), data.test.map(labels_for_each)
    history = model.fit(train, epochs=epochs, shuffle=False, verbose=0).history
    return history["loss"], model.evaluate(test, verbose=0)[1]


def training(fast=False):
    data = kerasdl.data.load("digits", validation=0, batch_size=32)
    epochs, seeds = (1, 2) if fast else (20, 5)
    names = ("sigmoid", "ReLU") if fast else [name for name in ALL if name != "step"]
    losses, accuracies = {}, {}
    for name in names:
        losses[name], accuracies[name] = learn(ALL[name][2], data, epochs, seeds)
        print(f"{name}: loss {losses[name][-1]:.3f}, test accuracy {accuracies[name]:.1%}")

    figure, (left, right) = tutorial.panels(1, 2, title="Six hidden layers", size=(6, 4))
    left.axhline(np.log(10), color="grey", linestyle=":", label="guessing")
    x = np.arange(1, epochs + 1)
    tutorial.lines(left, losses, x, xlabel="epoch", ylabel="training loss")
    left.set_ylim(0, None)
    left.legend(fontsize=8, loc=(0.68, 0.28))
    tutorial.bars(right, accuracies, xlabel="activation", ylabel="test accuracy")
    right.set_ylim(0, 1.1)

    others = [values[-1] for name, values in losses.items() if name != "sigmoid"]
    assert abs(accuracies["sigmoid"] - 0.1) < 0.05 and losses["sigmoid"][-1] > 2.25
    assert fast or max(others) < np.log(10) / 3
    return figure


# %%
tutorial.show(training)

# %% [markdown]
# ## Exercises
# 1. Let the dying unit be a parametric ReLU: learn a as well. How much sooner does it recover?
# 2. From which bias do ELU and Swish still recover? Which way does Swish move left of -1.28?
# 3. Put BatchNormalization before each sigmoid of the deep network. What is learned now?


# %%
def main(fast=False, out=pathlib.Path("out/04_activations")):
    sections = functions, same_elsewhere, dead_units, temperatures, training
    tutorial.run(*sections, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
