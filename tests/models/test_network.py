"""`compile()` without arguments trains every family; its arguments override the defaults."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import registry
from kerasdl.errors import InvalidInput
from kerasdl.models.detection.detector import Detector
from kerasdl.models.sequence.bilstm_tagger import BiLSTMTagger
from kerasdl.models.sequence.forecaster import Forecaster
from kerasdl.utils import execution
from tests.conformance import learners, models

SUBJECTS = {subject.name: subject for subject in (*models.SUBJECTS, *learners.SUBJECTS)}
PARTS = {"encoder_tiny", "decoder_tiny", "dcgan_generator_tiny", "dcgan_discriminator_tiny"}


@pytest.mark.parametrize("name", sorted(SUBJECTS.keys() - PARTS))
def test_compile_without_arguments_is_enough_to_train(name):
    subject = SUBJECTS[name]
    model = subject.make()
    model.compile(run_eagerly=True)
    if name != "dcgan_tiny":
        assert isinstance(model.optimizer, (keras.optimizers.AdamW, keras.optimizers.Adam))
    losses = model.train_on_batch(subject.inputs, subject.targets, return_dict=True)
    assert np.isfinite(list(losses.values())).all()
    # boxes, forecasts and tags that depend on each other have no accuracy of each output
    several = isinstance(model, (Detector, BiLSTMTagger, Forecaster))
    if subject.kind == "network" and not several:
        names = {name.removeprefix("class_").removeprefix("next_") for name in losses}
        assert {"loss", "accuracy"} <= names


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_of_a_learner_names_the_learner(name):
    model = SUBJECTS[name].make()
    learner = registry.entries()[name].load().trained_by
    with pytest.raises(InvalidInput, match=f"an optimizer and a loss.*{learner}"):
        model.compile()
    model.compile("sgd", "mse")
    assert isinstance(model.optimizer, keras.optimizers.SGD)


def test_a_single_output_is_a_regression_and_a_backbone_has_no_loss():
    model = kerasdl.create_model("mlp_tiny", num_classes=1, input_shape=(4,))
    model.compile()
    x, y = np.ones((8, 4)), np.arange(8.0)
    assert set(model.train_on_batch(x, y, return_dict=True)) == {"loss", "mae"}
    with pytest.raises(InvalidInput, match="backbone"):
        kerasdl.create_model("mlp_tiny", num_classes=None).compile()


def test_a_file_restores_the_default_optimizer_and_loss(tmp_path):
    model = kerasdl.create_model("mlp_tiny", input_shape=(4,))
    model.compile()
    x, y = np.ones((8, 4)), np.arange(8)
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again.optimizer) is type(model.optimizer)
    assert int(again.optimizer.iterations) == 1
    expected = model.evaluate(x, y, return_dict=True, verbose=0)
    assert again.evaluate(x, y, return_dict=True, verbose=0) == pytest.approx(expected)


def test_other_arguments_keep_the_defaults_and_a_loss_replaces_them():
    model = kerasdl.create_model("mlp_tiny")
    model.compile(steps_per_execution=2, metrics=["mse"])
    assert model.steps_per_execution == 2
    assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)
    model.compile(loss="mse")
    assert model.loss == "mse"
    assert isinstance(model.optimizer, keras.optimizers.RMSprop)


def counted(model):
    """Count the traces of a model's training step."""
    traces, step = [], model.train_step
    model.train_step = lambda data: (traces.append(data), step(data))[1]
    return traces


@pytest.mark.parametrize("arguments", [(), ("adam", "mse")])
def test_the_training_step_is_traced_once(arguments):
    model = kerasdl.create_model("mlp_tiny", num_classes=1, input_shape=(4,))
    model.compile(*arguments)
    traces = counted(model)
    model.fit(np.ones((8, 4)), np.arange(8.0), batch_size=4, verbose=0)
    assert len(traces) == 1 and model.steps_per_execution == 1


def trained(**settings):
    keras.utils.set_random_seed(0)
    model = kerasdl.create_model("mlp_tiny", widths=(3,), input_shape=(4,))
    model.compile(**settings)
    x, y = np.random.default_rng(0).random((10, 4)), np.arange(10)
    history = model.fit(x, y, batch_size=2, epochs=4, verbose=0, validation_data=(x, y)).history
    return model, history


def test_a_long_training_runs_several_steps_at_once_with_the_same_numbers(monkeypatch):
    monkeypatch.setattr(execution, "WORTH", 20)  # steps, from which on a training is long
    (fast, history), (plain, expected) = trained(), trained(steps_per_execution=1)
    assert fast.steps_per_execution == 8 and plain.steps_per_execution == 1
    assert history == expected
    for ours, theirs in zip(fast.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)
    )
    fast.fit(np.ones((10, 4)), np.arange(10), batch_size=2, verbose=0, callbacks=[watch])
    assert seen == [0, 1, 2, 3, 4]
