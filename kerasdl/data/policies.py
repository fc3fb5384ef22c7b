"""Augmentation policies, which `augment` applies to training images."""

import dataclasses

from kerasdl import errors
from kerasdl.utils import checks


@dataclasses.dataclass(frozen=True)
class Policy:
    """How to augment images. Amounts are drawn uniformly, up to the given ones in both directions.

    Args:
        shift: float, fraction of the height and width to move by. Without rotation and zoom the
            shift is whole pixels with mirrored edges, like padding and cropping; with them, and
            for images with boxes or masks, the outside is black.
        rotate: float, degrees.
        zoom: float, relative change of size.
        flip: bool, mirror half of the images left to right.
        brightness: float, relative change.
        contrast: float, relative change of the distance to the image's mean gray level.
        saturation: float, relative change of the distance to each pixel's gray level.
        erase: float, side of a gray square at a random place, as a fraction of the image's side.
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    flip: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erase: float = 0.0

    def __post_init__(self):
        checks.flags(flip=self.flip)
        checks.numbers(rotate=self.rotate, at_least=0, at_most=180)
        checks.fractions(
            shift=self.shift,
            zoom=self.zoom,
            brightness=self.brightness,
            contrast=self.contrast,
            saturation=self.saturation,
        )
        checks.fractions(erase=self.erase, one=True)


POLICIES = {
    "light": Policy(shift=0.125, rotate=12, zoom=0.1),
    "crop_flip": Policy(shift=0.125, flip=True),
    "standard": Policy(shift=0.125, flip=True, brightness=0.2, contrast=0.2, saturation=0.2),
    "strong": Policy(0.15, 20, 0.2, True, brightness=0.4, contrast=0.4, saturation=0.4, erase=0.3),
}


def policy(augment: bool | str | Policy) -> Policy | None:
    """Return the augmentation policy of a name; True means "standard", False means none."""
    augment = checks.plain(augment)
    if isinstance(augment, Policy) or augment is False or augment is None:
        return augment or None
    name = "standard" if augment is True else augment
    errors.one_of("augmentation policy", name, list(POLICIES))
    return POLICIES[name]
