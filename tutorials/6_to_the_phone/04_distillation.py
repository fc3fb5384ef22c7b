# %% [markdown]
# # Distillation: what a large network can tell a small one
#
# **Claim.** Of 898 images 100 have labels. A teacher that learned from the 100 can tell a small
# network what it thinks of all the others. The small one, with less than a tenth of the weights,
# then reads at least 2 % more unseen digits than from the 100 labels alone, on average over four
# starts. A teacher that speaks of the 100 only changes little here, at most 4 %. The loss is
# Keras's, written out; T^2 keeps the teacher as loud at any temperature.
#
# **The idea.** "This is a 7" says less than "a 7, a little like a 9, not like a 6". A trained
# network says the second, but its softmax is so sure that the rest is lost. Divide its logits by a
# temperature T, and the rest becomes audible. For teacher t, student s and label y:
#
# $$L = \alpha\,T^2\,\mathrm{KL}\big(\sigma(t / T)\,\|\,\sigma(s / T)\big)
# + (1 - \alpha)\,\mathrm{CE}(y, \sigma(s)) \qquad
# \frac{\partial}{\partial s} \mathrm{KL} = \frac{\sigma(s / T) - \sigma(t / T)}{T}$$
#
# Run it: `python tutorials/6_to_the_phone/04_distillation.py` (45 seconds).
# You will see what a temperature does,
# which digits look alike to a teacher, why T^2, and students with and without a teacher.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import ops

import kerasdl
from kerasdl import compression
from kerasdl.formulas.activations import softmax

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TEMPERATURES = 1, 2, 4, 8, 16
TEMPERATURE, ALPHA = 4.0, 0.7

# %% [markdown]
# ## The loss
# Two distributions are compared by their divergence, softened alike; the label by cross-entropy.
# The teacher is a constant. Keras's `LogitsDistillation` computes the first term, but by default
# (Keras 3.15) takes the divergence of the logits as if they were probabilities: it wants a
# `keras.losses.KLDivergence()`, an object and not a name, which the library's `distill` gives it.


# %%
def divergence(teacher, student, temperature):
    soft, log = ops.softmax(teacher / temperature), ops.log_softmax(teacher / temperature)
    return ops.mean(ops.sum(soft * (log - ops.log_softmax(student / temperature)), axis=-1))


def distillation_loss(labels, teacher, student, temperature=TEMPERATURE, alpha=ALPHA):
    soft = temperature**2 * divergence(ops.stop_gradient(teacher), student, temperature)
    return alpha * soft + (1 - alpha) * LOSS(labels, student)


def check_the_loss():
    logits, label = np.float32([[2, 1, 0.1]]), np.zeros(1)
    np.testing.assert_allclose(softmax(logits, 4)[0], [0.416548, 0.324408, 0.259045], atol=1e-6)
    same = distillation_loss(label, logits, logits)
    zeros = distillation_loss(label, logits, np.zeros_like(logits))
    np.testing.assert_allclose([same, zeros], [0.3 * 0.417030, 0.539132], atol=1e-5)
    random = np.random.default_rng(0).normal(size=(2, 64, 10)).astype("float32")
    theirs = keras.distillation.LogitsDistillation(TEMPERATURE, keras.losses.KLDivergence())
    theirs = theirs.compute_loss(*random)
    ours = TEMPERATURE**2 * divergence(*random, TEMPERATURE)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


# %% [markdown]
# ## Why T^2
# Softened by T, logits are 1 / T as large, and so is their influence on the loss: the gradient is
# about 1 / T^2 as large (the formula above has one T; the difference of two softened distributions
# has the other). The factor makes up for it, so that alpha means the same at every temperature.


# %%
def gradient_sizes(teacher):
    """Of the divergence by temperature, without the factor and with it."""
    student, found = tf.zeros_like(teacher), {}
    for t in TEMPERATURES:
        with tf.GradientTape() as tape:
            tape.watch(student)
            loss = divergence(teacher, student, t)
        size = float(tf.norm(tape.gradient(loss, student)))
        by_formula = (softmax(np.zeros(teacher.shape), t) - softmax(teacher, t)) / t / len(teacher)
        np.testing.assert_allclose(size, np.linalg.norm(by_formula), rtol=1e-3)
        found[t] = size, t**2 * size
    return found


def entropies(teacher):
    p = {t: softmax(teacher, t) for t in TEMPERATURES}
    return [float(-np.mean(np.sum(q * np.log(q + 1e-12), axis=-1))) for q in p.values()]


# %% [markdown]
# ## A teacher and many students
# The teacher is three convolutional networks, whose logits are averaged: what one has
# wrong the others may have right. A student has one hidden layer of 16 units. Each start, the same
# weights, is used for every way to learn, for about as many steps. With alpha = 1 no label counts,
# so images without one can teach.


# %%
def train(model, dataset, epochs):
    steps = epochs * int(dataset.cardinality())
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, steps)), LOSS)
    return lambda: model.fit(dataset, epochs=epochs, shuffle=False, verbose=0)


def student_network(shape):
    layers = [keras.layers.Flatten(), keras.layers.Dense(16, "relu"), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input(shape), *layers])


def accuracy(model, images, labels):
    return float((np.argmax(model(images), axis=-1) == labels).mean())


def students(teacher, few, every, test, seed, steps):
    ways = {
        "100 labels": (few, None),
        "100 labels, teacher": (few, {"temperature": 4.0, "alpha": 0.7}),
        "teacher on 898 images": (every, {"temperature": 2.0, "alpha": 1.0}),
        "898 labels": (every, None),
    }
    kerasdl.set_seed(seed)
    student = student_network(few.element_spec[0].shape[1:])
    start, found = student.get_weights(), {}
    for way, (dataset, options) in ways.items():
        student.set_weights(start)
        epochs = max(1, steps // int(dataset.cardinality()))
        learn = train(student, dataset, epochs)
        if options is None:
            learn()
        else:
            compression.distill(student, teacher, dataset, epochs=epochs, **options)
        found[way] = accuracy(student, *test)
    return found


def ensemble(few, shape, count, epochs):
    networks = []
    for seed in range(count):
        kerasdl.set_seed(seed)
        networks.append(kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=shape))
        networks[-1].name = f"network_{seed}"  # names differ within a model
        train(networks[-1], few.repeat(8), epochs)()
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Average()([network(inputs) for network in networks]))


def draw_temperatures(image, logits, entropy, sizes):
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.4), layout="constrained")
    axes[0].imshow(image[..., 0], cmap="gray")
    axes[0].set(title="What is it?", xticks=[], yticks=[])
    for i, t in enumerate((1, 4, 16)):
        places = np.arange(10) + (i - 1) * 0.27
        axes[1].bar(places, softmax(logits, t), 0.25, label=f"T = {t}")
    axes[1].set(title="The teacher, softened", xlabel="digit", xticks=range(10))
    axes[1].legend()
    axes[2].plot(TEMPERATURES, entropy, "o-")
    axes[2].axhline(np.log(10), color="grey", linestyle="--")
    axes[2].set(title="Entropy of the answers (dashed: log 10)", xlabel="T", ylabel="nats")
    for values, label in zip(zip(*sizes.values(), strict=True), ("KL", "T² KL"), strict=True):
        axes[3].loglog(TEMPERATURES, values, "o-", base=2, label=label)
    axes[3].set(title="Size of the gradient", xlabel="T")
    axes[3].legend()
    return figure


def draw_likeness(likeness):
    figure, axis = plt.subplots(figsize=(5, 4.4), layout="constrained")
    shown = axis.imshow(100 * likeness, cmap="Blues")
    axis.set(title="Which digits look alike to the teacher, %, T = 4")
    axis.set(xlabel="takes it for", ylabel="digit", xticks=range(10), yticks=range(10))
    figure.colorbar(shown)
    return figure


def draw_students(runs, teacher):
    figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
    for run in runs:
        axis.plot([*run], [100 * value for value in run.values()], "o", color="tab:blue", alpha=0.4)
    for i, way in enumerate(runs[0]):
        mean = 100 * np.mean([run[way] for run in runs])
        axis.plot([i - 0.2, i + 0.2], [mean, mean], color="tab:orange", linewidth=3)
        axis.annotate(f"{mean:.1f}", (i + 0.23, mean), va="center")
    axis.axhline(100 * teacher, color="grey", linestyle="--", label="the teacher")
    axis.set(title="Small networks from the same starts", ylabel="unseen digits read, %")
    axis.set(xlim=(-0.5, len(runs[0]) - 0.3))
    axis.legend()
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/04_distillation")):
    out.mkdir(parents=True, exist_ok=True)
    check_the_loss()
    data = kerasdl.data.load("digits", validation=0)
    parts = (data.train.unbatch().batch(1000), data.test.unbatch().batch(1000))
    (images, labels), test = (next(part.as_numpy_iterator()) for part in parts)
    labelled = tf.data.Dataset.from_tensor_slices((images[:100], labels[:100]))
    few = labelled.shuffle(100, seed=0).batch(32)
    shape = data.info.shape
    teacher = ensemble(few, shape, *((2, 1) if fast else (3, 20)))
    right = accuracy(teacher, *test)
    logits = np.asarray(teacher(images))
    sizes, entropy = gradient_sizes(logits), entropies(logits)
    soft = softmax(logits, TEMPERATURE)
    likeness = np.array([soft[labels == digit].mean(axis=0) for digit in range(10)])
    likeness[np.eye(10, dtype=bool)] = np.nan
    seeds, steps = (1, 1) if fast else (4, 450)
    runs = [students(teacher, few, data.train, test, seed, steps) for seed in range(seeds)]
    unsure = np.sort(soft, axis=-1)[:, -1].argmin()
    picture = images[unsure], logits[unsure]
    draw_temperatures(*picture, entropy, sizes).savefig(out / "temperatures.png", dpi=120)
    draw_likeness(likeness).savefig(out / "likeness.png", dpi=120)
    draw_students(runs, right).savefig(out / "students.png", dpi=120)
    plt.close("all")
    small = student_network(data.info.shape).count_params()
    print(f"teacher: {teacher.count_params():,} weights, {right:.1%}; student: {small:,}")
    print("gradient without and with T^2:", {t: np.round(v, 4) for t, v in sizes.items()})
    print("entropy:", np.round(entropy, 2))
    means = {way: float(np.mean([run[way] for run in runs])) for way in runs[0]}
    print("right:", {way: f"{mean:.1%}" for way, mean in means.items()}, "each:", runs)

    # the claim
    assert entropy == sorted(entropy) and entropy[-1] < np.log(10), entropy
    assert small < teacher.count_params() / 10
    if not fast:
        without, with_factor = np.array([sizes[t] for t in (4, 8, 16)]).T
        assert without[0] / without[-1] > 8 > 2 > with_factor.max() / with_factor.min(), sizes
        assert means["teacher on 898 images"] > means["100 labels"] + 0.02, means
        assert abs(means["100 labels, teacher"] - means["100 labels"]) < 0.04, means


# %% [markdown]
# ## Exercises
# 1. Give the student on 898 images temperatures of 1, 2, 4 and 8. Where is the best, and why?
# 2. Leave out T^2 at T = 16 and alpha = 0.7. What does the student learn from, then?

# %%
if __name__ == "__main__":
    main()
