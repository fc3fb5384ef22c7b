"""Problems of data are found from the data, without training; usual data have none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import diagnosis
from kerasdl.diagnosis import data_symptoms

layers = keras.layers
RANDOM = np.random.default_rng(0)
TABLE = RANDOM.normal(size=(300, 6)).astype("float32")
CLASSES = (TABLE[:, 0] * TABLE[:, 1] > 0).astype(int)
NUMBERS = (TABLE[:, 0] * TABLE[:, 1] + 0.1 * RANDOM.normal(size=300)).astype("float32")
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def case_of(x, y, vx=None, vy=None, *, model=None, loss=SPARSE, outputs=2):
    model = model or keras.Sequential([keras.Input(x.shape[1:]), layers.Dense(outputs)])
    model.compile("adam", loss)
    train = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    validation = None
    if vx is not None:
        validation = tf.data.Dataset.from_tensor_slices((vx, vy)).batch(32)
    return diagnosis.Case(model, train, validation, {})


def halves(x, y, **options):
    return case_of(x[:200], y[:200], x[200:], y[200:], **options)


def changed(column, values, where=slice(None)):
    x = TABLE.copy()
    x[where, column] = values
    return x


SYMPTOMS = [
    data_symptoms.not_finite_inputs,
    data_symptoms.unscaled,
    data_symptoms.differently_scaled,
    data_symptoms.contains_labels,
    data_symptoms.constant_features,
    data_symptoms.unshuffled,
    data_symptoms.leaked,
]


def names(case):
    return [finding.name for symptom in SYMPTOMS if (finding := symptom(case))]


def test_usual_tables_have_no_finding():
    assert names(halves(TABLE, CLASSES)) == []
    assert names(halves(TABLE, NUMBERS, loss="mse", outputs=1)) == []
    sparse = (TABLE > 1).astype("float32")  # as of rare categories, one of which never occurs
    sparse[:, 3] = 0
    assert names(case_of(sparse, CLASSES)) == []


def test_constant_column_is_found():
    (name,) = names(case_of(changed(2, 0.7), CLASSES))
    assert name == "constant features"
    finding = data_symptoms.constant_features(case_of(changed(2, 0.7), CLASSES))
    assert "column 2: 0.7" in finding.evidence and finding.certainty == "certain"
    only_in_training = (changed(2, 0.0, slice(0, 200)) > 1).astype("float32")
    assert names(halves(only_in_training, CLASSES)) == ["constant features"]


def test_label_among_the_columns_is_found():
    finding = data_symptoms.contains_labels(case_of(changed(4, CLASSES), CLASSES))
    assert finding.name == "inputs contain the labels" and "column 4" in finding.evidence
    scaled = case_of(changed(1, 3 * NUMBERS - 1), NUMBERS, loss="mse", outputs=1)
    assert names(scaled) == ["inputs contain the labels"]


def test_large_column_is_found_unless_the_model_scales_it():
    x = changed(4, 5e4 * TABLE[:, 4])
    finding = data_symptoms.unscaled(case_of(x, CLASSES))
    assert finding.name == "inputs not scaled" and "column 4" in finding.evidence
    normalization = layers.Normalization()
    normalization.adapt(x)
    scales = keras.Sequential([keras.Input((6,)), normalization, layers.Dense(2)])
    assert names(case_of(x, CLASSES, model=scales)) == []


@pytest.mark.parametrize(
    "second", [layers.BatchNormalization(), layers.ReLU()], ids=["normalized", "not"]
)
def test_bytes_are_no_problem_for_a_normalized_first_layer(second):
    x = RANDOM.integers(0, 256, (64, 8, 8, 1)).astype("float32")
    hidden = [layers.Conv2D(4, 3), second, layers.Flatten(), layers.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *hidden])
    finding = data_symptoms.unscaled(case_of(x, np.arange(64) % 2, model=model))
    assert (finding is None) == isinstance(second, layers.BatchNormalization)
    model.layers[0].trainable = False  # its weights belong to the scale of its inputs
    assert data_symptoms.unscaled(case_of(x, np.arange(64) % 2, model=model)) is None


def test_validation_inputs_of_another_scale_are_found():
    case = case_of(TABLE[:200], CLASSES[:200], 255 * TABLE[200:], CLASSES[200:])
    finding = data_symptoms.differently_scaled(case)
    assert finding.name == "validation inputs scaled differently"


def test_leak_is_found_beyond_the_examined_sample():
    x = RANDOM.normal(size=(3000, 4)).astype("float32")
    y = RANDOM.integers(0, 2, 3000)
    held_out = np.r_[x[2900:], RANDOM.normal(size=(100, 4)).astype("float32")]
    finding = data_symptoms.leaked(case_of(x, y, held_out, y[:200]))
    assert finding.evidence.startswith("50% of the validation examples")


def biased(weight):
    """A model that predicts class 0, unless the first column is above `weight`."""
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2)])
    kernel = np.zeros((6, 2), "float32")
    kernel[0, 1] = 1
    model.set_weights([kernel, np.array([weight, 0], "float32")])
    return model


def test_imbalance_counts_only_if_the_model_ignores_rare_classes():
    labels = (TABLE[:, 0] > 1).astype(int)
    assert np.mean(labels) < 0.2
    finding = data_symptoms.imbalanced(halves(TABLE, labels, model=biased(10)))
    assert finding.name == "imbalanced classes" and "finds 0%" in finding.evidence
    assert data_symptoms.imbalanced(halves(TABLE, labels, model=biased(1))) is None
    only = data_symptoms.imbalanced(halves(TABLE, 0 * labels, model=biased(1)))
    assert only.name == "only one class"


def test_order_of_imbalanced_classes_is_judged_by_what_random_batches_contain():
    labels = (np.arange(300) % 25 == 0).astype(int)
    assert data_symptoms.unshuffled(case_of(TABLE, labels)) is None
    finding = data_symptoms.unshuffled(case_of(TABLE, np.sort(CLASSES)))
    assert finding.name == "data not shuffled" and finding.certainty == "certain"
