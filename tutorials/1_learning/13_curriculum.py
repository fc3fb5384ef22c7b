# %% [markdown]
# # Curriculum: easy examples first, and when that helps
#
# **Claim.** The product of five signs among forty is a rule that no single sign betrays, unless
# minus signs are rare. Who first meets the half of the examples with the fewest minus signs, and
# then all, gets at least ten more of a hundred unseen products right than who meets all of them in
# random order for as many steps. Order is not good by itself: the half with the most first is worse
# than random order, and who sorts every epoch from easy to hard learns nothing. On digits, those
# first that a teacher finds easy, stages do not help: until all are in, fewer are read right, and
# at the end about as many.
#
# **The idea.** Order the examples by a difficulty d, which somebody has to know. In stage s of S,
# draw from the easiest of them only. Inside the pool chance orders, as always:
#
# $$\text{pool}_s = \text{argsort}(d)\,[: \lceil N s / S \rceil], \qquad s = 1, \dots, S$$
#
# Run it: `python tutorials/1_learning/13_curriculum.py` (50 seconds).
# You will see what the batches of
# each order are made of, and what is learned in each.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl.data import Curriculum
from kerasdl.formulas import training

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
COLOURS = {
    "random order": "tab:blue",
    "easy half first": "tab:green",
    "hard half first": "tab:red",
    "sorted every epoch": "tab:orange",
    "three stages": "tab:green",
}

# %% [markdown]
# ## A rule with easy cases
# Forty signs; what is asked for is the product of the first five. Where all are thrown like coins,
# it has nothing to do with any of them, nor with two, three or four at once. Where nine in ten are
# plus, it mostly is what each of the five alone is. Half of the examples are of either kind, and a
# sign's place says nothing about which: the number of minus signs is a difficulty that one can see.


# %%
def signs(count, minus, random):
    x = np.where(random.random((count, 40)) < minus, -1, 1).astype("float32")
    return x, (x[:, :5].prod(axis=1) < 0).astype("int32")


def minus_signs(x, y):
    return (x < 0).sum(axis=1)


def orders(epochs):
    few = max(1, epochs // 3)
    return {
        "random order": None,
        "easy half first": Curriculum(minus_signs, stages=2, epochs=few),
        "hard half first": Curriculum(lambda x, y: -minus_signs(x, y), stages=2, epochs=few),
        "sorted every epoch": Curriculum(minus_signs, stages=1, ordered=True),
    }


# %% [markdown]
# ## One loop for all
# An epoch has as many steps in each order: an early stage takes its examples several times. Let
# `fit` tell the pipeline which epoch it is, with `order_callback`, and not shuffle.


# %%
def train(data, hidden, order, seed, epochs):
    """A model, and the share of unseen examples that it gets right after each epoch, in %."""
    splits = kerasdl.data.load(str(data), curriculum=order, seed=seed, validation=0)
    unseen = next(splits.test.unbatch().batch(2000).as_numpy_iterator())
    kerasdl.set_seed(seed)
    layers = [keras.layers.Dense(128, "relu") for _ in range(hidden)]
    layers = keras.layers.Flatten(), *layers, keras.layers.Dense(len(splits.info.classes))
    model = keras.Sequential([keras.Input(splits.info.shape), *layers])
    quick = {"steps_per_execution": 15, "jit_compile": False}
    model.compile(keras.optimizers.Adam(3e-3), LOSS, metrics=["accuracy"], **quick)
    history = model.fit(
        splits.train,
        epochs=epochs,
        shuffle=False,
        callbacks=[splits.order_callback()],
        validation_data=unseen,
        validation_batch_size=2000,
        verbose=0,
    ).history
    return model, 100 * np.array(history["val_accuracy"])


# %% [markdown]
# ## Digits, and a teacher
# Nobody says which digits are easy. A network that has seen them a few times does: those on which
# its loss is low.


# %%
def by_loss(teacher):
    def difficulty(images, labels):
        p = keras.ops.log_softmax(teacher(images))
        return -np.array(p)[np.arange(len(labels)), labels]

    return difficulty


# %% [markdown]
# ## The pictures
# Who has met the easy half alone gets less than half of the unseen ones right, which are all coins:
# what is learned where two of the five are seldom minus does not hold for them.


# %%
def batches(data, order, epochs):
    """Minus signs of every example, (batches, examples), as training meets them."""
    splits = kerasdl.data.load(str(data), curriculum=order, batch_size=100, validation=0)
    iterators = [splits.train.as_numpy_iterator for _ in range(epochs)]
    return np.array([minus_signs(x, y) for iterator in iterators for x, y in iterator()])


def draw_batches(met, epochs):
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained", sharey=True)
    for axis, (name, found) in zip(axes, met.items(), strict=True):
        epoch = np.linspace(0, epochs, len(found))
        axis.plot(epoch, found[:, :5], ".", color="0.8", ms=2, rasterized=True)
        axis.plot(epoch, found.mean(axis=1), color=COLOURS[name], lw=1.5)
        axis.set(title=name, xlabel="epoch")
    axes[0].set_ylabel("minus signs\n(grey: examples, line: mean of a batch)")
    return figure


def draw_learned(tables):
    figure, axes = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")
    titles = "Products of five signs: unseen, right, %", "Digits: unseen, right, %"
    for axis, title, table in zip(axes, titles, tables, strict=True):
        for name, runs in table.items():
            epochs = np.arange(1, len(runs[0]) + 1)
            axis.plot(epochs, np.transpose(runs), color=COLOURS[name], lw=0.8, alpha=0.4)
            axis.plot(epochs, np.mean(runs, axis=0), color=COLOURS[name], lw=2.5, label=name)
        axis.set(title=title, xlabel="epoch", xticks=range(0, 21, 4))
    axes[0].axhline(50, color="0.5", ls=":")
    axes[0].set_ylim(40, 100)
    axes[1].set_ylim(50, 100)
    axes[0].legend(frameon=False, loc="upper left")
    axes[1].legend(frameon=False, loc="lower right")
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/13_curriculum")):
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    epochs, seeds, count = (2, 1, 200) if fast else (20, 3, 4000)
    shown = min(epochs, 10)
    easy, hard = signs(count // 2, 0.1, random), signs(count // 2, 0.5, random)
    x, y = map(np.concatenate, zip(easy, hard, strict=True))
    arrays = {"train": (x, y), "test": signs(2000, 0.5, random)}
    data, classes = out / "signs", ("plus", "minus")
    kerasdl.data.write_records(arrays, data, shards=1, classes=classes)
    chosen = orders(epochs)
    met = {name: batches(data, order, shown) for name, order in chosen.items()}
    products = {
        name: [train(data, 1, order, seed, epochs)[1] for seed in range(seeds)]
        for name, order in list(chosen.items())[: 2 if fast else None]
    }
    teacher, _ = train("digits", 2, None, seed=100, epochs=1 if fast else 4)
    stages = Curriculum(by_loss(teacher), stages=3, epochs=4)
    digits = {
        name: [train("digits", 2, order, seed, epochs)[1] for seed in range(min(seeds, 2))]
        for name, order in (("random order", None), ("three stages", stages))[fast:]
    }
    draw_batches(met, shown).savefig(out / "batches.png", dpi=120)
    draw_learned((products, digits)).savefig(out / "learned.png", dpi=120)
    plt.close("all")
    tells = [float(np.corrcoef(x[:, 0], y)[0, 1]) for x, y in (easy, hard)]
    print(f"correlation of a sign with the product, easy and hard: {np.round(tells, 2)}")
    for name, runs in (*products.items(), *digits.items()):
        print(f"{name}: {np.round([run[-1] for run in runs], 1)}")

    # the claim
    d = minus_signs(x, y)
    pool = d[training.curriculum(d, stage=1, stages=2)]
    first = met["easy half first"].reshape(shown, -1)[0]
    assert first.min() == pool.min() and first.max() == pool.max(), "only the easy half"
    sizes = [len(training.curriculum(d, stage, 3)) for stage in (1, 2, 3)]
    assert sizes == sorted(sizes) and sizes[-1] == count, sizes
    assert (np.diff(met["sorted every epoch"].reshape(shown, -1)) >= 0).all()
    if not fast:
        assert abs(tells[0]) > 0.2 and abs(tells[1]) < 0.07, tells
        assert (np.mean(np.array(products["easy half first"])[:, :6], axis=1) < 49).all(), products
        last = {name: np.array(runs)[:, -1] for name, runs in products.items()}
        chance, staged, reverse, ordered = last.values()
        assert staged.mean() > chance.mean() + 10 and (staged > chance).all(), last
        assert reverse.mean() < chance.mean() - 10 and (reverse < chance).all(), last
        assert abs(ordered - 50).max() < 5, last
        known, taught = map(np.array, digits.values())
        assert (taught[:, :8] < known[:, :8]).mean() > 0.9, digits
        assert abs(taught[:, -1].mean() - known[:, -1].mean()) < 1.5, digits


# %% [markdown]
# ## Exercises
# 1. Train for 60 epochs. Does the random order get there too? So what has the curriculum saved?
# 2. Give three of ten digits a wrong label. Which third of them does the teacher find hard? Stop
#    before the last stage: is what helps the order, or what was left out?
# 3. On `kerasdl.data.load("adding")`, call difficult what must be remembered for long. A GRU learns
#    it in random order. What do stages change, and what does sorting every epoch?

# %%
if __name__ == "__main__":
    main()
