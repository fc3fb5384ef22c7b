"""Scheduled sampling: a language model that reads its own words while it learns."""

import keras
from keras import ops

from kerasdl import errors
from kerasdl.arguments import Arguments
from kerasdl.layers.noise import replica_uniform
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel
from kerasdl.schedules import InverseSigmoid
from kerasdl.utils import checks

VARIANTS = {
    "ScheduledSampling": {
        "scheduled_lstm_lm": {},
        "scheduled_lstm_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0, "decay_steps": 100},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class ScheduledSampling(Arguments, keras.Model):
    """Teach a network to go on from its own words: ever more of what it reads are its guesses.

        reads at t:   x_t with probability eps_i,   otherwise x' ~ p(. | what it read before t)

    A network that reads only the truth while it learns has never seen a mistake; in use it reads
    what it wrote, mistakes and all. The targets stay the true ones. Its guesses come from a pass
    over the true text, for all positions at once, and cost one more prediction a step. Of `passes`
    passes, each reads what the one before gave: with as many as the text has tokens, every guess
    follows from guesses, as if they were made one by one.

    `evaluate` and `predict` read the truth, and `truth=1.0` is plain teacher forcing.

    Args:
        network: From tokens (batch, time) to the logits of the token that follows each.
        truth: eps_i, the share of true tokens: a number, or a schedule of the optimizer's step.
        passes: How often it guesses.
        seed: Chooses positions and words; `None` takes one from Python's generator.

    Example:
        >>> model = ScheduledSampling.create(vocabulary_size=20, width=8, depth=1)
        >>> model(ops.ones((2, 5), "int32")).shape
        TensorShape([2, 5, 20])

    Spec: TRN-01, TRN-02, E-84
    Reference: Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent
        Neural Networks; Mihaylova, Martins (2019), Scheduled Sampling for Transformers.
    """

    def __init__(self, network, truth=1.0, passes=1, seed=None, **kwargs):
        is_schedule = callable(truth) and not isinstance(truth, type)
        is_fraction = checks.is_number(truth) and 0 <= truth <= 1
        expected = "a fraction in [0, 1] or a schedule"
        checks.check("truth", truth, is_schedule or is_fraction, expected)
        _check(passes, seed)
        inputs = getattr(network, "inputs", None) or ()
        if not isinstance(network, keras.Model) or len(inputs) != 1:
            expected = "a built network of one input"
            raise errors.InvalidInput("value for argument `network`", expected, network)
        (tokens,) = inputs
        super().__init__(tokens, network(tokens), **kwargs)
        self.network = network
        self.truth = truth
        self.passes = passes
        self.seed_generator = keras.random.SeedGenerator(seed)

    @classmethod
    def create(
        cls,
        vocabulary_size=100,
        context=128,
        width=256,
        depth=2,
        dropout=0.1,
        decay_steps=1000,
        passes=1,
        seed=None,
        **kwargs,
    ):
        """A recurrent language model whose share of truth falls as an inverse sigmoid."""
        _check(passes, seed)
        network = LSTMLanguageModel(vocabulary_size, context, width, depth, dropout, name="network")
        return cls(network, InverseSigmoid(decay_steps), passes, seed, **kwargs)

    @property
    def context(self):
        return getattr(self.network, "context", None)

    def call(self, inputs, training=None, mask=None):
        if training:
            noise = replica_uniform((*ops.shape(inputs), 2), self.seed_generator)
            inputs = self.read(inputs, noise, self.share())
        return super().call(inputs, training=training, mask=mask)

    def share(self):
        """eps_i, for the step that the optimizer has come to."""
        if not callable(self.truth):
            return self.truth
        optimizer = getattr(self, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return self.truth(optimizer.iterations if optimizer else 0)

    def read(self, tokens, noise, share):
        """The tokens, but for a share of them; noise (batch, time, 2) says which, and what else."""
        guessed, read = noise[..., 0] >= share, tokens
        for _ in range(self.passes):
            logits = ops.cast(self.network(read, training=False), "float32")
            # the word in whose part of [0, 1) the noise for the next position falls
            below = ops.cumsum(ops.softmax(logits), axis=-1)[:, :-1] <= noise[:, 1:, 1:]
            words = ops.minimum(ops.sum(ops.cast(below, "int32"), axis=-1), logits.shape[-1] - 1)
            words = ops.concatenate([tokens[:, :1], ops.cast(words, tokens.dtype)], axis=1)
            read = ops.where(guessed, words, tokens)
        return read

    def generate(self, *args, **kwargs):
        """See the network's."""
        return self.network.generate(*args, **kwargs)


def _check(passes, seed):
    """Check the arguments that `create` must check before it makes the network."""
    checks.integers(passes=passes)
    checks.integers(at_least=0, optional=True, seed=seed)
