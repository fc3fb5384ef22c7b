"""Grad-CAM and Grad-CAM++: the feature maps that raise an output."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kerasdl.explain import tracing
from kerasdl.formulas import attributions
from kerasdl.utils import checks


def grad_cam(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    layer: str | keras.Layer | None = None,
) -> np.ndarray:
    """Return for each pixel how much the feature maps there raise an output.

        w_k = mean over i, j of dy/dA_ijk        L_ij = max(0, sum_k w_k A_ijk)

    The maps are coarse, one number for each pixel of the feature maps, but they depend on the
    class. They are enlarged to the size of the images by bilinear interpolation. The mean suits
    networks with global pooling; if the maps are flattened for dense layers, it may be negative for
    each map, and the result is then zero.

    Args:
        model: `keras.Model` with convolutions, from images to logits (batch, classes). It may be
            functional, Sequential or subclassed, and may contain other models.
        images: array (number, height, width, channels).
        targets: int, the output for each image; by default its largest.
        layer: str or `keras.Layer`, a layer with feature maps, also one inside a block; by default
            the last one, without pooling.

    Returns:
        Array (number, height, width), not negative.

    Example:
        >>> parts = [keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *parts])
        >>> grad_cam(model, np.ones((2, 8, 8, 1))).shape
        (2, 8, 8)

    Reference: Selvaraju et al. (2017), Grad-CAM: Visual Explanations from Deep Networks via
        Gradient-Based Localization.
    """
    return _enlarged(attributions.grad_cam, model, images, targets, layer)


def grad_cam_plus_plus(
    model: keras.Model,
    images: ArrayLike,
    targets: Sequence[int] | None = None,
    layer: str | keras.Layer | None = None,
) -> np.ndarray:
    """Return a map like `grad_cam`, in which each of several objects of a class counts.

        a_ijk = g^2 / (2 g^2 + g^3 sum over i, j of A_ijk)        g = dy/dA_ijk
        w_k = sum over i, j of a_ijk max(0, g)        L_ij = max(0, sum_k w_k A_ijk)

    The mean of Grad-CAM gives a small object a small weight.

    Args:
        model, images, targets, layer: As in `grad_cam`. The feature maps should not be negative,
            such as those after a ReLU.

    Returns:
        Array (number, height, width), not negative.

    Example:
        >>> convolution = keras.layers.Conv2D(4, 3, activation="relu")
        >>> parts = [convolution, keras.layers.Flatten(), keras.layers.Dense(3)]
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), *parts])
        >>> grad_cam_plus_plus(model, np.ones((2, 8, 8, 1))).shape
        (2, 8, 8)

    Reference: Chattopadhay, Sarkar, Howlader, Balasubramanian (2018), Grad-CAM++: Generalized
        Gradient-Based Visual Explanations for Deep Convolutional Networks.
    """
    return _enlarged(attributions.grad_cam_plus_plus, model, images, targets, layer)


def _enlarged(formula: Callable, model, images, targets, layer):
    checks.arrays(images=images)
    images = np.asarray(images, "float32")
    found = tracing.map_gradients(model, images, targets, layer)
    heat = formula(found.maps, found.slopes).astype("float32")
    return tf.image.resize(heat[..., None], images.shape[1:3]).numpy()[..., 0]
