"""Every public constructor and function refuses a wrong argument in one line, before any work.

`SUBJECTS` has the kind of each argument. Values of other kinds must raise `InvalidInput`; right
values work, as NumPy's numbers too.
"""

import dataclasses
import json
import types
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
import kerasdl.data
from kerasdl import (
    callbacks,
    compression,
    diagnosis,
    distribute,
    explain,
    export,
    metrics,
    recipes,
    schedules,
    tuning,
)
from kerasdl.compression.schedules import Polynomial
from kerasdl.data import policies, sharing
from kerasdl.errors import InvalidInput
from kerasdl.recipes import space
from tests.properties.common import check_message

pytestmark = pytest.mark.slow

NAN, INFINITY, HUGE = float("nan"), float("inf"), 10**400
OTHERS = [(), [], {}, b"x", object()]
# invalid values for each kind of argument
WRONG = {
    "count": [0, -1, 2.5, "3", None, True, NAN, INFINITY, 1e300, np.float32(2.5), *OTHERS],
    "number": ["0.5", None, True, NAN, INFINITY, -INFINITY, HUGE, np.float32("nan"), *OTHERS],
    "flag": [0, 1, 2.5, None, "yes", "", NAN, [True], *OTHERS],
    "text": [None, 0, 2.5, True, NAN, ["a"], *OTHERS],
    "name": ["", None, 0, 2.5, True, NAN, ["a"], *OTHERS],
    "choice": ["no_such", "", 3, 2.5, True, *OTHERS],
    "path": ["", 0, 2.5, True, "nul\0", ["a"], *OTHERS],
    "function": [0, "x", True, int, *OTHERS],
    "model": [None, 0, "x", keras.Model, *OTHERS],
    "dataset": [None, 0, "x", tf.data.Dataset, *OTHERS],
    "arrays": ["x", 0, True, [["a"]], (), [], {}],
    "integers": [None, 0, "12", (), (0,), (1.5,), ("a",), {}, (True,)],
}
WRONG["only"] = []
POSITIVE = [0, -1, -1e-9]
FRACTION = [1.0, 1.5, -0.1, 7]
LARGE = [10**30, HUGE]


@dataclasses.dataclass(frozen=True)
class Subject:
    """A constructor or function.

    Args:
        name: str, for the test's name.
        call: what is tested; it takes the arguments by name.
        right: dict, arguments with which it works.
        kinds: dict, the kind of each argument; "count?" may also be None. Further wrong values
            follow in a tuple.
        made: bool, whether a call makes an object and no more, so that it can be repeated.
    """

    name: str
    call: Callable
    right: dict
    kinds: dict
    made: bool = True


def network():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="dense")(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


MODEL = network()
X, Y = np.random.default_rng(0).random((12, 4), "float32"), np.arange(12) % 3
DATA = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
SPLITS = types.SimpleNamespace(train=DATA, test=DATA)
CASE = {"model": MODEL, "train": DATA, "validation": DATA, "history": {"loss": [1.0]}}
RECIPE = recipes.get("mlp")
RANGES = ["01", 0, True, (), {}, (0,), (1, 0), (0, NAN), ("a", "b")]
SKIP = [None, 0, "dense", {}, [1]]
RATE = ("number", POSITIVE + LARGE)
STEPS = ("number", POSITIVE + LARGE)
EPOCHS = ("count", LARGE)
NAMED = {"name": "name", "dtype": ("choice", [0])}


def metric(name, right, /, **kinds):
    named = {"name": ("name?", ["a/b"])}
    return Subject(f"metrics.{name}", getattr(metrics, name), right, {**kinds, **named})


def schedule(name, right, /, **kinds):
    return Subject(f"schedules.{name}", getattr(schedules, name), right, kinds)


def callback(name, right, /, **kinds):
    return Subject(f"callbacks.{name}", getattr(callbacks, name), right, kinds)


def function(package, name, right, /, **kinds):
    place = getattr(package, "__name__", type(package).__name__)
    return Subject(f"{place}.{name}", getattr(package, name), right, kinds, made=False)


EVERY = {"every": "count?", "log_dir": "path?"}
SUBJECTS = [
    metric("BLEU", {"order": 2, "padding": 0}, order=("count", LARGE), padding=("number", [-2])),
    metric("ExpectedCalibrationError", {"bins": 5}, bins=("count", LARGE), from_logits="flag"),
    metric("FrechetDistance", {"width": 3}, width=("count", LARGE), features="function?"),
    metric("InceptionScore", {"num_classes": 3}, num_classes=("count", LARGE), from_logits="flag"),
    metric("KernelDistance", {}, features="function?"),
    metric(
        "ModesCovered",
        {"centers": [[0.0], [1.0]], "radius": 0.5},
        centers=("arrays", [[0.0], [[NAN]], [[INFINITY]], [[]], [[1], [1, 2]]]),
        radius=("number", POSITIVE),
        fraction=("number", [-0.1, 1.1]),
        quality="flag",
    ),
    metric("PSNR", {"peak": 1.0}, peak=("number", POSITIVE)),
    metric("Perplexity", {"padding": 0}, padding=("number?", [-1, 2.5]), from_logits="flag"),
    metric("SSIM", {"peak": 1.0}, peak=("number", POSITIVE)),
    schedule(
        "Cyclical",
        {"lowest": 0.1, "highest": 0.2, "half_cycle": 5},
        lowest=("number", [-1, 0.3]),
        highest=RATE,
        half_cycle=STEPS,
        factor=("number", [*POSITIVE, 1.5]),
        per="choice",
    ),
    schedule(
        "OneCycle",
        {"highest": 0.2, "decay_steps": 5},
        highest=RATE,
        decay_steps=STEPS,
        rise=("number", [0, 1, -0.5]),
        start=("number", POSITIVE + LARGE),
        end=("number", POSITIVE + LARGE),
        shape="choice",
        three_phases="flag",
    ),
    schedule("InverseSigmoid", {"decay_steps": 5}, decay_steps=("number", [0.5, *LARGE])),
    schedule(
        "InverseSquareRoot",
        {"initial_learning_rate": 0.1, "decay_steps": 5},
        initial_learning_rate=RATE,
        decay_steps=STEPS,
    ),
    schedule("WarmUp", {"schedule": 0.1, "warm_up_steps": 5}, schedule=RATE, warm_up_steps=STEPS),
    schedule(
        "CycleMomentum",
        {"schedule": schedules.OneCycle(0.1, 10), "lowest": 0.8, "highest": 0.9},
        schedule=("function", [schedules.WarmUp(0.1, 3)]),
        lowest=("number", [-0.1, 0.95]),
        highest=("number", [0.7, 1.0]),
    ),
    callback(
        "ConfusionByEpoch",
        {"data": DATA, "classes": 3},
        data=("only", [None, 0, "x", b"x", {}, tf.data.Dataset]),
        classes=("count", ["abc", [None], [1.5], 10**7]),
        **EVERY,
    ),
    callback(
        "DataTime",
        {"dataset": DATA, "seconds": 0.1},
        dataset="dataset",
        seconds=("number", [*POSITIVE, 1e9]),
        log_dir="path?",
    ),
    callback(
        "GradientHealth",
        {"vanishing": 1e-6, "exploding": 10.0},
        every="count",
        vanishing=("number", [-1, 100]),
        exploding=("number", [-1, 0]),
        log_dir="path?",
    ),
    callback("Histograms", {"bins": 4}, inputs="arrays", bins=("count", LARGE), **EVERY),
    callback("NonFinite", {}, batches="function?", hint="text"),
    callback("RateLog", {}, name="name", every="count"),
    callback("SampleGrids", {"make": len, "folder": "x"}, make="function", folder="path", **EVERY),
    Subject(
        "data.Curriculum",
        kerasdl.data.Curriculum,
        {"difficulty": X[:, 0], "stages": 2},
        {"difficulty": "arrays", "stages": EPOCHS, "epochs": EPOCHS, "ordered": "flag"},
    ),
    Subject(
        "data.Share",
        sharing.Share,
        {"first": 0, "here": 1, "total": 2},
        {"first": ("number", [-1, 2, 0.5]), "here": ("count", [3]), "total": "count"},
    ),
    Subject(
        "data.Policy",
        policies.Policy,
        {"shift": 0.1},
        {
            "shift": ("number", FRACTION),
            "rotate": ("number", [-1, 181]),
            "zoom": ("number", FRACTION),
            "flip": "flag",
            "brightness": ("number", FRACTION),
            "contrast": ("number", FRACTION),
            "saturation": ("number", FRACTION),
            "erase": ("number", [-0.1, 1.1]),
        },
    ),
    Subject(
        "data.load",
        kerasdl.data.load,
        {"name": "moons", "count": 40},
        {
            "name": ("name", ["no_such", "nul\0", "tfds:"]),
            "batch_size": ("count", LARGE),
            "image_size": ("count?", [10**6, (1,), (1, 2, 3), (0, 3), "8"]),
            "augment": ("choice", ["no_such"]),
            "mixup": ("number", [-0.1, 1.1]),
            "cutmix": ("number", [-0.1, 1.1]),
            "seed": ("number", [-1, 2.5, 2**31, *LARGE]),
            "share": ("function?", []),
            "shard": "choice",
            "skip_bad": "flag",
            "curriculum": ("function?", [print]),
            "count": ("count", [10**12, *LARGE]),
            "noise": ("number", [-1, 1e9]),
            "validation": ("number", [-0.1, 1.0, 0.9999, 0.5]),
            "test": ("number", [-0.1, 1.0, 0.9999]),
            "no_such": ("count", [1]),
        },
        made=False,
    ),
    function(
        kerasdl.data,
        "throughput",
        {"dataset": DATA, "seconds": 0.01},
        dataset="dataset",
        seconds=("number", [*POSITIVE, 1e9]),
    ),
    Subject(
        "recipes.Bar",
        recipes.Bar,
        {"metric": "accuracy", "at_least": 0.1, "at_most": 0.9},
        {
            "metric": "name",
            "at_least": ("choice", [NAN, None, "0.5", 0.95]),
            "at_most": ("only", [NAN, None, "0.5", 0.05, (), {}, True]),
        },
    ),
    Subject(
        "recipes.space.Parameter",
        space.Parameter,
        {"group": "learning", "field": "learning_rate", "low": 0.1, "high": 0.2, "log": True},
        {
            "group": "choice",
            "field": "name",
            "choices": ("only", ["ab", {1, 2}, None, 3, {}]),
            "low": ("number", [0, -1, 0.3]),
            "high": ("number", [0.05]),
            "log": "flag",
            "needs": ("only", [None, "sounds", 3, True, ()]),
        },
    ),
    function(diagnosis, "doctor", {"case": diagnosis.Case(**CASE)}, case=("model", [CASE])),
    Subject(
        "diagnosis.Case",
        diagnosis.Case,
        CASE,
        {
            "model": "model",
            "train": "dataset",
            "validation": "dataset?",
            "history": ("only", [None, 0, "x", [], {"loss": 1}, {"loss": ["a"]}]),
            "fresh": "function?",
        },
    ),
    function(
        diagnosis,
        "lr_find",
        {"model": MODEL, "data": (X, Y), "steps": 10},
        model="model",
        data=("only", ["x", None, 0, True, (), [], {}, (X, Y[:3])]),
        low=("number", [*POSITIVE, 2.0]),
        high=("number", [*POSITIVE, *LARGE]),
        steps=("count", [9, *LARGE]),
        smoothing=("number", FRACTION),
    ),
    function(
        diagnosis,
        "overfit_one_batch",
        {"model": MODEL, "data": (X, Y), "steps": 2},
        model="model",
        data=("only", ["x", None, 0, True, (), [], {}, (X, Y[:3])]),
        steps=("count", LARGE),
        goal="number",
        learning_rate=("number?", POSITIVE + LARGE),
    ),
    function(
        diagnosis,
        "gradient_check",
        {"model": MODEL, "x": X, "y": Y, "directions": 1},
        model="model",
        x="arrays",
        y="arrays",
        loss=("choice", []),
        directions=("count", LARGE),
        epsilon=("number", [*POSITIVE, 2]),
        at_most=("number", [*POSITIVE, 2]),
    ),
    function(
        distribute,
        "strategy",
        {"spec": "one"},
        spec=("choice", [None, "cpu:", "cpu:0", "cpu:-1", "cpu:1.5", "cpu:99999", "one:2"]),
    ),
    function(distribute, "share", {"strategy": distribute.strategy("one")}, strategy="model"),
    function(distribute, "worker_of", {"strategy": distribute.strategy("one")}, strategy="model"),
    function(distribute, "is_chief", {"strategy": distribute.strategy("one")}, strategy="model"),
    function(distribute, "synchronize", {"model": MODEL}, model="model"),
    function(
        distribute,
        "pipeline",
        {
            "dataset": DATA,
            "strategy": distribute.strategy("one"),
            "count": 12,
            "batch_size": 4,
        },
        dataset="dataset",
        strategy="model",
        count=EPOCHS,
        batch_size=EPOCHS,
    ),
    function(compression, "flatten", {"model": MODEL}, model="model"),
    function(compression, "sparsity", {"model": MODEL}, model="model"),
    Subject(
        "compression.Polynomial",
        Polynomial,
        {"final": 0.5, "end": 10},
        {
            "final": ("number", FRACTION),
            "initial": ("number", FRACTION),
            "end": ("number", [-1, 0.5, *LARGE]),
            "begin": ("number", [-1, 0.5, 11]),
            "power": ("number", [*POSITIVE, 1e9]),
            "frequency": EPOCHS,
        },
    ),
    Subject(
        "compression.Prune",
        compression.Prune,
        {"schedule": Polynomial(0.5, 10)},
        {"schedule": "function", "pattern": "choice", "scope": "choice", "skip": ("only", SKIP)},
    ),
    function(
        compression,
        "prune",
        {"model": MODEL, "train": DATA, "epochs": 1, "sparsity": 0.5},
        model="model",
        train="dataset",
        epochs=EPOCHS,
        sparsity=("number", FRACTION),
        schedule=("choice", [None]),
        pattern=("choice", [None]),
        scope=("choice", [None]),
        skip=("only", SKIP),
    ),
    function(
        compression,
        "compress",
        {"model": MODEL, "train": DATA, "method": "qat"},
        model="model",
        train="dataset",
        method=("choice", [None]),
        path=("path?", ["x.txt"]),
        epochs=EPOCHS,
        sparsity=("number", [0, *FRACTION]),
        clusters=("count", [2, 257]),
        engine=("choice", [None]),
        callbacks=("only", [None, 0, "x", {}, [print]]),
    ),
    function(
        compression,
        "search",
        {"model": MODEL, "data": SPLITS, "methods": ("int8",)},
        model="model",
        data=("model", [types.SimpleNamespace(train=DATA)]),
        max_drop=("number", [-0.1, 1.1]),
        methods=("integers", ["int8", ("no_such",)]),
        epochs=EPOCHS,
        folder="path?",
        sparsity=("number", [0, *FRACTION]),
        scope=("choice", [None]),
        clusters=("count", [2, 257]),
        progress="function",
    ),
    function(
        compression,
        "sensitivity",
        {"model": MODEL, "x": X, "labels": Y, "bits": 4},
        model="model",
        x="arrays",
        labels="arrays",
        bits=("count", [1, 33]),
    ),
    function(
        compression,
        "distill",
        {"student": MODEL, "teacher": network(), "train": DATA, "epochs": 1},
        student="model",
        teacher="model",
        train="dataset",
        temperature=("number", POSITIVE + LARGE),
        alpha=("number", [-0.1, 1.1]),
        epochs=EPOCHS,
    ),
    function(
        compression,
        "train_aware",
        {"model": MODEL, "train": DATA, "epochs": 1},
        model="model",
        train="dataset",
        epochs=("number", [-1, 0.5, *LARGE]),
        keep_zeros="flag",
    ),
    function(
        export,
        "to_litert",
        {"model": MODEL, "path": "model.tflite"},
        model="model",
        path=("path", [None, "model.txt", "no_such_folder/model.tflite"]),
        quantize="choice",
        batch_size=("count?", LARGE),
        sparse="flag",
        short_scales=("only", [0, 1, "x", "", ()]),
        activation=("choice", [int]),
        signature="text",
        labels=("only", [None, "abc", [1], 0, {}, b"x"]),
        description="text",
        input_range=("only", RANGES),
        example=("arrays", [0]),
        calibration=("arrays", [X]),
    ),
    function(
        export,
        "to_onnx",
        {"model": MODEL, "path": "model.onnx"},
        model="model",
        path=("path", [None, "model.txt", "no_such_folder/model.onnx"]),
        batch_size=("count?", LARGE),
        activation="choice",
        labels=("only", [None, "abc", [1], 0, {}, b"x"]),
        description="text",
        input_range=("only", RANGES),
    ),
    function(
        export,
        "to_saved_model",
        {"model": MODEL, "path": "folder"},
        model="model",
        path=("path", [None, "no_such_folder/model"]),
        batch_size=("count?", LARGE),
        activation="choice",
        signature="text",
    ),
    function(
        export,
        "verify",
        {"model": MODEL, "litert_model": None, "x": X},
        model="model",
        litert_model="model",
    ),
    function(
        export,
        "benchmark",
        {"path": "no_such.tflite"},
        path=("path", [None, "no_such.tflite"]),
        threads=("count", LARGE),
        seconds=("number", [-1, 1e9]),
    ),
    function(
        export,
        "litert_benchmark",
        {"path": "no_such.tflite"},
        path=("path", [None]),
        threads=("count", LARGE),
        runs=("count", LARGE),
    ),
    function(
        export,
        "open_file",
        {"path": "no_such.tflite"},
        path=("path", [None, "no_such.onnx"]),
        threads=("count", LARGE),
    ),
    function(
        tuning,
        "tune",
        {"recipe": RECIPE, "trials": 2},
        recipe=("model", ["mlp"]),
        tuner=("choice", [None]),
        trials=("count", LARGE),
        time=("choice", ["0s", "-1s", "nan", "10", f"{'9' * 400}h"]),
        trial_time=("choice", ["0s", "1d"]),
        patience=("count?", [0, -1]),
        validation=("number?", [0, 1, -0.1, 1.5, 0.99999]),
        only=("only", ["dropout", None, 0, {}, ["no_such"], [1]]),
        combinations=("only", ["x", 0, {}, (), [], [1]]),
        seed=("number", [-1, 0.5, *LARGE]),
        out="path?",
        fast="flag",
        show="function",
    ),
    Subject("tuning.Search", tuning.Search, {"path": "x"}, {"path": ("path", [None])}),
]
IMAGES = np.random.default_rng(0).random((3, 6, 6, 1), "float32")
CLASSES, CHANCES = np.arange(3), np.eye(3, dtype="float32")
PICTURE, FIGURE = ("arrays", [IMAGES, IMAGES[0, :5]]), {"layers": "count", "maps": "count"}


def cnn():
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(x)))


CNN = cnn()
SEEN = {"model": CNN, "images": IMAGES}
SUBJECTS += [
    function(
        explain, "activations", {"model": CNN, "inputs": IMAGES}, model="model", inputs="arrays"
    ),
    function(
        explain,
        "feature_maps",
        {"model": CNN, "image": IMAGES[0]},
        model="model",
        image=PICTURE,
        layer=("only", [0, "no_such", b"x"]),
        **FIGURE,
    ),
    function(
        explain, "steps", {"model": CNN, "image": IMAGES[0]}, model="model", image=PICTURE, **FIGURE
    ),
    function(
        explain,
        "filters",
        {"model": CNN},
        model="model",
        layer=("only", ["no_such"]),
        count="count",
    ),
    function(
        explain,
        "top_patches",
        {**SEEN, "count": 2, "maps": 2},
        model="model",
        images=("arrays", [IMAGES[0]]),
        layer=("only", ["no_such"]),
        maps="count",
        count=("count", [4]),
        guided="flag",
    ),
    *[
        function(
            explain,
            name,
            SEEN,
            model="model",
            images=("arrays", [IMAGES[0]]),
            targets=("only", [0, [0, 1], [0, 1, 3], [0, 1, -1], ["a", "b", "c"], [0.5] * 3]),
            guided="flag",
        )
        for name in ("slopes", "saliency")
    ],
    function(
        explain,
        "maximize",
        {"model": CNN, "target": 1, "steps": 2},
        model="model",
        target=("number", [-1, 3, 0.5]),
        steps=EPOCHS,
        limits=("only", [None, 0, (0,), (1, 0), (0, NAN), ("a", "b")]),
        start=("only", ["x", 0, IMAGES]),
    ),
    function(
        explain,
        "perturbation",
        {"image": IMAGES[0], "changed": IMAGES[1]},
        image="arrays",
        changed="arrays",
        before="text",
        after="text",
    ),
    function(
        explain,
        "confusion",
        {"labels": CLASSES, "predictions": CHANCES},
        labels=("arrays", [CLASSES - 1, CLASSES + 0.5, CLASSES[:2]]),
        predictions=("arrays", [CLASSES - 1, CHANCES[:2]]),
        names=("only", [["one"], ["one", "two"]]),
    ),
    function(
        explain,
        "predictions",
        {"images": IMAGES, "labels": CLASSES, "probabilities": CHANCES},
        images="arrays",
        labels=("arrays", [CLASSES[:2]]),
        probabilities="arrays",
        count="count",
    ),
    function(
        explain,
        "boxes",
        {"images": IMAGES, "predicted": np.tile([0.1, 0.1, 0.5, 0.5], (3, 1))},
        images="arrays",
        predicted=("arrays", [CHANCES]),
        true=("only", ["x", 0, [["a"]]]),
    ),
    function(explain, "samples", {"images": IMAGES}, images="arrays", count="count"),
    function(
        explain,
        "reconstructions",
        {"inputs": IMAGES, "outputs": IMAGES},
        inputs="arrays",
        outputs=("arrays", [IMAGES[:2], IMAGES[0]]),
        count="count",
    ),
    function(explain, "interpolation", {"images": IMAGES}, images="arrays"),
    function(
        explain,
        "latent",
        {"codes": CHANCES},
        codes=("arrays", [CLASSES, CHANCES[:1]]),
        labels=("only", ["x", 0, [["a"]]]),
    ),
    function(explain, "attention", {"maps": CHANCES[None]}, maps=("arrays", [CHANCES])),
    function(
        explain, "curves", {"history": {"loss": [1.0]}}, history=("only", [None, 0, "x", [], {}])
    ),
    function(explain, "parameters", {"model": CNN}, model="model"),
    function(
        explain,
        "macs",
        {"model": CNN},
        model="model",
        input_shape=("only", [0, "x", (), (0, 6, 1), (None, 6, 1), ("a",), {}]),
    ),
    function(
        explain,
        "trade_off",
        {"rows": [{"method": "float", "zip_kB": 1.0, "accuracy": 0.9}]},
        rows=("only", [None, [], ()]),
        max_drop=("number", [-0.1, 1.1]),
    ),
]
SUBJECTS += [
    function(
        kerasdl,
        "set_seed",
        {"seed": 3},
        seed=("number", [-1, 2.5, *LARGE]),
        deterministic="flag",
    ),
    function(
        kerasdl,
        "load_model",
        {"path": "no_such.keras"},
        path=("path", [None, "no_such.keras"]),
        trust="flag",
        compile="flag",
    ),
    function(kerasdl, "create_model", {"name": "mlp_tiny"}, name="choice", dtype=("only", ["x"])),
    function(kerasdl, "list_models", {}, topic="choice"),
    function(recipes, "get", {"name": "mlp"}, name="choice"),
    function(recipes, "open", {"path": "no_such"}, path=("path", [None, "no_such"]), trust="flag"),
    function(
        RECIPE,
        "run",
        {"out": "run", "fast": True, "progress": False},
        out="path?",
        fast="flag",
        progress="flag",
        strategy=("choice", [None]),
        save_seconds=("number?", [-1]),
        deterministic="flag",
        on_nan="choice",
        pictures="flag",
    ),
]
WORKS = [s for s in SUBJECTS if s.made]


def wrong(kind):
    """Return the invalid values for an argument."""
    kind, further = kind if isinstance(kind, tuple) else (kind, [])
    known = WRONG[kind.rstrip("?")]
    return [v for v in known if not (kind.endswith("?") and v is None)] + list(further)


CASES = [(subject, argument) for subject in SUBJECTS for argument in subject.kinds]


@pytest.mark.parametrize(
    ("subject", "argument"), CASES, ids=[f"{subject.name}-{name}" for subject, name in CASES]
)
def test_wrong_argument_is_refused_in_one_line(subject, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    accepted = []
    for value in wrong(subject.kinds[argument]):
        try:
            subject.call(**{**subject.right, argument: value})
        except InvalidInput as error:
            check_message(error)
        else:
            accepted.append(value)
    assert not accepted
    assert not list(tmp_path.iterdir())


def test_there_are_more_than_a_thousand_cases():
    assert sum(len(wrong(subject.kinds[argument])) for subject, argument in CASES) > 1000


def as_numpy(value):
    """Return the same arguments with NumPy's numbers."""
    if isinstance(value, dict):
        return {name: as_numpy(part) for name, part in value.items()}
    kinds = {bool: np.bool_, int: np.int64, float: np.float64}
    return kinds[type(value)](value) if type(value) in kinds else value


@pytest.mark.parametrize("subject", WORKS, ids=[subject.name for subject in WORKS])
def test_right_arguments_work_as_numpy_numbers_too(subject):
    flags = {n: False for n, kind in subject.kinds.items() if kind == "flag"}
    right = {**flags, **subject.right}
    made, other = subject.call(**right), subject.call(**as_numpy(right))
    if hasattr(made, "get_config"):
        config = other.get_config()
        assert json.loads(json.dumps(config)) == json.loads(json.dumps(made.get_config()))
        assert type(made).from_config(config).get_config() == made.get_config()
