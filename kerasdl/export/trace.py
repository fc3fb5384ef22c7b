"""From any Keras model to a SavedModel that needs no Keras class to be read."""

import contextlib
import re

import keras
import tensorflow as tf
from keras import tree
from keras.src.export import export_utils

from kerasdl.errors import InvalidInput

ACTIVATIONS = {"softmax": keras.ops.softmax, "sigmoid": keras.ops.sigmoid}


def input_signature(model):
    """One structure of `keras.InputSpec` for each positional argument of the model's `call`."""
    subclassed = not hasattr(model, "inputs")
    try:
        # Keras wants it called, even where loading has built all of it
        if subclassed and all(layer.built for layer in model._flatten_layers()):
            found = export_utils._infer_input_signature_from_model(model)
            if found:
                return found
        return export_utils.get_input_signature(model)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"model `{model.name}`",
            "a Keras model that is built or was called once, or an `example` of its input",
            str(error).splitlines()[0],
        ) from error


def input_specs(model, batch_size, example=None):
    """One structure of `tf.TensorSpec` for each positional argument of the model's `call`."""
    if example is not None:
        signature = [tree.map_structure(keras.ops.convert_to_tensor, example)]
        if not model.built:
            model(signature[0], training=False)
    else:
        signature = input_signature(model)
    free = [str(tuple(leaf.shape)) for leaf in tree.flatten(signature) if None in leaf.shape[1:]]
    if free:
        expected = "fixed sizes (give an `example`, whose shape fixes them)"
        raise InvalidInput(f"input of model `{model.name}`", expected, ", ".join(free))
    names = iter(leaf_names("input", signature[0] if len(signature) == 1 else signature))

    def spec(leaf):
        name, given = next(names), getattr(leaf, "name", None)
        if given and not re.match("keras_tensor|input_layer|Const|Eager", given):
            name = re.sub(r"\W", "_", given)  # the caller's own: keras.Input(..., name="image")
        return tf.TensorSpec((batch_size, *leaf.shape[1:]), leaf.dtype, name)

    return tree.map_structure(spec, list(signature))


def leaf_names(prefix, structure):
    """`prefix` for one tensor, a dict's keys, `prefix_0`, `prefix_1`, ... for a list."""

    def name(path):
        words = [str(key) for key in path]
        return re.sub(r"\W", "_", "_".join(words if not words[0].isdigit() else [prefix, *words]))

    return [name(path) if path else prefix for path, _ in tree.flatten_with_path(structure)]


def serving_function(model, activation=None):
    """The model at inference, followed by an activation, giving a dict of named tensors."""
    activate = ACTIVATIONS.get(activation, lambda x: x)

    def serve(*inputs):
        outputs = tree.map_structure(activate, model(*inputs, training=False))
        names = leaf_names("output", outputs)
        if isinstance(outputs, list | tuple) and len(set(_layer_names(model))) == len(names):
            names = _layer_names(model)
        return dict(zip(names, tree.flatten(outputs), strict=True))

    return serve


def _layer_names(model):
    return getattr(model, "output_names", None) or ()


@contextlib.contextmanager
def settings(model, quantize):
    """While tracing: float32 throughout, no GPU kernels, and unrolled RNNs for integers.

    LiteRT has no bfloat16, and quantisers do not look into loops.
    """
    changed = []

    def change(layer, name, value):
        changed.append((layer, name, getattr(layer, name)))
        setattr(layer, name, value)

    try:
        for layer in model._flatten_layers():
            if layer.dtype_policy.compute_dtype != "float32":
                change(layer, "_dtype_policy", keras.DTypePolicy("float32"))
            if isinstance(layer, keras.layers.RNN):
                if hasattr(layer, "use_cudnn"):
                    change(layer, "use_cudnn", False)
                if quantize in ("int8", "int16x8", "int4"):
                    change(layer, "unroll", True)
        yield
    finally:
        for layer, name, value in reversed(changed):
            setattr(layer, name, value)


def save(model, folder, *, quantize, batch_size, activation, signature, example, apart=()):
    """Write the SavedModel; returns the flat list of the specs of its inputs.

    Variables of the model that are to stand `apart` become further inputs, `weight_0` and so on.
    """
    specs = input_specs(model, batch_size, example)
    serve = serving_function(model, activation)
    weights = [tf.TensorSpec(v.shape, v.dtype, f"weight_{i}") for i, v in enumerate(apart)]

    def serve_with(*arguments):
        values = arguments[len(specs) :]
        with keras.StatelessScope(list(zip(apart, values, strict=True))):
            return serve(*arguments[: len(specs)])

    # a bare module: Keras's own ExportArchive traces the model a second time, with free sizes
    module = tf.Module()
    module.parts = [variable.value for variable in model.variables]
    with settings(model, quantize):
        function = tf.function(serve_with if apart else serve, input_signature=[*specs, *weights])
        tf.saved_model.save(module, folder, {signature: function.get_concrete_function()})
    return tree.flatten(specs)
