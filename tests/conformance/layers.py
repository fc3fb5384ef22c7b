"""Every layer: its class, arguments that differ from the defaults, a batch for each input."""

from kerasdl import layers
from kerasdl.errors import InvalidInput
from tests.conformance.inputs import normal
from tests.conformance.subject import No, layer

IMAGES = normal(8, 8, 4)
SEQUENCES = normal(6, 8)
CONVOLUTION = {"filters": 6, "kernel_size": 5, "strides": 2, "padding": "valid"}
CONVOLUTION |= {"activation": "tanh"}

SUBJECTS = [
    layer(
        layers.LocalResponseNormalization,
        {"size": 3, "k": 1.0, "alpha": 0.1, "beta": 0.5},
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(
        layers.ResidualBlock,
        {"filters": 8, "strides": 2, "se_ratio": 4, "shortcut": "padding"},
        IMAGES,
        another=(6, 10, 4),
        kept={"dilation": "needs strides of 1; tests/layers compares it"},
    ),
    layer(
        layers.BottleneckBlock,
        {
            "filters": 4,
            "se_ratio": 4,
            "shortcut": "padding",
            "dilation": 2,
            "groups": 2,
            "width": 8,
        },
        IMAGES,
        another=(6, 10, 4),
        kept={"strides": "must be 1 with a dilation; ResidualBlock has 2"},
    ),
    layer(layers.PaddedShortcut, {"filters": 6, "strides": 2}, IMAGES, another=(6, 10, 4)),
    layer(
        layers.SEBlock,
        {"ratio": 2, "width": 3, "activation": "silu", "gate": "hard_sigmoid"},
        IMAGES,
        another=(6, 10, 4),
        values={"ratio": [1, 2, 3], "activation": ["relu", "silu"], "gate": ["sigmoid"]},
    ),
    layer(
        layers.InvertedResidual,
        {
            "filters": 4,
            "hidden": 12,
            "kernel_size": 5,
            "activation": "silu",
            "se_width": 3,
            "se_activation": "silu",
            "gate": "hard_sigmoid",
            "fused": True,
            "drop_rate": 0.25,
            "epsilon": 1e-3,
        },
        IMAGES,
        another=(6, 10, 4),
        still={"drop_rate": 0.0},
        kept={"strides": "must be 1 for a sum; tests/layers has 2"},
    ),
    layer(layers.LayerScale, {"initial": 0.5}, IMAGES, another=(6, 10, 4)),
    layer(layers.ClassToken, {"count": 2}, SEQUENCES, another=(4, 8)),
    layer(layers.PositionTable, {"grid": (2, 2), "tokens": 2}, SEQUENCES, another=(6, 5)),
    layer(layers.RelativePositionBias, {"grid": (2, 3)}, normal(4, 6, 6), another=(2, 6, 6)),
    layer(
        layers.WindowAttention,
        {"heads": 2, "window": 3, "shift": 1},
        IMAGES,
        another=(6, 9, 4),
    ),
    layer(layers.DenseLayer, {"growth_rate": 3, "bottleneck": 2}, IMAGES, another=(6, 10, 4)),
    layer(
        layers.DenseBlock,
        {"depth": 2, "growth_rate": 3, "bottleneck": 2},
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(layers.TransitionBlock, {"compression": 0.75}, IMAGES, another=(6, 10, 4)),
    layer(
        layers.L2Pooling2D,
        {"pool_size": 4},
        IMAGES,
        another=(4, 12, 4),
        no={
            "int8": No(
                "the square root of an 8-bit square has an error of 12 %",
                AssertionError,
                r"float32\(0\.1[123]\d*\) < 0\.1",
            )
        },
    ),
    layer(
        layers.StochasticPooling2D,
        {"pool_size": 4, "seed": 3},
        IMAGES,
        another=(4, 12, 4),
        still=None,
        no={
            "int8": No(
                "LiteRT does not quantize a division by a number that may be 0",
                InvalidInput,
                r"zero_point was not true.*DIV",
            )
        },
    ),
    layer(
        layers.MaxUnpooling2D,
        {"pool_size": 4},
        normal(2, 2, 4),
        IMAGES,
        reached=1,  # the position of a maximum has no gradient
        another=((1, 3, 4), (4, 12, 4)),
        no={
            "bfloat16": No(
                "values that are equal only in 16 bits tie, and the first counts as the maximum",
                AssertionError,
                r"float32\(1\.0\d*\) < 0\.1",
            ),
            "int8": No(
                "values that are equal only in 8 bits tie, and the first counts as the maximum",
                UserWarning,
                r"for the calibration data are off by \d+% of their size",
            ),
        },
    ),
    layer(
        layers.BorderPadding2D,
        {"padding": 2, "mode": "circular"},
        IMAGES,
        another=(6, 10, 4),
        values={"padding": [1, 2, 3], "mode": ["replicate", "reflect", "circular"]},
    ),
    layer(
        layers.LocallyConnected2D,
        {"filters": 3, "kernel_size": 2, "strides": 2, "activation": "tanh"},
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(
        layers.GatedConv2D,
        CONVOLUTION,
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(
        layers.DynamicConv2D,
        {**CONVOLUTION, "kernels": 3},
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(
        layers.SpatiallySeparableConv2D,
        CONVOLUTION,
        IMAGES,
        another=(6, 10, 4),
    ),
    layer(
        layers.DropConnect,
        {"units": 5, "rate": 0.3, "activation": "tanh", "seed": 3},
        normal(6),
        another=(4, 6),
        still={"rate": 0.0},
    ),
    layer(layers.Sampling, {"seed": 3}, normal(6), normal(6), another=((4,), (4,)), still=None),
    layer(
        layers.PatchEmbedding,
        {"patch_size": 4, "width": 6, "strides": 2, "use_bias": False},
        IMAGES,
        another=(12, 6, 4),
    ),
    layer(
        layers.SelfAttention,
        {
            "heads": 2,
            "dropout": 0.1,
            "use_bias": False,
            "key_value_heads": 1,
            "rotary_base": 100.0,
            "qk_norm": True,
        },
        SEQUENCES,
        another=(3, 8),
        still={"dropout": 0.0},
    ),
    layer(
        layers.CausalSelfAttention,
        {
            "heads": 2,
            "dropout": 0.1,
            "use_bias": False,
            "key_value_heads": 1,
            "rotary_base": 100.0,
            "qk_norm": True,
        },
        SEQUENCES,
        another=(3, 8),
        still={"dropout": 0.0},
    ),
    layer(
        layers.PeepholeLSTM,
        {"units": 5, "peepholes": "full", "use_bias": False, "unit_forget_bias": False},
        SEQUENCES,
        another=(3, 8),
        values={"peepholes": ["diagonal", "full"]},
    ),
    layer(layers.CRF, {}, normal(6, 3), another=(4, 3)),
    layer(
        layers.TransformerBlock,
        {
            "heads": 2,
            "hidden": 12,
            "activation": "gelu_tanh",
            "norm": "post",
            "causal": True,
            "dropout": 0.1,
            "epsilon": 1e-3,
            "rms_norm": True,
            "gated": True,
            "use_bias": False,
            "key_value_heads": 1,
            "rotary_base": 100.0,
            "qk_norm": True,
        },
        SEQUENCES,
        another=(3, 8),
        still={"dropout": 0.0},
    ),
    layer(
        layers.TransformerDecoderBlock,
        {
            "heads": 2,
            "hidden": 12,
            "activation": "silu",
            "norm": "post",
            "dropout": 0.1,
            "epsilon": 1e-3,
            "rms_norm": True,
            "gated": True,
            "use_bias": False,
        },
        SEQUENCES,
        normal(5, 4),
        another=((3, 8), (7, 4)),
        still={"dropout": 0.0},
    ),
]
