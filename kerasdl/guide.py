"""Advice on data, architectures, activations and frameworks, as tables.

`python -m kerasdl.guide > docs/guide.md` writes them as a page.
"""

from kerasdl import errors

LEARNING = {
    "data": ("hundreds to thousands of examples", "tens of thousands, or a pre-trained network"),
    "features": ("designed by people who know the field", "learned from raw data"),
    "hardware": ("CPU", "GPU or TPU for all but small networks"),
    "training time": ("seconds to hours", "hours to weeks; minutes for the small networks here"),
    "interpretability": ("often a white box: weights, trees", "a black box; visualizations help"),
}
ROADMAP = {
    "basics": {
        "perceptron": "kerasdl.formulas.basics",
        "activations": "kerasdl.formulas.activations",
        "backpropagation": "kerasdl.formulas.gradients",
    },
    "architectures": {
        "MLP": "mlp",
        "CNN": "simple_cnn",
        "RNN": "lstm_lm",
        "transformer": "gpt_tiny",
    },
    "advanced": {
        "optimization": "kerasdl.formulas.optimizers",
        "regularization": "kerasdl.formulas.regularization",
        "transfer": "kerasdl.formulas.transfer",
    },
}
# For what, the idea, and what is here: a registered model, or the module of its formulas.
NETWORKS = {
    "MLP": ("tables", "every neuron sees the whole input", "mlp"),
    "CNN": ("images", "one small kernel for all positions", "simple_cnn"),
    "RNN, LSTM": ("sequences", "a state that is passed from step to step", "lstm_lm"),
    "transformer": ("text", "every position attends to every other", "gpt2"),
    "GAN": ("image generation", "a generator against a discriminator", "dcgan"),
    "autoencoder": ("codes, anomalies", "compress and reconstruct", "autoencoder"),
    "VAE": ("codes to sample from", "codes that are normally distributed", "vae"),
    "ViT": ("images", "a transformer on patches", "kerasdl.formulas.patches"),
    "diffusion": ("image generation", "remove noise in many steps", "kerasdl.formulas.diffusion"),
    "CLIP": (
        "images and text",
        "an image and its caption get the same vector",
        "kerasdl.formulas.contrastive",
    ),
}
CHOICES = {
    ("images", "classification"): ("ResNet", "EfficientNet", "ViT"),
    ("images", "detection"): ("YOLO", "Mask R-CNN", "SegFormer"),
    ("images", "generation"): ("Stable Diffusion", "GAN"),
    ("text", "classification"): ("LSTM", "BERT", "DistilBERT"),
    ("text", "generation"): ("LSTM", "GPT"),
    ("series", "forecasting"): ("LSTM", "GRU", "TFT"),
    ("tables", "prediction"): ("MLP", "gradient boosting"),
    ("audio", "classification"): ("CNN on a spectrogram", "wav2vec 2.0"),
    ("graphs", "prediction"): ("GNN",),
}
HERE = {  # those of them that are models of this package for such data
    ("images", "classification", "ResNet"): "resnet18",
    ("images", "generation", "GAN"): "dcgan",
    ("series", "forecasting", "LSTM"): "forecaster",
    ("text", "generation", "LSTM"): "lstm_lm",
    ("text", "generation", "GPT"): "gpt2",
    ("tables", "prediction", "MLP"): "mlp",
}
FRAMEWORKS = {
    "debugging": ("eager", "eager; in `fit` with `run_eagerly=True`, no `tf.function` needed"),
    "research": ("code of most papers", "code of some; Keras 3 also runs on PyTorch and JAX"),
    "production": ("TorchServe, ONNX", "TensorFlow Serving, ONNX"),
    "mobile": ("ExecuTorch", "LiteRT, formerly TensorFlow Lite"),
    "TPU": ("PyTorch/XLA", "TPUStrategy"),
    "learning curve": ("a training loop from the start", "`compile` and `fit`, loops later"),
}
FORWARD_OR_RECURRENT = {
    "data": ("of fixed size: images, tables", "sequences of any length"),
    "memory": ("none", "a state"),
    "weights": ("different in each layer", "the same at every step"),
    "example": ("which digit is it?", "which word comes next?"),
    "limit": ("ignores order if steps are averaged", "one step after the other; forgets"),
}
HYPER_PARAMETERS = {
    "layer size": ("neurons of a layer", "keras.layers.Dense(units)"),
    "learning rate": ("length of a step", "keras.optimizers.SGD(learning_rate)"),
    "momentum": ("fraction of the last update to repeat", "keras.optimizers.SGD(momentum)"),
    "batch size": ("examples of a step", "kerasdl.data.load(batch_size)"),
    "epochs": ("passes over all examples", "keras.Model.fit(epochs)"),
}
ACTIVATIONS = {
    "hidden": "relu",
    "binary": "sigmoid",
    "classes": "softmax",
    "pixels": "tanh",
    "gate": "sigmoid",
    "state": "tanh",
}


def recommend(data: str, task: str) -> tuple[str, ...]:
    """Return architectures to try for a task, the simplest first; some are not in this package.

    Args:
        data: str, "images", "text", "series", "tables", "audio" or "graphs".
        task: str, a task for that kind of data, such as "classification".

    >>> recommend("text", "generation")
    ('LSTM', 'GPT')
    """
    kinds = sorted({kind for kind, _ in CHOICES})
    errors.one_of("kind of data", data, kinds)
    errors.one_of(f"task for {data}", task, [job for kind, job in CHOICES if kind == data])
    return CHOICES[data, task]


def activation(task: str) -> str:
    """Return the usual activation for a purpose.

    Classifiers of this package have no activation for outputs, because their losses include it.

    Args:
        task: str, "hidden" for hidden layers; "binary", "classes" or "pixels" (in [-1, 1]) for
            outputs; "gate" or "state" for an LSTM.

    >>> activation("binary")
    'sigmoid'
    """
    errors.one_of("task", task, list(ACTIVATIONS))
    return ACTIVATIONS[task]


def page() -> str:
    """The text of `docs/guide.md`.

    Example:
        >>> page().splitlines()[0]
        '# What to choose'
    """
    lines = ["# What to choose\n", "`kerasdl.guide` has these tables as data."]
    lines += _table("Machine learning or deep learning?", LEARNING, "", "machine", "deep")
    roads = {
        stage: (", ".join(f"{topic} ({_here(place)})" for topic, place in topics.items()),)
        for stage, topics in ROADMAP.items()
    }
    lines += _table("What to learn first", roads, "stage", "topics")
    networks = {name: (*row[:2], _here(row[2])) for name, row in NETWORKS.items()}
    lines += _table("Architectures", networks, "architecture", "for", "idea", "here")
    choices = {
        f"{data}, {task}": (", ".join(_named(data, task, name) for name in names),)
        for (data, task), names in CHOICES.items()
    }
    lines += _table("Which for what?", choices, "data, task", "try, the simplest first")
    lines += ["", "In parentheses: models of this package for such data."]
    usual = {task: (f"`{name}`",) for task, name in ACTIVATIONS.items()}
    lines += _table("Which activation?", usual, "where", "usual")
    lines += _table("Feed-forward or recurrent?", FORWARD_OR_RECURRENT, "", "forward", "recurrent")
    terms = {term: (what, f"`{where}`") for term, (what, where) in HYPER_PARAMETERS.items()}
    lines += _table("Hyperparameters", terms, "name", "what", "set by")
    lines += _table("Frameworks", FRAMEWORKS, "", "PyTorch", "TensorFlow and Keras 3")
    lines += ["", "Not covered, because both need people: studies that compare generated images by"]
    lines += ["preference, and learning from human feedback (RLHF)."]
    return "\n".join(lines) + "\n"


def _here(place):
    """Return the text for a registered model, or for a module of formulas."""
    return f"formulas: `{place}`" if place.startswith("kerasdl.") else f"`{place}`"


def _named(data, task, name):
    here = HERE.get((data, task, name))
    return f"{name} (`{here}`)" if here else name


def _table(title, rows, *heads):
    lines = ["", f"## {title}\n", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return lines + [f"| {' | '.join((name, *cells))} |" for name, cells in rows.items()]


if __name__ == "__main__":
    print(page(), end="")
