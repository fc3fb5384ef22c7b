"""Trace a Keras model into a SavedModel that can be read without Keras."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence

import keras
import tensorflow as tf
from keras import tree
from keras.src.export import export_utils

from kerasdl.errors import InvalidInput
from kerasdl.utils import patches

UNROLLED = ("int8", "int16x8", "int4")  # recurrent layers have no loop: quantizers ignore loops
ACTIVATIONS = {"softmax": keras.ops.softmax, "sigmoid": keras.ops.sigmoid}


def input_signature(model) -> list:
    """Return a structure of `keras.InputSpec` for each positional argument of `model.call`."""
    subclassed = not hasattr(model, "inputs")
    try:
        # Keras requires that the model was called once, even if loading has built it
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


def input_specs(model, batch_size: int | None, example=None) -> list:
    """Return a structure of `tf.TensorSpec` for each positional argument of `model.call`."""
    if example is not None:
        signature = [tree.map_structure(keras.ops.convert_to_tensor, example)]
        if not model.built:
            model(signature[0], training=False)
    else:
        signature = input_signature(model)
    leaves = tree.flatten(list(signature))
    free = [str(tuple(leaf.shape)) for leaf in leaves if None in leaf.shape[1:]]
    if free:
        expected = "fixed sizes (give an `example`, whose shape fixes them)"
        raise InvalidInput(f"input of model `{model.name}`", expected, ", ".join(free))
    names = leaf_names("input", signature[0] if len(signature) == 1 else signature)
    given = [_given_name(leaf) or name for leaf, name in zip(leaves, names, strict=True)]
    names = given if len(set(given)) == len(given) else names
    specs = [
        tf.TensorSpec((batch_size, *leaf.shape[1:]), leaf.dtype, name)
        for leaf, name in zip(leaves, names, strict=True)
    ]
    return tree.pack_sequence_as(list(signature), specs)


def _given_name(leaf):
    """Return the name that a user gave an input: `keras.Input(..., name="image")`."""
    name = getattr(leaf, "name", None)
    if not name or re.match("keras_tensor|input_layer|Const|Eager", name):
        return None
    return re.sub(r"\W", "_", name)


def leaf_names(prefix: str, structure) -> list[str]:
    """Name the tensors of a structure.

    One tensor is named `prefix`, those of a list `prefix_0`, `prefix_1`, ..., and those of a dict
    by their keys.
    """

    def name(path):
        words = [str(key) for key in path]
        return re.sub(r"\W", "_", "_".join(words if not words[0].isdigit() else [prefix, *words]))

    return [name(path) if path else prefix for path, _ in tree.flatten_with_path(structure)]


def serving_function(model, activation: str | None = None) -> Callable[..., dict]:
    """Return a function that runs the model at inference and returns its outputs by name.

    Args:
        model: The Keras model.
        activation: "softmax" or "sigmoid", applied to the outputs; by default none.
    """
    activate = ACTIVATIONS.get(activation or "", lambda x: x)

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
def settings(model, quantize: str | None) -> Iterator[None]:
    """Change the model's layers while it is traced for LiteRT.

    All layers compute in float32, because LiteRT has no bfloat16, and recurrent layers use no GPU
    kernels. For integers recurrent layers are unrolled, because quantizers ignore loops.
    """
    with contextlib.ExitStack() as stack:

        def change(layer, name, value):
            stack.enter_context(patches.replaced(layer, name, value))

        for layer in model._flatten_layers():
            if layer.dtype_policy.compute_dtype != "float32":
                change(layer, "_dtype_policy", keras.DTypePolicy("float32"))
            if isinstance(layer, keras.layers.RNN):
                if hasattr(layer, "use_cudnn"):
                    change(layer, "use_cudnn", False)
                if quantize in UNROLLED:
                    change(layer, "unroll", True)
        yield


def is_recurrent(model) -> bool:
    """Return whether a model has a recurrent layer."""
    return any(isinstance(layer, keras.layers.RNN) for layer in model._flatten_layers())


def note_if_larger(model, quantize: str, name: str, times: float) -> str:
    """Return a sentence if a file is larger than in float because its loops are unrolled.

    Args:
        model: The Keras model.
        quantize: str, how the file is quantized.
        name: str, the file's name.
        times: float, its size relative to the float file.
    """
    if times <= 1 or quantize not in UNROLLED or not is_recurrent(model):
        return ""
    return (
        f"{name} is {times:.1f} times as large as in float, because its loops are unrolled: "
        "float16 or dynamic files are smaller, but may be slower."
    )


def save(
    model,
    folder,
    *,
    quantize: str | None = None,
    batch_size: int | None = None,
    activation: str | None = None,
    signature: str = "serving_default",
    example=None,
    as_inputs: Sequence[keras.Variable] = (),
) -> tuple[list[tf.TensorSpec], dict[str, tf.TensorSpec]]:
    """Write a SavedModel; return the specs of its inputs and those of its outputs by name.

    Args:
        model: The Keras model.
        folder: Path of the folder to write.
        quantize: How the file will be quantized: see `settings`.
        batch_size, activation, signature, example: As in `kerasdl.export.to_litert`.
        as_inputs: Variables of the model that become further inputs: `weight_0`, `weight_1`, ...
    """
    specs = input_specs(model, batch_size, example)
    serve = serving_function(model, activation)
    weights = [tf.TensorSpec(v.shape, v.dtype, f"weight_{i}") for i, v in enumerate(as_inputs)]

    def serve_with_weights(*arguments):
        values = arguments[len(specs) :]
        with keras.StatelessScope(list(zip(as_inputs, values, strict=True))):
            return serve(*arguments[: len(specs)])

    # a plain module: Keras's ExportArchive would trace the model a second time, with free sizes
    module = tf.Module()
    module.parts = [variable.value for variable in model.variables]
    with settings(model, quantize):
        served = serve_with_weights if as_inputs else serve
        function = tf.function(served, input_signature=[*specs, *weights])
        concrete = function.get_concrete_function()
        try:
            tf.saved_model.save(module, folder, {signature: concrete})
        except tf.errors.OpError as error:  # the disk is full, or may not be written
            raise OSError(f"{folder}: {error.message}") from error
    return tree.flatten(specs), dict(concrete.structured_outputs)
