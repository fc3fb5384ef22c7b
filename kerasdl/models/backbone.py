"""Feature maps of a network by their stride, for networks of any library."""

import math
from collections.abc import Sequence

import keras

from kerasdl import errors

PROBE = 256  # pixels of the image that is used for networks of any input size
STRIDES = (1, 2, 4, 8, 16, 32)


def pyramid(model: keras.Model) -> dict[int, keras.KerasTensor]:
    """Return the last feature map of a network at each stride.

    A network of this package names its own. In any other functional model, such as those of
    `keras.applications`, the maps are found by their size: a map of stride 8 has an eighth of the
    image's height and width. Sizes are rounded to the nearest power of two, because convolutions
    without padding lose pixels at the border.

    Args:
        model: keras.Model, functional, with one image as its input.

    Returns:
        A dict from stride to a tensor of the model, for `keras.Model(model.input, tensors)`.

    Example:
        >>> network = keras.applications.MobileNetV2(
        ...     input_shape=(64, 64, 3), include_top=False, weights=None)
        >>> {stride: map.shape[1:] for stride, map in pyramid(network).items() if stride > 4}
        {8: (8, 8, 192), 16: (4, 4, 576), 32: (2, 2, 1280)}
    """
    if hasattr(model, "pyramid"):
        return model.pyramid
    inputs: Sequence[keras.KerasTensor] = getattr(model, "inputs", None) or ()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        expected = "a functional model of one image (batch, height, width, channels)"
        raise errors.InvalidInput("backbone", expected, model)
    maps = [
        tensor
        for layer in model.layers
        if not isinstance(layer, keras.layers.ZeroPadding2D)  # its map is a pixel larger
        and isinstance(tensor := _output(layer), keras.KerasTensor)
        and len(tensor.shape) == 4
    ]
    image = [1, *(side or PROBE for side in inputs[0].shape[1:3]), inputs[0].shape[3]]
    shapes = keras.Model(model.inputs, maps).compute_output_shape(tuple(image))
    found = {}
    for tensor, shape in zip(maps, shapes, strict=True):
        # a map of one pixel summarizes the image, as in squeeze and excitation
        if min(shape[1:3]) > 1 or min(image[1:3]) <= max(STRIDES):
            stride = 2 ** round(math.log2(image[1] / shape[1]))
            if stride in STRIDES:
                found[stride] = tensor
    return dict(sorted(found.items()))


def _output(layer):
    """Return the output of a layer that is called once, None if it is called more often."""
    return layer.output if len(layer._inbound_nodes) == 1 else None
