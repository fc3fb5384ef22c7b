# %% [markdown]
# # A language model: guess the next character, write it down, go on
#
# **Claim.** A table of which character follows which needs 2.33 nats a character for unseen text. A
# small GPT and a small LSTM, after three passes over the same text, need at least half a nat less.
# Both are a few lines by hand, and a cache makes the GPT write the same text faster.
#
# **The idea.** A model that gives every next character a chance can be judged, by how surprised
# real text makes it, and can write, by drawing from its chances. They differ in what they
# remember: the table one character, attention all of them side by side, the LSTM a state.
#
# $$\text{nats} = -\frac1n \sum_t \log p(x_{t+1} \mid x_1 \dots x_t) \qquad
# \text{perplexity} = e^{\text{nats}} \qquad \text{bits} = \text{nats} / \log 2$$
#
# Run it: `python tutorials/3_sequences/01_language_model.py` (45 seconds).
# You will see what each has learned,
# how far back it uses the text, whom a head looks at, and what heat does to writing.

# %%
import pathlib
import timeit

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.formulas.activations import softmax
from kerasdl.formulas.attention import attention, attention_weights, causal_mask
from kerasdl.formulas.losses import cross_entropy, perplexity
from kerasdl.formulas.recurrent import lstm_step
from kerasdl.models.sequence import decoding

CONTEXT = 64  # characters that are read at once
PHRASE, PROMPT = "the name of the module is the name", "The function returns"

# %% [markdown]
# ## Text as numbers, and a table of pairs
# Each character has a number; the target of a window is the same window, one later. The simplest
# model counts what followed each character, plus one, as nothing may be impossible.


# %%
def whole(split):
    return [np.concatenate(part) for part in zip(*split.as_numpy_iterator(), strict=True)]


def bigram(x, y, size):
    np.add.at(counts := np.ones((size, size)), (x, y), 1)
    return counts / counts.sum(axis=1, keepdims=True)  # row: what was read; column: what follows


# %% [markdown]
# ## Attention, one question at a time
# $$A = \mathrm{softmax}(Q K^\top / \sqrt d) \qquad Y = A V$$
# Each position has a query (what I look for), a key (what I have) and a value (what I give). In
# self-attention all three are linear maps of the same input; one of the notes takes the query
# from a hidden layer and the others from the embeddings. It also calls the output a gradient; it
# is an update that is simply added. Who writes sees only what is already there: here, a slice.
# Why the root? `q . k` of d random numbers has variance d, and softmax of large numbers picks one
# of eight keys instead of weighing them; then hardly any gradient reaches the others.


# %%
def attend_backwards(queries, keys, values):
    outputs = []
    for t, query in enumerate(queries):
        weights = softmax(keys[: t + 1] @ query / np.sqrt(len(query)))
        outputs.append(weights @ values[: t + 1])
    return np.array(outputs)


def largest_weights(d):
    queries, keys = np.random.default_rng(0).normal(size=(2, 1000, 8, d))
    weights = softmax(queries @ keys.swapaxes(1, 2)), attention_weights(queries, keys)
    return [w.max(axis=-1).mean().round(2).item() for w in weights]  # without the root, with it


# %% [markdown]
# ## The LSTM, one step at a time
# $$i, f, o = \sigma(x W + h U + b) \quad g = \tanh(x W + h U + b) \qquad
# c \leftarrow f c + i g \quad h \leftarrow o \tanh c$$
# A plain recurrent step has the slope $\mathrm{diag}(1 - h_k^2)\,W$, taken at its own output, not
# at the one before as in one of the notes. Such factors multiply: singular values below 1 make the
# product vanish; one above 1 need not make it explode, as that note says (the square of
# [[0, 2], [0, 0]] is 0). The cell instead is scaled by f, which can stay near 1.
#
# It has 4h(h + inputs + 1) weights; the notes' 4h^2 is only U. Terms that peep at c, and no b, as
# one of them writes it, make a variant. A GRU has 3h(h + inputs + 1), and in Keras its z keeps what
# the notes' z renews. The notes disagree on how long each remembers, 8 steps or 1000; no constant
# is right, and the right half of the first picture measures it.


# %%
def read_by_hand(model, tokens):
    """The logits of a trained `lstm_lm_tiny`."""
    table = model.get_layer("token").get_weights()[0]
    w, b = model.get_layer("logits").get_weights()
    h, c, logits = *np.zeros((2, len(w))), []
    for x in table[tokens]:
        h, c = lstm_step(x, h, c, *model.get_layer("lstm1").get_weights())
        logits.append(h @ w + b)
    return np.array(logits)


def learn(name, data, points, steps, rate, **sizes):
    """The network, and `points` losses, each the mean of `steps` training steps."""
    kerasdl.set_seed(0)
    sizes |= {"vocabulary_size": len(data.info.vocabulary), "context": CONTEXT}
    model = kerasdl.create_model(name, **sizes)
    rate = keras.optimizers.schedules.CosineDecay(rate, points * steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0), loss)
    options = {"steps_per_epoch": steps, "shuffle": False, "verbose": 0}  # the pipeline shuffles
    return model, model.fit(data.train.repeat(), epochs=points, **options).history["loss"]


def surprise(model, x, y):
    """Nats at each position of the window, over all windows."""
    nats = keras.losses.sparse_categorical_crossentropy(y, model.predict(x, verbose=0), True)
    return keras.ops.convert_to_numpy(nats).mean(axis=0)


def attention_maps(model, tokens):
    """Who looks at whom in each head of both blocks: (heads, time, time)."""
    maps = []
    for block in model.blocks:
        x = block.attention_norm(keras.Model(model.input, block.input)(tokens[None]))
        maps.extend(block.attention.attention_map(x)[0])
    return np.stack(maps)


# %% [markdown]
# ## Choosing
# A temperature divides the last layer's logits: towards 0 the likeliest is sure, above 1 all get
# alike. One of the notes has it in attention, where only the root belongs, and lets softmax raise
# values to the power of e; it raises e to the power of the values, which are the logits. Top-k
# keeps the k likeliest; top-p the fewest that have p together, few where the model is sure.


# %%
def choices(logits):
    top_k, top_p = decoding.keep_top_k(logits, 2), decoding.keep_top_p(logits, 0.9)
    ways = {"temperature 0.5": softmax(logits, 0.5), "temperature 2": softmax(logits, 2.0)}
    return ways | {"top-k, 2": softmax(top_k), "top-p, 0.9": softmax(top_p)}


def draw_learning(losses, steps, positions, table):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    bins = ["1", "2", "3-4", "5-8", "9-16", "17-32", "33-64"]
    for name, nats in positions.items():
        left.plot(steps * (np.arange(len(losses[name])) + 0.5), losses[name], label=name)
        right.plot(bins, [part.mean() for part in np.split(nats, 2 ** np.arange(6))], "o-")
    for axis in (left, right):
        axis.axhline(table, color="black", linestyle="--", label="table of pairs, test text")
    left.set(title="Learning: the training loss", xlabel="step", ylabel="nats a character")
    left.legend()
    right.set(title="Memory: the test loss", xlabel="characters of the window read so far")
    return figure


def draw_attention(maps):
    """The heads that look least far back and farthest, on average."""
    time = np.arange(len(PHRASE))
    back = np.sum(maps * (time[:, None] - time), axis=-1).mean(axis=-1)  # (heads,)
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.8), layout="constrained")
    for axis, head in zip(axes, (back.argmin(), back.argmax()), strict=True):
        axis.imshow(np.sqrt(maps[head]), cmap="Blues", vmin=0, vmax=1)
        axis.set(title=f"a head that looks {back[head]:.1f} characters back, on average")
        axis.set(xticks=time, yticks=time, xticklabels=[*PHRASE], yticklabels=[*PHRASE])
        axis.set(xlabel="is looked at", ylabel="looks")
    return figure


def draw_choices(logits, vocabulary):
    order = np.argsort(-logits)[:12]
    names = [repr(vocabulary[i])[1:-1].replace(" ", "\N{OPEN BOX}") for i in order]
    ways = {"as they are": softmax(logits), **choices(logits)}
    figure, axes = plt.subplots(1, len(ways), figsize=(13, 3), sharey=True, layout="constrained")
    for axis, (way, chances) in zip(axes, ways.items(), strict=True):
        axis.bar(names, chances[order])
        axis.set(title=f"{way}\n{np.sum(chances > 0)} possible")
    axes[0].set(ylabel=f"after {PROMPT!r}")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/01_language_model")):
    out.mkdir(parents=True, exist_ok=True)
    points, steps, count = (2, 4, 12) if fast else (21, 52, 140)
    data = kerasdl.data.load("pydocs", batch_size=16, context=CONTEXT, stride=CONTEXT)
    vocabulary, (x, y) = data.info.vocabulary, whole(data.test.take(1) if fast else data.test)
    prompt, phrase = (np.array([*map(vocabulary.index, text)]) for text in (PROMPT, PHRASE))
    table = cross_entropy(y, bigram(*whole(data.train), len(vocabulary))[x])
    gpt, gpt_losses = learn("gpt_tiny", data, points, steps, 4e-3, width=96, depth=2, heads=4)
    lstm, lstm_losses = learn("lstm_lm_tiny", data, points, steps, 8e-3, width=128)
    models, losses = {"GPT": gpt, "LSTM": lstm}, {"GPT": gpt_losses, "LSTM": lstm_losses}
    positions = {name: surprise(model, x, y) for name, model in models.items()}
    maps, logits = attention_maps(gpt, phrase), gpt.predict(prompt[None], verbose=0)[0, -1]

    draw_learning(losses, steps, positions, table).savefig(out / "learning.png", dpi=120)
    draw_attention(maps).savefig(out / "attention.png", dpi=120)
    draw_choices(logits, vocabulary).savefig(out / "choices.png", dpi=120)
    plt.close("all")
    nats = {"table": table, **{name: position.mean() for name, position in positions.items()}}
    for name, n in nats.items():
        print(f"{name}: {n:.2f} nats, perplexity {perplexity(n):.1f}, {n / np.log(2):.2f} bits")
    print("largest weight, without the root and with it, d = 64:", largest_weights(64))
    for way, chances in choices(np.array([2, 1, 0.1])).items():
        print(f"{way}: 0.659, 0.242, 0.099 become {chances.round(3)}")
    for name, model in models.items():
        for temperature in (0.7,) if fast else (0, 0.7, 1.2):
            written = model.generate(prompt, count, temperature=temperature)
            print(f"{name} at {temperature}: {''.join(vocabulary[token] for token in written)!r}")
    room = min(count, CONTEXT - len(prompt))  # the cache holds one context
    ways = [lambda c=c: gpt.generate(prompt, room, 0.7, cache=c) for c in (True, False)]
    with_cache, without = (way() for way in ways)  # the first call compiles
    cached, uncached = (min(timeit.repeat(way, number=1)) for way in ways)
    print(f"the cache takes {cached / uncached:.2f} of the time for {room} more; figures in {out}")

    # the claim
    q, k, v = np.random.default_rng(0).normal(size=(3, 6, 4))
    np.testing.assert_allclose(attend_backwards(q, k, v), attention(q, k, v, causal_mask(6)))
    known = attention(np.eye(2), np.eye(2), np.array([[1, 2], [3, 4]]))
    np.testing.assert_allclose(known, [[1.660477, 2.660477], [2.339523, 3.339523]], atol=1e-6)
    state = lstm_step(np.ones(1), *np.zeros((2, 1)), *np.ones((2, 1, 4)), np.zeros(4))
    np.testing.assert_allclose(np.ravel(state), [0.369606, 0.556770], atol=1e-6)  # h, c
    theirs = lstm.predict(prompt[None], verbose=0)[0]
    np.testing.assert_allclose(read_by_hand(lstm, prompt), theirs, atol=1e-4)
    later = np.where(np.arange(CONTEXT) < 40, x[0], 0)  # another text from position 40 on
    before, after = gpt.predict(np.stack([x[0], later]), verbose=0)[:, :40]
    np.testing.assert_allclose(before, after, atol=1e-5)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(with_cache, without)
    if not fast:
        assert max(nats["GPT"], nats["LSTM"]) < nats["table"] - 0.5, nats
        assert cached < 0.6 * uncached, (cached, uncached)


# %% [markdown]
# ## Exercises
# 1. Count triples instead of pairs. How many of the possible ones were ever seen? Does it help?
# 2. Take the positions away from the GPT (set their table to 0). What does the memory curve say?
# 3. Keep temperature 1.2, but choose with top-p 0.9. Which of its mistakes go, which stay?

# %%
if __name__ == "__main__":
    main()
