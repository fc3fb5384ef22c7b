"""Learning-rate schedules that Keras lacks.

Each is passed to an optimizer as its learning rate, and is saved and loaded with the model. Import
this package before you load a model that was saved with one of them.

Keras has the others, in `keras.optimizers.schedules`: `ExponentialDecay` (with `staircase=True` for
step decay), `PiecewiseConstantDecay`, `CosineDecay` and `PolynomialDecay`. The callback
`keras.callbacks.ReduceLROnPlateau` lowers a learning rate when a metric stops improving.
`kerasdl.formulas.schedules` has every equation.
"""

from kerasdl.schedules.cycle_momentum import CycleMomentum
from kerasdl.schedules.cyclical import Cyclical
from kerasdl.schedules.inverse_sigmoid import InverseSigmoid
from kerasdl.schedules.inverse_square_root import InverseSquareRoot
from kerasdl.schedules.joined import Joined
from kerasdl.schedules.one_cycle import OneCycle
from kerasdl.schedules.warm_up import WarmUp

__all__ = [
    "CycleMomentum",
    "Cyclical",
    "InverseSigmoid",
    "InverseSquareRoot",
    "Joined",
    "OneCycle",
    "WarmUp",
]


def __dir__() -> list[str]:
    return __all__
