"""ONNX files: run them with onnxruntime, and make them from SavedModels with tf2onnx."""

import functools
import importlib.util
import pathlib
from typing import Any

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.export import metadata, model_file

OPSET = 18  # the newest that tf2onnx writes
TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}


class ONNXModel(model_file.ModelFile):
    """An `.onnx` file: run it with onnxruntime, and read its size and metadata.

    Args:
        path: Path of the file.
        threads: int, number of threads of onnxruntime.
    """

    suffix = ".onnx"

    @functools.cached_property
    def session(self) -> Any:
        """The session of onnxruntime."""
        require("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3  # errors
        try:
            return onnxruntime.InferenceSession(
                self.path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions have no common base class
            line = str(error).strip().splitlines()[0]
            raise InvalidInput(f"file {self.path}", "an ONNX model that runs", line) from error

    @functools.cached_property
    def metadata(self) -> metadata.Metadata:
        """Labels, description, input range and more, if the file has them."""
        return metadata.from_texts(self.session.get_modelmeta().custom_metadata_map)

    @functools.cached_property
    def inputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        return _specs(self.session.get_inputs())

    @functools.cached_property
    def outputs(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        return _specs(self.session.get_outputs())

    def call(self, **arrays):
        return dict(zip(self.outputs, self.session.run(None, arrays), strict=True))

    def runner(self):
        binding = self.session.io_binding()
        for name, (shape, dtype) in self.inputs.items():
            binding.bind_cpu_input(name, model_file.random_input(shape, dtype))
        for name in self.outputs:
            binding.bind_output(name)
        return functools.partial(self.session.run_with_iobinding, binding)


def require(*modules: str):
    """Raise unless these packages, which the extra `onnx` installs, can be imported."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        expected = "the packages for ONNX (pip install 'kerasdl[onnx]')"
        raise InvalidInput("installation", expected, f"no {', no '.join(missing)}")


def _specs(arguments):
    return {
        argument.name: (
            tuple(size if isinstance(size, int) else -1 for size in argument.shape),
            np.dtype(TYPES.get(argument.type, argument.type[len("tensor(") : -1])),
        )
        for argument in arguments
    }


def from_saved_model(
    saved_model: str,
    output: str,
    inputs: list[str],
    outputs: list[str],
    weights: dict[str, int],
    metadata: dict[str, str],
) -> dict:
    """Convert a SavedModel to an ONNX file, check it, and run it once if onnxruntime is installed.

    Runs in the converter process.

    Args:
        saved_model: Path of a folder that `trace.save` wrote.
        output: Path of the file to write.
        inputs: Names of the model's inputs, in the order in which it takes them.
        outputs: Names of its outputs, in order.
        weights: Further inputs that become constants: the name of each, and the index of the
            model's variable that has its value.
        metadata: Texts by name.

    Returns:
        An empty dict, or {"operators": [(operator, name of the node), ...]} if ONNX lacks some.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx.convert

    _remove_xla(pathlib.Path(saved_model, "saved_model.pb"))
    loaded = tf.saved_model.load(saved_model)  # it holds the variables
    served = loaded.signatures["serving_default"]
    names = [*inputs, *weights]
    specs = [served.structured_input_signature[1][name] for name in names]

    @tf.function(input_signature=specs)
    def function(*arguments):
        return served(**dict(zip(names, arguments, strict=True)))

    model, _ = tf2onnx.convert.from_function(function, [], opset=OPSET)
    _replace_erfc(model.graph)
    lacking = {(n.op_type, n.name) for n in _nodes(model.graph) if not onnx.defs.has(n.op_type)}
    if lacking:  # tf2onnx keeps TensorFlow operators that it cannot convert
        return {"operators": sorted(lacking)}
    for values, order in ((model.graph.input, names), (model.graph.output, outputs)):
        ordered = sorted(values, key=lambda value: order.index(value.name))
        del values[:]
        values.extend(ordered)
    _name_free_sizes(model.graph.input, dict(zip(names, specs, strict=True)))
    _name_free_sizes(model.graph.output, served.structured_outputs)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    for name, index in weights.items():
        value = onnx.numpy_helper.from_array(loaded.parts[index].numpy(), name)
        model.graph.initializer.append(value)
        model.graph.input.remove(next(i for i in model.graph.input if i.name == name))
    onnx.save(model, output)
    if importlib.util.find_spec("onnxruntime"):
        ONNXModel(output).runner()()
    return {}


def _replace_erfc(graph):
    """Write erfc(x), which Keras's exact GELU uses and ONNX lacks, as 1 - erf(x)."""
    import onnx

    for node in [n for n in graph.node if n.op_type == "Erfc"]:
        (x,), (y,), name = node.input, node.output, node.name
        one = onnx.numpy_helper.from_array(np.ones((), "float32"), f"{name}/one")
        graph.initializer.append(one)
        place = list(graph.node).index(node)
        graph.node.remove(node)
        graph.node.insert(place, onnx.helper.make_node("Erf", [x], [f"{name}/erf"]))
        parts = [one.name, f"{name}/erf"]
        graph.node.insert(place + 1, onnx.helper.make_node("Sub", parts, [y], name=name))


def _remove_xla(file):
    """Remove the attributes by which Keras has XLA compile grouped convolutions.

    tf2onnx does not look inside functions that XLA compiles.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        for part in (function, *function.node_def):
            part.attr.pop("_XlaMustCompile", None)
    file.write_bytes(model.SerializeToString())


def _nodes(graph):
    """The nodes of a graph and of the loops inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _nodes(attribute.g)


def _name_free_sizes(values, specs):
    """Write the model's fixed sizes, and name a free first dimension "batch"."""
    for value in values:
        for index, size in enumerate(specs[value.name].shape):
            dimension = value.type.tensor_type.shape.dim[index]
            if size is not None:
                dimension.dim_value = size
            elif index == 0:
                dimension.dim_param = "batch"
