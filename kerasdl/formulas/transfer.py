"""Transfer learning: reuse a network that was trained on another task."""

import numpy as np

from kerasdl.formulas.basics import dense_parameters

MEANS = np.array([123.68, 116.779, 103.939])  # ImageNet's mean red, green and blue, of 255


def discriminative_rates(rate: float, layers: int, factor: float) -> np.ndarray:
    """Discriminative learning rates: smaller ones for earlier layers, from the first to the head.

        eta_l = eta f^(L - l)

    f = 0 trains the head alone, which suits little data similar to the old; f = 1 trains
    everything. For much data unlike the old, training from scratch and fine-tuning everything both
    work; decide by validation.

    Args:
        rate: float, learning rate eta of the head.
        layers: int, number L of layers.
        factor: float, f, from layer to layer.

    >>> discriminative_rates(0.1, 3, factor=0.5).tolist()
    [0.025, 0.05, 0.1]

    Reference: Howard and Ruder, 2018.
    """
    return rate * float(factor) ** np.arange(layers)[::-1]


def tuned_parameters(base: int, *widths: int) -> int:
    """Number of trainable parameters of a trained base with a new head.

        N = N_base + sum( n_in n_out + n_out )

    Args:
        base: int, trainable parameters of the base: 0 for feature extraction, those of its last
            layers, or all.
        widths: int, numbers of units from the base's output to the classes.

    >>> [tuned_parameters(base, 2048, 256, 10) for base in (0, 8_931_328, 23_587_712)]  # ResNet-50
    [527114, 9458442, 24114826]
    """
    return base + dense_parameters(*widths)


def preprocess(images: np.ndarray, mode: str = "caffe") -> np.ndarray:
    """Scale images of 0 to 255 as a trained network expects them.

        caffe: blue, green, red, minus ImageNet's means. ResNet50, VGG16
        tf: x / 127.5 - 1, from -1 to 1, the range of tanh. MobileNet, ViT
        torch: (x / 255 - m) / s. DenseNet

    A wrong scale gives wrong predictions without an error.

    Args:
        images: array (..., 3), RGB from 0 to 255.
        mode: str, "caffe", "tf" or "torch".

    >>> preprocess(np.array([0.0, 127.5, 255.0]), "tf").tolist()
    [-1.0, 0.0, 1.0]
    """
    if mode == "caffe":
        return (images - MEANS)[..., ::-1]
    if mode == "tf":
        return images / 127.5 - 1
    return (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
