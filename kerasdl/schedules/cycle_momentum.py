"""Cycle the momentum in the opposite direction of the learning rate."""

import keras
import tensorflow as tf

from kerasdl.errors import InvalidInput
from kerasdl.schedules.schedule import Schedule
from kerasdl.utils import checks
from kerasdl.utils.types import Tensor


class CycleMomentum(keras.callbacks.Callback):
    """Lower the momentum while a cyclic learning rate is high, and raise it while that is low.

        mu_t = high - (high - low) height_t

    Works with SGD that was made with a momentum, and with Adam and AdamW, whose momentum is beta_1.

    Keras reads the momentum as a constant when it traces the training step. This callback computes
    it inside that step from the optimizer's own iteration, as Keras does with the learning rate. So
    both stay synchronized with any `steps_per_execution` and when training is resumed. After `fit`,
    the optimizer has its constant again; after an interrupted one, from the next `fit` on.

    Args:
        schedule: `OneCycle` or `Cyclical`, the schedule of the learning rate.
        lowest: float, the momentum where the learning rate is highest, in [0, 1).
        highest: float, the momentum where the learning rate is lowest, in [0, 1).

    Example:
        >>> from kerasdl.schedules import OneCycle
        >>> callback = CycleMomentum(OneCycle(0.1, decay_steps=100))
        >>> [round(float(callback.momentum(step)), 3) for step in (0, 30, 65, 100)]
        [0.95, 0.85, 0.9, 0.95]

    Reference: Smith (2018), A Disciplined Approach to Neural Network Hyper-Parameters.
    """

    def __init__(self, schedule: Schedule, lowest: float = 0.85, highest: float = 0.95):
        super().__init__()
        if isinstance(schedule, type) or not hasattr(schedule, "height"):
            received = checks.shown(schedule)
            raise InvalidInput("value for argument `schedule`", "OneCycle or Cyclical", received)
        if not (checks.is_number(lowest) and checks.is_number(highest)) or (
            not 0 <= lowest <= highest < 1
        ):
            expected = "numbers with 0 <= lowest <= highest < 1"
            raise InvalidInput("momentum", expected, f"lowest={lowest}, highest={highest}")
        self.schedule = schedule
        self.lowest, self.highest = float(lowest), float(highest)

    def momentum(self, step: int | Tensor) -> Tensor:
        """Return the momentum at a step, a number or a tensor."""
        return self.highest - (self.highest - self.lowest) * self.schedule.height(step)

    def on_train_begin(self, logs=None):
        model = self.model
        # a LossScaleOptimizer wraps the optimizer
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        name = _attribute(optimizer)
        constant = float(getattr(optimizer, name))
        make = type(model).make_train_function

        def assign(value):
            setattr(optimizer, name, value)
            make(model, force=True)  # a traced step keeps the old value

        def restore():
            vars(model).pop("make_train_function", None)
            assign(constant)

        def make_or_restore(force=False):
            return make(model, force=True) if force else restore()

        # the iteration from which Keras computes a scheduled learning rate
        assign(_Momentum(constant, lambda: self.momentum(optimizer._iterations)))
        # An interrupted `fit` calls no `on_train_end`, but the next one asks for its training step.
        # `utils.patches.replaced` would not outlive this method.
        object.__setattr__(model, "make_train_function", make_or_restore)
        self.restore = restore

    def on_train_end(self, logs=None):
        self.restore()


def _attribute(optimizer):
    """Name of the attribute that is the optimizer's momentum."""
    if isinstance(optimizer, keras.optimizers.Adam):
        return "beta_1"
    if isinstance(optimizer, keras.optimizers.SGD) and optimizer.momentum:
        return "momentum"
    expected = "SGD with a momentum, Adam or AdamW"
    raise InvalidInput("optimizer for CycleMomentum", expected, type(optimizer).__name__)


class _Momentum(float):
    """A constant for Python and `get_config`; for TensorFlow, the result of a function."""

    def __new__(cls, constant, function):
        instance = super().__new__(cls, constant)
        instance.function = function
        return instance

    def __tf_tensor__(self, dtype=None, name=None):
        return tf.cast(self.function(), dtype or "float32")

    def __rsub__(self, other):  # Adam computes 1 - beta_1
        return other - self.__tf_tensor__()
