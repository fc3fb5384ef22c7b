"""Classifiers of images."""

from typing import Any

from kerasdl.recipes import space
from kerasdl.recipes.recipe import Bar, Recipe

# augmentation by small shifts, rotations and zooms, because there are only 800 digits to train on
DIGITS: dict[str, Any] = {
    "task": "classification",
    "data": "digits",
    "augment": "light",
    "batch_size": 64,
    "learning_rate": 4e-3,
    "warmup": 3.0,
    "weight_decay": 0.05,
    "task_options": {"label_smoothing": 0.1},
}
# for networks without batch normalization (lower learning rate) and with three poolings (16 pixels)
ENLARGED = {**DIGITS, "learning_rate": 1e-3, "image_size": 16}

# with 3,600 digits, fewer epochs are enough
MNIST = {**DIGITS, "data": "mnist", "learning_rate": 3e-3, "warmup": 1.0}

TRAINING = (
    space.learning_rate(1e-4, 3e-2),
    space.warmup(6.0),
    space.weight_decay(1e-4, 0.3),
    space.Parameter(
        "regularization", "task_options.label_smoothing", low=0.0, high=0.2, needs="classes"
    ),
    space.batch_size(16, 32, 64, 128),
    space.Parameter("training", "augment", (False, "light"), needs="images"),
)
WIDE_DROPOUT = space.dropout(0.6)  # for wide dense layers

RECIPES = [
    Recipe(
        name="se_resnet_tiny",
        summary="digits by residual blocks with squeeze-and-excitation",
        model="se_resnet_tiny",
        epochs=100,
        bars=(Bar("accuracy", at_least=0.98),),
        space=(
            space.model_option("depths", (1, 1, 1), (1, 1), (2, 1, 1), (2, 2, 2)),
            space.model_option("width", 8, 16, 24, 32),
            space.model_option("se_ratio", 2, 4, 8),
            *TRAINING,
        ),
        **DIGITS,
    ),
    Recipe(
        name="densenet_tiny",
        summary="digits by a small DenseNet",
        model="densenet_tiny",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.975),),
        space=(
            space.model_option("depths", (2, 2, 2), (3, 3, 3), (4, 4), (4, 4, 4)),
            space.model_option("growth_rate", 8, 12, 16, 24),
            *TRAINING,
        ),
        **DIGITS,
    ),
    Recipe(
        name="resnet20",
        summary="digits by the 20-layer ResNet for small images",
        model="resnet20",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.97),),
        space=(
            space.model_option("depths", (1, 1, 1), (2, 2, 2), (3, 3, 3)),
            space.model_option("width", 8, 16, 24),
            *TRAINING,
        ),
        **DIGITS,
    ),
    Recipe(
        name="simple_cnn",
        summary="digits by three convolutions and two dense layers",
        model="simple_cnn",
        epochs=40,
        bars=(Bar("accuracy", at_least=0.97),),
        space=(
            space.model_option("widths", (16, 32, 64), (32, 64), (32, 64, 128), (64, 128)),
            space.model_option("units", 64, 128, 256, 512),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        # no label smoothing, because its probabilities evaluate generated images
        **{**DIGITS, "task_options": {}},
    ),
    Recipe(
        name="lenet5",
        summary="digits by LeNet-5 of 1998",
        model="lenet5",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        # widths are fixed, so only the size of the input can be searched
        space=(space.Parameter("architecture", "image_size", (None, 32, 40)), *TRAINING),
        **{**DIGITS, "batch_size": 32},
    ),
    Recipe(
        name="alexnet_tiny",
        summary="enlarged digits by a small AlexNet",
        model="alexnet_tiny",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        space=(
            space.model_option(
                "widths", (16, 32, 48, 48, 32), (32, 64, 96, 96, 64), (64, 128, 192, 192, 128)
            ),
            space.model_option("units", 64, 128, 256),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        **ENLARGED,
    ),
    Recipe(
        name="vgg_tiny",
        summary="enlarged digits by a small VGG",
        model="vgg_tiny",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        space=(
            space.model_option("depths", (1, 1, 1), (1, 1, 2), (2, 2, 2)),
            space.model_option("widths", (16, 32, 64), (32, 64, 128)),
            space.model_option("units", 64, 128, 256),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        **ENLARGED,
    ),
    Recipe(
        name="squeezenet_tiny",
        summary="enlarged digits by a small SqueezeNet",
        model="squeezenet_tiny",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.965),),
        space=(
            space.model_option("widths", (8, 8, 16, 16), (12, 12, 24, 24), (16, 16, 32, 32)),
            space.dropout(0.5),
            *TRAINING,
        ),
        **{**ENLARGED, "learning_rate": 2e-3},
    ),
    Recipe(
        name="mlp",
        summary="digits by dense layers alone",
        model="mlp",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.93),),
        space=(
            space.model_option("widths", (64,), (128, 64), (256, 128), (512, 256), (256, 128, 64)),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        **DIGITS,
    ),
    Recipe(
        name="simple_cnn_mnist",
        summary="MNIST digits by three convolutions and two dense layers",
        model="simple_cnn",
        epochs=15,
        bars=(Bar("accuracy", at_least=0.98),),
        space=(
            space.model_option("widths", (16, 32, 64), (32, 64), (32, 64, 128)),
            space.model_option("units", 64, 128, 256, 512),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        model_options={"units": 128, "dropout": 0.3},
        **MNIST,
    ),
    Recipe(
        name="lenet5_mnist",
        summary="MNIST digits by LeNet-5 of 1998",
        model="lenet5",
        epochs=20,
        bars=(Bar("accuracy", at_least=0.975),),
        space=(space.Parameter("architecture", "image_size", (None, 32)), *TRAINING),
        **MNIST,
    ),
    Recipe(
        name="mlp_mnist",
        summary="MNIST digits by dense layers alone",
        model="mlp",
        epochs=20,
        bars=(Bar("accuracy", at_least=0.955),),
        space=(
            space.model_option("widths", (128, 64), (256, 128), (512, 256)),
            WIDE_DROPOUT,
            *TRAINING,
        ),
        **MNIST,
    ),
    Recipe(
        name="vit_tiny",
        summary="MNIST digits by a small vision transformer",
        model="vit_tiny",
        epochs=60,
        model_options={"patch_size": 7, "pooling": "mean"},
        bars=(Bar("accuracy", at_least=0.96),),
        space=(
            space.model_option("depth", 2, 4, 6),
            space.model_option("width", 32, 64, 96),
            *TRAINING,
        ),
        # it knows nothing of neighboring pixels, so it needs more epochs, and larger patches
        **{**MNIST, "learning_rate": 2e-3, "warmup": 3.0, "weight_decay": 0.1},
    ),
]
