# %% [markdown]
# # Twenty questions, eleven to twenty: layers and whole networks
#
# **Claim.** Ten more questions of an interview, from dropout to the VAE, each have an answer of one
# sentence, and an experiment of a few lines that could refute it. All numbers are measured while
# you wait, and each answer is asserted. The first ten are in the tutorial before.
#
# **The idea.** As there; the questions are ours, after the notes' topics. Question 16's formula: a
# score of attention is a sum of d products, so its variance is d, and the root brings it back to 1.
#
# $$A = \mathrm{softmax}(Q K^\top / \sqrt d) \qquad \mathrm{Var}[q \cdot k] = d$$
#
# Run it: `python tutorials/1_learning/15_questions_on_networks.py` (35 seconds).
# You will see a table of ten
# questions, numbers and answers, and the numbers as bars.

# %%
import collections
import itertools
import pathlib
import pydoc_data.topics
import re

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.formulas import attention, basics, convolution, generative, gradients, unrolling

FIRST = 11
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
layers = keras.layers

# %% [markdown]
# ## Layers
# A generator yields for each question: the question, the numbers, the answer, whether it holds.


# %%
def about_layers(data, random):
    layer, ones = layers.Dropout(0.5, seed=0), np.ones((1000, 100), "float32")
    heard = np.asarray(layer(ones, training=True))
    n = {"silenced": np.mean(heard == 0), "mean in\ntraining": heard.mean()}
    n["mean in\nuse"] = float(np.mean(layer(ones)))
    answer = "What is not silenced is divided by 1 - p, so that in use nothing need be done."
    holds = abs(n["silenced"] - 0.5) < 0.01 > abs(n["mean in\ntraining"] - 1)
    yield "What does dropout do in use?", n, answer, holds and n["mean in\nuse"] == 1

    layer, one = layers.BatchNormalization(), np.ones((1, 1), "float32")
    others = [random.normal(mean, size=(31, 1)).astype("float32") for mean in (0, 5)]
    n = {}
    for name, training in (("in training", True), ("in use", False)):
        ours = [float(layer(np.r_[one, rest], training=training)[0, 0]) for rest in others]
        n[f"{name},\ndifference"] = abs(ours[0] - ours[1])
    answer = (
        "In training an example is judged beside its batch, in use beside averages of training."
    )
    trained, used = n.values()
    yield "What does batch norm do in use?", n, answer, trained > 1 and used == 0

    n = {"dense": basics.dense_parameters(28 * 28, 26 * 26 * 16)}
    n["16 filters\n3 x 3"] = convolution.convolution_parameters(1, 16, 3)
    image, kernel = random.normal(size=(12, 12)), random.normal(size=(3, 3))
    moved = [convolution.filter_image(i, kernel) for i in (image, np.roll(image, 1, axis=1))]
    answer = "It uses few weights everywhere, so what moves in the image moves in its output."
    holds = np.allclose(moved[0][:, :-1], moved[1][:, 1:]) and n["dense"] > 50_000 * 160
    yield "Why convolution, not dense?", n, answer, holds

    images = data[1][0][:200]
    maps = [layers.Conv2D(8, 3, kernel_initializer=keras.initializers.Orthogonal(seed=0))]
    maps = [np.asarray(maps[0](i)) for i in (images, np.roll(images, 1, axis=2))]
    n = {"map": maps}
    n["max pooled\n2 x 2"] = [layers.MaxPooling2D(2)(m) for m in maps]
    n["max of\nall"] = [layers.GlobalMaxPooling2D()(m) for m in maps]
    n = {k: float(np.linalg.norm(a - b) / np.linalg.norm(a)) for k, (a, b) in n.items()}
    answer = "Moved by a pixel, the pooled image changes less than the image; the depth stays."
    yield "What is pooling for?", n, answer, [*n.values()] == sorted(n.values())[::-1]


# %% [markdown]
# ## Sequences and words


# %%
def about_sequences(random):
    # the plain network's best case: all singular values are 1
    u, h, jacobian = np.linalg.qr(random.normal(size=(32, 32)))[0], np.zeros(32), np.eye(32)
    for _ in range(100):
        h = np.tanh(u @ h + 0.1 * random.normal(size=32))
        jacobian = gradients.recurrent_jacobian(h, u) @ jacobian
    n = {"plain": np.linalg.norm(jacobian, 2)}
    n["LSTM\nf = 0.99"] = float(unrolling.cell_state_gradient(np.full(100, 0.99)))
    answer = "A gate near 1 carries the memory, and its gradient, through a hundred steps."
    yield "What are an LSTM's gates for?", n, answer, n["plain"] < 0.05 < 0.3 < n["LSTM\nf = 0.99"]

    q, k = random.normal(size=(2, 64, 512))
    weights = attention.dot_attention_weights(q, k), attention.attention_weights(q, k)
    n = {w: float(a.max(axis=1).mean()) for w, a in zip(("plain", "scaled"), weights, strict=True)}
    answer = (
        "Scores deviate by sqrt(d); undivided, softmax gives the largest all and the rest nothing."
    )
    holds = n["plain"] > 0.8 > 0.3 > n["scaled"]
    yield "Why divide by sqrt(d)?", n, answer, holds and 20 < np.std(q @ k.T) < 25

    words = re.findall("[a-z_]+", " ".join(pydoc_data.topics.topics.values()).lower())
    names = [name for name, _ in collections.Counter(words).most_common(600)]
    index = {name: i for i, name in enumerate(names)}
    counts = np.full((600, 600), 1e-9)
    for distance in (1, 2, 3):
        for a, b in zip(words, words[distance:], strict=False):
            if a in index and b in index:
                counts[index[a], index[b]] += 1
                counts[index[b], index[a]] += 1
    sums = counts.sum(axis=0)
    left, size, _ = np.linalg.svd(np.maximum(np.log(counts * sums.sum() / np.outer(sums, sums)), 0))
    vectors = left[:, :50] * size[:50]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = "two three", "true false", "list tuple", "two raised", "true list"
    n = {
        p.replace(" ", "\n"): float(np.dot(*[vectors[index[w]] for w in p.split()])) for p in pairs
    }
    *alike, one, two = n.values()
    answer = "One-hot words are all equally far; words with like neighbours get like vectors."
    yield "Why embeddings?", n, answer, min(alike) > max(one, two) + 0.25


# %% [markdown]
# ## Whole networks


# %%
def learn(data, model, optimizer="adam", epochs=8):
    """The last training loss, and the share of unseen digits that are read right."""
    (x, y), (unseen, answers) = data
    model.compile(optimizer, LOSS, metrics=["accuracy"])
    loss = model.fit(x, y, epochs=epochs, verbose=0).history["loss"][-1]
    return loss, float(np.mean(model.predict_on_batch(unseen).argmax(axis=-1) == answers))


def about_networks(data, fast):
    (x, y), (unseen, answers) = data
    flat, dense = [keras.Input((8, 8, 1)), layers.Flatten()], layers.Dense
    body = keras.Sequential([*flat, dense(64, "relu"), dense(10)])
    head = keras.Sequential([body, layers.Softmax(), dense(2)])
    epochs = 1 if fast else 100
    few, odd = (x[:20], y[:20] % 2), (unseen, answers % 2)
    start = head.get_weights()
    n = {"from\nscratch": learn((few, odd), head, keras.optimizers.Adam(0.003), epochs)[1]}
    head.set_weights(start)
    learn(data, body, epochs=1 if fast else 30)
    body.trainable = False
    n["body from\ndigits"] = learn((few, odd), head, keras.optimizers.Adam(0.03), epochs)[1]
    answer = "What was learned with 898 labels, the digit, serves where there are 20: is it odd?"
    holds = n["body from\ndigits"] > n["from\nscratch"] + 0.08
    yield "Why transfer learning?", n, answer, fast or holds

    angles = 2 * np.pi * np.arange(8) / 8
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    squares = np.sum((ring[:, None] - ring) ** 2, axis=-1)
    real = np.mean(np.exp(-squares / 0.02) / 0.02, axis=1) / np.pi
    d = generative.optimal_discriminator(real, np.exp(-0.5) / (2 * np.pi))  # G makes N(0, I) now
    n = {}
    for name, made in (("eight", np.arange(8)), ("one", np.zeros(8, int))):
        n[f"{name}:\nloss"] = generative.generator_loss(d[made])
        n[f"{name}:\nmodes"] = generative.modes_covered(ring[made], ring, 0.1).sum()
    every, eight, single, one = n.values()
    answer = (
        "D judges each sample alone, so eight modes are worth no more to the generator than one."
    )
    holds = np.isclose(every, single) and (eight, one) == (8, 1)
    yield "Why does a GAN lose modes?", n, answer, holds

    nearest = lambda made: np.linalg.norm(made - x[..., 0], axis=(2, 3)).min(axis=1)  # noqa: E731
    n, noise = (
        {"real\ndigits": nearest(unseen[:, None, ..., 0])},
        keras.random.normal((400, 10), seed=1),
    )
    for name in ("autoencoder", "vae"):
        model = kerasdl.create_model(f"{name}_tiny")
        model.compile(keras.optimizers.Adam(3e-3), *["mse"][: name == "autoencoder"])
        model.fit(x, epochs=1 if fast else 40, batch_size=32, verbose=0)
        n[name] = nearest(np.asarray(model.decode(noise))[:, None, ..., 0])
    n = {name: float(distances.mean()) for name, distances in n.items()}
    answer = "Only a VAE's codes fill N(0, I), so only there can one draw a new digit."
    holds = n["vae"] < 1.2 * n["real\ndigits"] < n["autoencoder"] / 1.2
    yield "Autoencoder or VAE?", n, answer, fast or holds


# %%
WHAT = (
    "share, mean",
    "difference of one output",
    "weights",
    "change by moving a pixel",
    "gradient left after 100 steps",
    "largest weight of 64",
    "cosine",
    "odd or even, right",
    "loss and modes",
    "distance to the nearest digit",
)


def draw(rows):
    figure, axes = plt.subplots(2, 5, figsize=(17, 6.4), layout="constrained")
    for number, (axis, (question, numbers, *_)) in enumerate(zip(axes.flat, rows, strict=True)):
        values = [*numbers.values()]
        bars = axis.bar(range(len(values)), values)
        axis.bar_label(bars, [f"{value:.2g}" for value in values], fontsize=8)
        if min(values) > 0 and max(values) > 100 * min(values):
            axis.set_yscale("log")
        axis.margins(y=0.15)
        axis.set_ylabel(WHAT[number])
        axis.set_xticks(range(len(values)), numbers, fontsize=8)
        axis.set_title(f"{FIRST + number}. {question}", fontsize=10)
    return figure


def main(fast=False, out=pathlib.Path("out/15_questions_on_networks")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    splits, random = kerasdl.data.load("digits", validation=0), np.random.default_rng(0)
    parts = [zip(*p.as_numpy_iterator(), strict=True) for p in (splits.train, splits.test)]
    data = [[np.concatenate(arrays) for arrays in part] for part in parts]
    themes = about_layers(data, random), about_sequences(random), about_networks(data, fast)
    rows = [*itertools.chain(*themes)]
    for number, (question, numbers, answer, holds) in enumerate(rows, start=FIRST):
        said = ", ".join(f"{k} {v:.3g}".replace("\n", " ") for k, v in numbers.items())
        print(f"{number:2}. {question}\n    {said}\n    {answer}")
        assert holds, (question, numbers)  # the claim
    assert len(rows) == 10
    draw(rows).savefig(out / "numbers.png", dpi=120)
    plt.close("all")


# %% [markdown]
# ## Exercises
# 1. Pick the answer that you believe least, and change its experiment so that it would fail.
# 2. Freeze a body that learned nothing. What can a new head do with random features?
# 3. Add a question of your own, with a number that could have come out otherwise.

# %%
if __name__ == "__main__":
    main()
