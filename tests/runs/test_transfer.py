"""Training that starts from other weights, frozen layers, and a head that is trained first."""

import functools
import json

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import recipes
from kerasdl.errors import InvalidInput
from kerasdl.runs import prepare
from kerasdl.training import trainer

pytestmark = pytest.mark.xdist_group("transfer")
X = np.random.default_rng(0).random((120, 8, 8, 1)).astype("float32")
# digits and data of three classes have images of the same size
RECIPE = recipes.get("simple_cnn").replace(
    model_options={"widths": (4, 8), "units": 8}, epochs=3, learning_rate=1e-2, warmup=0
)
OTHER = RECIPE.replace(data=(X, np.arange(120) % 3))
OPTIONS = {"progress": False, "pictures": False}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    recipe = RECIPE.replace(epochs=1)
    return recipe.run(tmp_path_factory.mktemp("first") / "run", **OPTIONS)


def weights_of(model):
    """Return the weights of each layer; Keras numbers those that the network does not name."""
    found = {}
    for layer in model.layers:
        if layer.weights:
            unnamed = isinstance(layer, keras.layers.BatchNormalization)
            found[f"normalization{len(found)}" if unnamed else layer.name] = layer.get_weights()
    return found


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", ["run", "file"])
def test_training_starts_from_the_weights_of_a_run_or_file(kind, first):
    start = first.path if kind == "run" else first.path / "model.keras"
    same = RECIPE.replace(start=str(start))
    model = prepare.compiled_model(same, first.task, 10)
    assert equal(model.get_weights(), first.model.get_weights())
    run_of_others = prepare.task_for(OTHER, kerasdl.data.load(OTHER.data).info)
    model = prepare.compiled_model(OTHER.replace(start=start), run_of_others, 10)
    ours, theirs = weights_of(model), weights_of(first.model)
    assert ours["logits"][0].shape == (8, 3)
    assert all(equal(ours[name], theirs[name]) for name in ours if name != "logits")


def test_head_is_new_for_other_classes_of_the_same_number(first):
    names = [f"{digit}!" for digit in range(10)]
    letters = recipes.get("simple_cnn").replace(data=(X, np.array(names * 12)))
    task = prepare.task_for(letters, kerasdl.data.load(letters.data).info)
    options = {"model_options": RECIPE.model_options}
    model = prepare.compiled_model(letters.replace(start=str(first.path), **options), task, 10)
    ours, theirs = weights_of(model), weights_of(first.model)
    assert equal(ours["conv1"], theirs["conv1"]) and not equal(ours["logits"], theirs["logits"])
    from_file = letters.replace(start=str(first.path / "model.keras"), **options)
    model = prepare.compiled_model(from_file, task, 10)  # a file does not name its classes
    assert equal(weights_of(model)["logits"], theirs["logits"])


def test_start_that_does_not_match_is_refused_in_one_line(first, tmp_path):
    wide = RECIPE.replace(start=str(first.path), model_options={"widths": (4, 16), "units": 8})
    message = r"those of simple_cnn, apart from the last layer. Received: .* for \(3, 3, 4, 16\)"
    for recipe, expected in (
        (wide, message),
        (RECIPE.replace(start=str(first.path), model="mlp"), "weights in place of|of shape"),
        (RECIPE.replace(start=str(tmp_path)), "the folder of a finished run, or a .keras file"),
        (RECIPE.replace(start=str(first.path / "config.json")), "config.json"),
    ):
        with pytest.raises(InvalidInput, match=expected) as refused:
            recipe.run(tmp_path / "run", **OPTIONS)
        assert "\n" not in str(refused.value) and not (tmp_path / "run").exists()


def test_training_starts_from_weights_for_images_of_another_size(tmp_path):
    small = RECIPE.replace(model="vit_tiny", image_size=16)
    start = small.run(tmp_path / "small", fast=True, **OPTIONS)
    large = small.replace(image_size=32, start=str(start.path))
    task = prepare.task_for(large, kerasdl.data.load("digits", image_size=32).info)
    model = prepare.compiled_model(large, task, 10)
    expected = start.model.resized((32, 32, 1)).get_weights()
    assert equal(model.get_weights(), expected)
    assert model.count_params() > start.model.count_params()  # there are more positions
    # a dense layer that sees each pixel fits one size only
    fixed = RECIPE.replace(epochs=1, image_size=16).run(tmp_path / "fixed", fast=True, **OPTIONS)
    other = RECIPE.replace(start=str(fixed.path), image_size=32)
    with pytest.raises(InvalidInput, match=r"\(16, 16, 1\), the only size of its `features`"):
        other.run(tmp_path / "none", **OPTIONS)
    assert not (tmp_path / "none").exists()


class StopAfter(keras.callbacks.Callback):
    """Interrupt a training after some of its steps."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def frozen(first, tmp_path_factory):
    """A function that returns the run with some frozen layers, which is trained once."""

    @functools.cache
    def run(freeze):
        recipe = RECIPE.replace(start=str(first.path), freeze=freeze)
        return recipe.run(tmp_path_factory.mktemp("frozen") / "run", **OPTIONS)

    return run


@pytest.mark.parametrize("freeze", ["backbone", "conv2"])
def test_frozen_layers_stay_frozen_over_save_and_load(freeze, first, frozen):
    run = frozen(freeze)
    for model in (run.model, recipes.open(run.path).model):
        ours, theirs = weights_of(model), weights_of(first.model)
        kept = {name for name in ours if equal(ours[name], theirs[name])}
        assert {"conv1", "conv2"} <= kept and "logits" not in kept
        assert ("features" in kept) == (freeze == "backbone")
        trained = [variable.path.split("/")[-2] for variable in model.trainable_variables]
        assert "conv1" not in trained and "logits" in trained
        count = len(model.trainable_variables)
        assert len(model.optimizer._trainable_variables) == count


def check_resumes(run, out, steps):
    """Interrupt a training like that of `run`; continued, it has the same weights to the bit."""
    with pytest.raises(trainer.Interrupted):
        run.recipe.run(out, save_seconds=0, callbacks=[StopAfter(steps)], **OPTIONS)
    resumed = run.recipe.run(out, **OPTIONS)
    assert resumed.history == run.history
    assert equal(resumed.model.get_weights(), run.model.get_weights())


@pytest.mark.parametrize("freeze", ["backbone", pytest.param("conv2", marks=pytest.mark.slow)])
def test_training_with_frozen_layers_resumes(freeze, frozen, tmp_path):
    check_resumes(frozen(freeze), tmp_path / "stopped", 3)


class Recorded(keras.callbacks.Callback):
    """The weights of some layers and the learning rate after each epoch."""

    def __init__(self):
        super().__init__()
        self.weights, self.rates = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(weights_of(self.model))
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_train_begin(self, logs=None):
        self.first = float(self.model.optimizer.learning_rate)


@pytest.fixture(scope="module")
def head_first(first, tmp_path_factory):
    """A function that trains the head first, once for each precision; it returns the record too."""

    @functools.cache
    def run(policy):
        changes = {"head_epochs": 2, "epochs": 4, "dtype_policy": policy}
        recipe, recorded = RECIPE.replace(start=str(first.path), **changes), Recorded()
        out = tmp_path_factory.mktemp("head") / "run"
        return recipe.run(out, callbacks=[recorded], **OPTIONS), recorded

    return run


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_head_is_trained_first_and_then_all_layers_more_slowly(policy, first, head_first):
    (run, recorded), before = head_first(policy), weights_of(first.model)
    for epoch, weights in enumerate(recorded.weights):
        changed = {name for name in weights if not equal(weights[name], before[name])}
        assert changed == ({"logits"} if epoch < 2 else set(weights)), epoch
    assert recorded.first == pytest.approx(1e-2)
    assert 0 < recorded.rates[2] < 1e-3 < recorded.rates[0] < 1e-2
    assert len(run.model.trainable_variables) == len(first.model.trainable_variables)


FIRST, SECOND = 1, 5  # calls of 8 steps: in the first part and, after two epochs, in the second


@pytest.mark.parametrize(
    ("policy", "stop"),
    [
        ("float32", FIRST),
        ("float32", SECOND),
        pytest.param("mixed_float16", FIRST, marks=pytest.mark.slow),
        ("mixed_float16", SECOND),
    ],
)
def test_training_of_the_head_and_then_of_all_layers_resumes(policy, stop, head_first, tmp_path):
    check_resumes(head_first(policy)[0], tmp_path / "stopped", stop)


def test_patience_counts_from_the_epoch_that_trains_all_layers(tmp_path):
    recipe = RECIPE.replace(head_epochs=3, epochs=5, patience=1, learning_rate=1e-9)
    run = recipe.run(tmp_path / "run", **OPTIONS)
    assert len(run.history["loss"]) >= 4 and run.metrics["best_epoch"] >= 4


def test_freezing_needs_a_head_and_weights_that_are_left(first, tmp_path):
    generation = recipes.get("dcgan")
    for recipe, message in (
        (RECIPE.replace(freeze="conv9"), "layer to freeze. Expected one of .*conv1"),
        (RECIPE.replace(freeze="logits"), "a layer after which some weights are left"),
        (RECIPE.replace(head_epochs=3), "fewer than the 3 epochs"),
        (generation.replace(freeze="backbone"), "a classification or a regression"),
    ):
        with pytest.raises(InvalidInput, match=message):
            recipe.run(tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run").exists()


def test_config_keeps_the_start_and_a_run_opens_without_it(first, tmp_path):
    copy = tmp_path / "start.keras"
    copy.write_bytes((first.path / "model.keras").read_bytes())
    recipe = RECIPE.replace(start=copy, freeze="backbone")
    run = recipe.run(tmp_path / "run", fast=True, **OPTIONS)
    copy.unlink()
    assert json.loads((run.path / "config.json").read_text())["recipe"]["start"] == str(copy)
    assert recipes.open(run.path).evaluate() == run.metrics["test"]
