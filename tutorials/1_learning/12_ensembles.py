# %% [markdown]
# # Ensembles: what several networks gain by disagreeing
#
# **Claim.** Ten networks that differ in their seed alone learn the same 898 digits. On any data,
# even noise whose labels are thrown by dice, the loss of their mean is at most the mean of their
# losses: that is a theorem. So on unseen digits the mean loss falls with each member. Nothing is
# promised about mistakes, and yet at least one in six of them goes, most with the first few
# members. Which networks it happens to be matters less than half as much with five as with one.
# Copies of one gain nothing: what is gained is disagreement. They disagree most where they know
# least: of pure noise each alone is more than three quarters sure, all together less than two
# thirds. One network with as many weights, trained as long, does no better: of three none makes
# fewer mistakes, and the loss of each is higher.
#
# **The idea.** Take the mean of the probabilities. Since $-\log$ is convex, Jensen's inequality
# says of the right class y, with equality only where all members say the same:
#
# $$p = \frac 1 M \sum_m p_m \qquad\qquad -\log p[y] \;\le\; \frac 1 M \sum_m -\log p_m[y]$$
#
# Run it: `python tutorials/1_learning/12_ensembles.py` (35 seconds).
# You will see what each member adds,
# what they say of doubtful digits, and how sure they are of what is no digit.

# %%
import functools
import itertools
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.formulas import regularization
from kerasdl.models.composite.ensemble import Ensemble

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ONE, ALL, GREY = "tab:orange", "tab:blue", "0.45"

# %% [markdown]
# ## Members
# Each begins elsewhere and meets the digits in another order, both by its seed. Nothing else is
# different, and nothing else needs to be.


# %%
def train(seed, digits, epochs, width=64):
    kerasdl.set_seed(seed)
    hidden = keras.layers.Dense(width, "relu"), keras.layers.Dense(width, "relu")
    layers = keras.layers.Flatten(), *hidden, keras.layers.Dense(10)
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    model.compile(keras.optimizers.Adam(3e-3), LOSS)
    model.fit(*digits, batch_size=32, epochs=epochs, verbose=0)
    return model


def say(models, images):
    """Probabilities (models, images, classes)."""
    return np.stack([keras.ops.softmax(model(images)) for model in models])


# %% [markdown]
# ## Together
# `regularization.ensemble` is the mean over the first axis; the library's `Ensemble` is the same as
# a network, which can be saved, exported and measured like any other. (`kerasdl.create_model(
# "ensemble", count=5)` makes one of convolutional members that are yet to be trained.) With ten
# members there are 1,023 ensembles to choose, so the mean over all of one size is exact. (Of all
# ten there is one choice, so there the band must close: what would be left among networks never
# met is larger, by about $\sqrt{10 / (10 - n)}$ for n members.)


# %%
def loss(p, labels):
    return float(-np.log(p[np.arange(len(labels)), labels]).mean())


def mistakes(p, labels):
    return 100 * float(np.mean(p.argmax(axis=-1) != labels))


def by_count(said, labels, measure):
    """For each number of members: the measure of every ensemble of so many."""
    return {
        count: [
            measure(regularization.ensemble(said[list(chosen)]), labels)
            for chosen in itertools.combinations(range(len(said)), count)
        ]
        for count in range(1, len(said) + 1)
    }


# %% [markdown]
# ## Where they disagree
# A doubt may be shared: all say "3 or 8". Or each is sure of something else. Entropy H takes the
# two apart: what the mean doubts is what members doubt on average, and what they disagree about.
#
# $$H[p] = \frac 1 M \sum_m H[p_m] + \text{disagreement}, \qquad \text{disagreement} \ge 0$$


# %%
def entropy(p):
    return -np.sum(p * np.log(np.maximum(p, 1e-12)), axis=-1)


def disagreement(said):
    return entropy(regularization.ensemble(said)) - entropy(said).mean(axis=0)


def strange(images, random):
    """Images that are less and less digits."""
    return {
        "digits": images,
        "upside down": images[:, ::-1, ::-1],
        "pixels mixed": random.permuted(images.reshape(-1, 64), axis=1).reshape(images.shape),
        "noise": random.random(images.shape, dtype="float32"),
    }


# %% [markdown]
# ## The pictures


# %%
def draw_counts(tables, large):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    titles = "Loss on unseen digits", "Unseen digits read wrong, %"
    for axis, title, table, single in zip(axes, titles, tables, large, strict=True):
        counts, means = [*table], [np.mean(values) for values in table.values()]
        low, high = [[f(values) for values in table.values()] for f in (min, max)]
        axis.fill_between(counts, low, high, color=ALL, alpha=0.15, lw=0)
        axis.plot(counts, means, "o-", color=ALL)
        axis.axhline(means[0], color=GREY, ls=":")
        axis.plot([counts[-1] + 1] * len(single), single, "D", color=ONE)
        label = functools.partial(axis.annotate, textcoords="offset points", fontsize=11)
        label("from the best choice\nto the worst", (1, high[0]), (70, -28), color=ALL)
        label("mean of all choices", (counts[-1], means[0]), (0, -22), color=ALL, ha="right")
        label("one member, or copies", (counts[-1], means[0]), (0, 5), color=GREY, ha="right")
        place = counts[-1] + 1.2, min(single)
        label("one network with\nas many weights", place, (0, -38), color=ONE, ha="right")
        axis.set(title=title, xlabel="members", xticks=counts, ylim=(0, None))
    return figure


def draw_said(images, titles, said):
    figure, axes = plt.subplots(2, len(images), figsize=(12, 4.8), layout="constrained")
    for (top, low), image, title, each in zip(axes.T, images, titles, said, strict=True):
        top.imshow(image[..., 0], cmap="gray_r")
        top.set(title=title, xticks=(), yticks=())
        low.imshow(np.vstack([each, each.mean(axis=0)]), cmap="Blues", vmin=0, vmax=1)
        low.axhline(len(each) - 0.5, color="black", lw=1)
        low.set(xticks=range(10), yticks=())
    axes[1, 0].set_yticks(range(len(each) + 1), [*range(1, len(each) + 1), "mean"])
    axes[1, 0].set_ylabel("member")
    figure.supxlabel("class: the darker, the surer")
    return figure


def draw_sure(sure, apart):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    places = np.arange(len(sure))
    for place, (who, colour) in enumerate((("one member", ONE), ("the mean of all", ALL))):
        shares = [100 * pair[place] for pair in sure.values()]
        bars = left.bar(places + 0.4 * place - 0.2, shares, 0.38, color=colour, label=who)
        left.bar_label(bars, fmt="%.0f")
    left.set(title="How sure of the likeliest class, %", ylim=(0, 125))
    left.legend(ncols=2, frameon=False, loc="upper right")
    bars = right.bar(places, [*apart.values()], 0.6, color=ALL)
    right.bar_label(bars, fmt="%.2f")
    right.margins(y=0.1)
    right.set(title="Disagreement, in nats (natural logarithms)")
    for axis in (left, right):
        axis.set_xticks(places, [*sure])
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/12_ensembles")):
    out.mkdir(parents=True, exist_ok=True)
    splits, random = kerasdl.data.load("digits", validation=0), np.random.default_rng(0)
    load = lambda split: next(split.unbatch().batch(1000).as_numpy_iterator())  # noqa: E731
    digits, (images, labels) = load(splits.train), load(splits.test)
    count, epochs = (2, 1) if fast else (10, 20)
    members = [train(seed, digits, epochs) for seed in range(count)]
    large = [train(seed, digits, epochs, width=264) for seed in range(1 if fast else 3)]
    said = say(members, images)
    tables = [by_count(said, labels, measure) for measure in (loss, mistakes)]
    alone = [[measure(p, labels) for p in say(large, images)] for measure in (loss, mistakes)]

    kinds = strange(images, random)
    answers = {kind: say(members, each) for kind, each in kinds.items()}
    sure, apart = {}, {}
    for kind, p in answers.items():
        sure[kind] = p.max(axis=-1).mean(), regularization.ensemble(p).max(axis=-1).mean()
        apart[kind] = disagreement(p).mean()
    doubtful = np.argsort(disagreement(said))[-5:]
    typical = np.argsort(disagreement(answers["noise"]))[len(labels) // 2]
    shown = np.concatenate([images[doubtful], kinds["noise"][[typical]]])
    titles = [f"in truth a {label}" for label in labels[doubtful]] + ["noise"]
    draw_counts(tables, alone).savefig(out / "members.png", dpi=120)
    draw_said(shown, titles, say(members, shown).swapaxes(0, 1)).savefig(out / "said.png", dpi=120)
    draw_sure(sure, apart).savefig(out / "sure.png", dpi=120)
    plt.close("all")
    means = [[float(np.mean(values)) for values in table.values()] for table in tables]
    spreads = [[float(np.std(values)) for values in table.values()] for table in tables]
    for what, mean, spread, single in zip(("loss", "% wrong"), means, spreads, alone, strict=True):
        print(f"{what}, 1 to {count} members: {np.round(mean, 3)}, +- {np.round(spread, 3)}")
        print(f"{what} of large networks: {np.round(single, 3)}")
    print("weights:", [sum(m.count_params() for m in each) for each in (members, large[:1])])
    for kind, (one, together) in sure.items():
        print(f"{kind}: one {one:.0%} sure, all {together:.0%}; disagreement {apart[kind]:.2f}")

    # the claim
    ensemble = Ensemble(members)
    np.testing.assert_allclose(keras.ops.exp(ensemble(images)), said.mean(axis=0), atol=1e-5)
    for kind, p in answers.items():  # Jensen, for each image, whatever its label
        which = np.arange(len(labels)), random.integers(0, 10, len(labels))
        together = -np.log(regularization.ensemble(p)[which])
        assert (together <= -np.log(p[:, *which]).mean(axis=0) + 1e-4).all(), kind
        assert disagreement(p).min() > -1e-5, kind
    again = say([train(0, digits, epochs)], images)
    np.testing.assert_allclose(again[0], said[0], atol=1e-3)  # the seed is the only difference
    np.testing.assert_allclose(disagreement(said[[0, 0, 0]]), 0, atol=1e-5)
    assert (np.diff(means[0]) < 0).all(), means
    if not fast:
        assert means[1][-1] < means[1][0] * 5 / 6, means
        assert means[1][0] - means[1][3] > means[1][3] - means[1][-1], means
        left = [(count / (count - n)) ** 0.5 for n in range(1, count)]  # all ten: no choice
        fresh = [np.multiply(spread[:-1], left) for spread in spreads]
        assert all(spread[4] < spread[0] / 2 for spread in fresh), fresh
        assert means[0][-1] < min(alone[0]), alone
        assert means[1][-1] <= min(alone[1]) + 0.2, alone  # a tie; one digit is 0.11
        assert sure["noise"][0] > 0.75 and sure["noise"][1] < 2 / 3, sure
        assert apart["noise"] > 5 * apart["digits"], apart
        assert apart["digits"] < apart["upside down"] < apart["pixels mixed"], apart


# %% [markdown]
# ## Exercises
# 1. Give each member nine tenths of the digits only, others to each. They disagree more. Is their
#    mean better?
# 2. Let an image go unanswered if they disagree about it. How many must go until none is wrong?
# 3. Train the `Ensemble` as one network with `fit`. Are its members as good alone as before?

# %%
if __name__ == "__main__":
    main()
