"""The converter process, whose crashes do not affect the process that uses it.

`WORKER` runs in the caller: it starts the process when needed and keeps it for the next call. The
process runs `main`: it reads one JSON object per line and answers with one.
"""

import atexit
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

NOT_BUILT_IN = re.compile(r'"([^"]*?)@[^"]*"[^\n]*?\'tf\.(\w+)\' op is neither a custom op')
COMPARED = 16  # batches on which a quantized file is compared with the float file
LOCATION = re.compile(r'"([^"]*?)@[^"]*"')


class CrashError(Exception):
    """The process ended without an answer. The message says how."""


class Worker:
    """Start the converter process, send it jobs, and stop it when this process ends."""

    def __init__(self):
        self.process = None
        self.lock = threading.Lock()

    def start(self):
        """Start a process, which imports TensorFlow in the background, unless one is running."""
        if self.process is not None and self.process.poll() is None:
            return
        self.stop()
        # the process imports from the same paths and does not use the GPU
        paths = os.pathsep.join(path for path in sys.path if path)
        # closed by `stop`
        self.log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", "from kerasdl.export import worker; worker.main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env={**os.environ, "PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1"},
            text=True,
            start_new_session=True,  # Ctrl-C goes to the caller alone
        )
        atexit.register(self.stop)

    def run(self, **job) -> dict:
        """Return the process's answer to one job."""
        with self.lock:
            self.start()
            try:
                print(json.dumps(job), file=self.process.stdin, flush=True)
                line = self.process.stdout.readline()
            except BrokenPipeError:
                line = ""
            except BaseException:  # interrupted: the next job would get this job's answer
                self.process.kill()
                raise
            if not line:
                raise CrashError(self.crash_report())
            return json.loads(line)

    def crash_report(self) -> str:
        """Return the signal or exit status of the process and its last message."""
        status = self.process.wait()
        self.log.seek(0)
        last = (self.log.read().strip().splitlines() or ["no message"])[-1][:200]
        return f"{signal.Signals(-status).name if status < 0 else f'exit status {status}'} ({last})"

    def stop(self):
        """Stop the process, if there is one."""
        if self.process is None:
            return
        atexit.unregister(self.stop)
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(BrokenPipeError):  # a job may not be written yet
                stream.close()
        self.process = None


WORKER = Worker()

# What follows runs in the process.


def to_litert(
    saved_model,
    output,
    quantize,
    calibration,
    inputs,
    outputs,
    batch_size,
    sparse,
    short_scales,
    facts,
    input_type="float32",
):
    """Convert a SavedModel to LiteRT and run the result once: some files convert but cannot run."""
    import tensorflow as tf

    from kerasdl.export import flatbuffer, standard_metadata
    from kerasdl.export import quantize as quantizing

    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize in ("float16", "dynamic", "aware"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    content = floats = converter.convert()
    if quantize in quantizing.ACTIVATION_BITS:
        try:
            content = quantizing.quantize(content, quantize, calibration, batch_size)
            _run(content)
        except (RuntimeError, ValueError) as error:
            if quantize != "int8":
                refused = quantizing.refused(floats)
                if refused:
                    return {"unquantized": refused}
                raise error
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            batches = quantizing.calibration_batches(calibration, batch_size)
            converter.representative_dataset = lambda: iter(batches)
            content = converter.convert()
    if quantize == "aware":
        content = quantizing.quantize_large_weights(content)
    if quantize:
        content = flatbuffer.without_names(content)
    if quantize and short_scales:
        content = quantizing.shorten_scales(content)
    if quantize:  # at last, because biases with equal integers may get other scales
        content = flatbuffer.with_shared_buffers(content)
    answer: dict[str, object] = {}
    if quantize in quantizing.CALIBRATED:
        batches = quantizing.calibration_batches(calibration, batch_size)
        answer["deviation"] = quantizing.deviation(floats, content, batches[:COMPARED])
    if input_type == "int8":
        content, computed = quantizing.with_integer_borders(content)
        if computed:
            return {"floats": computed}
    if len(inputs) > 1 or len(outputs) > 1:
        content = flatbuffer.in_order(content, inputs, outputs)
    content = standard_metadata.embed(content, **facts)
    _run(content)
    with open(output, "wb") as file:
        file.write(content)
    return {"weights": flatbuffer.weight_bytes(content), **answer}


def _run(content):
    """Run a LiteRT file's bytes on zeros."""
    import ai_edge_litert.interpreter
    import numpy as np

    interpreter = ai_edge_litert.interpreter.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()


def to_onnx(**job):
    """Convert a SavedModel to ONNX."""
    from kerasdl.export import onnx_model

    return onnx_model.from_saved_model(**job)


FORMATS: dict[str, Callable[..., dict | None]] = {"litert": to_litert, "onnx": to_onnx}


def answer(job: dict) -> dict:
    """Run a job. If it fails, return the error, the missing operators and the name scope."""
    try:
        return FORMATS[job.pop("format", "litert")](**job) or {}
    except OSError as error:
        return {"disk": str(error)}
    except Exception as error:
        message = str(error)
        operators = sorted({(name, path) for path, name in NOT_BUILT_IN.findall(message)})
        first = message.strip().splitlines()[0]
        scope = LOCATION.search(first)
        return {
            "error": first.rpartition("))): ")[2][:300],
            "operators": operators,
            "scope": scope[1] if scope else "",
        }


def main():
    """Answer the jobs on standard input until it is closed."""
    # importing TensorFlow would import Keras, which takes half of the time and is not needed
    sys.modules["keras"] = None
    # converters print to both streams: answers get a stream of their own, the rest goes to the log
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
