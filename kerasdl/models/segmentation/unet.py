"""U-Net: an encoder and a decoder, with skip connections between maps of one size."""

import keras
from keras import layers

from kerasdl.layers import chain
from kerasdl.models.network import Segmenter
from kerasdl.utils import checks

VARIANTS = {
    "UNet": {
        "unet": {},
        "unet_same": {"padding": "same", "input_shape": (256, 256, 1)},
        "unet_tiny": {
            "widths": (16, 32, 64, 64),
            "padding": "same",
            "batch_normalization": True,
            "num_classes": 6,
            "input_shape": (64, 64, 3),
        },
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class UNet(Segmenter):
    """A network whose second half restores the size of the image, with the details of the first.

    The encoder halves the map and doubles the channels, so that a pixel at the bottom sees a large
    part of the image. The decoder doubles the map again and, at each size, gets the encoder's map
    as well, because where exactly a border lies is lost further down.

    Args:
        widths: tuple of int, channels of the two convolutions at each size, from the largest.
        padding: str, "valid" (as published: each convolution loses a border, so that the output is
            smaller than the image and nothing is computed from zeros) or "same".
        batch_normalization: bool, whether to normalize after each convolution.
        dropout: float, fraction of the map at the bottom that training drops, in [0, 1).
        num_classes: int, number of classes, with that of the background.
        input_shape: tuple (height, width, channels), with sides for which all poolings come out
            even.

    Output shape: (batch, height, width, num_classes) for "same"; for "valid" about 184 pixels less
        on each side with five sizes: 572 gives 388.

    Reference: Ronneberger, Fischer, Brox (2015), U-Net: Convolutional Networks for Biomedical Image
    Segmentation.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (64, 128, 256, 512, 1024),
        padding: str = "valid",
        batch_normalization: bool = False,
        dropout: float = 0.0,
        num_classes: int = 2,
        input_shape: tuple[int, int, int] = (572, 572, 1),
        **kwargs,
    ):
        checks.integer_tuples(widths=widths)
        checks.choices(("valid", "same"), padding=padding)
        checks.flags(batch_normalization=batch_normalization)
        checks.fractions(dropout=dropout)
        checks.integers(num_classes=num_classes)
        checks.image_shapes(input_shape=input_shape)
        for side in input_shape[:2]:
            expected = "sides for which each pooling halves an even map of more than 4 pixels"
            checks.check("input_shape", input_shape, _fits(side, len(widths), padding), expected)

        def convolutions(width):
            for _ in range(2):
                yield layers.Conv2D(
                    width,
                    3,
                    padding=padding,
                    use_bias=not batch_normalization,
                    kernel_initializer="he_normal",
                )
                if batch_normalization:
                    yield layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
                yield layers.ReLU()

        x = inputs = keras.Input(input_shape)  # 572
        maps = []
        for width in widths[:-1]:
            maps.append(chain.call(convolutions(width), x))  # 568, 280, 136, 64
            x = layers.MaxPooling2D(2)(maps[-1])  # 284, 140, 68, 32
        x = layers.Dropout(dropout)(chain.call(convolutions(widths[-1]), x))  # 28
        for width, skipped in zip(widths[-2::-1], maps[::-1], strict=True):
            x = layers.Conv2DTranspose(width, 2, 2, kernel_initializer="he_normal")(x)
            x = layers.Concatenate()([_middle(skipped, x), x])  # 56, 104, 200, 392
            x = chain.call(convolutions(width), x)  # 52, 100, 196, 388
        super().__init__(inputs, layers.Conv2D(num_classes, 1, name="logits")(x), **kwargs)


def _fits(side, sizes, padding):
    lost = 4 if padding == "valid" else 0
    for _ in range(sizes - 1):
        side -= lost
        if side < 2 or side % 2:
            return False
        side //= 2
    return side > lost


def _middle(maps, like):
    """Crop maps to the size of others."""
    sides = zip(maps.shape[1:3], like.shape[1:3], strict=True)
    borders = [((more - less) // 2, more - less - (more - less) // 2) for more, less in sides]
    return layers.Cropping2D(borders)(maps) if any(map(any, borders)) else maps
