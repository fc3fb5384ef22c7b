"""The recipes, one for each kind of system, on data that the package carries."""

from kerasdl.recipes.recipe import Bar, Recipe

# small shifts, rotations and zooms, softened labels: what 900 digits of 8x8 pixels ask for
DIGITS = {
    "task": "supervised",
    "data": "digits",
    "augment": "light",
    "learning_rate": 4e-3,
    "warmup": 3.0,
    "weight_decay": 0.02,
    "task_options": {"label_smoothing": 0.1},
}

RECIPES = [
    Recipe(
        name="se_resnet_tiny",
        summary="digits by residual blocks that weigh their channels",
        model="se_resnet_tiny",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.98),),
        **DIGITS,
    ),
    Recipe(
        name="densenet_tiny",
        summary="digits by blocks in which every layer sees all before it",
        model="densenet_tiny",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.975),),
        **DIGITS,
    ),
    Recipe(
        name="resnet20",
        summary="digits by the 20-layer residual network of CIFAR",
        model="resnet20",
        epochs=40,
        bars=(Bar("accuracy", at_least=0.97),),
        **DIGITS,
    ),
    Recipe(
        name="simple_cnn",
        summary="digits by three convolutions and two dense layers",
        model="simple_cnn",
        epochs=40,
        bars=(Bar("accuracy", at_least=0.97),),
        **DIGITS,
    ),
    Recipe(
        name="lenet5",
        summary="digits by the network of 1998",
        model="lenet5",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.96),),
        **DIGITS,
    ),
    Recipe(
        name="alexnet_tiny",
        summary="digits by a small AlexNet: grouped convolutions, local normalization, dropout",
        model="alexnet_tiny",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.96),),
        **DIGITS,
    ),
    Recipe(
        name="vgg_tiny",
        summary="digits by stacked 3x3 convolutions",
        model="vgg_tiny",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.96),),
        **DIGITS,
    ),
    Recipe(
        name="mlp",
        summary="digits by dense layers alone",
        model="mlp",
        epochs=40,
        bars=(Bar("accuracy", at_least=0.93),),
        **DIGITS,
    ),
]
