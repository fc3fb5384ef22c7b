"""Quantize a LiteRT file: integers in place of floats, short scales, int8 weights.

Runs in the converter process. TensorFlow's converter can quantize too, but it fails for causal
attention, whose mask of minus infinity makes the range infinite, and for unrolled LSTMs.
"""

import collections
import math
import warnings

import numpy as np

from kerasdl.export import flatbuffer

ACTIVATION_BITS = {"int8": 8, "int16x8": 16, "int4": None}
CALIBRATED = ("int8", "int16x8")  # methods with fixed ranges of activations
# what is wrong with a "dynamic" file without int8 weights, after its name
IN_FLOAT = "is in float: dynamic quantizes kernels of at least 1,024 weights alone."
MOVES = {"CAST", "FILL", "RANGE", "SHAPE"}
ATTENTION = ("BATCH_MATMUL", "SELECT", "SELECT_V2", "SOFTMAX")
NORMALIZATION = ("ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB", "SUM")
TRANSFORMER = {"BATCH_MATMUL", "RSQRT"}  # used by attention and layer normalization
LINEAR = {  # the positions of input, weights and bias in each operator
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
LARGE = 1024  # elements; quantizing smaller kernels saves nothing
CLUSTERED = 256  # a kernel with at most so many distinct weights gets a single scale
PER_OUTPUT_VERSION = 12  # of FULLY_CONNECTED, the first with one scale per output


def quantize(content: bytes, method: str, calibration: str, batch_size: int) -> bytes:
    """Quantize a float file with ai-edge-quantizer. Its inputs and outputs stay float.

    In a transformer the attention scores, the layer normalization and the sums around it stay
    float too, because int8 costs accuracy and time there. An int8 `gpt_tiny` takes half the time of
    its float file (benchmarks/int8_transformers.py).

    Args:
        content: The bytes of the float file.
        method: "int8", int8 weights and activations; "int16x8", int8 weights and int16 activations;
            "int4", 4-bit weights with OCTAV's scales, activations quantized as they are computed.
        calibration: Path of an `.npz` file with the inputs by name, for the first two.
        batch_size: int, the file's batch size.

    Reference: Sakr et al. (2022), Optimal Clipping and Magnitude-aware Differentiation for Improved
    Quantization-aware Training (OCTAV: the scale with the smallest mean squared error).
    """
    quantizer = _quantizer(content, method)
    ranges = None if method == "int4" else _ranges(content, quantizer, calibration, batch_size)
    result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _quantizer(content, method):
    """A quantizer set to quantize everything it can, between float inputs and outputs."""
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    names = qtyping.TFLOperationName
    made = quantizer.Quantizer(content)
    floats = [names.INPUT, names.OUTPUT]
    if method == "int4":
        made.add_dynamic_config(".*", names.ALL_SUPPORTED, 4, algorithm_key=AlgorithmName.OCTAV)
    else:
        made.add_static_config(".*", names.ALL_SUPPORTED, ACTIVATION_BITS[method], 8)
        if not TRANSFORMER.isdisjoint(flatbuffer.operators(content)):
            floats += [names(name) for name in ATTENTION + NORMALIZATION]
    for name in floats:
        made.update_quantization_recipe(".*", name, algorithm_key=AlgorithmName.NO_QUANTIZE)
    return made


def _ranges(content, quantizer, calibration, batch_size):
    """Return the exact range of every tensor; a moving average would lose the extremes."""
    from ai_edge_quantizer import calibrator
    from ai_edge_quantizer.utils import qsv_utils

    with warnings.catch_warnings():
        # calibration needs an interpreter that keeps all tensors
        warnings.filterwarnings("ignore", "Warning: Enabling `experimental_preserve_all_tensors`")
        watch = calibrator.Calibrator(content, qsv_update_func=qsv_utils.min_max_update)
        (signature,) = watch.get_signature_list()
        batches = calibration_batches(calibration, batch_size)
        watch.calibrate({signature: batches}, quantizer._recipe_manager)
    return watch.get_model_qsvs()


def calibration_batches(calibration: str, batch_size: int) -> list[dict[str, np.ndarray]]:
    """Read an `.npz` file of inputs as full batches of inputs by name."""
    arrays = dict(np.load(calibration))
    count = len(next(iter(arrays.values())))
    return [
        {name: array[i : i + batch_size] for name, array in arrays.items()}
        for i in range(0, count - batch_size + 1, batch_size)
    ]


def with_integer_borders(content: bytes) -> tuple[bytes, str]:
    """Make a quantized file take and return int8 values, as processors without floats need.

    Its first operators only quantize the inputs, and its last ones only convert the outputs to
    floats; they are removed. Inputs of tokens stay integers.

    Args:
        content: The bytes of a file with int8 activations.

    Returns:
        The bytes of the file; and the input or output that another operator takes or gives in
        floats, with the operator's name, or "".
    """
    from ai_edge_litert import schema_py_generated as schema

    codes = {n: name for name, n in vars(schema.BuiltinOperator).items() if type(n) is int}
    model = flatbuffer.read(content)
    (signature,) = model.signatureDefs
    graph = model.subgraphs[signature.subgraphIndex]
    graph.inputs, graph.outputs = list(graph.inputs), list(graph.outputs)

    def name_of(operator):
        return codes[model.operatorCodes[operator.opcodeIndex].builtinCode]

    def is_float(index):
        return graph.tensors[index].type == schema.TensorType.FLOAT32

    def is_int8(index):
        return graph.tensors[index].type == schema.TensorType.INT8

    for entry in signature.inputs:
        index = entry.tensorIndex
        readers = [each for each in graph.operators if index in each.inputs]
        if not is_float(index) or not readers:
            continue
        for each in readers:
            if name_of(each) != "QUANTIZE" or not is_int8(each.outputs[0]):
                return content, f"input `{entry.name.decode()}` of {name_of(each)}"
        border = readers[0].outputs[0]
        for each in readers[1:]:  # they convert from one scale to another
            each.inputs = [border]
        graph.operators.remove(readers[0])
        _move_border(graph, graph.inputs, entry, border)
    for entry in signature.outputs:
        index = entry.tensorIndex
        if not is_float(index):
            continue
        writers = [each for each in graph.operators if index in each.outputs]
        for each in writers:
            if name_of(each) != "DEQUANTIZE" or not is_int8(each.inputs[0]):
                return content, f"output `{entry.name.decode()}` of {name_of(each)}"
        if writers:
            if not any(index in each.inputs for each in graph.operators):
                graph.operators.remove(writers[0])
            _move_border(graph, graph.outputs, entry, writers[0].inputs[0])
    return flatbuffer.write(model), ""


def _move_border(graph, borders, entry, index):
    """Make another tensor the input or output that an entry of the signature names."""
    old, entry.tensorIndex = entry.tensorIndex, index
    graph.tensors[index].name = graph.tensors[old].name
    borders[borders.index(old)] = index


def refused(content: bytes) -> list[tuple[str, list[str]]]:
    """Return the operators of a float file that ai-edge-quantizer does not know.

    Operators that only choose or move values are left out.

    Args:
        content: The bytes of the file.

    Returns:
        For each, its name and the names of its tensors, which hold the names of layers.
    """
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_quantizer import qtyping

    known = {name.value for name in qtyping.TFLOperationName} | {"TRANSPOSE_CONV", *MOVES}
    names = {n: name for name, n in vars(schema.BuiltinOperator).items() if type(n) is int}
    model = flatbuffer.read(content)
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            name = names[model.operatorCodes[operator.opcodeIndex].builtinCode]
            if name not in known:
                tensors = [*operator.outputs, *operator.inputs]
                found.append((name, [graph.tensors[i].name.decode() for i in tensors if i >= 0]))
    return found


def deviation(floats: bytes, content: bytes, batches: list[dict[str, np.ndarray]]) -> float:
    """Return how far a quantized file's outputs are from the float file's, relative to their size.

        sqrt(mean((y' - y)^2) / mean(y^2)), the largest of all outputs; infinite if y' is not finite

    Args:
        floats: The bytes of the float file.
        content: The bytes of the quantized file.
        batches: Inputs by name.
    """
    from ai_edge_litert.interpreter import Interpreter

    answers = []
    for file in (floats, content):
        interpreter = Interpreter(model_content=file)
        (signature,) = interpreter.get_signature_list()
        run = interpreter.get_signature_runner(signature)
        answers.append([run(**batch) for batch in batches])
    ratios = []
    for name in answers[0][0]:
        right, found = (np.stack([y[name] for y in each]).astype("float64") for each in answers)
        if not np.isfinite(found).all():
            return math.inf
        ratios.append(np.sqrt(np.mean((found - right) ** 2) / max(np.mean(right**2), 1e-12)))
    return float(max(ratios))


def quantize_large_weights(content: bytes) -> bytes:
    """Store the weights of large float matrix products of a file as int8.

    A file from quantization-aware training still computes some layers in floats, such as recurrent
    ones. The converter quantizes their weights for "dynamic", but not in such a file. Each output
    has its own scale; clustered weights share one, so that their number stays small. Zeros stay
    zeros. Inputs are quantized as they are computed; results are floats.

        s_i = max |w_i| / 127        q_i = round(w_i / s_i)
    """
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    product = schema.BuiltinOperator.FULLY_CONNECTED
    products = collections.defaultdict(list)
    reads: collections.Counter[int] = collections.Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
            reads.update(tensor.buffer for tensor in tensors)
            code = model.operatorCodes[operator.opcodeIndex]
            is_float = all(tensor.type == schema.TensorType.FLOAT32 for tensor in tensors)
            if code.builtinCode == product and is_float:
                products[tensors[1].buffer].append((code, operator, tensors[1]))
    for number, users in products.items():
        data = model.buffers[number].data
        if data is None or len(data) < 4 * LARGE or len(users) < reads[number]:
            continue
        weights = np.frombuffer(bytes(data), "float32").reshape(users[0][2].shape)
        largest = np.abs(weights).max(1)
        if len(np.unique(weights)) <= CLUSTERED:
            largest[:] = largest.max()
        scale = np.maximum(largest, 1e-12) / 127
        rounded = np.round(weights / scale[:, None]).astype("int8")
        model.buffers[number].data = np.frombuffer(rounded.tobytes(), "uint8")
        for code, operator, tensor in users:
            code.version = max(code.version, PER_OUTPUT_VERSION)
            operator.builtinOptions.asymmetricQuantizeInputs = True
            tensor.type = schema.TensorType.INT8
            tensor.quantization = schema.QuantizationParametersT(
                scale=scale, zeroPoint=np.zeros(len(scale), "int64"), quantizedDimension=0
            )
    return flatbuffer.write(model)


def shorten_scales(content: bytes) -> bytes:
    """Round a quantized file's scales to 8 significant binary digits, of 24.

    Scales hardly compress: in a small network they take a quarter of the zipped file. The rounding
    error of a weight grows from 1/2 step to at most 1 step.

        value = scale * (integer - zero point)        bias's scale = input's scale * weights' scale

    Biases get new integers and keep their values. A file whose biases belong to operators that are
    not in `LINEAR` is returned unchanged.
    """
    model = flatbuffer.read(content)
    for graph in model.subgraphs:
        biases = _biases(model, graph)
        if any(i not in biases and _is_bias(model, t) for i, t in enumerate(graph.tensors)):
            return content
        for index, tensor in enumerate(graph.tensors):
            if index not in biases and _scale(tensor) is not None:
                tensor.quantization.scale = short(_scale(tensor))
        for index, (entry, weights) in biases.items():
            scale = _scale(graph.tensors[entry]) * _scale(graph.tensors[weights])
            _rescale(model, graph.tensors[index], scale)
    return flatbuffer.write(model)


def short(scale: np.ndarray) -> np.ndarray:
    """Round to 8 significant binary digits.

    >>> short(np.float32([1.0, 1.001, 1.0078125, 0.1]))
    array([1.        , 1.        , 1.0078125 , 0.10009766], dtype=float32)
    """
    fraction, exponent = np.frexp(np.asarray(scale, "float32"))
    return np.ldexp(np.round(fraction * 256) / 256, exponent).astype("float32")


def _biases(model, graph):
    """The index of each bias, with the indices of its operator's input and weights."""
    from ai_edge_litert import schema_py_generated as schema

    places = {getattr(schema.BuiltinOperator, name): place for name, place in LINEAR.items()}
    found = {}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex].builtinCode
        entry, weights, bias = places.get(code, (0, 0, len(operator.inputs)))
        index = operator.inputs[bias] if bias < len(operator.inputs) else -1
        if index >= 0 and _is_bias(model, graph.tensors[index]):
            found[index] = operator.inputs[entry], operator.inputs[weights]
    return found


def _is_bias(model, tensor):
    from ai_edge_litert import schema_py_generated as schema

    integers = (schema.TensorType.INT32, schema.TensorType.INT64)
    constant = model.buffers[tensor.buffer].data is not None
    return constant and tensor.type in integers and _scale(tensor) is not None


def _scale(tensor):
    scale = tensor.quantization and tensor.quantization.scale
    return scale if scale is not None and len(scale) else None


def _rescale(model, tensor, scale):
    """Give a bias a new scale, and integers that keep its values."""
    from ai_edge_litert import schema_py_generated as schema

    kind = {schema.TensorType.INT32: "int32", schema.TensorType.INT64: "int64"}[tensor.type]
    buffer = model.buffers[tensor.buffer]
    values = np.frombuffer(bytes(buffer.data), kind) * np.asarray(_scale(tensor), "float64")
    integers = np.round(values / scale).astype(kind)
    buffer.data = np.frombuffer(integers.tobytes(), "uint8")
    tensor.quantization.scale = np.asarray(scale, "float32")
