# %% [markdown]
# # Distillation: what a large network can teach a small one
#
# **Claim.** Of 898 images, 100 have labels. A teacher trained on these 100 can give a small network
# its predictions for all the others. The small network, with less than a tenth of the weights, then
# classifies at least 2 % more unseen digits correctly than one trained on the 100 labels alone, on
# average over four starts. A teacher's predictions for only the 100 labeled images change little
# here, at most 4 %. The factor T^2 keeps the size of the gradient at any temperature T within a
# factor of 2, from T = 4 on.
#
# **The idea.** "This is a 7" contains less information than "probably a 7, perhaps a 9, surely not
# a 6". A trained network gives the second kind of answer, but its softmax is so certain that the
# small probabilities are nearly 0. Dividing its logits by a temperature T makes them larger. With
# the teacher's logits t, the student's logits s and the label y:
#
# $$L = \alpha\,T^2\,\mathrm{KL}\big(\sigma(t / T)\,\|\,\sigma(s / T)\big)
# + (1 - \alpha)\,\mathrm{CE}(y, \sigma(s)) \qquad
# \frac{\partial}{\partial s} \mathrm{KL} = \frac{\sigma(s / T) - \sigma(t / T)}{T}$$
#
# Run it: `python tutorials/6_to_the_phone/04_distillation.py` (55 seconds).
# You will see what a temperature does, why the loss has a factor T^2, which digits look alike to a
# teacher, and students with and without a teacher.

# %%
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

import kerasdl
from kerasdl import compression
from kerasdl.formulas.activations import softmax
from kerasdl.utils import tutorial

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TEMPERATURES = 1, 2, 4, 8, 16

# %% [markdown]
# ## The loss
# The two distributions, softened by the same temperature, are compared by the Kullback-Leibler
# divergence. The label is compared by cross-entropy. The teacher does not learn.
#
# `keras.distillation.LogitsDistillation` computes the first term. Pass it a
# `keras.losses.KLDivergence()` object: with its default, Keras 3.15 computes the divergence of
# logits as if they were probabilities. The library's `compression.distill` passes this object.


# %%
def divergence(teacher, student, temperature):
    soft, log = ops.softmax(teacher / temperature), ops.log_softmax(teacher / temperature)
    return ops.mean(ops.sum(soft * (log - ops.log_softmax(student / temperature)), axis=-1))


def distillation_loss(labels, teacher, student, temperature=4.0, alpha=0.7):
    soft = temperature**2 * divergence(ops.stop_gradient(teacher), student, temperature)
    return alpha * soft + (1 - alpha) * LOSS(labels, student)


def check_the_loss(fast=False):
    logits, label = np.float32([[2, 1, 0.1]]), np.zeros(1)
    np.testing.assert_allclose(softmax(logits, 4)[0], [0.416548, 0.324408, 0.259045], atol=1e-6)
    same = distillation_loss(label, logits, logits)
    zeros = distillation_loss(label, logits, np.zeros_like(logits))
    np.testing.assert_allclose([same, zeros], [0.3 * 0.417030, 0.539132], atol=1e-5)
    teacher, student = np.random.default_rng(0).normal(size=(2, 64, 10)).astype("float32")
    by_keras = keras.distillation.LogitsDistillation(4.0, keras.losses.KLDivergence())
    by_keras = by_keras.compute_loss(teacher, student)
    np.testing.assert_allclose(4.0**2 * divergence(teacher, student, 4.0), by_keras, rtol=1e-4)


# %%
tutorial.show(check_the_loss)

# %% [markdown]
# ## The teacher
# The teacher is the mean of three convolutional networks' logits, each trained on the 100 labeled
# images: where one is wrong, the others may be correct.


# %%
@functools.cache
def digits():
    """The data; all training images and labels; test images and labels."""
    data = kerasdl.data.load("digits", validation=0)
    parts = (data.train.unbatch().batch(1000), data.test.unbatch().batch(1000))
    return data, *(next(part.as_numpy_iterator()) for part in parts)


def labeled():
    """100 images and their labels, in batches of 32."""
    _, (images, labels), _ = digits()
    few = tf.data.Dataset.from_tensor_slices((images[:100], labels[:100]))
    return few.shuffle(100, seed=0).batch(32)


def compile_for(model, dataset, epochs):
    steps = epochs * int(dataset.cardinality())
    learning_rate = keras.optimizers.schedules.CosineDecay(0.01, steps)
    model.compile(keras.optimizers.Adam(learning_rate), LOSS)


def accuracy(model):
    images, labels = digits()[2]
    return float((np.argmax(model(images), axis=-1) == labels).mean())


@functools.cache
def teacher(fast):
    count, epochs = (2, 1) if fast else (3, 20)
    shape, few, networks = digits()[0].info.shape, labeled().repeat(8), []
    for seed in range(count):
        kerasdl.set_seed(seed)
        networks.append(kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=shape))
        networks[-1].name = f"network_{seed}"  # names differ within a model
        compile_for(networks[-1], few, epochs)
        networks[-1].fit(few, epochs=epochs, shuffle=False, verbose=0)
    inputs = keras.Input(shape)
    return keras.Model(inputs, keras.layers.Average()([network(inputs) for network in networks]))


# %% [markdown]
# ## Temperature, and why T^2
# The higher the temperature, the more equal the teacher's probabilities, and the larger their
# entropy; its limit is log 10, that of ten equal probabilities.
#
# The gradient of the divergence gets smaller, about as 1 / T^2. One factor 1 / T is in the formula
# above; the difference of two softened distributions gives the other. The factor T^2 in the loss
# compensates for both, so that alpha means the same at every temperature.


# %%
def gradient_sizes(logits):
    """Of the divergence from a student whose logits are 0: without the factor T^2, with it."""
    student, found = tf.zeros_like(logits), {}
    for t in TEMPERATURES:
        with tf.GradientTape() as tape:
            tape.watch(student)
            loss = divergence(logits, student, t)
        size = float(tf.norm(tape.gradient(loss, student)))
        by_formula = (softmax(np.zeros(logits.shape), t) - softmax(logits, t)) / t / len(logits)
        np.testing.assert_allclose(size, np.linalg.norm(by_formula), rtol=1e-3)
        found[t] = size, t**2 * size
    return found


def temperatures(fast=False):
    images = digits()[1][0]
    logits = np.asarray(teacher(fast)(images))
    sizes = gradient_sizes(logits)
    soft = {t: softmax(logits, t) for t in TEMPERATURES}
    entropy = [float(-np.mean(np.sum(p * np.log(p + 1e-12), axis=-1))) for p in soft.values()]
    print("gradient without and with T^2:", {t: np.round(v, 4).tolist() for t, v in sizes.items()})
    print("mean entropy of the teacher's answers:", np.round(entropy, 2).tolist())
    assert entropy == sorted(entropy) and entropy[-1] < np.log(10), entropy
    if not fast:
        without, with_factor = np.array([sizes[t] for t in (4, 8, 16)]).T
        assert without[0] / without[-1] > 8 > 2 > with_factor.max() / with_factor.min(), sizes

    figure, axes = tutorial.panels(1, 4, size=(3.8, 3.4))
    unsure = soft[4].max(axis=-1).argmin()
    axes[0].imshow(images[unsure, ..., 0], cmap="gray")
    axes[0].set(title="The digit it is least sure of", xticks=[], yticks=[])
    for i, t in enumerate((1, 4, 16)):
        axes[1].bar(np.arange(10) + (i - 1) * 0.27, soft[t][unsure], 0.25, label=f"T = {t}")
    axes[1].set(title="The teacher's answer to it", xlabel="digit", xticks=range(10))
    axes[1].set(ylabel="probability")
    axes[1].margins(y=0.4)
    axes[1].legend(loc="upper center", ncols=3, fontsize=8)
    axes[2].plot(TEMPERATURES, entropy, "o-")
    axes[2].axhline(np.log(10), color="gray", linestyle="--", label="log 10")
    axes[2].set(title="Entropy, mean of all images", xlabel="T", ylabel="nats")
    axes[2].legend()
    for values, label in zip(zip(*sizes.values(), strict=True), ("KL", "T² KL"), strict=True):
        axes[3].loglog(TEMPERATURES, values, "o-", base=2, label=label)
    axes[3].set(title="Size of the gradient", xlabel="T", ylabel="norm")
    axes[3].legend()
    return {"temperatures": figure}


# %%
tutorial.show(temperatures)

# %% [markdown]
# ## What the teacher's predictions add to the labels
# The figure shows, for each digit, the mean of the teacher's softened predictions. The diagonal,
# the digit itself, is left out. A label does not contain this information: which digits look alike.


# %%
def likeness(fast=False):
    images, labels = digits()[1]
    soft = softmax(np.asarray(teacher(fast)(images)), 4)
    alike = np.array([soft[labels == digit].mean(axis=0) for digit in range(10)])
    alike[np.eye(10, dtype=bool)] = np.nan

    figure, axis = tutorial.panels(size=(5.4, 4.4))
    drawn = axis.imshow(100 * alike, cmap="Blues")
    axis.set(title="Mean answer of the teacher, T = 4")
    axis.set(xlabel="probability that it gives to", ylabel="digit shown")
    axis.set(xticks=range(10), yticks=range(10))
    figure.colorbar(drawn, label="%")
    return {"likeness": figure}


# %%
tutorial.show(likeness)

# %% [markdown]
# ## Students
# A student has one hidden layer of 16 units. Each of four starts, the same weights, is used for
# every way to learn, for about the same number of steps. With alpha = 1 the loss has no labels, so
# images without a label can be used.


# %%
def student_network():
    layers = [keras.layers.Flatten(), keras.layers.Dense(16, "relu"), keras.layers.Dense(10)]
    return keras.Sequential([keras.Input(digits()[0].info.shape), *layers])


def train_students(seed, fast):
    """way to learn -> accuracy"""
    every = digits()[0].train
    ways = {
        "100 labels": (labeled(), None),
        "100 labels, teacher": (labeled(), {"temperature": 4.0, "alpha": 0.7}),
        "teacher on 898 images": (every, {"temperature": 2.0, "alpha": 1.0}),
        "898 labels": (every, None),
    }
    kerasdl.set_seed(seed)
    student = student_network()
    start, found = student.get_weights(), {}
    for way, (dataset, options) in ways.items():
        student.set_weights(start)
        epochs = max(1, (1 if fast else 450) // int(dataset.cardinality()))
        compile_for(student, dataset, epochs)
        if options is None:
            student.fit(dataset, epochs=epochs, shuffle=False, verbose=0)
        else:
            compression.distill(student, teacher(fast), dataset, epochs=epochs, **options)
        found[way] = accuracy(student)
    return found


def students(fast=False):
    right = accuracy(teacher(fast))
    sizes = teacher(fast).count_params(), student_network().count_params()
    print(f"teacher: {sizes[0]:,} weights, {right:.1%} right; student: {sizes[1]:,} weights")
    assert sizes[1] < sizes[0] / 10
    runs = [train_students(seed, fast) for seed in range(1 if fast else 4)]
    means = {way: float(np.mean([run[way] for run in runs])) for way in runs[0]}
    for way, mean in means.items():
        print(f"{way}: {mean:.1%} right; each: {[round(run[way], 3) for run in runs]}")
    if not fast:
        assert means["teacher on 898 images"] > means["100 labels"] + 0.02, means
        assert abs(means["100 labels, teacher"] - means["100 labels"]) < 0.04, means

    figure, axis = tutorial.panels(size=(8, 3.8))
    for run in runs:
        axis.plot([*run], [100 * value for value in run.values()], "o", color="tab:blue", alpha=0.4)
    for i, mean in enumerate(means.values()):
        axis.plot([i - 0.2, i + 0.2], [100 * mean] * 2, color="tab:orange", linewidth=3)
        axis.annotate(f"{100 * mean:.1f}", (i + 0.23, 100 * mean), va="center")
    axis.axhline(100 * right, color="gray", linestyle="--", label="the teacher")
    axis.set(title="Students from the same starts: each, and their mean", xlabel="learned from")
    axis.set(ylabel="accuracy on unseen digits, %", xlim=(-0.5, len(means) - 0.3))
    axis.legend()
    return {"students": figure}


# %%
tutorial.show(students)


# %%
def main(fast=False, out=pathlib.Path("out/04_distillation")):
    sections = check_the_loss, temperatures, likeness, students
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Give the student on 898 images temperatures of 1, 2, 4 and 8. Where is the best, and why?
# 2. Leave out T^2 at T = 16 and alpha = 0.7. Which term of the loss does the student then learn
#    from?

# %%
if __name__ == "__main__":
    main()
