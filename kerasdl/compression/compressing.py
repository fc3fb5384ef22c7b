"""One call from a trained Keras 3 model to a small file: prune, cluster, quantise, convert."""

import dataclasses
import itertools
import os
import pathlib
import tempfile

import keras
import numpy as np

from kerasdl import errors, export
from kerasdl.compression import flattening, objective, pruning, reporting
from kerasdl.errors import InvalidInput
from kerasdl.export import convert, trace
from kerasdl.export.litert_model import LiteRTModel

METHODS = {
    "qat": ("quantize",),
    "cluster": ("cluster",),
    "pqat": ("prune", "quantize"),
    "cqat": ("cluster", "quantize"),
    "pcqat": ("prune", "cluster", "quantize"),
}
RATES = {"prune": 1.0, "cluster": 0.25, "quantize": 0.125}  # of training's: measured on digits
ENGINES = ("auto", "tfmot", "keras")
TRANSFORMER = (  # TFMOT would leave these, and so most of a transformer, in floats
    keras.layers.EinsumDense,
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.MultiHeadAttention,
)
CALIBRATION_BATCHES = 8
JUDGED = 256  # examples of `train`, where there are none to validate on


@dataclasses.dataclass(frozen=True)
class Compressed:
    """What became of a model.

    Args:
        litert: The file.
        model: The model, with the weights that training left, in floats.
        method: The method.
        untouched: Names of the layers whose kernels training neither clustered nor quantised, such
            as recurrent ones. Where such kernels are large, the file has them in 8 bits all the
            same, rounded after training.
        report: What the file is worth: size, zeros, accuracy, agreement, latency and more.
    """

    litert: LiteRTModel
    model: keras.Model
    method: str
    untouched: tuple[str, ...]
    report: reporting.Report


def compress(
    model: keras.Model,
    train,
    *,
    method: str,
    path: str | os.PathLike | None = None,
    epochs: int = 6,
    sparsity: float = 0.8,
    clusters: int = 16,
    engine: str = "auto",
    optimizer=None,
    loss=None,
    metrics=None,
    callbacks=(),
    prune_options: dict | None = None,
    file_options: dict | None = None,
    judge: reporting.Judge | None = None,
    **fit_options,
) -> Compressed:
    """Make a trained model small while it goes on learning, and write it as a LiteRT file.

    The steps of the methods are TFMOT's, on any Keras 3 model:

        qat      weights and activations of 8 bits, which training knows of
        cluster  each kernel has few different weights; the file is float, and small when zipped
        pqat     zeros, then 8 bits          cqat   few weights, then 8 bits
        pcqat    zeros, few weights, 8 bits: the smallest

    Args:
        model: Any Keras 3 model that is built and trained. It is trained on, like by `fit`; if
            anything fails, it gets its weights back.
        train: A `tf.data.Dataset` of batches that ends.
        method: One of the above.
        path: The file to write, ending in `.tflite`; by default in a new temporary folder.
        epochs: Passes over the data. Pruning gets three times as many of them as each other step
            of the method, and each at least one.
        sparsity: Share of zeros in each kernel, for pqat and pcqat.
        clusters: Different weights in each kernel, at most.
        engine: What knows of 8 bits while training: "tfmot"; "keras", fake quantisation inside
            Keras 3, for qat and pqat; "auto" takes the latter for transformers.
        optimizer: By default the one that the model was compiled with; each step begins with a new
            one, whose schedule starts again. Or a function from a step, "prune", "cluster" or
            "quantize", and its epochs to the step's own: zeros want about the rate that training
            had, and what follows much less; see `RATES`.
        loss, metrics: By default those that the model was compiled with.
        callbacks: Keras callbacks, which see every step.
        prune_options: More for `prune`, such as its `pattern`.
        file_options: More for `kerasdl.export.to_litert`, such as `labels` and `activation`.
        judge: What the report compares the file with; by default made of the `validation_data`, or
            of the first batches of `train`, which tell agreement but are no measure of accuracy.
        **fit_options: What `fit` takes, such as `validation_data`.
    """
    errors.one_of("value for argument `method`", method, list(METHODS))
    errors.one_of("value for argument `engine`", engine, ENGINES)
    if engine == "keras" and "cluster" in METHODS[method]:
        raise InvalidInput("engine 'keras'", "the method qat or pqat", method)
    _check(epochs, sparsity, clusters, train)
    file_options = file_options or {}
    path = _path(path, model, method)
    convert.check(path, None, None, 1, False, file_options.get("activation"))
    objective.check_callbacks(callbacks)
    aim = objective.Objective.of(model, optimizer, loss, metrics)
    with trace.settings(model, None):  # float32, whatever the model was trained in
        flat = flattening.flatten(model)
    judge = judge or _judge(model, train, fit_options.get("validation_data"))
    before = [variable.numpy() for variable in flat.variables]
    fit_options = {"verbose": 0, "shuffle": False, **fit_options, "callbacks": list(callbacks)}
    prune_options = {"sparsity": sparsity, **(prune_options or {})}
    work = _Work(flat, train, aim, fit_options, prune_options, clusters, engine)
    steps = METHODS[method]
    try:
        epochs = _shares(epochs, steps)
        for step, share in epochs.items():
            getattr(work, step)(share)
        quantize = "aware" if steps[-1] == "quantize" else None
        # TFMOT folds batch normalization only in the file: its scales are not training's anyway
        file_options = {"short_scales": work.hosted, **file_options}
        file = export.to_litert(work.result, path, quantize=quantize, **file_options)
    except BaseException:
        for variable, value in zip(flat.variables, before, strict=True):
            variable.assign(value)
        raise
    report = judge.report(file, model, method=method, epochs=epochs)
    return Compressed(file, model, method, tuple(work.untouched), report)


class _Work:
    """The steps, each of which trains the flat model on and leaves its weights there."""

    def __init__(self, flat, train, objective, fit_options, prune_options, clusters, engine):
        self.flat = flat
        self.train = train
        self.objective = objective
        self.fit_options = fit_options
        self.prune_options = prune_options
        self.clusters = clusters
        self.engine = engine
        self.done = []
        self.result = flat
        self.hosted = False
        self.untouched = []

    def prune(self, epochs):
        self.objective.compile(self.flat, self.fit_options["callbacks"], "prune", epochs)
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
        is_transformer = any(isinstance(layer, TRANSFORMER) for layer in self.flat.layers)
        if self.engine == "keras" or (
            self.engine == "auto" and is_transformer and "cluster" not in self.done
        ):
            self._quantize_in_keras(epochs)
        else:
            self._quantize_by_tfmot(epochs)
        self.done.append("quantize")

    def _quantize_in_keras(self, epochs):
        from kerasdl.compression import fake_quant

        self.objective.compile(self.flat, self.fit_options["callbacks"], "quantize", epochs)
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
        """Kernels that are clustered: their centroids learn, or nothing does."""
        if "cluster" not in self.done:
            return []
        kernels = pruning.kernels(self.flat)
        return [kernel for kernel in kernels if len(np.unique(kernel)) <= self.clusters]

    def _fit(self, network, epochs, step, frozen=()):
        from kerasdl.compression.bridge import training

        zeros = pruning.kernels(self.flat) if "prune" in self.done else ()
        hosted = training.host(network, self.flat, frozen, zeros)
        self.objective.compile(hosted, self.fit_options["callbacks"], step, epochs)
        hosted.fit(self.train, epochs=epochs, **self.fit_options)
        return hosted


def _judge(model, train, validation):
    if validation is not None:
        return reporting.Judge(model, validation)
    judge = reporting.Judge(model, train, JUDGED)
    judge.labels = None  # what is learned by heart is no measure
    return judge


def _shares(epochs, steps):
    """Whole epochs for each step; what is left goes to the first one.

    >>> _shares(10, ("prune", "cluster", "quantize")), _shares(1, ("prune", "quantize"))
    ({'prune': 6, 'cluster': 2, 'quantize': 2}, {'prune': 1, 'quantize': 1})
    """
    parts = len(steps) + 2 * ("prune" in steps)
    shares = {step: max(1, round(epochs / parts)) for step in steps}
    rest = epochs - sum(shares.values())
    return {**shares, steps[0]: max(1, shares[steps[0]] + rest)}


def _check(epochs, sparsity, clusters, train):
    if epochs < 1:
        raise InvalidInput("value for argument `epochs`", "a positive integer", epochs)
    if not 0 < sparsity < 1:
        raise InvalidInput("value for argument `sparsity`", "0 < sparsity < 1", sparsity)
    if not 2 < clusters <= 256:
        raise InvalidInput("value for argument `clusters`", "3 to 256", clusters)
    if not pruning.steps_in(train):
        raise InvalidInput("value for argument `train`", "batches to learn from", "none")


def _path(path, model, method):
    if path is not None:
        return pathlib.Path(path)
    return pathlib.Path(tempfile.mkdtemp()) / f"{model.name}-{method}.tflite"
