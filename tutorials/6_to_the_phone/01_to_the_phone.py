# %% [markdown]
# # To the phone: a network as a file of small integers
#
# **Claim.** A LiteRT file says what Keras says, to 1e-5. With 8-bit integers inside it has at most
# 0.4 of the bytes and loses at most half a point of accuracy; its integers are those of a formula
# of one line. One call of it is at least 20 times faster than `model.predict`.
#
# **The idea.** Lay a grid of 256 points over the numbers; note only which point each is next to.
# The step *s* and the integer *z* that stands for 0 come from the weights themselves and, for what
# flows between the layers, from a few examples.
#
# $$q = \mathrm{clip}(\mathrm{round}(x / s) + z) \qquad x \approx s\,(q - z) \qquad
# s = \frac{\max - \min}{255} \qquad z = -128 - \mathrm{round}(\min / s)$$
#
# The notes' answers: a model too large is quantised or pruned; too slow, distilled or exported, as
# here; training short of memory recomputes activations; a server in a hurry takes TensorRT.
#
# Run it: `python tutorials/6_to_the_phone/01_to_the_phone.py` (15 seconds).
# You will see weights before and after,
# what each file costs, how few bits suffice, and where an integer network reads another digit.

# %%
import pathlib
import timeit

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import export
from kerasdl.formulas.quantization import affine, dequantize, quantize, symmetric

METHODS = {"float": None, "float16": "float16", "dynamic": "dynamic", "int8": "int8"}
METHODS["blind"] = "int8"  # calibrated with a black image

# %% [markdown]
# ## A network to send
# Taught before: three convolutions, each with batch normalization, and two dense layers.


# %%
def train(epochs):
    data = kerasdl.data.load("digits", augment="light")
    model = kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=data.info.shape)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * int(data.train.cardinality()))
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.02), loss)
    one_hot = data.train.map(lambda image, label: (image, tf.one_hot(label, 10)))
    model.fit(one_hot, epochs=epochs, shuffle=False, verbose=0)
    return model, data


def arrays(dataset):
    return (np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True))


# %% [markdown]
# ## The weights
# At inference batch normalization is a factor and a summand for each channel. The converter folds
# the factor into the convolution before it, $W_c\, \gamma_c / \sqrt{\sigma_c^2 + \epsilon}$, and
# gives each output channel a step of its own, $s_c = \max|W_c| / 127$, with $z = 0$.


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
    """By shape, which differs for every tensor that is looked up here."""
    details = file.interpreter.get_tensor_details()
    return {tuple(d["shape"]): d for d in details if d["dtype"] == np.int8}


def compare_weights(model, file):
    """Each layer: the share of integers that are the formula's, the largest error in steps."""
    rows = {}
    for name, kernel in folded_kernels(model).items():
        detail, ours = int8_tensors(file)[kernel.shape], symmetric(kernel)
        q = file.interpreter.get_tensor(detail["index"])
        scales = detail["quantization_parameters"]["scales"].reshape(ours.shape)
        same = (q == quantize(kernel, ours)).mean()
        rows[name] = same, (np.abs(dequantize(q, scales) - kernel) / scales).max()
    return rows


# %% [markdown]
# ## What flows between the layers
# Nobody knows the range of a layer's outputs before images have passed, so calibration runs a few
# and remembers the smallest and the largest value. Here that is repeated for the logits. What is
# outside later is cut off: a file calibrated with a black image has never seen a stroke.


# %%
def compare_ranges(model, file, calibration):
    """The grid of the logits: the formula's, from the images; and the file's."""
    logits = model.predict_on_batch(calibration)
    theirs = int8_tensors(file)[1, logits.shape[-1]]["quantization_parameters"]
    return affine(logits.min(), logits.max()), (theirs["scales"][0], theirs["zero_points"][0])


# %% [markdown]
# ## What it costs
# First the formula with fewer bits, on the weights alone. Then files: bytes, and the time of one
# image, for which `predict` sets up a loop over batches that costs far more than the arithmetic.


# %%
def on_grid(weights, bits):
    kernel = np.moveaxis(weights, -1, 0)
    scales = symmetric(kernel, bits)
    return np.moveaxis(dequantize(quantize(kernel, scales, bits=bits), scales), 0, -1)


def accuracy_by_bits(model, images, labels, widths):
    before, accuracies = model.get_weights(), {}
    for bits in widths:
        model.set_weights([w if w.ndim == 1 else on_grid(w, bits) for w in before])
        accuracies[bits] = (model.predict_on_batch(images).argmax(-1) == labels).mean()
    model.set_weights(before)
    return accuracies


def milliseconds(call, image):
    times = timeit.repeat(lambda: call(image), number=1, repeat=16)
    return 1000 * np.median(times[1:])  # the first call traces


def table(model, files, images, labels):
    """Accuracy, agreement with Keras, largest error, bytes, zipped bytes, milliseconds a call."""
    one, right = images[:1], (model.predict_on_batch(images).argmax(-1) == labels).mean()
    calls = {"predict": lambda x: model.predict(x, verbose=0), "on_batch": model.predict_on_batch}
    facts = right, 1.0, 0.0, 4 * model.count_params(), None
    rows = {f"Keras {name}": (*facts, milliseconds(call, one)) for name, call in calls.items()}
    for name, file in files.items():
        parity = export.verify(model, file, images)
        right = (file.predict(images).argmax(-1) == labels).mean()
        cost = file.size, file.zipped_size, milliseconds(file.predict, one)
        rows[name] = right, parity.agreement, parity.largest_error, *cost
    return rows


# %% [markdown]
# ## The pictures


# %%
def draw_weights(kernel):
    real, q = (kernel / symmetric(kernel)).ravel(), quantize(kernel, symmetric(kernel)).ravel()
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    axes[0].hist(kernel.ravel(), 255, color="tab:blue")
    axes[0].set(title=f"Before: {q.size:,} weights", xlabel="weight", ylabel="how many")
    axes[1].hist(q, np.arange(-127.5, 128), color="tab:orange")
    axes[1].set(title="After: each channel reaches 127 or -127", xlabel="integer")
    axes[2].plot(real, real, "-", real, q, ".")
    axes[2].set(title="Around zero: at most half a step away", xlabel="weight / step")
    axes[2].set(xlim=(-4, 4), ylim=(-4.5, 4.5))
    return figure


def draw_costs(rows, files, by_bits):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    labels = [f"{file}\n{rows[file][0]:.1%} right" for file in files]
    left.barh(labels, [rows[file][3] / 1000 for file in files], label="file")
    left.barh(labels, [rows[file][4] / 1000 for file in files], 0.4, label="zipped")
    left.set(title="The same network in kilobytes")
    left.invert_yaxis()
    left.legend(loc="lower right")
    right.plot(by_bits.keys(), 100 * np.array([*by_bits.values()]), "o-")
    right.axhline(100 * rows["float"][0], color="grey", linestyle="--")
    right.set(title="How few bits suffice (dashed: 32)", xlabel="bits a weight", ylabel="right, %")
    return figure


def draw_disagreement(model, files, images):
    """Logits of both int8 files against Keras's, and the digits that int8 is least sure of."""
    real = model.predict_on_batch(images)
    figure, axes = plt.subplot_mosaic("aa012;aa345", figsize=(12, 4.6), layout="constrained")
    for name in ("blind", "int8"):
        logits = files[name].predict(images)
        same = logits.argmax(-1) == real.argmax(-1)
        label = f"{name}: {same.mean():.1%} agree"
        axes["a"].plot(real.ravel(), logits.ravel(), ".", markersize=3, label=label)
    axes["a"].set(title="Logits, cut at the range's end", xlabel="Keras", ylabel="int8")
    axes["a"].legend(markerscale=4)
    lead = np.diff(np.sort(logits)[:, -2:])[:, 0]  # over the next digit
    for place, i in enumerate(np.argsort(np.where(same, lead, -1))[:6]):
        title = f"Keras {real[i].argmax()}, int8 {logits[i].argmax()}"
        axes[str(place)].set_title(title, color="black" if same[i] else "tab:red")
        axes[str(place)].imshow(images[i, ..., 0], cmap="gray")
        axes[str(place)].axis("off")
    return figure


def main(fast=False, out=pathlib.Path("out/01_to_the_phone")):
    kerasdl.set_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    model, data = train(epochs=1 if fast else 30)
    images, labels = arrays(data.test)
    calibration, _ = arrays(data.validation)  # what the phone will see, and no augmentation
    examples = {"int8": calibration, "blind": np.zeros_like(calibration[:1])}
    files = {}
    for name in ("float", "int8", "blind") if fast else METHODS:
        options = {"quantize": METHODS[name], "calibration": examples.get(name)}
        files[name] = export.to_litert(model, out / f"{name}.tflite", short_scales=False, **options)
    weights = compare_weights(model, files["int8"])
    ours, theirs = compare_ranges(model, files["int8"], calibration)
    by_bits = accuracy_by_bits(model, images, labels, range(2, 9))
    rows = table(model, files, images, labels)
    draw_weights(folded_kernels(model)["conv3"]).savefig(out / "weights.png", dpi=120)
    draw_costs(rows, files, by_bits).savefig(out / "costs.png", dpi=120)
    draw_disagreement(model, files, images).savefig(out / "disagreement.png", dpi=120)
    plt.close("all")
    for name, (same, error) in weights.items():
        print(f"{name}: {same:.2%} of its integers are the formula's, error {error:.4f} steps")
    print("step and zero point of the logits: ours", *ours, "and the file's", *theirs)
    print(f"{'':14}{'right':>7}{'agree':>8}{'error':>9}{'bytes':>9}{'zipped':>9}{'ms':>9}")
    for name, (right, agree, error, size, zipped, ms) in rows.items():
        print(f"{name:14}{right:7.1%}{agree:8.2%}{error:9.1e}{size:9,}{zipped or '':>9}{ms:9.3f}")
    print(f"inside the interpreter, int8: {export.benchmark(files['int8'], seconds=0.2)}")

    # the claim
    assert rows["float"][2] < 1e-5, rows
    assert all(same > 0.999 and error < 0.5001 for same, error in weights.values()), weights
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert files["int8"].size < 0.4 * files["float"].size
    assert rows["Keras predict"][-1] > 20 * max(rows[name][-1] for name in files), rows
    assert fast or rows["int8"][0] >= rows["float"][0] - 0.005, rows


# %% [markdown]
# ## Exercises
# 1. Give a whole kernel one step instead of one a channel. How many bits does it need now?
# 2. Fold the batch normalization, or do not: why are the integers the same?
# 3. How many bytes of the int8 file are not weights? What would the ratio be for a million weights?

# %%
if __name__ == "__main__":
    main()
