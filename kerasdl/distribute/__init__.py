"""Train on several devices and machines with `tf.distribute` and Keras's `fit`.

    strategy = kerasdl.distribute.strategy("multiworker")
    with strategy.scope():
        model = ...
        kerasdl.distribute.synchronize(model)
        model.compile(...)
    model.fit(...)

Importing this package changes nothing. Making a strategy with several replicas applies
`keras_patches`, without which Keras's `fit` fails or gives other results than on one device.
"""

from kerasdl.utils import lazy

MODULES = {
    "is_chief": "sharing",
    "pipeline": "sharing",
    "share": "sharing",
    "strategy": "strategies",
    "synchronize": "normalization",
    "worker_of": "sharing",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
