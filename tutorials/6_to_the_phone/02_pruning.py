# %% [markdown]
# # Pruning: most weights of a network can be zero
#
# **Claim.** Four of five weights of a network can become zeros, and it still classifies unseen
# digits as well as before, within two points, if it continues to learn while it is pruned. Pruned
# at once, without learning, it loses at least 10 points. A mask keeps the zeros; without one, most
# are no longer zero after an epoch. At 95 % zeros, one threshold for the whole network keeps at
# least two points more accuracy than one for each layer. The file shrinks only if it is compressed
# or stores zeros sparsely: then to less than half.
#
# **The idea.** A weight near zero has little effect on the outputs. So set the smallest weights to
# zero, let the others adapt, and repeat: in large steps at first, while many are not needed, and in
# small steps at the end. With a fraction $s_t$ of zeros at step t of n:
#
# $$m_i = [\,|w_i| > \text{the fraction } s_t \text{ of all } |w|\,] \qquad
# w \leftarrow m \odot w \qquad s_t = s_n + (s_0 - s_n) (1 - t / n)^3$$
#
# Run it: `python tutorials/6_to_the_phone/02_pruning.py` (50 seconds).
# You will see the schedule, the masks, the accuracy and the size of the files at each sparsity, and
# which layers can be pruned most.

# %%
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import compression, export
from kerasdl.formulas import pruning
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## A mask and a schedule
# The mask has a zero for the fraction s of the weights that are smallest by magnitude, and a one
# for the others. With s = 30 %, the three smallest of ten weights are pruned.
#
# Processors that are faster with zeros need them in a pattern, such as 2:4: two of each four
# neighboring weights are zero.


# %%
def smallest(weights, sparsity):
    mask = np.ones(weights.size)
    order = np.argsort(abs(weights.ravel()))
    mask[order[: round(sparsity * weights.size)]] = 0
    return mask.reshape(weights.shape)


def cubic(step, steps, final, initial=0.0):
    return final + (initial - final) * (1 - np.minimum(step / steps, 1)) ** 3


def pruned_by_library(kernel, **options):
    """The mask that `compression.prune` gives a layer whose learning rate is 0."""
    model = keras.Sequential([keras.Input(kernel.shape[:1]), keras.layers.Dense(kernel.shape[1])])
    model.set_weights([kernel, np.zeros(kernel.shape[1])])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    zeros = np.zeros((8, kernel.shape[0])), np.zeros((8, kernel.shape[1]))
    batches = tf.data.Dataset.from_tensor_slices(zeros).batch(2)
    compression.prune(model, batches, epochs=2, verbose=0, **options)
    return model.get_weights()[0] != 0


def masks_by_hand(fast=False):
    weights = np.array([0.5, -0.3, 0.1, 0.8, -0.6, 0.02, 0.4, -0.05, 0.9, -0.7])
    assert sorted(weights[smallest(weights, 0.3) == 0]) == [-0.05, 0.02, 0.1]
    kernel = np.random.default_rng(0).normal(size=(64, 128)).astype("float32")
    mask = smallest(kernel, 0.8)
    np.testing.assert_array_equal(pruning.magnitude_mask(kernel, 0.8), mask)
    np.testing.assert_array_equal(pruned_by_library(kernel, sparsity=0.8), mask)
    by_formula = [pruning.sparsity_schedule(t, 0.9, end=20) for t in range(30)]
    np.testing.assert_allclose(cubic(np.arange(30), 20, 0.9), by_formula, atol=1e-6)
    pattern = pruned_by_library(kernel, pattern="2:4")
    assert (pattern.reshape(16, 4, 128).sum(axis=1) == 2).all()  # of four inputs, two

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.4))
    t = np.linspace(0, 1.5)
    left.plot(t, 90 * cubic(t, 1, 1))
    left.set(title="A schedule that ends at 90 %", xlabel="t / n", ylabel="zeros, %")
    colors = np.where(smallest(weights, 0.3) > 0, "tab:blue", "tab:orange")
    bars = right.bar(range(10), abs(weights), color=colors)
    right.bar_label(bars, [f"{w:g}" for w in weights])
    right.set(title="Sparsity 30 %: the orange ones become zero", xlabel="weight", xticks=[])
    right.set(ylabel="magnitude", ylim=(0, 1))
    return {"schedule": figure}


# %%
tutorial.show(masks_by_hand)

# %% [markdown]
# ## Learning with a mask
# A weight that is zero still has a gradient, so the next step changes it, unless the mask is
# applied after every update. In Keras, the constraint of a weight does this. Without it, most zeros
# have changed after one epoch. (Those that stay belong to pixels that are always black and
# therefore have no gradient.)


# %%
def network(shape):
    dense = keras.layers.Dense
    hidden = dense(128, "relu", name="first"), dense(64, "relu", name="second")
    layers = [keras.layers.Flatten(), *hidden, dense(10, name="last")]
    return keras.Sequential([keras.Input(shape), *layers])


def zero_at_once(model, sparsity, hold=True):
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            mask = smallest(layer.kernel.numpy(), sparsity).astype("float32")
            layer.kernel.assign(layer.kernel * mask)
            if hold:
                layer.kernel.constraint = functools.partial(keras.ops.multiply, mask)


def release(model):
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.constraint = None


def zeros(model):
    return float(np.mean(np.concatenate([k.ravel() == 0 for k in model.get_weights()[::2]])))


@functools.cache
def digits():
    data = kerasdl.data.load("digits", validation=0)
    return data, next(data.test.unbatch().batch(1000).as_numpy_iterator())


def accuracy(model):
    images, labels = digits()[1]
    return float((np.argmax(model(images), axis=-1) == labels).mean())


def compile_for(model, epochs):
    steps = epochs * int(digits()[0].train.cardinality())
    learning_rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(learning_rate), LOSS)


def fit(model, epochs):
    compile_for(model, epochs)
    model.fit(digits()[0].train, epochs=epochs, shuffle=False, verbose=0)


def epochs_of(fast):
    return 1 if fast else 20


@functools.cache
def trained(seed, fast):
    """A dense network and its weights, which each experiment starts from."""
    kerasdl.set_seed(seed)
    model = network(digits()[0].info.shape)
    fit(model, epochs_of(fast))
    return model, model.get_weights()


def without_a_mask(fast=False):
    model, start = trained(0, fast)
    model.set_weights(start)
    zero_at_once(model, 0.8, hold=False)
    fit(model, 1)
    back = zeros(model)
    print(f"of 80 % zeros, {back / 0.8:.0%} are left after one epoch without a mask")
    assert back < 0.4, back


# %%
tutorial.show(without_a_mask)

# %% [markdown]
# ## Four ways to prune
# 1. At once, without learning afterwards.
# 2. At once, then learning with the mask.
# 3. Gradually: the library's `prune` renews the masks while the network learns, by the schedule
#    above, during half of the steps. A weight that was pruned may become nonzero again.
# 4. Gradually, with `scope="global"`: one threshold for all layers, so that some become sparser
#    than others. In way 3, each layer has its own threshold, and all become equally sparse.
#
# The second figure shows a part of one layer's weights. White is zero.

# %%
WAYS = (
    "at once, no learning",
    "at once, then learning",
    "gradually",
    "gradually, one threshold",
)
ONCE, THEN, GRADUAL, GLOBAL = WAYS


def sizes(model):
    folder = tutorial.scratch()
    dense = export.to_litert(model, folder / "dense.tflite")
    sparse = export.to_litert(model, folder / "sparse.tflite", sparse=True)
    return {"as it is": dense.size, "zipped": dense.zipped_size, "sparse": sparse.size}


def four_ways(seed, sparsity, fast):
    """way -> accuracy; the model is left as the last of them prunes it."""
    (model, start), epochs, found = trained(seed, fast), epochs_of(fast), {}
    model.set_weights(start)
    zero_at_once(model, sparsity)
    found[ONCE] = accuracy(model)
    fit(model, epochs)
    found[THEN] = accuracy(model)
    assert abs(zeros(model) - sparsity) < 1e-3, "the mask did not hold"
    release(model)
    for way, scope in ((GRADUAL, "layer"), (GLOBAL, "global")):
        model.set_weights(start)
        compile_for(model, epochs)
        train = digits()[0].train
        compression.prune(model, train, sparsity=sparsity, scope=scope, epochs=epochs)
        found[way] = accuracy(model)
    return found


@functools.cache
def experiments(fast):
    """By sparsity: accuracy of each way; bytes of the files; the second layer's weights."""
    levels, seeds = ((0.8,), (0,)) if fast else ((0.8, 0.9, 0.95), (0, 1))
    accuracies, model = {}, trained(0, fast)[0]
    model.set_weights(trained(0, fast)[1])
    dense, bytes_at, kernels = [accuracy(model)], {0.0: sizes(model)}, {}
    for sparsity in levels:
        runs = [four_ways(seed, sparsity, fast) for seed in reversed(seeds)]  # seed 0 is the last
        accuracies[sparsity] = {way: float(np.mean([run[way] for run in runs])) for way in WAYS}
        bytes_at[sparsity], kernels[sparsity] = sizes(model), model.get_weights()[2]
    for seed in seeds[1:]:
        model, start = trained(seed, fast)
        model.set_weights(start)
        dense.append(accuracy(model))
    return float(np.mean(dense)), accuracies, bytes_at, kernels


def two_of_four(fast):
    """Accuracy, and the second layer's weights."""
    model, start = trained(0, fast)
    model.set_weights(start)
    compile_for(model, epochs_of(fast))
    compression.prune(model, digits()[0].train, pattern="2:4", epochs=epochs_of(fast))
    return accuracy(model), model.get_weights()[2]


def ways_to_prune(fast=False):
    dense, accuracies, _, kernels = experiments(fast)
    halved, pattern = two_of_four(fast)
    print(f"accuracy: dense {dense:.1%}; 2:4 {halved:.1%}")
    for sparsity, row in accuracies.items():
        print(f"{sparsity:.0%} zeros:", {way: round(value, 3) for way, value in row.items()})
    if not fast:
        assert accuracies[0.8][ONCE] < dense - 0.1, accuracies
        assert min(accuracies[0.8][GRADUAL], halved) > dense - 0.02, (dense, accuracies, halved)
        by_layer = (accuracies[0.95][THEN] + accuracies[0.95][GRADUAL]) / 2
        assert accuracies[0.95][GLOBAL] > by_layer + 0.02, accuracies

    lines, axis = tutorial.panels(size=(6, 4))
    percent = [f"{sparsity:.0%}" for sparsity in accuracies]
    for way in WAYS:
        axis.plot(percent, [100 * row[way] for row in accuracies.values()], "o-", label=way)
    axis.axhline(100 * dense, color="gray", linestyle="--", label="dense")
    axis.set(title="Accuracy on unseen digits", xlabel="zeros", ylabel="%", ylim=(0, 100))
    axis.legend(loc="lower left")

    start = trained(0, fast)[1][2]
    last = max(kernels)
    shown = {"dense": start, "at once": start * smallest(start, last)}
    shown |= {"gradually, one threshold": kernels[last], "2:4": pattern}
    figure, axes = tutorial.panels(1, 4, size=(3.2, 3.6))
    for axis, (title, kernel) in zip(axes, shown.items(), strict=True):
        part = np.where(kernel == 0, np.nan, kernel)[:32, :32]
        axis.imshow(part, cmap="coolwarm", vmin=-0.4, vmax=0.4)
        axis.set(title=f"{title}:\n{np.mean(kernel == 0):.0%} zeros", xticks=[], yticks=[])
        axis.set(xlabel="32 of 64 outputs", ylabel="32 of 128 inputs")
    return {"accuracy": lines, "masks": figure}


# %%
tutorial.show(ways_to_prune)

# %% [markdown]
# ## How zeros make files smaller
# Stored plainly, a zero takes four bytes like any other float, so the file is as large as before.
# Zip, which app stores use, and sparse storage, which keeps only the nonzero values and their
# positions, both make it smaller.
#
# ## Which layers can be pruned
# The sensitivity of a layer is how much the loss grows when that layer alone is pruned, without
# learning.


# %%
def costs(fast=False):
    bytes_at = experiments(fast)[2]
    for sparsity, row in bytes_at.items():
        print(f"{sparsity:.0%} zeros, bytes: {row}")
    for kind in ("zipped", "sparse"):
        column = [row[kind] for row in bytes_at.values()]
        assert column == sorted(column, reverse=True) and column[1] < 0.5 * column[0], bytes_at

    grown = {}  # layer -> increase of the loss by sparsity
    for sparsity in experiments(fast)[1]:
        model, start = trained(0, fast)
        model.set_weights(start)
        compile_for(model, 1)
        for path, loss in compression.sensitivity(model, *digits()[1], sparsity=sparsity).items():
            grown.setdefault(path.split("/")[-2], []).append(loss)
    print(
        "increase of the loss:", {name: np.round(loss, 2).tolist() for name, loss in grown.items()}
    )

    figure, (left, right) = tutorial.panels(1, 2, size=(5.8, 3.8))
    for i, kind in enumerate(("as it is", "zipped", "sparse")):
        places = np.arange(len(bytes_at)) + (i - 1) * 0.27
        left.bar(places, [row[kind] / 1000 for row in bytes_at.values()], 0.25, label=kind)
    left.set(title="Size of the file", xlabel="zeros", ylabel="kilobytes")
    left.set_xticks(range(len(bytes_at)), [f"{sparsity:.0%}" for sparsity in bytes_at])
    left.margins(y=0.2)
    left.legend(ncols=3, fontsize=8)
    percent = [f"{sparsity:.0%}" for sparsity in experiments(fast)[1]]
    for name, losses in grown.items():
        right.plot(percent, losses, "o-", label=name)
    right.set(title="Pruning one layer alone", xlabel="zeros in that layer")
    right.set(ylabel="increase of the loss")
    right.legend(title="layer")
    return {"costs": figure}


# %%
tutorial.show(costs)


# %%
def main(fast=False, out=pathlib.Path("out/02_pruning")):
    sections = masks_by_hand, without_a_mask, ways_to_prune, costs
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. With one threshold for all, which layer keeps most of its weights? `compression.sparsity`
#    returns this.
# 2. `skip=("last",)` keeps the last layer dense. How much accuracy does that recover at 95 %, and
#    why?
# 3. Ways 2 and 3 have nearly the same accuracy here. Try a tenth of the epochs.

# %%
if __name__ == "__main__":
    main()
