"""Networks of `keras.applications`, for images in [0, 1] and any number of classes."""

import importlib
import inspect
import os
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from kerasdl import errors
from kerasdl.utils import checks

# arguments of Keras's functions that `create` gives
GIVEN = ("include_top", "input_tensor", "input_shape", "pooling", "classes", "name")


def create(
    model: str,
    *,
    num_classes: int | None = 1000,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    weights: str | None = None,
    name: str | None = None,
    **options: Any,
) -> keras.Model:
    """Create a network of `keras.applications` that gives logits for images in [0, 1].

    Gray images become three equal channels, and all are brought to the range of values that the
    network was designed for. Its pooled features go to a new dense layer, `logits`.

    Args:
        model: str, such as "keras.applications.MobileNetV2".
        num_classes: int, number of logits; None gives the last feature map, without pooling.
        input_shape: tuple, (height, width, channels) with 1 or 3 channels.
        weights: None for random weights, "imagenet" to download those trained on ImageNet, or the
            path of a file of weights without the top.
        name: str, the name of the model; by default the function's.
        **options: Further arguments of the function, such as `alpha` of MobileNetV2.

    Example:
        >>> create("keras.applications.MobileNetV2", num_classes=5, input_shape=(32, 32, 1),
        ...        alpha=0.35).output_shape
        (None, 5)
    """
    short = model.rpartition(".")[2]
    names = [each for each in dir(keras.applications) if each[0].isupper()]
    errors.one_of("network of keras.applications", short, names)
    make = getattr(keras.applications, short)
    skipped = (*GIVEN, "weights", "classifier_activation", "kwargs")
    known = [each for each in inspect.signature(make).parameters if each not in skipped]
    for option in options:
        errors.one_of(f"option for model `{model}`", option, [*known, "weights"])
    checks.integers(optional=True, num_classes=num_classes)
    checks.image_shapes(input_shape=input_shape)
    holds = input_shape[-1] in (1, 3)
    checks.check("input_shape", input_shape, holds, "an image with 1 or 3 channels")
    x = inputs = keras.Input(input_shape)
    if input_shape[-1] == 1:
        x = layers.Concatenate(name="three_channels")([x, x, x])
    x = in_range_of(make, x)
    top = {"include_top": False, "pooling": None if num_classes is None else "avg"}
    try:
        with warnings.catch_warnings(action="ignore"):  # about the size of images
            body = make(
                **top, weights=weights, input_tensor=x, input_shape=(*input_shape[:2], 3), **options
            )
    except Exception as error:  # Keras raises a plain Exception if it cannot download weights
        reason = (" ".join(str(error).split()) or type(error).__name__)[:200]
        if weights is not None and not os.path.exists(weights):
            subject, expected = f"option `weights` of `{model}`", "weights that can be downloaded"
            expected += ", the path of a file, or None for random weights"
        else:
            subject, expected = f"options of `{model}`", "an image size and options that it takes"
        raise errors.InvalidInput(subject, expected, reason) from None
    outputs = body.output
    if num_classes is not None:
        outputs = layers.Dense(num_classes, dtype="float32", name="logits")(outputs)
    return keras.Model(inputs, outputs, name=name or short.lower())


def in_range_of(make: Callable, images: keras.KerasTensor) -> keras.KerasTensor:
    """Bring images in [0, 1] to the range of values that a network's authors trained it on.

    Keras's `preprocess_input` of each network takes values up to 255. It is linear, so its scale
    and offset follow from its values for black and for each pure color.

    Args:
        make: A function of `keras.applications`.
        images: Tensor with three channels.
    """
    preprocess = importlib.import_module(make.__module__).preprocess_input
    colors = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).astype("float32")
    black, *pure = preprocess(colors[:, None, None, :])[:, 0, 0, :]
    matrix = np.stack(pure) - black
    if matrix[0, 0] == 0:  # from red, green, blue to blue, green, red
        images, matrix = keras.ops.flip(images, axis=-1), matrix[::-1]
    scale, offset = np.diagonal(matrix).tolist(), black.tolist()
    if len(set(scale)) == len(set(offset)) == 1:
        scale, offset = scale[0], offset[0]
    return layers.Rescaling(scale, offset, name="preprocessing")(images)
