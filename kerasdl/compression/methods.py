"""Compress a trained model into a small LiteRT file: prune, cluster, quantize, convert."""

import dataclasses
import itertools
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras.src import backend

from kerasdl import errors, export
from kerasdl.compression import compile_settings, flat_graph, pruning, reporting
from kerasdl.errors import InvalidInput
from kerasdl.export import convert, trace
from kerasdl.export.litert_model import LiteRTModel
from kerasdl.utils import checks, types

METHODS = {
    "qat": ("quantize",),
    "cluster": ("cluster",),
    "pqat": ("prune", "quantize"),
    "cqat": ("cluster", "quantize"),
    "pcqat": ("prune", "cluster", "quantize"),
}
# learning rate of each step, as a multiple of the rate used in training (measured on digits)
RATES = {"prune": 1.0, "cluster": 0.25, "quantize": 0.125}
ENGINES = ("auto", "tfmot", "keras")
TRANSFORMER = (  # layers of transformers, which TFMOT does not quantize
    keras.layers.EinsumDense,
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.MultiHeadAttention,
)
RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)
CALIBRATION_BATCHES = 8
CHECKED = ("activation", "input_type")  # options of the file, before the training
EVALUATED = 256  # examples of `train` in the report, if there is no validation data


@dataclasses.dataclass(frozen=True)
class Compressed:
    """The result of `compress`.

    Args:
        litert: The LiteRT file.
        model: The Keras model, with the float weights that the training ended with.
        method: str, the method.
        untouched: Names of the layers whose kernels were neither clustered nor quantized in
            training, such as recurrent layers. If such kernels are large, the file stores them in
            8 bits all the same, rounded after training.
        report: Size, zeros, accuracy, agreement, latency and more of the file.
    """

    litert: LiteRTModel
    model: keras.Model
    method: str
    untouched: tuple[str, ...]
    report: reporting.Report


def compress(
    model: keras.Model,
    train: tf.data.Dataset,
    *,
    method: types.Method,
    path: str | os.PathLike | None = None,
    epochs: int = 6,
    sparsity: float = 0.8,
    clusters: int = 16,
    engine: types.Engine = "auto",
    optimizer: str | dict | keras.Optimizer | Callable[[str, int], keras.Optimizer] | None = None,
    loss: str | keras.Loss | Callable | list | dict | None = None,
    metrics: list | dict | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    prune_options: dict | None = None,
    file_options: dict | None = None,
    evaluator: reporting.Evaluator | None = None,
    **fit_options,
) -> Compressed:
    """Fine-tune a trained model so that it can be stored in few bytes, and write a LiteRT file.

    The methods are those of the TensorFlow Model Optimization Toolkit (TFMOT), for any Keras 3
    model:

        qat      quantization-aware training: int8 weights and activations
        cluster  few distinct weights in each kernel; a float file that is small when zipped
        pqat     pruning, then qat
        cqat     clustering, then qat
        pcqat    pruning, clustering, then qat: the smallest file

    Args:
        model: A trained Keras 3 model. Its weights change, as in `fit`; if anything fails, they
            are restored.
        train: A finite `tf.data.Dataset` of batches.
        method: str, one of the above.
        path: Path of the file to write, ending in `.tflite`; by default in a new temporary folder.
        epochs: int, number of epochs of all steps together. Pruning gets three times as many as
            each other step, and each step at least one.
        sparsity: float, fraction of zeros in each kernel, in (0, 1), for pqat and pcqat.
        clusters: int, the largest number of distinct weights in each kernel, from 3 to 256.
        engine: str, the implementation of quantization-aware training: "tfmot"; "keras", fake
            quantization in Keras 3, for qat and pqat only; "auto", the default, uses "keras" for
            transformers, recurrent layers and layers that are called several times, which TFMOT
            leaves in float or cannot convert, and "tfmot" for other models.
        optimizer: By default the one that the model was compiled with. Each step starts with a new
            copy, whose learning rate schedule starts again. A function of a step ("prune",
            "cluster" or "quantize") and its number of epochs may return an optimizer for each step:
            pruning needs about the learning rate of training, the other steps much less (`RATES`).
        loss, metrics: By default those that the model was compiled with.
        callbacks: Keras callbacks for the `fit` of every step.
        prune_options: dict, further arguments of `prune`, such as its `pattern`.
        file_options: dict, further arguments of `kerasdl.export.to_litert`, such as `labels` and
            `activation`.
        evaluator: The data that the report evaluates the file on. By default the
            `validation_data`; without it the first batches of `train`, for which the report has no
            accuracy, because the model has seen them.
        **fit_options: Further arguments of `fit`, such as `validation_data`.

    Example:
        >>> import kerasdl
        >>> model = kerasdl.create_model("simple_cnn_tiny", input_shape=(8, 8, 1))
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        >>> train = kerasdl.data.load("digits").train.take(2)
        >>> compressed = compress(model, train, method="qat", engine="keras", epochs=1)
        >>> compressed.litert.path.suffix, compressed.litert.size < 4 * model.count_params()
        ('.tflite', True)
    """
    checks.models(model=model)
    checks.datasets(train=train)
    errors.one_of("value for argument `method`", method, list(METHODS))
    errors.one_of("value for argument `engine`", engine, ENGINES)
    if engine == "keras" and "cluster" in METHODS[method]:
        raise InvalidInput("engine 'keras'", "the method qat or pqat", method)
    _check(epochs, sparsity, clusters, train)
    file_options = file_options or {}
    path = _path(path, model, method)
    quantize: types.Quantization | None = "aware" if METHODS[method][-1] == "quantize" else None
    checked = {name: file_options[name] for name in CHECKED if name in file_options}
    convert.check_litert_options(path, quantize, **checked)
    compile_settings.check_callbacks(callbacks)
    settings = compile_settings.CompileSettings.of(model, optimizer, loss, metrics)
    with trace.settings(model, None):  # float32, also for a model trained in mixed precision
        flat = flat_graph.flatten(model)
    _check_recurrent(flat, method)
    evaluator = evaluator or _evaluator(model, train, fit_options.get("validation_data"))
    before = [variable.numpy() for variable in flat.variables]
    fit_options = {"verbose": 0, "shuffle": False, **fit_options, "callbacks": list(callbacks)}
    prune_options = {"sparsity": sparsity, **(prune_options or {})}
    work = _Work(flat, train, settings, fit_options, prune_options, clusters, engine)
    steps = METHODS[method]
    try:
        per_step = _epochs_per_step(epochs, steps)
        for step, count in per_step.items():
            getattr(work, step)(count)
        # TFMOT's scales may be rounded: it folds batch normalization only in the file, so they
        # differ from those of training anyway
        file_options = {"short_scales": work.hosted, **file_options}
        file = export.to_litert(work.result, path, quantize=quantize, **file_options)
    except BaseException:
        for variable, value in zip(flat.variables, before, strict=True):
            variable.assign(value)
        raise
    report = evaluator.report(file, model, method=method, epochs=per_step)
    return Compressed(file, model, method, tuple(work.untouched), report)


class _Work:
    """The steps of a method. Each trains the flat model, which keeps the new weights."""

    def __init__(self, flat, train, settings, fit_options, prune_options, clusters, engine):
        self.flat = flat
        self.train = train
        self.settings = settings
        self.fit_options = fit_options
        self.prune_options = prune_options
        self.clusters = clusters
        self.engine = engine
        self.done = []
        self.result = flat
        self.hosted = False
        self.untouched = []

    def prune(self, epochs):
        self.settings.compile(self.flat, self.fit_options["callbacks"], "prune", epochs)
        options = {**self.prune_options, **self.fit_options}
        pruning.prune(self.flat, self.train, epochs=epochs, **options)
        self.done.append("prune")

    def cluster(self, epochs):
        from kerasdl.compression.bridge import clustering, graph

        zeros = "prune" in self.done
        network = clustering.cluster(graph.to_tf_keras(self.flat), self.clusters, keep_zeros=zeros)
        self._fit(network, epochs, "cluster")
        graph.copy_weights(clustering.strip(network), self.flat)
        self.untouched = clustering.untouched(network)
        self.done.append("cluster")

    def quantize(self, epochs):
        if self.engine == "keras" or (
            self.engine == "auto" and _suits_keras(self.flat) and "cluster" not in self.done
        ):
            self._quantize_in_keras(epochs)
        else:
            self._quantize_by_tfmot(epochs)
        self.done.append("quantize")

    def _quantize_in_keras(self, epochs):
        from kerasdl.compression import fake_quant

        self.settings.compile(self.flat, self.fit_options["callbacks"], "quantize", epochs)
        zeros = "prune" in self.done
        self.result = fake_quant.train_aware(
            self.flat, self.train, epochs=epochs, keep_zeros=zeros, **self.fit_options
        )
        self.untouched = fake_quant.untouched(self.result)

    def _quantize_by_tfmot(self, epochs):
        from kerasdl.compression.bridge import graph, quantization

        network = quantization.quantize(
            graph.to_tf_keras(self.flat, opaque_rnns=True),
            keep_zeros="prune" in self.done,
            clusters=self.clusters if "cluster" in self.done else 0,
        )
        batches = itertools.islice(self.train, CALIBRATION_BATCHES)
        inputs = (keras.utils.unpack_x_y_sample_weight(batch)[0] for batch in batches)
        quantization.calibrate(network, map(self.flat._standardize_inputs, inputs))
        self.result = self._fit(network, epochs, "quantize", self._clustered())
        self.hosted = True
        graph.copy_weights(network, self.flat)
        self.untouched = quantization.untouched(network)

    def _clustered(self):
        """Return the clustered kernels. TFMOT trains their centroids, not the single weights."""
        if "cluster" not in self.done:
            return []
        kernels = pruning.kernels(self.flat)
        return [kernel for kernel in kernels if len(np.unique(kernel)) <= self.clusters]

    def _fit(self, network, epochs, step, frozen=()):
        from kerasdl.compression.bridge import training

        zeros = pruning.kernels(self.flat) if "prune" in self.done else ()
        hosted = training.host(network, self.flat, frozen, zeros)
        self.settings.compile(hosted, self.fit_options["callbacks"], step, epochs)
        hosted.fit(self.train, epochs=epochs, **self.fit_options)
        return hosted


def _check_recurrent(flat, method):
    """Raise before the training for recurrent layers that the converter would refuse after it.

    The input of the network is quantized, and the converter gives the steps of a quantized sequence
    another scale than the sequence.
    """
    if not {"cluster", "quantize"} <= set(METHODS[method]):
        return
    names = [
        layer.name
        for layer in flat.layers
        if isinstance(layer, RECURRENT)
        and any(_is_signal(x) for node in layer._inbound_nodes for x in node.input_tensors)
    ]
    if names:
        expected = "no recurrent layer that reads an input of floats (qat and pqat take it)"
        raise InvalidInput(f"model `{flat.name}` for {method}", expected, ", ".join(names))


def _is_signal(x) -> bool:
    """Return whether a tensor is an input of the network, and not tokens."""
    operation = x._keras_history.operation
    while type(operation).__name__ in ("Cast", "ConvertToTensor"):  # of a nested model's input
        x = operation._inbound_nodes[0].input_tensors[0]
        operation = x._keras_history.operation
    return isinstance(operation, keras.layers.InputLayer) and backend.is_float_dtype(x.dtype)


def _suits_keras(flat) -> bool:
    """Return whether the engine "keras" quantizes more of a flat model than TFMOT."""
    kinds = (*TRANSFORMER, *RECURRENT)
    return any(
        isinstance(layer, kinds) or (layer.weights and len(layer._inbound_nodes) > 1)
        for layer in flat.layers
    )


def _evaluator(model, train, validation):
    if validation is not None:
        return reporting.Evaluator(model, validation)
    evaluator = reporting.Evaluator(model, train, EVALUATED)
    evaluator.labels = None  # accuracy on training data is meaningless
    return evaluator


def _epochs_per_step(epochs, steps):
    """Divide the epochs among the steps. The first step gets the remainder.

    >>> _epochs_per_step(10, ("prune", "cluster", "quantize"))
    {'prune': 6, 'cluster': 2, 'quantize': 2}
    >>> _epochs_per_step(1, ("prune", "quantize"))
    {'prune': 1, 'quantize': 1}
    """
    parts = len(steps) + 2 * ("prune" in steps)
    counts = {step: max(1, round(epochs / parts)) for step in steps}
    rest = epochs - sum(counts.values())
    return {**counts, steps[0]: max(1, counts[steps[0]] + rest)}


def _check(epochs, sparsity, clusters, train):
    checks.integers(epochs=epochs, limit=checks.LARGEST)
    checks.numbers(above=0, below=1, sparsity=sparsity)
    checks.integers(at_least=3, below=257, clusters=clusters)
    if not pruning.steps_in(train):
        raise InvalidInput("value for argument `train`", "at least one batch to train on", "none")


def _path(path, model, method) -> pathlib.Path:
    checks.paths(path=path, optional=True)
    if path is not None:
        return pathlib.Path(path)
    try:
        return pathlib.Path(tempfile.mkdtemp()) / f"{model.name}-{method}.tflite"
    except OSError as error:
        expected = "one that can be written, with room (TMPDIR chooses it)"
        raise InvalidInput("temporary folder", expected, error) from error
