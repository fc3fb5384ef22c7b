# %% [markdown]
# # Own words: a network that has never met a mistake, and one that has
#
# **Claim.** A network learns to go on with waves that are written as tokens. While it reads the
# truth it errs by a seventh of a level, at every step; on its own words the error grows tenfold
# in thirty steps. If while it learns ever more of what it reads are its own guesses, it believes
# each token less: on the truth its cross-entropy is at least two fifths larger. With nothing but
# its own small errors it goes on no better: three seeds do not decide. But when the last token of
# the beginning is wrong, as can happen in use, the first network follows it, four levels off at
# once, and the second hardly does, one level off. Over the next thirty steps it errs about half as
# much; at the end of them three quarters, for by then its own small errors have grown.
#
# **The idea.** With probability $\epsilon_i$ the input at t is the true token (at 1: teacher
# forcing), else a word from what the network itself expects there. The targets stay true. Over the
# steps i of training the share of truth falls, as one of
#
# $$\epsilon_i = \frac{k}{k + e^{i / k}} \qquad \epsilon_i = \max(0, 1 - c i) \qquad
# \epsilon_i = k^i$$
#
# Run it: `python tutorials/3_sequences/02_scheduled_sampling.py` (40 seconds).
# You will see how inputs are mixed,
# and two networks go on with waves, after a true token and after a wrong one. The notes say that
# teacher forcing learns all steps at once: the states of this network still come one by one.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl import schedules
from kerasdl.formulas import training
from kerasdl.learners.scheduled_sampling import ScheduledSampling
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel

LEVELS, LENGTH, PROMPT = 16, 50, 20
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
FORCED, MIXED, GREY = "tab:orange", "tab:blue", "0.45"

# %% [markdown]
# ## Waves as words
# Period and phase are unknown; each value is rounded to one of 16 levels, which are the words. The
# input is the target one step late, as `training.teacher_forcing` has it.


# %%
def waves(count, random):
    period, phase = random.uniform(11, 14, (count, 1)), random.uniform(0, 2 * np.pi, (count, 1))
    heights = np.sin(2 * np.pi * np.arange(LENGTH + 1) / period + phase)
    return np.round((heights + 1) / 2 * (LEVELS - 1)).astype("int32")


# %% [markdown]
# ## How inputs are mixed
# One pass over the truth says what the network expects at each place. Where the first random number
# is not below the share of truth, the second chooses a word: the one in whose part of [0, 1) it
# falls, if the words share that interval by their probabilities.


# %%
def mix(network, tokens, share, noise):
    p = np.array(keras.ops.softmax(network(tokens)))  # of the token after each
    words = np.sum(np.cumsum(p, axis=-1)[:, :-1] <= noise[:, 1:, 1:], axis=-1)
    words = np.concatenate([tokens[:, :1], np.minimum(words, LEVELS - 1)], axis=1)
    return np.where(noise[..., 0] < share, tokens, words)


# %% [markdown]
# ## Two ways to learn
# `ScheduledSampling` does this in every step, with a share that follows the optimizer's count of
# steps; it costs one more prediction a step. With a share of 1 it is teacher forcing.


# %%
def learner(truth, seed):
    kerasdl.set_seed(seed)
    network = LSTMLanguageModel(LEVELS, LENGTH, width=48, depth=1, dropout=0.0)
    return ScheduledSampling(network, truth, seed=seed)


def train(truth, seed, data, epochs):
    model = learner(truth, seed)
    model.compile(keras.optimizers.Adam(5e-3), LOSS, jit_compile=False)
    model.fit(data[:, :-1], data[:, 1:], batch_size=32, epochs=epochs, verbose=0)
    return model


# %% [markdown]
# ## In use
# The network continues on its own, always with the likeliest word: once after a true beginning, and
# once after the same with its last token replaced by any other. One compiled loop, `generate`,
# serves all networks: it gets their weights.


# %%
def spoil(prompts, random):
    spoiled, other = prompts.copy(), random.integers(1, LEVELS, len(prompts))
    spoiled[:, -1] = (spoiled[:, -1] + other) % LEVELS
    return spoiled


def in_use(model, reader, unseen, spoiled):
    """Cross-entropy; what it says of the truth, and what it goes on with, after either prompt."""
    reader.set_weights(model.network.get_weights())
    logits = keras.ops.convert_to_numpy(reader(unseen[:, :-1]))
    forced = logits.argmax(axis=-1)[:, PROMPT - 1 : -1]
    prompts = np.concatenate([unseen[:, :PROMPT], spoiled])
    said = reader.generate(prompts, LENGTH - PROMPT, temperature=0.0)[:, PROMPT:]
    clean, wrong = np.split(np.array(said), 2)
    return float(LOSS(unseen[:, 1:], logits)), {"forced": forced, "free": clean, "wrong": wrong}


# %% [markdown]
# ## The pictures


# %%
def draw_mixing(curves, tokens, mixed, own, share):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
    for (name, curve), colour in zip(curves.items(), ("tab:green", MIXED, GREY), strict=True):
        left.plot(curve, color=colour, label=name, lw=2)
    left.set(title="Share of truth", xlabel="step of training", ylim=(0, 1.05))
    left.legend(frameon=False)
    right.plot(tokens, "o-", color="0.75", label="the truth")
    right.plot(own, mixed[own], "o", color=MIXED, label="own words")
    right.set(title=f"What it reads at a share of {share:g}", xlabel="place", ylabel="level")
    right.set(ylim=(-1, LEVELS + 4), yticks=range(0, LEVELS, 5))
    right.legend(frameon=False, ncols=2, loc="upper left")
    return figure


def draw_waves(wave, spoiled, said):
    figure, axes = plt.subplots(2, 1, figsize=(11, 5.6), layout="constrained", sharex=True)
    titles = "After a true beginning", "After one wrong token"
    places = np.arange(PROMPT, LENGTH)
    for axis, title, kind in zip(axes, titles, ("free", "wrong"), strict=True):
        axis.plot(wave, color="0.75", lw=5, label="the truth")
        axis.vlines(PROMPT - 0.5, -1, LEVELS, color=GREY, ls=":")
        if kind == "wrong":
            axis.plot(PROMPT - 1, spoiled[-1], "X", color="black", ms=9)
            axis.text(PROMPT, spoiled[-1], "wrong", va="center")
        for name, colour in (("truth only", FORCED), ("own words too", MIXED)):
            axis.plot(places, said[name][kind], "o-", ms=4, color=colour, label=name)
        axis.set_yticks(range(0, LEVELS, 5))
        axis.set(title=title, ylabel="level", ylim=(-1, LEVELS + (4 if kind == "free" else 0)))
    axes[0].legend(frameon=False, ncols=3, loc="upper left")
    axes[1].set_xlabel("place")
    return figure


def draw_errors(errors):
    figure, axes = plt.subplots(1, 2, figsize=(12, 4.2), layout="constrained", sharey=True)
    titles = "After a true beginning", "After one wrong token"
    steps = np.arange(1, LENGTH - PROMPT + 1)
    for axis, title, kind in zip(axes, titles, ("free", "wrong"), strict=True):
        for name, colour in (("truth only", FORCED), ("own words too", MIXED)):
            axis.plot(steps, np.transpose(errors[name][kind]), color=colour, lw=0.7, alpha=0.4)
            mean = np.mean(errors[name][kind], axis=0)
            axis.plot(steps, mean, color=colour, lw=2.5, label=name)
            if kind == "free":
                mean = np.mean(errors[name]["forced"], axis=0)
                axis.plot(steps, mean, color=colour, ls=":", lw=2, label=f"{name}, reads the truth")
        axis.set(title=title, xlabel="steps on its own")
    axes[0].set(ylabel="mean error, levels", ylim=(0, None))  # last: the axes share it
    axes[0].legend(frameon=False, loc="upper left")
    axes[1].legend(frameon=False, loc="lower right")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/02_scheduled_sampling")):
    out.mkdir(parents=True, exist_ok=True)
    count, epochs, seeds = (64, 1, 1) if fast else (500, 15, 3)
    random = np.random.default_rng(0)
    data, unseen = waves(count, random), waves(20 if fast else 300, random)
    spoiled, steps = spoil(unseen[:, :PROMPT], random), epochs * -(-count // 32)
    reader = LSTMLanguageModel(LEVELS, LENGTH, width=48, depth=1, dropout=0.0)
    falling = keras.optimizers.schedules.PolynomialDecay(1.0, steps, 0.0)
    losses, errors, said = {}, {}, {}
    for name, truth in (("truth only", 1.0), ("own words too", falling)):
        for seed in range(seeds):
            model = train(truth, seed, data, epochs)
            loss, found = in_use(model, reader, unseen, spoiled)
            losses.setdefault(name, []).append(loss)
            for kind, words in found.items():
                error = np.abs(words - unseen[:, PROMPT:LENGTH]).mean(axis=0)
                errors.setdefault(name, {}).setdefault(kind, []).append(error)
            if seed == 0:
                said[name] = found

    i, k, noise = np.arange(steps), max(1, steps / 8), random.random((len(unseen), LENGTH, 2))
    curves = {
        "inverse sigmoid": training.scheduled_sampling(i, k),
        "linear, as here": training.scheduled_sampling_linear(i, 1 / steps),
        "exponential": training.scheduled_sampling_exponential(i, np.exp(-1 / k)),
    }
    tokens = unseen[:, :-1]
    mixed, theirs = mix(model.network, tokens, 0.5, noise), model.read(tokens, noise, 0.5)
    # both as wrong as on half of the waves, and a token that is far off
    astray = [np.abs(f["wrong"] - unseen[:, PROMPT:LENGTH]).mean(axis=1) for f in said.values()]
    unlike = np.abs(astray - np.median(astray, axis=1, keepdims=True)).sum(axis=0)
    off = np.abs(spoiled[:, -1] - unseen[:, PROMPT - 1])
    typical = np.argmin(np.where(off >= np.median(off), unlike, np.inf))
    one = {name: {kind: words[typical] for kind, words in f.items()} for name, f in said.items()}
    read = tokens[typical], mixed[typical], np.flatnonzero(noise[typical, 1:, 0] >= 0.5) + 1
    draw_mixing(curves, *read, 0.5).savefig(out / "mixing.png", dpi=120)
    draw_waves(unseen[typical], spoiled[typical], one).savefig(out / "waves.png", dpi=120)
    draw_errors(errors).savefig(out / "errors.png", dpi=120)
    plt.close("all")
    for name, loss in losses.items():
        print(f"{name}: cross-entropy {np.round(loss, 2)}; mean errors, in levels:")
        for kind, found in errors[name].items():
            print(f"    {kind}: {np.mean(found, axis=1).round(2)}, last {found[0][-1]:.2f}")

    # the claim
    np.testing.assert_array_equal(training.teacher_forcing(unseen[:, 1:])[:, 1:], tokens[:, 1:])
    assert (mixed == np.array(theirs)).mean() > 0.999
    np.testing.assert_array_equal(mix(model.network, tokens, 1.0, noise), tokens)
    library = schedules.InverseSigmoid(k)(i), falling(i)
    np.testing.assert_allclose(library[0], curves["inverse sigmoid"], atol=1e-5)
    np.testing.assert_allclose(library[1], curves["linear, as here"], atol=1e-5)
    if not fast:
        truth, own = errors.values()
        mean = {kind: [np.mean(e[kind], axis=1) for e in (truth, own)] for kind in truth}
        ratio = np.divide(*[losses[name] for name in ("own words too", "truth only")])
        assert (ratio > 1.4).all() and (ratio < 1.8).all(), ratio
        forced, free, lost = (np.mean(e, axis=0) for e in truth.values())
        _, small, held = (np.mean(e, axis=0) for e in own.values())
        assert abs(forced.mean() - 1 / 7) < 0.03 and forced.max() < 0.25, forced
        assert free[-1] > 10 * forced[-1], (forced, free)
        alone = mean["free"]  # no better, and three seeds do not decide
        assert np.mean(alone[1]) > np.mean(alone[0]) and min(alone[1]) < max(alone[0]), alone
        assert (mean["wrong"][1] < 0.6 * mean["wrong"][0]).all(), mean
        assert abs(lost[0] - 4) < 0.5 and abs(held[0] - 1) < 0.5, (lost, held)
        assert abs(held[-1] / lost[-1] - 3 / 4) < 0.1 and small[-1] > held[-1] / 2, (lost, held)


# %% [markdown]
# ## Exercises
# 1. Let the share fall as the inverse sigmoid, `schedules.InverseSigmoid`. What changes?
# 2. Train on the truth alone, with a tenth of the inputs replaced by random tokens. Is it the own
#    words that help, or any mistakes?
# 3. Choose words at random in use (`temperature=1.0`). Who goes astray further?

# %%
if __name__ == "__main__":
    main()
