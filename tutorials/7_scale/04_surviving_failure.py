# %% [markdown]
# # Surviving failure: a killed training that nobody can tell from an undisturbed one
#
# **Claim.** A training process that is killed twice, at moments it does not choose, and started
# again ends with the same weights as one that nobody disturbed, bit by bit, and with the same
# losses. One that keeps only its weights goes on from there, too, but somewhere else. A spoilt
# checkpoint is recognised, and the one before is used. A loss that becomes NaN stops at once and
# says in which step and what went first.
#
# **The idea.** A step is a function of a state, so who has the state has everything that follows:
#
# $$s_{t+1} = f(s_t, \text{batch}_t) \qquad
# s = (\text{weights}, \text{the optimizer's memory}, \text{random seeds}, t)$$
#
# The batch must be a function, too: of the seed and of $t$, not of what was drawn before. And the
# state on the disk must be whole at every moment, because a kill asks nobody: it is written beside,
# and takes its place by renaming, which the system does as a whole or not at all.
#
# Run it: `python tutorials/7_scale/04_surviving_failure.py` (30 seconds).
# You will see processes die and go
# on, and what is lost if the state is kept in part.

# %%
import os
import pathlib
import shutil
import subprocess
import sys
import time

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasdl
from kerasdl import callbacks
from kerasdl.callbacks import nonfinite
from kerasdl.training import checkpoint

ALL, WEIGHTS = "all of the state", "only the weights"

# %% [markdown]
# ## All of the state
# Adam remembers two averages for each weight and how many steps it took; Dropout's noise comes from
# a seed that moves on. All of them are variables. What is no variable is the place in the data: the
# library's pipelines make the order and the augmentation of epoch *e* from the seed and *e*.


# %%
def network(shape):
    layers = [keras.layers.Flatten(), keras.layers.Dense(128, "relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.optimizer.build(model.trainable_variables)  # its memory exists before the first step
    return model


def state(model, keep):
    noisy = [layer for layer in model.layers if hasattr(layer, "seed_generator")]
    more = [layer.seed_generator.state for layer in noisy] + model.optimizer.variables
    return model.weights + (more if keep == ALL else [])


# %% [markdown]
# ## Whole at every moment
# `np.savez(file)` on the old file itself would leave neither the old nor the new state if it is
# killed in between. Beside it, a kill leaves the old one, and a half of a file that nobody reads.


# %%
def write(file, values, losses):
    partial = file.with_suffix(".partial")
    with partial.open("wb") as opened:
        np.savez(opened, *values, losses=losses)
        opened.flush()
        os.fsync(opened.fileno())  # on the disk, not only on its way
    os.replace(partial, file)


class Keep(keras.callbacks.Callback):
    """Save after every epoch; say so, for those who wait to kill."""

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
    """What a process does, the first as those that go on."""
    kerasdl.set_seed(0, deterministic=True)  # parallel sums in one order, too
    data = kerasdl.data.load("digits", augment="light")
    model, keeper = network(data.info.shape), Keep(file, keep)
    begin = keeper.restore(model)
    hooks = [data.order_callback() if keep == ALL else keras.callbacks.Callback(), keeper]
    options = {"callbacks": hooks, "shuffle": False, "verbose": 0}
    model.fit(data.train, initial_epoch=begin, epochs=epochs, **options)


# %% [markdown]
# ## A real kill
# SIGKILL cannot be caught, so nothing can be put in order before. Another process sends it.


# %%
def started(file, keep, epochs):
    command = [sys.executable, __file__, str(file), keep, str(epochs)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen(command, **pipes)


def killed(file, epochs, kills):
    """Kill after these epochs; what was kept after the first of them stays beside."""
    for epoch in kills:
        process = started(file, ALL, epochs)
        while process.stdout.readline().strip() != str(epoch):
            assert process.poll() is None, "training ended by itself"
        time.sleep(0.01 * (epoch % 5))  # somewhere in the next epoch
        process.kill()
        process.communicate()
        print(f"killed after epoch {epoch}: exit status {process.returncode}")
        if epoch == kills[0]:
            shutil.copy(file, file.with_name("first.npz"))


def result(process, file):
    process.communicate()
    with np.load(file) as saved:
        weights = [saved[f"arr_{i}"] for i in range(4)]
        return np.concatenate([w.ravel() for w in weights]), saved["losses"].tolist()


# %% [markdown]
# ## A spoilt file
# A disk may keep a file and spoil it. zip archives, as `.npz` files are, hold a checksum of each
# part. The library keeps the newest checkpoint and the one before, and reads what is sound.


# %%
def use_the_one_before(out):
    model, x = network((4,)), np.ones((8, 4))
    keeper = checkpoint.Checkpoint(out, seconds=0)
    model.fit(x, np.zeros(8), epochs=3, callbacks=[keeper], verbose=0)
    content = bytearray(keeper.file.read_bytes())
    content[len(content) // 3] ^= 1  # one bit
    keeper.file.write_bytes(content)
    again = checkpoint.Checkpoint(out)
    again.restore(model)
    return again.epoch


# %% [markdown]
# ## NaN
# Once a loss is NaN, all weights are. The formula $-\sum y \log p$ computes $0 \cdot \log 0$ when a
# probability is too small for a float. The library's callback repeats the steps from a copy of the
# state and looks at every layer. A loss of logits never computes $\log 0$.


# %%
def of_probabilities(labels, logits):
    p = keras.ops.softmax(logits)
    return -keras.ops.sum(keras.ops.one_hot(labels[:, 0], 10) * keras.ops.log(p), axis=-1)


def stopped(loss):
    kerasdl.set_seed(0)
    data = kerasdl.data.load("digits")
    train = data.train.map(lambda x, y: (300 * x, y[:, None]))  # pixels that nobody scaled
    model = network(data.info.shape)
    model.compile("adam", loss)
    watch = callbacks.NonFinite(lambda epoch, step: train.skip(step))
    try:
        model.fit(train, shuffle=False, verbose=0, callbacks=[watch])
    except nonfinite.NonFiniteLoss as error:
        return str(error)
    return None


# %%
def draw(runs, kills, differences):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
    for (name, (_, losses)), width in zip(runs.items(), (6, 1.5, 1.5), strict=False):
        left.plot(range(1, len(losses) + 1), losses, linewidth=width, label=name)
    for epoch in kills:
        left.axvline(epoch, color="tab:red", linestyle=":", label=f"killed after epoch {epoch}")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    left.legend()
    bars = right.bar(list(differences), list(differences.values()), width=0.5, color="tab:green")
    right.bar_label(bars, [f"{d:.3g}" if d else "0" for d in differences.values()])
    right.set(title="Largest difference of a weight from the undisturbed one's")
    return figure


def main(fast=False, out=pathlib.Path("out/04_surviving_failure")):
    out.mkdir(parents=True, exist_ok=True)
    for file in out.glob("*.npz"):
        file.unlink()
    epochs, kills = (4, (2,)) if fast else (24, (7, 15))
    undisturbed = started(out / "whole.npz", ALL, epochs)
    killed(out / "killed.npz", epochs, kills)
    processes = {ALL: (started(out / "killed.npz", ALL, epochs), out / "killed.npz")}
    if not fast:
        processes[WEIGHTS] = started(out / "first.npz", WEIGHTS, epochs), out / "first.npz"
    runs = {"undisturbed": result(undisturbed, out / "whole.npz")}
    runs |= {f"killed, kept {keep}": result(*of) for keep, of in processes.items()}
    whole, losses = runs["undisturbed"]
    differences = {n: float(abs(w - whole).max()) for n, (w, _) in runs.items() if w is not whole}
    draw(runs, kills, differences).savefig(out / "killed.png", dpi=120)
    plt.close("all")
    epoch = use_the_one_before(out)
    message = stopped(of_probabilities)
    print(f"of 3 epochs, the last one's checkpoint spoilt, {epoch} are restored", message, sep="\n")
    print("largest differences:", differences)

    # the claim
    name = f"killed, kept {ALL}"
    assert len(losses) == epochs and differences[name] == 0 and runs[name][1] == losses
    assert epoch == 2
    assert (
        "Invalid loss in step 1 of epoch 1" in message and "first not finite: the loss" in message
    )
    assert stopped(keras.losses.SparseCategoricalCrossentropy(from_logits=True)) is None
    if not fast:
        assert differences[f"killed, kept {WEIGHTS}"] > 0.01, differences


# %% [markdown]
# ## Exercises
# 1. Keep the optimizer's memory, too, but not the seeds: how large is the difference now?
# 2. `kerasdl train simple_cnn --deterministic --save-seconds 0`: kill it in the middle of an epoch,
#    and compare `history.csv` with an undisturbed run's. Press Ctrl-C once, and twice.
# 3. `kerasdl train mlp --learning-rate 1e13 --on-nan lower`: what is told? Does it help?

# %%
if __name__ == "__main__":
    if len(sys.argv) == 4:
        train(pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    else:
        main()
