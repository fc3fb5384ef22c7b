"""The learning-rate range test: one sweep from far too low to far too high."""

import dataclasses
import itertools

import keras
import numpy as np
import tensorflow as tf

from kerasdl.diagnosis import temporary_training
from kerasdl.errors import InvalidInput
from kerasdl.utils import checks
from kerasdl.utils.types import Arrays

DIVERGED = 4.0  # times the lowest loss; the sweep ends there


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """Result of `lr_find`.

    Args:
        rates: array, the learning rate of each step.
        losses: array, the loss of each step's batch, before the step.
        smooth: array, the losses averaged over earlier and later steps. Before, losses above the
            largest of the first third are set to it.
        suggestion: float, the learning rate at which the smoothed loss falls fastest; `None` if it
            does not fall clearly.
        reason: str, why there is no suggestion and what to try; empty if there is one.
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float | None
    reason: str = ""

    def __str__(self) -> str:
        if self.suggestion is None:
            return f"no suggestion: {self.reason}"
        return f"learning rate {self.suggestion:.1e}, where the loss falls fastest"

    def figure(self):
        """Plot the losses over the learning rates, with the suggestion or why there is none."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
        axis.semilogx(self.rates, self.losses, color="lightgrey", label="each batch")
        axis.semilogx(self.rates, self.smooth, label="smoothed")
        if self.suggestion:
            label = f"falls fastest at {self.suggestion:.1e}"
            axis.axvline(self.suggestion, color="tab:orange", label=label)
        else:
            axis.set_title(f"no suggestion: {self.reason}", fontsize=8, wrap=True)
        low, high = np.min(self.losses), np.max(self.smooth[: len(self.smooth) // 2 + 1])
        axis.set(xlabel="learning rate", ylabel="loss", ylim=(low - 0.1 * abs(low), 1.3 * high))
        axis.legend()
        return figure


def lr_find(
    model: keras.Model,
    data: tf.data.Dataset | Arrays,
    *,
    low: float = 1e-7,
    high: float = 1.0,
    steps: int = 100,
    smoothing: float = 0.9,
) -> RangeTest:
    """Train with a learning rate that rises from `low` to `high`, and suggest the best one.

        eta_t = low (high / low)^(t / (steps - 1))        argmin d loss / d log eta

    The sweep ends early when the loss diverges. Weights, optimizers, metrics and seeds are
    restored, so training afterwards is what it would have been. The dataset has been iterated once
    more (or more often, for many steps), which matters only if it shuffles differently in each
    pass.

    Args:
        model: `keras.Model`, compiled. All of its optimizers get the learning rate.
        data: a `tf.data.Dataset` of batches, or arrays. It is repeated as needed.
        low: float, the first learning rate.
        high: float, the last learning rate.
        steps: int, the number of batches, from 10 to 1,000,000.
        smoothing: float, weight of the past in the moving average of the losses, in [0, 1).

    Returns:
        A `RangeTest`, whose `suggestion` is a learning rate. It is `None` if the loss does not fall
        clearly; `reason` says why.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> 1e-4 < lr_find(model, (x, x.sum(axis=1, keepdims=True)), steps=50).suggestion < 1
        True

    Reference: Smith (2017), Cyclical Learning Rates for Training Neural Networks.
    """
    checks.models(model=model)
    checks.learning_rates(low=low, high=high)
    if low >= high:
        raise InvalidInput("range of learning rates", "0 < low < high", f"low={low}, high={high}")
    checks.fractions(smoothing=smoothing)
    checks.integers(at_least=10, limit=1_000_000, steps=steps)
    rates = np.geomspace(low, high, steps)
    dataset, first = temporary_training.batches(data)
    losses: list[float] = []
    average: list[float] = []
    with (
        temporary_training.restored(model, first),
        temporary_training.learning_rate_variable(model, low) as learning_rate,
    ):
        trainable = bool(model.trainable_weights)
        step = temporary_training.training_step(model)
        for number, batch in enumerate(itertools.islice(iter(dataset.repeat()), steps)):
            learning_rate.assign(rates[number])
            loss = step(batch)
            if not np.isfinite(loss):
                break
            losses.append(loss)
            average = _moving_average(losses, smoothing)
            if average[-1] > DIVERGED * min(average) + 1e-12 and number > steps // 10:
                break
    if len(losses) < 5:
        received = f"{loss} after {len(losses)} steps"
        expected = f"finite losses at a learning rate of {low:g}"
        raise InvalidInput("model for a range test", expected, received)
    rates, found = rates[: len(losses)], np.array(losses)
    smooth, suggestion, reason = _steepest(rates, found, smoothing, len(found) < steps)
    if not trainable:
        suggestion, reason = None, "the model has no trainable weights"
    return RangeTest(rates, found, smooth, suggestion, reason)


def _steepest(rates, losses, smoothing, diverged):
    """The smoothed losses, and where they fall fastest or why they do not fall."""
    begin = len(losses) // 3
    # the high losses of divergence would hide the fall before it
    capped = np.minimum(losses, losses[:begin].max())
    smooth = _moving_average(_moving_average(capped, smoothing)[::-1], smoothing)[::-1]
    best = int(np.argmin(smooth))  # what comes after it is divergence
    fallen = smooth[:begin].mean() - smooth[best]
    noise = np.std(losses[:begin])  # the learning rate is still too low to change the loss
    least = max(noise, 0.01 * abs(smooth[0]))
    if best >= begin and fallen >= least:
        slope = np.gradient(smooth, np.log(rates))
        first = begin // 2  # an average of few losses is the noisiest
        return smooth, float(rates[first + np.argmin(slope[first : best + 1])]), ""
    if diverged or losses[-begin:].mean() - smooth[best] > least:
        reason = f"the loss does not fall before it rises, up to a learning rate of {rates[-1]:.1e}"
        reason += ": lower `low`"
    else:
        reason = f"the smoothed loss falls by {max(fallen, 0.0):.2g}, which is less than "
        if noise == least:
            reason += f"the noise between batches ({noise:.2g}): use larger batches or more steps"
        else:
            reason += f"1% of it ({smooth[0]:.2g})"
        reason += ", raise `high`"
    return smooth, None, reason + ", or check that the model can learn (overfit_one_batch)"


def _moving_average(values, smoothing):
    """An exponential moving average with bias correction."""
    found, average = [], 0.0
    for number, value in enumerate(values, start=1):
        average = smoothing * average + (1 - smoothing) * value
        found.append(average / (1 - smoothing**number))
    return np.array(found)
