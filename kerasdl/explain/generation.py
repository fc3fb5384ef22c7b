"""Pictures of what autoencoders and generators make, and of the space that they make it from."""

import numpy as np

from kerasdl.errors import InvalidInput
from kerasdl.explain import style


def samples(images, count=64):
    """A square grid of images in [0, 1].

    Spec: DBG-20, DBG-24
    """
    images = _some(images, count)
    return style.image_grid(images, int(np.ceil(len(images) ** 0.5)))


def reconstructions(inputs, outputs, count=10):
    """Inputs above, what came back below.

    Spec: DBG-25
    """
    inputs, outputs = _some(inputs, count), _some(outputs, count)
    if inputs.shape != outputs.shape:
        raise InvalidInput("outputs", f"the inputs' shape {inputs.shape}", outputs.shape)
    picture = style.image_grid([*inputs, *outputs], len(inputs))
    _row_names(picture, len(inputs), ["input", "output"])
    return picture


def interpolation(images):
    """The images between two codes: (steps, ...), or (rows, steps, ...) for several pairs.

    Spec: DBG-18
    """
    images = np.asarray(images)
    is_colour = images.ndim == 4 and images.shape[-1] in (1, 3)
    rows = images if images.ndim == 5 or (images.ndim == 4 and not is_colour) else images[None]
    return style.image_grid([image for row in rows for image in row], rows.shape[1])


def latent(codes, labels=None, names=None):
    """Codes as points in a plane, coloured by class; wider codes in their two principal components.

    Args:
        codes: (number, dim).
        labels: Class number of each.
        names: Name of each class.

    Spec: DBG-17, DBG-18
    """
    codes = np.asarray(codes, "float64")
    if codes.ndim != 2 or codes.shape[1] < 2 or len(codes) < 2:
        raise InvalidInput("codes", "shape (number, 2 or more)", codes.shape)
    labels = np.zeros(len(codes), int) if labels is None else np.asarray(labels).ravel()
    axes_names = ("code 1", "code 2")
    if codes.shape[1] > 2:
        # principal components: the directions in which the codes vary most
        centred = codes - codes.mean(0)
        _, deviations, directions = np.linalg.svd(centred, full_matrices=False)
        shares = deviations**2 / np.sum(deviations**2)
        codes = centred @ directions[:2].T
        axes_names = [f"component {i + 1} ({shares[i]:.0%} of variance)" for i in range(2)]
    with style.figure(6, 5) as picture:
        axis = picture.subplots()
        classes = np.unique(labels)
        for i, label in enumerate(classes):
            points = codes[labels == label]
            colour = style.PALETTE[i % len(style.PALETTE)]
            name = names[label] if names else label
            axis.scatter(*points.T, s=9, alpha=0.6, linewidths=0, color=colour, label=name)
        axis.set(xlabel=axes_names[0], ylabel=axes_names[1])
        axis.set_aspect("equal", adjustable="datalim")
        if len(classes) > 1:
            axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    return picture


def _some(images, count):
    images = np.asarray(images)[:count]
    if images.ndim < 2 or not len(images):
        raise InvalidInput("images", "at least one", f"shape {images.shape}")
    return images


def _row_names(picture, columns, names):
    for axis, name in zip(picture.axes[::columns], names, strict=True):
        axis.text(-0.08, 0.5, name, transform=axis.transAxes, ha="right", va="center", fontsize=10)
