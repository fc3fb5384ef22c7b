# %% [markdown]
# # Scheduled sampling: learning to continue from one's own predictions
#
# **Claim.** A network learns to continue waves whose values are tokens. While it reads the true
# wave, its error is a seventh of a level at every step. When it reads its own predictions, the
# error grows tenfold within thirty steps.
#
# With scheduled sampling, a growing part of the training inputs are the network's own predictions.
# What this changes here:
# - On true inputs the network is less certain: its cross-entropy is at least two fifths larger.
# - After a correct beginning it continues no better than before; three seeds show no clear
#   difference.
# - When the last token of the beginning is wrong, the first network follows it and is four levels
#   off at once. The one with scheduled sampling is one level off. Over thirty steps its error is on
#   average about half of the first network's; at the last step, three quarters, because by then its
#   own small errors have grown.
#
# **The idea.** At training step i, each input token is the true one with probability $\epsilon_i$;
# otherwise it is drawn from the network's prediction at that place. With $\epsilon_i = 1$ this is
# *teacher forcing*. The targets stay the true tokens. During training $\epsilon_i$ falls, in one of
# three ways:
#
# $$\epsilon_i = \frac{k}{k + e^{i / k}} \qquad \epsilon_i = \max(0, 1 - c i) \qquad
# \epsilon_i = k^i$$
#
# Run it: `python tutorials/3_sequences/02_scheduled_sampling.py` (40 seconds).
# You will see how true and predicted tokens are mixed, and how two networks continue waves after a
# true token and after a wrong one.

# %%
import functools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl import schedules
from kerasdl.formulas import training
from kerasdl.learners.scheduled_sampling import ScheduledSampling
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel
from kerasdl.utils import tutorial

LEVELS, LENGTH, PROMPT = 16, 50, 20
EPOCHS, BATCH = 15, 32
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
COLORS = {"teacher forcing": "tab:orange", "scheduled sampling": "tab:blue"}

# %% [markdown]
# ## Waves as tokens
# Each wave has a random period and phase. Its values are rounded to one of 16 levels, which are the
# tokens. The input of the network is the target, one step late.


# %%
def waves(count, random):
    period = random.uniform(11, 14, (count, 1))
    phase = random.uniform(0, 2 * np.pi, (count, 1))
    heights = np.sin(2 * np.pi * np.arange(LENGTH + 1) / period + phase)
    return np.round((heights + 1) / 2 * (LEVELS - 1)).astype("int32")


@functools.cache
def data(fast):
    """Waves to learn from, unseen waves, and beginnings of these whose last token is wrong."""
    random = np.random.default_rng(0)
    known, unseen = waves(64 if fast else 500, random), waves(20 if fast else 300, random)
    wrong, other = unseen[:, :PROMPT].copy(), random.integers(1, LEVELS, len(unseen))
    wrong[:, -1] = (wrong[:, -1] + other) % LEVELS
    np.testing.assert_array_equal(training.teacher_forcing(unseen[:, 1:])[:, 1:], unseen[:, 1:-1])
    return known, unseen, wrong


# %% [markdown]
# ## Training
# The library's `ScheduledSampling` replaces input tokens in each training step. This needs one more
# prediction per step. Its argument `truth` is $\epsilon$: a number, or a schedule of the
# optimizer's step. Here it falls linearly from 1 to 0. Each way to train is repeated with three
# seeds.


# %%
def new_network():
    return LSTMLanguageModel(LEVELS, LENGTH, width=48, depth=1, dropout=0.0)


def steps_of(fast):
    return (1 if fast else EPOCHS) * -(-len(data(fast)[0]) // BATCH)


def falling(fast):
    return keras.optimizers.schedules.PolynomialDecay(1.0, steps_of(fast), 0.0)


def train(truth, seed, fast):
    kerasdl.set_seed(seed)
    model = ScheduledSampling(new_network(), truth, seed=seed)
    model.compile(keras.optimizers.Adam(5e-3), LOSS, jit_compile=False)
    known, epochs = data(fast)[0], 1 if fast else EPOCHS
    model.fit(known[:, :-1], known[:, 1:], batch_size=BATCH, epochs=epochs, verbose=0)
    return model


@functools.cache
def trained(fast):
    """way to train -> a model for each seed"""
    ways = {"teacher forcing": 1.0, "scheduled sampling": falling(fast)}
    seeds = range(1 if fast else 3)
    return {name: [train(truth, seed, fast) for seed in seeds] for name, truth in ways.items()}


# %% [markdown]
# ## How inputs are mixed
# One pass over the true tokens gives the network's prediction p at each place. Each place gets two
# random numbers in [0, 1). If the first is not below $\epsilon$, the true token is replaced. The
# second chooses the replacement: it is the token in whose interval the number falls, if [0, 1) is
# divided into intervals as long as the probabilities.


# %%
def mix(network, tokens, epsilon, noise):
    p = np.array(keras.ops.softmax(network(tokens)))  # of the token after each
    drawn = np.sum(np.cumsum(p, axis=-1)[:, :-1] <= noise[:, 1:, 1:], axis=-1)
    drawn = np.concatenate([tokens[:, :1], np.minimum(drawn, LEVELS - 1)], axis=1)
    return np.where(noise[..., 0] < epsilon, tokens, drawn)


def mixing(fast=False):
    tokens, steps = data(fast)[1][:, :-1], np.arange(steps_of(fast))
    noise = np.random.default_rng(0).random((*tokens.shape, 2))
    model = trained(fast)["scheduled sampling"][-1]
    mixed = mix(model.network, tokens, 0.5, noise)
    by_library = np.array(model.read(tokens, noise, 0.5))
    assert (mixed == by_library).mean() > 0.999
    np.testing.assert_array_equal(mix(model.network, tokens, 1.0, noise), tokens)

    k = max(1, len(steps) / 8)
    curves = {
        "inverse sigmoid": training.scheduled_sampling(steps, k),
        "linear (used here)": training.scheduled_sampling_linear(steps, 1 / len(steps)),
        "exponential": training.scheduled_sampling_exponential(steps, np.exp(-1 / k)),
    }
    library = schedules.InverseSigmoid(k)(steps), falling(fast)(steps)
    np.testing.assert_allclose(library[0], curves["inverse sigmoid"], atol=1e-5)
    np.testing.assert_allclose(library[1], curves["linear (used here)"], atol=1e-5)

    figure, (left, right) = tutorial.panels(1, 2, size=(6, 3.8))
    tutorial.lines(left, curves, xlabel="training step", ylabel="epsilon", linewidth=2)
    left.set(title="Probability of a true token", ylim=(0, 1.05))
    replaced = np.flatnonzero(noise[0, 1:, 0] >= 0.5) + 1
    right.plot(tokens[0], "o-", color="0.75", label="true")
    right.plot(replaced, mixed[0, replaced], "o", color="tab:blue", label="predicted")
    right.set(title="What the network reads at epsilon = 0.5", xlabel="place", ylabel="level")
    right.set(ylim=(-1, LEVELS + 4), yticks=range(0, LEVELS, 5))
    right.legend(frameon=False, ncols=2, loc="upper left")
    return {"mixing": figure}


# %%
tutorial.show(mixing)

# %% [markdown]
# ## In use
# Now each network reads the first 20 tokens of unseen waves and continues them alone, always with
# the likeliest token: once after the true beginning, and once after the same beginning with a wrong
# last token. The error is the distance from the true wave, in levels.
#
# The first figure shows one wave. It is chosen so that the errors of both networks on it are near
# their medians over all waves, and so that the wrong token is far off.


# %%
@functools.cache
def continued(fast):
    """way -> for each seed: the cross-entropy on true inputs, and the tokens predicted."""
    _, unseen, wrong = data(fast)
    reader, found = new_network(), {}  # one network, so that `generate` is compiled once
    for name, models in trained(fast).items():
        for model in models:
            reader.set_weights(model.network.get_weights())
            logits = keras.ops.convert_to_numpy(reader(unseen[:, :-1]))
            prompts = np.concatenate([unseen[:, :PROMPT], wrong])
            tokens = reader.generate(prompts, LENGTH - PROMPT, temperature=0.0)[:, PROMPT:]
            free, after_wrong = np.split(np.array(tokens), 2)
            forced = logits.argmax(axis=-1)[:, PROMPT - 1 : -1]
            said = {"reads the truth": forced, "continues": free, "after an error": after_wrong}
            found.setdefault(name, []).append((float(LOSS(unseen[:, 1:], logits)), said))
    return found


def typical_wave(fast):
    _, unseen, wrong = data(fast)
    said = [runs[0][1]["after an error"] for runs in continued(fast).values()]
    errors = [np.abs(tokens - unseen[:, PROMPT:LENGTH]).mean(axis=1) for tokens in said]
    unlike = np.abs(errors - np.median(errors, axis=1, keepdims=True)).sum(axis=0)
    off = np.abs(wrong[:, -1] - unseen[:, PROMPT - 1])
    return np.argmin(np.where(off >= np.median(off), unlike, np.inf))


def one_wave(fast=False):
    wave, places = typical_wave(fast), np.arange(PROMPT, LENGTH)
    _, unseen, wrong = data(fast)
    figure, axes = tutorial.panels(2, 1, size=(11, 2.8), sharex=True)
    titles = {"continues": "After a true beginning", "after an error": "After one wrong token"}
    for axis, (kind, title) in zip(axes, titles.items(), strict=True):
        axis.plot(unseen[wave], color="0.75", lw=5, label="the true wave")
        axis.vlines(PROMPT - 0.5, -1, LEVELS, color="0.45", ls=":")
        for name, runs in continued(fast).items():
            tokens = runs[0][1][kind][wave]
            axis.plot(places, tokens, "o-", ms=4, color=COLORS[name], label=name)
        axis.set(title=title, xlabel="place", ylabel="level", ylim=(-1, LEVELS + 4))
        axis.set_yticks(range(0, LEVELS, 5))
    axes[1].plot(PROMPT - 1, wrong[wave, -1], "X", color="black", ms=9)
    axes[1].text(PROMPT, wrong[wave, -1], "wrong", va="center")
    axes[0].legend(frameon=False, ncols=3, loc="upper left")
    return {"waves": figure}


# %%
tutorial.show(one_wave)

# %% [markdown]
# The second figure shows the mean error over all waves at each step; thin lines are the three
# seeds. Dotted lines: the error while the network reads the true wave instead of its predictions.


# %%
def all_waves(fast=False):
    truth = data(fast)[1][:, PROMPT:LENGTH]
    losses, errors = {}, {}  # errors[way][kind]: (seeds, steps)
    for name, runs in continued(fast).items():
        losses[name] = np.array([loss for loss, _ in runs])
        errors[name] = {
            kind: np.array([np.abs(said[kind] - truth).mean(axis=0) for _, said in runs])
            for kind in runs[0][1]
        }
        print(f"{name}: cross-entropy {losses[name].round(2)}; mean errors, in levels:")
        for kind, found in errors[name].items():
            print(f"    {kind}: {found.mean(axis=1).round(2)}, at the end {found[:, -1].round(2)}")
    if not fast:
        check(losses, errors)

    figure, (left, right) = tutorial.panels(1, 2, size=(6, 4.2), sharey=True)
    steps = np.arange(1, LENGTH - PROMPT + 1)
    for name, color in COLORS.items():
        for axis, kind in ((left, "continues"), (right, "after an error")):
            axis.plot(steps, errors[name][kind].T, color=color, lw=0.7, alpha=0.4)
            axis.plot(steps, errors[name][kind].mean(axis=0), color=color, lw=2.5, label=name)
        forced = errors[name]["reads the truth"].mean(axis=0)
        left.plot(steps, forced, color=color, ls=":", lw=2, label=f"{name}, reads the truth")
    left.set(title="After a true beginning", xlabel="steps continued alone")
    right.set(title="After one wrong token", xlabel="steps continued alone")
    for axis in (left, right):
        axis.set(ylabel="mean error, levels", ylim=(0, None))
    left.legend(frameon=False, loc="upper left")
    right.legend(frameon=False, loc="lower right")
    return {"errors": figure}


def check(losses, errors):
    teacher, sampling = errors["teacher forcing"], errors["scheduled sampling"]
    ratio = losses["scheduled sampling"] / losses["teacher forcing"]
    assert (ratio > 1.4).all() and (ratio < 1.8).all(), ratio

    forced, free = teacher["reads the truth"].mean(axis=0), teacher["continues"].mean(axis=0)
    assert abs(forced.mean() - 1 / 7) < 0.03 and forced.max() < 0.25, forced
    assert free[-1] > 10 * forced[-1], (forced, free)

    # after a true beginning it is no better, and three seeds do not decide
    alone = teacher["continues"].mean(axis=1), sampling["continues"].mean(axis=1)
    assert np.mean(alone[1]) > np.mean(alone[0]) and min(alone[1]) < max(alone[0]), alone

    # after a wrong token
    mean = teacher["after an error"].mean(axis=1), sampling["after an error"].mean(axis=1)
    assert (mean[1] < 0.6 * mean[0]).all(), mean
    lost, held = (way["after an error"].mean(axis=0) for way in (teacher, sampling))
    assert abs(lost[0] - 4) < 0.5 and abs(held[0] - 1) < 0.5, (lost, held)
    assert abs(held[-1] / lost[-1] - 3 / 4) < 0.1, (lost, held)
    assert sampling["continues"].mean(axis=0)[-1] > held[-1] / 2, held  # its own small errors


# %%
tutorial.show(all_waves)


# %%
def main(fast=False, out=pathlib.Path("out/02_scheduled_sampling")):
    tutorial.run(mixing, one_wave, all_waves, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Let $\epsilon$ fall as the inverse sigmoid, `schedules.InverseSigmoid`. What changes?
# 2. Train on the true tokens alone, with a tenth of the inputs replaced by random tokens. Does it
#    help that the errors are the network's own, or does any error help?
# 3. Draw tokens at random in use (`temperature=1.0`). Which network goes further astray?

# %%
if __name__ == "__main__":
    main()
