"""The recipes, one for each kind of system, on data that the package carries."""

from kerasdl.recipes.recipe import Bar, Recipe

# small shifts, rotations and zooms: what 800 digits of 8x8 pixels ask for; a tenth validates
DIGITS = {
    "task": "supervised",
    "data": "digits",
    "augment": "light",
    "batch_size": 64,
    "learning_rate": 4e-3,
    "warmup": 3.0,
    "weight_decay": 0.05,
    "task_options": {"label_smoothing": 0.1},
}
# without normalisation: a lower rate, and pixels enough for three halvings
ENLARGED = {**DIGITS, "learning_rate": 1e-3, "image_size": 16}
# networks without a classifier's labels learn from four fifths
CODES = {"data": "digits", "data_options": {"split": "1437", "validation": 0}, "batch_size": 32}
TEXT = {"task": "language", "data": "pydocs", "batch_size": 32, "weight_decay": 0.1}

RECIPES = [
    Recipe(
        name="se_resnet_tiny",
        summary="digits by residual blocks that weigh their channels",
        model="se_resnet_tiny",
        epochs=100,
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
        epochs=60,
        bars=(Bar("accuracy", at_least=0.97),),
        **DIGITS,
    ),
    Recipe(
        name="simple_cnn",
        summary="digits by three convolutions and two dense layers",
        model="simple_cnn",
        epochs=40,
        bars=(Bar("accuracy", at_least=0.97),),
        **{**DIGITS, "task_options": {}},  # unsoftened: it says how sure it is of a DCGAN's digits
    ),
    Recipe(
        name="lenet5",
        summary="digits, enlarged, by the network of 1998",
        model="lenet5",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        **{**DIGITS, "batch_size": 32},
    ),
    Recipe(
        name="alexnet_tiny",
        summary="digits, enlarged, by a small AlexNet",
        model="alexnet_tiny",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        **ENLARGED,
    ),
    Recipe(
        name="vgg_tiny",
        summary="digits, enlarged, by a small VGG",
        model="vgg_tiny",
        epochs=80,
        bars=(Bar("accuracy", at_least=0.96),),
        **ENLARGED,
    ),
    Recipe(
        name="mlp",
        summary="digits by dense layers alone",
        model="mlp",
        epochs=60,
        bars=(Bar("accuracy", at_least=0.93),),
        **DIGITS,
    ),
    Recipe(
        name="autoencoder",
        summary="digits from ten numbers each",
        task="reconstruction",
        model="autoencoder_tiny",
        epochs=60,
        learning_rate=3e-3,
        warmup=3.0,
        weight_decay=0.05,
        task_options={"loss": "mean_squared_error"},
        bars=(Bar("mse", at_most=0.0120),),
        **CODES,
    ),
    Recipe(
        name="vae",
        summary="digits from ten numbers that can be drawn at random",
        task="reconstruction",
        model="vae_tiny",
        epochs=150,
        learning_rate=4e-3,
        warmup=7.5,
        weight_decay=0.05,
        bars=(Bar("negative_elbo", at_most=23.9),),
        **CODES,
    ),
    Recipe(
        name="dcgan",
        summary="digits from noise, by a forger and a detective",
        task="adversarial",
        model="dcgan_tiny",
        epochs=80,
        learning_rate=1e-3,
        warmup=4.0,
        task_options={"discriminator_rate": 1e-3},
        bars=(
            Bar("smallest_class", at_least=0.03),
            Bar("largest_class", at_most=0.25),
            Bar("certainty", at_least=0.9),
        ),
        **CODES,
    ),
    Recipe(
        name="gpt_tiny",
        summary="Python's documentation, character by character, by a small GPT-2",
        model="gpt_tiny",
        epochs=3,
        learning_rate=3e-3,
        warmup=0.5,
        bars=(Bar("nats", at_most=1.40),),
        **TEXT,
    ),
    Recipe(
        name="lstm_lm",
        summary="Python's documentation, character by character, by an LSTM",
        model="lstm_lm",
        model_options={"width": 192},
        epochs=3,
        learning_rate=4e-3,
        warmup=0.3,
        bars=(Bar("nats", at_most=1.65),),
        **TEXT,
    ),
]
