"""The learning-rate range test: from far too low to far too high in one sweep."""

import dataclasses
import itertools

import keras
import numpy as np

from kerasdl import checks
from kerasdl.diagnosis import trial
from kerasdl.errors import InvalidInput

DIVERGED = 4.0  # times the best loss: there is nothing to learn beyond


@dataclasses.dataclass(frozen=True)
class RangeTest:
    """A sweep and what follows from it.

    Args:
        rates: Of each step, rising by the same factor.
        losses: Of each step, before it.
        smooth: Their average over steps before and after, which the suggestion is read from; no
            loss counts for more than the largest of the first third.
        suggestion: The rate at which the smooth loss falls fastest; `None` where it never falls.
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float | None

    def figure(self):
        """The sweep, with the suggestion."""
        import matplotlib.pyplot as plt

        figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
        axis.semilogx(self.rates, self.losses, color="lightgrey", label="of each batch")
        axis.semilogx(self.rates, self.smooth, label="smoothed")
        if self.suggestion:
            label = f"falls fastest at {self.suggestion:.1e}"
            axis.axvline(self.suggestion, color="tab:orange", label=label)
        low, high = np.min(self.losses), np.max(self.smooth[: len(self.smooth) // 2 + 1])
        axis.set(xlabel="learning rate", ylabel="loss", ylim=(low - 0.1 * abs(low), 1.3 * high))
        axis.legend()
        return figure


def lr_find(
    model: keras.Model,
    data,
    *,
    low: float = 1e-7,
    high: float = 1.0,
    steps: int = 100,
    smoothing: float = 0.9,
) -> RangeTest:
    """Train with a rate that rises from `low` to `high`, and suggest the one that helps most.

        eta_t = low (high / low)^(t / (steps - 1))        argmin d loss / d log eta

    It ends early when the loss has diverged. Weights, optimizers, their iterations and the seeds
    are put back: training afterwards is what it would have been, but for a data set that shuffles
    anew in each pass: it has been passed once more, or as often as the steps took.

    Args:
        model: Compiled; all its optimizers get the rate.
        data: A `tf.data.Dataset` of batches, or arrays; begun again when it ends.
        low, high: Where the sweep begins and ends.
        steps: How many batches are used.
        smoothing: Share of the past in the moving average of losses.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> 1e-4 < lr_find(model, (x, x.sum(axis=1, keepdims=True)), steps=50).suggestion < 1
        True

    Spec: SCH-12, DBG-01
    Reference: Smith (2017), Cyclical Learning Rates for Training Neural Networks.
    """
    checks.argument("low", low, checks.ABOVE_ZERO)
    checks.argument("high", high, checks.ABOVE_ZERO)
    if not 0 < low < high:
        raise InvalidInput("range of rates", "0 < low < high", f"low={low}, high={high}")
    checks.argument("smoothing", smoothing, checks.SHARE)
    checks.argument("steps", steps, checks.POSITIVE)
    if steps < 10:
        raise InvalidInput("value for argument `steps`", "at least 10", steps)
    rates = np.geomspace(low, high, steps)
    dataset, first = trial.batches(data)
    losses, lagging = [], []
    with trial.trial(model, first), trial.rate_of(model, low) as rate:
        step = trial.stepper(model)
        for number, batch in enumerate(itertools.islice(iter(dataset.repeat()), steps)):
            rate.assign(rates[number])
            loss = step(batch)
            if not np.isfinite(loss):
                break
            losses.append(loss)
            lagging = _averaged(losses, smoothing)
            if lagging[-1] > DIVERGED * min(lagging) + 1e-12 and number > steps // 10:
                break
    if len(losses) < 5:
        received = f"a loss that is no number after {len(losses)} steps"
        raise InvalidInput(
            "model for a range test", f"finite losses at a rate of {low:g}", received
        )
    rates, losses = rates[: len(losses)], np.array(losses)
    return RangeTest(rates, losses, *_steepest(rates, losses, smoothing))


def _steepest(rates, losses, smoothing):
    """Losses smoothed from both sides, and where they fall fastest: `None` if they only tremble."""
    begin = len(losses) // 3
    capped = np.minimum(losses, losses[:begin].max())  # or divergence hides the fall before it
    even = _averaged(_averaged(capped, smoothing)[::-1], smoothing)[::-1]
    best = int(np.argmin(even))  # what comes after it is divergence
    trembling = np.std(losses[:begin])  # as long as the rate is too low to learn anything
    if best < begin or even[:begin].mean() - even[best] < max(trembling, 0.01 * abs(even[0])):
        return even, None
    slope = np.gradient(even, np.log(rates))
    first = begin // 2  # an average of few losses trembles most
    return even, float(rates[first + np.argmin(slope[first : best + 1])])


def _averaged(values, share):
    """An exponential moving average without a bias to zero."""
    found, average = [], 0.0
    for number, value in enumerate(values, start=1):
        average = share * average + (1 - share) * value
        found.append(average / (1 - share**number))
    return np.array(found)
