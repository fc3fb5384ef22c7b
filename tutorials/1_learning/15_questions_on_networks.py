# %% [markdown]
# # Ten questions on layers and networks, each answered by an experiment
#
# **Claim.** Ten more questions that are often asked in interviews, from dropout to the VAE, each
# have an answer of one sentence, and an experiment of a few lines that could refute it. Every
# number here is measured when you run it, and every answer is checked. The first ten are in the
# tutorial before; several of these look ahead to the parts that follow.
#
# **The idea.** It is the same as there, and again one formula is measured. An attention score is a
# sum of d products of numbers with variance 1, so its variance is d, and dividing by the square
# root of d gives variance 1:
#
# $$A = \mathrm{softmax}(Q K^\top / \sqrt d) \qquad \mathrm{Var}[q \cdot k] = d$$
#
# Run it: `python tutorials/1_learning/15_questions_on_networks.py` (30 seconds).
# You will see ten questions, each with its answer and a figure that shows it.

# %%
import collections
import functools
import pathlib
import pydoc_data.topics
import re

import keras
import numpy as np

import kerasdl
from kerasdl.formulas import attention, basics, convolution, generative, gradients, unrolling
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


# %% [markdown]
# ## 11. What does dropout do in inference?
# Nothing. In training, the remaining values are divided by 1 - p, so the mean is already correct.


# %%
def q11_dropout(fast=False):
    layer, ones = keras.layers.Dropout(0.5, seed=0), np.ones((1000, 100), "float32")
    training = np.asarray(layer(ones, training=True))
    inference = np.asarray(layer(ones))
    figure, axes = tutorial.panels(1, 2, sharey=True, title="11. Dropout of one half, inputs of 1")
    for place, (name, values) in zip(
        axes, (("training", training), ("inference", inference)), strict=True
    ):
        found = {str(v): float(np.mean(values == v)) for v in (0, 1, 2)}
        title = f"{name}: mean {values.mean():.3f}"
        tutorial.bars(place, found, xlabel="output", ylabel="fraction", title=title)
    assert abs(np.mean(training == 0) - 0.5) < 0.01 > abs(training.mean() - 1)
    assert inference.mean() == 1
    return figure


# %%
tutorial.show(q11_dropout)

# %% [markdown]
# ## 12. What does batch normalization do in inference?
# In training it uses the statistics of the batch; in inference it uses averages from training. So
# in inference the output for an example does not depend on the other examples.
#
# The same example of 1 is put into batches whose other examples have the mean -5 to 5.


# %%
def q12_batch_norm(fast=False):
    random, layer = np.random.default_rng(0), keras.layers.BatchNormalization()
    one = np.ones((1, 1), "float32")
    means = np.arange(-5, 6)
    batches = [np.r_[one, random.normal(m, size=(31, 1)).astype("float32")] for m in means]
    curves = {
        name: [float(layer(batch, training=training)[0, 0]) for batch in batches]
        for name, training in (("training", True), ("inference", False))
    }
    figure, axes = tutorial.panels(size=(6, 4))
    names = {
        "xlabel": "mean of the other examples in the batch",
        "ylabel": "output for the example",
    }
    title = "12. The same example in different batches"
    tutorial.lines(axes, curves, means, title=title, marker="o", **names)
    assert abs(curves["training"][5] - curves["training"][10]) > 1
    assert np.ptp(curves["inference"]) == 0
    return figure


# %%
tutorial.show(q12_batch_norm)

# %% [markdown]
# ## 13. Why convolutions and not dense layers?
# A convolution uses the same few weights at every position. So it needs far fewer weights, and if
# an object moves in the image, its response moves in the output.


# %%
def q13_convolution(fast=False):
    weights = {
        "dense": basics.dense_parameters(28 * 28, 26 * 26 * 16),
        "convolution": convolution.convolution_parameters(1, 16, 3),
    }
    image = digits()[1][0][3, ..., 0]
    moved = np.roll(image, 1, axis=1)
    edges = np.array([[1.0, 0, -1]] * 3)
    found = [convolution.filter_image(each, edges) for each in (image, moved)]
    figure, axes = tutorial.panels(1, 5, size=(2.9, 3.2), title="13. Few weights, used everywhere")
    names = {"xlabel": "28x28 image to 16 maps", "ylabel": "weights"}
    tutorial.bars(axes[0], weights, form="{:,}", **names)
    axes[0].set_yscale("log")
    titles = "image", "moved by 1", "its edges", "edges, moved by 1"
    for place, values, title in zip(axes[1:], (image, moved, *found), titles, strict=True):
        place.imshow(values, cmap="gray")
        place.set(title=title, xticks=[], yticks=[])
    np.testing.assert_allclose(found[0][:, :-1], found[1][:, 1:])
    assert weights["dense"] > 50_000 * weights["convolution"]
    return figure


# %%
tutorial.show(q13_convolution)

# %% [markdown]
# ## 14. What is pooling for?
# If the image moves by one pixel, pooled maps change less than maps that are not pooled. The number
# of maps stays the same.


# %%
def q14_pooling(fast=False):
    images = digits()[1][0][:200]
    layer = keras.layers.Conv2D(8, 3, kernel_initializer=keras.initializers.Orthogonal(seed=0))
    maps = [np.asarray(layer(each)) for each in (images, np.roll(images, 1, axis=2))]
    pairs = {
        "maps": maps,
        "max of 2x2": [keras.layers.MaxPooling2D(2)(each) for each in maps],
        "max of all": [keras.layers.GlobalMaxPooling2D()(each) for each in maps],
    }
    changes = {
        name: float(np.linalg.norm(before - after) / np.linalg.norm(before))
        for name, (before, after) in pairs.items()
    }
    figure, axes = tutorial.panels(size=(6, 3.8))
    title = "14. The image moves by one pixel"
    tutorial.bars(axes, changes, xlabel="", ylabel="relative change", title=title)
    assert [*changes.values()] == sorted(changes.values(), reverse=True)
    return figure


# %%
tutorial.show(q14_pooling)

# %% [markdown]
# ## 15. What are the gates of an LSTM for?
# A forget gate near 1 keeps the cell's state, and its gradient, for a hundred steps. In a plain
# recurrent network each step multiplies the gradient by $\mathrm{diag}(1 - h^2)\, U$. The figure
# has its best case: all singular values of U are 1.


# %%
def q15_lstm_gates(fast=False):
    random = np.random.default_rng(0)
    u = np.linalg.qr(random.normal(size=(32, 32)))[0]
    h, jacobian, plain = np.zeros(32), np.eye(32), []
    for _ in range(100):
        h = np.tanh(u @ h + 0.1 * random.normal(size=32))
        jacobian = gradients.recurrent_jacobian(h, u) @ jacobian
        plain.append(float(np.linalg.norm(jacobian, 2)))
    steps = np.arange(1, 101)
    curves = {
        "plain network": plain,
        "LSTM, forget gate 0.99": [
            float(unrolling.cell_state_gradient(np.full(step, 0.99))) for step in steps
        ],
        "LSTM, forget gate 0.9": [
            float(unrolling.cell_state_gradient(np.full(step, 0.9))) for step in steps
        ],
    }
    figure, axes = tutorial.panels(size=(6.5, 4))
    names = {"xlabel": "steps back", "ylabel": "gradient that is left"}
    tutorial.lines(axes, curves, steps, title="15. Gradients through a hundred steps", **names)
    axes.set_ylim(0, 1.05)
    assert plain[-1] < 0.05 < 0.3 < curves["LSTM, forget gate 0.99"][-1]
    return figure


# %%
tutorial.show(q15_lstm_gates)

# %% [markdown]
# ## 16. Why does attention divide by the root of d?
# Scores have the standard deviation $\sqrt d$. Without the division softmax gives almost everything
# to the largest score, where its slope vanishes.
#
# 64 queries and 64 keys with d = 512; the curves are the sorted weights of a query, on average.


# %%
def q16_attention(fast=False):
    q, k = np.random.default_rng(0).normal(size=(2, 64, 512))
    weights = {
        "not divided": attention.dot_attention_weights(q, k),
        "divided by $\\sqrt{d}$": attention.attention_weights(q, k),
    }
    curves = {name: np.sort(a, axis=1)[:, ::-1].mean(axis=0)[:10] for name, a in weights.items()}
    figure, axes = tutorial.panels(size=(6, 4))
    names = {"xlabel": "key, from the largest weight down", "ylabel": "weight"}
    title = "16. Attention weights, d = 512"
    tutorial.lines(axes, curves, np.arange(1, 11), title=title, marker="o", **names)
    plain, scaled = [curve[0] for curve in curves.values()]
    assert 20 < np.std(q @ k.T) < 25  # about the root of 512
    assert plain > 0.8 > 0.3 > scaled
    return figure


# %%
tutorial.show(q16_attention)

# %% [markdown]
# ## 17. Why embeddings?
# As one-hot vectors all words are equally far apart. Vectors computed from the neighboring words
# are similar for words with similar uses.
#
# How often are two words of Python's documentation within three words of each other? The matrix
# below compares that with chance (pointwise mutual information), and its main directions give each
# word a vector of 50 numbers.


# %%
@functools.cache
def word_vectors():
    text = " ".join(pydoc_data.topics.topics.values()).lower()
    words = re.findall("[a-z_]+", text)
    names = [name for name, _ in collections.Counter(words).most_common(600)]
    index = {name: i for i, name in enumerate(names)}
    counts = np.full((600, 600), 1e-9)
    for distance in (1, 2, 3):
        for a, b in zip(words, words[distance:], strict=False):
            if a in index and b in index:
                counts[index[a], index[b]] += 1
                counts[index[b], index[a]] += 1
    sums = counts.sum(axis=0)
    by_chance = np.outer(sums, sums) / sums.sum()
    information = np.maximum(np.log(counts / by_chance), 0)
    left, size, _ = np.linalg.svd(information)
    vectors = left[:, :50] * size[:50]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return dict(zip(names, vectors, strict=True))


def q17_embeddings(fast=False):
    words, vectors = ("two", "three", "true", "false", "list", "tuple", "raised"), word_vectors()
    cosines = np.array([[vectors[a] @ vectors[b] for b in words] for a in words])
    figure, axes = tutorial.panels(size=(5.4, 5))
    tutorial.matrix(axes, cosines, title="17. Cosine between vectors of words")
    axes.set_xticks(range(len(words)), words)
    axes.set_yticks(range(len(words)), words)

    def cosine(a, b):
        return vectors[a] @ vectors[b]

    alike = cosine("two", "three"), cosine("true", "false"), cosine("list", "tuple")
    assert min(alike) > max(cosine("two", "raised"), cosine("true", "list")) + 0.25
    return figure


# %%
tutorial.show(q17_embeddings)

# %% [markdown]
# ## 18. Why transfer learning?
# Features learned from many labels help when there are few. A network learns the ten digits from
# 898 labels. A new output for "is it odd?" then gets only 20 labels.


# %%
def fit(model, data, test, optimizer="adam", epochs=8):
    """Train, and return the accuracy on the test part."""
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    model.fit(*data, epochs=epochs, verbose=0)
    images, labels = test
    return float(np.mean(model.predict_on_batch(images).argmax(axis=-1) == labels))


def q18_transfer_learning(fast=False):
    kerasdl.set_seed(0)
    (x, y), (images, labels) = digits()
    few, test = (x[:20], y[:20] % 2), (images, labels % 2)
    layers = keras.layers.Flatten(), keras.layers.Dense(64, "relu"), keras.layers.Dense(10)
    body = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    model = keras.Sequential([body, keras.layers.Softmax(), keras.layers.Dense(2)])
    start, epochs = model.get_weights(), 1 if fast else 100
    found = {"from scratch": fit(model, few, test, keras.optimizers.Adam(0.003), epochs)}
    model.set_weights(start)
    fit(body, (x, y), (images, labels), epochs=1 if fast else 30)  # learn digits first
    body.trainable = False
    found["body knows digits"] = fit(model, few, test, keras.optimizers.Adam(0.03), epochs)
    figure, axes = tutorial.panels(size=(5, 3.8))
    names = {"xlabel": "", "ylabel": "test accuracy"}
    tutorial.bars(axes, found, title='18. "Is it odd?" from 20 labels', **names)
    axes.axhline(0.5, color="grey", ls=":")
    assert fast or found["body knows digits"] > found["from scratch"] + 0.08
    return figure


# %%
tutorial.show(q18_transfer_learning)

# %% [markdown]
# ## 19. Why does a GAN lose modes?
# The discriminator sees one sample at a time. So the generator's loss is no lower for samples of
# all eight modes than for samples of a single one.
#
# The real data are eight narrow normal distributions on a ring, and the best discriminator against
# a generator of a plain normal distribution is known by formula.


# %%
def q19_mode_collapse(fast=False):
    angles = 2 * np.pi * np.arange(8) / 8
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    squares = np.sum((ring[:, None] - ring) ** 2, axis=-1)
    real = np.mean(np.exp(-squares / 0.02) / 0.02, axis=1) / np.pi  # density at each mode
    generated = np.exp(-0.5) / (2 * np.pi)  # the same for the generator
    d = generative.optimal_discriminator(real, generated)
    figure, axes = tutorial.panels(1, 2, sharey=True, title="19. Eight modes, one mode, same loss")
    losses, covered = [], []
    for place, made in zip(axes, (np.arange(8), np.zeros(8, int)), strict=True):
        losses.append(float(generative.generator_loss(d[made])))
        covered.append(int(generative.modes_covered(ring[made], ring, 0.1).sum()))
        place.scatter(*ring.T, s=200, color="lightgrey", label="modes of the data")
        place.scatter(*ring[made].T, color="tab:orange", label="eight samples")
        title = f"{covered[-1]} of 8 modes, generator's loss {losses[-1]:.4f}"
        place.set(title=title, xlabel="x1", ylabel="x2", aspect="equal")
        place.legend(fontsize=8, loc="center")
    np.testing.assert_allclose(*losses)
    assert covered == [8, 1]
    return figure


# %%
tutorial.show(q19_mode_collapse)

# %% [markdown]
# ## 20. Autoencoder or VAE?
# Both compress images into codes and decode them. Only the codes of the VAE fill a normal
# distribution, so only its decoder turns a random code into a new digit. The distance to the
# nearest training digit measures how much a decoded image looks like one.


# %%
def q20_autoencoder_or_vae(fast=False):
    kerasdl.set_seed(0)
    (x, _), (images, _) = digits()

    def distance(made):
        """From each image to the nearest training digit: (number,)."""
        return np.linalg.norm(made[:, None] - x[..., 0], axis=(2, 3)).min(axis=1)

    noise = keras.random.normal((400, 10), seed=1)
    made = {"real digits": images[..., 0]}
    for name in ("autoencoder", "vae"):
        model = kerasdl.create_model(f"{name}_tiny")
        if name == "autoencoder":
            model.compile(keras.optimizers.Adam(3e-3), "mse")
        else:
            model.compile(keras.optimizers.Adam(3e-3))
        model.fit(x, epochs=1 if fast else 40, batch_size=32, verbose=0)
        made[name] = np.asarray(model.decode(noise))[..., 0]
    distances = {name: float(distance(each).mean()) for name, each in made.items()}

    figure, axes = tutorial.panels(3, 8, size=(1.3, 1.5))
    figure.suptitle("20. Decoded from random codes; distance to the nearest training digit")
    for row, (name, each) in zip(axes, made.items(), strict=True):
        for place, image in zip(row, each, strict=False):
            place.imshow(image, cmap="gray", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{name}\n{distances[name]:.2f}", fontsize=9)
    print({name: round(value, 3) for name, value in distances.items()})
    assert fast or distances["vae"] < 1.2 * distances["real digits"]
    assert fast or 1.2 * distances["real digits"] < distances["autoencoder"] / 1.2
    return figure


# %%
tutorial.show(q20_autoencoder_or_vae)

# %% [markdown]
# ## Exercises
# 1. Pick the answer that you believe least, and change its experiment so that it would fail.
# 2. Freeze a body that learned nothing in question 18. What can a new head do with random features?
# 3. Add a question of your own, with a number that could have come out otherwise.


# %%
def main(fast=False, out=pathlib.Path("out/15_questions_on_networks")):
    layers = q11_dropout, q12_batch_norm, q13_convolution, q14_pooling
    sequences = q15_lstm_gates, q16_attention, q17_embeddings
    networks = q18_transfer_learning, q19_mode_collapse, q20_autoencoder_or_vae
    tutorial.run(*layers, *sequences, *networks, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
