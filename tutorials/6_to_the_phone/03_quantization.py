# %% [markdown]
# # Quantization: how few bits a network needs, and how to train it to need fewer
#
# **Claim.** An integer, a step and a zero point represent a number with an error of at most half a
# step. With a step for each channel, a network with 8 bits loses at most one point of accuracy.
# With two bits, which means three different weights, it loses at least 4 points, and at least 10
# with one step for a whole layer. But a network that is trained with two bits is within two points
# of one that is trained as long with 8. Sixteen different weights in each layer, found by k-means,
# lose at most two points. With zeros, clusters and 8 bits together, the zipped file is smaller than
# a quarter of the float file.
#
# **The idea.** The first tutorial of this part rounded a finished network. Rounding is a step
# function: its gradient is 0 almost everywhere, so nothing can be learned through it. The
# *straight-through estimator* treats it as the identity in the backward pass: compute with the
# rounded weights, and apply the gradient to the real ones as if they had not been rounded:
#
# $$\hat w = s\,\mathrm{round}(w / s) \qquad
# \frac{\partial L}{\partial w} := \frac{\partial L}{\partial \hat w}$$
#
# Run it: `python tutorials/6_to_the_phone/03_quantization.py` (25 seconds).
# You will see the grid of rounded weights and of clusters, accuracy by bits before and after
# training, and a table of files.

# %%
import functools
import pathlib

import keras
import numpy as np
import sklearn.cluster
from keras import ops

import kerasdl
from kerasdl import compression, export
from kerasdl.formulas import quantization
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## A grid for any range
# 255 steps lie between the smallest and the largest value. Zero is one of the points of the grid,
# because padding and ReLU give values that must be exactly zero. A value inside the range is moved
# by at most half a step. A value at the ends of the range may be moved by a whole step, because the
# zero point is rounded, too.


# %%
def affine(x, bits=8):
    """The integers, the numbers they stand for, and the step."""
    low, high = min(x.min(), 0), max(x.max(), 0)
    scale = (high - low) / (2**bits - 1)
    zero_point = -(2 ** (bits - 1)) - np.round(low / scale)
    q = np.clip(np.round(x / scale) + zero_point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return q, scale * (q - zero_point), scale


def check_the_grid(fast=False):
    q, back, scale = affine(x := np.array([-1, 0, 0.5, 1]))
    assert q.tolist() == [-128, 0, 64, 127] and abs(back - x).max() <= scale == 2 / 255
    np.testing.assert_array_equal(q, quantization.quantize(x, *quantization.affine(-1.0, 1.0)))
    x = np.random.default_rng(0).normal(size=10_000)
    q, back, scale = affine(x)
    inside = abs(q + 0.5) < 127.5
    assert abs(back - x)[inside].max() <= 0.5001 * scale
    assert abs(back - x).max() <= scale


# %%
tutorial.show(check_the_grid)

# %% [markdown]
# ## A grid for weights
# The grid of weights is symmetric: the integer 0 stands for 0. Each output channel may have its own
# step. Then one large weight makes the grid of one channel coarse, and not that of the whole layer.
#
# ## Clusters
# The points of a grid are evenly spaced, but most weights are near zero. k-means puts the points
# where the weights are. Each weight becomes the number of its cluster: four bits for sixteen
# clusters. Our file still contains floats, but so few different ones that zip makes it much
# smaller.


# %%
def rounded(kernel, bits, by_channel=True):
    axes = tuple(range(len(kernel.shape) - 1)) if by_channel else None
    levels = 2 ** (bits - 1) - 1
    scale = ops.max(ops.abs(kernel), axis=axes, keepdims=True) / levels
    return ops.round(kernel / scale) * scale


def clustered(kernel, count):
    means = sklearn.cluster.KMeans(count, n_init=1, random_state=0).fit(kernel.reshape(-1, 1))
    return means.cluster_centers_[means.labels_].reshape(kernel.shape).astype("float32")


@functools.cache
def digits():
    data = kerasdl.data.load("digits", validation=0)
    return data, next(data.test.unbatch().batch(1000).as_numpy_iterator())


def accuracy(model):
    images, labels = digits()[1]
    return float((np.argmax(model(images), axis=-1) == labels).mean())


def network(dense):
    layers = [dense(width, "relu") for width in (128, 64)]
    inputs = keras.Input(digits()[0].info.shape)
    return keras.Sequential([inputs, keras.layers.Flatten(), *layers, dense(10)])


def compile_for(model, epochs):
    steps = epochs * int(digits()[0].train.cardinality())
    learning_rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(learning_rate), LOSS)


def fit(model, epochs):
    compile_for(model, epochs)
    model.fit(digits()[0].train, epochs=epochs, shuffle=False, verbose=0)


def epochs_of(fast):
    return 1 if fast else 15


@functools.cache
def trained(fast):
    """A network of floats, and its weights, which each experiment starts from."""
    kerasdl.set_seed(0)
    model = network(keras.layers.Dense)
    fit(model, epochs_of(fast))
    return model, model.get_weights()


def grid_and_clusters(fast=False):
    kernel = trained(fast)[1][2]
    points = {
        "4 bits, one step a layer": np.asarray(rounded(kernel, 4, by_channel=False)),
        "16 clusters": clustered(kernel, 16),
    }
    figure, axes = tutorial.panels(1, 2, size=(5.4, 3.6))
    for axis, (name, values) in zip(axes, points.items(), strict=True):
        axis.hist(kernel.ravel(), 100, color="tab:blue", alpha=0.5, label="weights")
        for point in np.unique(values):
            axis.axvline(point, color="tab:orange", linewidth=1)
        error = np.sqrt(np.mean((values - kernel) ** 2))
        axis.set(title=f"{name}: mean error {error:.4f}", xlabel="weight", ylabel="count")
    return {"grid": figure}


# %%
tutorial.show(grid_and_clusters)

# %% [markdown]
# ## Training with rounded weights
# `stop_gradient` implements the straight-through estimator. In the forward pass the two real
# kernels cancel, and the rounded one is left. In the backward pass the difference is a constant,
# and the gradient goes to the real kernel. So the layer computes with the rounded weights of the
# later file, and the optimizer changes the real ones.
#
# Here only weights are rounded. The library's `train_aware` and `compress` also round the outputs
# of layers.


# %%
def straight_through(kernel, bits):
    return kernel + ops.stop_gradient(rounded(kernel, bits) - kernel)


@keras.saving.register_keras_serializable(package="tutorial")
class Dense(keras.layers.Dense):
    """A dense layer that computes with few bits once its attribute `bits` is set."""

    bits = None

    def call(self, inputs, training=False):
        kernel = straight_through(self.kernel, self.bits) if self.bits else self.kernel
        return self.activation(inputs @ kernel + self.bias)


def by_bits(bits, model, start, fast):
    """Accuracy with one step a layer, with one a channel, and after training with them."""
    found = []
    for by_channel in (False, True):
        model.set_weights([w if w.ndim == 1 else rounded(w, bits, by_channel) for w in start])
        found.append(accuracy(model))
    model.set_weights(start)
    for layer in model.layers[1:]:
        layer.bits = bits
    fit(model, epochs_of(fast))
    found.append(accuracy(model))
    for layer in model.layers[1:]:
        layer.bits = None
    return found


def few_bits(fast=False):
    start, model = trained(fast)[1], network(Dense)
    found = {bits: by_bits(bits, model, start, fast) for bits in ((2,) if fast else (2, 3, 4, 8))}
    model.set_weights(start)
    whole = accuracy(model)
    print(f"floats: {whole:.1%}; by bits, with a step a layer, a channel, trained with them:")
    print({bits: np.round(row, 3).tolist() for bits, row in found.items()})
    if not fast:
        assert found[2][1] < whole - 0.04 and found[2][0] < whole - 0.1, found
        assert found[2][2] > found[8][2] - 0.02, found  # both trained on, equally long

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.8))
    x = np.linspace(-1, 1, 400)
    left.plot(x, x, "--", color="gray", label="backward")
    left.plot(x, np.asarray(rounded(x[:, None], 3))[:, 0], label="forward")
    left.set(title="Straight-through, 3 bits", xlabel="real weight", ylabel="weight used")
    left.legend()
    names = "one step a layer", "one step a channel", "trained with them"
    for values, name in zip(100 * np.array([*found.values()]).T, names, strict=True):
        right.plot(found.keys(), values, "o-", label=name)
    right.axhline(100 * whole, color="gray", linestyle="--", label="floats")
    right.set(title="Unseen digits", xlabel="bits a weight", ylabel="accuracy, %")
    right.set(xticks=[*found], ylim=(40, 100))
    right.legend(loc="lower right")
    return {"bits": figure}


# %%
tutorial.show(few_bits)

# %% [markdown]
# ## One table of files
# The table has the same network rounded after training (int8, int16x8, int4), clustered, and
# trained with rounding: `qat` is quantization-aware training, and `pcqat` prunes, clusters and
# quantizes.


# %%
def files(fast=False):
    (model, start), folder, rows = trained(fast), tutorial.scratch(), {}
    model.set_weights(start)
    images, labels = digits()[1]

    def add(name, file):
        right = float((file.predict(images).argmax(-1) == labels).mean())
        rows[name] = right, file.size, file.zipped_size
        print(f"{name:12}{right:8.1%}{file.size:9,}{file.zipped_size:9,}")

    print(f"{'':12}{'right':>8}{'bytes':>9}{'zipped':>9}")
    calibration = np.asarray(next(iter(digits()[0].train))[0])
    options = {
        "float": {},
        "int8": {"quantize": "int8", "calibration": calibration},
        "int16x8": {"quantize": "int16x8", "calibration": calibration},
        "int4": {"quantize": "int4"},
    }
    for name, each in options.items():
        add(name, export.to_litert(model, folder / f"{name}.tflite", **each))
    model.set_weights([w if w.ndim == 1 else clustered(w, 16) for w in start])
    add("16 clusters", export.to_litert(model, folder / "clusters.tflite"))
    train, epochs = digits()[0].train, epochs_of(fast)
    for method in () if fast else ("qat", "pcqat"):
        model.set_weights(start)
        compile_for(model, epochs)
        path = folder / f"{method}.tflite"
        add(
            method,
            compression.compress(model, train, method=method, epochs=epochs, path=path).litert,
        )
    assert rows["int8"][1] < 0.4 * rows["float"][1] and rows["int4"][1] < rows["int8"][1], rows
    if not fast:
        whole = rows["float"][0]
        assert min(rows["int8"][0], rows["int16x8"][0]) >= whole - 0.01, rows
        assert rows["16 clusters"][0] > whole - 0.02, rows
        assert rows["pcqat"][2] < rows["float"][2] / 4 and rows["pcqat"][0] > whole - 0.04, rows

    figure, axis = tutorial.panels(size=(6.4, 4))
    names = [f"{name}, {row[0]:.1%}" for name, row in rows.items()]
    axis.barh(names, [row[1] / 1000 for row in rows.values()], label="file")
    axis.barh(names, [row[2] / 1000 for row in rows.values()], 0.4, label="zipped")
    axis.set(title="The same network in several files", xlabel="kilobytes")
    axis.set(ylabel="method, accuracy")
    axis.invert_yaxis()
    axis.legend(loc="lower right")
    return {"files": figure}


# %%
tutorial.show(files)


# %%
def main(fast=False, out=pathlib.Path("out/03_quantization")):
    tutorial.run(check_the_grid, grid_and_clusters, few_bits, files, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Remove `stop_gradient` from `straight_through`. What does the network learn at 2 bits, and why?
# 2. Multiply one weight of a kernel by 20. How much accuracy is lost with 4 bits and a step a
#    layer, and with a step a channel?
# 3. How few clusters are enough? Cluster without learning, then with `compress(method="cluster")`.

# %%
if __name__ == "__main__":
    main()
