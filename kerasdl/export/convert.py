"""Convert a Keras model to a LiteRT file, an ONNX file or a SavedModel.

LiteRT and ONNX conversions run in a process of their own (`worker`), because TensorFlow's converter
sometimes crashes. Each file is run once and then renamed to its path, so no partial file is left.
"""

import contextlib
import math
import os
import pathlib
import re
import shutil
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.export import metadata
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.export.onnx_model import ONNXModel, require
from kerasdl.export.quantize import CALIBRATED
from kerasdl.export.worker import WORKER, CrashError
from kerasdl.utils import checks, files, types
from kerasdl.utils.types import Arrays

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


QUANTIZATIONS = ("float16", "dynamic", "int8", "int16x8", "int4", "aware")
INPUT_TYPES = ("float32", "int8")
INTEGER = ("int8", "aware")  # quantizations whose files can take and return int8 values
CALIBRATION_EXAMPLES = 200
FAR = 0.5  # error of a quantized file, relative to its outputs, from which a warning is given
LARGEST_BATCH = 2**16  # of a file, whose tensors are all allocated when it is opened
LARGE = 1_000_000  # elements; larger matrices are copied into the ONNX file last


def to_litert(
    model: "keras.Model",
    path: str | os.PathLike,
    *,
    quantize: types.Quantization | None = None,
    calibration: "tf.data.Dataset | Arrays" = None,
    batch_size: int | None = 1,
    sparse: bool = False,
    short_scales: bool | None = None,
    activation: str | None = None,
    input_type: types.InputType = "float32",
    signature: str = "serving_default",
    labels: tuple[str, ...] = (),
    description: str = "",
    input_range: tuple[float, float] | None = None,
    vocabulary: tuple[str, ...] = (),
    example: Arrays = None,
) -> LiteRTModel:
    """Convert a Keras model to a LiteRT file that uses built-in operators only.

    LiteRT is the new name of TensorFlow Lite. Such a file runs on Android, iOS, in browsers and
    with `LiteRTModel`, and needs no TensorFlow.

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: Path of the file to write, ending in `.tflite`.
        quantize: str or `None`, the number format of weights and activations. Inputs and outputs
            stay float32, unless `input_type` says otherwise.
            `None`, the default: float32;
            "float16": half the size;
            "dynamic": int8 weights, activations quantized as they are computed;
            "int8": int8 weights and activations;
            "int16x8": int8 weights and int16 activations, for networks that lose accuracy in int8;
            "int4": 4-bit weights;
            "aware": int8, with the ranges that quantization-aware training put into the model.
        calibration: Inputs that set the ranges of activations for "int8" and "int16x8": an array, a
            tuple or dict of arrays for several inputs; or batches or single examples, as a list, a
            generator or a `tf.data.Dataset`. The first 200 examples are used. They must look like
            the training data: NaN, infinity, and values outside `input_range` are refused. A
            warning says so if the file's outputs for them are far from those in floats.
        batch_size: int or `None`, the file's fixed batch size, at most 65,536. `None` allows any.
            The default, 1, is what phones and browsers need.
        sparse: bool, whether the file omits zeros. This makes the file of a float model smaller if
            it is pruned to 0.6 or more.
        short_scales: bool, whether the scales of a quantized file are rounded to 8 binary digits,
            which makes the zip of a small file a tenth smaller. By default True, except for
            "aware", whose scales are those of training.
        activation: "softmax" or "sigmoid", appended to the network's logits; `None` appends none.
        input_type: str, the type of inputs and outputs: "float32"; or "int8", for "int8" and
            "aware", which microcontrollers and other processors without floats need. An app then
            quantizes the inputs by `LiteRTModel.input_scales`, as `LiteRTModel.predict` does.
        signature: str, the name under which an app finds the function.
        labels: tuple of str, the name of each class, as many as an output has columns, stored in
            the file's metadata, also as MediaPipe and other programs read it.
        description: str, what the model does and what its input means, stored in the metadata.
        input_range: The smallest and largest input value that the model was trained on, stored in
            the metadata, for images also as the normalization of their bytes.
        vocabulary: tuple of str, the text of each token of a model of texts, stored in the
            metadata.
        example: A batch of inputs. Needed for a subclassed model that was never called, and for a
            model with free input sizes, such as a language model's context length.

    Returns:
        The file, as a `LiteRTModel`.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = to_litert(model, f"{folder}/model.tflite", quantize="int8", calibration=x)
        ...     print(file.predict(x).shape)
        (32, 3)
    """
    path = _checked_path(path)
    checks.models(model=model)
    check_litert_options(path, quantize, calibration, batch_size, sparse, activation, input_type)
    if short_scales is not None:
        checks.flags(short_scales=short_scales)
    _check_facts(signature, labels, description, input_range, example, vocabulary)
    _check_weights(model)
    from kerasdl.export import trace

    with _temporary_folder() as folder:
        WORKER.start()  # it imports TensorFlow while this process traces the model
        specs, outputs = trace.save(
            model,
            folder / "model",
            quantize=quantize,
            batch_size=batch_size,
            activation=activation,
            signature=signature,
            example=example,
        )
        _check_labels(labels, outputs)
        job: dict[str, Any] = {
            "saved_model": str(folder / "model"),
            "output": str(folder / "converted.tflite"),
            "quantize": quantize,
            "calibration": str(folder / "calibration.npz"),
            "inputs": [spec.name for spec in specs],
            "outputs": list(outputs),
            "facts": {
                "description": description,
                "labels": list(labels),
                "input_range": checks.plain(input_range),
                "vocabulary": list(vocabulary),
            },
            "input_type": input_type,
            "batch_size": int(batch_size or 1),
            "sparse": bool(sparse),
            "short_scales": quantize != "aware" if short_scales is None else bool(short_scales),
        }
        if quantize in CALIBRATED:
            arrays = _calibration_arrays(calibration, specs, batch_size or 1)
            _check_calibration(arrays, model, input_range)
            np.savez(job["calibration"], **arrays)
        answer = _run_worker(model, f"LiteRT {quantize}" if quantize else "LiteRT", **job)
        bits = "int8" if quantize == "aware" else quantize
        if quantize == "dynamic" and "INT8" not in answer.get("weights", ["INT8"]):
            bits = None  # the converter leaves kernels of fewer than 1,024 weights in float
        facts = metadata.Metadata(
            description,
            tuple(labels),
            checks.plain(input_range),
            activation,
            bits,
            tuple(vocabulary),
        )
        metadata.append(folder / "converted.tflite", facts)
        _move(folder / "converted.tflite", path)
    _warn_if_far(answer.get("deviation"), path, quantize)
    return LiteRTModel(path)


def to_onnx(
    model: "keras.Model",
    path: str | os.PathLike,
    *,
    batch_size: int | None = None,
    activation: str | None = None,
    labels: tuple[str, ...] = (),
    description: str = "",
    input_range: tuple[float, float] | None = None,
    vocabulary: tuple[str, ...] = (),
    example: Arrays = None,
) -> ONNXModel:
    """Convert a Keras model to an ONNX file, for onnxruntime and many other runtimes.

    Inputs and outputs keep the model's names. `pip install 'kerasdl[onnx]'` installs the required
    packages. The file is checked, and run once if onnxruntime is installed, before it is renamed to
    its path.

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: Path of the file to write, ending in `.onnx`.
        batch_size: int or `None`, a fixed batch size. By default any batch size is allowed.
        activation, labels, description, input_range, vocabulary, example: As in `to_litert`.
            Labels, description, input range and vocabulary become ONNX metadata.

    Returns:
        The file, as an `ONNXModel`.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(to_onnx(model, f"{folder}/model.onnx").predict(np.ones((2, 4))).shape)
        (2, 3)
    """
    path = _checked_path(path)
    checks.models(model=model)
    check_options(path, ONNXModel.suffix, batch_size, activation)
    _check_facts("", labels, description, input_range, example, vocabulary)
    _check_weights(model)
    require("tf2onnx", "onnx")
    from kerasdl.export import trace

    # tf2onnx copies the graph many times, so large matrices are added at the end
    large = [
        index
        for index, variable in enumerate(model.variables)
        if len(variable.shape) == 2 and math.prod(variable.shape) >= LARGE
    ]
    with _temporary_folder() as folder:
        WORKER.start()  # it imports TensorFlow while this process traces the model
        specs, outputs = trace.save(
            model,
            folder / "model",
            batch_size=batch_size,
            activation=activation,
            example=example,
            as_inputs=[model.variables[index] for index in large],
        )
        _check_labels(labels, outputs)
        facts = metadata.Metadata(
            description,
            tuple(labels),
            checks.plain(input_range),
            activation,
            vocabulary=tuple(vocabulary),
        )
        _run_worker(
            model,
            "ONNX",
            format="onnx",
            saved_model=str(folder / "model"),
            output=str(folder / "converted.onnx"),
            inputs=[spec.name for spec in specs],
            outputs=list(outputs),
            weights={f"weight_{i}": index for i, index in enumerate(large)},
            metadata=metadata.to_texts(facts),
        )
        _move(folder / "converted.onnx", path)
    return ONNXModel(path)


def to_saved_model(
    model: "keras.Model",
    path: str | os.PathLike,
    *,
    batch_size: int | None = None,
    activation: str | None = None,
    signature: str = "serving_default",
    example: Arrays = None,
) -> pathlib.Path:
    """Write a SavedModel folder, which `tf.saved_model.load` and TensorFlow Serving can open.

    It can be read without Keras. A failure leaves no partial folder.

    Args:
        model: A functional, Sequential or subclassed Keras model.
        path: Path of the folder to create. It must not exist yet.
        batch_size: int or `None`, a fixed batch size. By default any batch size is allowed.
        activation, signature, example: As in `to_litert`.

    Returns:
        The path.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(to_saved_model(model, f"{folder}/model").name)
        model
    """
    from kerasdl.export import trace

    path = _checked_path(path)
    checks.models(model=model)
    _check_facts(signature, example=example)
    if path.exists():
        raise InvalidInput("value for argument `path`", "a folder that does not exist yet", path)
    check_options(path, path.suffix, batch_size, activation)
    with _writable(), files.atomic(path) as partial:
        trace.save(
            model,
            partial,
            batch_size=batch_size,
            activation=activation,
            signature=signature,
            example=example,
        )
    return path


def _checked_path(path) -> pathlib.Path:
    checks.paths(path=path)
    return pathlib.Path(path)


@contextlib.contextmanager
def _temporary_folder():
    """Give a temporary folder; one that cannot be written, or is full, is one line."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder)
    except OSError as error:
        expected = "one that can be written, with room (TMPDIR chooses it)"
        raise InvalidInput("temporary folder", expected, error) from error


def _check_labels(labels, outputs):
    """Check that an output has as many columns as there are labels."""
    columns = [spec.shape[-1] for spec in outputs.values() if len(spec.shape) > 1]
    if len(labels) == 2 and 1 in columns:
        return  # one probability decides between two classes
    if labels and len(labels) not in columns:
        expected = f"as many as an output has columns: {', '.join(map(str, columns)) or 'none'}"
        raise InvalidInput("value for argument `labels`", expected, f"{len(labels)} labels")


def _check_facts(
    signature, labels=(), description="", input_range=None, example=None, vocabulary=()
):
    """Check what is stored in a file, and the example of its input."""
    words = isinstance(vocabulary, (tuple, list)) and all(isinstance(x, str) for x in vocabulary)
    checks.check("vocabulary", vocabulary, words, "a tuple of texts")
    checks.texts(signature=signature, description=description, empty=True)
    named = isinstance(labels, (tuple, list)) and all(isinstance(label, str) for label in labels)
    checks.check("labels", labels, named, "a tuple of texts")
    pair = isinstance(input_range, (tuple, list)) and len(input_range) == 2
    holds = pair and all(map(checks.is_number, input_range)) and input_range[0] < input_range[1]
    expected = "the smallest and the largest input value, or None"
    checks.check("input_range", input_range, holds or input_range is None, expected)
    checks.arrays(example=example, optional=True)


def check_options(
    path: pathlib.Path, suffix: str, batch_size: int | None, activation: str | None
) -> None:
    """Check the options that every format has, before anything is traced."""
    if path.suffix != suffix:
        raise InvalidInput("value for argument `path`", f"a name that ends in {suffix}", path)
    if activation is not None:
        checks.choices(("softmax", "sigmoid"), activation=activation)
    checks.integers(batch_size=batch_size, limit=LARGEST_BATCH, optional=True)
    if not path.parent.is_dir():
        raise InvalidInput("value for argument `path`", "a folder that exists", path.parent)


def check_litert_options(
    path: pathlib.Path,
    quantize: str | None = None,
    calibration=None,
    batch_size: int | None = 1,
    sparse: bool = False,
    activation: str | None = None,
    input_type: str = "float32",
) -> None:
    """Check the options of `to_litert`, before anything is traced."""
    check_options(path, LiteRTModel.suffix, batch_size, activation)
    if quantize is not None:
        errors.one_of("value for argument `quantize`", quantize, QUANTIZATIONS)
    if (quantize in CALIBRATED) != (calibration is not None):
        methods = " and ".join(CALIBRATED)
        expected = f"inputs for {quantize}" if quantize in CALIBRATED else f"none but for {methods}"
        received = None if calibration is None else type(calibration).__name__
        raise InvalidInput("value for argument `calibration`", expected, received)
    errors.one_of("value for argument `input_type`", input_type, INPUT_TYPES)
    if input_type == "int8" and quantize not in INTEGER:
        expected = f"float32, unless `quantize` is {' or '.join(INTEGER)}"
        raise InvalidInput("value for argument `input_type`", expected, f"int8 with {quantize}")
    checks.flags(sparse=sparse)
    if sparse and quantize:
        raise InvalidInput("value for argument `sparse`", f"False with {quantize}", sparse)


def _calibration_arrays(calibration, specs, batch_size) -> dict[str, Any]:
    """Return the first examples of the calibration data, by the names of the inputs."""
    if isinstance(calibration, list) and not any(hasattr(x, "shape") for x in calibration):
        with contextlib.suppress(ValueError):  # rows of numbers, unless they differ in length
            calibration = np.asarray(calibration, "float64")
    arrays = _inputs(calibration, specs)
    whole = isinstance(calibration, tuple | dict) or hasattr(calibration, "shape")
    if not _fit(arrays, specs) and not whole:
        arrays = _joined(calibration, specs)
    if not _fit(arrays, specs) or min(map(len, arrays)) < batch_size:
        raise InvalidInput(
            "value for argument `calibration`",
            f"{batch_size} or more examples of shape {_shapes(s.shape[1:] for s in specs)}",
            f"shape {_shapes(np.shape(array) for array in arrays)}",
        )
    return {
        spec.name: np.asarray(array)[:CALIBRATION_EXAMPLES].astype(spec.dtype.as_numpy_dtype)
        for spec, array in zip(specs, arrays, strict=True)
    }


def _inputs(structure, specs) -> list:
    """Return the leaves of a structure in the order of the inputs; a dict may name these."""
    import keras

    if isinstance(structure, dict) and all(spec.name in structure for spec in specs):
        return [structure[spec.name] for spec in specs]
    if not isinstance(structure, list | tuple | dict) and not hasattr(structure, "shape"):
        return []  # batches
    return keras.tree.flatten(structure)


def _fit(arrays, specs) -> bool:
    """Return whether arrays are batches of the inputs."""
    return len(arrays) == len(specs) and all(
        np.ndim(array) == len(spec.shape) and spec.shape[1:].is_compatible_with(np.shape(array)[1:])
        for spec, array in zip(specs, arrays, strict=True)
    )


def _joined(elements, specs) -> list:
    """Join the first batches or examples, each of x, (x, y) or (x, y, weight)."""
    import keras

    if callable(elements) and not hasattr(elements, "__iter__"):
        elements = elements()  # as LiteRT's converter takes its `representative_dataset`
    batches, count = [], 0
    for element in elements:
        parts = _inputs(keras.utils.unpack_x_y_sample_weight(element)[0], specs)
        if len(parts) != len(specs):
            parts = _inputs(element, specs)  # a tuple of several inputs without y
        if not _fit(parts, specs):
            parts = [np.expand_dims(part, 0) for part in parts]
        batches.append(parts)
        count += len(parts[0]) if parts else 0
        if not _fit(parts, specs) or count >= CALIBRATION_EXAMPLES:
            break
    if not batches or not _fit(batches[-1], specs):
        return batches[-1] if batches else []
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def _check_calibration(arrays, model, input_range):
    """Raise for values that would make a wrong file; warn of those that probably do."""
    subject = "value for argument `calibration`"
    for name, array in arrays.items():
        if array.dtype.kind != "f":
            continue
        finite = np.isfinite(array)
        if not finite.all():
            example = int(np.argwhere(~finite)[0][0])
            received = f"{array[~finite][0]} in example {example} of input `{name}`"
            raise InvalidInput(subject, "finite numbers", received)
        low, high = float(array.min()), float(array.max())
        if input_range and len(arrays) == 1:
            slack = (input_range[1] - input_range[0]) / 2
            if low < input_range[0] - slack or high > input_range[1] + slack:
                expected = "inputs like those of training, from {:g} to {:g}".format(*input_range)
                raise InvalidInput(subject, expected, f"values from {low:g} to {high:g}")
        elif _are_bytes(array) and not _rescales(model):
            text = (
                f"`calibration` holds images of whole numbers from {low:g} to {high:g}, and model "
                f"`{model.name}` has no Rescaling or Normalization layer: if it was trained on "
                "values from 0 to 1, divide them by 255."
            )
            warnings.warn(text, stacklevel=3)


def _are_bytes(images) -> bool:
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not 1 < images.max() <= 255:
        return False
    return images.min() >= 0 and bool((images == np.round(images)).all())


def _rescales(model) -> bool:
    names = {type(layer).__name__ for layer in model._flatten_layers()}
    return not names.isdisjoint(("Normalization", "Rescaling"))


def _check_weights(model):
    """Raise for a weight that is NaN or infinite, which no converter refuses."""
    for variable in model.variables:
        value = np.asarray(variable) if "float" in str(variable.dtype) else np.zeros(())
        finite = np.isfinite(value) if variable.trainable else ~np.isnan(value)
        if not finite.all():
            received = f"{value[~finite].flat[0]} in `{variable.path}`"
            raise InvalidInput(f"model `{model.name}`", "finite weights", received)


def _warn_if_far(deviation, path, quantize):
    """Warn of a quantized file whose outputs are far from those in floats."""
    if deviation is not None and not deviation <= FAR:
        other = "'dynamic'" if quantize == "int16x8" else "'int16x8' or 'dynamic'"
        text = (
            f"The outputs of {path} for the calibration data are off by {deviation:.0%} of their "
            f"size: {quantize} does not suit this model or these data. Try quantize={other}."
        )
        warnings.warn(text, stacklevel=3)


def _shapes(shapes):
    return ", ".join(str(tuple(shape)) for shape in shapes) or "none"


def _run_worker(model, target, **job) -> dict:
    """Run a job in the converter process and return its answer.

    If the conversion fails, the error is one line with the reason and the layer.
    """
    subject = f"model `{model.name}` for {target}"
    try:
        answer = WORKER.run(**job)
    except CrashError as crash:
        advice = "quantize='dynamic' or 'float16', or " if job.get("quantize") else ""
        expected = f"one that does not crash the converter (try {advice}another layer)"
        raise InvalidInput(subject, expected, f"a crash of the converter: {crash}") from None
    if answer.get("disk"):
        raise OSError(answer["disk"])
    names = {layer.name for layer in model._flatten_layers(include_self=False)}
    if answer.get("operators"):
        received = ", ".join(
            f"{operator}{_layer(scope, names)}" for operator, scope in answer["operators"]
        )
        raise InvalidInput(subject, f"operators that are built into {target.split()[0]}", received)
    if answer.get("unquantized"):
        method = job["quantize"]
        found = [
            operator + next(filter(None, (_layer(scope, names) for scope in scopes)), "")
            for operator, scopes in answer["unquantized"]
        ]
        received = ", ".join(dict.fromkeys(found))
        expected = f"operators that {method} can quantize (try 'int8', 'dynamic' or 'float16')"
        raise InvalidInput(subject, expected, received)
    if answer.get("floats"):
        expected = "operators of int8 values at its inputs and outputs (input_type='float32' works)"
        raise InvalidInput(subject, expected, f"floats, {answer['floats']}")
    if answer.get("error"):
        received = answer["error"] + (_layer(answer["scope"], names) or _recurrent(model, job))
        raise InvalidInput(subject, "one that the converter accepts", received)
    return answer


def _recurrent(model, job):
    """Return the end of an error: the recurrent layer, which int16x8 files cannot have, or ""."""
    import keras

    kinds = (keras.layers.RNN, keras.layers.Bidirectional)
    found = [x.name for x in model._flatten_layers() if isinstance(x, kinds)]
    if job.get("quantize") != "int16x8" or not found:
        return ""
    return f" in recurrent layer `{found[0]}` (try 'int8', 'dynamic' or 'float16')"


def _layer(scope, names):
    """Name the layers of a TensorFlow name scope, where repeated names end in `_1`, `_2`, ..."""
    parts = [part if part in names else re.sub(r"_\d+$", "", part) for part in scope.split("/")]
    found = "/".join(part for part in parts[1:] if part in names)
    return f" in layer `{found}`" if found else ""


def _move(source, path):
    """Copy a file atomically to its path, which may be on another disk."""
    with _writable(), files.atomic(path) as partial:
        shutil.copyfile(source, partial)


@contextlib.contextmanager
def _writable():
    try:
        yield
    except OSError as error:
        raise InvalidInput("place to write", "a writable folder with room", error) from error
