# %% [markdown]
# # One object: what it is, and where
#
# **Claim.** A network with two heads learns the class and the box of an object at once: its boxes
# overlap the true ones by more than 0.6 on average (IoU). A box head that reads only the average
# over the last feature maps does as well as one that reads every place of them. A classifier of
# small images becomes a network for larger ones when its dense layer is turned into a convolution:
# the same numbers as from all windows, more than twice as fast.
#
# **The idea.** A box is four numbers, so finding it is a regression. It shares its features with
# the classification, and the two losses are added.
#
# $$L = L_{\text{class}} + \lambda \, L_{\text{box}}, \qquad
# \text{IoU}(a, b) = \frac{|a \cap b|}{|a \cup b|}$$
#
# Run it: `python tutorials/2_vision/05_one_object.py` (50 seconds).
# You will see what IoU measures, the boxes of two box heads, and a map of answers of a classifier
# that slides over an image.

# %%
import pathlib
import time

import keras
import numpy as np
from keras import layers

import kerasdl
from kerasdl.formulas import boxes, convolution
from kerasdl.utils import tutorial

CLASSES = 5

# %% [markdown]
# ## Overlap
# The distance between corners depends on the size of the image and of the object: five pixels are
# nothing for a large box and everything for a small one. The intersection over union is 1 for equal
# boxes, 0 for boxes that do not touch, and stays the same when the image is enlarged. An IoU of 0.5
# or more is the usual condition for a found object.


# %%
def overlap(fast=False):
    box = np.array([[10.0, 10.0, 30.0, 30.0]])
    moved = box + np.arange(0, 25, 5)[:, None] * [1, 0, 1, 0]
    found = boxes.iou(box, moved)[0]
    by_hand = [(20 - d) * 20 / ((20 + d) * 20) for d in range(0, 20, 5)] + [0]
    assert np.allclose(found, by_hand)
    assert np.allclose(boxes.iou(3 * box, 3 * moved), found)
    for distance, value in zip(range(0, 25, 5), found, strict=True):
        print(f"a box of 20x20 pixels, moved by {distance:2} pixels: IoU {value:.2f}")


# %%
tutorial.show(overlap)

# %% [markdown]
# ## Two heads
# Four convolutions with poolings make a map of 64x64 pixels as small as 4x4. The class head reads
# the average of this map. The box head of the first network reads all 16 places, that of the second
# only the average, which seems to forget where the object was. It does not: each of the last cells
# sees 46x46 pixels, and its channels can say where in this window the object lies.


# %%
def two_heads(reads_places):
    x = inputs = keras.Input((64, 64, 3))
    for width in (16, 32, 32, 64):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x)
    average = layers.GlobalAveragePooling2D()(x)
    hidden = layers.Dense(64, activation="relu")(layers.Flatten()(x) if reads_places else average)
    outputs = {
        "class": layers.Dense(CLASSES, name="class")(average),
        "boxes": layers.Dense(4, name="boxes")(hidden),
    }
    return keras.Model(inputs, outputs)


NETWORKS = {"all places": True, "the average": False}


def examples(count):
    """Return images of one shape before gray lines, with the class and the box of each."""
    options = {"elements": "class,boxes", "objects": 1, "clutter": 3, "count": count}
    splits = kerasdl.data.load("shapes", image_size=64, **options)
    parts = []
    for dataset in (splits.train, splits.test):
        elements = [*dataset.as_numpy_iterator()]
        images = np.concatenate([x for x, _ in elements])
        labels, places = (
            np.concatenate([np.reshape(y[name], shape) for _, y in elements])
            for name, shape in (("class", (-1,)), ("boxes", (-1, 4)))
        )
        parts.append((images, {"class": labels, "boxes": places}))
    return *parts, splits.info.classes


def heads(fast=False):
    assert convolution.receptive_field([(3, 1), (2, 2)] * 4) == 46  # convolution, pooling
    train, test, names = examples(100 if fast else 2000)
    epochs = 1 if fast else 8
    found, results = {}, {}
    for name in ["all places"] if fast else NETWORKS:
        kerasdl.set_seed(0)
        model = two_heads(NETWORKS[name])
        steps = epochs * -(-len(train[0]) // 50)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps, warmup_target=3e-3, warmup_steps=40
        )
        losses = {
            "class": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "boxes": keras.losses.Huber(0.05),
        }
        model.compile(
            keras.optimizers.Adam(rate), losses, loss_weights={"class": 1.0, "boxes": 100.0}
        )
        model.optimizer.build(model.trainable_variables)  # before `fit`, which else traces twice
        model.fit(*train, batch_size=50, epochs=epochs, verbose=0)
        answers = model.predict_on_batch(test[0])
        pairs = zip(answers["boxes"], test[1]["boxes"], strict=True)
        overlaps = [boxes.iou(box[None], true[None])[0, 0] for box, true in pairs]
        right = (answers["class"].argmax(-1) == test[1]["class"]).mean()
        found[name], results[name] = answers["boxes"], np.mean(overlaps)
        print(f"box from {name:20} mean IoU {results[name]:.2f}, correct classes {right:.0%}")
    if not fast:
        assert min(results.values()) > 0.6, results
        assert results["the average"] > results["all places"] - 0.05, results

    figure, axes = tutorial.panels(1, 5, size=(2.4, 2.6))
    colors = dict(zip(("true", *NETWORKS), ("white", *tutorial.CLASSES), strict=False))
    for number, axis in enumerate(axes):
        axis.imshow(test[0][number])
        axis.set(xticks=[], yticks=[], title=names[test[1]["class"][number]])
        for name, each in {"true": test[1]["boxes"], **found}.items():
            left, top, right, bottom = 64 * each[number]
            corners = [left, right, right, left, left], [top, top, bottom, bottom, top]
            axis.plot(*corners, color=colors[name], label=name if number == 0 else None)
        axis.set(xlim=(-0.5, 63.5), ylim=(63.5, -0.5))
    figure.legend(loc="outside lower center", ncols=4, facecolor="lightgray")
    return {"heads": figure}


# %%
tutorial.show(heads)

# %% [markdown]
# ## A classifier that slides
# Before detectors, people moved a window over the image and classified each window. Neighboring
# windows share most of their pixels, so most of this work is done again and again. A dense layer
# that reads a map of 4x4 places is the same as a convolution with a kernel of 4x4. With it, the
# whole network is convolutions, and takes an image of any size: its output is a map of answers, one
# for each window.


# %%
def classifier():
    """A classifier of 18x18 pixels without padding, so that a window's edge changes nothing."""
    x = inputs = keras.Input((18, 18, 1))
    for width in (16, 32):
        x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    hidden = layers.Dense(64, activation="relu")(layers.Flatten()(x))  # of a map of 3x3
    return keras.Model(inputs, layers.Dense(10)(hidden))


def as_convolutions(model):
    """Return the same network for images of any size."""
    convolutions, (hidden, last) = model.layers[1:5], model.layers[-2:]
    x = inputs = keras.Input((None, None, 1))
    for layer in convolutions:
        x = layer(x)
    first = layers.Conv2D(64, 3, activation="relu")
    second = layers.Conv2D(10, 1)
    outputs = second(first(x))
    first.set_weights([hidden.kernel.numpy().reshape(3, 3, 32, 64), hidden.bias])
    second.set_weights([last.kernel.numpy().reshape(1, 1, 64, 10), last.bias])
    return keras.Model(inputs, outputs)


def sliding(fast=False):
    digits = kerasdl.data.load("digits", image_size=18)
    kerasdl.set_seed(0)
    model = classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.fit(digits.train, epochs=1 if fast else 8, shuffle=False, verbose=0)
    images, labels = tutorial.arrays(digits.test)
    rng = np.random.default_rng(4)
    scene, places = np.zeros((1, 96, 96, 1), "float32"), []
    for column in range(4):
        top, left = 4 * rng.integers(0, 20), 24 * column  # at the corner of a window
        scene[0, top : top + 18, left : left + 18] = images[column]
        places.append((top, left))
    slides = as_convolutions(model)
    answers = slides.predict(scene, verbose=0)[0]
    stride = 4  # two poolings
    size = answers.shape[0]
    corners = boxes.sliding_windows(96, 96, 18, stride).astype(int)
    windows = np.stack([scene[0, y : y + 18, x : x + 18] for x, y in corners[:, :2]])
    one_by_one = model.predict(windows, batch_size=len(windows), verbose=0).reshape(answers.shape)
    assert np.allclose(one_by_one, answers, atol=1e-4)

    def seconds(network, inputs):
        times = []
        for _ in range(7):
            begin = time.perf_counter()
            network.predict_on_batch(inputs)
            times.append(time.perf_counter() - begin)
        return np.median(times)

    ratio = seconds(model, windows) / seconds(slides, scene)
    print(f"{len(windows)} windows, {size}x{size}: the same answers, {ratio:.1f} times faster")
    if not fast:
        assert ratio > 2

    figure, (left, right) = tutorial.panels(1, 2, size=(4, 3.8))
    left.imshow(scene[0, ..., 0], cmap="gray_r")
    certain = np.exp(answers - answers.max(-1, keepdims=True))
    shown = right.imshow((certain / certain.sum(-1, keepdims=True)).max(-1), vmin=0, vmax=1)
    for (top, begin), label in zip(places, labels, strict=False):
        left.text(begin, top - 2, f"{label}", color="tab:red")
        said = answers[min(round(top / stride), size - 1), min(round(begin / stride), size - 1)]
        right.text(begin / stride, top / stride, f"{said.argmax()}", color="red", weight="bold")
    left.set(title="image", xticks=[], yticks=[])
    right.set(title="largest probability of each window", xticks=[], yticks=[])
    figure.colorbar(shown, ax=right, shrink=0.8)
    return {"sliding": figure}


# %%
tutorial.show(sliding)


# %%
def main(fast=False, out=pathlib.Path("out/05_one_object")):
    tutorial.run(overlap, heads, sliding, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Train the boxes with `kerasdl.losses.GIoU`. Is the mean IoU higher after the same epochs?
# 2. Set the weight of the box loss to 1 and to 10,000. What does each head lose?
# 3. The classifier has never seen an empty window. What does it answer there, and how sure is it?
#    Add a class for the background.
# 4. Two objects in the image: which box does the network answer? Why does it need more heads?

# %%
if __name__ == "__main__":
    main()
