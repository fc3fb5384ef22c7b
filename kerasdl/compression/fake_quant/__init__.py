"""Quantization-aware training in Keras 3, for any model.

Importing this package registers its layers, so that `keras.saving.load_model` finds them.
"""

from kerasdl.compression.fake_quant.activations import FakeQuantize
from kerasdl.compression.fake_quant.graph import quantize_aware, untouched
from kerasdl.compression.fake_quant.training import calibrate, train_aware
from kerasdl.compression.fake_quant.weights import FakeQuantizeWeights

__all__ = [
    "FakeQuantize",
    "FakeQuantizeWeights",
    "calibrate",
    "quantize_aware",
    "train_aware",
    "untouched",
]


def __dir__() -> list[str]:
    return __all__
