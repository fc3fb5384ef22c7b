"""A feature pyramid: maps of several strides that all know what the deepest layers know."""

import itertools
from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from kerasdl import errors
from kerasdl.models.vision.resnet import ResNet
from kerasdl.utils import checks


def feature_pyramid(
    pyramid: Mapping[int, Any], strides: tuple[int, ...], width: int = 256
) -> dict[int, Any]:
    """Combine the coarse maps of a backbone, which know what is there, with the fine ones.

        M_l = lateral(C_l) + enlarge(M_{l+1})        P_l = smooth(M_l)

    Maps that the backbone does not have are made from the last one by convolutions of stride 2.

    Args:
        pyramid: dict from strides to feature maps, such as `network.pyramid` of any backbone.
        strides: tuple of int, the strides of the maps to return; each is twice the one before.
        width: int, channels of all maps.

    Returns:
        dict from each stride to its map, (batch, height, width, channels).

    Example:
        >>> import kerasdl
        >>> backbone = kerasdl.create_model("resnet_tiny", num_classes=None)
        >>> maps = feature_pyramid(backbone.pyramid, (2, 4, 8), width=8)
        >>> {stride: tuple(x.shape) for stride, x in maps.items()}
        {2: (None, 4, 4, 8), 4: (None, 2, 2, 8), 8: (None, 1, 1, 8)}

    Reference: Lin et al. (2017), Feature Pyramid Networks for Object Detection.
    """
    checks.integers(width=width)
    checks.integer_tuples(strides=strides)
    doubled = all(b == 2 * a for a, b in itertools.pairwise(strides))
    checks.check("strides", strides, doubled, "strides of which each is twice the one before")
    known = [stride for stride in strides if stride in pyramid]
    if not known or list(strides[: len(known)]) != known:
        expected = f"to start with strides of the backbone, {', '.join(map(str, pyramid))}"
        raise errors.InvalidInput("value for argument `strides`", expected, strides)
    merged: dict[int, Any] = {}
    for stride in reversed(known):
        x = layers.Conv2D(width, 1, name=f"lateral{stride}")(pyramid[stride])
        if merged:
            x = layers.Add()([x, _enlarged(merged[2 * stride], x.shape)])
        merged[stride] = x
    smooth = {"filters": width, "kernel_size": 3, "padding": "same"}
    found = {s: layers.Conv2D(**smooth, name=f"smooth{s}")(merged[s]) for s in known}
    for stride in strides[len(known) :]:
        x = found[stride // 2]
        if stride // 2 not in known:
            x = layers.ReLU()(x)
        x = layers.ZeroPadding2D(1)(x)
        found[stride] = layers.Conv2D(width, 3, 2, name=f"smooth{stride}")(x)
    return found


def resnet_pyramid(
    resnet: dict, strides: tuple[int, ...], units: int, frozen_normalization: bool
) -> tuple[keras.KerasTensor, dict[int, Any]]:
    """Return the input of a ResNet and the maps of a feature pyramid on it, by their strides.

    Args:
        resnet: dict, arguments of `ResNet`.
        strides: tuple of int, strides of the maps.
        units: int, channels of the maps.
        frozen_normalization: bool, whether the batch normalization of the ResNet keeps its
            statistics and weights.
    """
    backbone = ResNet(**resnet, num_classes=None)
    if frozen_normalization:
        for layer in backbone._flatten_layers():
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
    return backbone.input, feature_pyramid(backbone.pyramid, strides, units)


def _enlarged(x, shape):
    """Repeat each pixel twice in both directions; an odd size gets one row or column less."""
    x = layers.UpSampling2D(2)(x)
    borders = [
        (0, 0 if None in (a, b) else a - b) for a, b in zip(x.shape[1:3], shape[1:3], strict=True)
    ]
    return layers.Cropping2D(borders)(x) if any(map(any, borders)) else x
