# %% [markdown]
# # Many machines: processes that know each other's addresses
#
# **Claim.** Two processes that are connected only by a network train like one: their weights are
# equal bit for bit, and equal to those of a single process within 1e-5. Each reads half of the
# examples, and every example is read once an epoch. Adding up gradients sends the number of bytes
# that the formula of the ring gives, within a tenth. For few bytes the time does not depend on
# their number; for many, it grows in proportion. So two numbers, latency and bandwidth, predict the
# efficiency of a thousand machines.
#
# **The idea.** Every worker runs the same program, and an environment variable says which worker it
# is. A step takes as long as the slowest worker's part, plus the adding up of gradients, which
# needs 2 (n - 1) messages of S / n bytes for S bytes of gradients:
#
# $$T_n = \max_k t_k + 2 (n - 1) \left( \alpha + \frac{S}{n \beta} \right) \qquad
# \text{efficiency} = \frac{T_1}{T_n}$$
#
# with the latency $\alpha$ of a message and the bandwidth $\beta$.
#
# Run it: `python tutorials/7_scale/02_many_machines.py` (15 seconds).
# It starts two workers on this machine. You will see which examples each worker reads, how long a
# message takes, and to how many machines a network scales. With a recipe, the command is `kerasdl
# launch --workers 2 -- train se_resnet_tiny`; for a cluster, see `examples/cluster/`.

# %%
import functools
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import zlib

import keras
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import distribute
from kerasdl.formulas import data_parallel
from kerasdl.utils import tutorial

BATCH, WORKERS = 64, 2

# %% [markdown]
# ## What a worker does
# A worker runs the program that would run on one machine, with three differences: it makes the
# strategy before anything else, it builds the model in the strategy's scope, and it reads its part
# of the data. The order of the examples in an epoch is a function of the seed and the epoch, so the
# workers agree on it without messages. Usually only worker 0, the chief, writes files. Here every
# worker returns its numbers, so that we can compare them.
#
# (The network has no ReLU. Sums computed in another order differ by rounding errors, and the kink
# of ReLU would enlarge them.)


# %%
def network(shape):
    layers = keras.layers
    convolution = layers.Conv2D(16, 3), layers.BatchNormalization(), layers.Activation("gelu")
    dense = layers.Flatten(), layers.Dense(64, "gelu"), layers.Dense(10)
    return keras.Sequential([keras.Input(shape), *convolution, *dense])


def learn(strategy, epochs):
    part = distribute.share(strategy)  # which examples this worker reads
    splits = kerasdl.data.load("digits", batch_size=BATCH, share=part)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = network(splits.info.shape)
        distribute.synchronize(model)  # batch normalization looks at the whole batch
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    train = distribute.pipeline(splits.train, strategy, splits.info.counts["train"], BATCH)
    callback = splits.order_callback()
    history = model.fit(train, epochs=epochs, callbacks=[callback], shuffle=False, verbose=0)
    weights = np.concatenate([w.ravel() for w in model.get_weights()])
    splits.epoch.assign(-1)  # the first epoch once more, to see what was read
    return {"weights": weights, **history.history, **what_is_read(splits.train)}


def what_is_read(train):
    """For every example of a pipeline: its step, and a number that identifies it."""
    names, steps = [], []
    for step, (images, _) in enumerate(train.as_numpy_iterator()):
        names += [zlib.crc32(image.tobytes()) for image in images]
        steps += [step] * len(images)
    return {"names": np.array(names), "steps": np.array(steps)}


# %% [markdown]
# ## The time of a message
# After training, the workers add up vectors of 40 bytes to 40 megabytes and measure the time. The
# operating system counts the bytes that are really sent.

# %%
SIZES = [4 * 10**k for k in (1, 2, 3, 4, 5, 6, 7)]  # bytes


def messages(strategy, repeats=12):
    """By size of the vector: seconds to add it up, and bytes sent within this machine."""
    seconds, sent = [], []
    for size in SIZES:
        vector = tf.Variable(tf.ones(size // 4))

        @tf.function(autograph=False)
        def reduce(vector=vector):
            def add():
                context = tf.distribute.get_replica_context()
                return tf.reduce_sum(context.all_reduce("SUM", tf.identity(vector))[:1])

            return strategy.run(add)

        reduce()
        times, before = [], loopback()
        for _ in range(repeats):
            begin = time.perf_counter()
            strategy.experimental_local_results(reduce())[0].numpy()
            times.append(time.perf_counter() - begin)
        seconds.append(np.median(times))
        sent.append((loopback() - before) / repeats)
    return {"seconds": np.array(seconds), "sent": np.array(sent)}


def loopback():
    """Bytes sent within this machine since it started, where Linux counts them; else 0."""
    file = pathlib.Path("/proc/net/dev")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[9]) for line in lines if line.strip().startswith("lo:")), 0)


# %% [markdown]
# ## Starting the workers
# A worker needs all addresses and its own position among them. TensorFlow reads both from the
# environment variable `TF_CONFIG`. On a cluster, Kubeflow sets it; under Slurm, TensorFlow gets
# them from Slurm. Here we set the variable ourselves, with two ports of this machine. All workers
# start at once and wait for each other.


# %%
def work(folder, epochs):
    """The program of a worker."""
    strategy = distribute.strategy("multiworker")  # before TensorFlow computes anything
    number, _ = distribute.worker_of(strategy)
    np.savez(folder / f"{number}.npz", **learn(strategy, epochs), **messages(strategy))


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for each in sockets:
        each.close()
    return ports


def start(folder, number, addresses, epochs):
    task = {"type": "worker", "index": number}
    config = json.dumps({"cluster": {"worker": addresses}, "task": task})
    command = [sys.executable, __file__, "--worker", str(folder), str(epochs)]
    with (folder / f"{number}.log").open("w") as log:
        output = {"stdout": subprocess.DEVNULL, "stderr": log}
        return subprocess.Popen(command, env={**os.environ, "TF_CONFIG": config}, **output)


@functools.cache
def trained(fast):
    """What each of the two workers returns, and what a single process returns."""
    folder, epochs = tutorial.scratch(), 1 if fast else 3
    addresses = [f"127.0.0.1:{port}" for port in free_ports(WORKERS)]
    running = [start(folder, number, addresses, epochs) for number in range(WORKERS)]
    for number, process in enumerate(running):
        if process.wait(timeout=300):
            raise RuntimeError((folder / f"{number}.log").read_text()[-2000:])
    workers = [dict(np.load(folder / f"{number}.npz")) for number in range(WORKERS)]
    return workers, learn(distribute.strategy("one"), epochs)


# %% [markdown]
# ## The same training
# The figure shows the examples that each worker reads in each step of an epoch. The last step has
# the remaining examples, which may be divided unevenly.


# %%
def same_training(fast=False):
    workers, one = trained(fast)
    np.testing.assert_array_equal(workers[0]["weights"], workers[1]["weights"])
    distance = float(np.abs(workers[0]["weights"] - one["weights"]).max())
    print(f"largest difference of a weight from a single process's: {distance:.1e}")
    assert distance < 1e-5, distance
    print("examples that each worker reads:", [len(worker["names"]) for worker in workers])
    together = np.concatenate([worker["names"] for worker in workers])
    assert sorted(together) == sorted(one["names"])
    assert abs(len(workers[0]["names"]) - len(together) / 2) <= len(np.unique(one["steps"]))

    figure, axis = tutorial.panels(size=(9, 2.8))
    bottom = 0
    for number, worker in enumerate(workers):
        counts = np.bincount(worker["steps"])
        axis.bar(range(len(counts)), counts, 0.7, bottom, label=f"worker {number}")
        bottom = bottom + counts
    axis.set(title="Who reads how much", xlabel="step of an epoch", ylabel="examples")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return {"reading": figure}


# %%
tutorial.show(same_training)

# %% [markdown]
# ## The time of a message, and the efficiency of a thousand machines
# A straight line through the times gives two numbers: its value at zero bytes gives the latency,
# and its slope the bandwidth. With these two numbers of a real network, the formula above predicts
# the efficiency for any number of workers. The right half assumes steps of 0.1 s of computing and a
# network of 100 Gbit/s with a latency of 10 microseconds. Replace them by your own.


# %%
def latency_and_bandwidth(seconds):
    count = 2 * (WORKERS - 1)  # messages
    columns = np.stack([np.full(len(SIZES), count), np.array(SIZES) * count / WORKERS], axis=1)
    # least squares of the relative errors: small messages count as much as large ones
    (latency, slowness), *_ = np.linalg.lstsq(columns / seconds[:, None], np.ones(len(SIZES)))
    return {"latency": float(latency), "bandwidth": float(1 / slowness)}


def cost_of_messages(fast=False):
    worker = trained(fast)[0][0]
    seconds = worker["seconds"]
    network = latency_and_bandwidth(seconds)
    print(f"latency {1e6 * network['latency']:.0f} microseconds", end=", ")
    print(f"bandwidth {network['bandwidth'] / 1e6:.0f} megabytes a second")
    for size, each in zip(SIZES, seconds, strict=True):
        print(f"{size:>10,} bytes: {1e3 * each:.2f} ms")
    by_size = dict(zip(SIZES, seconds, strict=True))
    assert by_size[4 * 10**7] > 20 * by_size[4 * 10**3], by_size
    if loopback() and not fast:  # other programs may send, too
        expected = WORKERS * data_parallel.ring_bytes(WORKERS, SIZES[-1])
        assert abs(worker["sent"][-1] / expected - 1) < 0.1, (worker["sent"], expected)

    figure, (left, right) = tutorial.panels(1, 2, size=(5.5, 3.8))
    line = [data_parallel.ring_seconds(WORKERS, size, **network) for size in SIZES]
    left.loglog(SIZES, 1e3 * seconds, "o", label="measured")
    left.loglog(SIZES, 1e3 * np.array(line), label="by latency and bandwidth")
    left.set(title="Adding up a vector, two workers here", xlabel="bytes", ylabel="milliseconds")
    left.legend()
    workers = 2 ** np.arange(11)
    for weights in (1, 25, 125):
        case = {"compute": 0.1, "deviation": 0.002, "reductions": [4e6 * weights]}
        case |= {"bandwidth": 12.5e9, "latency": 10e-6}  # 100 Gbit/s
        steps = [data_parallel.step_seconds(int(n), **case) for n in workers]
        label = f"{weights} million weights"
        right.semilogx(workers, 100 * steps[0] / np.array(steps), "o-", base=2, label=label)
    right.set(title="Predicted: steps of 0.1 s, 100 Gbit/s", xlabel="workers")
    right.set(ylabel="efficiency, %", ylim=(0, 105))
    right.legend()
    return {"costs": figure}


# %%
tutorial.show(cost_of_messages)


# %%
def main(fast=False, out=pathlib.Path("out/02_many_machines")):
    tutorial.run(same_training, cost_of_messages, fast=fast, out=out)


# %% [markdown]
# ## Exercises
# 1. Start the second worker a minute after the first. What does the first do, and when would you
#    want it to give up?
# 2. Put the addresses of two machines into `TF_CONFIG` and start one worker on each.
# 3. How many workers can train the network of 125 million weights at an efficiency of 90 %, if
#    gradients are sent in 16 bits? And if steps take 1 s, because each part is ten times as large?

# %%
if __name__ == "__main__":
    if "--worker" in sys.argv:
        work(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
