"""Transfer: what a network learned elsewhere, put to use here."""

import numpy as np

from kerasdl.formulas.basics import dense_parameters

MEANS = np.array([123.68, 116.779, 103.939])  # of ImageNet's red, green and blue, of 255


def discriminative_rates(rate, layers, factor):
    """A learning rate for each layer, from the first to the head: early ones hardly need to move.

        eta_l = eta f^(L - l)

    f = 0 trains the head alone, which suits little data like the old; f = 1 trains everything. For
    much data unlike the old one of the notes starts from scratch, another trains everything. Both
    are worth a try; validation tells.

    Spec: TRL-05, TRL-06, TRL-07, E-72

    >>> discriminative_rates(0.1, 3, factor=0.5).tolist()
    [0.025, 0.05, 0.1]
    """
    return rate * float(factor) ** np.arange(layers)[::-1]


def tuned_parameters(base, *widths):
    """What learns where a trained base gets a new head: the head, and what is not frozen below it.

        N = N_base + sum( n_in n_out + n_out )

    Nothing of the base where it only extracts features; its last layers; or all of it. One of the
    notes builds such a head without importing `Dense`.

    Spec: CNA-20, TRL-02, TRL-03, E-81

    >>> [tuned_parameters(base, 2048, 256, 10) for base in (0, 8_931_328, 23_587_712)]  # ResNet-50
    [527114, 9458442, 24114826]
    """
    return base + dense_parameters(*widths)


def preprocess(images, mode="caffe"):
    """Images of 0 to 255 as the network saw them when it was trained; the notes leave it out.

        caffe: blue, green, red, less ImageNet's means. ResNet50, VGG16
        tf: x / 127.5 - 1, from -1 to 1, as a generator's tanh makes them too. MobileNet, ViT
        torch: (x / 255 - m) / s. DenseNet

    Spec: TRL-09, TRF-51, GAN-18, E-81

    >>> preprocess(np.array([0.0, 127.5, 255.0]), "tf").tolist()
    [-1.0, 0.0, 1.0]
    """
    if mode == "caffe":
        return (images - MEANS)[..., ::-1]
    if mode == "tf":
        return images / 127.5 - 1
    return (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
