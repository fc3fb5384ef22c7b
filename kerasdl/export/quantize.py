"""Integers in place of floats, in a LiteRT file that is there already, by ai-edge-quantizer.

TensorFlow's converter calibrates too, but it loses causal attention: the mask's minus infinity
spoils a range. An unrolled LSTM is its share.
"""

import warnings

import numpy as np

from kerasdl.export import flatbuffer

BITS = {"int8": 8, "int16x8": 16, "int4": None}  # of the activations
ATTENTION = ("BATCH_MATMUL", "SELECT", "SELECT_V2", "SOFTMAX")
NORMALIZATION = ("ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB", "SUM")
TRANSFORMER = {"BATCH_MATMUL", "RSQRT"}  # a file has one of these where it attends or normalizes


def quantize(content: bytes, method: str, calibration: str, batch_size: int) -> bytes:
    """A float file's bytes, quantised; its inputs and outputs stay floats.

    What a transformer does between its dense layers stays float, too: attention's scores, layer
    normalization and the sums around it, where int8 costs exactness and time. `gpt_tiny` takes half
    the time of its float file (benchmarks/int8_transformers.py).

    Args:
        content: The float file.
        method: "int8", weights and activations; "int16x8", weights of 8 bits, activations of 16;
            "int4", weights of 4 bits at the scales of OCTAV, activations quantised as they come.
        calibration: An `.npz` file with the inputs by name, for the first two.
        batch_size: How many examples the file takes at once.

    Reference: Sakr et al. (2022), Optimal Clipping and Magnitude-aware Differentiation for Improved
    Quantization-aware Training: the scale that makes the mean squared error least.
    """
    work = _plan(content, method)
    ranges = None if method == "int4" else _ranges(content, work, calibration, batch_size)
    result = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _plan(content, method):
    """Everything is quantised that can be, between float inputs and outputs."""
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    names = qtyping.TFLOperationName
    work = quantizer.Quantizer(content)
    floats = [names.INPUT, names.OUTPUT]
    if method == "int4":
        work.add_dynamic_config(".*", names.ALL_SUPPORTED, 4, algorithm_key=AlgorithmName.OCTAV)
    else:
        work.add_static_config(".*", names.ALL_SUPPORTED, BITS[method], 8)
        if not TRANSFORMER.isdisjoint(flatbuffer.operators(content)):
            floats += [names(name) for name in ATTENTION + NORMALIZATION]
    for name in floats:
        work.update_quantization_recipe(".*", name, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return work


def _ranges(content, work, calibration, batch_size):
    """Smallest and largest value of every tensor; a moving average would forget the extremes."""
    from ai_edge_quantizer import calibrator
    from ai_edge_quantizer.utils import qsv_utils

    with warnings.catch_warnings():
        # the interpreter keeps all tensors, which is what calibration is for
        warnings.filterwarnings("ignore", "Warning: Enabling `experimental_preserve_all_tensors`")
        watch = calibrator.Calibrator(content, qsv_update_func=qsv_utils.min_max_update)
        (signature,) = watch.get_signature_list()
        watch.calibrate({signature: examples(calibration, batch_size)}, work._recipe_manager)
    return watch.get_model_qsvs()


def examples(calibration: str, batch_size: int) -> list[dict]:
    """Whole batches of inputs by name."""
    arrays = dict(np.load(calibration))
    count = len(next(iter(arrays.values())))
    return [
        {name: array[i : i + batch_size] for name, array in arrays.items()}
        for i in range(0, count - batch_size + 1, batch_size)
    ]
