"""Callbacks that Keras lacks; each works with any Keras model."""

from kerasdl.utils import lazy

MODULES = {
    "ConfusionByEpoch": "confusion",
    "DataTime": "data_time",
    "GradientHealth": "gradient_health",
    "Histograms": "histograms",
    "NonFinite": "nonfinite",
    "NonFiniteLoss": "nonfinite",
    "RateLog": "rate_log",
    "SampleGrids": "sample_grids",
}

__all__ = list(MODULES)
__getattr__, __dir__ = lazy.names(__name__, MODULES)
