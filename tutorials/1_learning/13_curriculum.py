# %% [markdown]
# # Curriculum learning: easy examples first, and when that helps
#
# **Claim.** The product of five signs among forty is a rule of which no single sign tells anything,
# unless minus signs are rare. A network that is trained first on the half of the examples with the
# fewest minus signs, and then on all of them, predicts at least ten more of a hundred unseen
# products than one that is trained on all of them in random order for as many steps. Not every
# order helps: with the hard half first the result is worse than in random order, and with every
# epoch sorted from easy to hard the network learns nothing. On digits, starting with those that are
# easy for a teacher network does not help: until all digits are included the accuracy is lower, and
# in the end about the same.
#
# **The idea.** Sort the examples by a difficulty d, which must be known. In stage s of S, draw
# batches only from the easiest examples, in random order:
#
# $$\text{pool}_s = \text{argsort}(d)\,[: \lceil N s / S \rceil], \qquad s = 1, \dots, S$$
#
# Run it: `python tutorials/1_learning/13_curriculum.py` (55 seconds).
# You will see what the batches of each order consist of, and what is learned with each.

# %%
import functools
import pathlib

import keras
import numpy as np

import kerasdl
from kerasdl.data import Curriculum
from kerasdl.formulas import training
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
COLORS = {
    "random order": "tab:blue",
    "easy half first": "tab:green",
    "hard half first": "tab:red",
    "sorted every epoch": "tab:orange",
    "three stages": "tab:green",
}

# %% [markdown]
# ## A rule with easy cases
# An example is forty signs, and its class is the product of the first five. If each sign is plus or
# minus with equal chance, the product is independent of any single sign, and of any two, three or
# four together: no partial solution lowers the loss, and gradient descent finds the rule only by
# luck. If nine in ten signs are plus, a minus among the five usually makes the product minus, so
# each of the five signs is already correlated with the product.
#
# Half of the examples are of each kind. The number of minus signs is a difficulty that is easy to
# compute; it does not reveal which five signs matter.


# %%
def signs(count, minus, random):
    x = np.where(random.random((count, 40)) < minus, -1, 1).astype("float32")
    return x, (x[:, :5].prod(axis=1) < 0).astype("int32")


def minus_signs(x, y):
    return (x < 0).sum(axis=1)


@functools.cache
def examples(fast):
    """The easy half, the hard half, both together, and a folder of records with them."""
    random, count = np.random.default_rng(0), 200 if fast else 4000
    easy, hard = signs(count // 2, 0.1, random), signs(count // 2, 0.5, random)
    both = tuple(map(np.concatenate, zip(easy, hard, strict=True)))
    folder = tutorial.scratch()
    arrays = {"train": both, "test": signs(2000, 0.5, random)}
    kerasdl.data.write_records(arrays, folder / "signs", shards=1, classes=("plus", "minus"))
    return easy, hard, both, folder / "signs"


def what_a_sign_tells(fast=False):
    easy, hard, *_ = examples(fast)
    tells = {}
    for name, (x, y) in (("easy", easy), ("hard", hard)):
        tells[name] = [abs(float(np.corrcoef(x[:, i], y)[0, 1])) for i in range(40)]
        print(f"{name}: correlation of the first sign with the product {tells[name][0]:.2f}")
    figure, axes = tutorial.panels(size=(7, 3.6))
    names = {"xlabel": "sign (the first five decide)", "ylabel": "|correlation| with the class"}
    x, title = np.arange(1, 41), "What a single sign tells"
    tutorial.lines(axes, tells, x, title=title, marker=".", **names)
    assert fast or (tells["easy"][0] > 0.2 and tells["hard"][0] < 0.07)
    return figure


# %%
tutorial.show(what_a_sign_tells)

# %% [markdown]
# ## Four orders
# `kerasdl.data.Curriculum` orders the examples of a pipeline by a function of them. An epoch has
# the same number of steps in each order: an early stage uses its examples several times. In `fit`,
# a callback tells the pipeline the epoch (`order_callback`), and `shuffle` must be False.
#
# The picture shows what the batches consist of: each grey dot is an example, the line is the mean
# of a batch.


# %%
def orders(epochs):
    length = max(1, epochs // 3)
    return {
        "random order": None,
        "easy half first": Curriculum(minus_signs, stages=2, epochs=length),
        "hard half first": Curriculum(lambda x, y: -minus_signs(x, y), stages=2, epochs=length),
        "sorted every epoch": Curriculum(minus_signs, stages=1, ordered=True),
    }


def difficulties(data, order, epochs):
    """The number of minus signs in every example, as training gets them: (batches, examples)."""
    splits = kerasdl.data.load(str(data), curriculum=order, batch_size=100, validation=0)
    iterators = [splits.train.as_numpy_iterator for _ in range(epochs)]
    return np.array([minus_signs(x, y) for iterator in iterators for x, y in iterator()])


def batches(fast=False):
    _, _, (x, y), data = examples(fast)
    epochs = 2 if fast else 20
    shown = min(epochs, 10)
    found = {name: difficulties(data, order, shown) for name, order in orders(epochs).items()}
    figure, axes = tutorial.panels(1, 4, size=(3.3, 3.6), sharey=True)
    for place, (name, values) in zip(axes, found.items(), strict=True):
        epoch = np.linspace(0, shown, len(values))
        place.plot(epoch, values[:, :5], ".", color="0.8", ms=2, rasterized=True)
        place.plot(epoch, values.mean(axis=1), color=COLORS[name], lw=1.5)
        place.set(title=name, xlabel="epoch", ylabel="minus signs")

    d = minus_signs(x, y)
    pool = d[training.curriculum(d, stage=1, stages=2)]
    first = found["easy half first"].reshape(shown, -1)[0]
    assert first.min() == pool.min() and first.max() == pool.max()  # only the easy half
    sizes = [len(training.curriculum(d, stage, 3)) for stage in (1, 2, 3)]
    assert sizes == sorted(sizes) and sizes[-1] == len(d)
    assert (np.diff(found["sorted every epoch"].reshape(shown, -1)) >= 0).all()
    return figure


# %%
tutorial.show(batches)

# %% [markdown]
# ## What is learned in each
# All networks, orders and data share one training function. After the easy half alone, fewer than
# half of the unseen products are correct: the test signs are all of the hard kind, for which a rule
# learned from rare minus signs is worse than guessing. Then the other examples are added, and the
# network corrects its rule faster than one that starts from nothing.


# %%
def train(data, hidden, order, seed, epochs):
    """A model, and its accuracy on test examples after each epoch."""
    splits = kerasdl.data.load(str(data), curriculum=order, seed=seed, validation=0)
    test = next(splits.test.unbatch().batch(2000).as_numpy_iterator())
    kerasdl.set_seed(seed)
    layers = [keras.Input(splits.info.shape), keras.layers.Flatten()]
    layers += [keras.layers.Dense(128, "relu") for _ in range(hidden)]
    model = keras.Sequential([*layers, keras.layers.Dense(len(splits.info.classes))])
    options = {"steps_per_execution": 15, "jit_compile": False}
    model.compile(keras.optimizers.Adam(3e-3), LOSS, metrics=["accuracy"], **options)
    history = model.fit(
        splits.train,
        epochs=epochs,
        shuffle=False,
        callbacks=[splits.order_callback()],
        validation_data=test,
        validation_batch_size=2000,
        verbose=0,
    )
    return model, np.array(history.history["val_accuracy"])


def draw_runs(runs, title, low):
    """Thin lines for single runs, a thick one for their mean."""
    figure, axes = tutorial.panels(size=(7, 4.4))
    for name, each in runs.items():
        epochs = np.arange(1, len(each[0]) + 1)
        axes.plot(epochs, np.transpose(each), color=COLORS[name], lw=0.8, alpha=0.4)
        axes.plot(epochs, np.mean(each, axis=0), color=COLORS[name], lw=2.5, label=name)
    axes.set(title=title, xlabel="epoch", ylabel="test accuracy", ylim=(low, 1))
    axes.legend(fontsize=8)
    return figure


def products(fast=False):
    *_, data = examples(fast)
    epochs, seeds = (2, 1) if fast else (20, 3)
    chosen = list(orders(epochs).items())[: 2 if fast else None]
    runs = {
        name: [train(data, 1, order, seed, epochs)[1] for seed in range(seeds)]
        for name, order in chosen
    }
    figure = draw_runs(runs, "Products of five signs", low=0.4)
    figure.axes[0].axhline(0.5, color="grey", ls=":")
    for name, each in runs.items():
        print(f"{name}: test accuracy {[round(float(run[-1]), 3) for run in each]}")
    if not fast:
        staged_early = np.array(runs["easy half first"])[:, :6]
        assert (np.mean(staged_early, axis=1) < 0.49).all()
        chance, staged, reverse, ordered = [np.array(each)[:, -1] for each in runs.values()]
        assert staged.mean() > chance.mean() + 0.1 and (staged > chance).all()
        assert reverse.mean() < chance.mean() - 0.1 and (reverse < chance).all()
        assert abs(ordered - 0.5).max() < 0.05
    return figure


# %%
tutorial.show(products)

# %% [markdown]
# ## Digits, and a teacher
# Digits have no given difficulty. A network that was trained on them for a few epochs provides one:
# its loss for each digit. Three stages of four epochs then include a third, two thirds and all. It
# does not help: digits have no rule that only easy examples reveal, and each early stage leaves out
# examples that are worth learning.


# %%
def by_loss(teacher):
    def difficulty(images, labels):
        p = keras.ops.log_softmax(teacher(images))
        return -np.array(p)[np.arange(len(labels)), labels]

    return difficulty


def digits(fast=False):
    epochs, seeds = (2, 1) if fast else (20, 2)
    teacher, _ = train("digits", 2, None, seed=100, epochs=1 if fast else 4)
    stages = Curriculum(by_loss(teacher), stages=3, epochs=4)
    chosen = (("random order", None), ("three stages", stages))[1 if fast else 0 :]
    runs = {
        name: [train("digits", 2, order, seed, epochs)[1] for seed in range(seeds)]
        for name, order in chosen
    }
    for name, each in runs.items():
        print(f"digits, {name}: test accuracy {[round(float(run[-1]), 3) for run in each]}")
    if not fast:
        known, taught = map(np.array, runs.values())
        assert (taught[:, :8] < known[:, :8]).mean() > 0.9
        assert abs(taught[:, -1].mean() - known[:, -1].mean()) < 0.015
    return draw_runs(runs, "Digits, easy for a teacher first", low=0.5)


# %%
tutorial.show(digits)

# %% [markdown]
# ## Exercises
# 1. Train for 60 epochs. Does random order get there too? So what has the curriculum saved?
# 2. Give three of ten digits a wrong label. Which third of them does the teacher find hard? Stop
#    before the last stage: what helps, the order or what was left out?
# 3. On `kerasdl.data.load("adding")`, let the difficulty be how long something must be remembered.
#    A GRU learns it in random order. What do stages change, and what does sorting every epoch?


# %%
def main(fast=False, out=pathlib.Path("out/13_curriculum")):
    tutorial.run(what_a_sign_tells, batches, products, digits, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
