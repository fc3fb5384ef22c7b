"""What the layers of a network give and hold, one after the other."""

import math

import keras
import numpy as np

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import features, style


def steps(model, image, layers: int = 6, maps: int = 8):
    """What becomes of an image, layer after layer: convolved, cut off at 0, pooled.

    Each column follows one map as long as the number of channels stays.

    Args:
        model: A functional or Sequential Keras model.
        image: (height, width, channels).
        layers: Number of rows, from the first layer with maps on.
        maps: Number of maps in each row, the strongest in this image first.

    Spec: DBG-15
    """
    image = np.asarray(image, "float32")
    found = {name: x[0] for name, x in activations(model, image[None]).items() if _is_maps(x)}
    if not found:
        raise InvalidInput(f"model `{model.name}`", "a layer with feature maps", "none")
    rows = list(found.items())[:layers]
    order, channels = [], 0
    with style.figure(1.05 * (maps + 1), 1.3 * len(rows)) as picture:
        picture.get_layout_engine().set(**style.TIGHT)
        grid = picture.subplots(len(rows), maps + 1, squeeze=False)
        for axis in grid.flat:
            axis.axis("off")
        style.show(grid[0, 0], style.as_picture(image))
        for axes, (name, values) in zip(grid, rows, strict=True):
            if values.shape[-1] != channels:
                channels = values.shape[-1]
                order = np.argsort(-values.std((0, 1)))[:maps]
            axes[1].set_title(f"{name}: {values.shape[0]} x {values.shape[1]}", fontsize=9)
            for axis, number in zip(axes[1:], order, strict=False):
                axis.imshow(values[..., number], cmap="gray")
    return picture


def _is_maps(values):
    return isinstance(values, np.ndarray) and values.ndim == 4 and values[0, ..., 0].size > 1


def activations(model, inputs) -> dict[str, np.ndarray]:
    """What every layer gives, by its name: what hooks are for in PyTorch.

    Args:
        model: A functional or Sequential Keras model.
        inputs: A batch.

    Spec: DBG-07
    """
    features.check(model)
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, {layer.name: layer.output for layer in layers})
    found = outputs(keras.tree.flatten(inputs), training=False)
    return {layer.name: keras.tree.map_structure(np.array, found[layer.name]) for layer in layers}


def filters(model, layer: str | None = None, count: int = 96):
    """The kernels that look at the image itself: lines, edges and colours, if it has learned.

    Args:
        model: A functional or Sequential Keras model.
        layer: Name of a convolution of grey or colour images; by default the first.
        count: How many at most.

    Spec: DBG-11
    """
    features.check(model)
    seen = {
        part.name: np.array(part.kernel)
        for part in model._flatten_layers()
        if isinstance(part, keras.layers.Conv2D) and part.kernel.shape[2] in (1, 3)
    }
    if not seen:
        raise InvalidInput(f"model `{model.name}`", "a convolution of images", "none")
    if layer:
        errors.one_of("layer", layer, list(seen))
    kernels = np.moveaxis(seen[layer or next(iter(seen))], -1, 0)[:count]
    low, high = (f(kernels, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    scaled = (kernels - low) / np.maximum(high - low, 1e-12)  # each has its own black and white
    return style.image_grid(scaled, math.ceil(len(scaled) ** 0.5))
