"""Learning-rate schedules that Keras lacks; each goes where a learning rate goes, and saves.

The others of the notes are Keras's own, in `keras.optimizers.schedules`: a stair is
`ExponentialDecay(..., staircase=True)` or `PiecewiseConstantDecay`; `ExponentialDecay`,
`CosineDecay` and `PolynomialDecay` are named as in the notes. `keras.callbacks.ReduceLROnPlateau`
watches a metric. `kerasdl.formulas.schedules` has every equation.

Import this package before you load a model that was saved with one of them.
"""

from kerasdl.schedules.cycle_momentum import CycleMomentum
from kerasdl.schedules.cyclical import Cyclical
from kerasdl.schedules.inverse_sigmoid import InverseSigmoid
from kerasdl.schedules.inverse_square_root import InverseSquareRoot
from kerasdl.schedules.one_cycle import OneCycle
from kerasdl.schedules.warm_up import WarmUp

__all__ = [
    "CycleMomentum",
    "Cyclical",
    "InverseSigmoid",
    "InverseSquareRoot",
    "OneCycle",
    "WarmUp",
]
