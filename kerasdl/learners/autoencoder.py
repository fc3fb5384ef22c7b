"""Autoencoder: learn a short code by reconstructing the input from it."""

import keras
from keras import ops

from kerasdl import optimizers
from kerasdl.learners import checking, interpolation
from kerasdl.models.generative import autoencoder as networks
from kerasdl.models.network import Network
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "Autoencoder": {
        "autoencoder": {"latent_dim": 32, "widths": (128, 64), "input_shape": (28, 28, 1)},
        "autoencoder_tiny": {
            "latent_dim": 10,
            "widths": (256, 256),
            "activation": "silu",
            "input_shape": (8, 8, 1),
        },
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class Autoencoder(Network):
    """Reconstruct the input from a code that is too short to copy it.

        h = encoder(x)        x^ = f(decoder(h))        minimize loss(x, x^)

    `fit(x)` reconstructs x. `fit(noisy, clean)` learns to remove noise: targets with the shape of
    the input replace it in the loss. Other targets, such as the labels of a dataset, are ignored.
    With a linear network and the squared error, the codes span the space of the principal
    components.

    Args:
        encoder: keras.Model, from an input to a code.
        decoder: keras.Model, from a code to the logits of the input.
        output_activation: str, the activation that maps logits to the input's range: "sigmoid" for
            [0, 1], "linear" for any range.

    Example:
        >>> model = Autoencoder.create(latent_dim=2, widths=(16,), input_shape=(8, 8, 1))
        >>> model.encode(keras.ops.zeros((5, 8, 8, 1))).shape
        TensorShape([5, 2])

    Reference: Hinton, Salakhutdinov (2006), Reducing the Dimensionality of Data
    with Neural Networks; Vincent et al. (2008), Extracting and Composing Robust Features with
    Denoising Autoencoders.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        output_activation: str = "sigmoid",
        **kwargs,
    ):
        checks.activations(output_activation=output_activation)
        checking.networks(encoder=encoder, decoder=decoder)
        why = "the output of the encoder as its input"
        checking.shapes("decoder", decoder.input_shape, encoder.output_shape, why)
        why = "the input of the encoder as its output"
        checking.shapes("decoder", decoder.output_shape, encoder.input_shape, why)
        inputs = keras.Input(encoder.input_shape[1:])
        logits = decoder(encoder(inputs))
        activation = keras.activations.get(output_activation)
        super().__init__(inputs, activation(logits), **kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.output_activation = activation

    @classmethod
    def create(
        cls,
        latent_dim: int = 32,
        widths: tuple[int, ...] = (128, 64),
        activation: str = "relu",
        output_activation: str = "sigmoid",
        input_shape: tuple[int, ...] = (28, 28, 1),
        **kwargs,
    ) -> "Autoencoder":
        """Create an autoencoder of dense networks, the decoder mirroring the encoder."""
        checks.activations(output_activation=output_activation)
        encoder = networks.Encoder(latent_dim, widths, activation, input_shape, name="encoder")
        decoder = networks.Decoder(
            latent_dim, tuple(widths)[::-1], activation, input_shape, name="decoder"
        )
        return cls(encoder, decoder, output_activation, **kwargs)

    def training_defaults(self) -> dict:
        return {
            "optimizer": optimizers.Adam(1e-3),
            "loss": keras.losses.MeanSquaredError(),
        }

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        target = self.target(x, y, y_pred)
        if self.output_activation is keras.activations.sigmoid:
            target = checking.unit_range(target)
        return super().compute_loss(x, target, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, self.target(x, y, y_pred), y_pred, sample_weight)

    @staticmethod
    def target(x: Tensor, y: Tensor | None, y_pred: Tensor) -> Tensor:
        """Return the target of the loss: `y` if it has the shape of the input, else `x`."""
        return x if y is None or len(y.shape) != len(y_pred.shape) else y

    def fit(self, *args, **kwargs):
        with checking.explained():
            return super().fit(*args, **kwargs)

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the codes of a batch of inputs."""
        return self.encoder(inputs)

    def decode(self, codes: Tensor) -> Tensor:
        """Return the reconstructions of a batch of codes, in the range of the inputs."""
        return self.output_activation(self.decoder(codes))

    def reconstruct(self, inputs: Tensor) -> Tensor:
        """Return the reconstructions of a batch of inputs."""
        return self.decode(self.encode(inputs))

    def interpolate(self, a: Tensor, b: Tensor, steps: int = 10) -> Tensor:
        """Decode `steps` codes on the straight line between the codes of two inputs."""
        first, last = self.encode(ops.stack([a, b]))
        return self.decode(interpolation.line(first, last, steps))
