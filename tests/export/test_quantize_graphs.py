"""Graphs made by hand: which weights become int8, which tensors are biases, and their scales."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerasdl.export import flatbuffer, quantize

KINDS = schema.TensorType
LARGE = (2, 512)  # the smallest weights that are quantized have 1,024 elements


class Graph:
    """A graph to which tensors and operators are added; each gets the next index."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.buffers = 3, [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs = self.graph.outputs = []
        self.model.subgraphs = [self.graph]

    def tensor(self, values=None, kind=KINDS.FLOAT32, scale=None):
        tensor = schema.TensorT()
        tensor.type, tensor.buffer, tensor.shape = kind, 0, [1]
        if values is not None:
            tensor.shape = list(values.shape)
            self.model.buffers.append(schema.BufferT())
            self.model.buffers[-1].data = np.frombuffer(values.tobytes(), "uint8")
            tensor.buffer = len(self.model.buffers) - 1
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.asarray(scale, "float32")
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, name, *inputs, version=1):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = version
        self.model.operatorCodes.append(code)
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs = list(inputs), []
        if name == "FULLY_CONNECTED":
            operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
            operator.builtinOptions = schema.FullyConnectedOptionsT()
        self.graph.operators.append(operator)

    def quantized(self):
        """Return the model after `quantize_large_weights`."""
        return flatbuffer.read(quantize.quantize_large_weights(flatbuffer.write(self.model)))

    def product(self, values, version=1):
        """Add a matrix product and return the index of its weights."""
        x, weights = self.tensor(), self.tensor(values)
        self.operator("FULLY_CONNECTED", x, weights, version=version)
        return weights


def normal(shape=LARGE):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def values_of(model, index):
    tensor = model.subgraphs[0].tensors[index]
    kind = {KINDS.FLOAT32: "float32", KINDS.INT8: "int8"}[tensor.type]
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), kind).reshape(tensor.shape)


@pytest.mark.parametrize(("version", "expected"), [(1, 12), (12, 12), (14, 14)])
def test_large_weights_get_a_scale_for_each_output(version, expected):
    graph, weights = Graph(), normal()
    index = graph.product(weights, version)
    model = graph.quantized()
    tensor, operator = model.subgraphs[0].tensors[index], model.subgraphs[0].operators[0]
    assert tensor.type == KINDS.INT8 and list(tensor.shape) == [2, 512]
    scale = np.abs(weights).max(axis=1) / 127
    np.testing.assert_allclose(tensor.quantization.scale, scale, rtol=1e-6)
    assert tensor.quantization.zeroPoint.tolist() == [0, 0]
    assert tensor.quantization.quantizedDimension == 0
    expected_values = np.round(weights / scale[:, None])
    np.testing.assert_array_equal(values_of(model, index), expected_values)
    assert np.abs(values_of(model, index)).max(axis=1).tolist() == [127, 127]
    assert operator.builtinOptions.asymmetricQuantizeInputs
    assert model.operatorCodes[0].version == expected


def test_weights_below_1024_elements_stay_floats():
    graph = Graph()
    small, large = graph.product(normal((1, 1023))), graph.product(normal((1, 1024)))
    model = graph.quantized()
    np.testing.assert_array_equal(values_of(model, small), normal((1, 1023)))
    assert values_of(model, large).dtype == "int8"
    assert not model.subgraphs[0].operators[0].builtinOptions.asymmetricQuantizeInputs


@pytest.mark.parametrize(("largest", "scales"), [(255, (255, 255)), (256, (127, 256))])
def test_weights_of_at_most_256_values_share_a_scale(largest, scales):
    weights = np.tile(np.arange(128.0), (2, 4)).astype("float32")
    weights[1] += 128  # 0 to 127, and 128 to 255
    weights[1, -1] = largest
    assert len(np.unique(weights)) == largest + 1
    graph = Graph()
    index = graph.product(weights)
    found = graph.quantized().subgraphs[0].tensors[index].quantization.scale
    np.testing.assert_allclose(found, np.array(scales) / 127, rtol=1e-6)


def test_output_whose_weights_are_zeros_stays_zeros():
    weights, graph = normal(), Graph()
    weights[1] = 0
    index = graph.product(weights)
    model = graph.quantized()
    assert not values_of(model, index)[1].any() and values_of(model, index)[0].any()
    scale = model.subgraphs[0].tensors[index].quantization.scale
    assert scale[1] == pytest.approx(1e-12 / 127)


def test_two_products_of_the_same_weights_are_both_changed():
    graph = Graph()
    weights = graph.product(normal())
    graph.operator("FULLY_CONNECTED", 0, weights)
    other = graph.product(2 * normal())
    model = graph.quantized()
    assert values_of(model, weights).dtype == values_of(model, other).dtype == "int8"
    options = [operator.builtinOptions for operator in model.subgraphs[0].operators]
    assert all(each.asymmetricQuantizeInputs for each in options)
    assert [code.version for code in model.operatorCodes] == [12, 12, 12]


@pytest.mark.parametrize("name", ["ADD", "BATCH_MATMUL"])
def test_weights_that_another_operator_reads_stay_floats(name):
    graph = Graph()
    weights, other = graph.product(normal()), graph.tensor(normal())
    graph.operator(name, 0, weights)
    graph.operator(name, 0, other)
    model = graph.quantized()
    np.testing.assert_array_equal(values_of(model, weights), normal())
    np.testing.assert_array_equal(values_of(model, other), normal())
    assert model.operatorCodes[0].version == 1


def test_products_of_integers_and_of_computed_matrices_are_unchanged():
    graph, integers = Graph(), np.ones(LARGE, "int8")
    x, weights = graph.tensor(kind=KINDS.INT8), graph.tensor(integers, KINDS.INT8, [0.5])
    graph.operator("FULLY_CONNECTED", x, weights)
    graph.operator("FULLY_CONNECTED", graph.tensor(), graph.tensor(), -1)
    mixed = graph.tensor(normal())
    graph.operator("FULLY_CONNECTED", x, mixed)
    model = graph.quantized()
    np.testing.assert_array_equal(values_of(model, weights), integers)
    np.testing.assert_array_equal(values_of(model, mixed), normal())
    assert [code.version for code in model.operatorCodes] == [1, 1, 1]


def bias(graph, values=(100, -7), kind=KINDS.INT32, scale=(0.5,)):
    return graph.tensor(np.array(values, {KINDS.INT32: "int32"}.get(kind, "int64")), kind, scale)


def test_bias_may_be_the_first_tensor_and_may_be_absent():
    graph = Graph()
    first = bias(graph)
    x, weights = graph.tensor(), graph.tensor()
    graph.operator("FULLY_CONNECTED", x, weights, first)
    assert first == 0 and quantize._biases(graph.model, graph.graph) == {0: (x, weights)}
    for inputs in ((x, weights, -1), (x, weights)):
        graph = Graph()
        bias(graph), graph.tensor(), graph.tensor()
        graph.operator("FULLY_CONNECTED", *inputs)
        assert quantize._biases(graph.model, graph.graph) == {}


@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_bias_is_the_third_input(name):
    graph = Graph()
    x, weights, third = graph.tensor(), graph.tensor(), bias(graph)
    graph.operator(name, x, weights, third)
    assert quantize._biases(graph.model, graph.graph) == {third: (x, weights)}


def test_bias_of_a_transposed_convolution_is_the_fourth_input():
    graph = Graph()
    shape, weights, x, last = bias(graph), graph.tensor(), graph.tensor(), bias(graph)
    graph.operator("TRANSPOSE_CONV", shape, weights, x, last)
    assert quantize._biases(graph.model, graph.graph) == {last: (x, weights)}


def test_other_operators_have_no_bias():
    graph = Graph()
    graph.operator("ADD", graph.tensor(), graph.tensor(), bias(graph))
    assert quantize._biases(graph.model, graph.graph) == {}


def test_bias_is_constant_has_a_scale_and_32_or_64_bits():
    graph = Graph()
    for tensor, expected in (
        (bias(graph), True),
        (bias(graph, kind=KINDS.INT64), True),
        (bias(graph, scale=None), False),
        (bias(graph, scale=()), False),
        (graph.tensor(np.ones(4, "int8"), KINDS.INT8, [0.5]), False),
        (graph.tensor(kind=KINDS.INT32, scale=[0.5]), False),
    ):
        assert quantize._is_bias(graph.model, graph.graph.tensors[tensor]) is expected


@pytest.mark.parametrize(("kind", "name"), [(KINDS.INT32, "int32"), (KINDS.INT64, "int64")])
def test_bias_with_another_scale_keeps_its_values(kind, name):
    graph = Graph()
    tensor = graph.graph.tensors[bias(graph, (100, -7, 3), kind, (0.5, 0.5, 0.25))]
    quantize._rescale(graph.model, tensor, np.array([0.25, 1.0, 0.0625]))
    found = np.frombuffer(bytes(graph.model.buffers[tensor.buffer].data), name)
    assert found.tolist() == [200, -4, 12]  # -3.5 is rounded to the even neighbor
    assert tensor.quantization.scale.dtype == "float32"
    assert tensor.quantization.scale.tolist() == [0.25, 1.0, 0.0625]


def test_scales_are_shortened_and_a_bias_gets_the_product_of_two():
    """0.1 becomes 205 / 2048, and 0.3 becomes 154 / 512 (8 binary digits)."""
    graph = Graph()
    x = graph.tensor(kind=KINDS.INT8, scale=[0.1])
    weights = graph.tensor(np.ones((2, 4), "int8"), KINDS.INT8, [0.3, 0.5])
    last = bias(graph, (1000, -1000), scale=(0.03, 0.05))
    plain = graph.tensor()
    graph.operator("FULLY_CONNECTED", x, weights, last)
    content = quantize.shorten_scales(flatbuffer.write(graph.model))
    tensors = flatbuffer.read(content).subgraphs[0].tensors
    assert tensors[x].quantization.scale.tolist() == [205 / 2048]
    assert tensors[weights].quantization.scale.tolist() == [154 / 512, 0.5]
    scales = np.array([205 / 2048 * 154 / 512, 205 / 2048 * 0.5])
    np.testing.assert_allclose(tensors[last].quantization.scale, scales, rtol=1e-6)
    data = flatbuffer.read(content).buffers[tensors[last].buffer].data
    expected = np.round(np.array([30.0, -50.0]) / scales)
    assert np.frombuffer(bytes(data), "int32").tolist() == expected.tolist()
    assert quantize._scale(tensors[plain]) is None


def test_calibration_data_are_cut_into_whole_batches(tmp_path):
    x, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    for size, count in ((1, 5), (2, 2), (5, 1), (6, 0)):
        batches = quantize.calibration_batches(str(tmp_path / "data.npz"), size)
        assert len(batches) == count
        for number, batch in enumerate(batches):
            rows = slice(number * size, (number + 1) * size)
            np.testing.assert_array_equal(batch["x"], x[rows])
            np.testing.assert_array_equal(batch["y"], y[rows])
