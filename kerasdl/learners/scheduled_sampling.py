"""Scheduled sampling: train a language model partly on its own predictions."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasdl import errors, optimizers
from kerasdl.layers.noise import replica_uniform
from kerasdl.models.network import Network, cross_entropy
from kerasdl.models.sequence.lstm_lm import LSTMLanguageModel
from kerasdl.schedules import InverseSigmoid
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor

VARIANTS = {
    "ScheduledSampling": {
        "scheduled_lstm_lm": {},
        "scheduled_lstm_lm_tiny": {"width": 64, "depth": 1, "dropout": 0.0, "decay_steps": 100},
    }
}


@keras.saving.register_keras_serializable(package="kerasdl")
class ScheduledSampling(Network):
    """Train a network to continue its own output: inputs are more and more its own predictions.

        input at t:   x_t with probability eps_i,   otherwise x' ~ p(. | inputs before t)

    A network that reads only true text in training never sees a mistake, but when it generates, it
    reads its own output with its mistakes. The targets remain the true tokens. The predictions come
    from a pass over the true text, for all positions at once, which costs one more forward pass per
    step. Each of `passes` passes reads the predictions of the pass before: with as many passes as
    the text has tokens, the result equals that of predicting one token after the other.

    `evaluate` and `predict` read the true text, and `truth=1.0` is plain teacher forcing.

    Args:
        network: keras.Model, from tokens (batch, time) to the logits of the next token of each.
        truth: float in [0, 1], or a schedule of the optimizer's step: eps_i, the fraction of true
            tokens in the input.
        passes: int, number of passes that predict.
        seed: int, seed of the choice of positions and tokens; by default random.

    Example:
        >>> model = ScheduledSampling.create(vocabulary_size=20, width=8, depth=1)
        >>> model(ops.ones((2, 5), "int32")).shape
        TensorShape([2, 5, 20])

    Reference: Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent
        Neural Networks; Mihaylova, Martins (2019), Scheduled Sampling for Transformers.
    """

    def __init__(
        self,
        network: keras.Model,
        truth: float | Callable = 1.0,
        passes: int = 1,
        seed: int | None = None,
        **kwargs,
    ):
        is_schedule = callable(truth) and not isinstance(truth, type)
        is_fraction = not callable(truth) and checks.is_number(truth) and 0 <= truth <= 1
        expected = "a fraction in [0, 1] or a schedule"
        checks.check("truth", truth, is_schedule or is_fraction, expected)
        _check(passes, seed)
        inputs: Sequence[keras.KerasTensor] = getattr(network, "inputs", None) or ()
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
        vocabulary_size: int = 100,
        context: int = 128,
        width: int = 256,
        depth: int = 2,
        dropout: float = 0.1,
        decay_steps: float = 1000,
        passes: int = 1,
        seed: int | None = None,
        **kwargs,
    ) -> "ScheduledSampling":
        """Create one with an LSTM; the fraction of true tokens falls as an inverse sigmoid."""
        _check(passes, seed)
        network = LSTMLanguageModel(vocabulary_size, context, width, depth, dropout, name="network")
        return cls(network, InverseSigmoid(decay_steps), passes, seed, **kwargs)

    def training_defaults(self) -> dict:
        return {"optimizer": optimizers.Adam(1e-3), **cross_entropy()}

    @property
    def context(self) -> int | None:
        return getattr(self.network, "context", None)

    def call(self, inputs, training=None, mask=None):
        if training:
            noise = replica_uniform((*ops.shape(inputs), 2), self.seed_generator)
            inputs = self.read(inputs, noise, self.true_fraction())
        return super().call(inputs, training=training, mask=mask)

    def true_fraction(self) -> float | Tensor:
        """Return eps_i at the current step of the optimizer."""
        if not callable(self.truth):
            return self.truth
        optimizer = getattr(self, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        return self.truth(optimizer.iterations if optimizer else 0)

    def read(self, tokens: Tensor, noise: Tensor, fraction: float | Tensor) -> Tensor:
        """Return the tokens with all but a fraction of them replaced by predictions.

        Args:
            tokens: (batch, time), the true text.
            noise: (batch, time, 2), uniform in [0, 1), for the choice of positions and tokens.
            fraction: float, fraction of the tokens that stay true.
        """
        guessed, read = noise[..., 0] >= fraction, tokens
        for _ in range(self.passes):
            logits = ops.cast(self.network(read, training=False), "float32")
            # the token whose interval of cumulative probability contains the noise
            below = ops.cumsum(ops.softmax(logits), axis=-1)[:, :-1] <= noise[:, 1:, 1:]
            words = ops.minimum(ops.sum(ops.cast(below, "int32"), axis=-1), logits.shape[-1] - 1)
            words = ops.concatenate([tokens[:, :1], ops.cast(words, tokens.dtype)], axis=1)
            read = ops.where(guessed, words, tokens)
        return read

    def generate(self, *args, **kwargs) -> np.ndarray:
        """Generate text; see `generate` of the network."""
        return self.network.generate(*args, **kwargs)

    def stream(self, *args, **kwargs) -> Iterator[Any]:
        """Yield the tokens of a text as they are chosen; see `stream` of the network."""
        return self.network.stream(*args, **kwargs)


def _check(passes, seed):
    """Check the arguments, also for `create`, before the network is built."""
    checks.integers(passes=passes)
    checks.integers(at_least=0, optional=True, seed=seed)
