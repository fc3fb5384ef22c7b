# %% [markdown]
# # Dropout and batch normalisation: what a layer hears while it learns
#
# **Claim.** Of 898 digits three in ten get a random label. A network learns some of these by heart;
# with half of its neurons, or of its connections, missing in each step it learns more slowly, fits
# the labels less, and reads at least four more unseen digits of a hundred. Batch normalisation lets
# eight layers learn at a rate that otherwise breaks them, and from starts at which they stall or
# break, though starts still matter. Its statistics are noisy where batches are small, and wrong
# after a dropout of one half, which doubles the variance while training, and not in use.
#
# **The idea.** Silence some, and make the others louder by as much. Or give each channel mean 0 and
# variance 1 over the batch, and then a width and a centre that are learned:
#
# $$y = \frac{m \odot x}{1 - p} \qquad\qquad
# y = \gamma\, \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta$$
#
# Run it: `python tutorials/1_learning/10_dropout_and_normalization.py` (50 seconds).
# You will see noisy labels
# resisted, rates and starts that normalisation allows, and what it costs.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.formulas import regularization
from kerasdl.layers import DropConnect

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TRIED = (0.01, 0.1, 1.0)  # rates, and deviations of the first weights

# %% [markdown]
# ## Dropout, by hand
# The notes leave out the division by $1 - p$. Without it the next layer would hear, in use, twice
# as much as it has learned with. DropConnect does the same to the weights: its mask has their
# shape, so each neuron misses other inputs.


# %%
def dropout(x, rate, random, training):
    if not training:
        return x
    return x * (random.random(x.shape) >= rate) / (1 - rate)


def drop_connect(x, w, rate, random, training):
    return x @ dropout(w, rate, random, training)


# %% [markdown]
# ## Batch normalisation, by hand
# While training each batch is measured; in use there may be one image only, so means and variances
# that were averaged on the way stand in. One of the notes leaves out $\epsilon$: then a channel
# that is always the same is divided by zero.


# %%
class BatchNorm:
    def __init__(self, channels, momentum=0.99, epsilon=1e-3):
        self.gamma, self.beta = np.ones(channels), np.zeros(channels)
        self.mean, self.variance = np.zeros(channels), np.ones(channels)
        self.momentum, self.epsilon = momentum, epsilon

    def __call__(self, x, training):
        mean, variance = self.mean, self.variance
        if training:
            mean, variance, m = x.mean(axis=0), x.var(axis=0), self.momentum
            self.mean = m * self.mean + (1 - m) * mean
            self.variance = m * self.variance + (1 - m) * variance
        return self.gamma * (x - mean) / np.sqrt(variance + self.epsilon) + self.beta


def check_by_hand(random):
    """Both against Keras, the notes' numbers, and a bias that changes nothing."""
    ones = dropout(np.ones(100_000), 0.5, random, training=True)
    assert set(ones) == {0, 2} and abs(ones.mean() - 1) < 0.01
    x, w = random.normal(3, 2, (64, 5)), random.normal(size=(5, 4))
    many = np.mean([drop_connect(x, w, 0.5, random, True) for _ in range(20_000)], axis=0)
    np.testing.assert_allclose(many, x @ w, atol=0.4)
    np.testing.assert_array_equal(drop_connect(x, w, 0.5, random, False), x @ w)
    ours, theirs = BatchNorm(5), keras.layers.BatchNormalization()
    for _ in range(20):
        x = random.normal(3, 2, (64, 5))
        y = ours(x, training=True)
        np.testing.assert_allclose(theirs(x, training=True), y, atol=1e-4)
    np.testing.assert_allclose(theirs(x, training=False), ours(x, training=False), atol=1e-4)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(BatchNorm(5)(x + 7, training=True), y, atol=1e-9)  # no bias needed
    assert (BatchNorm(1)(np.ones((4, 1)), training=True) == 0).all()  # epsilon
    assert theirs.count_params() == 20 and len(theirs.trainable_weights) == 2


# %% [markdown]
# ## Small batches, and dropout before it
# One and the same example comes out differently in each batch, the more so the smaller it is. And
# dropout multiplies the variance of what has mean 0 by $1 / (1 - p)$, but only in training: what
# BatchNorm has averaged is not what it meets in use, where its output is then too narrow.


# %%
def noise_of_batches(sizes, random):
    """Deviation of what becomes of an example of 1 in 2,000 batches, by their size."""
    found = {}
    for size in sizes:
        batches = np.concatenate([np.ones((1, 2000)), random.normal(size=(size - 1, 2000))])
        found[size] = float(BatchNorm(2000)(batches, training=True)[0].std())
    return found


def shift(rates, random):
    """Variance in use of what had variance 1 while training, after a dropout."""
    found = {}
    for rate in rates:
        norm, x = BatchNorm(1, momentum=0.9), random.normal(size=(100, 1000, 1))
        for batch in x:
            norm(dropout(batch, rate, random, training=True), training=True)
        found[rate] = float(norm(x[0], training=False).var())
    return found


def network(kind, seed, start=None):
    kerasdl.set_seed(seed)
    layers, dense = [keras.Input((8, 8, 1)), keras.layers.Flatten()], keras.layers.Dense
    for number in range(8 if kind.startswith("deep") else 2):
        how = keras.initializers.RandomNormal(stddev=start, seed=number) if start else "he_normal"
        if kind == "deep":
            layers.append(dense(32, "relu", kernel_initializer=how))
        elif kind == "deep, normalised":
            layers.append(dense(32, use_bias=False, kernel_initializer=how))
            layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
        elif kind == "DropConnect":
            layers.append(DropConnect(256, 0.5, "relu", seed=number))
        else:
            rate = 0.5 if kind == "dropout" else 0.0
            layers += [dense(256, "relu"), keras.layers.Dropout(rate, seed=number)]
    return keras.Sequential([*layers, dense(10)])


def train(model, optimizer, data, epochs):
    model.compile(optimizer, LOSS)
    history = model.fit(*data, batch_size=32, epochs=epochs, verbose=0).history["loss"]
    return np.nan_to_num(history, nan=10)


def noisy_labels(train_data, test, epochs, seeds):
    random, (images, labels) = np.random.default_rng(0), train_data
    wrong = np.where(random.random(len(labels)) < 0.3, random.integers(0, 10, len(labels)), labels)
    found, losses, right = {}, {}, lambda model, x, y: np.mean(np.argmax(model(x), axis=-1) == y)
    for kind in ("nothing dropped", "dropout", "DropConnect"):
        for seed in range(seeds):
            model, data = network(kind, seed), (images, wrong)
            losses[kind] = train(model, keras.optimizers.Adam(1e-3), data, epochs)
            found.setdefault(kind, []).append([right(model, *data), right(model, *test)])
    return {kind: np.mean(shares, axis=0) for kind, shares in found.items()}, losses


def deep_ones(data, epochs, pairs):
    """Last losses, for pairs of a rate and a start, without and with normalisation."""
    found = {}
    for kind in ("deep", "deep, normalised"):
        runs = [(network(kind, 0, start), keras.optimizers.SGD(rate)) for rate, start in pairs]
        found[kind] = [float(train(*run, data, epochs)[-1]) for run in runs]
    return found


def draw_noisy(found, losses):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    for kind, loss in losses.items():
        left.plot(np.arange(1, len(loss) + 1), loss, label=kind)
    left.set(title="Loss in training, parts missing; 3 of 10 labels random", xlabel="epoch")
    for place, label in enumerate(("labels of the training digits", "unseen digits")):
        shares = [100 * each[place] for each in found.values()]
        bars = right.bar(np.arange(3) + 0.4 * place - 0.2, shares, 0.38, label=label)
        right.bar_label(bars, fmt="%.0f")
    right.set(title="Right, %", ylim=(0, 130), xticks=range(3), xticklabels=[*found])
    left.legend(), right.legend()
    return figure


def draw_norm(by_rate, by_start, noise, shifts):
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.8), layout="constrained")
    for axis, table in zip(axes, (by_rate, by_start), strict=False):
        for place, (kind, losses) in enumerate(table.items()):
            axis.bar(np.arange(len(losses)) + 0.4 * place, np.minimum(losses, 5), 0.38, label=kind)
        axis.set_xticks(np.arange(len(losses)) + 0.2, TRIED[-len(losses) :])
        axis.axhline(np.log(10), color="grey", ls=":")
        axis.set(ylabel="loss (dots: chance; 5: broken)", ylim=(0, 7))
        axis.legend()
    axes[0].set(title="Eight layers, by rate", xlabel="rate")
    axes[1].set(title="The same, by start", xlabel="deviation of the first weights")
    axes[2].plot([str(size) for size in noise], [*noise.values()], "o-")
    axes[2].set(
        title="One example in many batches",
        xlabel="batch size",
        ylabel="deviation of its output",
        ylim=(0, 0.8),
    )
    axes[3].plot([*shifts], [*shifts.values()], "o-")
    axes[3].set(title="After a dropout, in use", xlabel="dropout", ylabel="variance", ylim=(0, 1.1))
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/10_dropout_and_normalization")):
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    check_by_hand(random)
    noise, shifts = noise_of_batches((2, 4, 16, 64), random), shift((0, 0.25, 0.5, 0.75), random)
    splits = kerasdl.data.load("digits", validation=0)
    load = lambda split: next(split.unbatch().batch(1000).as_numpy_iterator())  # noqa: E731
    data, test = load(splits.train), load(splits.test)
    epochs, seeds, tried = (1, 1, TRIED[-1:]) if fast else (25, 2, TRIED)
    found, losses = noisy_labels(data, test, epochs, seeds)
    by_rate = deep_ones(data, 1 if fast else 8, [(rate, None) for rate in tried])
    by_start = deep_ones(data, 8, [(0.1, start) for start in TRIED]) if not fast else by_rate
    draw_noisy(found, losses).savefig(out / "dropout.png", dpi=120)
    draw_norm(by_rate, by_start, noise, shifts).savefig(out / "normalisation.png", dpi=120)
    plt.close("all")
    print(f"right on noisy labels, on unseen digits: {found}")
    print(f"loss by rate: {by_rate}; by start: {by_start}")
    print(f"deviation by batch size: {noise}; variance in use by dropout: {shifts}")

    # the claim
    assert noise[2] > 3 * noise[64], noise
    foreseen = [1 / regularization.dropout_variance(0.0, 1.0, rate) for rate in shifts]
    np.testing.assert_allclose([*shifts.values()], foreseen, atol=0.05)
    if not fast:
        (plain, seen), *dropped = found.values()
        for memorised, unseen in dropped:
            assert memorised < plain - 0.03 and unseen > seen + 0.04, found
        slow = [loss[4] for loss in losses.values()]
        assert slow[0] < min(slow[1:]) - 0.1, slow
        assert by_rate["deep"][2] > 2.2 and by_rate["deep, normalised"][2] < 1.2, by_rate
        assert min(by_start["deep"]) > 2.2 and max(by_start["deep, normalised"]) < 2, by_start
        assert max(by_start["deep, normalised"]) > 3 * min(by_start["deep, normalised"]), by_start


# %% [markdown]
# ## Exercises
# 1. Put the true labels back. What does dropout bring then, after as many epochs and after more?
# 2. Put the dropout after the normalisation instead. What becomes of the shift?
# 3. Train the normalised layers with batches of 2. Which of the rates does it bear now?

# %%
if __name__ == "__main__":
    main()
