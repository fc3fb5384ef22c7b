"""DCGAN's two networks: strided convolutions down to a verdict, transposed ones up to an image."""

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
    """How many times a map of `smallest` pixels doubles before it is the image."""
    height, width, _ = image_shape
    count = (height // smallest).bit_length() - 1
    if not height == width == smallest * 2**count:
        expected = f"a square of {smallest} times a power of two pixels"
        raise InvalidInput("image size", expected, f"{height}x{width}")
    return count


def batch_norm():
    # synchronized, so that replicas normalise by the statistics of the global batch
    return layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        synchronized=True,
    )


def convolution(kind, filters, kernel_size, strides=1, padding="valid", **kwargs):
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
    """Grow an image from noise: each layer doubles the map and halves its channels.

    The noise is a 1x1 map of `latent_dim` channels, so that the first layer is a transposed
    convolution too; a dense layer reshaped to `start` x `start` would have the same weights.

    Args:
        latent_dim: Numbers in a code.
        width: Channels of the last hidden map; each earlier one has twice as many.
        start: Size of the first map.
        activation: Of the hidden layers.
        image_shape: (height, width, channels) of what comes out, in [-1, 1]; `start` times a power
            of two high and wide.

    Reference: Radford, Metz, Chintala (2016), Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks.

    Spec: GAN-10, GAN-12, GAN-14, GAN-16, GAN-18, E-30, E-32, E-33
    """

    trained_by = "DCGAN"

    def __init__(
        self,
        latent_dim=100,
        width=64,
        start=4,
        activation="relu",
        image_shape=(64, 64, 3),
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
    """Judge an image: each strided convolution halves the map and doubles its channels.

    Args:
        width: Channels of the first map; each later one has twice as many.
        end: Size of the last map, which one convolution turns into the logit.
        batch_normalization: Normalise every hidden map but the first, as DCGAN does. Critics with a
            gradient penalty want none.
        dropout: Share of each hidden map's units to drop.
        input_shape: (height, width, channels) of what comes in, in [-1, 1]; `end` times a power
            of two high and wide.

    Reference: Radford, Metz, Chintala (2016), Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks.

    Spec: GAN-11, GAN-12, GAN-20, GAN-22, E-31, E-32, E-36
    """

    trained_by = "DCGAN"

    def __init__(
        self,
        width=64,
        end=4,
        batch_normalization=True,
        dropout=0.0,
        input_shape=(64, 64, 3),
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
