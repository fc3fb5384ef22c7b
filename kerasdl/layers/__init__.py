"""Layers that Keras lacks, a file for each concept."""

from kerasdl.layers.border_padding import BorderPadding2D
from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.class_token import ClassToken
from kerasdl.layers.crf import CRF
from kerasdl.layers.dense_block import DenseBlock, DenseLayer, TransitionBlock
from kerasdl.layers.drop_connect import DropConnect
from kerasdl.layers.dynamic_convolution import DynamicConv2D
from kerasdl.layers.gated_convolution import GatedConv2D
from kerasdl.layers.inverted_residual import InvertedResidual
from kerasdl.layers.l2_pooling import L2Pooling2D
from kerasdl.layers.layer_scale import LayerScale
from kerasdl.layers.local_response_normalization import LocalResponseNormalization
from kerasdl.layers.locally_connected import LocallyConnected2D
from kerasdl.layers.max_unpooling import MaxUnpooling2D
from kerasdl.layers.patch_embedding import PatchEmbedding
from kerasdl.layers.peephole_lstm import PeepholeLSTM
from kerasdl.layers.position_table import PositionTable
from kerasdl.layers.relative_position_bias import RelativePositionBias
from kerasdl.layers.residual import BottleneckBlock, PaddedShortcut, ResidualBlock
from kerasdl.layers.sampling import Sampling
from kerasdl.layers.se_block import SEBlock
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.layers.spatially_separable import SpatiallySeparableConv2D
from kerasdl.layers.stochastic_pooling import StochasticPooling2D
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock
from kerasdl.layers.window_attention import WindowAttention

__all__ = [
    "CRF",
    "BorderPadding2D",
    "BottleneckBlock",
    "CausalSelfAttention",
    "ClassToken",
    "DenseBlock",
    "DenseLayer",
    "DropConnect",
    "DynamicConv2D",
    "GatedConv2D",
    "InvertedResidual",
    "L2Pooling2D",
    "LayerScale",
    "LocalResponseNormalization",
    "LocallyConnected2D",
    "MaxUnpooling2D",
    "PaddedShortcut",
    "PatchEmbedding",
    "PeepholeLSTM",
    "PositionTable",
    "RelativePositionBias",
    "ResidualBlock",
    "SEBlock",
    "Sampling",
    "SelfAttention",
    "SpatiallySeparableConv2D",
    "StochasticPooling2D",
    "TransformerBlock",
    "TransformerDecoderBlock",
    "TransitionBlock",
    "WindowAttention",
]


def __dir__() -> list[str]:
    return __all__
