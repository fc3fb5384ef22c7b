# %% [markdown]
# # On the device: the whole way of one classifier
#
# **Claim.** From one trained network a search makes files by every method and takes the smallest
# that loses at most a point: it zips to less than a third of the float file. A file knows its
# classes, takes and gives floats, one image at a time, and uses operators that every LiteRT
# interpreter has. One call takes less than a tenth of the time of `model.predict`, and a program
# that runs it needs no TensorFlow, and not a third of the time to start nor of the memory.
#
# **The idea.** "How would you reduce model size for a phone?" the notes ask. Their answers:
# quantise it, prune it, distil it. Which one, by how much? And what else may be the trouble?
#
# | the trouble | first try | where |
# |---|---|---|
# | the model is too large | quantise, prune | 02 and 03 here |
# | inference is too slow | distil, export (ONNX there, LiteRT here) | 04 and this one |
# | training lacks memory | recompute activations (`keras.RematScope`) | - |
# | a server must answer at once | TensorRT, on its graphics card | - |
#
# What a file costs is bytes to download, $\sum_i n_i b_i / 8$ for $n_i$ weights of $b_i$ bits less
# what zip saves, and time. The answer is a point: size on one axis, accuracy on the other.
#
# Run it: `python tutorials/6_to_the_phone/05_on_the_device.py` (45 seconds).
# You will see the trade, latencies,
# and what a program must load to run the file. Then draw digits in the browser: `kerasdl train
# se_resnet_tiny`, `kerasdl demo`.

# %%
import json
import pathlib
import subprocess
import sys
import timeit
import zipfile

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import compression, export

METHODS = "float", "float16", "dynamic", "int8", "int4", "prune", "qat", "pcqat"
MAX_DROP = 0.01

# %% [markdown]
# ## A network


# %%
def train(data, epochs):
    model = kerasdl.create_model("simple_cnn_tiny", num_classes=10, input_shape=data.info.shape)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * int(data.train.cardinality()))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(data.train, epochs=epochs, shuffle=False, verbose=0)
    return model


# %% [markdown]
# ## What a phone needs
# One image at a time: a batch of 1. Floats in and out, whatever the file is inside. Only built-in
# operators: others need a library of many megabytes in the app. And what the numbers mean: the
# card, a zip archive behind the network, which `unzip -l` lists and an interpreter ignores.


# %%
def check_the_file(file):
    """What an app relies on."""
    ((shape, kind),) = file.inputs.values()
    ((_, given),) = file.outputs.values()
    assert shape == (1, 8, 8, 1) and kind == given == np.float32, (file.inputs, file.outputs)
    assert not any("custom" in name or "FLEX" in name.upper() for name in file.operators)
    with zipfile.ZipFile(file.path) as archive:
        labels = archive.read("labels.txt").decode().splitlines()
    assert labels == list("0123456789") == list(file.labels)


# %% [markdown]
# ## How long a call takes
# `predict` is made for data sets: for one image it sets up a loop over batches. `predict_on_batch`
# does without, a `tf.function` does without Keras, and a file without TensorFlow; its own `predict`
# is mostly Python, so the interpreter's time is measured alone, too. More threads help
# large layers; for small ones, two threads wait for each other longer than they work.


# %%
def milliseconds(call):
    return 1000 * float(np.median(timeit.repeat(call, number=1, repeat=30)[5:]))  # traced by then


def latencies(model, files, image, threads=(1, 2)):
    function = tf.function(lambda x: model(x, training=False))
    tensor = tf.constant(image)
    rows = {
        "Keras predict": milliseconds(lambda: model.predict(image, verbose=0)),
        "predict_on_batch": milliseconds(lambda: model.predict_on_batch(image)),
        "tf.function": milliseconds(lambda: function(tensor).numpy()),
    }
    for name, path in files.items():
        file = export.LiteRTModel(path)
        rows[f"{name}, predict"] = milliseconds(lambda file=file: file.predict(image))
        for count in threads:  # the interpreter alone, as an app in C++ would see it
            label = f"{name}, {count} thread{'s' * (count > 1)}"
            rows[label] = round(float(export.benchmark(path, threads=count, seconds=0.3).median), 4)
    return rows


# %% [markdown]
# ## A program without TensorFlow
# In a fresh process each: seconds and megabytes until the first answer.


# %%
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


# %% [markdown]
# ## The pictures


# %%
def draw_costs(times, needs):
    figure, axes = plt.subplots(
        1, 3, figsize=(14, 3.6), layout="constrained", width_ratios=(2, 1, 1)
    )
    bars = axes[0].barh([*times], [*times.values()])
    axes[0].bar_label(bars, fmt="{:.3g}", padding=3)
    axes[0].set(title="One image, milliseconds", xscale="log")
    axes[0].set(xlim=(min(times.values()) / 2, 3 * max(times.values())))
    axes[0].invert_yaxis()
    for axis, column, title in zip(
        axes[1:], (0, 1), ("Start to first answer, s", "Memory, MB"), strict=True
    ):
        bars = axis.bar([*needs], [need[column] for need in needs.values()], color="tab:orange")
        axis.bar_label(bars, fmt="{:.3g}")
        axis.set(title=title, yticks=[])
        axis.margins(y=0.12)
    return figure


# %%
def main(fast=False, out=pathlib.Path("out/05_on_the_device")):
    out.mkdir(parents=True, exist_ok=True)
    kerasdl.set_seed(0)
    data = kerasdl.data.load("digits", validation=0)
    model = train(data, epochs=1 if fast else 25)
    model.save(out / "model.keras")
    found = compression.search(
        model,
        data,
        MAX_DROP,
        methods=METHODS[:4:3] if fast else METHODS,
        epochs=1 if fast else 12,
        folder=out,
        file_options={"labels": data.info.classes, "input_range": (0.0, 1.0)},
    )
    rows, best = found.rows(), found.best
    for row in rows:
        check_the_file(export.LiteRTModel(out / f"{row['method']}.tflite"))
    image = next(iter(data.test))[0][:1].numpy()
    files = {"LiteRT float": out / "float.tflite", f"LiteRT {best.method}": best.file}
    times = latencies(model, files, image, threads=(1,) if fast else (1, 2))
    needs = {
        "LiteRT": in_a_fresh_process(LITERT, best.file),
        "Keras": in_a_fresh_process(KERAS, out / "model.keras"),
    }
    found.figure().savefig(out / "trade.png", dpi=120)
    draw_costs(times, needs).savefig(out / "costs.png", dpi=120)
    plt.close("all")
    print(f"{'':9}{'right':>8}{'zeros':>7}{'kB':>8}{'zipped':>8}{'smaller':>9}{'ms':>8}")
    for row in rows:
        print(
            f"{row['method']:9}{row['accuracy']:8.1%}{row['zeros']:7.0%}{row['kB']:8.1f}"
            f"{row['zip_kB']:8.1f}{row['smaller']:8.1f}x{row['ms']:8.4f}"
            f"{' <- the answer' if row['best'] else ''}"
        )
    print("milliseconds:", {name: round(value, 4) for name, value in times.items()})
    print("seconds, MB, TensorFlow:", needs)
    print(f"operators of the best: {export.LiteRTModel(best.file).operators}")

    # the claim
    assert not needs["LiteRT"][2] and needs["Keras"][2], needs
    assert all(a < b / 3 for a, b in zip(needs["LiteRT"][:2], needs["Keras"], strict=False)), needs
    assert max(times[name] for name in times if "LiteRT" in name) < times["Keras predict"] / 10, (
        times
    )
    if not fast:
        assert best.zipped_size < found.reports[0].zipped_size / 3, rows
        assert best.accuracy >= found.reports[0].accuracy - MAX_DROP


# %% [markdown]
# ## Exercises
# 1. Search again with `max_drop=0.02`. Which method answers now, and how much smaller is the file?
# 2. Export with `activation="softmax"`. Which operator comes in, and what does a call cost?
# 3. Compress a distilled student of tutorial 04. Do the factors multiply?

# %%
if __name__ == "__main__":
    main()
