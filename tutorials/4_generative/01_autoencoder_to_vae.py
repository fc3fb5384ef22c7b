# %% [markdown]
# # From the autoencoder to the VAE: a space of codes to draw from
#
# **Claim.** A linear autoencoder finds the plane of PCA, to a hundredth of a degree, and a deep one
# rebuilds unseen digits with at most 0.75 of PCA's error, at ten numbers each. Yet the mean of two
# of its codes is a weird hybrid, and a random code is no digit. A VAE's codes fill N(0, I): what it
# makes of random ones is as near to real digits as other real digits are.
#
# **The idea.** An autoencoder stores each image at some point. A VAE stores it as a small cloud of
# points, and pays for each cloud that is unlike N(0, I). So the clouds overlap and leave no holes,
# and every random point lies in one.
#
# $$\mathrm{loss} = -\mathrm{ELBO} = -\mathbb E_{q(z|x)}[\log p(x|z)]
# + \beta\,\mathrm{KL}(q(z|x)\,\|\,\mathcal N(0, I))$$
#
# Run it: `python tutorials/4_generative/01_autoencoder_to_vae.py` (20 seconds).
# You will see three ways to
# rebuild a digit, where the codes lie, what is between two, random samples, what beta buys.

# %%
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

CODE = 10  # numbers in a code
BETAS = 0.25, 1.0, 2.0

# %% [markdown]
# ## PCA and the linear autoencoder
# PCA keeps the directions in which the images vary most: $\hat x = \bar x + (x - \bar x) C^\top C$.
# An autoencoder without activations can only project too. The best projection is PCA's, and descent
# finds it: not the same axes, but the same plane.


# %%
def by_pca(images, others):
    """The plane of some images, and others as they look from it."""
    pca = decomposition.PCA(CODE).fit(images.reshape(-1, 64))
    codes = pca.transform(others.reshape(-1, 64))
    return pca.components_, pca.inverse_transform(codes).reshape(others.shape)


def train(model, images, steps, rate, **options):
    """`fit` with Adam, whose rate falls to 0; history has a value for each twentieth."""
    rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.Adam(rate), steps_per_execution=steps // 20, **options)
    data = images.repeat()
    return model.fit(data, steps_per_epoch=steps // 20, epochs=20, shuffle=False, verbose=0).history


def arrays(dataset):
    return (np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True))


# %% [markdown]
# ## A cloud for each image
# The encoder gives a mean and the logarithm of a variance. Drawing a number has no gradient;
# scaling and shifting a number that was drawn before has: $z = \mu + \sigma\epsilon$ with
# $\sigma = e^{\frac12\log\sigma^2}$ and $\epsilon \sim \mathcal N(0, I)$. (One of the notes draws
# "with a lower z score"; any $\epsilon$ will do.) The price of a cloud, in nats:
#
# $$\mathrm{KL} = -\tfrac12 \sum (1 + \log\sigma^2 - \mu^2 - \sigma^2)$$
#
# Another of the notes prints the ELBO under the name "loss". Descent would lower it, that is,
# rebuild worse and pay more: the loss is its negative, and the price is added. A third gives
# cross-entropy to black and white and squared error to colours; that choice is p(x | z).


# %%
def loss_by_hand(vae, images, noise):
    mean, log_variance = ops.split(vae.encoder(images), 2, axis=-1)
    code = mean + ops.exp(log_variance / 2) * noise  # (batch, 10)
    surprise = ops.binary_crossentropy(images, vae.decoder(code), from_logits=True)
    reconstruction = ops.sum(surprise, axis=(1, 2, 3))
    kl = -0.5 * ops.sum(1 + log_variance - mean**2 - ops.exp(log_variance), axis=-1)
    return ops.mean(reconstruction + vae.beta * kl)


def check_the_formulas(vae, images):
    """The notes' numbers, chance, and the library's VAE against what stands above."""
    assert np.isclose(generative.reparameterize(1.0, np.log(4), 0.5), 2)
    noise = np.random.default_rng(0).normal(size=400_000)
    for mean, variance, expected in [(1, 1, 0.5), (0, 4, 0.806853), (2, 0.25, 2.318147)]:
        kl = generative.kl_to_standard_normal(np.array([mean]), np.log([variance]))
        z = generative.reparameterize(mean, np.log(variance), noise)
        chance = np.mean(z**2 - noise**2 - np.log(variance)) / 2  # the mean of log q(z) / p(z)
        print(f"KL of N({mean}, {variance}) to N(0, 1): {kl:.6f}; by {len(z):,} draws {chance:.4f}")
        np.testing.assert_allclose([kl, chance], expected, rtol=0.02)
    with tf.GradientTape() as tape:
        loss = loss_by_hand(vae, images, keras.random.normal((len(images), CODE), seed=0))
    assert all(tf.reduce_any(g != 0) for g in tape.gradient(loss, vae.encoder.trainable_weights))
    theirs = vae.compute_loss(images, y_pred=vae(images))  # a plain call decodes means: no noise
    np.testing.assert_allclose(loss_by_hand(vae, images, 0.0), theirs, rtol=1e-5)


# %% [markdown]
# ## Is it a digit? Is the way smooth?
# Ask the training images: how far is the nearest, and how many of the nearest ten are of one class?
# Unseen digits are the measure. On the way from one code to another, whose middle is their mean:
# how much changes at a step, and how much longer is the whole way than straight from end to end?


# %%
def judge(outputs, images, labels):
    flat = np.asarray(outputs).reshape(-1, 1, 64) - images.reshape(1, -1, 64)
    distances = np.linalg.norm(flat, axis=-1)  # (outputs, images)
    ten = labels[np.argsort(distances)[:, :10]]
    agree = np.mean([np.bincount(row).max() / 10 for row in ten])
    return round(float(distances.min(axis=1).mean()), 3), round(float(agree), 3)


def smoothness(paths):
    steps = np.linalg.norm(np.diff(paths, axis=1).reshape(-1, 10, 64), axis=-1)
    straight = np.linalg.norm((paths[:, -1] - paths[:, 0]).reshape(-1, 64), axis=-1)
    return round(float(steps.mean()), 3), round(float(np.mean(steps.sum(axis=1) / straight)), 3)


# %% [markdown]
# ## The pictures


# %%
def draw_tiles(panels, columns, size, rows=1):
    """Panels of many images each, row by row, with a grey line between."""
    figure, axes = plt.subplots(rows, len(panels) // rows, figsize=size, layout="constrained")
    for axis, (title, images) in zip(axes.flat, panels.items(), strict=True):
        framed = np.pad(np.asarray(images)[..., 0], ((0, 0), (0, 1), (0, 1)), constant_values=0.4)
        lines = [np.hstack(line) for line in framed.reshape(-1, columns, *framed.shape[1:])]
        axis.imshow(np.vstack(lines)[:-1, :-1], cmap="gray", vmin=0, vmax=1)
        axis.set(title=title)
        axis.axis("off")
    return figure


def draw_codes(models, images, labels):
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for axis, (name, model) in zip(axes, models.items(), strict=True):
        codes = np.asarray(model.encode(images))
        i, j = np.argsort(codes.std(axis=0))[-2:]  # the two that say most
        points = axis.scatter(codes[:, i], codes[:, j], c=labels, cmap="tab10", s=8)
        for radius in (1, 2):
            axis.add_patch(plt.Circle((0, 0), radius, fill=False, linewidth=2))
        axis.set(title=f"{name}: codes {i} and {j}, N(0, I) as circles", aspect="equal")
    figure.colorbar(points, ticks=range(10), label="digit")
    return figure


def draw_beta(by_beta):
    figure, axis = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    axis.plot(*zip(*by_beta.values(), strict=True), "o-")
    for beta, point in by_beta.items():
        axis.annotate(f"  beta {beta:g}", point, va="bottom")
    axis.set(title="What beta buys", xlabel="KL, nats", ylabel="-log p(x | z)", xlim=(0, 11))
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/01_autoencoder_to_vae")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    splits = kerasdl.data.load("digits", split="1437", validation=0)
    data, held_out = (part.map(lambda image, _: image) for part in (splits.train, splits.test))
    (images, labels), (unseen, answers) = arrays(splits.train), arrays(splits.test)

    create, brief = kerasdl.create_model, 20 if fast else None
    linear = create("autoencoder_tiny", widths=(), output_activation="linear")
    train(linear, tf.data.Dataset.from_tensors(images), brief or 4000, 0.02, loss="mse")
    plain, vae = create("autoencoder_tiny"), create("vae_tiny", seed=0)
    check_the_formulas(vae, images[:64])
    train(plain, data, brief or 1000, 3e-3, loss="mse")
    history = train(vae, data, brief or 1600, 3e-3)
    models = {"autoencoder": plain, "VAE": vae}
    by_beta = {}
    for beta in BETAS[:1] if fast else BETAS:
        train(other := create("vae_tiny", seed=0, beta=beta), data, brief or 500, 3e-3)
        losses = other.evaluate(held_out, verbose=0, return_dict=True)
        by_beta[beta] = losses["kl"], losses["reconstruction"]

    named = {"linear": linear, **models}
    rebuilt = {name: np.asarray(model.reconstruct(unseen)) for name, model in named.items()}
    plane, rebuilt["PCA"] = by_pca(images, unseen)
    kernel = np.asarray(linear.decoder.get_layer("logits").kernel)
    angle = np.degrees(scipy.linalg.subspace_angles(plane.T, kernel.T).max())
    errors = {name: round(float(np.mean((o - unseen) ** 2)), 5) for name, o in rebuilt.items()}
    random = keras.random.normal((400, CODE), seed=1)
    drawn = {name: model.decode(random) for name, model in models.items()}
    made = {name: judge(o, images, labels) for name, o in [("real", unseen), *drawn.items()]}
    pairs = np.random.default_rng(0).integers(len(unseen), size=(12 if fast else 150, 2))
    pairs = pairs[answers[pairs[:, 0]] != answers[pairs[:, 1]]]
    each = models.items()
    between = {n: np.stack([m.interpolate(*unseen[p], 11) for p in pairs]) for n, m in each}
    mixed = {name: judge(paths[:, 5], images, labels) for name, paths in between.items()}
    smooth = {name: smoothness(paths) for name, paths in between.items()}
    mean, log_variance = np.split(np.asarray(vae.encoder(images)), 2, axis=-1)
    deviation = np.sqrt(mean.var(axis=0) + np.exp(log_variance).mean(axis=0))  # of all clouds

    rows = {f"{n}: error {errors[n]:.4f}": rebuilt[n][:10] for n in ("PCA", *models)}
    shown = {f"{name}: N(0, I), decoded": pictures[:64] for name, pictures in drawn.items()}
    lines = {f"{n}: halfway is the mean": w[:5].reshape(-1, 8, 8, 1) for n, w in between.items()}
    figures = {
        "reconstructions": draw_tiles({"unseen": unseen[:10], **rows}, 10, (7, 4.6), rows=4),
        "codes": draw_codes(models, images, labels),
        "between": draw_tiles(lines, 11, (13, 3.4)),
        "samples": draw_tiles({"real digits": unseen[:64], **shown}, 8, (11, 4)),
        "loss": kerasdl.explain.curves(history),  # the negative ELBO and its two parts
        "beta": draw_beta(by_beta),
    }
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120)
    plt.close("all")
    print(f"error on unseen digits: {errors}; PCA's plane to the linear one's: {angle:.4f} degrees")
    print(f"distance to the nearest digit, agreement of ten: {made}")
    print(f"the same halfway between two digits: {mixed}; step, detour: {smooth}")
    print(f"deviation of all clouds: {deviation.round(2)}; by beta: {by_beta}; figures in {out}")

    # the claim
    for name, model in models.items():  # a way begins and ends at the reconstructions
        ends = np.stack([model.reconstruct(unseen[pair]) for pair in pairs[:5]])
        np.testing.assert_allclose(between[name][:5, [0, -1]], ends, atol=1e-5)
    if not fast:
        assert angle < 0.01 and abs(errors["linear"] - errors["PCA"]) < 2e-5, (angle, errors)
        assert errors["autoencoder"] < 0.75 * errors["PCA"], errors
        assert made["VAE"][0] < 1.1 * made["real"][0] < made["autoencoder"][0] / 1.5, made
        assert mixed["VAE"][0] < mixed["autoencoder"][0], mixed
        assert np.all(np.less(smooth["VAE"], smooth["autoencoder"])), smooth
        assert abs(mean.mean(axis=0)).max() < 0.3 > abs(deviation - 1).max(), deviation
        kls, surprises = zip(*by_beta.values(), strict=True)
        assert [*kls, *surprises] == [*sorted(kls, reverse=True), *sorted(surprises)], by_beta


# %% [markdown]
# ## Exercises
# 1. One of the notes calls plain autoencoders generative. Help: draw codes with the mean and the
#    deviation that its codes really have, instead of 0 and 1. How near does it come to the VAE?
# 2. How many of the VAE's ten codes say anything? Look at the deviation of each one's means.
# 3. Set beta to 4. What do all reconstructions look like, what is the KL, and why?
# 4. Create the VAE with `likelihood="gaussian"`. What happens to the KL, and why?

# %%
if __name__ == "__main__":
    main()
