# %% [markdown]
# # Convolutions by hand
#
# **Claim.** What the notes compute by hand comes out of a loop of two lines, of one NumPy
# expression and of Keras alike: the loop of a 9, the edge response 60, Sobel's 1020, the padding
# and pooling tables. A layer finds Sobel's kernel by itself, and a stack of small kernels sees
# exactly as far as the formula says.
#
# **The idea.** Lay a small matrix over the image, multiply, sum, move on. The sum is large where
# the image looks like the kernel. The same few weights serve every position.
#
# $$Y(i,j) = \sum_m \sum_n X(i+m,\, j+n)\, F(m,n)$$
#
# Run it: `python tutorials/2_vision/01_convolutions_by_hand.py` (10 seconds).
# You will see a kernel find
# the loop of a 9, a photograph through seven filters, borders, pooling and receptive fields.

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

PIXELS = ("01110", "01010", "01110", "00010", "00010", "00100", "01000")
NINE = np.array([[1 if pixel == "1" else -1 for pixel in row] for row in PIXELS])
LOOP = np.array([[1, 1, 1], [1, -1, 1], [1, 1, 1]]) / 9
FILTERS = {
    "blur": convolution.BLUR,
    "sharpen": convolution.SHARPEN,
    "edge": convolution.EDGE,
    "Sobel, left to right": convolution.SOBEL_X,
    "Sobel, top to bottom": convolution.SOBEL_Y,
}
TO_POOL = np.array([[7, 3, 5, 2], [8, 7, 1, 6], [4, 9, 3, 9], [0, 8, 4, 5]])

# %% [markdown]
# ## Slide, multiply, sum
# The kernel is a loop with a hole. Over the loop of the 9 all nine products are 1/9. One of the
# notes calls the division by 9 a part of convolution; it is not: the 9 stands in this kernel. (In
# its sum for the first position one of nine terms is missing; with it, -1/9 is right.)


# %%
def slide(image, kernel):
    height, width = kernel.shape
    output = np.zeros((image.shape[0] - height + 1, image.shape[1] - width + 1))
    for i, j in np.ndindex(output.shape):
        output[i, j] = np.sum(image[i : i + height, j : j + width] * kernel)
    return output


def in_keras(image, kernel):
    images = image[None, ..., None].astype("float32")  # one image, one channel
    return keras.ops.conv(images, kernel[..., None, None].astype("float32"))[0, ..., 0]


# %% [markdown]
# ## Kernels that people have thought of
# An edge kernel sums to 0: on a flat patch it says 0, and the larger its answer, the harder the
# edge. (One of the notes reads its 60 the other way round, 0 as a sure boundary.) Sharpening is
# the image plus its edges; its kernel sums to 1, and stands in that note under the heading "blur".
# Sobel's kernels, whose numbers that note has lost, are a blur one way and a difference the other.


# %%
def numbers_of_the_notes():
    patch = np.array([[0, 140, 0], [225, 220, 205], [0, 250, 0]])
    step = np.repeat([[0, 0, 0, 255, 255, 255]], 3, axis=0)
    return {
        **{f"{name} on the patch": slide(patch, FILTERS[name]).max() for name in FILTERS},
        "edge on a flat patch": slide(np.full((3, 3), 220), convolution.EDGE).max(),
        "edge at a step of 255": slide(step, convolution.EDGE).max(),
        "Sobel across the step": slide(step, convolution.SOBEL_X).max(),
        "Sobel along the step": slide(step, convolution.SOBEL_Y).max(),
    }


# %% [markdown]
# ## Kernels that a layer finds
# Nobody sets a network's kernels. Show a layer images and Sobel's answers, and `fit` finds Sobel.


# %%
def learn_sobel(epochs):
    images = np.random.default_rng(0).normal(size=(64, 16, 16, 1)).astype("float32")
    answers = np.stack([slide(image[..., 0], convolution.SOBEL_X) for image in images])
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(1, 3, use_bias=False)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(images, answers[..., None], batch_size=16, epochs=epochs, verbose=0)
    return model.get_weights()[0].squeeze()


# %% [markdown]
# ## How large, how many, how far
# $$O = \lfloor (N + 2P - K) / S \rfloor + 1 \qquad N_{weights} = n\,(c\,k^2 + 1) \qquad
# r \leftarrow r + (k - 1)\,j,\quad j \leftarrow j\,s$$
# One of the notes prints the size without padding and floor. Another lets AlexNet read 224 or 227
# pixels: unpadded, 224 gives 54, only 227 the paper's 55. To see further, stack, dilate or stride.


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
FIELDS = {  # with holes, a kernel is k + (k - 1)(r - 1) wide
    name: convolution.receptive_field([(k + (k - 1) * (r - 1), s) for k, s, r in stack])
    for name, stack in STACKS.items()
}


def seen(stack, size=33):
    """Which pixels the middle output depends on: the gradient of it, all weights being 1."""
    image = tf.ones((1, size, size, 1))
    with tf.GradientTape() as tape:
        tape.watch(x := image)
        for kernel, stride, dilation in stack:
            options = {"padding": "same", "use_bias": False, "kernel_initializer": "ones"}
            x = layers.Conv2D(1, kernel, stride, dilation_rate=dilation, **options)(x)
        middle = x[0, x.shape[1] // 2, x.shape[2] // 2, 0]
    return tape.gradient(middle, image)[0, ..., 0].numpy()


# %% [markdown]
# ## The pictures


# %%
def tables(matrices, frames, colours, size, **options):
    """Matrices as squares with their numbers, and frames: panel, row, column, height, width."""
    widths = [matrix.shape[1] for matrix in matrices.values()]
    figure, axes = plt.subplots(1, len(widths), figsize=size, width_ratios=widths)
    for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
        axis.imshow(matrix, cmap=colours, alpha=0.4, **options)
        for (i, j), value in np.ndenumerate(matrix):
            axis.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=9)
        axis.set(title=title, xticks=[], yticks=[])
    for panel, i, j, height, width, colour in frames:
        box = (j - 0.44, i - 0.44), width - 0.12, height - 0.12
        axes[panel].add_patch(plt.Rectangle(*box, fill=False, edgecolor=f"tab:{colour}", lw=3))
    return figure


def draw_nine(found):
    matrices = {"a 9": NINE, "9 x the kernel: a loop": 9 * LOOP, "where is a loop?": found}
    frames = [(0, 0, 0, 3, 3, "red"), (2, 0, 0, 1, 1, "red")]
    frames += [(0, 0, 1, 3, 3, "blue"), (2, 0, 1, 1, 1, "blue")]
    return tables(matrices, frames, "Greys", (9, 5), vmin=-1, vmax=1)


def draw_padding():
    modes = ("reflect", "replicate", "circular")
    padded = {mode: convolution.pad(np.arange(1, 21).reshape(4, 5), 2, mode) for mode in modes}
    return tables(padded, [(n, 2, 2, 4, 5, "red") for n in range(3)], "viridis", (13, 4))


def draw_pooling():
    pooled = {
        "responses": TO_POOL,
        "maximum": pooling.max_pooling(TO_POOL),
        "mean": pooling.average_pooling(TO_POOL),
        "length (L2)": pooling.l2_pooling(TO_POOL),
        "maximum of 3x3": pooling.max_pooling(TO_POOL, size=3, stride=1),
    }
    windows = list(zip(np.ndindex(2, 2), ("red", "blue", "green", "orange"), strict=True))
    frames = [(0, 2 * i, 2 * j, 2, 2, colour) for (i, j), colour in windows]
    frames += [(n, i, j, 1, 1, colour) for n in (1, 2, 3) for (i, j), colour in windows]
    return tables(pooled, frames, "Blues", (13, 4), vmin=0, vmax=16)


def draw_photograph(learned):
    photograph = datasets.load_sample_image("china.jpg")[:300:2, 120:420:2].mean(axis=-1)
    shown = {name: slide(photograph, kernel) for name, kernel in FILTERS.items()}
    strength = np.hypot(shown["Sobel, left to right"], shown["Sobel, top to bottom"])
    shown = {"photograph": photograph, **shown, "Sobel, strength": strength}
    shown["learned from answers"] = slide(photograph, learned)
    figure, axes = plt.subplots(2, 4, figsize=(12, 6.4), layout="constrained")
    for axis, (name, image) in zip(axes.flat, shown.items(), strict=True):
        signed = name in ("edge", *list(shown)[4:6], "learned from answers")  # 0 is grey
        axis.imshow(image, cmap="gray", vmin=-300 if signed else 0, vmax=300 if signed else 255)
        axis.set(title=name, xticks=[], yticks=[])
    return figure


def draw_fields():
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.7), layout="constrained")
    for axis, (name, stack) in zip(axes, STACKS.items(), strict=True):
        axis.imshow(np.sqrt(seen(stack)), cmap="Blues")
        axis.set(title=f"{name}\nsees {FIELDS[name]} x {FIELDS[name]}", xticks=[], yticks=[])
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/01_convolutions_by_hand")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    found, notes = slide(NINE, LOOP), numbers_of_the_notes()
    learned = learn_sobel(epochs=2 if fast else 60)
    figures = {"nine": draw_nine(found), "padding": draw_padding(), "pooling": draw_pooling()}
    figures |= {"photograph": draw_photograph(learned), "receptive_fields": draw_fields()}
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120, bbox_inches="tight")
    plt.close("all")
    print(*(f"{name}: {value:g}" for name, value in notes.items()), sep="\n")
    for name, (layer, count) in WEIGHTS.items():
        layer.build((None, 32, 32, 64))
        print(f"weights of a {name} 3x3 layer, 64 to 128 channels: {count:,}")
        assert count == layer.count_params()
    print(f"learned from Sobel's answers:\n{learned.round(3)}\nfigures in {out}")

    # the claim
    np.testing.assert_allclose(found[0], [-1 / 9, 1, -1 / 9])  # the loop, and beside it
    np.testing.assert_allclose([*notes.values()], [1040 / 9, 280, 60, -40, 220, 0, 255, 1020, 0])
    for kernel in (LOOP, *FILTERS.values()):
        both = convolution.filter_image(NINE, kernel), in_keras(NINE, kernel)
        np.testing.assert_allclose(both, [slide(NINE, kernel)] * 2, atol=1e-6)
    pooled = layers.MaxPooling2D()(TO_POOL[None, ..., None])[0, ..., 0]
    np.testing.assert_array_equal(pooled, pooling.max_pooling(TO_POOL))
    assert [convolution.output_size(n, 11, stride=4) for n in (227, 224)] == [55, 54]
    for name, stack in STACKS.items():
        assert (seen(stack) > 0).any(axis=0).sum() == FIELDS[name], name
    if not fast:
        np.testing.assert_allclose(learned, convolution.SOBEL_X, atol=0.01)


# %% [markdown]
# ## Exercises
# 1. Write a kernel that finds the tail of the 9. Where is its largest answer?
# 2. Sobel is `outer([1, 2, 1], [-1, 0, 1])`. Show that the two do the same one after the other.
# 3. Shift the 9 by a pixel and pad by "circular". Show that the response shifts with it, exactly.
# 4. Three 3x3 kernels see as far as one 7x7. Count the weights of both for 64 channels.

# %%
if __name__ == "__main__":
    main()
