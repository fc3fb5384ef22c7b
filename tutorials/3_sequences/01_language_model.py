# %% [markdown]
# # A language model: predict the next character, append it, repeat
#
# **Claim.** A table of which character follows which has a cross-entropy of 2.33 nats a character
# on unseen text. A small GPT and a small LSTM, after three passes over the same text, have at least
# half a nat less. Attention and the LSTM step are a few lines by hand, and with a cache the GPT
# writes the same text in less than 0.6 of the time.
#
# **The idea.** A model that gives each possible next character a probability can be evaluated, by
# the probabilities that it gives to real text, and it can write, by sampling from its
# probabilities. The models differ in what they keep of the text: the table one character, attention
# all characters, the LSTM a state of fixed size.
#
# $$\text{nats} = -\frac1n \sum_t \log p(x_{t+1} \mid x_1 \dots x_t) \qquad
# \text{perplexity} = e^{\text{nats}} \qquad \text{bits} = \text{nats} / \log 2$$
#
# Run it: `python tutorials/3_sequences/01_language_model.py` (70 seconds).
# You will see what each model learns, how far back it uses the text, what two attention heads look
# at, and how the temperature changes the generated text.

# %%
import functools
import pathlib
import timeit

import keras
import numpy as np

import kerasdl
from kerasdl.formulas.activations import softmax
from kerasdl.formulas.attention import attention, attention_weights, causal_mask
from kerasdl.formulas.losses import cross_entropy, perplexity
from kerasdl.formulas.recurrent import lstm_step
from kerasdl.utils import tutorial

CONTEXT = 64  # characters that are read at once
STEPS = 52  # training steps between two points of the loss curve
PHRASE, PROMPT = "the name of the module is the name", "The function returns"

# %% [markdown]
# ## Text as numbers, and a table of pairs
# The text is Python's own documentation. Each character has a number. The target of a window of 64
# characters is the same window, one character later.
#
# The simplest model counts, for each character, which characters followed it. It adds 1 to each
# count, so that no pair has probability 0.


# %%
@functools.cache
def text():
    return kerasdl.data.load("pydocs", batch_size=16, context=CONTEXT, stride=CONTEXT)


def windows(split):
    """All windows of a split and their targets: (windows, 64) each."""
    return [np.concatenate(part) for part in zip(*split.as_numpy_iterator(), strict=True)]


def unseen(fast):
    return windows(text().test.take(1) if fast else text().test)


def numbers(characters):
    return np.array([text().info.vocabulary.index(character) for character in characters])


def table_of_pairs(x, y, size):
    np.add.at(counts := np.ones((size, size)), (x, y), 1)
    return counts / counts.sum(axis=1, keepdims=True)  # row: what was read; column: what follows


@functools.cache
def nats_of_table(fast):
    x, y = unseen(fast)
    table = table_of_pairs(*windows(text().train), len(text().info.vocabulary))
    return cross_entropy(y, table[x])


# %% [markdown]
# ## Attention, one query at a time
# $$A = \mathrm{softmax}(Q K^\top / \sqrt d) \qquad Y = A V$$
#
# Each position has a query (what it looks for), a key (what it offers) and a value (what it gives
# when chosen). In self-attention all three are linear maps of the same input. The output of a
# position is the mean of the values, weighted by how well their keys match its query. A language
# model may use only earlier characters, so position t uses the keys and values up to t.
#
# Why the square root? The dot product of two vectors of d random numbers has variance d. Without
# the root, softmax gets large numbers and picks one of the keys instead of weighting them, and
# hardly any gradient reaches the others. For eight keys and d = 64 the largest weight is printed,
# without the root and with it.


# %%
def attend_backwards(queries, keys, values):
    outputs = []
    for t, query in enumerate(queries):
        weights = softmax(keys[: t + 1] @ query / np.sqrt(len(query)))
        outputs.append(weights @ values[: t + 1])
    return np.array(outputs)


def attention_by_hand(fast=False):
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    np.testing.assert_allclose(attend_backwards(q, k, v), attention(q, k, v, causal_mask(6)))
    known = attention(np.eye(2), np.eye(2), np.array([[1, 2], [3, 4]]))
    np.testing.assert_allclose(known, [[1.660477, 2.660477], [2.339523, 3.339523]], atol=1e-6)

    queries, keys = np.random.default_rng(0).normal(size=(2, 1000, 8, 64))
    both = softmax(queries @ keys.swapaxes(1, 2)), attention_weights(queries, keys)
    without, with_root = (float(weights.max(axis=-1).mean()) for weights in both)
    print(f"largest of eight weights: {without:.2f} without the root, {with_root:.2f} with it")


# %%
tutorial.show(attention_by_hand)

# %% [markdown]
# ## The LSTM, one step at a time
# $$i, f, o = \sigma(x W + h U + b) \quad g = \tanh(x W + h U + b) \qquad
# c \leftarrow f c + i g \quad h \leftarrow o \tanh c$$
#
# (The four have weights W, U and b of their own.)
#
# The state of a plain recurrent network is multiplied at each step by a matrix of derivatives,
# $\mathrm{diag}(1 - h_t^2)\,W$. If its singular values are below 1, the product of many such
# matrices vanishes, and with it the gradient; if some are above 1, the product may explode. The
# cell c of the LSTM is multiplied by the forget gate f instead, which can stay near 1.
#
# An LSTM with h units has 4h(h + inputs + 1) weights. A GRU has three blocks instead of four: 3h(h
# + inputs + 1). How many steps back each of them remembers depends on the data and the training;
# the right half of the next figure measures it.


# %%
def read_by_hand(model, tokens):
    """The logits of a trained `lstm_lm_tiny`, computed step by step."""
    table = model.get_layer("token").get_weights()[0]
    w, b = model.get_layer("logits").get_weights()
    h, c, logits = *np.zeros((2, len(w))), []
    for x in table[tokens]:
        h, c = lstm_step(x, h, c, *model.get_layer("lstm1").get_weights())
        logits.append(h @ w + b)
    return np.array(logits)


# %% [markdown]
# ## Training
# Both models are trained on the same windows in the same order. The left half of the figure shows
# how they learn. The right half shows the test loss by the number of characters read so far in the
# window: predictions improve over about the first ten characters. These small models hardly use
# longer contexts.


# %%
def train(name, points, steps, learning_rate, **sizes):
    """The model, and `points` losses, each the mean of `steps` training steps."""
    kerasdl.set_seed(0)
    sizes |= {"vocabulary_size": len(text().info.vocabulary), "context": CONTEXT}
    model = kerasdl.create_model(name, **sizes)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, points * steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=0.01, global_clipnorm=1.0), loss)
    options = {"steps_per_epoch": steps, "shuffle": False, "verbose": 0}  # the pipeline shuffles
    return model, model.fit(text().train.repeat(), epochs=points, **options).history["loss"]


@functools.cache
def trained(fast):
    """name -> (model, training losses)"""
    points, steps = (2, 4) if fast else (21, STEPS)
    return {
        "GPT": train("gpt_tiny", points, steps, 4e-3, width=96, depth=2, heads=4),
        "LSTM": train("lstm_lm_tiny", points, steps, 8e-3, width=128),
    }


def nats_by_position(model, x, y):
    """Nats at each position of the window, averaged over all windows."""
    nats = keras.losses.sparse_categorical_crossentropy(y, model.predict(x, verbose=0), True)
    return keras.ops.convert_to_numpy(nats).mean(axis=0)


def compare(fast=False):
    x, y = unseen(fast)
    positions = {name: nats_by_position(model, x, y) for name, (model, _) in trained(fast).items()}
    nats = {"table": nats_of_table(fast)}
    nats |= {name: float(position.mean()) for name, position in positions.items()}
    for name, n in nats.items():
        print(f"{name}: {n:.2f} nats, perplexity {perplexity(n):.1f}, {n / np.log(2):.2f} bits")

    lstm = trained(fast)["LSTM"][0]
    state = lstm_step(np.ones(1), *np.zeros((2, 1)), *np.ones((2, 1, 4)), np.zeros(4))
    np.testing.assert_allclose(np.ravel(state), [0.369606, 0.556770], atol=1e-6)  # h, c
    by_keras = lstm.predict(numbers(PROMPT)[None], verbose=0)[0]
    np.testing.assert_allclose(read_by_hand(lstm, numbers(PROMPT)), by_keras, atol=1e-4)
    if not fast:
        assert max(nats["GPT"], nats["LSTM"]) < nats["table"] - 0.5, nats

    figure, (left, right) = tutorial.panels(1, 2, size=(5.6, 4), sharey=True)
    bins = ["1", "2", "3-4", "5-8", "9-16", "17-32", "33-64"]
    for name, by_position in positions.items():
        losses = trained(fast)[name][1]
        left.plot(STEPS * (np.arange(len(losses)) + 0.5), losses, label=name)
        means = [part.mean() for part in np.split(by_position, 2 ** np.arange(6))]
        right.plot(bins, means, "o-", label=name)
    for axis in (left, right):
        axis.axhline(nats["table"], color="black", linestyle="--", label="table, unseen text")
        axis.set(ylabel="nats a character")
    left.set(title="Training loss", xlabel="training step")
    right.set(title="Test loss", xlabel="characters of the window read so far")
    left.legend()
    right.legend()
    return {"learning": figure}


# %%
tutorial.show(compare)

# %% [markdown]
# ## What a head looks at
# The GPT has two blocks with four heads each. The figure shows the weights of two of them on one
# phrase: the head that looks back least, on average, and the one that looks back furthest. A row is
# a position that looks, a column is a position that is looked at, and each row adds up to 1. Above
# the diagonal is the future, where all weights are 0.
#
# To test that the model does not use the future, we replace the end of a text: the predictions
# before that place do not change.


# %%
def attention_maps(model, tokens):
    """The weights of each head of both blocks: (heads, time, time)."""
    maps = []
    for block in model.blocks:
        x = block.attention_norm(keras.Model(model.input, block.input)(tokens[None]))
        maps.extend(block.attention.attention_map(x)[0])
    return np.stack(maps)


def heads(fast=False):
    gpt, x = trained(fast)["GPT"][0], unseen(fast)[0]
    other = np.where(np.arange(CONTEXT) < 40, x[0], 0)  # another text from position 40 on
    before, after = gpt.predict(np.stack([x[0], other]), verbose=0)[:, :40]
    np.testing.assert_allclose(before, after, atol=1e-5)
    maps = attention_maps(gpt, numbers(PHRASE))
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)

    time = np.arange(len(PHRASE))
    back = np.sum(maps * (time[:, None] - time), axis=-1).mean(axis=-1)  # (heads,)
    figure, axes = tutorial.panels(1, 2, size=(5.6, 5.8))
    for axis, head in zip(axes, (back.argmin(), back.argmax()), strict=True):
        axis.imshow(np.sqrt(maps[head]), cmap="Blues", vmin=0, vmax=1)
        axis.set(title=f"head {head}: looks {back[head]:.1f} characters back, on average")
        axis.set(xticks=time, yticks=time, xticklabels=[*PHRASE], yticklabels=[*PHRASE])
        axis.set(xlabel="is looked at", ylabel="looks")
    return {"attention": figure}


# %%
tutorial.show(heads)

# %% [markdown]
# ## Choosing the next character
# - **Temperature** T divides the logits before softmax. Towards 0, the likeliest character becomes
#   certain; above 1, the probabilities become more equal.
# - **Top-k** keeps the k likeliest characters.
# - **Top-p** keeps the fewest characters that together have the probability p: few where the model
#   is certain, many where it is not.


# %%
def keep_top_k(logits, k):
    return np.where(logits < np.sort(logits)[-k], -np.inf, logits)


def keep_top_p(logits, p):
    order = np.argsort(-logits)  # the likeliest first
    probabilities = softmax(logits)[order]
    before = np.cumsum(probabilities) - probabilities  # of all that are likelier
    return np.where(logits < logits[order][before < p].min(), -np.inf, logits)


def choices(logits):
    return {
        "as they are": softmax(logits),
        "temperature 0.5": softmax(logits, 0.5),
        "temperature 2": softmax(logits, 2.0),
        "top-k, k = 2": softmax(keep_top_k(logits, 2)),
        "top-p, p = 0.9": softmax(keep_top_p(logits, 0.9)),
    }


def choose(fast=False):
    for way, chances in choices(np.array([2, 1, 0.1])).items():
        print(f"logits 2, 1, 0.1, {way}: {chances.round(3)}")
    assert np.isfinite(keep_top_p(np.array([2, 1, 0.1]), 0.9)).tolist() == [True, True, False]
    gpt, vocabulary = trained(fast)["GPT"][0], text().info.vocabulary
    logits = gpt.predict(numbers(PROMPT)[None], verbose=0)[0, -1]
    order = np.argsort(-logits)[:12]
    names = [repr(vocabulary[i])[1:-1].replace(" ", "\N{OPEN BOX}") for i in order]
    title = f"After {PROMPT!r}: the 12 likeliest characters"
    figure, axes = tutorial.panels(1, 5, size=(2.7, 3.2), sharey=True, title=title)
    for axis, (way, chances) in zip(axes, choices(logits).items(), strict=True):
        axis.bar(names, chances[order])
        axis.set(title=f"{way}\n{np.sum(chances > 0)} possible", xlabel="next character")
    axes[0].set(ylabel="probability")
    return {"choices": figure}


# %%
tutorial.show(choose)

# %% [markdown]
# ## Writing
# To write, the model predicts the next character, appends the chosen one, and reads the text again.
# Without a cache, a GPT computes the keys and values of the whole text for each new character. A
# cache keeps them, so each step computes only those of the newest character. The text is the same.


# %%
def write(fast=False):
    count, prompt, vocabulary = 12 if fast else 140, numbers(PROMPT), text().info.vocabulary
    for name, (model, _) in trained(fast).items():
        for temperature in (0.7,) if fast else (0, 0.7, 1.2):
            written = model.generate(prompt, count, temperature=temperature)
            print(f"{name} at {temperature}: {''.join(vocabulary[token] for token in written)!r}")

    gpt, lstm = (model for model, _ in trained(fast).values())
    likeliest = (lstm.generate(prompt, count, **way) for way in ({"temperature": 0}, {"top_k": 1}))
    np.testing.assert_array_equal(*likeliest)
    room = min(count, CONTEXT - len(prompt))  # the cache holds one window
    ways = [lambda c=c: gpt.generate(prompt, room, 0.7, cache=c) for c in (True, False)]
    with_cache, without = (way() for way in ways)  # the first call compiles
    np.testing.assert_array_equal(with_cache, without)
    cached, uncached = (min(timeit.repeat(way, number=1)) for way in ways)
    print(f"with a cache, {room} characters take {cached / uncached:.2f} of the time")
    if not fast:
        assert cached < 0.6 * uncached, (cached, uncached)


# %%
tutorial.show(write)


# %%
def main(fast=False, out=pathlib.Path("out/01_language_model")):
    sections = attention_by_hand, compare, heads, choose, write
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Count triples instead of pairs. How many of the possible ones were ever seen? Does it help?
# 2. Set the GPT's table of positions to 0. How does the right half of the first figure change?
# 3. Keep the temperature at 1.2, but choose with top-p 0.9. Which mistakes go, and which stay?

# %%
if __name__ == "__main__":
    main()
