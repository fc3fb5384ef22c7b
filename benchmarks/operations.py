"""Show where the time of a training step goes, and what other ways of computing it would gain.

    python benchmarks/operations.py [CASE ...]

The cases are those of `training.py`. For each, TensorFlow's profiler lists the operations of a step
with their share of the processor's time. Then the step is computed in other ways, each in a process
of its own, in turns: as one XLA program, with half precision, with one operation at a time, with 32
steps between returns to Python, without TensorFlow's graph optimizer. The results go to
results/operations.json.
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile

import numpy as np
import training

RESULT = pathlib.Path(__file__).parent / "results" / "operations.json"
CASES = ("resnet20", "resnet18", "mobilenet_v2", "vae", "dcgan", "gpt_4x128")
WAYS = ("as it is", "xla", "half precision", "one operation at a time", "32 steps", "no grappler")
PROFILED = 2  # calls
SHOWN = 0.01  # smaller shares are summed up


def made(case, way):
    """Return the step of kerasdl, computed in one of the ways."""
    import keras
    import tensorflow as tf

    if way == "one operation at a time":
        tf.config.threading.set_inter_op_parallelism_threads(1)
    if way == "half precision":
        keras.config.set_dtype_policy("mixed_bfloat16")
    if way == "no grappler":
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if way == "32 steps":
        training.AT_ONCE = 32
    step = training.kerasdl_step(case)
    if way == "xla":
        step.model.jit_compile = True
    return step


def profile(case):
    """Return the share of each kind of operation in the time of a step."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    step = made(case, "as it is")
    step.first()
    step()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(PROFILED):
                step()
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace()
        space.ParseFromString(file.read_bytes())
    times = collections.Counter()
    for plane in space.planes:
        for line in plane.lines if "CPU" in plane.name else ():
            for event in line.events:
                # an operation is called "name in the graph:kind", a function of C++ "class::name"
                name, _, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                operation = name and not name.endswith(":") and kind.isidentifier()
                if operation and kind not in ("While", "StatefulPartitionedCall"):
                    times[kind.removeprefix("_Mkl").removeprefix("_Fused")] += event.duration_ps
    total = sum(times.values())
    shares = {kind: time / total for kind, time in times.most_common() if time > SHOWN * total}
    return {**shares, "others": 1 - sum(shares.values())}


def serve(name, way):
    """Make a case; then train it for each line of standard input."""
    if way == "profile":
        training.tell(profile(training.CASES[name]))
        return
    training.made = lambda library, case: made(case, way)
    training.serve("kerasdl", training.CASES[name])


def started(name, way):
    """Start a process that trains a case in one way."""
    return training.Process([sys.executable, __file__, "--serve", name, way])


def profiled(name):
    """Return the shares of a case's operations, from a process of its own."""
    process = started(name, "profile")
    process.end()
    return process.about


def measure(name, rounds):
    """Let the ways of computing the step of a case train in turns."""
    ways, failed = {}, {}
    for way in WAYS:
        try:
            ways[way] = started(name, way)
        except RuntimeError as error:
            failed[way] = str(error)
    times, _ = training.in_turns(ways, rounds)
    found = {}
    for way, measured in times.items():
        ratios = np.divide(measured, times["as it is"])
        found[way] = {
            "step_ms": 1000 * float(np.median(measured)),
            "ratio": float(np.median(ratios)),
            "quartiles": np.percentile(ratios, [25, 75]).tolist(),
        }
    return {"ways": found, **({"failed": failed} if failed else {})}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", default=[*CASES], metavar="CASE")
    parser.add_argument("--rounds", type=int, default=5, help="0 only profiles again")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(*chosen.serve)
        return
    results = json.loads(chosen.out.read_text(encoding="utf-8")) if chosen.out.exists() else {}
    results.pop("about", None)
    for name in chosen.which:
        ways = measure(name, chosen.rounds) if chosen.rounds else results.get(name, {"ways": {}})
        results[name] = found = {**ways, "operations": profiled(name)}
        training.write(chosen.out, results)
        print(name)
        for kind, share in found["operations"].items():
            print(f"  {share:6.1%}  {kind}")
        for way, row in found["ways"].items():
            low, high = row["quartiles"]
            print(f"  {row['ratio']:.2f} ({low:.2f} to {high:.2f})  {way}", flush=True)


if __name__ == "__main__":
    main()
