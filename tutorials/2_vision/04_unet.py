# %% [markdown]
# # U-Net: a class for each pixel
#
# **Claim.** The published U-Net takes 31,030,658 weights and turns 572x572 pixels into 388x388
# classes; twenty lines build it. On images of colored shapes, a small U-Net reaches a mean
# intersection over union (IoU) of at least 0.9 in fifteen epochs. Without the connections from
# the encoder to the decoder, it makes more than twice as many errors at the borders of the shapes.
#
# **The idea.** A classifier makes its maps smaller and smaller, because a pixel at the end should
# see the whole object. Segmentation needs the opposite as well: the exact place of each border.
# U-Net makes the maps smaller and then larger again. At each size the decoder gets the encoder's
# map too, concatenated, so that details need not pass through the bottom.
#
# $$\text{IoU}_c = \frac{TP_c}{TP_c + FP_c + FN_c} \qquad
# \text{Dice}_c = \frac{2 TP_c}{2 TP_c + FP_c + FN_c}$$
#
# Run it: `python tutorials/2_vision/04_unet.py` (70 seconds).
# You will see the sizes of all maps, what IoU and Dice count, and where a network without
# connections is wrong.

# %%
import pathlib

import keras
import numpy as np
from keras import layers
from scipy import ndimage

import kerasdl
from kerasdl.formulas import segmentation
from kerasdl.utils import tutorial

# %% [markdown]
# ## The network
# *Valid* convolutions lose a border of one pixel each, so that nothing is computed from padding.
# Then the encoder's maps are larger than the decoder's, and only their middle is used. With *same*
# padding, sizes stay, and the output is as large as the image.


# %%
def unet(widths, classes, shape, padding="same", connected=True, normalized=False):
    def twice(x, width):
        for _ in range(2):
            x = layers.Conv2D(width, 3, padding=padding, use_bias=not normalized)(x)
            x = layers.BatchNormalization(momentum=0.9)(x) if normalized else x
            x = layers.ReLU()(x)
        return x

    x = inputs = keras.Input(shape)
    maps = []
    for width in widths[:-1]:
        maps.append(twice(x, width))
        x = layers.MaxPooling2D()(maps[-1])
    x = twice(x, widths[-1])
    for width, large in zip(widths[-2::-1], maps[::-1], strict=True):
        x = layers.Conv2DTranspose(width, 2, 2)(x)  # twice the height and the width
        if connected:
            border = (large.shape[1] - x.shape[1]) // 2
            x = layers.Concatenate()([layers.Cropping2D(border)(large), x])
        x = twice(x, width)
    return keras.Model(inputs, layers.Conv2D(classes, 1)(x))


def sizes(fast=False):
    published = unet((64, 128, 256, 512, 1024), 2, (572, 572, 1), padding="valid")
    assert published.output_shape[1:] == (388, 388, 2)
    assert published.count_params() == 31_030_658
    assert published.count_params() == kerasdl.create_model("unet").count_params()
    shown = (layers.Conv2D, layers.MaxPooling2D, layers.Conv2DTranspose, layers.Concatenate)
    for layer in published.layers:
        if isinstance(layer, shown):
            height, width, channels = layer.output.shape[1:]
            print(f"{type(layer).__name__:16}{height:4} x {width:3} x {channels:4}")


# %%
tutorial.show(sizes)

# %% [markdown]
# ## What to measure
# The accuracy of pixels is a bad measure when most of the image is background: who answers
# "background" everywhere is right for most pixels. The IoU of each class does not count the pixels
# that are rightly left out. Dice is the same as the F1 score: the harmonic mean of precision and
# recall. It is never less than the IoU, and both rank two predictions of one class alike:
# Dice = 2 IoU / (1 + IoU).


# %%
def measures(fast=False):
    true = np.zeros((8, 8), int)
    true[2:5, 2:5] = 1
    nothing, moved = np.zeros_like(true), np.roll(true, 1, axis=1)
    print(f"{'':12}{'accuracy':>10}{'IoU':>8}{'Dice':>8}")
    for name, found in {"nothing": nothing, "moved by 1": moved, "exact": true}.items():
        confusion = segmentation.confusion_matrix(true, found, 2)
        accuracy = (found == true).mean()
        iou, dice = segmentation.class_iou(confusion)[1], segmentation.class_dice(confusion)[1]
        print(f"{name:12}{accuracy:10.2f}{iou:8.2f}{dice:8.2f}")
        assert np.isclose(dice, 2 * iou / (1 + iou))
        if name == "nothing":
            assert accuracy > 0.85
            assert iou == 0


# %%
tutorial.show(measures)

# %% [markdown]
# ## With and without the connections
# Both networks learn from 1,000 images of one to three shapes in front of gray lines. Each of the
# five shapes is a class; class 0 is the background. Batch normalization makes the training faster;
# the published network had none. The figure shows the classes as colors, and
# the errors of both networks.


# %%
def train(connected, splits, epochs):
    kerasdl.set_seed(0)
    model = unet((16, 32, 64), 6, (32, 32, 3), connected=connected, normalized=True)
    steps = epochs * int(splits.train.cardinality())
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=3e-3, warmup_steps=50)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.optimizer.build(model.trainable_variables)  # before `fit`, which else traces twice
    model.fit(splits.train, epochs=epochs, shuffle=False, verbose=0)
    return model


def borders(masks):
    """Return which pixels have a neighbor of another class."""
    area = {"size": (1, 3, 3)}
    return ndimage.maximum_filter(masks, **area) != ndimage.minimum_filter(masks, **area)


def connections(fast=False):
    count, epochs = (60, 1) if fast else (1250, 15)
    options = {"elements": "mask", "objects": 3, "clutter": 3, "count": count}
    splits = kerasdl.data.load("shapes", image_size=32, batch_size=25, **options)
    images, true = tutorial.arrays(splits.test)
    border = borders(true)
    answers, wrong = {}, {}
    for name, connected in (("with connections", True), ("without", False)):
        found = train(connected, splits, epochs).predict(images, verbose=0).argmax(-1)
        overlaps = segmentation.class_iou(segmentation.confusion_matrix(true, found, 6))
        error = found != true
        answers[name], wrong[name] = found, (np.nanmean(overlaps), error[border].mean())
        print(
            f"{name:18} mean IoU {wrong[name][0]:.3f}, errors at borders {wrong[name][1]:.1%}, "
            f"elsewhere {error[~border].mean():.2%}"
        )
    if not fast:
        assert wrong["with connections"][0] >= 0.9, wrong
        assert wrong["without"][1] > 2 * wrong["with connections"][1], wrong

    names = ["background", *splits.info.classes]
    columns = list(range(5))
    figure, axes = tutorial.panels(5, len(columns), size=(1.9, 1.9))
    rows = {
        "image": lambda i: gray(images[i]),
        "true": lambda i: colored(true[i]),
        "with connections": lambda i: colored(answers["with connections"][i]),
        "without": lambda i: colored(answers["without"][i]),
        "errors without": lambda i: gray((answers["without"][i] != true[i])[..., None]),
    }
    for row, (title, draw) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(title)
        for axis, i in zip(row, columns, strict=True):
            axis.imshow(draw(i))
            axis.set(xticks=[], yticks=[])
    handles = [tutorial.plt.Rectangle((0, 0), 1, 1, color=color) for color in PALETTE[1:]]
    figure.legend(handles, names[1:], loc="outside lower center", ncols=5)
    return {"connections": figure}


PALETTE = np.array([(1, 1, 1), *tutorial.CLASSES[:5]])


def colored(classes):
    return PALETTE[classes]


def gray(image):
    return np.broadcast_to(image.astype(float), (*image.shape[:2], 3))


# %%
tutorial.show(connections)


# %%
def main(fast=False, out=pathlib.Path("out/04_unet")):
    tutorial.run(sizes, measures, connections, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Add the encoder's maps in place of concatenating them. What must be equal for that?
# 2. Which sides between 500 and 600 does the valid U-Net accept? Why not all?
# 3. Train with `keras.losses.Dice` on one-hot masks. Which classes gain?
# 4. Give pixels at borders a larger weight: `kerasdl.losses.boundary_weights`.

# %%
if __name__ == "__main__":
    main()
