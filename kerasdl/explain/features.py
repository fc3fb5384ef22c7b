"""Pictures of what a convolutional network sees inside."""

import keras
import numpy as np

from kerasdl import errors
from kerasdl.errors import InvalidInput
from kerasdl.explain import style


def feature_maps(model, image, layer: str | None = None, layers: int = 4, maps: int = 8):
    """The strongest feature maps of an image, row by row from the first layers to the deepest.

    Early maps keep edges and strokes in place; deep ones are coarse and answer to whole parts.

    Args:
        model: A functional or Sequential Keras model; blocks that are layers themselves are fine.
        image: (height, width, channels).
        layer: Name of one layer to show; otherwise `layers` of them, evenly spread.
        layers: Number of rows.
        maps: Number of maps in each row, the strongest in this image first.

    Spec: DBG-10
    """
    chosen = [_named(model, layer)] if layer else _spread(spatial_layers(model), layers)
    image = np.asarray(image, "float32")
    outputs = keras.Model(model.inputs, [found.output for found in chosen])(
        [image[None]], training=False
    )
    rows = [_strongest(np.asarray(out)[0], maps) for out in keras.tree.flatten(outputs)]
    columns = 1 + max(len(row) for row in rows)
    with style.figure(1.05 * columns, 1.3 * len(rows)) as picture:
        picture.get_layout_engine().set(**style.TIGHT)
        grid = picture.subplots(len(rows), columns, squeeze=False)
        for axis in grid.flat:
            axis.axis("off")
        style.show(grid[0, 0], style.as_picture(image))
        for axes, row, found in zip(grid, rows, chosen, strict=True):
            height, width, channels = found.output.shape[1:]
            axes[1].set_title(f"{found.name}: {height} x {width}, {channels} maps", fontsize=9)
            for axis, values in zip(axes[1:], row, strict=False):
                # one scale a map: its own smallest value is black and its largest white
                axis.imshow(values, cmap="gray")
    return picture


def spatial_layers(model):
    """The layers, in order, that turn an image into maps: convolutions and blocks of them."""
    check(model)
    found = [layer for layer in model.layers if _has_maps(layer) and _convolves(layer)]
    if not found:
        raise InvalidInput(f"model `{model.name}`", "a layer with feature maps", "none")
    return found


def check(model):
    """Raise unless the layers of a model are known."""
    if not isinstance(model, keras.models.Model) or not getattr(model, "inputs", None):
        raise InvalidInput("model", "a functional or Sequential model", type(model).__name__)


def _has_maps(layer):
    shape = getattr(getattr(layer, "output", None), "shape", ())
    return len(shape) == 4 and shape[1] and shape[1] * shape[2] > 1


def _convolves(layer):
    kinds = (keras.layers.Conv2D, keras.layers.SeparableConv2D, keras.layers.Conv2DTranspose)
    return any(isinstance(part, kinds) for part in layer._flatten_layers())


def _named(model, name):
    errors.one_of("layer", name, [layer.name for layer in model.layers if _has_maps(layer)])
    return model.get_layer(name)


def _spread(found, count):
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    return [found[i] for i in places]


def _strongest(values, count):
    """The maps of (height, width, channels) that vary most in this image."""
    order = np.argsort(-values.std((0, 1)))[:count]
    return [values[..., i] for i in order]
