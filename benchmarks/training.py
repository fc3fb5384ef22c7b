"""Compare training steps of kerasdl, Keras 3, tf_keras and PyTorch: time, first step, memory.

    python -m venv PEER && PEER/bin/pip install torch torchvision numpy
    python benchmarks/training.py --peer PEER/bin/python [CASE ...] [--rounds 7] [--growth]

Every library trains the same network on the same batch of random numbers in a process of its own,
with AdamW and a cosine schedule. kerasdl trains as its recipes do; the others as their guides say.
In each round every process trains for a short time, in a rotating order, so that other load on the
machine affects all alike. A ratio is the median over rounds of a library's time relative to that of
kerasdl in the same round, with its quartiles; below 1 the library is faster. Memory is the peak of
the process. `kerasdl_without_onednn` is kerasdl with TF_ENABLE_ONEDNN_OPTS=0, the default of
TensorFlow on many processors, for the cases that torch compiles. With `--growth`, exponents say how
the time grows with batch, images, sequence length and parameters. The results go to
results/training.json; an entry of an earlier run is kept if its case is not measured again.
"""

import argparse
import contextlib
import dataclasses
import importlib
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np

RESULT = pathlib.Path(__file__).parent / "results" / "training.json"
LIBRARIES = (
    "kerasdl",
    "kerasdl_without_onednn",
    "keras",
    "tf_keras",
    "torch",
    "torch_channels_last",
    "torch_compile",
)
SECONDS = 1.0  # of a library in a round
AT_ONCE = 8  # steps that recipes of kerasdl run without returning to Python
TEXT = {"vocabulary_size": 96, "context": 128}
LENGTH = 32  # of texts without a context


@dataclasses.dataclass(frozen=True)
class Case:
    """A network and its batch.

    Args:
        model: str, the registered name of kerasdl's network.
        batch: int, examples in a step.
        torch: str, the function or class of `training_torch.py`.
        options: dict, arguments that it takes and kerasdl's variant already has.
        shape: tuple, the shape of an image; `None` for text.
        sizes: dict, arguments of all libraries, in place of the variant's.
        labels: str, "class", "box" (a class and a box), or `None`; for images.
        pairs: bool, whether the text is a source and a target.
        compiled: bool, whether `torch.compile` is tried, and kerasdl without oneDNN.
    """

    model: str
    batch: int
    torch: str
    options: dict = dataclasses.field(default_factory=dict)
    shape: tuple | None = None
    sizes: dict = dataclasses.field(default_factory=dict)
    labels: str | None = "class"
    pairs: bool = False
    compiled: bool = False

    @property
    def of_kerasdl(self):
        return {**self.sizes, **({"input_shape": self.shape} if self.shape else {})}

    @property
    def of_peers(self):
        return {**self.options, **self.sizes, **({"shape": self.shape} if self.shape else {})}

    def data(self):
        """Return a batch of inputs and targets: a pair or a dictionary where there are several."""
        rng = np.random.default_rng(0)
        if self.shape is None:
            size = (self.batch, self.sizes.get("context", LENGTH) + 1)
            text = rng.integers(1, self.sizes["vocabulary_size"], size).astype("int32")
            inputs, targets = text[:, :-1], text[:, 1:]
            return (inputs[:, ::-1].copy(), inputs) if self.pairs else inputs, targets
        images = rng.random((self.batch, *self.shape), dtype="float32")
        classes = rng.integers(0, 10, self.batch)
        boxes = rng.random((self.batch, 4), dtype="float32")
        return images, {None: None, "class": classes, "box": {"class": classes, "box": boxes}}[
            self.labels
        ]

    @property
    def clipped(self):
        """Gradients of language models are clipped, as in the recipes."""
        return {} if self.shape or self.pairs else {"global_clipnorm": 1.0}

    def libraries(self):
        """Return the libraries that can train the case in a way of their own."""
        images = self.shape is not None and self.torch not in ("mlp", "Coder")
        left_out = set() if images else {"torch_channels_last"}
        left_out |= set() if self.compiled else {"torch_compile", "kerasdl_without_onednn"}
        return [name for name in LIBRARIES if name not in left_out]


DIGIT, SMALL, LARGE = (8, 8, 1), (32, 32, 3), (64, 64, 3)
SMALL_RESNET = {"width": 16, "shortcut": "padding", "stem": "small", "classes": 10}
SE = {"depths": (1, 1, 1), "se_ratio": 4, "shortcut": "projection"}
CODER = {"latent_dim": 10, "widths": (256, 256), "activation": "silu"}
GPT = {"width": 128, "depth": 4, "heads": 4, "dropout": 0.0}
CASES = {
    "mlp_tiny": Case("mlp_tiny", 64, "mlp", {"widths": (32,), "dropout": 0.0}, DIGIT),
    "mlp": Case("mlp", 64, "mlp", {}, (28, 28, 1)),
    "simple_cnn_tiny": Case(
        "simple_cnn_tiny", 64, "simple_cnn", {"widths": (16, 32, 64), "units": 64}, DIGIT
    ),
    "simple_cnn": Case("simple_cnn", 64, "simple_cnn", {}, SMALL),
    "lenet5_tiny": Case("lenet5_tiny", 64, "lenet5", {}, DIGIT),
    "lenet5": Case("lenet5", 64, "lenet5", {}, (28, 28, 1)),
    "alexnet_tiny": Case(
        "alexnet_tiny",
        64,
        "alexnet",
        {"widths": (32, 64, 96, 96, 64), "units": 128, "stem": "small", "classes": 10},
        DIGIT,
    ),
    "alexnet": Case("alexnet", 16, "alexnet", {}, (227, 227, 3)),
    "vgg_tiny": Case(
        "vgg_tiny",
        64,
        "vgg",
        {"depths": (1, 1, 2), "widths": (32, 64, 128), "units": 128, "classes": 10},
        DIGIT,
    ),
    "vgg16": Case("vgg16", 8, "vgg", {}, LARGE),
    "resnet_tiny": Case("resnet_tiny", 64, "resnet", {**SMALL_RESNET, "depths": (1, 1, 1)}, DIGIT),
    "se_resnet_tiny": Case("se_resnet_tiny", 64, "resnet", {**SMALL_RESNET, **SE}, DIGIT),
    "resnet20": Case(
        "resnet20", 64, "resnet", {**SMALL_RESNET, "depths": (3, 3, 3)}, SMALL, compiled=True
    ),
    "resnet18": Case("resnet18", 32, "resnet", {}, LARGE, compiled=True),
    "resnet50": Case(
        "resnet50", 16, "resnet", {"depths": (3, 4, 6, 3), "kind": "bottleneck"}, LARGE
    ),
    "densenet_tiny": Case(
        "densenet_tiny",
        64,
        "densenet",
        {"depths": (3, 3, 3), "growth_rate": 12, "stem": "small", "classes": 10},
        DIGIT,
    ),
    "densenet121": Case("densenet121", 16, "densenet", {}, LARGE),
    "squeezenet_tiny": Case(
        "squeezenet_tiny",
        64,
        "squeezenet",
        {
            "depths": (2, 2),
            "widths": (8, 8, 16, 16),
            "stem": "small",
            "dropout": 0.0,
            "classes": 10,
        },
        DIGIT,
    ),
    "squeezenet": Case("squeezenet", 16, "squeezenet", {}, (96, 96, 3)),
    "mobilenet_v2": Case("keras.applications", 32, "mobilenet_v2", {}, LARGE, compiled=True),
    "localizer_tiny": Case(
        "localizer_tiny", 64, "Localizer", {"widths": (16, 32), "units": 32}, DIGIT, labels="box"
    ),
    "localizer": Case(
        "localizer", 32, "Localizer", {}, LARGE, sizes={"num_classes": 10}, labels="box"
    ),
    "autoencoder_tiny": Case("autoencoder_tiny", 64, "Coder", CODER, DIGIT, labels=None),
    "autoencoder": Case(
        "autoencoder",
        128,
        "Coder",
        {"latent_dim": 32, "widths": (128, 64)},
        (28, 28, 1),
        labels=None,
    ),
    "vae_tiny": Case("vae_tiny", 64, "Coder", {**CODER, "sampled": True}, DIGIT, labels=None),
    "vae": Case(
        "vae",
        128,
        "Coder",
        {"latent_dim": 20, "widths": (512, 256), "sampled": True},
        (28, 28, 1),
        labels=None,
        compiled=True,
    ),
    "dcgan_tiny": Case(
        "dcgan_tiny",
        64,
        "DCGAN",
        {"latent_dim": 32, "width": 64, "start": 2},
        DIGIT,
        labels=None,
    ),
    "dcgan": Case(
        "dcgan",
        16,
        "DCGAN",
        {"latent_dim": 100, "width": 64, "start": 4},
        LARGE,
        labels=None,
    ),
    "gpt_tiny": Case(
        "gpt_tiny",
        16,
        "GPT",
        sizes={**TEXT, "width": 160, "depth": 3, "heads": 5, "dropout": 0.0},
    ),
    "gpt_4x128": Case("gpt_tiny", 32, "GPT", sizes={**TEXT, **GPT}, compiled=True),
    "lstm_lm_tiny": Case(
        "lstm_lm_tiny", 32, "LSTM", sizes={**TEXT, "width": 64, "depth": 1, "dropout": 0.0}
    ),
    "lstm_lm": Case(
        "lstm_lm", 32, "LSTM", sizes={**TEXT, "width": 256, "depth": 2, "dropout": 0.1}
    ),
    "seq2seq_tiny": Case(
        "seq2seq_tiny",
        64,
        "Seq2Seq",
        sizes={"vocabulary_size": 40, "width": 64, "dropout": 0.0},
        pairs=True,
    ),
    "seq2seq": Case(
        "seq2seq",
        64,
        "Seq2Seq",
        sizes={"vocabulary_size": 100, "width": 256, "dropout": 0.1},
        pairs=True,
    ),
}


def resized(name, **changes):
    return dataclasses.replace(CASES[name], compiled=False, **changes)


def gpt_of(**sizes):
    return resized("gpt_4x128", sizes={**CASES["gpt_4x128"].sizes, **sizes})


# what grows: the size of each point, and its case
GROWTH = {
    "resnet20 with the batch": {n: resized("resnet20", batch=n) for n in (16, 32, 64, 128)},
    "resnet18 with the pixels of a side": {
        n: resized("resnet18", shape=(n, n, 3), batch=16) for n in (32, 64, 96, 128)
    },
    "gpt_4x128 with the batch": {
        n: dataclasses.replace(gpt_of(), batch=n) for n in (8, 16, 32, 64)
    },
    "gpt_4x128 with the sequence": {n: gpt_of(context=n) for n in (64, 128, 256, 512)},
    # a block has 12 width^2 weights
    "gpt_4x128 with the parameters": {12 * 4 * n**2: gpt_of(width=n) for n in (64, 128, 256, 512)},
}
GROWING = ("kerasdl", "keras", "torch")


# -------------------------------------------------------------- a library, in a process of its own


def kerasdl_step(case):
    """Train as the recipes do."""
    import kerasdl
    from kerasdl.models.network import cross_entropy
    from kerasdl.training import optimizer
    from kerasdl.utils.fast_training import fast_training

    rates = {"epochs": 10, "steps": 1000, "weight_decay": 1e-4}
    if case.model == "keras.applications":  # a model of Keras, trained as `Trainer` does
        model = mobilenet_v2("keras", case)
        model.compile(
            optimizer.adamw(1e-3, **rates),
            **cross_entropy(),
            steps_per_execution=AT_ONCE,
        )
        model.optimizer.build(model.trainable_variables)
        return KerasStep(model, case, AT_ONCE, fast_training())
    model = kerasdl.create_model(case.model, **case.of_kerasdl)
    if case.torch == "DCGAN":
        both = [optimizer.adamw(2e-4, beta_1=0.5, **rates) for _ in range(2)]
        model.compile(*both, steps_per_execution=AT_ONCE)
    else:
        settings = {
            **model.training_defaults(),
            "optimizer": optimizer.adamw(1e-3, **rates, **case.clipped),
        }
        model.compile(**{**settings, "steps_per_execution": AT_ONCE})
        model.optimizer.build(model.trainable_variables)
    return KerasStep(model, case, AT_ONCE)


def keras_step(case, lib, convert):
    """Train in plain Keras 3 or tf_keras: kerasdl's vision networks in layers of their own."""
    import training_keras as networks

    def optimizer():
        schedule = lib.optimizers.schedules.CosineDecay(1e-3, 10_000)
        return lib.optimizers.AdamW(schedule, weight_decay=1e-4, **case.clipped)

    options = dict(case.of_peers)
    loss = lib.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = None
    if case.torch in ("GPT", "LSTM", "Seq2Seq"):
        model = getattr(networks, case.torch.lower())(lib, **options)
    elif case.torch == "Coder":
        sampled = options.pop("sampled", False)
        model = (networks.vae if sampled else networks.autoencoder)(lib, **options)
        loss = None if sampled else lib.losses.MeanSquaredError()
    elif case.torch == "DCGAN":
        model, loss = networks.dcgan(lib, **options, optimizer=optimizer), None
    elif case.torch == "mobilenet_v2":
        model = mobilenet_v2(lib.__name__, case)
    else:
        model = convert(case)
    if case.labels == "box":
        loss = {"class": loss, "box": lib.losses.Huber(0.1)}
        weights = {"class": 1.0, "box": 50.0}
    model.compile(optimizer(), loss, loss_weights=weights)
    return KerasStep(model, case)


class KerasStep:
    """A training step of a compiled model of Keras 3 or tf_keras."""

    def __init__(self, model, case, at_once=1, context=None):
        import tensorflow as tf

        self.context = context or contextlib.nullcontext()

        x, y = case.data()
        if case.torch == "Coder" and model.loss is not None:
            y = x
        data = tf.data.Dataset.from_tensors(x if y is None else (x, y))
        self.model, self.data, self.at_once = model, data, at_once
        self.batches = iter(data.repeat())

    @property
    def parameters(self):
        return sum(math.prod(weight.shape) for weight in self.model.trainable_weights)

    def first(self):
        with self.context:
            self.model.fit(self.data, verbose=0)

    def __call__(self):
        self.model.train_function(self.batches)


def mobilenet_v2(lib, case):
    """Return MobileNetV2 of `keras.applications` or `tf_keras.applications`."""
    network = importlib.import_module(f"{lib}.applications").MobileNetV2
    return network(case.shape, weights=None, classes=10, classifier_activation=None)


def flat(case):
    import kerasdl
    from kerasdl import compression

    return compression.flatten(kerasdl.create_model(case.model, **case.of_kerasdl))


def converted(case):
    from kerasdl.compression.bridge import graph

    return graph.to_tf_keras(flat(case))


def torch_step(case, **how):
    import training_torch as networks

    options = dict(case.of_peers)
    if case.torch == "LSTM":
        options.pop("context")
    step = networks.Step(getattr(networks, case.torch)(**options), *case.data(), **how)
    step.first, step.at_once = step, 1
    return step


def made(library, case):
    if library.startswith("kerasdl"):
        return kerasdl_step(case)
    if library == "keras":
        import keras

        return keras_step(case, keras, flat)
    if library == "tf_keras":
        import tf_keras

        return keras_step(case, tf_keras, converted)
    how = library.removeprefix("torch").lstrip("_")
    flag = {"channels_last": "channels_last", "compile": "compiled"}.get(how)
    return torch_step(case, **({flag: True} if flag else {}))


def serve(library, case):
    """Make a case and train its first step; then train for each line of standard input."""
    step = made(library, case)
    begin, used = time.perf_counter(), time.process_time()
    step.first()
    seconds = {"first": time.perf_counter() - begin, "first_cpu": time.process_time() - used}
    step()  # the first call for a repeated dataset
    package = "tf_keras" if library == "tf_keras" else library.partition("_")[0]
    version = importlib.metadata.version(package)
    tell({**seconds, "parameters": int(step.parameters), "version": version})
    for _ in sys.stdin:
        times, end = [], time.perf_counter() + SECONDS
        while len(times) < 3 or time.perf_counter() < end:
            begin = time.perf_counter()
            step()
            times.append((time.perf_counter() - begin) / step.at_once)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        tell({"step": float(np.median(times)), "peak_mb": peak})


def tell(answer):
    print(json.dumps(answer), flush=True)


# ---------------------------------------------------------------------------- the measuring process


class Process:
    """A process that trains a case, a little for each line that it gets.

    Args:
        command: list of str, what to start.
        environment: dict, variables for it.
    """

    def __init__(self, command, **environment):
        # a pipe that nobody reads would fill
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it is read when the process ended)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        )
        self.about = self.hear()

    def hear(self):
        line = self.process.stdout.readline()
        if line.startswith("{"):
            return json.loads(line)
        self.end()
        self.errors.seek(0)
        raise RuntimeError(self.errors.read().strip().rpartition("\n")[2] or "no message")

    def train(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.hear()

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def measure(case, where, peer, rounds, libraries):
    """Start all libraries, one after the other, and let them train in turns."""
    started, failed = {}, {}
    for name in libraries:
        python = peer if name.startswith("torch") else sys.executable
        if python is None:
            continue
        try:
            command = [python, __file__, "--serve", name, *where]
            plain = {"TF_ENABLE_ONEDNN_OPTS": "0"} if name.endswith("without_onednn") else {}
            library = Process(command, **plain)
        except RuntimeError as error:
            if name == "kerasdl":
                raise
            failed[name] = str(error)
            continue
        count = library.about["parameters"]
        same = started["kerasdl"].about["parameters"] if started else count
        if abs(count - same) > 0.01 * same:  # LSTMs of torch have two biases
            failed[name] = f"another network, of {count:,} parameters in place of {same:,}"
            library.end()
            continue
        started[name] = library
    times, last = in_turns(started, rounds)
    rows = {}
    for name, measured in times.items():
        ratios = np.divide(measured, times["kerasdl"])
        rows[name] = {
            "step_ms": 1000 * float(np.median(measured)),
            "to_kerasdl": float(np.median(ratios)),
            "quartiles": np.percentile(ratios, [25, 75]).tolist(),
            "first_s": started[name].about["first"],
            "first_cpu_s": started[name].about["first_cpu"],
            "peak_mb": last[name]["peak_mb"],
            "parameters": started[name].about["parameters"],
            "version": started[name].about["version"],
        }
    if failed:
        rows["failed"] = failed
    return {"batch": case.batch, **rows}


def in_turns(processes, rounds):
    """Let processes train in a rotating order; return the seconds of a step in each round.

    Args:
        processes: dict of `Process`, which end.
        rounds: int.

    Returns:
        dict of lists, and the last answer of each process.
    """
    names, times, last = list(processes), {name: [] for name in processes}, {}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            last[name] = processes[name].train()
            times[name].append(last[name]["step"])
    for process in processes.values():
        process.end()
    return times, last


def exponents(points):
    """Return for each library the slope of log time over log size."""
    sizes = np.log([float(size) for size in points])
    found = {}
    for name in GROWING:
        if all(name in point for point in points.values()):
            times = [point[name]["step_ms"] for point in points.values()]
            found[name] = float(np.polyfit(sizes, np.log(times), 1)[0])
    return found


def write(out, results):
    about = {"processor": processor(), "cores": os.cpu_count(), "python": platform.python_version()}
    out.write_text(json.dumps({"about": about, **results}, indent=2) + "\n", encoding="utf-8")


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")


def show(name, rows):
    print(f"{name}, batch {rows['batch']}", flush=True)
    for library, row in rows.items():
        if library in LIBRARIES:
            low, high = row["quartiles"]
            print(
                f"  {library:20}{row['step_ms']:9.2f} ms  {row['to_kerasdl']:5.2f} "
                f"({low:.2f} to {high:.2f})  first {row['first_s']:6.2f} s"
                f"{row['peak_mb']:8.0f} MB  {row['parameters']:,}",
                flush=True,
            )
    for library, reason in rows.get("failed", {}).items():
        print(f"  {library:20}failed: {reason}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="*", help="cases; by default all, with --growth none")
    parser.add_argument("--peer", help="the Python that has torch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--growth", action="store_true", help="measure how the time grows")
    parser.add_argument("--out", type=pathlib.Path, default=RESULT)
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        library, *where = options.serve
        return serve(
            library, CASES[where[0]] if len(where) == 1 else GROWTH[where[0]][int(where[1])]
        )
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
    for name in options.which or ([] if options.growth else CASES):
        case = CASES[name]
        rows = measure(case, [name], options.peer, options.rounds, case.libraries())
        results.setdefault("steps", {})[name] = rows
        show(name, rows)
        write(options.out, results)
    for name, cases in GROWTH.items() if options.growth else ():
        points = {}
        for size, case in cases.items():
            where = [name, str(size)]
            points[size] = measure(case, where, options.peer, options.rounds, GROWING)
            show(f"{name}: {size}", points[size])
        found = {"exponents": exponents(points), "points": points}
        results.setdefault("growth", {})[name] = found
        print(name, found["exponents"], flush=True)
        write(options.out, results)


if __name__ == "__main__":
    main()
