# %% [markdown]
# # Convolutions by hand
#
# **Claim.** A convolution is a loop of two lines. The loop, one NumPy expression and Keras's layer
# give the same numbers. A layer that is trained only on images and their filtered versions learns
# the filter's kernel, and the receptive field of a stack of small kernels is exactly what a formula
# says.
#
# **The idea.** Lay a small matrix, the kernel F, over the image X. Multiply each pixel by the
# number that lies on it, add up the products, and move the kernel by one pixel. The sum is large
# where the image resembles the kernel. The same few weights are used at every position.
#
# $$Y(i,j) = \sum_m \sum_n X(i+m,\, j+n)\, F(m,n)$$
#
# Run it: `python tutorials/2_vision/01_convolutions_by_hand.py` (10 seconds).
# You will see a kernel find the loop of a 9, a photograph filtered by five kernels, a kernel that
# was learned, three ways to pad, four ways to pool, and the receptive fields of stacked kernels.

# %%
import pathlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn import datasets

import kerasdl
from kerasdl.formulas import convolution, pooling
from kerasdl.utils import tutorial

FILTERS = {
    "blur": convolution.BLUR,
    "sharpen": convolution.SHARPEN,
    "edge": convolution.EDGE,
    "Sobel, left to right": convolution.SOBEL_X,
    "Sobel, top to bottom": convolution.SOBEL_Y,
}

# %% [markdown]
# ## Slide, multiply, add up
# The image is a 9 of 7x5 pixels: 1 where there is ink, -1 elsewhere. The kernel is a ring of ones
# around a -1, divided by 9. Where the 9 has its loop, all nine products are 1/9 and the response is
# 1, the largest possible. One pixel to the side only some products agree in sign, and the response
# is small. (Dividing by 9 belongs to this kernel. Convolution itself does not divide.)
#
# Deep learning calls this operation convolution. In mathematics a convolution also flips the
# kernel, and the operation here is a cross-correlation. For learned kernels this makes no
# difference.

# %%
PIXELS = ("01110", "01010", "01110", "00010", "00010", "00100", "01000")
NINE = np.array([[1 if pixel == "1" else -1 for pixel in row] for row in PIXELS])
LOOP = np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]]) / 9


def slide(image, kernel):
    height, width = kernel.shape
    output = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for i, j in np.ndindex(output.shape):
        output[i, j] = np.sum(image[i : i + height, j : j + width] * kernel)
    return output


def in_keras(image, kernel):
    images = image[None, ..., None].astype("float32")  # one image, one channel
    return keras.ops.conv(images, kernel[..., None, None].astype("float32"))[0, ..., 0]


def frame(axes, row, column, height, width, color):
    box = (column - 0.44, row - 0.44), width - 0.12, height - 0.12
    axes.add_patch(plt.Rectangle(*box, fill=False, edgecolor=color, linewidth=3))


def find_the_loop(fast=False):
    response = slide(NINE, LOOP)
    np.testing.assert_allclose(response[0], [-1 / 9, 1, -1 / 9])  # the loop is in the middle
    for kernel in (LOOP, *FILTERS.values()):
        others = convolution.filter_image(NINE, kernel), in_keras(NINE, kernel)
        np.testing.assert_allclose(others, [slide(NINE, kernel)] * 2, atol=1e-6)

    figure, (image, kernel, output) = tutorial.panels(1, 3, size=(3.2, 4.4))
    tutorial.matrix(image, NINE, title="a 9", form="{:g}", limit=2)
    tutorial.matrix(kernel, 9 * LOOP, title="9 x the kernel", form="{:g}", limit=2)
    tutorial.matrix(output, response, title="response", limit=2)
    for j, color in ((0, "tab:green"), (1, "black")):  # beside the loop, and on it
        frame(image, 0, j, 3, 3, color)
        frame(output, 0, j, 1, 1, color)
    return {"nine": figure}


# %%
tutorial.show(find_the_loop)

# %% [markdown]
# ## Kernels designed by people
# - **Blur** is the mean of nine pixels. Its numbers add up to 1, so a flat area keeps its value.
# - **Edge** has 8 in the middle and -1 around it, or 4 and four times -1 as here. Its numbers add
#   up to 0: on a flat area it gives 0, and the larger its response, the stronger the edge.
# - **Sharpen** is the image plus its edges. Its numbers add up to 1.
# - **Sobel**'s kernels take a difference in one direction and blur in the other.
#
# At a vertical step from 0 to 255, Sobel's kernel across the step gives (1 + 2 + 1) 255 = 1020, and
# the one along the step gives 0.


# %%
def photograph():
    return datasets.load_sample_image("china.jpg")[:300:2, 120:420:2].mean(axis=-1)


def kernels_by_people(fast=False):
    patch = np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])
    step = np.repeat([[0, 0, 0, 255, 255, 255]], 3, axis=0)
    responses = {f"{name} on the patch": slide(patch, FILTERS[name]).max() for name in FILTERS}
    responses |= {
        "edge on a flat area": slide(np.full((3, 3), 220), convolution.EDGE).max(),
        "edge at a step of 255": slide(step, convolution.EDGE).max(),
        "Sobel across the step": slide(step, convolution.SOBEL_X).max(),
        "Sobel along the step": slide(step, convolution.SOBEL_Y).max(),
    }
    print(*(f"{name}: {value:g}" for name, value in responses.items()), sep="\n")
    expected = [1040 / 9, 280, 60, -40, 220, 0, 255, 1020, 0]
    np.testing.assert_allclose([*responses.values()], expected)

    shown = {"photograph": photograph()}
    shown |= {name: slide(photograph(), kernel) for name, kernel in FILTERS.items()}
    both = shown["Sobel, left to right"], shown["Sobel, top to bottom"]
    shown["Sobel, strength of both"] = np.hypot(*both)
    figure, axes = plt.subplots(2, 4, figsize=(12, 6.4), layout="constrained")
    for axis, (name, image) in zip(axes.flat, shown.items(), strict=False):
        signed = name in ("edge", "Sobel, left to right", "Sobel, top to bottom")
        axis.imshow(image, cmap="gray", vmin=-300 if signed else 0, vmax=300 if signed else 255)
        axis.set(title=name + (" (0 is gray)" if signed else ""))
    for axis in axes.flat:
        axis.axis("off")
    return {"photograph": figure}


# %%
tutorial.show(kernels_by_people)

# %% [markdown]
# ## A kernel that a layer learns
# The kernels of a network are learned, not designed. Train a layer on random images, with the
# outputs of Sobel's kernel as targets, and gradient descent finds Sobel's kernel, to a hundredth.


# %%
def learn_a_kernel(fast=False):
    kerasdl.set_seed(0)
    images = np.random.default_rng(0).normal(size=(64, 16, 16, 1)).astype("float32")
    answers = np.stack([slide(image[..., 0], convolution.SOBEL_X) for image in images])
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3, use_bias=False)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    epochs = 2 if fast else 60
    model.fit(images, answers[..., None], batch_size=16, epochs=epochs, verbose=0)
    learned = model.get_weights()[0].squeeze()
    print(f"learned from Sobel's outputs:\n{learned.round(3)}")
    if not fast:
        np.testing.assert_allclose(learned, convolution.SOBEL_X, atol=0.01)

    figure, (left, right) = tutorial.panels(1, 2, size=(3, 3.2))
    tutorial.matrix(left, convolution.SOBEL_X, title="Sobel's kernel", limit=2)
    tutorial.matrix(right, learned.round(2) + 0.0, title="the learned kernel", limit=2)
    return {"learned": figure}


# %%
tutorial.show(learn_a_kernel)

# %% [markdown]
# ## Padding
# A kernel of 3x3 does not fit on the pixels at the border, so the output is smaller by 2. To keep
# the size, put pixels around the image: zeros (Keras's `padding="same"`), the image mirrored at its
# border (reflect), its border repeated (replicate), or the opposite side (circular).
#
# ## Pooling
# Pooling makes the output smaller on purpose: it replaces each window by one number, and it has no
# weights. The maximum keeps the strongest response, the mean counts all of them equally, and the L2
# norm (the square root of the sum of the squares) gives more weight to the strong ones. Windows
# usually lie side by side (2x2, stride 2); windows that overlap (3x3, stride 1) are possible, too.

# %%
RESPONSES = np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]])


def pad_and_pool(fast=False):
    image = np.arange(1, 21).reshape(4, 5)
    padding, axes = tutorial.panels(1, 3, size=(4.4, 4))
    for axis, mode in zip(axes, ("reflect", "replicate", "circular"), strict=True):
        tutorial.matrix(axis, convolution.pad(image, 2, mode), title=mode, form="{:g}")
        frame(axis, 2, 2, 4, 5, "black")  # the image

    pooled = {
        "responses": RESPONSES,
        "maximum": pooling.max_pooling(RESPONSES),
        "mean": pooling.average_pooling(RESPONSES),
        "L2 norm": pooling.l2_pooling(RESPONSES),
        "maximum of\n3x3, stride 1": pooling.max_pooling(RESPONSES, size=3, stride=1),
    }
    by_keras = layers.MaxPooling2D()(RESPONSES[None, ..., None])[0, ..., 0]
    np.testing.assert_array_equal(by_keras, pooled["maximum"])
    figure, axes = tutorial.panels(1, 5, size=(2.6, 3), width_ratios=(4, 2, 2, 2, 2))
    for axis, (title, values) in zip(axes, pooled.items(), strict=True):
        tutorial.matrix(axis, values, title=title, form="{:.3g}", limit=16)
    colors = "tab:red", "tab:blue", "tab:green", "tab:orange"
    for (i, j), color in zip(np.ndindex(2, 2), colors, strict=True):
        frame(axes[0], 2 * i, 2 * j, 2, 2, color)  # a window
        for axis in axes[1:4]:
            frame(axis, i, j, 1, 1, color)  # and the number kept of it
    return {"padding": padding, "pooling": figure}


# %%
tutorial.show(pad_and_pool)

# %% [markdown]
# ## How large, how many, how far
# An image of N pixels a side, padded by P on each side, and a kernel of K pixels with stride S give
#
# $$O = \lfloor (N + 2P - K) / S \rfloor + 1$$
#
# outputs a side. AlexNet's first layer has 11x11 kernels with stride 4: an image of 227 pixels
# gives the 55 of the paper, one of 224 would give 54. A layer of n kernels that reads c channels
# has $n\,(c\,k^2 + 1)$ weights. Groups and separable convolutions need far fewer.
#
# A stack of layers sees more of the image than each layer. Its receptive field r grows from layer
# to layer, where j is the distance in pixels between neighboring outputs:
#
# $$r \leftarrow r + (k - 1)\,j \qquad j \leftarrow j\,s$$
#
# Three ways to get a large receptive field: stack kernels, spread them out (dilation), or move them
# by strides. The figure shows on which pixels the middle output depends: those whose gradient is
# not zero.

# %%
COUNT = convolution.convolution_parameters
WEIGHTS = {  # 64 channels in, 128 out: the layer, and what the formula counts
    "plain": (layers.Conv2D(128, 3), COUNT(64, 128, 3)),
    "grouped (4)": (layers.Conv2D(128, 3, groups=4), COUNT(64, 128, 3, groups=4)),
    "separable": (layers.SeparableConv2D(128, 3), 64 * COUNT(1, 1, 3, bias=0) + COUNT(64, 128, 1)),
}
STACKS = {  # (kernel, stride, dilation) of each layer
    "one 3x3": [(3, 1, 1)],
    "three 3x3": [(3, 1, 1)] * 3,
    "dilation 1, 2, 4": [(3, 1, 1), (3, 1, 2), (3, 1, 4)],
    "strides 2, 2, 2": [(3, 2, 1)] * 3,
}


def pixels_seen(stack, size=33):
    """The gradient of the middle output by each pixel, when all weights are 1."""
    image = tf.ones((1, size, size, 1))
    with tf.GradientTape() as tape:
        tape.watch(x := image)
        for kernel, stride, dilation in stack:
            options = {"padding": "same", "use_bias": False, "kernel_initializer": "ones"}
            x = layers.Conv2D(1, kernel, stride, dilation_rate=dilation, **options)(x)
        middle = x[0, x.shape[1] // 2, x.shape[2] // 2, 0]
    return tape.gradient(middle, image)[0, ..., 0].numpy()


def how_far(fast=False):
    assert [convolution.output_size(n, 11, stride=4) for n in (227, 224)] == [55, 54]
    for name, (layer, count) in WEIGHTS.items():
        layer.build((None, 32, 32, 64))
        print(f"weights of a {name} 3x3 layer, 64 to 128 channels: {count:,}")
        assert count == layer.count_params()

    figure, axes = plt.subplots(1, 4, figsize=(13, 3.7), layout="constrained")
    for axis, (name, stack) in zip(axes, STACKS.items(), strict=True):
        # with gaps of r - 1 pixels between its weights, a kernel is k + (k - 1)(r - 1) pixels wide
        wide = [(k + (k - 1) * (r - 1), s) for k, s, r in stack]
        field, seen = convolution.receptive_field(wide), pixels_seen(stack)
        assert (seen > 0).any(axis=0).sum() == field, name
        axis.imshow(np.sqrt(seen), cmap="Blues")
        axis.set(title=f"{name}\nsees {field} x {field} pixels", xticks=[], yticks=[])
    return {"receptive_fields": figure}


# %%
tutorial.show(how_far)


# %%
def main(fast=False, out=pathlib.Path("out/01_convolutions_by_hand")):
    sections = find_the_loop, kernels_by_people, learn_a_kernel, pad_and_pool, how_far
    tutorial.run(*sections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Write a kernel that finds the tail of the 9. Where is its largest response?
# 2. Sobel's kernel is `outer([1, 2, 1], [-1, 0, 1])`. Show that filtering by the two vectors one
#    after the other gives the same result.
# 3. Shift the 9 by one pixel and pad by "circular". Show that the response shifts with it, exactly.
# 4. Three 3x3 kernels have the receptive field of one 7x7. Count the weights of both for 64
#    channels.

# %%
if __name__ == "__main__":
    main()
