"""The first transformer's decay."""

import keras

from kerasdl.schedules.schedule import Schedule, positive


@keras.saving.register_keras_serializable(package="kerasdl")
class InverseSquareRoot(Schedule):
    """A rate that falls for ever, ever more slowly: nobody need know when training will end.

    eta_t = eta_0 / sqrt(1 + t / T)

    After a warm-up of T steps it is what "Attention is all you need" trained with:
    `WarmUp(InverseSquareRoot((width * T) ** -0.5, T), T)`.

    Args:
        initial_learning_rate: Where it starts.
        decay_steps: After how many steps the rate's square is halved.

    >>> rate = InverseSquareRoot(0.1, decay_steps=100)
    >>> [round(float(rate(step)), 3) for step in (0, 300, 9900)]
    [0.1, 0.05, 0.01]

    Reference: Vaswani et al., Attention Is All You Need, 2017.
    """

    def __init__(self, initial_learning_rate, decay_steps):
        positive(initial_learning_rate=initial_learning_rate, decay_steps=decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        return self.initial_learning_rate * keras.ops.rsqrt(1.0 + step / self.decay_steps)
