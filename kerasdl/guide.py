"""What to choose: the tables of the notes on data, networks and frameworks, as data.

`docs/guide.md` is made of them: `python -m kerasdl.guide > docs/guide.md`.

Spec: ACT-18, BAS-02, BAS-03, BAS-26, BAS-27, BAS-28, BAS-29, BAS-31, MET-09, TRN-20, E-79
"""

from kerasdl import errors

LEARNING = {
    "data": ("hundreds or thousands of examples", "tens of thousands, or a network trained before"),
    "features": ("made by hand, by who knows the field", "learned from the raw data"),
    "hardware": ("a CPU", "a GPU or a TPU, as soon as networks are large"),
    "training time": ("seconds to hours", "hours to weeks; the small ones here take minutes"),
    "interpretability": ("often a white box: weights, trees", "a black box; pictures help"),
}
ROADMAP = {
    "basics": {
        "perceptron": "kerasdl.formulas.basics",
        "activations": "kerasdl.formulas.activations",
        "backpropagation": "kerasdl.formulas.gradients",
    },
    "architectures": {
        "MLP": "kerasdl.models.vision.mlp",
        "CNN": "kerasdl.formulas.convolution",
        "RNN": "kerasdl.formulas.recurrent",
        "transformer": "kerasdl.formulas.transformer",
    },
    "advanced": {
        "optimization": "kerasdl.formulas.optimizers",
        "regularization": "kerasdl.formulas.regularization",
        "transfer": "kerasdl.formulas.transfer",
    },
}
NETWORKS = {
    "MLP": ("tables", "every neuron sees all of the input", "mlp"),
    "CNN": ("images", "one small kernel for all places", "simple_cnn"),
    "RNN, LSTM": ("sequences", "a state that is handed on from step to step", "lstm_lm"),
    "transformer": ("text", "every position looks at every other", "gpt2"),
    "GAN": ("images to make", "a forger against a detective", "dcgan"),
    "autoencoder": ("codes, anomalies", "through a narrow middle and back", "autoencoder"),
    "VAE": ("codes to draw from", "codes that are a normal distribution", "vae"),
    "ViT": ("images", "a transformer of patches", "kerasdl.formulas.patches"),
    "diffusion": (
        "images to make",
        "take a little noise away, often",
        "kerasdl.formulas.diffusion",
    ),
    "CLIP": ("images and text", "a picture and its caption meet", "kerasdl.formulas.contrastive"),
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
FRAMEWORKS = {
    "debugging": (
        "eager",
        "eager too; inside `fit` with `run_eagerly=True`. No `tf.function` needed",
    ),
    "research": ("most papers' code", "some papers' code; Keras 3 runs on PyTorch and JAX too"),
    "production": ("TorchServe, ONNX", "TensorFlow Serving, ONNX"),
    "mobile": ("ExecuTorch", "LiteRT, once TensorFlow Lite"),
    "TPU": ("by PyTorch/XLA", "by TPUStrategy"),
    "learning curve": ("a loop of one's own from the start", "`compile` and `fit`, loops later"),
}
FORWARD_OR_RECURRENT = {
    "data": ("of one size: images, tables", "sequences of any length"),
    "memory": ("none", "a state"),
    "weights": ("each layer its own", "the same at every step"),
    "example": ("what digit is it?", "which word comes next?"),
    "limit": ("hears no order of steps that are averaged", "one step after the other; forgets"),
}
HYPER_PARAMETERS = {
    "layer size": ("neurons side by side", "keras.layers.Dense(units)"),
    "learning rate": ("length of a step", "keras.optimizers.SGD(learning_rate)"),
    "momentum": ("share of the last step in the next", "keras.optimizers.SGD(momentum)"),
    "batch size": ("examples for each step", "kerasdl.data.load(batch_size)"),
    "epochs": ("times that all examples are seen", "keras.Model.fit(epochs)"),
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
    """What the notes would try, the oldest or simplest first. Start with what is simplest.

    >>> recommend("text", "generation")
    ('LSTM', 'GPT')
    """
    kinds = sorted({kind for kind, _ in CHOICES})
    errors.one_of("kind of data", data, kinds)
    errors.one_of(f"task for {data}", task, [job for kind, job in CHOICES if kind == data])
    return CHOICES[data, task]


def activation(task: str) -> str:
    """The usual activation; a network of this package leaves the last one to its loss.

    Args:
        task: "hidden" layers; "binary", "classes" or "pixels" in [-1, 1] as output; the "gate" or
            "state" of an LSTM.

    >>> activation("binary")
    'sigmoid'
    """
    errors.one_of("task", task, list(ACTIVATIONS))
    return ACTIVATIONS[task]


def page() -> str:
    """The text of `docs/guide.md`."""
    lines = [
        "# What to choose\n",
        "Tables of the notes, corrected; `kerasdl.guide` has them as data.",
    ]
    lines += _table("Machine learning or deep learning?", LEARNING, "", "machine", "deep")
    roads = {
        stage: (", ".join(f"{k} (`{v}`)" for k, v in parts.items()),)
        for stage, parts in ROADMAP.items()
    }
    lines += _table("What to learn first", roads, "stage", "what")
    networks = {k: (*row[:2], f"`{row[2]}`") for k, row in NETWORKS.items()}
    lines += _table("Networks", networks, "network", "for", "idea", "here")
    choices = {f"{data}, {task}": (", ".join(named),) for (data, task), named in CHOICES.items()}
    lines += _table("Which for what? Start with the simplest", choices, "data", "try")
    usual = {task: (f"`{name}`",) for task, name in ACTIVATIONS.items()}
    lines += _table("Which activation?", usual, "where", "usual")
    lines += _table("Forward or recurrent?", FORWARD_OR_RECURRENT, "", "forward", "recurrent")
    terms = {term: (what, f"`{where}`") for term, (what, where) in HYPER_PARAMETERS.items()}
    lines += _table("Hyper-parameters", terms, "name", "what", "set by")
    lines += _table("Frameworks", FRAMEWORKS, "", "PyTorch", "TensorFlow and Keras 3")
    lines += ["", "Two things the notes mention are not here, for they need people: preferences of"]
    lines += ["those who compare two models' images, and learning from such preferences (RLHF)."]
    return "\n".join(lines) + "\n"


def _table(title, rows, *heads):
    lines = ["", f"## {title}\n", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return lines + [f"| {' | '.join((name, *cells))} |" for name, cells in rows.items()]


if __name__ == "__main__":
    print(page(), end="")
