"""Momentum that goes down while the rate goes up."""

import keras
import tensorflow as tf

from kerasdl import checks
from kerasdl.errors import InvalidInput


class CycleMomentum(keras.callbacks.Callback):
    """Low momentum while the rate is high, and the other way round: long steps remember less.

    Keras reads momentum as a constant when it traces the training step. Here it is computed inside
    that step from the optimizer's own count, as the rate is, so the two cannot come apart, whatever
    `steps_per_execution` is and wherever training was resumed. After training the optimizer has its
    constant again; after one that was interrupted, from the next `fit` on.

    mu_t = high - (high - low) height_t

    Args:
        schedule: What the rate follows: `OneCycle` or `Cyclical`.
        lowest: Momentum where the rate is highest.
        highest: Momentum where the rate is lowest.

    >>> from kerasdl.schedules import OneCycle
    >>> callback = CycleMomentum(OneCycle(0.1, decay_steps=100))
    >>> [round(float(callback.momentum(step)), 3) for step in (0, 30, 65, 100)]
    [0.95, 0.85, 0.9, 0.95]

    Works with SGD that was made with a momentum, and with Adam and AdamW, whose momentum is beta_1.

    Reference: Smith, A Disciplined Approach to Neural Network Hyper-Parameters, 2018.
    """

    def __init__(self, schedule, lowest=0.85, highest=0.95):
        super().__init__()
        if isinstance(schedule, type) or not hasattr(schedule, "height"):
            raise InvalidInput("value for argument `schedule`", "OneCycle or Cyclical", schedule)
        is_share, _ = checks.SHARE
        if not (is_share(lowest) and is_share(highest) and lowest <= highest):
            expected = "numbers with 0 <= lowest <= highest < 1"
            raise InvalidInput("momentum", expected, f"lowest={lowest}, highest={highest}")
        self.schedule = schedule
        self.lowest, self.highest = lowest, highest

    def momentum(self, step):
        """The momentum at a step, a number or a tensor."""
        return self.highest - (self.highest - self.lowest) * self.schedule.height(step)

    def on_train_begin(self, logs=None):
        model = self.model
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # mixed precision
        name = _name(optimizer)
        constant = float(getattr(optimizer, name))
        make = type(model).make_train_function

        def put(value):
            setattr(optimizer, name, value)
            make(model, force=True)  # a traced one keeps what it has read

        def end():
            vars(model).pop("make_train_function", None)
            put(constant)

        def again(force=False):
            return make(model, force=True) if force else end()

        # the same count that Keras gives the rate's schedule
        put(_Live(constant, lambda: self.momentum(optimizer._iterations)))
        # what is interrupted has no end; but each `fit` begins by asking for its function
        object.__setattr__(model, "make_train_function", again)
        self.end = end

    def on_train_end(self, logs=None):
        self.end()


def _name(optimizer):
    if isinstance(optimizer, keras.optimizers.Adam):
        return "beta_1"
    if isinstance(optimizer, keras.optimizers.SGD) and optimizer.momentum:
        return "momentum"
    expected = "SGD with a momentum, Adam or AdamW"
    raise InvalidInput("optimizer for CycleMomentum", expected, type(optimizer).__name__)


class _Live(float):
    """To Python and to `get_config` the constant that it was; to TensorFlow what `now` gives."""

    def __new__(cls, constant, now):
        instance = super().__new__(cls, constant)
        instance.now = now
        return instance

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.cast(self.now(), dtype or "float32")

    def __rsub__(self, other):  # Adam's 1 - beta_1
        return other - self.__tf_tensor__()
