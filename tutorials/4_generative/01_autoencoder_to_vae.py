# %% [markdown]
# # From the autoencoder to the VAE: a space of codes to draw from
#
# **Claim.** A linear autoencoder finds the plane of PCA, to a hundredth of a degree. A deep
# autoencoder reconstructs unseen digits from ten numbers with at most 0.75 of PCA's error. But a
# random code does not decode to a digit. The codes of a variational autoencoder (VAE) fill the
# standard normal distribution N(0, I): images decoded from random codes are about as near to real
# digits as other real digits are. Its interpolations between digits are also smoother, but its
# reconstructions are worse.
#
# **The idea.** An autoencoder stores each image as a point. A VAE stores it as a small cloud of
# points (a normal distribution), and its loss grows with the difference of each cloud from N(0, I).
# So the clouds overlap and leave no gaps, and a random point lies in one of them.
#
# $$\mathrm{loss} = -\mathrm{ELBO} = -\mathbb E_{q(z|x)}[\log p(x|z)]
# + \beta\,\mathrm{KL}(q(z|x)\,\|\,\mathcal N(0, I))$$
#
# Run it: `python tutorials/4_generative/01_autoencoder_to_vae.py` (30 seconds).
# You will see how PCA, an autoencoder and a VAE reconstruct digits, where their codes lie, what is
# between two codes, what random codes decode to, and what a larger weight of the KL changes.

# %%
import functools
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import scipy.linalg
import tensorflow as tf
from keras import ops
from sklearn import decomposition

import kerasdl
from kerasdl.formulas import generative
from kerasdl.utils import tutorial

CODE = 10  # numbers in a code


def arrays(dataset):
    return [np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True)]


@functools.cache
def digits():
    """The training pipeline of images alone; images and labels for training; unseen ones."""
    splits = kerasdl.data.load("digits", split="1437", validation=0)
    only_images = splits.train.map(lambda image, _: image)
    return only_images, arrays(splits.train), arrays(splits.test)


def train(model, images, steps, learning_rate, **options):
    """`fit` with Adam and a learning rate that falls to 0; the history has 20 entries."""
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule), steps_per_execution=steps // 20, **options)
    data = images.repeat()
    return model.fit(data, steps_per_epoch=steps // 20, epochs=20, shuffle=False, verbose=0).history


# %% [markdown]
# ## A linear autoencoder is PCA
# PCA keeps the directions in which the images vary most and projects each image onto their plane:
# $\hat x = \bar x + (x - \bar x) C^\top C$. An autoencoder without activation functions is a linear
# map, too. None has a smaller squared error than PCA's projection, and gradient descent finds that
# projection: not the same directions, but the same plane. The angle between the two planes measures
# that.


# %%
def by_pca():
    """The directions of the plane, and the unseen images projected onto it."""
    _, (images, _), (unseen, _) = digits()
    pca = decomposition.PCA(CODE).fit(images.reshape(-1, 64))
    codes = pca.transform(unseen.reshape(-1, 64))
    return pca.components_, pca.inverse_transform(codes).reshape(unseen.shape)


def squared_error(outputs):
    unseen = digits()[2][0]
    return float(np.mean((np.asarray(outputs) - unseen) ** 2))


def linear_is_pca(fast=False):
    kerasdl.set_seed(0)
    _, (images, _), (unseen, _) = digits()
    linear = kerasdl.create_model("autoencoder_tiny", widths=(), output_activation="linear")
    whole = tf.data.Dataset.from_tensors(images)  # one batch
    train(linear, whole, 20 if fast else 4000, 0.02, loss="mse")
    plane, projected = by_pca()
    kernel = np.asarray(linear.decoder.get_layer("logits").kernel)
    angle = np.degrees(scipy.linalg.subspace_angles(plane.T, kernel.T).max())
    errors = squared_error(projected), squared_error(linear.reconstruct(unseen))
    print(f"angle of PCA's plane to the autoencoder's: {angle:.4f} degrees")
    print(f"squared error on unseen digits: PCA {errors[0]:.5f}, autoencoder {errors[1]:.5f}")
    if not fast:
        assert angle < 0.01, angle
        assert abs(errors[0] - errors[1]) < 2e-5, errors


# %%
tutorial.show(linear_is_pca)

# %% [markdown]
# ## The VAE: a cloud for each image
# The encoder gives a mean $\mu$ and the logarithm of a variance $\sigma^2$ for each number of the
# code. The code is drawn from this cloud. Sampling has no gradient, but scaling and shifting a
# number that was sampled before has one. This is the reparameterization trick:
#
# $$z = \mu + \sigma\epsilon \qquad \sigma = e^{\frac12\log\sigma^2} \qquad
# \epsilon \sim \mathcal N(0, I)$$
#
# The difference of a cloud from N(0, I), in nats, is
#
# $$\mathrm{KL} = -\tfrac12 \sum (1 + \log\sigma^2 - \mu^2 - \sigma^2)$$
#
# The evidence lower bound (ELBO) is to be large, so the loss is its negative: the KL is *added* to
# the reconstruction error. That error is the cross-entropy if pixels are taken as probabilities of
# white, and the squared error if they are taken as normal numbers; the choice is p(x | z).


# %%
def loss_by_hand(vae, images, noise):
    mean, log_variance = ops.split(vae.encoder(images), 2, axis=-1)
    code = mean + ops.exp(log_variance / 2) * noise  # (batch, 10)
    surprise = ops.binary_crossentropy(images, vae.decoder(code), from_logits=True)
    reconstruction = ops.sum(surprise, axis=(1, 2, 3))
    kl = -0.5 * ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=-1)
    return ops.mean(reconstruction + vae.beta * kl)


def check_the_loss(fast=False):
    assert np.isclose(generative.reparameterize(1.0, np.log(4), 0.5), 2)  # 1 + 2 x 0.5

    # the formula of the KL against the mean of log q(z) / p(z) over many draws
    noise = np.random.default_rng(0).normal(size=400_000)
    for mean, variance, expected in [(1, 1, 0.5), (0, 4, 0.806853), (2, 0.25, 2.318147)]:
        kl = generative.kl_to_standard_normal(np.array([mean]), np.log([variance]))
        z = generative.reparameterize(mean, np.log(variance), noise)
        drawn = np.mean(z**2 - noise**2 - np.log(variance)) / 2
        print(
            f"KL of N({mean}, {variance}) to N(0, 1): {kl:.6f}; from {len(z):,} draws {drawn:.4f}"
        )
        np.testing.assert_allclose([kl, drawn], expected, rtol=0.02)

    # the gradient reaches the encoder, and the library's VAE has the loss that stands above
    vae, images = kerasdl.create_model("vae_tiny", seed=0), digits()[1][0][:64]
    with tf.GradientTape() as tape:
        loss = loss_by_hand(vae, images, keras.random.normal((64, CODE), seed=0))
    assert all(tf.reduce_any(g != 0) for g in tape.gradient(loss, vae.encoder.trainable_weights))
    library = vae.compute_loss(images, y_pred=vae(images))  # a plain call decodes means: no noise
    np.testing.assert_allclose(loss_by_hand(vae, images, 0.0), library, rtol=1e-5)


# %%
tutorial.show(check_the_loss)

# %% [markdown]
# ## Training both
# Encoder and decoder have the same layers in both. While the VAE learns, its loss falls although
# the KL *rises*: each nat of KL saves more than one nat of reconstruction error. In the left figure
# the distance between the two curves is the KL.
#
# The autoencoder reconstructs best: nothing restricts where its points are. The VAE's images are
# blurred.


# %%
@functools.cache
def trained(fast):
    """An autoencoder, a VAE, and the VAE's history."""
    kerasdl.set_seed(0)
    images = digits()[0]
    autoencoder = kerasdl.create_model("autoencoder_tiny")
    vae = kerasdl.create_model("vae_tiny", seed=0)
    train(autoencoder, images, 20 if fast else 1000, 3e-3, loss="mse")
    history = train(vae, images, 20 if fast else 1600, 3e-3)
    return {"autoencoder": autoencoder, "VAE": vae}, history


def draw_tiles(axis, images, columns, title):
    """Many images in one panel, row by row, with gray lines between them."""
    framed = np.pad(np.asarray(images)[..., 0], ((0, 0), (0, 1), (0, 1)), constant_values=0.4)
    rows = [np.hstack(row) for row in framed.reshape(-1, columns, *framed.shape[1:])]
    axis.imshow(np.vstack(rows)[:-1, :-1], cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")


def reconstruct(fast=False):
    models, history = trained(fast)
    unseen = digits()[2][0]
    outputs = {"PCA": by_pca()[1]}
    outputs |= {name: np.asarray(model.reconstruct(unseen)) for name, model in models.items()}
    errors = {name: squared_error(output) for name, output in outputs.items()}
    if not fast:
        assert errors["autoencoder"] < 0.75 * errors["PCA"], errors

    loss, axis = tutorial.panels(size=(6, 3.8))
    steps = np.arange(1, 21) * (1 if fast else 80)
    axis.plot(steps, history["loss"], label="loss = -ELBO")
    axis.plot(steps, history["reconstruction"], label="reconstruction error")
    between = history["reconstruction"], history["loss"]
    axis.fill_between(steps, *between, alpha=0.15, color="black", label="KL")
    for i in (0, -1):
        height = (history["loss"][i] + history["reconstruction"][i]) / 2
        axis.annotate(f"{history['kl'][i]:.1f}", (steps[i], height), va="center", ha="center")
    axis.set(xlabel="training step", ylabel="nats an image")
    axis.set_title("The loss falls while its part KL rises")
    axis.legend()

    rows, axes = tutorial.panels(4, 1, size=(7, 1.15))
    draw_tiles(axes[0], unseen[:10], 10, "unseen digits")
    for axis, (name, output) in zip(axes[1:], outputs.items(), strict=True):
        draw_tiles(axis, output[:10], 10, f"{name}: squared error {errors[name]:.4f}")
    return {"loss": loss, "reconstructions": rows}


# %%
tutorial.show(reconstruct)

# %% [markdown]
# ## Where the codes lie
# Each dot is the code of a training image (its mean, for the VAE), in the two dimensions of the
# code that vary most. The circles are one and two standard deviations of N(0, I). The autoencoder's
# codes are spread far beyond them. The VAE's clouds together have a mean near 0 and a standard
# deviation near 1 in every dimension of the code.


# %%
def where_codes_lie(fast=False):
    models, _ = trained(fast)
    _, (images, labels), _ = digits()
    mean, log_variance = np.split(np.asarray(models["VAE"].encoder(images)), 2, axis=-1)
    deviation = np.sqrt(mean.var(axis=0) + np.exp(log_variance).mean(axis=0))  # of all clouds
    print("standard deviation of all clouds of the VAE:", deviation.round(2))
    if not fast:
        assert abs(mean.mean(axis=0)).max() < 0.3, mean.mean(axis=0)
        assert abs(deviation - 1).max() < 0.3, deviation

    figure, axes = tutorial.panels(1, 2, size=(5.6, 4.6))
    for axis, (name, model) in zip(axes, models.items(), strict=True):
        codes = np.asarray(model.encode(images))
        i, j = np.argsort(codes.std(axis=0))[-2:]  # the two that vary most
        colors = {"c": labels, "cmap": "tab10", "vmin": -0.5, "vmax": 9.5}
        dots = axis.scatter(codes[:, i], codes[:, j], s=8, **colors)
        for radius in (1, 2):
            axis.add_patch(plt.Circle((0, 0), radius, fill=False, linewidth=2))
        axis.set(title=f"{name} (circles: N(0, I))", aspect="equal")
        axis.set(xlabel=f"number {i} of the code", ylabel=f"number {j} of the code")
    figure.colorbar(dots, ticks=range(10), label="digit")
    return {"codes": figure}


# %%
tutorial.show(where_codes_lie)

# %% [markdown]
# ## How near to a digit?
# How can we tell whether an image is a digit? We look for the nearest training image, and count how
# many of its ten nearest training images have the same label. Unseen real digits give the values
# that a perfect model would have.
#
# ## Between two codes
# Go from one code to another in a straight line, and decode. Three numbers measure the result, each
# a mean over pairs of different digits: how far the images halfway are from the nearest real digit,
# how much an image changes at each step, and how much longer the whole way is than the straight
# line between its ends. The VAE is slightly better in all three. Halfway, the images of both models
# are further from a digit than real unseen digits are, and the autoencoder's are further than the
# VAE's.


# %%
def judge(outputs):
    """Mean distance to the nearest training image, and agreement of the ten nearest."""
    _, (images, labels), _ = digits()
    difference = np.asarray(outputs).reshape(-1, 1, 64) - images.reshape(1, -1, 64)
    distances = np.linalg.norm(difference, axis=-1)  # (outputs, images)
    ten = labels[np.argsort(distances)[:, :10]]
    agreement = np.mean([np.bincount(row).max() / 10 for row in ten])
    return round(float(distances.min(axis=1).mean()), 3), round(float(agreement), 3)


def smoothness(paths):
    """Mean size of a step, and length of the way divided by the distance of its ends."""
    steps = np.linalg.norm(np.diff(paths, axis=1).reshape(-1, 10, 64), axis=-1)
    straight = np.linalg.norm((paths[:, -1] - paths[:, 0]).reshape(-1, 64), axis=-1)
    return round(float(steps.mean()), 3), round(float(np.mean(steps.sum(axis=1) / straight)), 3)


def between_two_codes(fast=False):
    models, _ = trained(fast)
    unseen, answers = digits()[2]
    pairs = np.random.default_rng(0).integers(len(unseen), size=(12 if fast else 150, 2))
    pairs = pairs[answers[pairs[:, 0]] != answers[pairs[:, 1]]]
    paths = {
        name: np.stack([model.interpolate(*unseen[pair], 11) for pair in pairs])
        for name, model in models.items()
    }
    halfway = {name: judge(path[:, 5]) for name, path in paths.items()}
    smooth = {name: smoothness(path) for name, path in paths.items()}
    print(f"halfway, distance to the nearest digit and agreement of ten: {halfway}")
    print(f"size of a step, length of the way / straight line: {smooth}")
    for name, model in models.items():  # a way begins and ends at the reconstructions
        ends = np.stack([model.reconstruct(unseen[pair]) for pair in pairs[:5]])
        np.testing.assert_allclose(paths[name][:5, [0, -1]], ends, atol=1e-5)
    if not fast:
        assert halfway["VAE"][0] < halfway["autoencoder"][0], halfway
        assert np.all(np.less(smooth["VAE"], smooth["autoencoder"])), smooth

    figure, axes = tutorial.panels(1, 3, size=(5, 3.2), width_ratios=(1.3, 1.3, 1))
    for axis, (name, path) in zip(axes, paths.items(), strict=False):
        draw_tiles(axis, path[:5].reshape(-1, 8, 8, 1), 11, f"{name}: from code to code")
        distances = [judge(path[:, i])[0] for i in range(11)]
        axes[2].plot(np.arange(11) / 10, distances, "o-", label=name)
    axes[2].axhline(judge(unseen)[0], color="gray", linestyle="--", label="real unseen digits")
    axes[2].set(title=f"Distance to the nearest digit, {len(pairs)} pairs")
    axes[2].set(xlabel="position on the way", ylabel="distance", ylim=(0.8, 1.4))
    axes[2].legend()
    return {"between": figure}


# %%
tutorial.show(between_two_codes)

# %% [markdown]
# ## Random codes
# Draw codes from N(0, I) and decode them. The VAE has learned to decode this region. For the
# autoencoder this region has no special meaning, and it is mostly empty.


# %%
def decode_random_codes(fast=False):
    models, _ = trained(fast)
    unseen, codes = digits()[2][0], keras.random.normal((400, CODE), seed=1)
    images = {"real digits": unseen}
    images |= {name: model.decode(codes) for name, model in models.items()}
    judged = {name: judge(each) for name, each in images.items()}
    print(f"distance to the nearest digit, agreement of the ten nearest: {judged}")
    if not fast:
        real = judged["real digits"][0]
        assert judged["VAE"][0] < 1.1 * real < judged["autoencoder"][0] / 1.5, judged

    figure, axes = tutorial.panels(1, 3, size=(3.7, 4))
    for axis, (name, each) in zip(axes, images.items(), strict=True):
        draw_tiles(axis, each[:64], 8, f"{name}\ndistance {judged[name][0]:.2f}")
    return {"samples": figure}


# %%
tutorial.show(decode_random_codes)

# %% [markdown]
# ## The weight beta
# With beta above 1 the KL gets smaller: the codes contain less information, and reconstructions get
# worse. With beta below 1 the opposite happens. Both numbers are measured on unseen digits.


# %%
def weigh_the_kl(fast=False):
    images, found = digits()[0], {}
    unseen = tf.data.Dataset.from_tensor_slices(digits()[2][0]).batch(64)
    for beta in (0.25,) if fast else (0.25, 1.0, 2.0):
        kerasdl.set_seed(0)
        vae = kerasdl.create_model("vae_tiny", seed=0, beta=beta)
        train(vae, images, 20 if fast else 500, 3e-3)
        losses = vae.evaluate(unseen, verbose=0, return_dict=True)
        found[beta] = losses["kl"], losses["reconstruction"]
    print(f"KL and reconstruction error by beta: {found}")
    kls, errors = zip(*found.values(), strict=True)
    if not fast:
        assert list(kls) == sorted(kls, reverse=True), found
        assert list(errors) == sorted(errors), found

    figure, axis = tutorial.panels(size=(5.5, 3.4))
    axis.plot(kls, errors, "o-")
    for beta, point in found.items():
        axis.annotate(f"  beta {beta:g}", point, va="bottom")
    axis.set(title="Less KL, worse reconstructions", xlim=(0, 11))
    axis.set(xlabel="KL, nats an image", ylabel="reconstruction error, nats")
    return {"beta": figure}


# %%
tutorial.show(weigh_the_kl)


# %%
def main(fast=False, out=pathlib.Path("out/01_autoencoder_to_vae")):
    sections = linear_is_pca, check_the_loss, reconstruct, where_codes_lie
    sections += between_two_codes, decode_random_codes, weigh_the_kl
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Make the plain autoencoder generative: draw codes with the mean and the standard deviation of
#    its real codes, instead of 0 and 1. How near does it come to the VAE?
# 2. How many of the code's ten dimensions carry information? Look at the standard deviation of the
#    means in each dimension.
# 3. Set beta to 4. What do all reconstructions look like, what is the KL, and why?
# 4. Create the VAE with `likelihood="gaussian"`. What happens to the KL, and why?

# %%
if __name__ == "__main__":
    main()
