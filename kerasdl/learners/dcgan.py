"""DCGAN: a convolutional generator and a discriminator, trained against each other."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kerasdl import errors, optimizers
from kerasdl.layers.noise import replica_normal
from kerasdl.learners import checking, interpolation
from kerasdl.models.generative.dcgan import Discriminator, Generator
from kerasdl.models.network import Network
from kerasdl.utils import checks
from kerasdl.utils.global_mean import global_mean
from kerasdl.utils.types import Tensor

VARIANTS = {
    "DCGAN": {
        "dcgan": {"latent_dim": 100, "width": 64, "start": 4, "input_shape": (64, 64, 3)},
        "dcgan_tiny": {"latent_dim": 32, "width": 64, "start": 2, "input_shape": (8, 8, 1)},
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class DCGAN(Network):
    """Train a generator whose images a discriminator cannot tell from real ones.

        D minimizes -log D(x) - log(1 - D(G(z)))        G minimizes -log D(G(z))        z ~ N(0, I)

    The generator's loss is the non-saturating one, because log(1 - D(G(z))) has almost no gradient
    while D recognizes every generated image. `fit` takes datasets of images in [0, 1] and needs no
    loss. A call returns the discriminator's logits.

    Args:
        generator: keras.Model, from a code to an image in [-1, 1].
        discriminator: keras.Model, from an image in [-1, 1] to one logit.
        label_smoothing: float, subtracted from D's label 1 of real images, in [0, 1).
        seed: int, seed of the training noise; by default random.

    Example:
        >>> model = DCGAN.create(width=8, start=2, input_shape=(8, 8, 1))
        >>> model.generate(5, seed=0).shape
        TensorShape([5, 8, 8, 1])

    Reference: Goodfellow et al. (2014), Generative Adversarial Networks. Radford, Metz, Chintala
    (2016), Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        label_smoothing: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        _check(label_smoothing, seed)
        checking.networks(generator=generator, discriminator=discriminator)
        checking.shapes("generator", generator.input_shape, (None, None), "a code as its input")
        why = "the input of the discriminator as its output"
        checking.shapes("generator", generator.output_shape, discriminator.input_shape, why)
        why = "one logit as its output"
        checking.shapes("discriminator", discriminator.output_shape, (None, 1), why)
        images = keras.Input(discriminator.input_shape[1:])
        super().__init__(images, discriminator(2 * images - 1), **kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.label_smoothing = label_smoothing
        self.noise = keras.random.SeedGenerator(seed)
        self.test_noise = keras.random.SeedGenerator(0)
        self.trackers = [
            keras.metrics.Mean(name=name) for name in ("discriminator_loss", "generator_loss")
        ]

    @classmethod
    def create(
        cls,
        latent_dim: int = 100,
        width: int = 64,
        start: int = 4,
        batch_normalization: bool = True,
        dropout: float = 0.0,
        label_smoothing: float = 0.1,
        seed: int | None = None,
        input_shape: tuple[int, int, int] = (64, 64, 3),
        **kwargs,
    ) -> "DCGAN":
        """Create a DCGAN whose discriminator mirrors its generator."""
        _check(label_smoothing, seed)
        generator = Generator(latent_dim, width, start, image_shape=input_shape, name="generator")
        discriminator = Discriminator(
            width, start, batch_normalization, dropout, input_shape, name="discriminator"
        )
        return cls(generator, discriminator, label_smoothing, seed, **kwargs)

    def compile(  # type: ignore[override]  # two optimizers in place of one
        self,
        generator_optimizer: keras.Optimizer | None = None,
        discriminator_optimizer: keras.Optimizer | None = None,
        **kwargs: Any,
    ) -> None:
        """Configure training.

        Args:
            generator_optimizer: keras.optimizers.Optimizer, by default the publication's,
                Adam(2e-4, beta_1=0.5).
            discriminator_optimizer: keras.optimizers.Optimizer, with the same default.
            **kwargs: Other arguments of `keras.Model.compile`, except `optimizer` and `loss`.
        """
        for name in ("optimizer", "loss"):
            if kwargs.get(name) is not None:
                expected = "generator_optimizer and discriminator_optimizer, and no loss"
                subject = f"argument `{name}` of DCGAN.compile"
                raise errors.InvalidInput(subject, expected, repr(kwargs[name]))
        keras.Model.compile(self, **{**kwargs, "optimizer": None})
        self.generator_optimizer = self._optimizer(generator_optimizer, self.generator)
        self.discriminator_optimizer = self._optimizer(discriminator_optimizer, self.discriminator)

    def _optimizer(self, optimizer, network):
        optimizer = keras.optimizers.get(optimizer or optimizers.Adam(2e-4, beta_1=0.5))
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if self.dtype_policy.name == "mixed_float16" and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        # its variables must exist before replicas run, and before a saved state is loaded
        optimizer.build(network.trainable_variables)
        return optimizer

    def get_compile_config(self):
        if not self.compiled:
            return None
        optimizers = (self.generator_optimizer, self.discriminator_optimizer)
        names = ("generator_optimizer", "discriminator_optimizer")
        return dict(zip(names, map(keras.saving.serialize_keras_object, optimizers), strict=True))

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))

    @property
    def metrics(self):
        return self.trackers

    def forge(self, real: Tensor, noise: Any, training: bool) -> Tensor:
        """Return as many generated images in [-1, 1] as there are real ones."""
        shape = (ops.shape(real)[0], self.generator.input_shape[-1])
        return self.generator(replica_normal(shape, noise), training=training)

    def discriminator_losses(self, real: Tensor, fake: Tensor, training: bool) -> Tensor:
        # -log D(x) - log(1 - D(G(z)))
        losses = cross_entropy(1 - self.label_smoothing, self(real, training=training))
        return losses + cross_entropy(0.0, self.discriminator(fake, training=training))

    def generator_losses(self, fake: Tensor, training: bool) -> Tensor:
        # -log D(G(z))
        return cross_entropy(1.0, self.discriminator(fake, training=training))

    def track(self, *losses: Tensor) -> dict[str, Tensor]:
        for tracker, loss in zip(self.trackers, losses, strict=True):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def train_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        real = checking.unit_range(real)
        with tf.GradientTape() as generator_tape:
            fake = self.forge(real, self.noise, training=True)

        with tf.GradientTape() as tape:
            losses = self.discriminator_losses(real, ops.stop_gradient(fake), training=True)
            loss = self.discriminator_optimizer.scale_loss(global_mean(losses))
        descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        with generator_tape:  # continues recording, with the updated discriminator
            generator_losses = self.generator_losses(fake, training=True)
            loss = self.generator_optimizer.scale_loss(global_mean(generator_losses))
        descend(self.generator_optimizer, generator_tape, loss, self.generator)
        return self.track(losses, generator_losses)

    def test_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        fake = self.forge(real, self.test_noise, training=False)
        return self.track(
            self.discriminator_losses(real, fake, training=False),
            self.generator_losses(fake, training=False),
        )

    def evaluate(self, *args, **kwargs):
        self.test_noise.state.assign([0, 0])  # the same noise in each evaluation
        return super().evaluate(*args, **kwargs)

    def fit(self, *args, **kwargs):
        with checking.explained():
            return super().fit(*args, **kwargs)

    def generate(self, count: int, seed: int | None = None) -> Tensor:
        """Generate `count` images in [0, 1] from codes drawn from N(0, I)."""
        return self.decode(keras.random.normal((count, self.generator.input_shape[-1]), seed=seed))

    def decode(self, codes: Tensor) -> Tensor:
        """Return the images in [0, 1] of a batch of codes."""
        return (self.generator(codes) + 1) / 2

    def interpolate(self, a: Tensor, b: Tensor, steps: int = 10) -> Tensor:
        """Return images of `steps` codes on the great circle between two codes."""
        return self.decode(interpolation.arc(a, b, steps))


def cross_entropy(label: float, logits):
    """Return the loss of each logit for one label in [0, 1]."""
    logits = ops.cast(logits, "float32")
    return ops.binary_crossentropy(ops.full_like(logits, label), logits, from_logits=True)


def descend(optimizer, tape, loss, network):
    """Update a network's weights by the gradients of a loss."""
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)


def _check(label_smoothing, seed):
    """Check a DCGAN's own arguments, which `create` does before it makes the networks."""
    checks.fractions(label_smoothing=label_smoothing)
    checks.integers(at_least=0, optional=True, seed=seed)
