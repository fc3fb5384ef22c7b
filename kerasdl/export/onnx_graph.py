"""From a SavedModel to an ONNX graph, by tf2onnx; part of the worker."""

import importlib.util
import pathlib

from kerasdl.export.onnx_model import ONNXModel

OPSET = 18  # the newest that tf2onnx writes


def convert(saved_model, output, inputs, weights, metadata) -> dict:
    """Convert, check the graph, and run it once where onnxruntime is; or name what ONNX lacks.

    Args:
        saved_model: A folder of `trace.save`.
        output: The file to write.
        inputs: The model's inputs, in the order in which it takes them.
        weights: Further inputs, to be constants: name -> number of the model's variable.
        metadata: Texts by name.
    """
    import onnx
    import tensorflow as tf
    import tf2onnx.convert

    without_xla(pathlib.Path(saved_model, "saved_model.pb"))
    loaded = tf.saved_model.load(saved_model)  # it holds the variables
    served = loaded.signatures["serving_default"]
    names = [*inputs, *weights]
    specs = [served.structured_input_signature[1][name] for name in names]

    @tf.function(input_signature=specs)
    def function(*arguments):
        return served(**dict(zip(names, arguments, strict=True)))

    model, _ = tf2onnx.convert.from_function(function, [], opset=OPSET)
    without_erfc(model.graph)
    lacking = {(n.op_type, n.name) for n in nodes(model.graph) if not onnx.defs.has(n.op_type)}
    if lacking:  # tf2onnx leaves TensorFlow's operators where it knows none of ONNX
        return {"operators": sorted(lacking)}
    name_free_sizes(model.graph.input, dict(zip(names, specs, strict=True)))
    name_free_sizes(model.graph.output, served.structured_outputs)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    for name, number in weights.items():
        value = onnx.numpy_helper.from_array(loaded.parts[number].numpy(), name)
        model.graph.initializer.append(value)
        model.graph.input.remove(next(i for i in model.graph.input if i.name == name))
    onnx.save(model, output)
    if importlib.util.find_spec("onnxruntime"):
        ONNXModel(output).runner()()
    return {}


def without_erfc(graph):
    """Keras's exact GELU has erfc(x), which ONNX lacks: it becomes 1 - erf(x)."""
    import numpy as np
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


def without_xla(file):
    """Nothing is to be compiled, as Keras wants grouped convolutions: tf2onnx would not look in."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for function in model.meta_graphs[0].graph_def.library.function:
        for part in (function, *function.node_def):
            part.attr.pop("_XlaMustCompile", None)
    file.write_bytes(model.SerializeToString())


def nodes(graph):
    """Those of a graph and of the loops in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes(attribute.g)


def name_free_sizes(values, specs):
    """Write sizes as the model has them; call the first, if it is free, "batch"."""
    for value in values:
        for index, size in enumerate(specs[value.name].shape):
            dimension = value.type.tensor_type.shape.dim[index]
            if size is not None:
                dimension.dim_value = size
            elif index == 0:
                dimension.dim_param = "batch"
