# %% [markdown]
# # Quantisation: how few bits a network needs, and how to teach it to need fewer
#
# **Claim.** An integer, a scale and a zero point give a number back to half a step. With a step for
# each channel, 8 bits cost a network at most a point. Two bits, three different weights, cost it at
# least 4, with one step for a whole layer at least 10; but a network that learns with them is
# within two points of one that learns as long with 8. Sixteen different weights in each layer,
# found by k-means, are as good as all, within two points. Zeros, clusters and 8 bits together zip
# to less than a quarter of the float file.
#
# **The idea.** Tutorial 01 rounded a finished network. Rounding is a staircase: flat, so its
# gradient is 0, and nothing can be learned through it. Pretend that it is a slope: compute with the
# rounded weights, and give the gradient to the real ones as if they had not been rounded. This is
# the straight-through estimator:
#
# $$\hat w = s\,\mathrm{round}(w / s) \qquad
# \frac{\partial L}{\partial w} := \frac{\partial L}{\partial \hat w}$$
#
# Run it: `python tutorials/6_to_the_phone/03_quantization.py` (25 seconds).
# You will see a grid, one step against
# many, accuracy by bits before and after learning, clusters, and one table of files.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import sklearn.cluster
from keras import ops

import kerasdl
from kerasdl import compression, export
from kerasdl.formulas import quantization

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## A grid
# Between the smallest and the largest value lie 255 steps; zero is one of the points, for what is
# padded or cut by a ReLU must be exactly zero. What is in the range is moved by half a step.


# %%
def affine(x, bits=8):
    """The integers, the numbers they stand for, and the step."""
    low, high = min(x.min(), 0), max(x.max(), 0)
    scale = (high - low) / (2**bits - 1)
    zero_point = -(2 ** (bits - 1)) - np.round(low / scale)
    q = np.clip(np.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return q, scale * (q - zero_point), scale


def check_the_grid():
    q, back, scale = affine(x := np.array([-1, 0, 0.5, 1]))
    assert q.tolist() == [-128, 0, 64, 127] and abs(back - x).max() <= scale == 2 / 255
    np.testing.assert_array_equal(q, quantization.quantize(x, *quantization.affine(-1.0, 1.0)))
    x = np.random.default_rng(0).normal(size=10_000)
    q, back, scale = affine(x)
    inside = abs(q + 0.5) < 127.5  # the ends may be cut: the zero point was rounded, too
    assert abs(back - x)[inside].max() <= 0.5001 * scale and abs(back - x).max() <= scale


# %% [markdown]
# ## Weights
# Their grid is symmetric, so that zero is the integer 0, and each output channel may have a step of
# its own: one large weight then spoils one channel and not all.
#
# ## Learning with rounded weights
# `stop_gradient` makes the staircase a slope: forward the rounded weight, backward the weight.
# The layer computes with what it will be; the optimizer moves what it has. Tensors between
# layers stay float here; the library's `train_aware` and `compress` round them, too.


# %%
def rounded(kernel, bits, by_channel=True):
    axes = tuple(range(len(kernel.shape) - 1)) if by_channel else None
    levels = 2 ** (bits - 1) - 1
    scale = ops.max(ops.abs(kernel), axis=axes, keepdims=True) / levels
    return ops.round(kernel / scale) * scale


def straight_through(kernel, bits):
    return kernel + ops.stop_gradient(rounded(kernel, bits) - kernel)


@keras.saving.register_keras_serializable(package="tutorial")
class Dense(keras.layers.Dense):
    """A dense layer that computes with few bits, as soon as `bits` is set."""

    bits = None

    def call(self, inputs, training=False):
        kernel = straight_through(self.kernel, self.bits) if self.bits else self.kernel
        return self.activation(inputs @ kernel + self.bias)


def network(shape, dense=Dense):
    layers = [dense(width, "relu") for width in (128, 64)]
    return keras.Sequential([keras.Input(shape), keras.layers.Flatten(), *layers, dense(10)])


def compiled(model, data, epochs):
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * int(data.train.cardinality()))
    model.compile(keras.optimizers.Adam(rate), LOSS)
    return model


def accuracy(model, images, labels):
    return float((np.argmax(model(images), axis=-1) == labels).mean())


def by_bits(start, data, test, widths, epochs):
    """Accuracy by bits: one step a layer, one a channel, and after learning with them."""
    found, model = {}, network(data.info.shape)
    for bits in widths:
        row = []
        for by_channel in (False, True):
            kernels = [w if w.ndim == 1 else rounded(w, bits, by_channel) for w in start]
            model.set_weights(kernels)
            row.append(accuracy(model, *test))
        model.set_weights(start)
        for layer in model.layers[1:]:
            layer.bits = bits
        compiled(model, data, epochs).fit(data.train, epochs=epochs, shuffle=False, verbose=0)
        found[bits] = (*row, accuracy(model, *test))
        for layer in model.layers[1:]:
            layer.bits = None
    return found


# %% [markdown]
# ## Clusters
# A grid's points are evenly spaced; most weights are near zero. k-means puts the points where the
# weights are: each weight becomes the number of its cluster, four bits for sixteen. The file holds
# floats still, but so few different ones that it zips well.


# %%
def clustered(kernel, count):
    means = sklearn.cluster.KMeans(count, n_init=1, random_state=0).fit(kernel.reshape(-1, 1))
    return means.cluster_centers_[means.labels_].reshape(kernel.shape).astype("float32")


def files_of(model, data, test, methods, epochs, out):
    """Accuracy, bytes, zipped bytes: rounded afterwards, clustered, and learned with."""
    start, rows, images = model.get_weights(), {}, next(iter(data.train))[0]

    def add(name, file):
        right = (file.predict(test[0]).argmax(-1) == test[1]).mean()
        rows[name] = float(right), file.size, file.zipped_size

    for name in ("float", "int8", "int16x8", "int4"):
        options = {} if name == "float" else {"quantize": name}
        options |= {"calibration": np.asarray(images)} if name in ("int8", "int16x8") else {}
        add(name, export.to_litert(model, out / f"{name}.tflite", **options))
    model.set_weights([w if w.ndim == 1 else clustered(w, 16) for w in start])
    add("16 clusters", export.to_litert(model, out / "clusters.tflite"))
    for method in methods:
        model.set_weights(start)
        compiled(model, data, epochs)
        path = out / f"{method}.tflite"
        options = {"method": method, "epochs": epochs, "path": path}
        add(method, compression.compress(model, data.train, **options).litert)
    return rows


# %% [markdown]
# ## The pictures


# %%
def draw_grid(kernel):
    figure, axes = plt.subplots(1, 3, figsize=(14, 3.6), layout="constrained")
    x = np.linspace(-1, 1, 400)
    axes[0].plot(x, x, "--", color="grey", label="what the gradient sees")
    axes[0].plot(x, np.asarray(rounded(x[:, None], 3))[:, 0], label="3 bits")
    axes[0].set(title="Rounding is a staircase", xlabel="weight", xticks=(-1, 0, 1))
    axes[0].legend()
    centres = clustered(kernel, 16)
    values = (np.asarray(rounded(kernel, 4, by_channel=False)), centres)
    for axis, points, name in zip(axes[1:], values, ("4 bits, a grid", "16 clusters"), strict=True):
        axis.hist(kernel.ravel(), 100, color="tab:blue", alpha=0.5)
        for point in np.unique(points):
            axis.axvline(point, color="tab:orange", linewidth=1)
        error = np.sqrt(np.mean((points - kernel) ** 2))
        axis.set(title=f"{name}: error {error:.4f}", xlabel="weight", ylabel="how many")
    return figure


def draw_results(bits, rows):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    names = "one step a layer", "one step a channel", "learned with them"
    for values, name in zip(100 * np.array([*bits.values()]).T, names, strict=True):
        left.plot(bits.keys(), values, "o-", label=name)
    left.set(title="Read right", xlabel="bits a weight", ylabel="%", xticks=[*bits], ylim=(40, 100))
    left.legend(loc="lower right")
    labels = [f"{name}, {row[0]:.1%}" for name, row in rows.items()]
    right.barh(labels, [row[1] / 1000 for row in rows.values()], label="file")
    right.barh(labels, [row[2] / 1000 for row in rows.values()], 0.4, label="zipped")
    right.set(title="The same network in kilobytes")
    right.invert_yaxis()
    right.legend(loc="lower right")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/03_quantization")):
    out.mkdir(parents=True, exist_ok=True)
    kerasdl.set_seed(0)
    check_the_grid()
    data, epochs = kerasdl.data.load("digits", validation=0), 1 if fast else 15
    test = next(data.test.unbatch().batch(1000).as_numpy_iterator())
    model = compiled(network(data.info.shape, keras.layers.Dense), data, epochs)
    model.fit(data.train, epochs=epochs, shuffle=False, verbose=0)
    start, whole = model.get_weights(), accuracy(model, *test)
    bits = by_bits(start, data, test, (2,) if fast else (2, 3, 4, 8), epochs)
    methods = () if fast else ("qat", "pcqat")
    rows = files_of(model, data, test, methods, epochs, out)
    draw_grid(start[2]).savefig(out / "grid.png", dpi=120)
    draw_results(bits, rows).savefig(out / "results.png", dpi=120)
    plt.close("all")
    print(f"float: {whole:.1%}; right by bits, a step a layer, a channel, learned with:")
    print({width: np.round(row, 3).tolist() for width, row in bits.items()})
    print(f"{'':12}{'right':>8}{'bytes':>9}{'zipped':>9}")
    for name, (right, size, zipped) in rows.items():
        print(f"{name:12}{right:8.1%}{size:9,}{zipped:9,}")

    # the claim
    assert rows["int8"][1] < 0.4 * rows["float"][1] and rows["int4"][1] < rows["int8"][1], rows
    if not fast:
        assert min(rows["int8"][0], rows["int16x8"][0]) >= whole - 0.01, rows
        assert bits[2][1] < whole - 0.04 and bits[2][0] < whole - 0.1, bits
        assert bits[2][2] > bits[8][2] - 0.02, bits  # both learned on, equally long
        assert rows["16 clusters"][0] > whole - 0.02, rows
        assert rows["pcqat"][2] < rows["float"][2] / 4 and rows["pcqat"][0] > whole - 0.04, rows


# %% [markdown]
# ## Exercises
# 1. Take `stop_gradient` out of `straight_through`. What does the network learn at 2 bits, and why?
# 2. Multiply one weight of a kernel by 20. What do 4 bits cost with a step a layer, and a channel?
# 3. How few clusters are enough? Cluster without learning, then with `compress(method="cluster")`.

# %%
if __name__ == "__main__":
    main()
