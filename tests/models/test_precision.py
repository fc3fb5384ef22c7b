"""Networks and learners in mixed precision: layers, outputs, training and files."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import saving
from kerasdl.diagnosis import gradients
from kerasdl.errors import InvalidInput
from kerasdl.models.generative.autoencoder import Encoder
from tests.conformance import learners, models, training

SUBJECTS = {subject.name: subject for subject in (*models.SUBJECTS, *learners.SUBJECTS)}
QUICK = ("mlp_tiny", "autoencoder_tiny")
POLICIES = ("mixed_float16", "mixed_bfloat16")


def flat(outputs):
    return [np.asarray(output) for output in keras.tree.flatten(outputs)]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SUBJECTS]
)
def test_every_network_and_learner_is_trained_and_saved(name, policy, tmp_path):
    subject = SUBJECTS[name]
    model = training.compiled(subject, training.adam, {"dtype": policy})
    half = policy.removeprefix("mixed_")
    assert model.dtype_policy.name == policy
    assert half in {layer.compute_dtype for layer in model._flatten_layers()}
    assert half not in {variable.dtype for variable in model.variables}
    assert {output.dtype for output in model.outputs} == {"float32"}

    fitting = {"steps_per_epoch": 4, "epochs": 4, "verbose": 0, "shuffle": False}
    losses = model.fit(training.dataset(subject), **fitting).history[subject.falls[0]]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]

    model.save(tmp_path / "model.keras")
    again = saving.load_model(tmp_path / "model.keras")
    assert again.dtype_policy.name == policy
    for ours, theirs in zip(flat(model(subject.inputs)), flat(again(subject.inputs)), strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_array_equal(ours, theirs)


def test_float16_scales_the_loss_and_a_file_keeps_the_scale(tmp_path):
    model = kerasdl.create_model("mlp_tiny", dtype="mixed_float16", input_shape=(4,))
    model.compile()
    model.fit(np.ones((8, 4)), np.arange(8), verbose=0)
    model.save(tmp_path / "model.keras")
    for each in (model, saving.load_model(tmp_path / "model.keras")):
        assert isinstance(each.optimizer, keras.optimizers.LossScaleOptimizer)
        assert int(each.optimizer.inner_optimizer.iterations) == 1
        assert int(each.optimizer.step_counter) == 1


def test_outputs_keep_their_names_and_losses():
    model = kerasdl.create_model("localizer_tiny", dtype="mixed_bfloat16")
    assert model.output_names == kerasdl.create_model("localizer_tiny").output_names
    model.compile()
    targets = {"class": np.zeros(2, "int32"), "box": np.zeros((2, 4))}
    found = model.train_on_batch(np.zeros((2, 8, 8, 1)), targets, return_dict=True)
    assert set(found) == {"loss", "class_loss", "box_loss", "class_accuracy"}


def test_a_float32_file_stays_float32_under_another_global_policy(tmp_path):
    kerasdl.create_model("mlp_tiny").save(tmp_path / "model.keras")
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = saving.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_gradients_are_checked_in_float64():
    model = kerasdl.create_model("mlp_tiny", dtype="mixed_bfloat16")
    copied = gradients.in_float64(model)
    assert {layer.compute_dtype for layer in copied.layers} <= {"float64", "float32"}
    assert copied.get_layer("logits").compute_dtype == "float64"


def test_dtype_of_a_class_that_its_layers_do_not_have_is_refused():
    with pytest.raises(InvalidInput, match=r"`dtype` of Encoder. Expected float32, the policy"):
        Encoder(dtype="mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    assert Encoder(dtype="mixed_bfloat16").get_layer("code").compute_dtype == "bfloat16"
