# %% [markdown]
# # To the phone: a network as a file of small integers
#
# **Claim.** A LiteRT file gives the same outputs as Keras, to 1e-5. With 8-bit integers inside, it
# has at most 0.4 of the bytes and loses at most half a point of accuracy. Its integers follow from
# a formula of one line. One call of the file is at least 20 times faster than `model.predict`.
#
# **The idea.** Lay a grid of 256 points over a range of numbers, and store for each number only the
# index of the nearest point. The grid has a step *s* and an integer *z* that stands for 0. For
# weights, both follow from the weights themselves. For the outputs of layers, they follow from a
# few example images.
#
# $$q = \mathrm{clip}(\mathrm{round}(x / s) + z) \qquad x \approx s\,(q - z) \qquad
# s = \frac{\max - \min}{255} \qquad z = -128 - \mathrm{round}(\min / s)$$
#
# Run it: `python tutorials/6_to_the_phone/01_to_the_phone.py` (20 seconds).
# You will see weights before and after, how few bits are enough, the size and time of each file,
# and what happens to the digits on which an integer network is least certain.

# %%
import functools
import pathlib
import timeit

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import export
from kerasdl.formulas.quantization import affine, dequantize, quantize, symmetric
from kerasdl.utils import tutorial

# %% [markdown]
# ## A network and its files
# Three convolutions, each with batch normalization, and two dense layers, trained on digits. From
# it we make five files. One has floats of 32 bits, one has floats of 16 bits, "dynamic" has 8-bit
# weights and computes with floats, and "int8" has 8-bit integers everywhere. For int8 the converter
# runs example images through the network and records the range of each layer's outputs. This is
# calibration. The file "black" is int8, too, but wrongly calibrated, with a black image.


# %%
def arrays(dataset):
    return [np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True)]


@functools.cache
def trained(fast):
    """The model; test images and labels; calibration images."""
    kerasdl.set_seed(0)
    epochs, data = 1 if fast else 30, kerasdl.data.load("digits", augment="light")
    model = kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=data.info.shape)
    steps = epochs * int(data.train.cardinality())
    learning_rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(keras.optimizers.AdamW(learning_rate, weight_decay=0.02), loss)
    one_hot = data.train.map(lambda image, label: (image, tf.one_hot(label, 10)))
    model.fit(one_hot, epochs=epochs, shuffle=False, verbose=0)
    calibration, _ = arrays(data.validation)  # like the test images, without augmentation
    return model, arrays(data.test), calibration


@functools.cache
def files(fast):
    model, _, calibration = trained(fast)
    options = {
        "float": {},
        "float16": {"quantize": "float16"},
        "dynamic": {"quantize": "dynamic"},
        "int8": {"quantize": "int8", "calibration": calibration},
        "black": {"quantize": "int8", "calibration": np.zeros_like(calibration[:1])},
    }
    made, folder = {}, tutorial.scratch()
    for name in ("float", "int8", "black") if fast else options:
        path = folder / f"{name}.tflite"
        made[name] = export.to_litert(model, path, short_scales=False, **options[name])
    return made


# %% [markdown]
# ## Weights
# At inference, batch normalization multiplies each channel by one number and adds another. The
# converter puts the factor into the convolution before it,
# $W_c\, \gamma_c / \sqrt{\sigma_c^2 + \epsilon}$. Then it gives each output channel c a step of
# its own, $s_c = \max|W_c| / 127$, with $z = 0$. We compute the same integers and compare them with
# those in the file.


# %%
def folded_kernels(model):
    """The kernels as the file has them: output channel first, batch normalization inside."""
    kernels = {}
    for layer, after in zip(model.layers, [*model.layers[1:], None], strict=True):
        if hasattr(layer, "kernel"):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            if isinstance(after, keras.layers.BatchNormalization):
                gamma, _, _, variance = after.get_weights()
                kernel = kernel * gamma / np.sqrt(variance + after.epsilon)
            kernels[layer.name] = np.moveaxis(kernel, -1, 0)
    return kernels


def int8_tensors(file):
    """The file's tensors by shape, which differs for every tensor that is looked up here."""
    details = file.interpreter.get_tensor_details()
    return {tuple(d["shape"]): d for d in details if d["dtype"] == np.int8}


def weights(fast=False):
    kernels, file = folded_kernels(trained(fast)[0]), files(fast)["int8"]
    for name, kernel in kernels.items():
        detail, steps = int8_tensors(file)[kernel.shape], symmetric(kernel)
        q = file.interpreter.get_tensor(detail["index"])
        same = (q == quantize(kernel, steps)).mean()
        scales = detail["quantization_parameters"]["scales"].reshape(steps.shape)
        error = (np.abs(dequantize(q, scales) - kernel) / scales).max()
        print(f"{name}: {same:.2%} of its integers are the formula's, error {error:.4f} steps")
        assert same > 0.999 and error < 0.5001, (name, same, error)

    kernel = kernels["conv3"]
    steps = symmetric(kernel)
    q = quantize(kernel, steps)
    figure, (before, after, zoom) = tutorial.panels(1, 3)
    before.hist(kernel.ravel(), 255, color="tab:blue")
    before.set(title=f"Before: {q.size:,} weights", xlabel="weight", ylabel="count")
    after.hist(q.ravel(), np.arange(-127.5, 128), color="tab:orange")
    after.set(title="After: each channel reaches 127 or -127", xlabel="integer", ylabel="count")
    real = (kernel / steps).ravel()
    zoom.plot(real, real, "-", real, q.ravel(), ".")
    zoom.set(title="Around 0: at most half a step off", xlabel="weight / step", ylabel="integer")
    zoom.set(xlim=(-4, 4), ylim=(-4.5, 4.5))
    return {"weights": figure}


# %%
tutorial.show(weights)

# %% [markdown]
# ## The outputs of layers
# Calibration records the smallest and the largest output of each layer. We repeat this for the last
# layer, the logits, and get the grid that is in the file. Later values outside the range are
# clipped. The file calibrated with a black image has ranges that are too small: its logits are
# clipped, and its predictions are about as good as guesses.
#
# The digits on the right are those on which int8 is least certain. Where its prediction differs
# from Keras's, the title is red; Keras was not certain either.


# %%
def activations(fast=False):
    model, (images, _), calibration = trained(fast)
    logits = model.predict_on_batch(calibration)
    ours = affine(logits.min(), logits.max())
    grid = int8_tensors(files(fast)["int8"])[1, 10]["quantization_parameters"]
    theirs = grid["scales"][0], grid["zero_points"][0]
    print("step and zero point of the logits:", *ours, "and in the file:", *theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)

    real = model.predict_on_batch(images)
    figure, axes = tutorial.panels(2, 5, size=(2.4, 2.4))
    place = axes[0, 0].get_gridspec()
    for axis in axes[:, :2].ravel():
        axis.remove()
    left = figure.add_subplot(place[:, :2])
    for name in ("black", "int8"):
        logits = files(fast)[name].predict(images)
        same = logits.argmax(-1) == real.argmax(-1)
        label = f"{name}: {same.mean():.1%} agree"
        left.plot(real.ravel(), logits.ravel(), ".", markersize=3, label=label)
    left.set(title="Logits of the test images", xlabel="Keras", ylabel="int8 file")
    left.legend(markerscale=4)
    lead = np.diff(np.sort(logits)[:, -2:])[:, 0]  # over the second largest logit
    least_sure = np.argsort(np.where(same, lead, -1))[:6]
    for axis, i in zip(axes[:, 2:].ravel(), least_sure, strict=True):
        axis.imshow(images[i, ..., 0], cmap="gray")
        title = f"Keras {real[i].argmax()}, int8 {logits[i].argmax()}"
        axis.set_title(title, color="black" if same[i] else "tab:red")
        axis.axis("off")
    return {"disagreement": figure}


# %%
tutorial.show(activations)

# %% [markdown]
# ## Accuracy, size and time
# First the weights alone, rounded by the formula with 2 to 8 bits. Then the files: their size, and
# the time of one image. `predict` is made for datasets and sets up a loop over batches, which for
# one image takes far longer than the arithmetic.


# %%
def rounded(kernel, bits):
    kernel = np.moveaxis(kernel, -1, 0)
    steps = symmetric(kernel, bits)
    return np.moveaxis(dequantize(quantize(kernel, steps, bits=bits), steps), 0, -1)


def accuracy_by_bits(model, images, labels):
    before, accuracies = model.get_weights(), {}
    for bits in range(2, 9):
        model.set_weights([w if w.ndim == 1 else rounded(w, bits) for w in before])
        accuracies[bits] = float((model.predict_on_batch(images).argmax(-1) == labels).mean())
    model.set_weights(before)
    return accuracies


def milliseconds(call, image):
    times = timeit.repeat(lambda: call(image), number=1, repeat=16)
    return 1000 * np.median(times[1:])  # the first call traces


def costs(fast=False):
    model, (images, labels), _ = trained(fast)
    by_bits = accuracy_by_bits(model, images, labels)
    one = images[:1]
    slow = milliseconds(lambda x: model.predict(x, verbose=0), one)
    batch = milliseconds(model.predict_on_batch, one)
    print(f"Keras: {4 * model.count_params():,} bytes of weights")
    print(f"Keras: predict {slow:.3f} ms, predict_on_batch {batch:.3f} ms")
    print(f"{'':8}{'accuracy':>9}{'agreement':>10}{'error':>9}{'bytes':>9}{'zipped':>8}{'ms':>7}")
    right, times = {}, {}
    for name, file in files(fast).items():
        parity = export.verify(model, file, images)
        right[name] = float((file.predict(images).argmax(-1) == labels).mean())
        times[name] = milliseconds(file.predict, one)
        print(
            f"{name:8}{right[name]:9.1%}{parity.agreement:10.2%}{parity.largest_error:9.1e}"
            f"{file.size:9,}{file.zipped_size:8,}{times[name]:7.3f}"
        )
        assert name != "float" or parity.largest_error < 1e-5, parity
    int8 = files(fast)["int8"]
    print(f"the interpreter alone, int8: {export.benchmark(int8, seconds=0.2)}")
    assert int8.size < 0.4 * files(fast)["float"].size
    assert slow > 20 * max(times.values()), (slow, times)
    if not fast:
        assert right["int8"] >= right["float"] - 0.005, right

    figure, (left, middle) = tutorial.panels(1, 2, size=(5.5, 3.6))
    names = [name for name in files(fast) if name != "black"]
    labels = [f"{name}\naccuracy {right[name]:.1%}" for name in names]
    left.barh(labels, [files(fast)[name].size / 1000 for name in names], label="file")
    left.barh(labels, [files(fast)[name].zipped_size / 1000 for name in names], 0.4, label="zipped")
    left.set(title="The same network in four files", xlabel="kilobytes")
    left.invert_yaxis()
    left.legend(loc="lower right")
    middle.plot(by_bits.keys(), 100 * np.array([*by_bits.values()]), "o-", label="rounded weights")
    middle.axhline(100 * right["float"], color="gray", linestyle="--", label="32 bits")
    middle.set(title="Weights rounded to few bits", xlabel="bits", ylabel="accuracy, %")
    middle.legend()
    return {"costs": figure}


# %%
tutorial.show(costs)


# %%
def main(fast=False, out=pathlib.Path("out/01_to_the_phone")):
    tutorial.run(weights, activations, costs, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Give a whole kernel one step instead of one for each channel. How many bits does it need now?
# 2. Batch normalization need not be folded into the kernel before rounding: the integers are the
#    same. Why?
# 3. How many bytes of the int8 file are not weights? What would the ratio to the float file be for
#    a million weights?

# %%
if __name__ == "__main__":
    main()
