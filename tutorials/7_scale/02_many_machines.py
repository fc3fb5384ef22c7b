# %% [markdown]
# # Many machines: processes that know each other's addresses
#
# **Claim.** Two processes that share nothing but a network train as one: their weights are equal to
# the bit, and to those of one process within 1e-5. Each reads half of the examples, and every
# example is read once an epoch. Adding up gradients sends what the ring's formula says, within a
# tenth. For few bytes it takes the same time whatever their number, for many it takes longer in
# proportion: latency and bandwidth, from which follows what a thousand machines would cost.
#
# **The idea.** Every worker runs the same program and is told by a variable who it is. A step lasts
# as long as the slowest worker takes and as adding up takes, in 2 (n - 1) messages of S / n bytes:
#
# $$T_n = \max_k t_k + 2 (n - 1) \left( \alpha + \frac{S}{n \beta} \right) \qquad
# \text{efficiency} = \frac{T_1}{T_n}$$
#
# Run it: `python tutorials/7_scale/02_many_machines.py` (20 seconds).
# It starts two workers of its own, on
# this machine. You will see who reads what, what a message costs, and how far a network scales.
# With files in place of addresses it is `kerasdl launch --workers 2 -- train se_resnet_tiny`, and
# on a cluster `examples/cluster/`.

# %%
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import zlib

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import kerasdl
from kerasdl import distribute
from kerasdl.formulas import data_parallel

BATCH, WORKERS = 64, 2
SIZES = [4 * 10**k for k in (1, 2, 3, 4, 5, 6, 7)]  # bytes
NETWORKS = {"1 million weights": 1e6, "25 million": 25e6, "125 million": 125e6}

# %% [markdown]
# ## What a worker has to know
# All addresses, and which of them is its own. TensorFlow reads it from `TF_CONFIG`, which
# Kubeflow sets on a cluster (under Slurm it asks Slurm). Here we set it: two ports of this machine.


# %%
def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for each in sockets:
        each.close()
    return ports


def start(folder, workers, epochs):
    """One process for each worker, all at once: they wait for each other."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    running = []
    for number in range(workers):
        task = {"type": "worker", "index": number}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, __file__, "--worker", str(folder), str(epochs)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": (folder / f"{number}.log").open("w")}
        running.append(subprocess.Popen(command, env={**os.environ, "TF_CONFIG": config}, **quiet))
        quiet["stderr"].close()
    for number, process in enumerate(running):
        if process.wait(timeout=300):
            raise RuntimeError((folder / f"{number}.log").read_text()[-2000:])
    return [dict(np.load(folder / f"{number}.npz")) for number in range(workers)]


# %% [markdown]
# ## What a worker does
# The same as a program for one machine, but for three lines: the strategy before anything else, the
# model in its scope, and data of which this worker gets its share. The order of an epoch is a
# function of seed and epoch, so the workers need not talk to agree on it. Only the chief, worker
# 0, writes models; here every worker keeps its numbers, to be compared. (The network has no ReLU,
# whose edge would enlarge the rounding of a sum taken in another order.)


# %%
def network(shape):
    layers = keras.layers
    convolution = layers.Conv2D(16, 3), layers.BatchNormalization(), layers.Activation("gelu")
    dense = layers.Flatten(), layers.Dense(64, "gelu"), layers.Dense(10)
    return keras.Sequential([keras.Input(shape), *convolution, *dense])


def learn(strategy, epochs):
    splits = kerasdl.data.load("digits", batch_size=BATCH, share=distribute.share(strategy))
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = network(splits.info.shape)
        distribute.synchronize(model)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.05), loss, metrics=["accuracy"])
    count = splits.info.counts["train"]
    train = distribute.pipeline(splits.train, strategy, count, BATCH)
    callback = splits.order_callback()
    history = model.fit(train, epochs=epochs, callbacks=[callback], shuffle=False, verbose=0)
    weights = np.concatenate([w.ravel() for w in model.get_weights()])
    splits.epoch.assign(-1)  # the first epoch once more, to see what was read
    return {"weights": weights, **history.history, **read(splits.train)}


def read(train):
    """Of every example that comes out of a pipeline: its step, and a number that names it."""
    names, steps = [], []
    for step, (images, _) in enumerate(train.as_numpy_iterator()):
        names += [zlib.crc32(image.tobytes()) for image in images]
        steps += [step] * len(images)
    return {"names": np.array(names), "steps": np.array(steps)}


def messages(strategy, repeats=12):
    """Seconds of adding up vectors of all sizes, and bytes that this machine's network saw."""
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


def work(folder, epochs):
    strategy = distribute.strategy("multiworker")  # before anything else is computed
    number, _ = distribute.worker_of(strategy)
    np.savez(folder / f"{number}.npz", **learn(strategy, epochs), **messages(strategy))


# %% [markdown]
# ## What a message costs
# A straight line through the times: where it starts is the latency, its slope one over the
# bandwidth. Between real machines both are better known than measured; put yours in.


# %%
def latency_and_bandwidth(seconds):
    messages = 2 * (WORKERS - 1)
    columns = np.stack(
        [np.full(len(SIZES), messages), np.array(SIZES) * messages / WORKERS], axis=1
    )
    (latency, slowness), *_ = np.linalg.lstsq(columns / seconds[:, None], np.ones(len(SIZES)))
    return {"latency": float(latency), "bandwidth": float(1 / slowness)}


def draw_reading(workers):
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    bottom = 0
    for number, worker in enumerate(workers):
        counts = np.bincount(worker["steps"])
        axis.bar(range(len(counts)), counts, 0.7, bottom, label=f"worker {number}")
        bottom = bottom + counts
    axis.set(xlabel="step of an epoch", ylabel="examples", title="Who reads how much")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def draw_costs(seconds, network):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    line = [data_parallel.ring_seconds(WORKERS, size, **network) for size in SIZES]
    left.loglog(SIZES, 1e3 * seconds, "o", label="measured")
    left.loglog(SIZES, 1e3 * np.array(line), label="latency and bandwidth")
    left.set(title="Adding up, two workers here", xlabel="bytes", ylabel="ms")
    left.legend()
    workers = 2 ** np.arange(11)
    for name, weights in NETWORKS.items():
        case = {"compute": 0.1, "deviation": 0.002, "reductions": [4 * weights]}
        case |= {"bandwidth": 12.5e9, "latency": 10e-6}  # 100 Gbit/s
        steps = [data_parallel.step_seconds(int(n), **case) for n in workers]
        right.semilogx(workers, 100 * steps[0] / np.array(steps), "o-", base=2, label=name)
    right.set(title="Efficiency, %: steps of 0.1 s, 100 Gbit/s", xlabel="workers", ylim=(0, 105))
    right.legend()
    return figure


def main(fast=False, out=pathlib.Path("out/02_many_machines")):
    out.mkdir(parents=True, exist_ok=True)
    epochs = 1 if fast else 3
    with tempfile.TemporaryDirectory() as folder:
        workers = start(pathlib.Path(folder), WORKERS, epochs)
    one = learn(distribute.strategy("one"), epochs)
    network = latency_and_bandwidth(workers[0]["seconds"])
    draw_reading(workers).savefig(out / "reading.png", dpi=120)
    draw_costs(workers[0]["seconds"], network).savefig(out / "costs.png", dpi=120)
    plt.close("all")
    distance = float(np.abs(workers[0]["weights"] - one["weights"]).max())
    print(f"largest distance of a weight from one process's: {distance:.1e}")
    print("examples that each has read:", [len(worker["names"]) for worker in workers])
    print(
        f"latency {1e6 * network['latency']:.0f} us, {network['bandwidth'] / 1e6:.0f} MB a second"
    )
    print("ms for bytes:", np.round(1e3 * workers[0]["seconds"], 2).tolist(), SIZES)

    # the claim
    np.testing.assert_array_equal(workers[0]["weights"], workers[1]["weights"])
    assert distance < 1e-5, distance
    together = np.concatenate([worker["names"] for worker in workers])
    assert sorted(together) == sorted(one["names"])
    assert abs(len(workers[0]["names"]) - len(together) / 2) <= len(np.unique(one["steps"]))
    seconds = dict(zip(SIZES, workers[0]["seconds"], strict=True))
    assert seconds[4 * 10**7] > 20 * seconds[4 * 10**3], seconds
    if loopback() and not fast:  # others may talk meanwhile
        expected = WORKERS * data_parallel.ring_bytes(WORKERS, SIZES[-1])
        assert abs(workers[0]["sent"][-1] / expected - 1) < 0.1, (workers[0]["sent"], expected)


# %% [markdown]
# ## Exercises
# 1. Start the second worker a minute after the first. What does the first do, and when would you
#    want it to give up?
# 2. Put the addresses of two machines into `TF_CONFIG` and start one worker on each.
# 3. How many workers may train the network of 125 million weights at 90 %, if gradients are sent in
#    16 bits? What if steps take 1 s, because each part is ten times as large?

# %%
if __name__ == "__main__":
    if "--worker" in sys.argv:
        work(pathlib.Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
