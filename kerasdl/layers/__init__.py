"""Layers that Keras lacks, one concept a file."""

from kerasdl.layers.dense_block import DenseBlock, TransitionBlock
from kerasdl.layers.local_response_normalization import LocalResponseNormalization
from kerasdl.layers.residual import BottleneckBlock, ResidualBlock
from kerasdl.layers.sampling import Sampling
from kerasdl.layers.se_block import SEBlock

__all__ = [
    "BottleneckBlock",
    "DenseBlock",
    "LocalResponseNormalization",
    "ResidualBlock",
    "SEBlock",
    "Sampling",
    "TransitionBlock",
]
