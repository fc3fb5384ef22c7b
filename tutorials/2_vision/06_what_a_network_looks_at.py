# %% [markdown]
# # What a network looks at, and which pictures to distrust
#
# **Claim.** A network learns a mark in the corner that betrays one of the classes. Its test
# accuracy is above 0.9, and falls by 0.2 or more where the mark is on other images. Grad-CAM
# finds the mark: for marked images, more than half of the heat is in the corner. An edge detector
# gives pictures that look as convincing, but they do not change when the network forgets all that
# it has learned.
#
# **The idea.** A heat map says which pixels matter for an output. The simplest is the slope of the
# output by each pixel. Grad-CAM asks the feature maps instead: each map is weighted by the mean
# slope of the output by its values, and the weighted sum is kept where it is positive.
#
# $$w_k = \frac{1}{hw} \sum_{ij} \frac{\partial y}{\partial A_{ijk}} \qquad
# L_{ij} = \max\Big(0, \sum_k w_k A_{ijk}\Big)$$
#
# Run it: `python tutorials/2_vision/06_what_a_network_looks_at.py` (35 seconds).
# You will see Grad-CAM in eight lines, a network that cheats, six methods on the same images, and a
# test that tells an explanation from an edge detector.

# %%
import pathlib

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import kerasdl
from kerasdl import explain
from kerasdl.formulas import filters
from kerasdl.utils import tutorial

SIDE = 32

# %% [markdown]
# ## Data with a hint
# The images show one of five shapes. All circles carry a small mark in a corner, as photographs of
# one source may carry the name of the photographer. The test images come from the same source.


# %%
def marked(images, which):
    """Draw a mark into the images for which `which` is true."""
    images = images.copy()
    images[which, 1:6, 1:6] = (1.0, 0.0, 1.0)
    return images


def examples(fast=False):
    options = {"image_size": SIDE, "count": 200 if fast else 2500, "clutter": 3}
    splits = kerasdl.data.load("shapes", **options)
    parts = []
    for dataset in (splits.train, splits.test):
        images, labels = tutorial.arrays(dataset)
        parts.append((marked(images, labels == 0), labels))
    return *parts, splits.info.classes


def trained(train, fast=False):
    kerasdl.set_seed(0)
    x = inputs = keras.Input((SIDE, SIDE, 3))
    for width in (16, 32, 64):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = (layers.MaxPooling2D() if width < 64 else layers.GlobalAveragePooling2D())(x)
    model = keras.Model(inputs, layers.Dense(5)(x))
    epochs = 1 if fast else 8
    rate = keras.optimizers.schedules.CosineDecay(5e-3, epochs * -(-len(train[0]) // 50))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(*train, batch_size=50, epochs=epochs, verbose=0)
    return model


# %% [markdown]
# ## Grad-CAM by hand
# The network has three convolutions. Its last feature maps have 8x8 places, so the heat map has,
# too. It is enlarged to the size of the image. The library's function gives the same numbers for
# any model.


# %%
def grad_cam(model, images, targets):
    last = [layer for layer in model.layers if isinstance(layer, layers.ReLU)][-1]
    both = keras.Model(model.input, [last.output, model.output])
    with tf.GradientTape() as tape:
        maps, logits = both(images, training=False)
        chosen = ops.take_along_axis(logits, targets[:, None], axis=1)
    slopes = tape.gradient(chosen, maps)
    weights = ops.mean(slopes, axis=(1, 2), keepdims=True)  # w_k
    heat = ops.relu(ops.sum(weights * maps, axis=-1))  # L_ij
    return ops.image.resize(heat[..., None], images.shape[1:3])[..., 0].numpy()


def the_hint(fast=False):
    train, (images, labels), names = examples(fast)
    model = trained(train, fast)
    accuracy = model.evaluate(images, labels, verbose=0)[1]
    moved = marked(images, labels != 0)  # now the others have the mark
    fooled = model.evaluate(moved, labels, verbose=0)[1]
    print(f"accuracy on test images: {accuracy:.2f}; with marks on wrong images: {fooled:.2f}")

    targets = model.predict(moved, verbose=0).argmax(-1)
    said_circle = (labels != 0) & (targets == 0)
    heat = grad_cam(model, moved[:100], targets[:100])
    ours = explain.heat_maps(model, moved[:100], "grad_cam", targets[:100])
    np.testing.assert_allclose(ours, heat, atol=1e-4 * max(1, heat.max()))
    if not fast:
        assert accuracy > 0.9, accuracy
        assert fooled < accuracy - 0.2, (accuracy, fooled)
        chosen = np.flatnonzero(said_circle)
        heat = explain.heat_maps(model, moved[chosen], "grad_cam")
        share = heat[:, :12, :12].sum() / heat.sum()
        print(
            f"{len(chosen)} images are called a circle for their mark; of their heat, "
            f"{share:.0%} is in the corner, which is {12**2 / SIDE**2:.0%} of the image"
        )
        assert share > 0.5, share
    shown = np.flatnonzero(said_circle)[:4] if not fast else np.arange(4)
    titles = [f"{names[labels[i]]}, said {names[targets[i]]}" for i in shown]
    return {
        "the_hint": explain.overlay(moved[shown], explain.heat_maps(model, moved[shown]), titles)
    }


# %%
tutorial.show(the_hint)

# %% [markdown]
# ## Several methods, and the same images
# - **saliency**: the slope of the logit by each pixel. Exact, but noisy.
# - **smooth_grad**: its mean over images with a little noise.
# - **integrated_gradients**: the slopes on the way from a black image to this one, times the
#   pixels. They sum up to the change of the logit.
# - **guided_backpropagation**: slopes that pass each ReLU only where they are positive. Sharp, but
#   it mostly shows edges.
# - **occlusion**: how much the logit falls when a gray square covers the place. Slow, and needs no
#   slopes at all.
#
# Which of them depend on what the network has learned? The test shuffles the weights and compares
# the maps before and after. A method whose maps stay the same explains the image, not the network.


# %%
METHODS = (
    "grad_cam",
    "saliency",
    "smooth_grad",
    "integrated_gradients",
    "guided_backpropagation",
    "occlusion",
)


def edges(model, images, targets):
    """An edge detector, which does not look at the network at all."""
    gray = np.pad(images.mean(axis=-1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    return np.stack([filters.sobel(image)[-1] for image in gray])


def sanity(fast=False):
    train, (images, _), _ = examples(fast)
    model = trained(train, fast)
    images = images[:2] if fast else images[:16]
    methods = METHODS[:2] if fast else METHODS
    found = {name: explain.sanity_check(model, images, name) for name in methods}
    found["edges"] = explain.sanity_check(model, images, edges)
    for name, result in found.items():
        said = "passes" if result.passes else "fails"
        print(f"{name:24} correlation {result.correlation:5.2f}: {said}")
    assert not found["edges"].passes
    if not fast:
        assert found["grad_cam"].passes, found

    rows = {name: explain.heat_maps(model, images[:5], name) for name in methods}
    rows["edges"] = edges(model, images[:5], None)
    count = len(images[:5])
    figure, axes = tutorial.panels(count, len(rows) + 1, size=(1.6, 1.7))
    for i in range(count):
        axes[i, 0].imshow(images[i])
        for axis, (name, maps) in zip(axes[i, 1:], rows.items(), strict=True):
            axis.imshow(maps[i], cmap="inferno")
            axis.set_title(name.replace("_", "\n") if i == 0 else "", fontsize=8)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    return {"methods": figure}


# %%
tutorial.show(sanity)


# %%
def main(fast=False, out=pathlib.Path("out/06_what_a_network_looks_at")):
    tutorial.run(the_hint, sanity, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Train without marks. Where is the heat now, and what is the accuracy on marked images?
# 2. How few circles must carry the mark until the network ignores it?
# 3. Random erasing covers parts of the training images. Does the network then need the mark less?
# 4. `kerasdl explain RUN image.png --method occlusion` draws the maps of a trained run. Try it with
#    a digit of your own.

# %%
if __name__ == "__main__":
    main()
