# %% [markdown]
# # Surviving failure: a killed training that ends like an undisturbed one
#
# **Claim.** A training process that is killed twice, at arbitrary moments, and started again each
# time, ends with the same weights as an undisturbed one, bit for bit, and with the same losses. One
# that saves only its weights continues, too, but ends with different weights. A damaged checkpoint
# is detected, and the one before it is used. When a loss becomes NaN, training stops at once and
# reports the step and the first number that became invalid.
#
# **The idea.** A training step is a function of a state. From the whole state, all following steps
# can be repeated:
#
# $$s_{t+1} = f(s_t, \text{batch}_t) \qquad
# s = (\text{weights}, \text{state of the optimizer}, \text{random seeds}, t)$$
#
# The batch must be a function, too: of the seed and of $t$, but not of earlier reads. And
# the state on the disk must be complete at every moment, because a kill may come at any time. So it
# is written to a temporary file, which is then renamed. The operating system renames either
# completely or not at all.
#
# Run it: `python tutorials/7_scale/04_surviving_failure.py` (25 seconds).
# You will see processes that are killed and continue, and how far a training diverges if only a
# part of the state is saved.

# %%
import os
import pathlib
import shutil
import subprocess
import sys
import time

import keras
import numpy as np

import kerasdl
from kerasdl import callbacks
from kerasdl.training import checkpoint
from kerasdl.utils import tutorial

ALL, WEIGHTS = "all of the state", "only the weights"

# %% [markdown]
# ## The whole state
# Adam keeps two averages for each weight, and the number of its steps. Dropout draws its noise from
# a seed that changes with each step. All of these are variables. The position in the data is not a
# variable: the library's pipelines compute the order and the augmentation of epoch *e* from the
# seed and *e*, and `order_callback` sets the epoch.


# %%
def network(shape):
    layers = [keras.layers.Flatten(), keras.layers.Dense(128, "relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.optimizer.build(model.trainable_variables)  # its state exists before the first step
    return model


def state(model, keep):
    noisy = [layer for layer in model.layers if hasattr(layer, "seed_generator")]
    more = [layer.seed_generator.state for layer in noisy] + model.optimizer.variables
    return model.weights + (more if keep == ALL else [])


# %% [markdown]
# ## Complete at every moment
# If `np.savez` overwrote the old file and the process was killed halfway, neither the old nor the
# new state would be left. So it writes to another file. A kill then leaves the old file, and half
# of a new one that is never read.


# %%
def write(file, values, losses):
    partial = file.with_suffix(".partial")
    with partial.open("wb") as opened:
        np.savez(opened, *values, losses=losses)
        opened.flush()
        os.fsync(opened.fileno())  # wait until it is on the disk
    os.replace(partial, file)


class Save(keras.callbacks.Callback):
    """Save after every epoch, and print the epoch for the process that waits to kill this one."""

    def __init__(self, file, keep):
        super().__init__()
        self.file, self.keep, self.losses = file, keep, []

    def restore(self, model):
        if self.file.exists():
            with np.load(self.file) as saved:
                for number, variable in enumerate(state(model, self.keep)):
                    variable.assign(saved[f"arr_{number}"])
                self.losses = saved["losses"].tolist()
        return len(self.losses)

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(logs["loss"])
        write(self.file, [np.asarray(v) for v in state(self.model, self.keep)], self.losses)
        print(epoch + 1, flush=True)


def train(file, keep, epochs):
    """The program of a process: the first one, and those that continue."""
    kerasdl.set_seed(0, deterministic=True)  # parallel sums in a fixed order, too
    data = kerasdl.data.load("digits", augment="light")
    model, save = network(data.info.shape), Save(file, keep)
    begin = save.restore(model)
    hooks = [data.order_callback() if keep == ALL else keras.callbacks.Callback(), save]
    options = {"callbacks": hooks, "shuffle": False, "verbose": 0}
    model.fit(data.train, initial_epoch=begin, epochs=epochs, **options)


# %% [markdown]
# ## A real kill
# Another process sends SIGKILL, which a program cannot catch: it ends without any cleanup. The
# killed training is started again until it has finished. A third one starts from the state at the
# first kill, but restores only the weights.


# %%
def started(file, keep, epochs):
    command = [sys.executable, __file__, str(file), keep, str(epochs)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, **pipes)


def kill_after(epoch, file, epochs):
    process = started(file, ALL, epochs)
    while process.stdout.readline().strip() != str(epoch):
        assert process.poll() is None, "training ended by itself"
    time.sleep(0.01 * (epoch % 5))  # somewhere in the next epoch
    process.kill()
    process.communicate()
    print(f"killed after epoch {epoch}: exit status {process.returncode}")


def result(process, file):
    """The weights and the losses, once the process has finished."""
    process.communicate()
    with np.load(file) as saved:
        weights = [saved[f"arr_{i}"] for i in range(4)]
        return np.concatenate([w.ravel() for w in weights]), saved["losses"].tolist()


def killed(fast=False):
    folder, (epochs, kills) = tutorial.scratch(), (4, (2,)) if fast else (24, (7, 15))
    files = {name: folder / f"{name}.npz" for name in ("undisturbed", "killed", "first")}
    undisturbed = started(files["undisturbed"], ALL, epochs)
    for epoch in kills:
        kill_after(epoch, files["killed"], epochs)
        if epoch == kills[0]:
            shutil.copy(files["killed"], files["first"])
    again = {f"killed, saved {ALL}": (started(files["killed"], ALL, epochs), files["killed"])}
    if not fast:
        last = started(files["first"], WEIGHTS, epochs)
        again[f"killed, saved {WEIGHTS}"] = last, files["first"]
    runs = {"undisturbed": result(undisturbed, files["undisturbed"])}
    runs |= {name: result(*each) for name, each in again.items()}

    whole, losses = runs["undisturbed"]
    differences = {name: float(abs(runs[name][0] - whole).max()) for name in again}
    print("largest difference of a weight from the undisturbed one's:", differences)
    name = f"killed, saved {ALL}"
    assert len(losses) == epochs and differences[name] == 0 and runs[name][1] == losses
    if not fast:
        assert differences[f"killed, saved {WEIGHTS}"] > 0.01, differences

    figure, (left, right) = tutorial.panels(1, 2, size=(6, 4))
    for (name, (_, values)), width in zip(runs.items(), (6, 1.5, 1.5), strict=False):
        left.plot(range(1, len(values) + 1), values, linewidth=width, label=name)
    for epoch in kills:
        left.axvline(epoch, color="tab:red", linestyle=":", label=f"killed after epoch {epoch}")
    left.set(title="Training loss", xlabel="epoch", ylabel="loss", yscale="log")
    left.legend()
    bars = right.bar([*differences], [*differences.values()], width=0.5, color="tab:green")
    right.bar_label(bars, [f"{d:.3g}" if d else "0" for d in differences.values()])
    right.set(title="Difference from the undisturbed training", ylabel="largest, of a weight")
    right.margins(y=0.12)
    return {"killed": figure}


# %%
tutorial.show(killed)

# %% [markdown]
# ## A damaged file
# A disk may damage a file later. Zip archives, such as `.npz` and `.keras` files, contain a
# checksum of each part. The library keeps the newest checkpoint and the one before, and reads the
# newest undamaged one.


# %%
def damaged_file(fast=False):
    folder, model, x = tutorial.scratch(), network((4,)), np.ones((8, 4))
    save = checkpoint.Checkpoint(folder, seconds=0)
    model.fit(x, np.zeros(8), epochs=3, callbacks=[save], verbose=0)
    content = bytearray(save.file.read_bytes())
    content[len(content) // 3] ^= 1  # flip one bit
    save.file.write_bytes(content)
    again = checkpoint.Checkpoint(folder)
    again.restore(model)
    print(f"the checkpoint of epoch 3 is damaged: that of epoch {again.epoch} is restored")
    assert again.epoch == 2


# %%
tutorial.show(damaged_file)

# %% [markdown]
# ## NaN
# Once the loss is NaN, the next step makes all weights NaN. A common cause is the formula
# $-\sum y \log p$: when a probability is too small for a float it becomes 0, and the formula
# computes $0 \cdot \log 0$. The library's callback stops training, repeats the steps from a copy of
# the state, and looks at every layer for the first invalid number. A loss that takes logits never
# computes $\log 0$.


# %%
def of_probabilities(labels, logits):
    p = keras.ops.softmax(logits)
    return -keras.ops.sum(keras.ops.one_hot(labels[:, 0], 10) * keras.ops.log(p), axis=-1)


def error_of(loss):
    """What stops the training, or None."""
    kerasdl.set_seed(0)
    data = kerasdl.data.load("digits")
    train = data.train.map(lambda x, y: (300 * x, y[:, None]))  # pixels that nobody scaled
    model = network(data.info.shape)
    model.compile("adam", loss)
    watch = callbacks.NonFinite(lambda epoch, step: train.skip(step))
    try:
        model.fit(train, shuffle=False, verbose=0, callbacks=[watch])
    except callbacks.NonFiniteLoss as error:
        return error
    return None


def not_a_number(fast=False):
    error = error_of(of_probabilities)
    print(error)
    assert "step 1 of epoch 1" in error.place and error.origin.startswith("the loss, of"), error
    assert error_of(keras.losses.SparseCategoricalCrossentropy(from_logits=True)) is None


# %%
tutorial.show(not_a_number)


# %%
def main(fast=False, out=pathlib.Path("out/04_surviving_failure")):
    tutorial.run(killed, damaged_file, not_a_number, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Save the state of the optimizer, too, but not the seeds. How large is the difference now?
# 2. Run `kerasdl train simple_cnn --deterministic --save-seconds 0`, kill it in the middle of an
#    epoch, resume it, and compare `history.csv` with an undisturbed run's. Then stop a run by
#    pressing Ctrl-C once, and twice.
# 3. Run `kerasdl train mlp --learning-rate 1e13 --on-nan lower`. What does it print? Does it help?

# %%
if __name__ == "__main__":
    if len(sys.argv) == 4:
        train(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    else:
        main()
