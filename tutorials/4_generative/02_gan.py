# %% [markdown]
# # The GAN: a generator and a discriminator that teach each other
#
# **Claim.** Two small networks that play against each other learn all modes of a ring of eight
# Gaussians. With a learning rate ten times smaller for the discriminator, at most three modes are
# left. The digits of a DCGAN come within 1.4 times the distance between real digits (noise: three
# times), and no digit is missing.
#
# **The idea.** The generator G turns noise z into points. The discriminator D says how likely a
# point is to be real. D learns to tell real points from generated ones, and G learns to change D's
# answer. Neither uses labels.
#
# $$\min_G \max_D V = \mathbb E[\log D(x)] + \mathbb E[\log(1 - D(G(z)))]
# \qquad z \sim \mathcal N(0, I)$$
#
# Run it: `python tutorials/4_generative/02_gan.py` (35 seconds).
# You will see why the generator minimizes another loss than V, a ring that is learned and one that
# is not, and digits that grow out of noise.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers, ops

import kerasdl
from kerasdl.formulas import generative
from kerasdl.utils import tutorial

# %% [markdown]
# ## The game
# For a fixed G, the best discriminator is $D(x) = p_{data}(x) / (p_{data}(x) + p_G(x))$. When G is
# perfect, this is 1/2 everywhere, and $V = -2 \log 2 = -1.386$.
#
# ## G's loss
# At first D recognizes every generated point: D(G(z)) is 0.01, say. There, the slope of log(1 - D)
# by D's logit is only -0.01, so G would hardly learn. Therefore G minimizes -log D instead, whose
# slope is -0.99. This is the *non-saturating* loss. Both losses have the same optimum, D(G(z)) = 1.
#
# ## D's loss
# D's loss is the cross-entropy with the label 1 for real and 0 for generated points. With the label
# 0.9 for real points (label smoothing), the loss on a real point is smallest at D(x) = 0.9, where
# it is 0.3251. So complete certainty is not optimal for D.


# %%
def losses(fast=False):
    d = np.linspace(0.001, 0.999, 999)
    smoothed = [generative.discriminator_loss(each, 0.0, label_smoothing=0.1) for each in d]
    assert np.isclose(generative.minimax_value(0.5, 0.5), -1.386294)
    assert [generative.generator_slope(0.01, s) for s in (True, False)] == [-0.01, -0.99]
    assert np.isclose(min(smoothed), 0.3251, atol=1e-4)
    assert np.isclose(d[np.argmin(smoothed)], 0.9)

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.6))
    for saturating, name in ((True, "log(1 - D), as in V"), (False, "-log D")):
        left.plot(d, -generative.generator_slope(d, saturating), label=name)
    left.set(title="Slope of G's loss", xlabel="D(G(z))", ylabel="-slope by D's logit")
    left.legend()
    right.plot(d, -np.log(d), label="label 1")
    right.plot(d, smoothed, label="label 0.9")
    right.plot(0.9, min(smoothed), "ko")
    right.annotate("0.3251 at 0.9", (0.9, 0.45), ha="center")
    right.set(title="D's loss on a real point", xlabel="D(x)", ylabel="loss", ylim=(0, 3))
    right.legend()
    return {"losses": figure}


# %%
tutorial.show(losses)

# %% [markdown]
# ## The training step, in full
# Each of the two steps computes the gradients of one network and leaves the other network
# unchanged. G's gradients pass through D.
#
# D ends in a logit without a sigmoid, because the loss (`from_logits=True`) has the sigmoid. A
# sigmoid in both places would be applied twice.


# %%
def cross_entropy(label, logits):
    labels = label * ops.ones_like(logits)
    return ops.mean(ops.binary_crossentropy(labels, logits, from_logits=True))


def network(inputs, outputs):
    hidden = [layers.Dense(128, "relu"), layers.Dense(128, "relu")]
    return keras.Sequential([keras.Input((inputs,)), *hidden, layers.Dense(outputs)])


class GAN:
    def __init__(self, points, discriminator_rate, seed=0):
        keras.utils.set_random_seed(seed)
        self.points = ops.convert_to_tensor(points)
        self.seed = keras.random.SeedGenerator(seed)
        self.generator, self.discriminator = network(2, 2), network(2, 1)
        self.generator_optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5)
        self.discriminator_optimizer = keras.optimizers.Adam(discriminator_rate, beta_1=0.5)

    def generate(self, count=256):
        return self.generator(keras.random.normal((count, 2), seed=self.seed))

    def discriminator_step(self):
        chosen = keras.random.randint((256,), 0, len(self.points), seed=self.seed)
        real = ops.take(self.points, chosen, axis=0)
        generated = self.generate()
        with tf.GradientTape() as tape:
            loss = cross_entropy(1.0, self.discriminator(real))
            loss += cross_entropy(0.0, self.discriminator(generated))
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(loss, variables), variables)

    def generator_step(self):
        with tf.GradientTape() as tape:
            loss = cross_entropy(1.0, self.discriminator(self.generate()))  # -log D(G(z))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)

    @tf.function
    def train(self, steps):
        for _ in tf.range(steps):
            self.discriminator_step()
            self.generator_step()


def check_who_learns(gan):
    """Each step changes its own network and not the other."""
    steps = {gan.discriminator: gan.discriminator_step, gan.generator: gan.generator_step}
    for learner, step in steps.items():
        before = {each: each.get_weights() for each in steps}
        step()
        for each, weights in before.items():
            unchanged = all(map(np.array_equal, weights, each.get_weights()))
            assert unchanged == (each is not learner)


# %% [markdown]
# ## Mode collapse
# The data are eight Gaussians on a ring. D judges one point at a time, so a generator that makes
# one of the eight well gets no signal that the others are missing. This failure is *mode collapse*.
# It happens when D learns slowly: all of G's points move to where D is wrong at the moment, D
# learns, and all points move on. A D that learns as fast as G pushes the points apart before they
# gather.

# %%
ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
STAGES = 4  # pictures of a training


def arrays(dataset):
    return [np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True)]


def train_on_ring(discriminator_rate, steps):
    """The GAN, and 2,000 points generated after each quarter of the training."""
    points, _ = arrays(kerasdl.data.load("ring").train)
    gan, generated = GAN(points, discriminator_rate), []
    check_who_learns(gan)
    for _ in range(STAGES):
        gan.train(tf.constant(steps // STAGES))
        generated.append(np.asarray(gan.generate(2000)))
    return gan, generated


def quality(points, near=0.1):  # ten times the standard deviation of a mode
    """Modes that get at least 1 % of the points, and the fraction of points near a mode."""
    distances = np.linalg.norm(points[:, None] - CENTERS, axis=-1).min(axis=1)
    modes = generative.modes_covered(points, CENTERS, near).sum()
    return int(modes), round(float(np.mean(distances < near)), 3)


def rings(fast=False):
    steps = 20 if fast else 3000
    gans = {"equal": train_on_ring(1e-3, steps), "D 10x smaller": train_on_ring(1e-4, steps)}
    found = {name: quality(generated[-1]) for name, (_, generated) in gans.items()}
    print(f"modes of the ring, fraction of points near one, by learning rates: {found}")
    if not fast:
        assert found["equal"][0] == 8 > 3 >= found["D 10x smaller"][0], found
        assert found["equal"][1] > 0.7, found

    figure, axes = plt.subplots(2, STAGES, figsize=(13, 7), layout="constrained")
    line = np.linspace(-1.6, 1.6, 80)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    for row, (name, (gan, generated)) in zip(axes, gans.items(), strict=True):
        for stage, (axis, points) in enumerate(zip(row, generated, strict=True)):
            axis.plot(*CENTERS.T, "o", markersize=16, color="none", markeredgecolor="tab:green")
            axis.plot(*points.T, ".", markersize=2, color="black")
            step = steps // STAGES * (stage + 1)
            axis.set(title=f"step {step}: {quality(points)[0]} modes of 8")
            axis.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[], yticks=[])
        answers = ops.sigmoid(gan.discriminator(plane)).numpy().reshape(80, 80)
        axis.contourf(line, line, answers, np.linspace(0, 1, 11), cmap="RdBu", alpha=0.5)
        axis.set_xlabel("blue: D says real, red: generated")
        row[0].set_ylabel(f"learning rates: {name}")
    return {"rings": figure}


# %%
tutorial.show(rings)

# %% [markdown]
# ## Digits: the DCGAN
# The library's DCGAN plays the same game with convolutions:
# - G has transposed convolutions and ends in tanh, so that images are in [-1, 1].
# - D has convolutions with strides, and leaky ReLUs.
# - Both have batch normalization before the activation. G's activation is ReLU.
#
# The losses of D and G show little about the images: both level off early, because each network
# improves as fast as its opponent. So the images themselves are judged, as in the tutorial on the
# VAE, against the training images: the distance to the nearest one, how many of the ten nearest
# have the same label, and the fraction of images of the rarest digit.


# %%
def judge(outputs, images, labels):
    difference = np.reshape(outputs, (-1, 1, 64)) - images.reshape(1, -1, 64)
    distances = np.linalg.norm(difference, axis=-1)  # (outputs, images)
    nearest = labels[np.argsort(distances)[:, :10], None]  # (outputs, 10, 1)
    votes = np.sum(nearest == np.arange(10), axis=1)  # (outputs, 10)
    fractions = np.bincount(votes.argmax(axis=1), minlength=10) / len(votes)
    found = distances.min(axis=1).mean(), votes.max(axis=1).mean() / 10, fractions.min()
    return np.round(found, 3).tolist()


def learn_digits(data, codes, epochs):
    """The DCGAN, its images of the same codes before and after each epoch, and the history."""
    model = kerasdl.create_model("dcgan_tiny", width=32, seed=0)
    model.compile(*(keras.optimizers.Adam(2e-3, beta_1=0.5) for _ in range(2)))
    made = [model.decode(codes)]
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: made.append(model.decode(codes)))
    options = {"callbacks": [data.order_callback(), watch], "shuffle": False, "verbose": 0}
    history = model.fit(data.train.map(lambda image, _: image), epochs=epochs, **options)
    return model, np.stack(made), history


def digits(fast=False):
    kerasdl.set_seed(0)
    data = kerasdl.data.load("digits", split="1437", validation=0)
    (images, labels), (unseen, _) = arrays(data.train), arrays(data.test)
    codes = keras.random.normal((400, 32), seed=1)
    model, made, history = learn_digits(data, codes, epochs=1 if fast else 60)
    outputs = {"real": unseen, "noise": keras.random.uniform((400, 64)), "generated": made[-1]}
    judged = {name: judge(each, images, labels) for name, each in outputs.items()}
    print(f"distance to the nearest digit, agreement of ten, rarest digit: {judged}")
    between = np.stack([model.interpolate(*codes[2 * i : 2 * i + 2]) for i in range(5)])
    assert 0 <= made[-1].min() < 0.5 < made[-1].max() <= 1  # tanh, moved from [-1, 1] to [0, 1]
    np.testing.assert_allclose(between[:, 0], made[-1][:10:2], atol=1e-5)
    if not fast:
        distance, agreement, rarest = judged["generated"]
        assert distance < 1.4 * judged["real"][0] < judged["noise"][0] / 2, judged
        assert agreement > judged["noise"][1] + 0.1, judged
        assert rarest > 0.02, judged

    shown = [0, 1] if fast else [0, 1, 2, 4, 8, 16, 32, 60]
    training, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.6))
    for name, values in history.history.items():
        left.plot(np.arange(len(values)) + 1, values, label=name.replace("_", " "))
    left.set(title="The losses level off", xlabel="epoch", ylabel="loss")
    left.legend()
    distances = [judge(made[epoch], images, labels)[0] for epoch in shown]
    right.plot(shown, distances, "o-", label="generated")
    right.axhline(judged["real"][0], color="gray", linestyle="--", label="real unseen digits")
    right.set(title="The images come nearer to digits", xlabel="epoch", ylim=(0, None))
    right.set(ylabel="distance to the nearest digit")
    right.legend()

    growing = kerasdl.explain.interpolation(np.swapaxes(made[shown, :8], 0, 1))
    for axis, epoch in zip(growing.axes, shown, strict=False):
        axis.set_title(f"epoch {epoch}", loc="center")
    return {
        "training": training,
        "growing": growing,  # a row for each code
        "samples": kerasdl.explain.samples(made[-1]),
        "between": kerasdl.explain.interpolation(between),  # from one code to another
    }


# %%
tutorial.show(digits)


# %%
def main(fast=False, out=pathlib.Path("out/02_gan")):
    tutorial.run(losses, rings, digits, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Let the generator minimize log(1 - D), as in V. At which step does the ring begin to appear?
# 2. Freeze G and train D for long. Where does its output differ from that of the best
#    discriminator, and why?
# 3. Train on 25 Gaussians, `load("grid")`. How many modes are covered? What would help?

# %%
if __name__ == "__main__":
    main()
