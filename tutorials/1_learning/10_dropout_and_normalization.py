# %% [markdown]
# # Dropout and batch normalization: layers that behave differently in training
#
# **Claim.** Three in ten of 898 digits get a random label. A network memorizes some of these. With
# half of its neurons, or of its connections, dropped in each step it learns more slowly, fits the
# wrong labels less, and classifies at least four more of a hundred unseen digits correctly. Batch
# normalization lets eight layers learn at a learning rate at which they otherwise diverge, and from
# initial weights with which they otherwise do not learn. Its statistics are noisy if batches are
# small, and wrong after a dropout of one half, which doubles the variance in training only.
#
# **The idea.** *Dropout* sets a random fraction p of the inputs to 0 in each training step and
# divides the others by $1 - p$, so that the mean stays the same. No neuron can rely on one
# particular input. *Batch normalization* gives each channel the mean 0 and the variance 1 over the
# batch, and then a learned scale and shift:
#
# $$y = \frac{m \odot x}{1 - p} \qquad\qquad
# y = \gamma\, \frac{x - \mu_B}{\sqrt{\sigma_B^2 + \epsilon}} + \beta$$
#
# In inference nothing is dropped, and averages from training replace the statistics of the batch.
#
# Run it: `python tutorials/1_learning/10_dropout_and_normalization.py` (40 seconds).
# You will see both by hand, how dropout helps against wrong labels, which learning rates and
# initial weights batch normalization allows, and its drawbacks.

# %%
import functools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl.formulas import regularization
from kerasdl.layers import DropConnect
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% [markdown]
# ## Dropout, by hand
# Without the division by $1 - p$, the next layer would get inputs that are twice as large in
# inference (for p = 1/2) as in training.
#
# *DropConnect* drops weights instead of inputs: its mask has the shape of the weights, so each
# neuron loses different inputs.


# %%
def dropout(x, rate, random, training):
    if not training:
        return x
    keep = random.random(x.shape) >= rate
    return x * keep / (1 - rate)


def drop_connect(x, w, rate, random, training):
    return x @ dropout(w, rate, random, training)


# %% [markdown]
# ## Batch normalization, by hand
# In training, the layer uses the statistics of each batch. In inference there may be only one
# image, so the layer uses moving averages of mean and variance from training. A channel that is
# constant has variance 0; $\epsilon$ avoids a division by 0.
#
# The mean is subtracted, so a bias in the layer before has no effect, and is left out
# (`use_bias=False`).


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


def by_hand(fast=False):
    random = np.random.default_rng(0)
    ones = dropout(np.ones(100_000), 0.5, random, training=True)
    print(f"dropout of ones: values {sorted(set(ones.tolist()))}, mean {ones.mean():.3f}")
    assert set(ones) == {0, 2} and abs(ones.mean() - 1) < 0.01
    x, w = random.normal(3, 2, (64, 5)), random.normal(size=(5, 4))
    mean = np.mean([drop_connect(x, w, 0.5, random, True) for _ in range(20_000)], axis=0)
    np.testing.assert_allclose(mean, x @ w, atol=0.4)
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
    # gamma and beta are trained, mean and variance are not
    assert theirs.count_params() == 20 and len(theirs.trainable_weights) == 2


# %%
tutorial.show(by_hand)

# %% [markdown]
# ## Dropout against wrong labels
# Three in ten training digits get a random label. The plain network fits those too. With dropout
# it fits fewer of them and classifies more of the unseen digits, whose labels are correct. But
# training takes longer: its loss falls more slowly.


# %%
@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


def shallow(kind, seed):
    kerasdl.set_seed(seed)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    for number in range(2):
        if kind == "DropConnect":
            layers.append(DropConnect(256, 0.5, "relu", seed=number))
        else:
            rate = 0.5 if kind == "dropout" else 0.0
            layers.append(keras.layers.Dense(256, "relu"))
            layers.append(keras.layers.Dropout(rate, seed=number))
    return keras.Sequential([*layers, keras.layers.Dense(10)])


def train(model, optimizer, data, epochs):
    """The loss of each epoch; 10 where it is NaN."""
    model.compile(optimizer, LOSS)
    history = model.fit(*data, batch_size=32, epochs=epochs, verbose=0)
    return np.nan_to_num(history.history["loss"], nan=10)


def accuracy(model, x, y):
    return float(np.mean(np.argmax(model(x), axis=-1) == y))


def wrong_labels(fast=False):
    epochs, seeds = (1, 1) if fast else (25, 2)
    random, ((images, labels), test) = np.random.default_rng(0), digits()
    wrong = np.where(random.random(len(labels)) < 0.3, random.integers(0, 10, len(labels)), labels)
    losses, fitted, unseen = {}, {}, {}
    for kind in ("nothing dropped", "dropout", "DropConnect"):
        pairs = []
        for seed in range(seeds):
            model = shallow(kind, seed)
            losses[kind] = train(model, keras.optimizers.Adam(1e-3), (images, wrong), epochs)
            pairs.append((accuracy(model, images, wrong), accuracy(model, *test)))
        fitted[kind], unseen[kind] = map(float, np.mean(pairs, axis=0))
        print(f"{kind}: fits {fitted[kind]:.1%} of the labels, {unseen[kind]:.1%} of unseen digits")

    title = "Three in ten training labels are random"
    figure, axes = tutorial.panels(1, 3, size=(4.6, 3.8), title=title)
    x = np.arange(1, epochs + 1)
    tutorial.lines(axes[0], losses, x, xlabel="epoch", ylabel="training loss")
    names = {"xlabel": "", "ylabel": "fraction"}
    tutorial.bars(axes[1], fitted, title="Training labels that are fitted", **names)
    tutorial.bars(axes[2], unseen, title="Unseen digits that are right", **names)
    axes[1].set_ylim(0, 1.1)
    axes[2].set_ylim(0, 1.1)
    if not fast:
        for kind in ("dropout", "DropConnect"):
            assert fitted[kind] < fitted["nothing dropped"] - 0.03, fitted
            assert unseen[kind] > unseen["nothing dropped"] + 0.04, unseen
            assert losses[kind][4] > losses["nothing dropped"][4] + 0.1, losses  # slower
    return figure


# %%
tutorial.show(wrong_labels)

# %% [markdown]
# ## Batch normalization in eight layers
# Eight layers of 32 ReLUs, plain gradient descent, eight epochs. On the left three learning rates
# with He's initial weights; on the right initial weights of three sizes at the learning rate 0.1.
# Without normalization the network diverges at the learning rate 1, and it does not learn from
# weights of any of the three sizes. With normalization all six learn, though not equally well: the
# initial weights still matter.


# %%
TRIED = 0.01, 0.1, 1.0  # learning rates, and deviations of the initial weights


def deep(normalized, deviation=None):
    kerasdl.set_seed(0)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    for number in range(8):
        start = "he_normal"
        if deviation:
            start = keras.initializers.RandomNormal(stddev=deviation, seed=number)
        if normalized:
            layers.append(keras.layers.Dense(32, use_bias=False, kernel_initializer=start))
            layers.append(keras.layers.BatchNormalization(momentum=0.9))
            layers.append(keras.layers.ReLU())
        else:
            layers.append(keras.layers.Dense(32, "relu", kernel_initializer=start))
    return keras.Sequential([*layers, keras.layers.Dense(10)])


def last_losses(pairs, epochs):
    """For pairs of a learning rate and a deviation: the last loss without and with batch norm."""
    data, _ = digits()
    return {
        name: [
            float(train(deep(normalized, start), keras.optimizers.SGD(rate), data, epochs)[-1])
            for rate, start in pairs
        ]
        for name, normalized in (("plain", False), ("batch norm", True))
    }


def eight_layers(fast=False):
    epochs, tried = (1, TRIED[-1:]) if fast else (8, TRIED)
    by_rate = last_losses([(rate, None) for rate in tried], epochs)
    by_start = by_rate if fast else last_losses([(0.1, start) for start in TRIED], epochs)
    figure, axes = tutorial.panels(1, 2, title="Loss after eight epochs; 5: broken", size=(5, 4))
    xlabels = "learning rate", "deviation of the initial weights"
    for place, table, xlabel in zip(axes, (by_rate, by_start), xlabels, strict=True):
        for number, (name, losses) in enumerate(table.items()):
            x = np.arange(len(losses)) + 0.4 * number - 0.2
            place.bar_label(place.bar(x, np.minimum(losses, 5), 0.38, label=name), fmt="%.2f")
        place.axhline(np.log(10), color="grey", ls=":", label="guessing")
        place.set_xticks(range(len(tried)), [str(value) for value in tried])
        place.set(xlabel=xlabel, ylabel="training loss", ylim=(0, 6))
        place.legend(fontsize=8)
    print(f"loss by learning rate: {by_rate}; by initial weights: {by_start}")
    if not fast:
        assert by_rate["plain"][2] > 2.2 and by_rate["batch norm"][2] < 1.2
        assert min(by_start["plain"]) > 2.2 and max(by_start["batch norm"]) < 2
        assert max(by_start["batch norm"]) > 3 * min(by_start["batch norm"])  # starts still matter
    return figure


# %%
tutorial.show(eight_layers)

# %% [markdown]
# ## Its drawbacks
# - *Small batches.* The output for an example differs from batch to batch, because it depends on
#   the other examples: the smaller the batch, the noisier.
# - *Dropout before it.* Dropout multiplies the variance of inputs with mean 0 by $1 / (1 - p)$, but
#   only in training. The averages that batch normalization has kept are then too large for
#   inference, and its output too narrow. So put dropout after it.


# %%
def noise_by_batch_size(sizes, random):
    """The deviation of an example of 1 after normalization in 2,000 batches."""
    found = {}
    for size in sizes:
        batches = np.concatenate([np.ones((1, 2000)), random.normal(size=(size - 1, 2000))])
        found[size] = float(BatchNorm(2000)(batches, training=True)[0].std())
    return found


def variance_after_dropout(rates, random):
    """The variance in inference of what has variance 1 in training, after dropout."""
    found = {}
    for rate in rates:
        norm, x = BatchNorm(1, momentum=0.9), random.normal(size=(100, 1000, 1))
        for batch in x:
            norm(dropout(batch, rate, random, training=True), training=True)
        found[rate] = float(norm(x[0], training=False).var())
    return found


def costs(fast=False):
    random = np.random.default_rng(0)
    noise = noise_by_batch_size((2, 4, 16, 64), random)
    variance = variance_after_dropout((0, 0.25, 0.5, 0.75), random)
    figure, (left, right) = tutorial.panels(1, 2)
    names = {"xlabel": "batch size", "ylabel": "deviation of its output"}
    tutorial.bars(left, noise, title="The same example in many batches", **names)
    names = {"xlabel": "fraction dropped before", "ylabel": "variance in inference"}
    tutorial.bars(right, variance, title="Batch norm after dropout", **names)
    foretold = [1 / regularization.dropout_variance(0.0, 1.0, rate) for rate in variance]
    np.testing.assert_allclose([*variance.values()], foretold, atol=0.05)
    assert noise[2] > 3 * noise[64]
    return figure


# %%
tutorial.show(costs)

# %% [markdown]
# ## Exercises
# 1. Put the right labels back. What does dropout gain then, after as many epochs and after more?
# 2. Put dropout after batch normalization in `costs`. What becomes of the variance?
# 3. Train the normalized layers with batches of 2. Which of the learning rates still work?


# %%
def main(fast=False, out=pathlib.Path("out/10_dropout_and_normalization")):
    tutorial.run(by_hand, wrong_labels, eight_layers, costs, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
