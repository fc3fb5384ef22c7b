"""Measure the latency of one image on one thread with LiteRT, onnxruntime and Keras.

    pip install 'kerasdl[onnx]'
    python benchmarks/latency.py [NETWORK ...] [--rounds 30]

Weights are random, which does not change the time. In every round each runtime is measured for a
short time, in a rotating order, so that other load on the machine affects all alike. The ratio of a
runtime is the median over rounds of its median relative to that of LiteRT's float file in the same
round. How fast int8 is depends on the instructions of the processor, which are recorded too. The
results go to results/latency.json. onnxruntime quantizes its own file: statically, per
channel, as QDQ, with unsigned activations, which are faster than its default.
"""

import argparse
import json
import pathlib
import tempfile
import time

import compression  # the benchmark beside this one
import keras
import numpy as np
import tensorflow as tf
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

import kerasdl
from kerasdl import export
from kerasdl.explain import counts
from kerasdl.utils import processor

RESULT = pathlib.Path(__file__).parent / "results" / "latency.json"
CALLS = {"predict": 2}  # calls per round; the others are called for `SECONDS`
SECONDS = 0.1


def mobile():
    return compression.mobile((32, 32, 3), 10)


def mobilenet_v2():
    return keras.applications.MobileNetV2((96, 96, 3), weights=None, classifier_activation=None)


def se_resnet():
    return kerasdl.create_model("se_resnet_tiny", input_shape=(32, 32, 3))


NETWORKS = {"mobile-32": mobile, "mobilenet_v2-96": mobilenet_v2, "se_resnet_tiny-32": se_resnet}


class Images(quantization.CalibrationDataReader):
    """Give onnxruntime the calibration images one at a time."""

    def __init__(self, images):
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"input": image[None]}


def files(model, images, folder):
    """Write the network as four files: LiteRT and ONNX, float and int8."""
    export.to_litert(model, folder / "litert_float.tflite")
    export.to_litert(model, folder / "litert_int8.tflite", quantize="int8", calibration=images)
    plain = export.to_onnx(model, folder / "onnxruntime_float.onnx", batch_size=1).path
    # folds batch normalization into convolutions, which quantization needs
    quant_pre_process(plain, folder / "prepared.onnx", skip_symbolic_shape=True)
    quantization.quantize_static(
        folder / "prepared.onnx",
        folder / "onnxruntime_int8.onnx",
        Images(images),
        per_channel=True,
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
    )
    (folder / "prepared.onnx").unlink()
    return [export.open_file(path) for path in sorted(folder.iterdir())]


def median(call, count):
    """Return the median milliseconds of a call, made `count` times or for `SECONDS`."""
    times, end = [], time.perf_counter() + SECONDS
    while len(times) < (count or 5) or (not count and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * np.median(times)


def measure(name, rounds, folder):
    kerasdl.set_seed(0)
    model = NETWORKS[name]()
    images = np.random.default_rng(0).random((32, *model.input_shape[1:]), dtype="float32")
    found = files(model, images, folder)
    calls = {file.path.stem: file.runner() for file in found}
    calls["predict"] = lambda: model.predict(images[:1], verbose=0)
    calls["predict_on_batch"] = lambda: model.predict_on_batch(images[:1])
    times = {contender: [] for contender in calls}
    for call in calls.values():
        call()  # traces and allocates
    names = list(calls)
    for turn in range(rounds):
        shift = turn % len(names)
        for contender in names[shift:] + names[:shift]:
            times[contender].append(median(calls[contender], CALLS.get(contender)))
    rows = {}
    for contender, measured in times.items():
        ratios = np.divide(measured, times["litert_float"])
        rows[contender] = {
            "median_ms": float(np.median(measured)),
            "to_litert_float": float(np.median(ratios)),
            "quartiles": np.percentile(ratios, [25, 75]).tolist(),
        }
    for file in found:
        row = rows[file.path.stem]
        row["kB"] = file.size / 1e3
        if file.path.suffix == ".tflite":
            row["litert_benchmark_ms"] = export.litert_benchmark(file.path).median
    sizes = {"macs": counts.macs(model), "parameters": model.count_params()}
    place = {"processor": processor.model(), "instructions": processor.description()}
    return {**place, **sizes, "rounds": rounds, **rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for name in arguments.which:
        results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(name, arguments.rounds, pathlib.Path(folder))
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")
        print(f"{name}: {results[name]['macs']:,} MACs")
        for contender, row in results[name].items():
            if isinstance(row, dict):
                line = f"  {contender}: {row['median_ms']:.3f} ms"
                line += f", {row['to_litert_float']:.2f} times LiteRT float"
                if "litert_benchmark_ms" in row:
                    line += f"; litert-benchmark: {row['litert_benchmark_ms']} ms"
                print(line, flush=True)


if __name__ == "__main__":
    main()
