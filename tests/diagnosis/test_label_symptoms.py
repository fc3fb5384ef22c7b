"""Labels are accused only if nothing predicts them, above all not the model's own features."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import label_symptoms

layers = keras.layers
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def stripes(seed, count, size=12):
    """Images of stripes of random brightness and color; the class is their direction."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, count)
    lines = random.normal(size=(count, size))
    x = np.where(y[:, None, None], lines[:, None, :], lines[:, :, None])
    x = 0.25 * x[..., None] * random.uniform(-1, 1, (count, 1, 1, 3)) + 0.5
    return (x + 0.02 * random.normal(size=x.shape)).astype("float32"), y


def edges():
    """A network whose fixed features measure stripes in two directions."""
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 2, use_bias=False, name="edges")(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Lambda(keras.ops.square)(x))
    x = layers.Dense(16, "relu")(x)
    model = keras.Model(inputs, layers.Dense(2)(x))
    kernel = np.zeros((2, 2, 3, 6), "float32")
    for color in range(3):
        kernel[0, :, color, color] = kernel[:, 0, color, 3 + color] = 1, -1
    model.get_layer("edges").set_weights([kernel])
    return model


def case_of(model, x, y, vx, vy, losses):
    model.compile(keras.optimizers.Adam(0.03), SPARSE)
    train = tf.data.Dataset.from_tensor_slices((x, y)).batch(50)
    validation = tf.data.Dataset.from_tensor_slices((vx, vy)).batch(50)
    return diagnosis.Case(model, train, validation, losses)


FAILED = {"loss": [0.7, 0.4, 0.2], "val_loss": [0.8, 0.9, 1.0], "val_accuracy": [0.5, 0.5, 0.5]}


def test_features_of_the_network_clear_labels_without_other_evidence(monkeypatch):
    keras.utils.set_random_seed(0)
    x, y = stripes(0, 600)
    model = edges()
    model.compile(keras.optimizers.Adam(0.03), SPARSE)
    monkeypatch.setattr(label_symptoms, "_descriptions", lambda case: [])
    right = case_of(model, x[:400], y[:400], x[400:], y[400:], FAILED)
    monkeypatch.setattr(label_symptoms, "_has_tried", lambda *_: True)
    assert label_symptoms._fails_on_validation(right, 0.5)  # as its history says
    assert label_symptoms.unrelated_labels(right) is None
    shuffled = np.random.default_rng(0).permutation(y)
    wrong = case_of(model, x[:400], shuffled[:400], x[400:], shuffled[400:], FAILED)
    finding = label_symptoms.unrelated_labels(wrong)
    assert finding.name == "labels unrelated to inputs" and finding.certainty == "likely"
    assert "the network's features" in finding.evidence and "accuracy 50%" in finding.evidence


def test_few_examples_and_a_model_that_has_not_learned_are_no_evidence():
    x, y = stripes(0, 300)
    shuffled = np.random.default_rng(0).permutation(y)
    few = case_of(edges(), x[:80], shuffled[:80], x[200:], shuffled[200:], FAILED)
    assert label_symptoms.unrelated_labels(few) is None
    untrained = case_of(edges(), x[:200], shuffled[:200], x[200:], shuffled[200:], FAILED)
    assert label_symptoms.unrelated_labels(untrained) is None
    finding = label_symptoms.no_better_than_guessing(untrained)
    assert finding.name == "no better than guessing" and finding.certainty == "certain"


@pytest.mark.parametrize("related", [True, False])
def test_targets_of_a_regression(related):
    random = np.random.default_rng(0)
    x = random.normal(size=(700, 4)).astype("float32")
    y = (np.sin(3 * x[:, :1]) if related else random.normal(size=(700, 1))).astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    parts = [
        tf.data.Dataset.from_tensor_slices((x[r], y[r])).batch(50)
        for r in np.split(np.arange(700), [550])
    ]
    case = diagnosis.Case(model, *parts, {"loss": [1.5, 1.2, 1.1], "val_loss": [1.5, 1.6, 1.7]})
    finding = label_symptoms.unrelated_labels(case)
    assert (finding is None) == related


def augmented(strength, **options):
    x, y = np.repeat(np.eye(4, dtype="float32"), 60, axis=0), np.repeat(np.arange(4), 60)
    order = np.random.default_rng(0).permutation(240)
    x, y = x[order] + 0.1 * np.random.default_rng(1).normal(size=(240, 4)), y[order]
    x = x.astype("float32")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    model.compile("adam", SPARSE)
    train = tf.data.Dataset.from_tensor_slices((x, y))
    noisy = (
        train.shuffle(240).map(lambda x, y: (x + strength * tf.random.normal((4,)), y)).batch(40)
    )
    history = {"loss": [1.4, 1.38, 1.37], "val_loss": [1.4, 1.4, 1.4]}
    return diagnosis.Case(model, noisy, train.batch(40), history)


def test_augmentation_that_hides_labels_is_found():
    finding = label_symptoms.hidden_by_augmentation(augmented(20.0))
    assert finding.name == "augmentation hides the labels" and "100%" in finding.evidence
    assert label_symptoms.hidden_by_augmentation(augmented(0.1)) is None


def test_augmentation_inside_the_model_is_examined_too():
    x, y = stripes(0, 200)
    x[y == 1] += np.linspace(0, 1, 12, dtype="float32")[:, None, None]  # brighter below
    hidden = [layers.RandomRotation(0.5, seed=0), layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((12, 12, 3)), *hidden])
    case = case_of(model, x, y, x, y, {"loss": [0.7, 0.7, 0.69]})
    (changed, labels), (plain, _) = label_symptoms._augmented_by_layers(case)
    assert changed.shape == plain.shape == x.shape and len(labels) == 200
    np.testing.assert_array_equal(plain, x)
    assert np.abs(changed - plain).mean() > 0.05
