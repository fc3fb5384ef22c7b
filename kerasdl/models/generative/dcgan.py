"""DCGAN's generator (transposed convolutions) and discriminator (strided convolutions)."""

from collections.abc import Callable

import keras
from keras import layers

from kerasdl.errors import InvalidInput
from kerasdl.models.network import Network
from kerasdl.utils import checks

VARIANTS = {
    "Generator": {
        "dcgan_generator": {"latent_dim": 100, "width": 64, "start": 4, "image_shape": (64, 64, 3)},
        "dcgan_generator_tiny": {
            "latent_dim": 32,
            "width": 64,
            "start": 2,
            "image_shape": (8, 8, 1),
        },
    },
    "Discriminator": {
        "dcgan_discriminator": {"width": 64, "end": 4, "input_shape": (64, 64, 3)},
        "dcgan_discriminator_tiny": {"width": 64, "end": 2, "input_shape": (8, 8, 1)},
    },
}


def doublings(image_shape, smallest):
    """Return how many times a map of `smallest` pixels must double to have the image's size."""
    height, width, _ = image_shape
    count = (height // smallest).bit_length() - 1
    if not height == width == smallest * 2**count:
        expected = f"a square of {smallest} times a power of two pixels"
        raise InvalidInput("image size", expected, f"{height}x{width}")
    return count


def batch_norm() -> layers.Layer:
    """Return batch normalization, with the statistics of the global batch of all replicas."""
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        synchronized=True,
    )


def convolution(kind, filters, kernel_size, strides=1, padding="valid", **kwargs):
    """Return a convolution of the class `kind`, with the initialization of the publication."""
    return kind(
        filters,
        kernel_size,
        strides,
        padding,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.02),
        **kwargs,
    )


@keras.saving.register_keras_serializable(package="kerasdl", name="DCGANGenerator")
class Generator(Network):
    """Generate an image from noise: each layer doubles the map and halves its channels.

    The noise is a 1x1 map of `latent_dim` channels, so that the first layer is a transposed
    convolution too; a dense layer reshaped to `start` x `start` would have the same weights.

    Args:
        latent_dim: int, numbers in a code.
        width: int, channels of the last hidden map. Each earlier map has twice as many.
        start: int, height and width of the first map.
        activation: str or function, of the hidden layers.
        image_shape: tuple, (height, width, channels) of the output, which is in [-1, 1]. Height and
            width are `start` times a power of two.

    Reference: Radford, Metz, Chintala (2016), Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks.
    """

    trained_by = "DCGAN"

    def __init__(
        self,
        latent_dim: int = 100,
        width: int = 64,
        start: int = 4,
        activation: str | Callable = "relu",
        image_shape: tuple[int, int, int] = (64, 64, 3),
        **kwargs,
    ):
        checks.integers(latent_dim=latent_dim, width=width, start=start)
        checks.activations(activation=activation)
        checks.image_shapes(image_shape=image_shape)
        steps = doublings(image_shape, start)
        if not steps:
            raise InvalidInput("value for argument `start`", "at most half of the image", start)
        up = layers.Conv2DTranspose
        inputs = keras.Input((latent_dim,))
        x = layers.Reshape((1, 1, latent_dim))(inputs)
        for step in range(steps):  # 4, 8, 16, 32
            filters = width * 2 ** (steps - 1 - step)
            kernel = (start,) if step == 0 else (4, 2, "same")
            x = convolution(up, filters, *kernel)(x)
            x = layers.Activation(activation)(batch_norm()(x))
        x = convolution(up, image_shape[-1], 4, 2, "same", activation="tanh", name="image")(x)  # 64
        super().__init__(inputs, x, **kwargs)


@keras.saving.register_keras_serializable(package="kerasdl", name="DCGANDiscriminator")
class Discriminator(Network):
    """Tell real images from generated ones: each layer halves the map and doubles its channels.

    Args:
        width: int, channels of the first map. Each later map has twice as many.
        end: int, height and width of the last map, which one convolution turns into the logit.
        batch_normalization: bool, whether to normalize every hidden map but the first, as DCGAN
            does. A critic with a gradient penalty needs a network without it.
        dropout: float, fraction of each hidden map that training drops, in [0, 1).
        input_shape: tuple, (height, width, channels) of the input, which is in [-1, 1]. Height and
            width are `end` times a power of two.

    Reference: Radford, Metz, Chintala (2016), Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks.
    """

    trained_by = "DCGAN"

    def __init__(
        self,
        width: int = 64,
        end: int = 4,
        batch_normalization: bool = True,
        dropout: float = 0.0,
        input_shape: tuple[int, int, int] = (64, 64, 3),
        **kwargs,
    ):
        checks.integers(width=width, end=end)
        checks.flags(batch_normalization=batch_normalization)
        checks.fractions(dropout=dropout)
        checks.image_shapes(input_shape=input_shape)
        x = inputs = keras.Input(input_shape)
        for step in range(doublings(input_shape, end)):  # 32, 16, 8, 4
            x = convolution(layers.Conv2D, width * 2**step, 4, 2, "same")(x)
            if batch_normalization and step > 0:
                x = batch_norm()(x)
            x = layers.LeakyReLU(0.2)(x)
            if dropout:
                x = layers.Dropout(dropout)(x)
        x = convolution(layers.Conv2D, 1, end, name="logit")(x)  # 1
        super().__init__(inputs, layers.Flatten()(x), **kwargs)
