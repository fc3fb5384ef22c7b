# %% [markdown]
# # Debugging a training run with the doctor
#
# **Claim.** Seven training runs are broken in seven ways. The usual first advice, to change the
# learning rate by a factor of ten, cures one of them. Eight measurements in a fixed order find what
# is wrong in each. Once that is cured, every network classifies more than 80 % of unseen digits
# correctly, and at least five more of a hundred than before. The measurements find nothing wrong
# with a healthy run, nor with the cured ones. The library's `doctor` agrees in all cases. None of
# them finds an error in a gradient; a gradient check does.
#
# **The idea.** A loss curve shows that something is wrong, but rarely what. The loss of guessing
# among ten classes is ln 10 = 2.30, and four of our seven runs end near it, for four different
# reasons. What distinguishes them is cheap to measure: the scale of the inputs, the size of the
# gradients, dead units, a sweep of the learning rate, and whether the network can overfit a single
# batch. For instance, L layers multiply a gradient L times, for sigmoids by at most 1/4:
#
# $$\frac{\partial L}{\partial a_1} = \prod_{l=2}^{L} W_l^\top \mathrm{diag}(\sigma'(z_l))
# \frac{\partial L}{\partial a_L} \qquad \sigma'(z) = \sigma(z)(1 - \sigma(z)) \le \tfrac14$$
#
# Run it: `python tutorials/1_learning/11_debugging_with_the_doctor.py` (80 seconds).
# You will see the loss curves of broken and cured runs, a table of all measurements, the gradients
# of a network whose gradients vanish, and an error that no curve shows.

# %%
import functools
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import callbacks, diagnosis
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
GUESSING = np.log(10)
HEALTHY = "healthy"

# %% [markdown]
# ## Seven ways to break a training run
# Each run is the healthy one (two layers of 64 ReLUs, Adam at 0.003, ten epochs) with one thing
# changed, and each is shown beside its cure. "Raw pixels" are those of a 16-bit camera, from 0 to
# 65535. "Learned by heart" is a wide network with 80 images, a quarter of them with random labels,
# for 30 epochs; its cure is to use all the data.


# %%
@functools.cache
def digits():
    splits = kerasdl.data.load("digits", validation=0)
    return tutorial.arrays(splits.train), tutorial.arrays(splits.test)


def network(widths=(64, 64), activation="relu", scale=None, **options):
    layers = [keras.Input((8, 8, 1))]
    if scale:
        layers.append(keras.layers.Rescaling(scale))
    layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(width, activation, **options) for width in widths]
    return keras.Sequential([*layers, keras.layers.Dense(10)])


@functools.cache
def faults():
    """name -> (what is changed, what cures it), both as arguments of `train`."""
    (x, y), _ = digits()
    random = np.random.default_rng(2)
    shuffled = random.permutation(y)
    few = y[:80].copy()
    few[::4] = random.integers(0, 10, 20)
    deep = (32,) * 12
    camera = {"x": x * 65535, "factor": 65535}
    by_heart = {"x": x[:80], "y": few, "widths": (256, 256), "epochs": 30}
    he = {"kernel_initializer": "he_normal", "learning_rate": 1e-3}
    return {
        "learning rate too high": (
            {"activation": "tanh", "learning_rate": 1.0},
            {"activation": "tanh"},
        ),
        "learning rate too low": ({"learning_rate": 3e-6}, {}),
        "raw pixels": (camera, {**camera, "scale": 1 / 65535}),
        "labels shuffled": ({"y": shuffled}, {}),
        "twelve sigmoids": (
            {"widths": deep, "activation": "sigmoid"},
            {"widths": deep, **he},  # with ReLU
        ),
        "dead ReLUs": ({"learning_rate": 0.3}, {}),
        "learned by heart": (by_heart, {"widths": (256, 256), "learning_rate": 1e-3}),
    }


# %% [markdown]
# `train` returns a `diagnosis.Case`, the doctor's input: the model, its data, its history and a
# function that makes a fresh copy of the model. The callback `GradientHealth` records the gradient
# of each layer and the units that have none.


# %%
def train(x=None, y=None, learning_rate=3e-3, epochs=10, factor=1.0, watch=True, **options):
    (all_x, all_y), (unseen, labels) = digits()
    x = all_x if x is None else x
    y = all_y if y is None else y

    def fresh():
        kerasdl.set_seed(0)
        model, optimizer = network(**options), keras.optimizers.Adam(learning_rate)
        optimizer.build(model.trainable_variables)  # else the first step is traced twice
        model.compile(optimizer, LOSS, metrics=["accuracy"])
        return model

    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).batch(32)
    validation = tf.data.Dataset.from_tensor_slices((unseen * factor, labels)).batch(500)
    model, health = fresh(), callbacks.GradientHealth(every=1)
    history = model.fit(
        batches,
        validation_data=validation,
        epochs=epochs,
        callbacks=[health] if watch else [],
        shuffle=False,  # the dataset shuffles
        verbose=0,
    )
    return diagnosis.Case(model, batches, validation, history.history, fresh), health


def accuracy(case):
    return round(case.history["val_accuracy"][-1], 3)


@functools.cache
def broken(name):
    return train(**({} if name == HEALTHY else faults()[name][0]))


@functools.cache
def cured(name):
    return train(**faults()[name][1])


def names(fast):
    return ["raw pixels"] if fast else [HEALTHY, *faults()]


def curves(fast=False):
    shown = names(fast)
    figure, axes = tutorial.panels(2, 4, size=(3.5, 2.9))
    for place, name in zip(axes.flat, shown, strict=False):
        case, _ = broken(name)
        rows = {"training": case.loss, "unseen": case.validation_loss}
        if name != HEALTHY:
            rows["unseen, cured"] = cured(name)[0].validation_loss
        rows = {row: (np.arange(1, len(values) + 1), values) for row, values in rows.items()}
        tutorial.lines(place, rows, xlabel="epoch", ylabel="loss", title=name)
        place.axhline(GUESSING, color="grey", linestyle=":")
        place.legend(fontsize=7)
        if case.loss.max() > 5:
            place.set_yscale("log")
        else:
            place.set_ylim(0, 2.6)
    for place in axes.flat[len(shown) :]:
        place.axis("off")
    figure.suptitle("Dotted: the loss of guessing")
    if not fast:
        ends = [broken(name)[0].loss[-1] for name in faults()]
        assert sum(abs(end - GUESSING) < 0.35 for end in ends) == 4, ends
    return figure


# %%
tutorial.show(curves)

# %% [markdown]
# ## Change the learning rate by ten?
# It is the usual first advice, and here it cures only the ReLUs that a learning rate of 0.3 has
# killed. (Each broken run is repeated with a tenth and with ten times its learning rate. The run
# whose learning rate is too low would need a factor of a thousand.)


# %%
def ten_times(fast=False):
    for name in names(fast):
        if name == HEALTHY:
            continue
        fault, _ = faults()[name]
        rates = [by * fault.get("learning_rate", 3e-3) for by in (0.1, 10)]
        found = [
            accuracy(train(**{**fault, "learning_rate": rate}, watch=False)[0]) for rate in rates
        ]
        print(f"{name}: {found} right at a tenth and at ten times the learning rate")
        assert fast or (max(found) > 0.8) == (name == "dead ReLUs"), (name, found)


# %%
tutorial.show(ten_times)

# %% [markdown]
# ## Eight measurements
# The order matters: causes come before their effects. Unscaled inputs disturb gradients, vanished
# gradients look like a learning rate that is too low, and so on. The first measurement that is
# wrong is the diagnosis.
#
# Two of them train for some steps: `lr_find` sweeps the learning rate (tutorial 07), and
# `overfit_one_batch` tests whether the network can overfit one batch. A network that cannot has an
# error, or too little capacity. With shuffled labels it *can*; then the error is in the data and
# not in the network.


# %%
QUESTIONS = {  # what is measured -> when it is wrong, and the doctor's name for it
    "deviation of\nthe inputs": (lambda v: v > 20, "inputs not scaled"),
    "gradient,\nfirst / last layer": (lambda v: 0 < v < 1e-5, "vanishing gradients"),
    "highest loss\nafter epoch 1": (lambda v: v > 2 * GUESSING, "learning rate too high"),
    "units without\ngradient": (lambda v: v > 0.5, "dead units"),
    "suggested /\nused rate": (lambda v: v > 10, "learning rate too low"),
    "loss of a batch\nlearned by heart": (lambda v: v > 0.5, "underfitting: too little capacity"),
    "best loss on\nunseen digits": (lambda v: v > 0.9 * GUESSING, "labels unrelated to inputs"),
    "unseen loss,\nlast / best": (lambda v: v > 1.3, "overfitting"),
}


@functools.cache
def measure(name):
    case, health = broken(name)
    first, *_, last = [np.median(norms) for norms in health.norms.values()]
    *hidden, _ = health.dead[-1].values()
    unseen = case.validation_loss
    sweep = diagnosis.lr_find(case.fresh(), case.train, low=1e-6, high=10.0, steps=80)
    suggestion = sweep.suggestion or 0
    options = {"steps": 300, "goal": 0.2, "learning_rate": suggestion or 0.01}
    numbers = (
        np.std(case.inputs),
        first / last,
        case.loss[1:].max(),
        max(hidden),
        suggestion / float(case.model.optimizer.learning_rate),
        diagnosis.overfit_one_batch(case.fresh(), case.train, **options).final,
        unseen.min(),
        unseen[-1] / unseen.min(),
    )
    return dict(zip(QUESTIONS, map(float, numbers), strict=True)), sweep


def doctor(case):
    return [finding.name for finding in diagnosis.doctor(case).values() if finding]


def measurements(fast=False):
    table = {name: measure(name)[0] for name in names(fast)}
    figure, axes = tutorial.panels(size=(14, 4.4))
    wrong = [[bad(row[q]) for q, (bad, _) in QUESTIONS.items()] for row in table.values()]
    axes.imshow(np.where(wrong, 0.45, 0.0), cmap="Reds", vmin=0, vmax=1, aspect="auto")
    for y, (row, bad) in enumerate(zip(table.values(), wrong, strict=True)):
        for x, value in enumerate(row.values()):
            axes.text(x, y, f"{value:.2g}", ha="center", va="center")
            if bad[x] and not any(bad[:x]):
                axes.add_patch(plt.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, fill=False, lw=2))
    axes.set_xticks(range(len(QUESTIONS)), QUESTIONS)
    axes.set_yticks(range(len(table)), table)
    axes.set_title("Red: wrong. Framed: the first that is wrong, which is the diagnosis")

    for name in table:
        by_hand = [said for q, (bad, said) in QUESTIONS.items() if bad(table[name][q])][:1]
        case, _ = broken(name)
        found = doctor(case)
        print(f"{name}: {accuracy(case):.1%} right; by hand {by_hand}, the doctor {found}")
        assert by_hand == found, name
        assert bool(by_hand) == (name != HEALTHY), name
        if name != HEALTHY:
            healed, _ = cured(name)
            print(f"    cured: {accuracy(healed):.1%} right")
            assert not doctor(healed), name
            assert fast or accuracy(healed) > max(0.8, accuracy(case) + 0.05), name
    sweep = measure("raw pixels" if fast else "learning rate too low")[1].figure()
    return {"measurements": figure, "sweep": sweep}


# %%
tutorial.show(measurements)

# %% [markdown]
# ## Twelve sigmoids
# The second measurement, layer by layer: with twelve layers of sigmoids the gradient of the first
# layer (dark) is a tiny fraction of the last one's (light). With ReLU and He's weights all
# layers get gradients of about the same size. The dotted line is the size below which
# `GradientHealth` calls a gradient vanishing.


# %%
def layer_gradients(fast=False):
    if fast:
        cases = {"raw pixels": broken("raw pixels")}
    else:
        cases = {name: broken(name) for name in (HEALTHY, "twelve sigmoids")}
        cases["twelve layers, cured"] = cured("twelve sigmoids")
    figure, axes = tutorial.panels(1, 3, sharey=True, size=(4.4, 3.8))
    for place, (name, (_, health)) in zip(axes, cases.items(), strict=False):
        shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(health.norms)))
        for norms, shade in zip(health.norms.values(), shades, strict=True):
            place.semilogy(health.steps, np.maximum(norms, 1e-12), color=shade)
        place.axhline(health.vanishing, color="grey", linestyle=":")
        title = f"{name}: {len(shades)} layers, first dark"
        place.set(title=title, xlabel="step", ylabel="norm of the gradient")
    for place in axes[len(cases) :]:
        place.axis("off")
    return figure


# %%
tutorial.show(layer_gradients)

# %% [markdown]
# ## What no curve shows
# Here the gradient of swish, $z\,\sigma(z)$, is computed wrongly: $\sigma(z)$ is treated as a
# constant, so the second term of the product rule is missing. The network learns about as well, and
# the doctor finds nothing. A *gradient check* finds the error: it changes each weight a little, up
# and down, in 64 bits, and compares the change of the loss with the gradient.


# %%
@keras.saving.register_keras_serializable("tutorial")
def wrong_swish(x):
    return x * tf.sigmoid(tf.stop_gradient(x))


def gradient_check(fast=False):
    few = [array[:16] for array in digits()[0]]
    errors = {}
    for name, activation in (("wrong", wrong_swish), ("right", "swish")):
        check = diagnosis.gradient_check(network((64,), activation), *few, loss=LOSS)
        errors[name] = max(check.errors.values())
    print("relative errors of the gradients:", {n: f"{e:.1e}" for n, e in errors.items()})
    assert errors["wrong"] > 0.01 and check.right
    if not fast:
        wrong, right = [train(activation=a)[0] for a in (wrong_swish, "swish")]
        print(f"digits right with wrong and right gradients: {accuracy(wrong)}, {accuracy(right)}")
        assert not doctor(wrong) and accuracy(wrong) > accuracy(right) - 0.03


# %%
tutorial.show(gradient_check)

# %% [markdown]
# ## What else goes wrong
# - The loss is NaN: lower the learning rate, or clip gradients (tutorial 05).
# - Training is slow: profile it (`keras.callbacks.TensorBoard(profile_batch=...)`).
# - The memory is too small: smaller batches, and accumulate the gradients of several
#   (`gradient_accumulation_steps` of a Keras optimizer).
#
# For a run of your own: `kerasdl doctor RUN`, or `diagnosis.doctor(case)` as above.
#
# ## Exercises
# 1. Raise the learning rate of the run where it is too low by ten again and again. When does it
#    learn?
# 2. "Learned by heart": keep its 80 images, and stop early, or add dropout. What is that worth?
# 3. Double the slope of a right swish. The network learns as before: why does Adam not mind?


# %%
def main(fast=False, out=pathlib.Path("out/11_debugging_with_the_doctor")):
    sections = curves, ten_times, measurements, layer_gradients, gradient_check
    tutorial.run(*sections, fast=fast, out=out)


if __name__ == "__main__" and not tutorial.in_editor():
    main()
