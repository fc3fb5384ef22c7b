"""Gradients of a model's outputs with respect to images and feature maps, compiled once a model."""

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kerasdl.errors import InvalidInput
from kerasdl.utils import checks, patches

# by what rule ReLUs pass gradients back, and TensorFlow's operations whose gradient that replaces
RULES: dict[str, dict[str, str]] = {
    "plain": {},
    "guided": {"Relu": "GuidedRelu", "Relu6": "GuidedRelu6"},
    "deconvnet": {"Relu": "DeconvnetRelu", "Relu6": "DeconvnetRelu"},
}
NOT_MAPS = (keras.layers.InputLayer, keras.layers.Dropout, keras.layers.SpatialDropout2D)
POOLINGS = (
    *(keras.layers.MaxPooling2D, keras.layers.AveragePooling2D),
    *(keras.layers.GlobalMaxPooling2D, keras.layers.GlobalAveragePooling2D),
)
CONVOLUTIONS = (
    *(keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D),
    keras.layers.Conv2DTranspose,
)
KERAS_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
_FUNCTIONS: "weakref.WeakKeyDictionary" = weakref.WeakKeyDictionary()  # by model


class Found(NamedTuple):
    """Outputs of a model for images, and their gradients.

    Args:
        values: array (number,), the chosen output of each image.
        targets: array (number,), which output was chosen.
        maps: array, the images or feature maps with respect to which the gradients are taken.
        slopes: array like maps, the gradients.
    """

    values: np.ndarray
    targets: np.ndarray
    maps: np.ndarray
    slopes: np.ndarray


def gradients(
    model: keras.Model,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray | None = None,
    rule: str = "plain",
) -> Found:
    """Return an output of a model for each image, and its gradient with respect to the pixels.

    The function is traced once for a model and a size of images; it uses the weights that the model
    has when it is called. If the outputs are those of a softmax or a sigmoid, its inputs, the
    logits, are used.

    Args:
        model: `keras.Model` from images to outputs (batch, classes).
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        rule: str, how ReLUs pass gradients back: "plain", "guided" or "deconvnet".
    """

    def slopes(values, images, found):
        (slope,) = tf.gradients(values, images)
        if slope is None:
            expected = "outputs that are a differentiable function of the image"
            raise InvalidInput("model", expected, "none")
        return images, slope

    return _find(model, images, targets, rule, ("images", rule), [], slopes)


def map_gradients(
    model: keras.Model,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray | None = None,
    layer: keras.Layer | str | None = None,
) -> Found:
    """Return an output for each image, feature maps, and its gradient with respect to the maps.

    Args:
        model, images, targets: As in `gradients`.
        layer: str or layer, whose feature maps are used; by default the last feature maps.
    """
    _build(model, images)
    chosen = None if layer is None else _layer_of(model, layer)
    reference = weakref.ref(model)

    def slopes(values, images, found):
        return _last_maps(reference(), values, found, chosen)

    watched = [chosen] if chosen is not None else _watched(model)
    key = ("maps", None if chosen is None else id(chosen))
    return _find(model, images, targets, "plain", key, watched, slopes)


def outputs(
    model: keras.Model,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray | None = None,
) -> Found:
    """Return an output for each image, without gradients.

    Args:
        model, images, targets: As in `gradients`.
    """

    def nothing(values, images, found):
        return tf.zeros(()), tf.zeros(())

    return _find(model, images, targets, "plain", ("outputs",), [], nothing)


def attention(model: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """Return the weights (number, heads, time, source) of attention layers, in the order of calls.

    Args:
        model: `keras.Model`.
        images: array (number, height, width, channels).
    """
    _build(model, images)
    reference = weakref.ref(model)

    def function(images):
        with _recorded_attention(reference()) as found:
            reference()(images, training=False)
        return [tf.cast(weights, "float32") for weights in found]

    def make():
        given = tf.TensorSpec((None, *images.shape[1:]))
        return tf.function(function, autograph=False).get_concrete_function(given)

    traced = _once(model, ("attention", images.shape[1:]), make)
    return [weights.numpy() for weights in traced(tf.constant(images, "float32"))]


def _build(model, images):
    """Check a model and images, and build the layers of a model that has not been called yet."""
    checks.models(model=model)
    if images.ndim != 4:
        raise InvalidInput("images", "shape (number, height, width, channels)", images.shape)
    if not model.built:
        model(images[:1], training=False)


def _once(model, key, make):
    """Return the function that was made for a model and a key before, or make it.

    It must have no reference to the model, which would otherwise never be freed.
    """
    functions = _FUNCTIONS.setdefault(model, {})
    if key not in functions:
        functions[key] = make()
    return functions[key]


def _find(model, images, targets, rule, key, watched, slopes):
    """Return the chosen output of each image, and what `slopes` makes of it.

    Args:
        rule: str, of `RULES`.
        key: tuple, which tells `slopes` of one kind from those of others.
        watched: Layers whose outputs `slopes` gets.
        slopes: function from the chosen outputs, the images and the recorded layers with their
            outputs to what the gradients are taken of and the gradients.
    """
    _build(model, images)
    reference, count = weakref.ref(model), 0

    def function(images, targets):
        nonlocal count
        with overriding(rule), recorded(watched) as found:
            logits = _logits(reference()(images, training=False))
        if len(getattr(logits, "shape", ())) != 2:
            received = getattr(logits, "shape", type(logits).__name__)
            expected = "one output (batch, classes)"
            raise InvalidInput(f"model `{reference().name}`", expected, received)
        count = logits.shape[-1]
        targets = tf.where(targets < 0, tf.argmax(logits, -1, "int32"), targets)
        values = tf.gather(logits, targets, batch_dims=1)
        parts = [values, *slopes(values, images, found)]
        values, maps, slope = (tf.cast(part, "float32") for part in parts)
        return values, targets, maps, slope

    def make():
        specification = tf.TensorSpec((None, *images.shape[1:])), tf.TensorSpec((None,), "int32")
        traced = tf.function(function, autograph=False).get_concrete_function(*specification)
        _check_rule(traced.graph, rule)
        return traced, count

    traced, count = _once(model, (*key, images.shape[1:]), make)
    numbers = np.full(len(images), -1) if targets is None else np.asarray(targets)
    if targets is not None and not (
        numbers.shape == (len(images),) and np.isin(numbers, range(count)).all()
    ):
        expected = f"an output from 0 to {count - 1} for each of {len(images)} images"
        raise InvalidInput("targets", expected, checks.shown(targets))
    found = traced(tf.constant(images, "float32"), tf.constant(numbers, "int32"))
    return Found(*(tensor.numpy() for tensor in found))


def _check_rule(graph, rule):
    operations = {operation.type for operation in graph.get_operations()}
    if RULES[rule] and not operations & set(RULES[rule]):
        raise InvalidInput("model", f"a network with ReLU, for the rule `{rule}`", "none")


def _logits(outputs):
    """Return the inputs of a softmax or a sigmoid for its outputs; other outputs as they are."""
    return getattr(outputs, "_keras_logits", outputs)


@contextlib.contextmanager
def overriding(rule: str) -> Iterator[None]:
    """Let ReLUs pass gradients back by another rule, in graphs that are traced inside the block."""
    _register_rules()
    with tf.compat.v1.get_default_graph().gradient_override_map(RULES[rule]):
        yield


@functools.cache
def _register_rules():
    """Register the gradients of ReLUs with TensorFlow, once in a process."""

    @tf.RegisterGradient("GuidedRelu")
    def relu(operation, slope):
        return tf.where((operation.outputs[0] > 0) & (slope > 0), slope, tf.zeros_like(slope))

    @tf.RegisterGradient("GuidedRelu6")
    def relu6(operation, slope):
        output = operation.outputs[0]
        passes = (output > 0) & (output < 6) & (slope > 0)
        return tf.where(passes, slope, tf.zeros_like(slope))

    @tf.RegisterGradient("DeconvnetRelu")
    def deconvnet(operation, slope):
        return tf.nn.relu(slope)


@contextlib.contextmanager
def recorded(layers: Iterable[keras.Layer]) -> Iterator[list[tuple[keras.Layer, Any]]]:
    """Record the outputs of layers, in the order in which their calls finish.

    Args:
        layers: Layers of a model that is called inside the `with` block.
    """
    found: list[tuple[keras.Layer, Any]] = []

    def recording(layer):
        call = layer.call

        @functools.wraps(call)
        def record(*args, **kwargs):
            outputs = call(*args, **kwargs)
            found.append((layer, outputs))
            return outputs

        return record

    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(patches.replaced(layer, "call", recording(layer)))
        yield found


@contextlib.contextmanager
def _recorded_attention(model):
    """Record the weights of attention layers, in the order of their calls.

    Those of this package have a method `weigh`, which returns the weights.
    """
    found = []

    def ours(weigh):
        def record(*args, **kwargs):
            found.append(weigh(*args, **kwargs))
            return found[-1]

        return record

    def of_keras(call):
        @functools.wraps(call)
        def record(*args, return_attention_scores=False, **kwargs):
            outputs, weights = call(*args, return_attention_scores=True, **kwargs)
            found.append(weights)
            return (outputs, weights) if return_attention_scores else outputs

        return record

    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            if hasattr(layer, "weigh"):
                stack.enter_context(patches.replaced(layer, "weigh", ours(layer.weigh)))
            elif isinstance(layer, KERAS_ATTENTION):
                stack.enter_context(patches.replaced(layer, "call", of_keras(layer.call)))
        yield found


def _watched(model):
    """Return the layers whose outputs may be the last maps, and the convolutions in them."""
    inside = [part for part in model._flatten_layers() if isinstance(part, CONVOLUTIONS)]
    return list({id(each): each for each in [*_layers_of(model), *inside]}.values())


def _layers_of(model):
    """Yield the layers of a model and of the models in it, but not the parts of blocks."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_of(layer)
        yield layer


def _layer_of(model, layer):
    """Return the layer with a name; or a layer itself, which must be one of the model's."""
    parts = [part for part in model._flatten_layers() if part is not model]
    if isinstance(layer, keras.Layer):
        if not any(part is layer for part in parts):
            raise InvalidInput("layer", f"one of `{model.name}`", layer.name)
        return layer
    checks.texts(layer=layer)
    named = [part for part in _layers_of(model) if part.name == layer]
    named = named or [part for part in parts if part.name == layer]
    if len(named) != 1:
        expected = f"the name of one layer of `{model.name}`, or the layer"
        raise InvalidInput("layer", expected, f"{layer}, the name of {len(named) or 'none'}")
    return named[0]


def _last_maps(model, values, found, layer):
    """Return the last recorded feature maps on which the values depend, and the gradients."""
    possible, convolved = [], layer is not None
    inner = {id(part) for part in _layers_of(model)}
    for each, output in found:
        convolved = convolved or isinstance(each, CONVOLUTIONS)
        chosen = layer is not None or (
            id(each) in inner and not isinstance(each, (*NOT_MAPS, *POOLINGS))
        )
        if convolved and chosen and _are_maps(output):
            possible.append(output)
    for output in reversed(possible):
        (slopes,) = tf.gradients(values, output)
        if slopes is not None:
            return output, slopes
    if layer is not None:
        expected = "a layer whose output (batch, height, width, channels) the logits depend on"
        raise InvalidInput("layer", expected, layer.name)
    expected = "a network with feature maps of convolutions"
    raise InvalidInput(f"model `{model.name}`", expected, "none")


def _are_maps(output):
    shape = getattr(output, "shape", ())
    return len(shape) == 4 and (None in shape[1:3] or shape[1] * shape[2] > 1)


def input_gradients(
    function: Callable, images: np.ndarray, guided: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values of a function of images, and the gradient of their sum.

    Args:
        function: function from a tensor of images to a tensor.
        images: array (number, height, width, channels).
        guided: bool, whether to use guided backpropagation.
    """
    images = tf.constant(images, "float32")
    if not guided:
        with tf.GradientTape() as tape:
            tape.watch(images)
            values = function(images)
        return values.numpy(), tape.gradient(values, images).numpy()

    def traced(images):
        with overriding("guided"):
            values = function(images)
        return values, tf.gradients(values, images)[0]

    found = tf.function(traced, autograph=False).get_concrete_function(images)
    _check_rule(found.graph, "guided")
    values, slopes = found(images)
    return values.numpy(), slopes.numpy()
