"""Layers that Keras lacks, one concept a file."""

from kerasdl.layers.residual import BottleneckBlock, ResidualBlock
from kerasdl.layers.sampling import Sampling
from kerasdl.layers.se_block import SEBlock

__all__ = ["BottleneckBlock", "ResidualBlock", "SEBlock", "Sampling"]
