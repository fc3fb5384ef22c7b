"""Look inside a network: activations, feature maps and filters of its layers."""

import math
from typing import TYPE_CHECKING

import keras
import numpy as np
from numpy.typing import ArrayLike

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import style
from kerasdl.utils import checks, plain_text
from kerasdl.utils.types import Arrays

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def activations(model: keras.Model, inputs: Arrays) -> dict[str, np.ndarray]:
    """Return the output of every layer for a batch, by the layer's name.

    Args:
        model: functional or Sequential `keras.Model`.
        inputs: array or nested arrays, a batch of inputs.

    Returns:
        A dict, layer name -> array, or nested arrays for a layer with several outputs.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="head")])
        >>> activations(model, np.ones((2, 4)))["head"].shape
        (2, 3)
    """
    check_functional(model)
    checks.arrays(inputs=inputs)
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, {layer.name: layer.output for layer in layers})
    found = outputs(keras.tree.flatten(inputs), training=False)
    return {layer.name: keras.tree.map_structure(np.array, found[layer.name]) for layer in layers}


def feature_maps(
    model: keras.Model, image: ArrayLike, layer: str | None = None, layers: int = 4, maps: int = 8
) -> "Figure":
    """Plot an image's strongest feature maps, from the first layers to the deepest.

    Maps of early layers keep edges and strokes in place; those of deep layers are coarse and
    respond to whole parts.

    Args:
        model: functional or Sequential `keras.Model`; blocks that are layers themselves are fine.
        image: array (height, width, channels).
        layer: str, name of the only layer to show; by default several layers are shown.
        layers: int, the number of layers, evenly spread; a row each.
        maps: int, the number of maps in a row. Maps that vary most in this image come first.

    Returns:
        A matplotlib figure.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
        >>> figure = feature_maps(model, np.ones((8, 8, 1)))
        >>> len(figure.axes)
        5
    """
    checks.integers(layers=layers, maps=maps)
    checks.texts(layer=layer, optional=True)
    chosen = [_layer_with_maps(model, layer)] if layer else _spread(spatial_layers(model), layers)
    image = _image(model, image)
    outputs = keras.Model(model.inputs, [found.output for found in chosen])(
        [image[None]], training=False
    )
    rows = [_strongest(np.asarray(out)[0], maps) for out in keras.tree.flatten(outputs)]
    columns = 1 + max(len(row) for row in rows)
    with style.figure(1.05 * columns, 1.3 * len(rows)) as figure:
        style.tighten(figure)
        grid = figure.subplots(len(rows), columns, squeeze=False)
        for axis in grid.flat:
            axis.axis("off")
        style.show(grid[0, 0], style.as_picture(image))
        for axes, row, found in zip(grid, rows, chosen, strict=True):
            height, width, channels = found.output.shape[1:]
            title = f"{found.name}: {height} x {width}, {channels} maps"
            axes[1].set_title(plain_text.for_figure(title), fontsize=9)
            for axis, values in zip(axes[1:], row, strict=False):
                # each map has its own scale: its smallest value is black, its largest white
                axis.imshow(values, cmap="gray")
    return figure


def steps(model: keras.Model, image: ArrayLike, layers: int = 6, maps: int = 8) -> "Figure":
    """Plot the maps of consecutive layers for an image: after convolution, ReLU and pooling.

    A column shows the same map in consecutive layers as long as the number of channels is the same.

    Args:
        model: functional or Sequential `keras.Model`.
        image: array (height, width, channels).
        layers: int, the number of layers, from the first with feature maps on; a row each.
        maps: int, the number of maps in a row. Maps that vary most in this image come first.

    Returns:
        A matplotlib figure.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
        >>> figure = steps(model, np.ones((8, 8, 1)))
        >>> len(figure.axes)
        9
    """
    checks.integers(layers=layers, maps=maps)
    check_functional(model)
    image = _image(model, image)
    found = {name: x[0] for name, x in activations(model, image[None]).items() if _are_maps(x)}
    if not found:
        raise InvalidInput(f"model `{model.name}`", "a layer with feature maps", "none")
    rows = list(found.items())[:layers]
    order, channels = np.arange(0), 0
    with style.figure(1.05 * (maps + 1), 1.3 * len(rows)) as figure:
        style.tighten(figure)
        grid = figure.subplots(len(rows), maps + 1, squeeze=False)
        for axis in grid.flat:
            axis.axis("off")
        style.show(grid[0, 0], style.as_picture(image))
        for axes, (name, values) in zip(grid, rows, strict=True):
            if values.shape[-1] != channels:
                channels = values.shape[-1]
                order = np.argsort(-values.std((0, 1)))[:maps]
            title = f"{name}: {values.shape[0]} x {values.shape[1]}"
            axes[1].set_title(plain_text.for_figure(title), fontsize=9)
            for axis, number in zip(axes[1:], order, strict=False):
                axis.imshow(values[..., number], cmap="gray")
    return figure


def filters(model: keras.Model, layer: str | None = None, count: int = 96) -> "Figure":
    """Plot the filters of a convolution that reads the image itself.

    Those of a trained network detect edges, lines and colors.

    Args:
        model: functional or Sequential `keras.Model`.
        layer: str, name of a convolution with 1 or 3 input channels; by default the first.
        count: int, the largest number of filters to show.

    Returns:
        A matplotlib figure.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
        >>> figure = filters(model)
        >>> len(figure.axes)
        4
    """
    check_functional(model)
    checks.integers(count=count)
    checks.texts(layer=layer, optional=True)
    convolutions = {
        part.name: np.array(part.kernel)
        for part in model._flatten_layers()
        if isinstance(part, keras.layers.Conv2D) and part.kernel.shape[2] in (1, 3)
    }
    if not convolutions:
        raise InvalidInput(f"model `{model.name}`", "a convolution of images", "none")
    if layer:
        errors.one_of("layer", layer, list(convolutions))
    kernels = np.moveaxis(convolutions[layer or next(iter(convolutions))], -1, 0)[:count]
    low, high = (f(kernels, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    scaled = (kernels - low) / np.maximum(high - low, 1e-12)  # each filter has its own scale
    return style.image_grid(scaled, math.ceil(len(scaled) ** 0.5))


def spatial_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers, in order, that make feature maps: convolutions and blocks of them."""
    check_functional(model)
    found = [layer for layer in model.layers if _has_maps(layer) and _convolves(layer)]
    if not found:
        raise InvalidInput(f"model `{model.name}`", "a layer with feature maps", "none")
    return found


def check_functional(model: keras.Model):
    """Raise unless a model is a graph of layers, whose outputs are accessible."""
    if not isinstance(model, keras.models.Model) or not getattr(model, "inputs", None):
        raise InvalidInput("model", "a functional or Sequential model", type(model).__name__)


def _image(model, image) -> np.ndarray:
    """Return an image of the size that the model takes."""
    checks.arrays(image=image)
    image = np.asarray(image, "float32")
    sizes = model.inputs[0].shape[1:]
    fits = len(sizes) == image.ndim
    if not fits or any(n not in (None, m) for n, m in zip(sizes, image.shape, strict=True)):
        raise InvalidInput("image", f"shape {tuple(sizes)}", image.shape)
    return image


def _has_maps(layer):
    shape = getattr(getattr(layer, "output", None), "shape", ())
    return len(shape) == 4 and shape[1] and shape[1] * shape[2] > 1


def _are_maps(values):
    return isinstance(values, np.ndarray) and values.ndim == 4 and values[0, ..., 0].size > 1


def _convolves(layer):
    kinds = (keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose)
    return any(isinstance(part, kinds) for part in layer._flatten_layers())


def _layer_with_maps(model, name):
    errors.one_of("layer", name, [layer.name for layer in model.layers if _has_maps(layer)])
    return model.get_layer(name)


def _spread(found, count):
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    return [found[i] for i in places]


def _strongest(values, count):
    """Return the maps of (height, width, channels) that vary most in this image."""
    order = np.argsort(-values.std((0, 1)))[:count]
    return [values[..., i] for i in order]
