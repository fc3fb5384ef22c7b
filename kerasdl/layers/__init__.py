"""Layers that Keras lacks, one concept a file."""

from kerasdl.layers.causal_self_attention import CausalSelfAttention
from kerasdl.layers.dense_block import DenseBlock, TransitionBlock
from kerasdl.layers.local_response_normalization import LocalResponseNormalization
from kerasdl.layers.patch_embedding import PatchEmbedding
from kerasdl.layers.residual import BottleneckBlock, ResidualBlock
from kerasdl.layers.sampling import Sampling
from kerasdl.layers.se_block import SEBlock
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock

__all__ = [
    "BottleneckBlock",
    "CausalSelfAttention",
    "DenseBlock",
    "LocalResponseNormalization",
    "PatchEmbedding",
    "ResidualBlock",
    "SEBlock",
    "Sampling",
    "SelfAttention",
    "TransformerBlock",
    "TransformerDecoderBlock",
    "TransitionBlock",
]
