"""Parameter counts of image networks, from depths and widths, as Keras builds them.

A batch normalization holds four numbers for each channel, of which two are learned: `norm=2` counts
only those. `classes=0` leaves out the head.
"""

import itertools

from kerasdl.formulas.basics import dense_parameters
from kerasdl.formulas.convolution import convolution_parameters


def resnet_layers(depths: tuple[int, ...] = (3, 4, 6, 3), inside: int = 3) -> int:
    """Number of convolutions and dense layers of a ResNet, shortcuts not counted.

        L = k sum_i d_i + 2        the CIFAR ResNets, 3 stages of n blocks of 2, have 6 n + 2

    Args:
        depths: tuple of int, blocks d_i of each stage.
        inside: int, layers k of a block.

    >>> resnet_layers(), resnet_layers((3, 8, 36, 3)), resnet_layers((3, 3, 3), inside=2)
    (50, 152, 20)

    Reference: He et al., 2016.
    """
    return inside * sum(depths) + 2


def bottleneck_parameters(channels: int, width: int, norm: int = 4) -> int:
    """Number of parameters of a bottleneck block, with a 1x1 shortcut if the channels change.

        N = (c n + n) + (9 n^2 + n) + (4 n^2 + 4 n) + (1 + 1 + 4) n norm        from c to 4 n

    Args:
        channels: int, input channels c.
        width: int, inner channels n; the output has 4 n.
        norm: int, numbers of a normalization for each channel.

    >>> bottleneck_parameters(256, 64), bottleneck_parameters(2048, 512, norm=2)
    (71552, 4465664)
    """
    layers = [(channels, width, 1), (width, width, 3), (width, 4 * width, 1)]
    if channels != 4 * width:
        layers.append((channels, 4 * width, 1))
    return sum(convolution_parameters(*layer) + norm * layer[1] for layer in layers)


def resnet_parameters(
    depths: tuple[int, ...] = (3, 4, 6, 3), classes: int = 1000, norm: int = 4
) -> int:
    """Number of parameters of ResNet-50, or with other depths ResNet-101 and ResNet-152.

        N = N(7x7, 3 -> 64) + sum_i sum_j N(block) + (2048 K + K)

    Args:
        depths: tuple of int, blocks of each stage.
        classes: int, K.
        norm: int, numbers of a normalization for each channel.

    >>> resnet_parameters(), resnet_parameters((3, 8, 36, 3))
    (25636712, 60419944)
    """
    channels, count = 64, convolution_parameters(3, 64, 7) + norm * 64
    for width, depth in zip((64, 128, 256, 512), depths, strict=True):
        for _ in range(depth):
            count += bottleneck_parameters(channels, width, norm)
            channels = 4 * width
    return count + dense_parameters(channels, classes)


def densenet_parameters(
    depths: tuple[int, ...] = (6, 12, 24, 16), growth: int = 32, classes: int = 1000, norm: int = 4
) -> int:
    """Number of parameters of a DenseNet, DenseNet-121 by default.

        layer: norm c + 4 k c + 4 k norm + 36 k^2        between: norm c + c^2 / 2

    Args:
        depths: tuple of int, layers of each dense block.
        growth: int, channels k that each layer adds.
        classes: int, K.
        norm: int, numbers of a normalization for each channel.

    >>> densenet_parameters(), densenet_parameters(classes=0, norm=2)
    (8062504, 6953856)
    """
    channels = 2 * growth
    count = 7 * 7 * 3 * channels + norm * channels
    for stage, depth in enumerate(depths):
        if stage > 0:
            count += norm * channels + channels * channels // 2
            channels //= 2
        for _ in range(depth):
            count += (norm + 4 * growth) * channels + 4 * growth * norm + 36 * growth**2
            channels += growth
    return count + norm * channels + dense_parameters(channels, classes)


def mobile_parameters(
    channels: int, filters: int, kernel: int, expand: int, squeeze: float = 0.25, norm: int = 4
) -> int:
    """Number of parameters of an inverted residual block, as in EfficientNet and MobileNetV2.

        N = (c + norm) m + (k^2 + norm) m + (2 m s + s + m) + (m + norm) n        m = e c, s = c / 4

    The block is 1x1 to more channels, depthwise, squeeze-and-excitation, 1x1 back. If e = 1, the
    first 1x1 is left out; without squeeze-and-excitation (s = 0) it is MobileNetV2's block.

    Args:
        channels: int, input channels c.
        filters: int, output channels n.
        kernel: int, side k of the depthwise kernel.
        expand: int, expansion e.
        squeeze: float, squeezed channels as a fraction of c.
        norm: int, numbers of a normalization for each channel.

    >>> mobile_parameters(16, 24, 3, expand=6)
    6436
    """
    inside, few = expand * channels, int(squeeze * channels)
    widened = (channels + norm) * inside if expand > 1 else 0
    squeezed = 2 * inside * few + few + inside if few else 0
    return widened + (kernel**2 + norm) * inside + squeezed + (inside + norm) * filters


def fused_parameters(channels: int, filters: int, expand: int, norm: int = 4) -> int:
    """Number of parameters of EfficientNetV2's fused block: one full 3x3 convolution, then 1x1.

        N = (9 c + norm) e c + (e c + norm) n        e = 1: (9 c + norm) n

    Args:
        channels: int, input channels c.
        filters: int, output channels n.
        expand: int, expansion e.
        norm: int, numbers of a normalization for each channel.

    >>> fused_parameters(16, 32, expand=4), fused_parameters(32, 16, expand=1)
    (11648, 4672)
    """
    if expand == 1:
        return (9 * channels + norm) * filters
    inside = expand * channels
    return (9 * channels + norm) * inside + (inside + norm) * filters


EFFICIENTNET_B0 = (
    *((mobile_parameters, 1, 16, 3, 1), (mobile_parameters, 2, 24, 3, 6)),
    *((mobile_parameters, 2, 40, 5, 6), (mobile_parameters, 3, 80, 3, 6)),
    *((mobile_parameters, 3, 112, 5, 6), (mobile_parameters, 4, 192, 5, 6)),
    (mobile_parameters, 1, 320, 3, 6),
)
EFFICIENTNET_V2B0 = (
    *((fused_parameters, 1, 16, 1), (fused_parameters, 2, 32, 4), (fused_parameters, 2, 48, 4)),
    *((mobile_parameters, 3, 96, 3, 4), (mobile_parameters, 5, 112, 3, 6)),
    (mobile_parameters, 8, 192, 3, 6),
)
MOBILENET_V2 = (
    *((mobile_parameters, 1, 16, 3, 1, 0), (mobile_parameters, 2, 24, 3, 6, 0)),
    *((mobile_parameters, 3, 32, 3, 6, 0), (mobile_parameters, 4, 64, 3, 6, 0)),
    *((mobile_parameters, 3, 96, 3, 6, 0), (mobile_parameters, 3, 160, 3, 6, 0)),
    (mobile_parameters, 1, 320, 3, 6, 0),
)


def efficientnet_parameters(
    stages: tuple = EFFICIENTNET_B0, classes: int = 1000, norm: int = 4
) -> int:
    """Number of parameters of EfficientNets and MobileNetV2.

        N = (27 + norm) 32 + sum_i sum_j N(block) + (c + norm) 1280 + (1280 K + K)

    Keras counts 7 more in EfficientNetB0: the mean and variance of three colors, and a counter.

    Args:
        stages: tuple of (block, depth, filters, *options).
        classes: int, K.
        norm: int, numbers of a normalization for each channel.

    >>> [efficientnet_parameters(s) for s in (EFFICIENTNET_B0, EFFICIENTNET_V2B0, MOBILENET_V2)]
    [5330564, 7200312, 3538984]

    Reference: Tan and Le, 2019.
    """
    channels, count = 32, (27 + norm) * 32
    for block, depth, filters, *options in stages:
        for _ in range(depth):
            count += block(channels, filters, *options, norm=norm)
            channels = filters
    return count + (channels + norm) * 1280 + dense_parameters(1280, classes)


def mobilenet_parameters(classes: int = 1000, norm: int = 4) -> int:
    """Number of parameters of MobileNet: a 3x3 convolution, then 13 depthwise-separable blocks.

        N = (27 + norm) 32 + sum_i (9 + norm) c_i + (c_i + norm) c_{i+1} + (1024 K + K)

    Args:
        classes: int, K.
        norm: int, numbers of a normalization for each channel.

    >>> mobilenet_parameters()
    4253864

    Reference: Howard et al., 2017.
    """
    widths = 32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024
    blocks = sum((9 + norm) * c + (c + norm) * n for c, n in itertools.pairwise(widths))
    return (27 + norm) * 32 + blocks + dense_parameters(1024, classes)


def convnext_parameters(
    depths: tuple[int, ...] = (3, 3, 9, 3), width: int = 96, classes: int = 1000
) -> int:
    """Number of parameters of ConvNeXt, ConvNeXt-T by default.

        block: (49 + 1) c + 2 c + (8 c^2 + 5 c) + c        between: 2 c + (8 c^2 + 2 c)

    Args:
        depths: tuple of int, blocks of each stage.
        width: int, channels of the first stage; they double on each stage.
        classes: int, K.

    >>> convnext_parameters()
    28589128

    Reference: Liu et al., 2022.
    """
    count = convolution_parameters(3, width, 4) + 2 * width
    for stage, depth in enumerate(depths):
        if stage > 0:
            count += 2 * width + convolution_parameters(width, 2 * width, 2)
            width *= 2
        count += depth * (8 * width**2 + 58 * width)
    return count + 2 * width + dense_parameters(width, classes)
