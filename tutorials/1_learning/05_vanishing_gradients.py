# %% [markdown]
# # Vanishing and exploding gradients
#
# **Claim.** Of ten sigmoid layers the first gets less than a thousandth of the tenth's gradient,
# and nothing is learned; with ReLU and He's weights, tanh and Xavier's, SELU and LeCun's it gets
# more than a twentieth. Forwards it is the same: of a signal through twenty layers, weights of 0.01
# leave nothing, weights of 1 drive 9 of 10 tanh to their ends, the right ones keep a tenth or more.
# Batch normalisation, even with weights of 0.01, or skip connections let ten sigmoid layers learn.
# And clipping by the norm keeps the direction of a gradient that explodes.
#
# **The idea.** Backwards, each layer multiplies the gradient by its weights and a slope. 1/4, ten
# times over, is a millionth; 1.1, a hundred times over, is 13,781. So keep the factor near 1: a sum
# of n terms has n times the variance of one. Hence weights of variance 1/n, or 2/n for ReLU.
# ($\kappa$ is what the activation leaves of the variance: about 1 for tanh near 0, 1/2 for ReLU.)
#
# $$\frac{\partial L}{\partial h_0} = \frac{\partial L}{\partial h_L} \prod_l W_l f'(z_l) \qquad
# \mathrm{Var}(h_L) = (n\,\mathrm{Var}(w)\,\kappa)^L\, \mathrm{Var}(h_0) \qquad
# g \leftarrow g \min(1, \tau / |g|)$$
#
# Run it: `python tutorials/1_learning/05_vanishing_gradients.py` (30 seconds).
# You will see the signal go
# through twenty layers, gradients come back through ten, three cures, and a clipped explosion.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl import callbacks
from kerasdl.formulas import activations, gradients, initializers

# %% [markdown]
# ## Forwards: how a signal fares
# Twenty layers of 256, no bias, inputs from N(0, 1). Each row draws its weights with the deviation
# that its rule says for n inputs and as many outputs.

# %%
WAYS = {  # name: activation, deviation of a weight
    "tanh, zeros": (np.tanh, lambda n: 0.0),
    "tanh, 0.01": (np.tanh, lambda n: 0.01),
    "tanh, 1": (np.tanh, lambda n: 1.0),
    "tanh, Xavier": (np.tanh, lambda n: (2 / (n + n)) ** 0.5),
    "ReLU, Xavier": (activations.relu, lambda n: (2 / (n + n)) ** 0.5),
    "ReLU, He": (activations.relu, lambda n: (2 / n) ** 0.5),
    "SELU, LeCun": (activations.selu, lambda n: (1 / n) ** 0.5),
}


def signals(f, deviation, layers=20, n=256):
    """What each layer says, the input first."""
    random = np.random.default_rng(0)
    said = [random.normal(size=(200, n))]
    for _ in range(layers):
        said.append(f(said[-1] @ random.normal(scale=deviation(n), size=(n, n))))
    return said


# %% [markdown]
# ## Backwards: what comes back
# Ten layers of 64 learn digits; the library's `GradientHealth` notes the norm of each layer's
# gradient in every step of `fit`. (One of the notes has it that PyTorch starts with He's weights.
# It draws them evenly up to $1/\sqrt n$, which for 784 inputs is 0.036 where He says 0.087; Keras's
# default is Xavier's, 0.076 before 256 outputs.)


# %%
def network(activation, initializer, normalised=False, skip=False, depth=10):
    x = inputs = keras.Input((8, 8, 1))
    x = keras.layers.Flatten()(x)
    for number in range(depth):
        before = x
        name, options = f"layer_{number + 1}", {"kernel_initializer": initializer}
        x = keras.layers.Dense(64, use_bias=not normalised, name=name, **options)(x)
        x = keras.layers.BatchNormalization()(x) if normalised else x
        x = keras.layers.Activation(activation)(x)
        x = keras.layers.Add()([before, x]) if skip else x
    return keras.Model(inputs, keras.layers.Dense(10)(x))


def watch(model, data, epochs, rate=0.03):
    """The norm of each layer's gradient at the first step, the loss by epoch, and the watcher."""
    health = callbacks.GradientHealth(every=5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    history = model.fit(data, epochs=epochs, shuffle=False, verbose=0, callbacks=[health]).history
    norms = [health.norms[f"layer_{number}"][0] for number in range(1, 11)]
    return np.array(norms), history["loss"], health


SMALL = "random_normal_0.01"
CASES = {  # activation, initial weights, and what else
    "sigmoid, Xavier": ("sigmoid", "glorot_normal", {}),
    "sigmoid, 0.01": ("sigmoid", SMALL, {}),
    "tanh, Xavier": ("tanh", "glorot_normal", {}),
    "ReLU, He": ("relu", "he_normal", {}),
    "SELU, LeCun": ("selu", "lecun_normal", {}),
    "sigmoid, 0.01, normalised": ("sigmoid", SMALL, {"normalised": True}),
    "sigmoid, skip": ("sigmoid", "glorot_normal", {"skip": True}),
}

# %% [markdown]
# ## Exploding, and clipping
# Each step multiplies the state of a linear recurrent network by U, and the gradient on its way
# back. If U turns and stretches everything by 1.1 (its eigenvalues are 1.1 in size), fifty steps
# make 117 of 1. Clipping each number turns the arrow; clipping the length does not. Keras's
# `clipnorm` cuts each variable alone, which turns it too; the notes mean all, `global_clipnorm`.


# %%
def through_time(size, steps=50):
    """Norms of the gradient, from the last step back to the first; U turns and stretches."""
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


# %% [markdown]
# ## Zeros
# All weights zero: the hidden neurons say the same, get the same gradient, and stay one neuron.


# %%
def zeros_learn_xor(steps=100):
    model = keras.Sequential([keras.Input((2,))])
    for units, activation in ((8, "tanh"), (1, None)):
        model.add(keras.layers.Dense(units, activation, kernel_initializer="zeros"))
    model.compile(keras.optimizers.SGD(0.5), keras.losses.BinaryCrossentropy(from_logits=True))
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32"), np.array([0, 1, 1, 0], "float32")
    for _ in range(steps):
        loss = model.train_on_batch(x, y[:, None])
    kernel = model.get_weights()[0]
    return float(loss), float(np.abs(kernel - kernel[:, :1]).max())


# %% [markdown]
# ## The pictures


# %%
def draw_signals(spread):
    figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    for name, said in spread.items():
        axes[0].semilogy([max(layer.std(), 1e-18) for layer in said], label=name)
    axes[0].lines[[*spread].index("tanh, 1")].set(ls="--", zorder=3)  # else it is hidden
    axes[0].set(title="Deviation of what each layer says", xlabel="layer", ylim=(1e-18, 1e2))
    axes[0].legend(fontsize=8)
    bins = np.linspace(-1, 1, 41)
    for name in ("tanh, 0.01", "tanh, 1", "tanh, Xavier"):
        axes[1].hist(spread[name][-1].ravel(), bins, alpha=0.5, label=name)
    axes[1].set(title="The twentieth layer", yscale="log", ylabel="how often", ylim=(0.5, 3e5))
    axes[1].legend(ncols=3, loc="upper center")
    return figure


def draw_gradients(norms, losses):
    figure, axes = plt.subplots(1, 2, figsize=(13, 4), layout="constrained")
    for name in norms:
        axes[0].semilogy(np.arange(1, 11), norms[name] / norms[name][-1], "o-", label=name)
        axes[1].plot(np.arange(1, len(losses[name]) + 1), losses[name], "o-")
    axes[0].set(title="First step: gradients as parts of the tenth's", xlabel="layer")
    axes[1].axhline(np.log(10), color="grey", linestyle=":")
    axes[1].set(title="Loss (dotted: chance)", xlabel="epoch", yscale="log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def draw_clipping(norms):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for size, values in norms.items():
        axes[0].semilogy(values, label=f"eigenvalues of size {size}")
    axes[0].set(title="Gradient on its way back through time", xlabel="steps back")
    axes[0].legend()
    g = np.array([4.0, 1.0])
    arrows = {"gradient": g, "by norm, 1": clip_by_norm(g, 1), "by value, 1": clip_by_value(g, 1)}
    for number, (name, arrow) in enumerate(arrows.items()):
        options = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.008}
        axes[1].quiver(0, 0, *arrow, color=f"C{number}", label=name, zorder=number, **options)
    axes[1].set(title="Clipped", xlim=(-0.2, 4.3), ylim=(-0.2, 1.7))
    axes[1].legend()
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/05_vanishing_gradients")):
    out.mkdir(parents=True, exist_ok=True)
    data = kerasdl.data.load("digits", validation=0, batch_size=32)
    train = data.train.take(1) if fast else data.train
    spread = {name: signals(*way) for name, way in WAYS.items()}
    norms, losses, ratios = {}, {}, {}
    for name, (f, initializer, options) in list(CASES.items())[: 1 if fast else None]:
        kerasdl.set_seed(0)
        small = keras.initializers.RandomNormal(stddev=0.01)
        model = network(f, small if initializer is SMALL else initializer, **options)
        norms[name], losses[name], health = watch(model, train, 1 if fast else 15)
        called = {label for layer, label in health.labels().items() if layer.startswith("layer")}
        ratios[name] = norms[name][0] / norms[name][-1]
        print(f"{name}: first of last {ratios[name]:.2g}, {called}, loss {losses[name][-1]:.3f}")
    backwards = {size: through_time(size) for size in (0.9, 1.0, 1.1)}
    draw_signals(spread).savefig(out / "signals.png", dpi=120)
    draw_gradients(norms, losses).savefig(out / "gradients.png", dpi=120)
    draw_clipping(backwards).savefig(out / "clipping.png", dpi=120)
    plt.close("all")
    left = {name: float(said[-1].std()) for name, said in spread.items()}
    full = float((abs(spread["tanh, 1"][-1]) > 0.9).mean())
    loss, unlike = zeros_learn_xor()
    print(f"deviation of the twentieth layer: {left}; of tanh, 1 beyond 0.9: {full:.2f}")
    print(f"zeros learn XOR: loss {loss:.6f}, neurons differ by {unlike}; figures in {out}")

    # the claim
    assert left["tanh, 0.01"] < 1e-15 and left["ReLU, Xavier"] < 0.002 and full > 0.9, (left, full)
    assert abs(left["tanh, 0.01"] / initializers.variance_after(20, 256, 1e-4) ** 0.5 - 1) < 0.1
    assert min(left[name] for name in ("tanh, Xavier", "ReLU, He", "SELU, LeCun")) > 0.1, left
    assert unlike == 0 and abs(loss - np.log(2)) < 1e-6, (unlike, loss)
    np.testing.assert_allclose(backwards[1.1], gradients.through_layers(1.1, np.arange(51)))
    g = np.array([4.0, 1.0])
    np.testing.assert_allclose(clip_by_norm(g, 1), gradients.clip_by_norm(g, 1))
    np.testing.assert_allclose([*clip_by_norm(g, 1), *clip_by_value(g, 1)], [*g / 17**0.5, 1, 1])
    drawn = np.abs(keras.initializers.GlorotUniform(0)((784, 256))).max()
    np.testing.assert_allclose(drawn, initializers.xavier_limit(784, 256), rtol=1e-3)
    for name, ratio in ratios.items():
        last, bad = losses[name][-1], name in ("sigmoid, Xavier", "sigmoid, 0.01")
        assert ratio < 1e-3 if bad else ratio > 0.05, ratios
        assert fast or (last > 2.2 if bad else last < 1.5), losses


# %% [markdown]
# ## Exercises
# 1. Give ten layers of tanh weights of 1. What becomes of the gradients, and by which factor?
# 2. How deep can the sigmoid's network be, with Xavier's weights, and still learn in 15 epochs?
# 3. Take ReLU with Xavier's weights. By what factor does the signal fall in a layer, and why?
# 4. U = [[0, 2], [0, 0]] has the singular value 2. What becomes of a gradient that it multiplies?

# %%
if __name__ == "__main__":
    main()
