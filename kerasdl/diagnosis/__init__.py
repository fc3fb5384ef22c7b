"""Find out by measurements what is wrong with a training run of any Keras model."""

from kerasdl.utils import lazy

MODULES = {
    "Case": "case",
    "Finding": "case",
    "Report": "flowchart",
    "doctor": "flowchart",
    "gradient_check": "gradients",
    "lr_find": "range_test",
    "overfit_one_batch": "overfitting",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
