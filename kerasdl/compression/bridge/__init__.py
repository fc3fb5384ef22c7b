"""Run TFMOT on Keras 3 models: convert to tf_keras, train there with Keras 3, copy weights back.

Importing a module of this package imports TFMOT and tf_keras; `kerasdl.compression` does so only
when they are needed.
"""

from kerasdl.utils import lazy

__all__, __getattr__, __dir__ = lazy.modules(__name__, __path__)
