"""The process that converts: TensorFlow's converter may crash here and harm nobody.

Run as `python -m kerasdl.export.worker`. One JSON object a line comes in, one goes out.
"""

import json
import os
import re
import sys

NOT_BUILT_IN = re.compile(r'"([^"]*?)@[^"]*"[^\n]*?\'tf\.(\w+)\' op is neither a custom op')
LOCATION = re.compile(r'"([^"]*?)@[^"]*"')


def to_litert(saved_model, output, quantize, calibration, batch_size, sparse, short_scales):
    """Convert a SavedModel, and run the result once: what converts does not always run."""
    import tensorflow as tf

    from kerasdl.export import flatbuffer, hybrid, scales
    from kerasdl.export import quantize as quantizing

    converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantize in ("float16", "dynamic", "aware"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    content = converter.convert()
    if quantize in quantizing.BITS:
        try:
            content = quantizing.quantize(content, quantize, calibration, batch_size)
            run(content)
        except (RuntimeError, ValueError):
            if quantize != "int8":
                raise
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            batches = quantizing.examples(calibration, batch_size)
            converter.representative_dataset = lambda: iter(batches)
            content = converter.convert()
    if quantize == "aware":
        content = hybrid.shrink(content)
    if quantize:
        content = flatbuffer.without_names(content)
    if quantize and short_scales:
        content = scales.shorten(content)
    run(content)
    with open(output, "wb") as file:
        file.write(content)


def run(content):
    import ai_edge_litert.interpreter
    import numpy as np

    interpreter = ai_edge_litert.interpreter.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()


def to_onnx(**job):
    """Likewise for ONNX."""
    from kerasdl.export import onnx_graph

    return onnx_graph.convert(**job)


FORMATS = {"litert": to_litert, "onnx": to_onnx}


def answer(job):
    try:
        return FORMATS[job.pop("format", "litert")](**job) or {}
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
    # `import tensorflow` would import Keras, half of the time, which converting does not need
    sys.modules["keras"] = None
    # converters print to both streams: the answers get a stream of their own, the rest the log's
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
