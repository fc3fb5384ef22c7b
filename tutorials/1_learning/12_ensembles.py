# %% [markdown]
# # Ensembles: what several networks gain by disagreeing
#
# **Claim.** Ten networks that differ only in their seed learn the same 898 digits. The loss of
# their mean prediction is at most the mean of their losses, for any data and any labels: that is a
# theorem. So on unseen digits the mean loss falls with each further member. No theorem says that
# mistakes get fewer, and yet at least one in six disappears, most of them with the first few
# members. With five members, the result varies less than half as much between choices of networks
# as with one. Copies of one network gain nothing: the gain comes from disagreement. Members
# disagree most about inputs unlike the training data: for pure noise, the confidence of each alone
# is above three quarters, that of all together below two thirds. A single network with as many
# weights, trained as long, does no better than the ten.
#
# **The idea.** Take the mean of the members' probabilities. Since $-\log$ is convex, Jensen's
# inequality says for the right class y, with equality only where all members agree:
#
# $$p = \frac 1 M \sum_m p_m \qquad\qquad -\log p[y] \;\le\; \frac 1 M \sum_m -\log p_m[y]$$
#
# Run it: `python tutorials/1_learning/12_ensembles.py` (35 seconds).
# You will see the gain of each further member, the members' predictions for ambiguous digits, and
# their confidence for images that show no digit.

# %%
import functools
import itertools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl.formulas import regularization
from kerasdl.models.composite.ensemble import Ensemble
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ONE, ALL = "tab:orange", "tab:blue"

# %% [markdown]
# ## Members
# The seed determines the initial weights and the order of the digits in training. Nothing else
# differs between members, and nothing else has to.


# %%
@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


def train(seed, epochs, width=64):
    kerasdl.set_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(width, "relu"),
            keras.layers.Dense(width, "relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), LOSS)
    model.fit(*digits()[0], batch_size=32, epochs=epochs, verbose=0)
    return model


@functools.cache
def members(fast):
    count, epochs = (2, 1) if fast else (10, 20)
    return [train(seed, epochs) for seed in range(count)]


@functools.cache
def large_networks(fast):
    """Single networks with about as many weights as ten members."""
    count, epochs = (1, 1) if fast else (3, 20)
    return [train(seed, epochs, width=264) for seed in range(count)]


def predict(models, images):
    """Probabilities: (models, images, classes)."""
    return np.stack([keras.ops.softmax(model(images)) for model in models])


# %% [markdown]
# ## More and more members
# With ten members there are 1,023 ensembles to choose from, so the mean over all ensembles of a
# size is exact. The spread between them must shrink to nothing at ten, where there is only one
# choice; with new members each time it would be larger by a factor of about $\sqrt{10 / (10 - n)}$
# for ensembles of n.
#
# The library's `Ensemble` is the mean as a Keras model, which can be saved, exported and measured
# like any other. (`kerasdl.create_model("ensemble", count=5)` makes one of untrained members.)


# %%
def loss(p, labels):
    return float(-np.log(p[np.arange(len(labels)), labels]).mean())


def mistakes(p, labels):
    """Percentage of wrong predictions."""
    return 100 * float(np.mean(p.argmax(axis=-1) != labels))


def by_size(predictions, labels, measure):
    """For each number of members, the measure of every ensemble of that size."""
    return {
        size: [
            measure(regularization.ensemble(predictions[list(chosen)]), labels)
            for chosen in itertools.combinations(range(len(predictions)), size)
        ]
        for size in range(1, len(predictions) + 1)
    }


def more_members(fast=False):
    images, labels = digits()[1]
    predictions = predict(members(fast), images)
    single = predict(large_networks(fast), images)
    figure, axes = tutorial.panels(1, 2, size=(5.5, 4.4), title="Unseen digits")
    found = {}
    for place, measure in zip(axes, (loss, mistakes), strict=True):
        table = by_size(predictions, labels, measure)
        alone = [measure(p, labels) for p in single]
        sizes, means = [*table], [float(np.mean(values)) for values in table.values()]
        low, high = [[f(values) for values in table.values()] for f in (min, max)]
        place.fill_between(
            sizes, low, high, color=ALL, alpha=0.15, lw=0, label="best to worst choice"
        )
        place.plot(sizes, means, "o-", color=ALL, label="mean of all choices")
        place.axhline(means[0], color="grey", ls=":", label="one member, or copies of it")
        label = "one network with as many weights"
        place.plot([sizes[-1] + 1] * len(alone), alone, "D", color=ONE, label=label)
        place.set(xlabel="members", xticks=sizes, ylim=(0, None))
        place.legend(fontsize=8, loc="lower left")
        spread = [float(np.std(values)) for values in table.values()]
        found[measure.__name__] = means, spread, alone
        print(f"{measure.__name__}, 1 to {len(sizes)} members: {np.round(means, 3)}")
        print(f"    deviation between choices {np.round(spread, 3)}")
        print(f"    large networks alone {np.round(alone, 3)}")
    axes[0].set_ylabel("cross-entropy")
    axes[1].set_ylabel("wrong, %")

    np.testing.assert_allclose(
        keras.ops.exp(Ensemble(members(fast))(images)), predictions.mean(axis=0), atol=1e-5
    )
    (means, spread, alone), (wrong, wrong_spread, wrong_alone) = found.values()
    assert (np.diff(means) < 0).all(), means
    if not fast:
        assert wrong[-1] < wrong[0] * 5 / 6, wrong
        assert wrong[0] - wrong[3] > wrong[3] - wrong[-1], wrong  # most with the first
        count = len(means)
        fewer_choices = [(count / (count - n)) ** 0.5 for n in range(1, count)]
        for each in (spread, wrong_spread):
            corrected = np.multiply(each[:-1], fewer_choices)
            assert corrected[4] < corrected[0] / 2, corrected
        assert means[-1] < min(alone), alone
        assert wrong[-1] <= min(wrong_alone) + 0.2, wrong_alone  # a tie; one digit is 0.11
    return figure


# %%
tutorial.show(more_members)

# %% [markdown]
# ## Jensen's inequality
# It holds for every image and every label, so also for noise with random labels. And the seed is
# really the only difference: the same seed gives the same network.


# %%
def never_worse(fast=False):
    random = np.random.default_rng(0)
    for kind, images in strange_images().items():
        p = predict(members(fast), images)
        labels = np.arange(len(images)), random.integers(0, 10, len(images))
        together = -np.log(regularization.ensemble(p)[labels])
        alone = -np.log(p[:, *labels]).mean(axis=0)
        assert (together <= alone + 1e-4).all(), kind
    images, _ = digits()[1]
    again = predict([train(0, epochs=1 if fast else 20)], images)
    np.testing.assert_allclose(again[0], predict(members(fast)[:1], images)[0], atol=1e-3)


def strange_images():
    """Test digits, and images that resemble digits less and less."""
    images, random = digits()[1][0], np.random.default_rng(0)
    return {
        "digits": images,
        "upside down": images[:, ::-1, ::-1],
        "pixels mixed": random.permuted(images.reshape(-1, 64), axis=1).reshape(images.shape),
        "noise": random.random(images.shape, dtype="float32"),
    }


# %%
tutorial.show(never_worse)

# %% [markdown]
# ## Where members disagree
# A prediction can be uncertain in two ways: all members may predict "3 or 8", or each member may be
# certain of another class. The entropy $H[p] = -\sum_k p_k \log p_k$ distinguishes them: the
# entropy of the mean is the mean entropy of the members plus their disagreement.
#
# $$H[p] = \frac 1 M \sum_m H[p_m] + \text{disagreement}, \qquad \text{disagreement} \ge 0$$


# %%
def entropy(p):
    return -np.sum(p * np.log(np.maximum(p, 1e-12)), axis=-1)


def disagreement(predictions):
    return entropy(regularization.ensemble(predictions)) - entropy(predictions).mean(axis=0)


def doubtful_digits(fast=False):
    (images, labels), noise = digits()[1], strange_images()["noise"]
    doubtful = np.argsort(disagreement(predict(members(fast), images)))[-5:]
    typical = np.argsort(disagreement(predict(members(fast), noise)))[len(noise) // 2]
    shown = np.concatenate([images[doubtful], noise[[typical]]])
    titles = [f"is a {label}" for label in labels[doubtful]] + ["noise"]
    predictions = predict(members(fast), shown).swapaxes(0, 1)  # (images, members, classes)

    figure, axes = tutorial.panels(2, 6, size=(2.1, 2.4))
    for (top, low), image, title, p in zip(axes.T, shown, titles, predictions, strict=True):
        top.imshow(image[..., 0], cmap="gray_r")
        top.set(title=title, xticks=[], yticks=[])
        low.imshow(np.vstack([p, p.mean(axis=0)]), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        low.axhline(len(p) - 0.5, color="black", lw=1)
        low.set(xticks=range(10), yticks=[], xlabel="class")
    axes[1, 0].set_yticks(range(len(p) + 1), [*map(str, range(1, len(p) + 1)), "mean"])
    axes[1, 0].set_ylabel("member")
    figure.suptitle("The five digits about which members disagree most, and noise (darker: surer)")
    copies = predict([members(fast)[0]] * 3, images)
    np.testing.assert_allclose(disagreement(copies), 0, atol=1e-5)
    return figure


# %%
tutorial.show(doubtful_digits)

# %% [markdown]
# ## Confidence for images that show no digit
# A softmax always gives a class, also for images that show none. A single network is often certain
# of it; the members' disagreement reveals that such an image is unlike the training data.


# %%
def how_sure(fast=False):
    one, together, apart = {}, {}, {}
    for kind, images in strange_images().items():
        p = predict(members(fast), images)
        one[kind] = float(p.max(axis=-1).mean())
        together[kind] = float(regularization.ensemble(p).max(axis=-1).mean())
        apart[kind] = float(disagreement(p).mean())
        assert disagreement(p).min() > -1e-5, kind
        print(f"{kind}: one is {one[kind]:.0%} sure, all {together[kind]:.0%}; {apart[kind]:.2f}")
    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 4))
    for place, (label, values, color) in enumerate(
        (("one member", one, ONE), ("mean of all", together, ALL))
    ):
        x = np.arange(len(values)) + 0.4 * place - 0.2
        bars = left.bar(x, [*values.values()], 0.38, color=color, label=label)
        left.bar_label(bars, fmt="%.2f", fontsize=8)
    left.set_xticks(range(len(one)), one)
    left.set(title="Confidence", ylabel="probability of the likeliest class", ylim=(0, 1.25))
    left.legend(ncols=2, fontsize=8)
    names = {"xlabel": "", "ylabel": "disagreement, nats"}
    tutorial.bars(right, apart, title="Disagreement", color=ALL, **names)
    if not fast:
        assert one["noise"] > 0.75 and together["noise"] < 2 / 3
        assert apart["noise"] > 5 * apart["digits"]
        assert apart["digits"] < apart["upside down"] < apart["pixels mixed"]
    return figure


# %%
tutorial.show(how_sure)

# %% [markdown]
# ## Exercises
# 1. Give each member only nine tenths of the digits, different ones to each. They disagree more. Is
#    their mean better?
# 2. Refuse to answer where members disagree. How many digits go unanswered until no answer is
#    wrong?
# 3. Train the `Ensemble` as one network with `fit`. Are its members as good alone as before?


# %%
def main(fast=False, out=pathlib.Path("out/12_ensembles")):
    sections = more_members, never_worse, doubtful_digits, how_sure
    tutorial.run(*sections, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
