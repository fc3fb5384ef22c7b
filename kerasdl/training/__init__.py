"""Training: Keras's `fit` with checkpoints, interrupts, replicas and progress.

It trains any Keras model on any splits and does not use recipes.
"""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
