# %% [markdown]
# # Activations: what a neuron says, and what it can still learn
#
# **Claim.** The sigmoid's slope is 1/4 at most and 0.0025 at 6. Behind six layers of it nothing is
# learned: chance, in the epochs in which tanh, ReLU and its kin bring the loss below a third of
# chance's. A ReLU that is negative for every example never moves again. Leaky ones climb back from
# there; the notes' other cures, ELU and Swish, do not if they are far off: their slopes vanish too.
# A softmax needs an axis and a subtraction: without them its rows do not sum to 1, or are NaN.
#
# **The idea.** A neuron's answer is $f(z)$; what it learns is multiplied by $f'(z)$. So look at
# the slope first: where it is nearly 0 ("saturated"), a neuron is deaf.
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}} \qquad \sigma' = \sigma (1 - \sigma) \qquad
# \tanh' = 1 - \tanh^2 \qquad \mathrm{softmax}_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$
#
# Run it: `python tutorials/1_learning/04_activations.py` (45 seconds).
# You will see all of them with their
# slopes, units that die and come back, softmax at three temperatures, and what each learns.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.formulas import activations, gradients

# %% [markdown]
# ## All of them, with their slopes
# One of the notes stamps sigmoid and tanh as obsolete, and says that tanh is sure to make gradients
# vanish. Gates, answers of yes or no and pixels still need them, and the picture of the training
# below shows tanh learn. Another lets ReLU have no saturation: it has, on the left. The leaky one
# has 0.01 in one place and 0.2 in another (and 0.3 in Keras's layer); `max(a z, z)` is the same
# for a up to 1 only. Where a is learned it is called parametric.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def swish_slope(z):
    return sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z))


def leaky(a):
    return lambda z: np.where(z > 0, z, a * z), lambda z: np.where(z > 0, 1.0, a)


def elu(alpha, scale):
    def f(z):
        return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(0, z)))

    return f, lambda z: scale * np.where(z > 0, 1.0, alpha * np.exp(np.minimum(0, z)))


ALL = {  # name: function, its slope, and what Keras calls it
    "step": (lambda z: (z >= 0) * 1.0, np.zeros_like, lambda z: keras.ops.heaviside(z, 1.0)),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z)), "sigmoid"),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, "tanh"),
    "ReLU": (lambda z: np.maximum(0, z), lambda z: (z > 0) * 1.0, "relu"),  # at 0: 0, by agreement
    "leaky ReLU": (*leaky(0.01), lambda z: keras.ops.leaky_relu(z, 0.01)),
    "ELU": (*elu(1.0, 1.0), "elu"),
    "SELU": (*elu(1.6732632423543772, 1.0507009873554805), "selu"),
    "Swish": (lambda z: z * sigmoid(z), swish_slope, "silu"),
}

# %% [markdown]
# ## A unit that dies
# Its bias is -10, so $z = w x + b$ is negative for all x from N(0, 1). It should learn to say 1.
# The slope of the error is $2 (f(z) - 1) f'(z)$ times x, or times 1 for the bias.


# %%
def revive(f, slope, steps=2000, rate=0.1):
    """The bias after each step."""
    x = np.random.default_rng(0).normal(size=200)
    w, b, path = 1.0, -10.0, []
    for _ in range(steps):
        z = w * x + b
        push = 2 * (f(z) - 1) * slope(z)
        w, b = w - rate * np.mean(push * x), b - rate * np.mean(push)
        path.append(b)
    return np.array(path)


# %% [markdown]
# ## Softmax
# Powers, because numbers as they are may be negative: 1, 2 and -3 sum to 0 and have no shares. The
# largest is taken off first, which changes nothing but that no power overflows. One of the notes
# sums over the whole array: right for one row, wrong for two.


# %%
def softmax(z, temperature=1.0):
    z = np.asarray(z) / temperature
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_of_the_notes(z):
    return np.exp(z) / np.exp(z).sum()


# %% [markdown]
# ## What they learn
# Six hidden layers of 32; plain descent, one falling rate and Xavier's initial weights for all, so
# that nothing differs but f. Five networks learn side by side and share nothing but the batches.


# %%
def network(activation, seeds):
    # counts all seeds' inputs as one neuron's, which the scale undoes
    scale = keras.initializers.VarianceScaling(seeds, "fan_avg", "uniform")
    options = {"bias_axes": "so", "kernel_initializer": scale}
    model = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.RepeatVector(seeds)]
    for _ in range(6):
        shape = {"equation": "bsi,sio->bso", "output_shape": (seeds, 32)}
        model.append(keras.layers.EinsumDense(**shape, activation=activation, **options))
    model.append(keras.layers.EinsumDense("bsi,sio->bso", (seeds, 10), **options))
    return keras.Sequential(model)


def learn(activation, data, epochs, seeds, rate=0.04):
    """The loss of each epoch, and the share of unseen digits read right, means over networks."""
    kerasdl.set_seed(0)
    model = network(activation, seeds)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # the loss is a mean over networks too, so the rate is for the sum
    falling = keras.optimizers.schedules.CosineDecay(seeds * rate, epochs * len(data.train))
    sgd = keras.optimizers.SGD(falling)
    model.compile(sgd, loss, metrics=["accuracy"], steps_per_execution=10)

    def for_each(x, y):
        return x, keras.ops.repeat(y[:, None], seeds, axis=1)

    train, test = data.train.map(for_each), data.test.map(for_each)
    history = model.fit(train, epochs=epochs, shuffle=False, verbose=0).history
    return history["loss"], model.evaluate(test, verbose=0)[1]


# %% [markdown]
# ## The pictures


# %%
def draw_functions():
    z = np.linspace(-6, 6, 601)
    figure, axes = plt.subplots(2, 4, figsize=(14, 5.6), layout="constrained")
    for axis, (name, (f, slope, _)) in zip(axes.flat, ALL.items(), strict=True):
        axis.axhline(0, color="lightgrey")
        axis.plot(z, f(z), label="f")
        axis.plot(z, slope(z), label="slope")
        axis.fill_between(z, -2, 2.5, where=abs(slope(z)) < 0.05, color="tab:red", alpha=0.12)
        axis.set(title=name, ylim=(-2, 2.5))
    axes[0, 0].legend(loc="upper left")
    figure.suptitle("Red: the slope is below 1/20, what comes back is all but lost")
    return figure


def draw_dying_and_softmax(paths):
    options = {"width_ratios": (3, 1, 1, 1), "layout": "constrained"}
    figure, (left, *axes) = plt.subplots(1, 4, figsize=(14, 3.6), **options)
    for name, path in paths.items():
        left.plot(path, "k--" if name == "ReLU" else "-", zorder=2 + (name == "ReLU"), label=name)
    left.set(title="A unit that starts at bias -10, and should say 1", xlabel="step", ylabel="bias")
    left.legend(loc=(0.3, 0.5))
    for axis, temperature in zip(axes, (0.3, 1, 3), strict=True):
        shares = softmax([2, 1, 0.1], temperature)
        axis.bar_label(axis.bar(("2", "1", "0.1"), shares, color="tab:orange"), fmt="%.3f")
        axis.set(title=f"softmax, T = {temperature}", ylim=(0, 1.1))
    return figure


def draw_training(losses, right):
    figure, (left, bars) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    for name, values in losses.items():
        left.plot(np.arange(1, len(values) + 1), values, label=name)
    left.axhline(np.log(10), color="grey", linestyle=":", label="chance")
    left.set(title="Six hidden layers: training loss", xlabel="epoch", ylim=(0, None))
    left.legend(bbox_to_anchor=(1, 1))
    bars.bar_label(bars.barh([*right], [100 * v for v in right.values()]), fmt="%.0f", padding=3)
    bars.set(title="Unseen digits read right, %", xlim=(0, 110))
    bars.invert_yaxis()
    return figure


def check_against_the_library():
    z = np.linspace(-10, 10, 4001)
    for name, (f, slope, theirs) in ALL.items():
        formula = getattr(activations, name.lower().replace(" ", "_"))
        np.testing.assert_allclose(f(z), formula(z), atol=1e-12)
        in_keras = keras.activations.get(theirs)(z.astype("float32"))
        np.testing.assert_allclose(in_keras, f(z.astype("float32")), atol=1e-5)
        tried = gradients.central_differences(lambda v, f=f: f(v).sum(), z[z != 0][::40])
        np.testing.assert_allclose(slope(z[z != 0][::40]), tried, atol=1e-6)
    logits = np.random.default_rng(0).normal(size=(2, 3))
    np.testing.assert_allclose(softmax(logits), activations.softmax(logits))
    np.testing.assert_allclose(softmax([[-0.8, -5.1, 0.5]]), [[0.213544, 0.002897, 0.783558]], 1e-3)
    large = np.array([1000.0, 1001, 1002])
    np.testing.assert_allclose(softmax(large), softmax([0, 1, 2]))
    with np.errstate(over="ignore", invalid="ignore"):
        assert np.isnan(softmax_of_the_notes(large)).all()
    assert np.isclose(softmax_of_the_notes(logits).sum(), 1)  # all six together, not each row


# %%
def main(fast=False, out=pathlib.Path("out/04_activations")):
    out.mkdir(parents=True, exist_ok=True)
    check_against_the_library()
    z = np.linspace(-10, 10, 4001)
    steepest = {name: float(slope(z).max()) for name, (_, slope, _) in ALL.items()}
    paths = {name: revive(*ALL[name][:2]) for name in ("ReLU", "leaky ReLU", "ELU", "Swish")}
    paths["leaky ReLU, 0.2"] = revive(*leaky(0.2))
    data = kerasdl.data.load("digits", validation=0, batch_size=32)
    epochs, seeds = (1, 2) if fast else (20, 5)
    losses, right = {}, {}
    for name in ("sigmoid", "ReLU") if fast else [n for n in ALL if n != "step"]:
        losses[name], right[name] = learn(ALL[name][2], data, epochs, seeds)
    draw_functions().savefig(out / "functions.png", dpi=120)
    draw_dying_and_softmax(paths).savefig(out / "dying_and_softmax.png", dpi=120)
    draw_training(losses, right).savefig(out / "training.png", dpi=120)
    plt.close("all")
    print("steepest slopes:", {name: round(value, 3) for name, value in steepest.items()})
    print("biases at the end:", {name: round(float(path[-1]), 3) for name, path in paths.items()})
    print("right:", right, "losses:", {name: round(each[-1], 3) for name, each in losses.items()})

    # the claim
    ends = {name: path[-1] for name, path in paths.items()}
    assert abs(ALL["sigmoid"][1](6.0) - 0.002467) < 1e-6 and steepest["sigmoid"] == 0.25
    assert steepest["tanh"] == steepest["ReLU"] == 1 and (paths["ReLU"] == -10).all(), "it moved"
    assert ends["leaky ReLU"] > -8 > ends["ELU"] + 1.9 and ends["leaky ReLU, 0.2"] > 0.9, ends
    assert ends["Swish"] < -10 and abs(ALL["Swish"][0](z).min() + 0.278465) < 1e-5, ends
    assert abs(right["sigmoid"] - 0.1) < 0.05 and losses["sigmoid"][-1] > 2.25, (right, losses)
    others = [values[-1] for name, values in losses.items() if name != "sigmoid"]
    assert fast or max(others) < np.log(10) / 3, losses


# %% [markdown]
# ## Exercises
# 1. Give the dying unit PReLU: let a learn too. How much sooner does it come back?
# 2. From which bias do ELU and Swish still come back? Which way does Swish go left of -1.28?
# 3. Put BatchNormalization before each sigmoid. What is learned now?

# %%
if __name__ == "__main__":
    main()
