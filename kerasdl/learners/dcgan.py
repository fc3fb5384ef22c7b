"""DCGAN: a forger and a detective, both convolutional, who train each other."""

import keras
import tensorflow as tf
from keras import ops

from kerasdl.arguments import Arguments
from kerasdl.layers.noise import replica_normal
from kerasdl.learners import interpolation
from kerasdl.learners.replicas import global_mean
from kerasdl.models.generative.dcgan import Discriminator, Generator
from kerasdl.utils import checks

VARIANTS = {
    "DCGAN": {
        "dcgan": {"latent_dim": 100, "width": 64, "start": 4, "input_shape": (64, 64, 3)},
        "dcgan_tiny": {"latent_dim": 32, "width": 64, "start": 2, "input_shape": (8, 8, 1)},
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class DCGAN(Arguments, keras.Model):
    """A generator learns to make what a discriminator cannot tell from real images.

        D minimises -log D(x) - log(1 - D(G(z)))        G minimises -log D(G(z))        z ~ N(0, I)

    The generator's loss is the non-saturating one: where D sees through every forgery,
    log(1 - D(G(z))) has next to no gradient. `fit` takes datasets of images in [0, 1] and needs no
    loss; a call gives the discriminator's logits.

    Args:
        generator: Model from a code to an image in [-1, 1].
        discriminator: Model from an image in [-1, 1] to a logit.
        label_smoothing: How far below 1 the label of a real image lies for D.
        seed: Where the noise of training starts.

    Example:
        >>> model = DCGAN.create(width=8, start=2, input_shape=(8, 8, 1))
        >>> model.generate(5, seed=0).shape
        TensorShape([5, 8, 8, 1])

    Reference: Goodfellow et al. (2014), Generative Adversarial Networks. Radford, Metz, Chintala
    (2016), Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks.

    Spec: GAN-01, GAN-02, GAN-03, GAN-06, GAN-07, GAN-09, GAN-15, GAN-18, GAN-21, GAN-31, TRN-22,
    E-35
    """

    def __init__(self, generator, discriminator, label_smoothing=0.1, seed=None, **kwargs):
        _check(label_smoothing, seed)
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
        latent_dim=100,
        width=64,
        start=4,
        batch_normalization=True,
        dropout=0.0,
        label_smoothing=0.1,
        seed=None,
        input_shape=(64, 64, 3),
        **kwargs,
    ):
        """A DCGAN whose discriminator mirrors its generator."""
        _check(label_smoothing, seed)
        generator = Generator(latent_dim, width, start, image_shape=input_shape, name="generator")
        discriminator = Discriminator(
            width, start, batch_normalization, dropout, input_shape, name="discriminator"
        )
        return cls(generator, discriminator, label_smoothing, seed, **kwargs)

    def compile(self, generator_optimizer=None, discriminator_optimizer=None, **kwargs):
        """Give each network its optimizer; the default is the publication's, Adam(2e-4, 0.5)."""
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = self._optimizer(generator_optimizer, self.generator)
        self.discriminator_optimizer = self._optimizer(discriminator_optimizer, self.discriminator)

    def _optimizer(self, optimizer, network):
        optimizer = keras.optimizers.get(optimizer or keras.optimizers.Adam(2e-4, beta_1=0.5))
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

    def forge(self, real, noise, training):
        """As many images in [-1, 1], from fresh noise, as there are real ones."""
        shape = (ops.shape(real)[0], self.generator.input_shape[-1])
        return self.generator(replica_normal(shape, noise), training=training)

    def discriminator_losses(self, real, fake, training):
        # -log D(x) - log(1 - D(G(z)))
        losses = cross_entropy(1 - self.label_smoothing, self(real, training=training))
        return losses + cross_entropy(0.0, self.discriminator(fake, training=training))

    def generator_losses(self, fake, training):
        # -log D(G(z))
        return cross_entropy(1.0, self.discriminator(fake, training=training))

    def track(self, *losses):
        for tracker, loss in zip(self.trackers, losses, strict=True):
            tracker.update_state(loss)
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def train_step(self, data):
        real, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as generator_tape:
            fake = self.forge(real, self.noise, training=True)

        with tf.GradientTape() as tape:
            losses = self.discriminator_losses(real, ops.stop_gradient(fake), training=True)
            loss = self.discriminator_optimizer.scale_loss(global_mean(losses))
        descend(self.discriminator_optimizer, tape, loss, self.discriminator)

        with generator_tape:  # goes on where it stopped, with a discriminator one step wiser
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
        self.test_noise.state.assign([0, 0])  # the same forgeries every time
        return super().evaluate(*args, **kwargs)

    def generate(self, count, seed=None):
        """`count` images in [0, 1] from codes drawn from N(0, I)."""
        return self.decode(keras.random.normal((count, self.generator.input_shape[-1]), seed=seed))

    def decode(self, codes):
        """Images in [0, 1] of a batch of codes."""
        return (self.generator(codes) + 1) / 2

    def interpolate(self, a, b, steps=10):
        """Images along the arc between two codes, both ends included."""
        return self.decode(interpolation.arc(a, b, steps))


def cross_entropy(label, logits):
    logits = ops.cast(logits, "float32")
    return ops.binary_crossentropy(ops.full_like(logits, label), logits, from_logits=True)


def descend(optimizer, tape, loss, network):
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)


def _check(label_smoothing, seed):
    """Check a DCGAN's own arguments, which `create` must do before it makes the networks."""
    checks.fractions(label_smoothing=label_smoothing)
    checks.integers(at_least=0, optional=True, seed=seed)
