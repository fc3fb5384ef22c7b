"""ViT: a transformer for images, which it reads as sequences of patches."""

from typing import ClassVar

import keras
from keras import layers

from kerasdl.layers import ClassToken, PatchEmbedding, PositionTable, TransformerBlock
from kerasdl.models.network import Classifier
from kerasdl.utils import checks

VARIANTS = {
    "ViT": {
        "vit_ti16": {"width": 192, "heads": 3},
        "vit_s16": {"width": 384, "heads": 6},
        "vit_b16": {},
        "vit_b32": {"patch_size": 32},
        "vit_l16": {"width": 1024, "depth": 24, "heads": 16},
        "vit_tiny": {
            "patch_size": 4,
            "width": 64,
            "depth": 4,
            "heads": 4,
            "hidden": 128,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    },
    "DeiT": {
        "deit_ti16": {"width": 192, "heads": 3},
        "deit_b16": {},
        "deit_tiny": {
            "patch_size": 4,
            "width": 64,
            "depth": 4,
            "heads": 4,
            "hidden": 128,
            "num_classes": 10,
            "input_shape": (28, 28, 1),
        },
    },
}


@keras.saving.register_keras_serializable(package="kerasdl")
class ViT(Classifier):
    """A transformer encoder whose sequence is the patches of an image.

    Nothing in it knows that neighboring patches belong together, but for a learned table of
    positions. It learns more from many images than a convolutional network, and less from few.
    `resized` gives the network for other image sizes with an interpolated table.

    Args:
        patch_size: int, side of a patch, a divisor of the image's sides.
        width: int, length of the vector of each patch.
        depth: int, number of transformer blocks.
        heads: int, number of attention heads, a divisor of `width`.
        hidden: int, width inside the feed-forward networks; by default four times `width`.
        pooling: str, what the logits are computed from: the "token" before the patches, or the
            "mean" of the patches.
        dropout: float, fraction that training drops after the positions, in the attention weights
            and after each part of a block, in [0, 1).
        num_classes: int, number of logits; `None` gives the backbone, whose output is the map
            (batch, rows, columns, width) of the patches.
        input_shape: tuple (height, width, channels).

    Reference: Dosovitskiy et al. (2021), An Image is Worth 16x16 Words.
    """

    answers: ClassVar[tuple[str, ...]] = (
        "logits",
    )  # layers that give logits, each from a token of its own

    def __init__(
        self,
        patch_size: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int | None = None,
        pooling: str = "token",
        dropout: float = 0.0,
        num_classes: int | None = 1000,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        **kwargs,
    ):
        checks.integers(patch_size=patch_size, width=width, depth=depth, heads=heads)
        checks.integers(optional=True, hidden=hidden, num_classes=num_classes)
        checks.choices(("token", "mean"), pooling=pooling)
        checks.fractions(dropout=dropout)
        checks.image_shapes(smallest=patch_size, input_shape=input_shape)
        grid = (input_shape[0] // patch_size, input_shape[1] // patch_size)
        tokens = len(self.answers) if pooling == "token" else 0

        inputs = keras.Input(input_shape)  # 224 x 224
        x = PatchEmbedding(patch_size, width, name="patches")(inputs)  # 196 x width
        if tokens:
            x = ClassToken(tokens, name="token")(x)  # 197 x width
        x = PositionTable(grid, tokens, name="positions")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(depth):
            x = TransformerBlock(
                heads, hidden, dropout=dropout, epsilon=1e-6, name=f"block{i + 1}"
            )(x)
        x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
        patches = layers.Cropping1D((tokens, 0))(x) if tokens else x
        pyramid = {patch_size: layers.Reshape((*grid, width), name="map")(patches)}
        if num_classes is None:
            outputs = pyramid[patch_size]
        else:
            outputs = []
            for i, answer in enumerate(self.answers):
                if tokens:
                    features = layers.Cropping1D((i, x.shape[1] - i - 1))(x)  # 1 x width
                    features = layers.Flatten()(features)
                else:
                    features = layers.GlobalAveragePooling1D()(x)
                outputs.append(layers.Dense(num_classes, name=answer)(features))
            outputs = layers.Average()(outputs) if len(outputs) > 1 else outputs[0]
        super().__init__(inputs, outputs, **kwargs)
        self.pyramid = pyramid


@keras.saving.register_keras_serializable(package="kerasdl")
class DeiT(ViT):
    """A ViT with a second token, which learns from the answers of a convolutional network.

    With a good teacher, a transformer needs far fewer images. Each token has its own logits; the
    network's are their mean. `keras.Model(deit.input, [deit.get_layer(name).output for name in
    deit.answers])` gives both, for a loss of each.

    Args:
        patch_size, width, depth, heads, hidden, dropout, num_classes, input_shape: As in `ViT`.

    Reference: Touvron et al. (2021), Training data-efficient image transformers & distillation
    through attention.
    """

    answers: ClassVar[tuple[str, ...]] = ("logits", "distilled_logits")

    def __init__(
        self,
        patch_size: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        hidden: int | None = None,
        dropout: float = 0.0,
        num_classes: int | None = 1000,
        input_shape: tuple[int, int, int] = (224, 224, 3),
        **kwargs,
    ):
        super().__init__(
            patch_size,
            width,
            depth,
            heads,
            hidden,
            dropout=dropout,
            num_classes=num_classes,
            input_shape=input_shape,
            **kwargs,
        )
