"""What is wrong with a training run, by measuring it; everything works on any Keras model."""

from kerasdl.utils import lazy

MODULES = {
    "Case": "case",
    "Finding": "case",
    "doctor": "flowchart",
    "gradient_check": "gradients",
    "lr_find": "range_test",
    "overfit_one_batch": "overfitting",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
