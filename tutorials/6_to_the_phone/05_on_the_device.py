# %% [markdown]
# # On the device: one classifier, from training to the phone
#
# **Claim.** From one trained network, a search makes files by every method and chooses the smallest
# that loses at most one point of accuracy: zipped, it is smaller than a third of the float file. A
# file contains its class names, has floats as input and output, one image at a time, and uses only
# operators that every LiteRT interpreter has. One call takes less than a tenth of the time of
# `model.predict`. A program that runs the file does not need TensorFlow: it starts in less than a
# third of the time and uses less than a third of the memory.
#
# **The idea.** How do you fit a network into a phone? It depends on the problem:
#
# | problem | try first | where |
# |---|---|---|
# | the model is too large | quantization, pruning | the tutorials on these, and here |
# | inference is too slow | distillation, export to LiteRT | the tutorial on it, and here |
# | training runs out of memory | recompute activations (`keras.RematScope`) | - |
# | a server must answer at once | a compiler for its GPU, such as TensorRT | - |
#
# A file of $n_i$ weights with $b_i$ bits each has about
#
# $$\sum_i n_i b_i / 8$$
#
# bytes, and fewer after zip. Which method is best? Each gives a point in a plot of accuracy against
# size, and you choose among the points.
#
# Run it: `python tutorials/6_to_the_phone/05_on_the_device.py` (45 seconds).
# You will see accuracy against size of eight files, the time of one call, and what a program must
# load to run the file. To draw digits in the browser afterwards, run `kerasdl train se_resnet_tiny`
# and `kerasdl demo`.

# %%
import functools
import json
import pathlib
import subprocess
import sys
import timeit
import zipfile

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import compression, export
from kerasdl.utils import tutorial

MAX_DROP = 0.01

# %% [markdown]
# ## Many files, one answer
# `compression.search` makes a file by each method, measures accuracy, size and time, and chooses
# the smallest file that loses at most `max_drop` of the float file's accuracy:
# - float, float16, dynamic, int8, int4: quantized after training
# - prune: 80 % zeros, in floats
# - qat: trained with the integers of the later file
# - pcqat: pruned, clustered and trained with integers


# %%
@functools.cache
def digits():
    return kerasdl.data.load("digits", validation=0)


@functools.cache
def folder(fast):
    return tutorial.scratch()


@functools.cache
def trained(fast):
    kerasdl.set_seed(0)
    train, epochs = digits().train, 1 if fast else 25
    shape = digits().info.shape
    model = kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=shape)
    steps = epochs * int(train.cardinality())
    learning_rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss)
    model.fit(train, epochs=epochs, shuffle=False, verbose=0)
    model.save(folder(fast) / "model.keras")
    return model


@functools.cache
def found(fast):
    methods = "float", "float16", "dynamic", "int8", "int4", "prune", "qat", "pcqat"
    return compression.search(
        trained(fast),
        digits(),
        MAX_DROP,
        methods=methods[:4:3] if fast else methods,
        epochs=1 if fast else 12,
        folder=folder(fast),
        file_options={"labels": digits().info.classes, "input_range": (0.0, 1.0)},
    )


def choose_a_method(fast=False):
    result = found(fast)
    print(f"{'':9}{'right':>8}{'zeros':>7}{'kB':>8}{'zipped':>8}{'smaller':>9}{'ms':>8}")
    for row in result.rows():
        print(
            f"{row['method']:9}{row['accuracy']:8.1%}{row['zeros']:7.0%}{row['kB']:8.1f}"
            f"{row['zip_kB']:8.1f}{row['smaller']:8.1f}x{row['ms']:8.4f}"
            f"{' <- chosen' if row['best'] else ''}"
        )
    if not fast:
        plain = result.reports[0]
        assert result.best.zipped_size < plain.zipped_size / 3, result.rows()
        assert result.best.accuracy >= plain.accuracy - MAX_DROP
    figure = result.figure()
    figure.axes[0].set_ylabel("accuracy")
    return {"trade": figure}


# %%
tutorial.show(choose_a_method)

# %% [markdown]
# ## What an app needs from a file
# - One image at a time: a batch of 1.
# - Floats as input and output, whatever is inside the file.
# - Only built-in operators. Others need a library of many megabytes in the app.
# - The meaning of the outputs: the class names are in a zip archive at the end of the file. `unzip
#   -l` lists it, and an interpreter ignores it.


# %%
def check_the_files(fast=False):
    for row in found(fast).rows():
        file = export.LiteRTModel(folder(fast) / f"{row['method']}.tflite")
        ((shape, kind),) = file.inputs.values()
        ((_, given),) = file.outputs.values()
        assert shape == (1, 8, 8, 1) and kind == given == np.float32, (file.inputs, file.outputs)
        assert not any("custom" in name or "FLEX" in name.upper() for name in file.operators)
        with zipfile.ZipFile(file.path) as archive:
            labels = archive.read("labels.txt").decode().splitlines()
        assert labels == list("0123456789") == list(file.labels)
    best = export.LiteRTModel(found(fast).best.file)
    print(f"operators of the chosen file: {best.operators}")


# %%
tutorial.show(check_the_files)

# %% [markdown]
# ## How long a call takes
# `predict` is made for datasets: for one image it sets up a loop over batches. `predict_on_batch`
# avoids the loop, a `tf.function` avoids Keras, and a file avoids TensorFlow. The file's own
# `predict` is mostly Python, so the interpreter's time is also measured alone; it is the time in an
# app in C++. More threads help large layers. For small ones, two threads spend more time waiting
# for each other than computing.
#
# ## What a program has to load
# Two programs, one with the file and one with the Keras model, run in a fresh process each. We
# measure the seconds until the first output, and the memory.


# %%
def milliseconds(call):
    times = timeit.repeat(call, number=1, repeat=30)[5:]  # the first calls trace
    return 1000 * float(np.median(times))


def latencies(fast):
    model, image = trained(fast), next(iter(digits().test))[0][:1].numpy()
    function = tf.function(lambda x: model(x, training=False))
    tensor, best = tf.constant(image), found(fast).best
    times = {
        "Keras predict": milliseconds(lambda: model.predict(image, verbose=0)),
        "predict_on_batch": milliseconds(lambda: model.predict_on_batch(image)),
        "tf.function": milliseconds(lambda: function(tensor).numpy()),
    }
    files = {"float": folder(fast) / "float.tflite", best.method: best.file}
    for name, path in files.items():
        file = export.LiteRTModel(path)
        times[f"LiteRT {name}, predict"] = milliseconds(lambda file=file: file.predict(image))
        for threads in (1,) if fast else (1, 2):
            label = f"LiteRT {name}, {threads} thread{'s' * (threads > 1)}"
            median = export.benchmark(path, threads=threads, seconds=0.3).median
            times[label] = round(float(median), 4)
    return times


MEASURE = """
import json, pathlib, resource, sys, time
start = time.perf_counter()
import numpy as np
{code}
seconds, status = time.perf_counter() - start, pathlib.Path("/proc/self/status")
if status.exists():  # Linux's `ru_maxrss` may be that of the process that started this one
    size = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
else:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
print(json.dumps([seconds, size, "tensorflow" in sys.modules]))
"""
IMAGE = 'np.zeros((1, 8, 8, 1), "float32")'
LITERT = f"""from kerasdl.export import LiteRTModel
LiteRTModel({{!r}}).predict({IMAGE})"""
KERAS = f"""import keras, kerasdl.models.vision.simple_cnn
keras.saving.load_model({{!r}}, compile=False).predict_on_batch({IMAGE})"""


def in_a_fresh_process(code, path):
    """Seconds, megabytes, and whether TensorFlow was loaded."""
    script = MEASURE.format(code=code.format(str(path)))
    answer = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    return json.loads(answer.stdout.splitlines()[-1])


def time_and_memory(fast=False):
    times = latencies(fast)
    print("milliseconds:", {name: round(value, 4) for name, value in times.items()})
    needs = {
        "LiteRT": in_a_fresh_process(LITERT, found(fast).best.file),
        "Keras": in_a_fresh_process(KERAS, folder(fast) / "model.keras"),
    }
    print("seconds, megabytes, TensorFlow loaded:", needs)
    assert not needs["LiteRT"][2] and needs["Keras"][2], needs
    for lite, whole in zip(needs["LiteRT"][:2], needs["Keras"][:2], strict=True):
        assert lite < whole / 3, needs
    slowest = max(times[name] for name in times if "LiteRT" in name)
    assert slowest < times["Keras predict"] / 10, times

    figure, axes = tutorial.panels(1, 3, size=(4.7, 3.8), width_ratios=(2, 1, 1))
    bars = axes[0].barh([*times], [*times.values()])
    axes[0].bar_label(bars, fmt="{:.3g}", padding=3)
    axes[0].set(title="Time of one image", xlabel="milliseconds", xscale="log")
    axes[0].set(xlim=(min(times.values()) / 2, 4 * max(times.values())))
    axes[0].invert_yaxis()
    titles = {"Until the first answer": "seconds", "Memory": "megabytes"}
    for column, (axis, (title, unit)) in enumerate(zip(axes[1:], titles.items(), strict=True)):
        bars = axis.bar([*needs], [need[column] for need in needs.values()], color="tab:orange")
        axis.bar_label(bars, fmt="{:.3g}")
        axis.set(title=title, ylabel=unit)
        axis.margins(y=0.12)
    return {"costs": figure}


# %%
tutorial.show(time_and_memory)


# %%
def main(fast=False, out=pathlib.Path("out/05_on_the_device")):
    tutorial.run(choose_a_method, check_the_files, time_and_memory, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Search again with `max_drop=0.02`. Which method is chosen now, and how much smaller is the
#    file?
# 2. Export with `activation="softmax"`. Which operator is added, and how long does a call take?
# 3. Compress a distilled student of the tutorial on distillation. Do the factors multiply?

# %%
if __name__ == "__main__":
    main()
