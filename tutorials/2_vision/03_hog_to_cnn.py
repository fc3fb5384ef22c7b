# %% [markdown]
# # From HOG to the CNN: features that are designed, and features that are learned
#
# **Claim.** With 3,600 training digits, a linear classifier makes less than half as many errors on
# histograms of oriented gradients (HOG) as on pixels. A small convolutional network, which learns
# its features, makes fewer still. With 100 digits it is the other way around: HOG, which needs no
# examples to know what an edge is, makes fewer errors than the network.
#
# **The idea.** Until 2012 most image classifiers had two parts. People designed the first: it turns
# pixels into features that do not change when a stroke moves a little or gets brighter. The second
# was a linear classifier, the only part that learned. A convolutional network has the same two
# parts, and learns both.
#
# $$\text{HOG: } h_{c, b} = \sum_{p \in c} \lVert \nabla I(p) \rVert \;
# [\text{the gradient at } p \text{ has direction } b]$$
#
# Run it: `python tutorials/2_vision/03_hog_to_cnn.py` (35 seconds).
# You will see HOG written out in NumPy, its histograms drawn over digits, and three classifiers on
# the same split.

# %%
import pathlib

import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression

import kerasdl
from kerasdl.utils import tutorial

CELL, BINS = 7, 9  # pixels of a cell's side; directions between 0 and 180 degrees

# %% [markdown]
# ## Histograms of oriented gradients
# The gradient at a pixel says how fast the brightness changes, and in which direction. The image is
# cut into cells. In each cell, every pixel votes for the direction of its gradient, with the length
# of the gradient as the weight of its vote. A direction between two bins votes for both.
#
# A stroke that moves by a pixel mostly stays in its cell, so the histogram hardly changes.


# %%
def histograms(images):
    """Return the histogram of each cell: (images, rows, columns, BINS)."""
    padded = np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1)), mode="edge")
    dx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    dy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    length = np.hypot(dx, dy)
    # from dark to bright or from bright to dark: the same edge, so 180 degrees are enough
    position = np.arctan2(dy, dx) % np.pi / np.pi * BINS
    lower = np.floor(position).astype(int) % BINS
    upper, fraction = (lower + 1) % BINS, position % 1
    votes = np.zeros((*length.shape, BINS))
    np.put_along_axis(votes, lower[..., None], (length * (1 - fraction))[..., None], axis=-1)
    np.put_along_axis(votes, upper[..., None], (length * fraction)[..., None], axis=-1)
    count, height, width = length.shape
    cells = (count, height // CELL, CELL, width // CELL, CELL, BINS)
    return votes.reshape(cells).sum(axis=(2, 4))


# %% [markdown]
# A darker image has shorter gradients. To make the features independent of the brightness, each
# block of 2x2 cells is divided by its norm. Blocks overlap, so each inner cell is in four of them.


# %%
def hog(images):
    """Return the features of images: (images, blocks x 4 x BINS)."""
    cells = histograms(images)
    corners = cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]
    blocks = np.concatenate(corners, axis=-1)
    blocks /= np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-4)
    return blocks.reshape(len(images), -1)


def hog_by_hand(fast=False):
    images, labels = tutorial.arrays(kerasdl.data.load("mnist").test)
    half = 0.5 * images
    print(f"{images[0].size} pixels become {hog(images).shape[1]} features")
    # a line from top to bottom has horizontal gradients only: all votes are in bin 0
    line = np.zeros((1, 28, 28, 1))
    line[:, :, 10:13] = 1
    assert np.allclose(histograms(line)[..., 1:], 0)
    assert np.allclose(hog(half), hog(images), atol=0.05)
    assert not np.allclose(histograms(half), histograms(images), atol=0.05)

    figure, axes = tutorial.panels(2, 4, size=(2.6, 2.6))
    for column, digit in enumerate((0, 1, 4, 7)):
        index = list(labels).index(digit)
        axes[0, column].imshow(images[index, ..., 0], cmap="gray_r")
        axes[1, column].imshow(images[index, ..., 0], cmap="gray_r", alpha=0.25)
        draw_histograms(axes[1, column], histograms(images[index : index + 1])[0])
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    return {"histograms": figure}


def draw_histograms(axis, cells):
    """Draw a line along the edge for each direction, as long as its votes."""
    for (row, column, b), votes in np.ndenumerate(cells / cells.max()):
        edge = (b + 0.5) * np.pi / BINS + np.pi / 2  # an edge is at right angles to its gradient
        dx, dy = CELL / 2 * votes * np.cos(edge), CELL / 2 * votes * np.sin(edge)
        x, y = CELL * (column + 0.5) - 0.5, CELL * (row + 0.5) - 0.5
        axis.plot([x - dx, x + dx], [y - dy, y + dy], color="tab:red", linewidth=1)


# %%
tutorial.show(hog_by_hand)

# %% [markdown]
# ## Three classifiers
# The first two are the same linear classifier, once on pixels and once on HOG. The third is a
# network of three convolutions with random shifts of its training images, trained for twelve
# epochs. All learn from the same training examples and are judged on the same test examples.


# %%
def network():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.RandomTranslation(0.07, 0.07, fill_mode="constant", seed=0),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(10),
        ]
    )


def errors_of_network(train, test, epochs):
    kerasdl.set_seed(0)
    model = network()
    steps = epochs * -(-len(train[0]) // 32)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"], steps_per_execution=8)
    model.fit(*train, batch_size=32, epochs=epochs, verbose=0)
    return 1 - model.evaluate(*test, verbose=0)[1]


def errors_of_linear(features, train, test):
    classifier = LogisticRegression(C=10.0, max_iter=300)
    classifier.fit(features(train[0]), train[1])
    return 1 - classifier.score(features(test[0]), test[1])


def three_classifiers(fast=False):
    data = kerasdl.data.load("mnist")
    train, test = tutorial.arrays(data.train), tutorial.arrays(data.test)
    counts = (200,) if fast else (100, 400, len(train[0]))
    errors = {"pixels, linear": [], "HOG, linear": [], "learned features": []}
    for count in counts:
        part = train[0][:count], train[1][:count]
        flat = errors_of_linear(lambda x: x.reshape(len(x), -1), part, test)
        errors["pixels, linear"].append(flat)
        errors["HOG, linear"].append(errors_of_linear(hog, part, test))
        # the same number of steps for each: fewer examples are seen more often
        epochs = 1 if fast else 12 * len(train[0]) // max(count, 1200)
        errors["learned features"].append(errors_of_network(part, test, epochs))
    print(f"{'training examples':20}" + "".join(f"{count:>8}" for count in counts))
    for name, values in errors.items():
        print(f"{name:20}" + "".join(f"{value:8.1%}" for value in values))
    if not fast:
        pixels, hogs, learned = (values[-1] for values in errors.values())
        assert hogs < pixels / 2, errors
        assert learned < hogs, errors
        assert errors["HOG, linear"][0] < errors["learned features"][0], errors

    figure, axis = tutorial.panels(size=(5.5, 3.8))
    percent = {name: 100 * np.array(values) for name, values in errors.items()}
    tutorial.lines(
        axis, percent, counts, xlabel="training examples", ylabel="test errors, %", marker="o"
    )
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(counts, counts, minor=False)
    axis.set_yticks([2, 5, 10, 20], [2, 5, 10, 20])
    axis.minorticks_off()
    return {"errors": figure}


# %%
tutorial.show(three_classifiers)


# %%
def main(fast=False, out=pathlib.Path("out/03_hog_to_cnn")):
    tutorial.run(hog_by_hand, three_classifiers, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Make the cells 4 pixels wide, or 14. What does each size lose?
# 2. Draw the kernels of the network's first layer. Do any look like those of a gradient?
# 3. Train the linear classifier on the output of the network's last pooling. How many errors?
# 4. Turn all test images by 15 degrees. Which of the three classifiers loses most?

# %%
if __name__ == "__main__":
    main()
