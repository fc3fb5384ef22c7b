"""Measure training on 1, 2 and 4 workers, and predict the time on 8 to 1,024 with a model.

    python benchmarks/scaling.py [--rounds 8] [--steps 25]

Every worker is a process with one computing thread; on a machine with fewer than 4 cores, 4 workers
share them. The batch size per worker is fixed, so n workers see n times as many examples per step.
In every round the workers first train alone, all at the same time without communication, and then
together: the difference is the cost of communication, independent of other load on the machine.
Bytes are counted by the loopback interface. The all-reduce is also measured by itself, for five
sizes.

The model is `kerasdl.formulas.data_parallel.step_seconds`. It assumes a ring all-reduce; that
reductions overlap neither with each other nor with computation; that compute times vary
independently and normally; and, on this machine, that sending takes CPU time, so that n workers on
c cores have c / n of the bandwidth. Latency and bandwidth are fitted to the all-reduces of 2
workers. Predictions are recorded next to the measurements, including steps of 4 workers, which were
not used in the fit. The results go to results/scaling.json.
"""

import argparse
import json
import os
import pathlib
import pickle
import platform
import sys
import tempfile
import time

RESULT = pathlib.Path(__file__).parent / "results" / "scaling.json"
WORKERS = (1, 2, 4)
SIZES = [4 * 10**k for k in (1, 3, 5, 6, 7)]  # bytes of an all-reduce
MANY = (8, 32, 128, 512, 1024)
CORES = len(os.sched_getaffinity(0))
# networks and accelerators of clusters: assumed, not measured
CLUSTERS = {
    "10 Gbit/s, 50 us": {"bandwidth": 1.25e9, "latency": 50e-6},
    "100 Gbit/s, 10 us": {"bandwidth": 12.5e9, "latency": 10e-6},
}
ELSEWHERE = {
    "resnet50, 0.1 s a step": {"parameters": 25_557_032, "compute": 0.1},
    "gpt2, 0.25 s a step": {"parameters": 124_439_808, "compute": 0.25},
}


def networks():
    """Return, by name, a function that makes a compiled model, and a batch."""
    import keras
    import numpy as np

    import kerasdl

    random = np.random.default_rng(0)

    def compiled(model):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(1e-3), loss, jit_compile=False)
        return model

    def se_resnet():
        return compiled(kerasdl.create_model("se_resnet_tiny", input_shape=(16, 16, 3)))

    def wide():
        wide = [keras.layers.Dense(1500, "relu") for _ in range(3)]
        return compiled(keras.Sequential([keras.Input((64,)), *wide, keras.layers.Dense(10)]))

    def gpt():
        options = {"vocabulary_size": 64, "context": 32, "dropout": 0.0}
        return compiled(kerasdl.create_model("gpt_tiny", **options))

    labels = random.integers(0, 10, 32)
    tokens = random.integers(0, 64, (8, 33))
    return {
        "se_resnet_tiny": (se_resnet, (random.random((32, 16, 16, 3), "float32"), labels)),
        "three dense layers of 1500": (wide, (random.random((32, 64), "float32"), labels)),
        "gpt_tiny": (gpt, (tokens[:, :-1], tokens[:, 1:])),
    }


# --- in a worker -----------------------------------------------------------------------------


def work(folder, rounds, steps):
    """Measure everything as one of the workers, and write the results to the folder."""
    number = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[number % CORES]})
    import tensorflow as tf

    from kerasdl import distribute

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)  # computation and communication
    strategy = distribute.strategy("multiworker")
    found = {"reduce": all_reduces(strategy)}
    for name, (make, batch) in networks().items():
        found[name] = measured(strategy, make, batch, rounds, steps)
    (folder / f"{number}.pickle").write_bytes(pickle.dumps(found))


def measured(strategy, make, batch, rounds, steps):
    """Measure steps alone and together, and the bytes and reductions of a step together."""
    import keras
    import numpy as np
    import tensorflow as tf

    from kerasdl import distribute

    workers = strategy.num_replicas_in_sync
    rows = len(batch[0]) * workers
    keras.utils.set_random_seed(0)
    alone = make()
    with strategy.scope():
        together = make()
    distribute.synchronize(together)
    mine = tf.data.Dataset.from_tensors(batch).repeat()
    shared = mine
    if workers > 1:
        shared = distribute.pipeline(mine, strategy, rows * 10**6, rows)
    contenders = {"alone": (alone, iter(mine)), "together": (together, iter(shared))}
    sizes = {}
    for kind, (model, data) in contenders.items():
        with recorded_reductions() as calls:
            model.make_train_function()
            for _ in range(3):
                model.train_function(data)
        sizes[kind] = calls
    seconds, counted = {kind: [] for kind in contenders}, []
    for _ in range(rounds):
        for kind, (model, data) in contenders.items():
            wait(strategy)
            before = loopback()
            for _ in range(steps):
                begin = time.perf_counter()
                logs = model.train_function(data)
                tf.nest.map_structure(np.asarray, logs)
                seconds[kind].append(time.perf_counter() - begin)
            wait(strategy)
            if kind == "together":
                counted.append((loopback() - before) / steps)
    parameters = sum(int(np.prod(v.shape)) for v in together.trainable_variables)
    return {
        "parameters": parameters,
        "seconds": seconds,
        "bytes": counted,
        "reductions": sizes["together"],
    }


class recorded_reductions:  # noqa: N801, used like a function
    """Record the bytes of each all-reduce in the graph traced last."""

    def __enter__(self):
        import tensorflow as tf
        from tensorflow.python.distribute.cross_device_utils import CollectiveReplicaLauncher

        self.owner, self.graphs, calls = CollectiveReplicaLauncher, {}, []
        plain = self.plain = CollectiveReplicaLauncher.all_reduce

        def all_reduce(launcher, tensor, *args, **kwargs):
            graph = id(tf.compat.v1.get_default_graph())
            self.graphs.setdefault(graph, []).append(tensor.shape.num_elements() * 4)
            calls[:] = self.graphs[graph]
            return plain(launcher, tensor, *args, **kwargs)

        CollectiveReplicaLauncher.all_reduce = all_reduce
        return calls

    def __exit__(self, *_):
        self.owner.all_reduce = self.plain


def all_reduces(strategy, repeats=20):
    """Return the median seconds of an all-reduce for each size in bytes."""
    import numpy as np
    import tensorflow as tf

    found = {}
    for size in SIZES:
        vector = tf.Variable(tf.ones(size // 4))  # a constant would be folded

        def add(vector=vector):
            total = tf.distribute.get_replica_context().all_reduce("SUM", tf.identity(vector))
            return tf.reduce_sum(total[:1])

        @tf.function(autograph=False)
        def reduce(add=add):
            return strategy.experimental_local_results(strategy.run(add))[0]

        seconds = []
        for _ in range(repeats):
            wait(strategy)
            begin = time.perf_counter()
            reduce().numpy()
            seconds.append(time.perf_counter() - begin)
        found[size] = float(np.median(seconds[2:]))
    return found


def wait(strategy):
    """Wait for all workers."""
    import tensorflow as tf

    if strategy.num_replicas_in_sync > 1:
        float(strategy.reduce("SUM", tf.constant(1.0), axis=None))


def loopback():
    """Return the number of bytes sent through the loopback interface so far."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()
    return next(int(line.split()[9]) for line in lines if line.strip().startswith("lo:"))


# --- results ---------------------------------------------------------------------------------


def gathered(workers, rounds, steps):
    """Run the measurements on so many workers; return their results in order."""
    from kerasdl.distribute import launching

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--worker", folder]
        command += ["--rounds", str(rounds), "--steps", str(steps)]
        status = launching.launch(command, workers)
        if status:
            sys.exit(status)
        files = sorted(pathlib.Path(folder).iterdir())
        return [pickle.loads(file.read_bytes()) for file in files]


def fitted(found):
    """Fit latency and bandwidth to the all-reduces of 2 workers, by relative least squares."""
    import numpy as np

    seconds = np.array([found[0]["reduce"][size] for size in SIZES])
    # 2 (n - 1) alpha + 2 (n - 1) / n S / beta, with n = 2
    columns = np.stack([np.full(len(SIZES), 2.0), np.array(SIZES, float)], axis=1)
    (latency, slowness), *_ = np.linalg.lstsq(columns / seconds[:, None], np.ones(len(SIZES)))
    return {"latency": float(latency), "bandwidth": float(1 / slowness)}


def row(name, workers, found, network):
    """Return a row of the table: one network on so many workers, measured and predicted."""
    import numpy as np

    from kerasdl.formulas import data_parallel

    each = [worker[name] for worker in found]
    alone = np.array([worker["seconds"]["alone"] for worker in each])
    together = float(np.median(each[0]["seconds"]["together"]))
    own = float(np.median(alone))
    # in synchronous training every step takes as long as the slowest worker
    spread = float(np.percentile(alone, 84) - own)
    sizes = each[0]["reductions"]
    here = network | {"bandwidth": network["bandwidth"] * min(1, CORES / workers)}
    predicted = data_parallel.step_seconds(workers, own, spread, sizes, **here)
    return {
        "network": name,
        "workers": workers,
        "parameters": each[0]["parameters"],
        "alone_ms": own * 1e3,
        "alone_deviation_ms": spread * 1e3,
        "together_ms": together * 1e3,
        "all_reduce_fraction": max(0.0, 1 - own / together),
        "reductions": len(sizes),
        "reduced_bytes": sum(sizes),
        "sent_bytes_a_worker": float(np.median(each[0]["bytes"])) / workers,
        "ring_bytes_a_worker": float(data_parallel.ring_bytes(workers, sum(sizes))),
        "model_ms": predicted * 1e3,
        "model_to_measured": predicted / together,
    }


def extrapolated(rows):
    """Predict the efficiency (time of a step alone / on n workers) on assumed networks."""
    from kerasdl.formulas import data_parallel

    cases = {
        f"{row['network']}, as here": {
            "reductions": row["sizes"],
            "compute": row["alone_ms"] / 1e3,
            "deviation": row["alone_deviation_ms"] / 1e3,
        }
        for row in rows
        if row["workers"] == 2
    }
    for name, case in ELSEWHERE.items():
        cases[name] = {
            "reductions": [case["parameters"] * 4],
            "compute": case["compute"],
            "deviation": 0.02 * case["compute"],
        }
    table = []
    for name, case in cases.items():
        for cluster, network in CLUSTERS.items():
            line = {"network": name, "between workers": cluster}
            for workers in MANY:
                seconds = data_parallel.step_seconds(workers, **case, **network)
                line[str(workers)] = round(case["compute"] / seconds, 3)
            table.append(line)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--worker", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.rounds, arguments.steps)
        return
    found = {n: gathered(n, arguments.rounds, arguments.steps) for n in WORKERS}
    network = fitted(found[2])
    rows = []
    for name in found[1][0]:
        for workers in WORKERS if name != "reduce" else ():
            line = row(name, workers, found[workers], network)
            rows.append(line | {"sizes": found[workers][0][name]["reductions"]})
    reduces = {n: {str(s): t * 1e3 for s, t in found[n][0]["reduce"].items()} for n in (2, 4)}
    import keras
    import tensorflow as tf

    from kerasdl.utils import tables

    result = {
        "versions": {"python": platform.python_version(), "keras": keras.__version__},
        "cores": CORES,
        "fitted_to_2_workers": network,
        "all_reduce_ms_by_bytes": reduces,
        "steps": [{k: v for k, v in line.items() if k != "sizes"} for line in rows],
        "efficiency": extrapolated(rows),
    }
    result["versions"]["tensorflow"] = tf.__version__
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    shown = ("network", "workers", "alone_ms", "together_ms", "all_reduce_fraction", "reductions")
    shown += ("sent_bytes_a_worker", "ring_bytes_a_worker", "model_to_measured")
    tables.show([{k: line[k] for k in shown} for line in rows], "Measured steps")
    tables.show(result["efficiency"], "Predicted efficiency")


if __name__ == "__main__":
    main()
