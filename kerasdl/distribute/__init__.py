"""Training on several devices and machines, with TensorFlow's engine and Keras's `fit`.

    strategy = kerasdl.distribute.strategy("multiworker")
    with strategy.scope():
        model = ...
        kerasdl.distribute.synchronize(model)
        model.compile(...)
    model.fit(...)

Importing this module changes nothing; `strategy` mends Keras where it must: see `mending`.
"""

from kerasdl.utils import lazy

MODULES = {
    "is_chief": "shares",
    "pipeline": "shares",
    "share": "shares",
    "strategy": "strategies",
    "synchronize": "normalization",
    "worker_of": "shares",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
