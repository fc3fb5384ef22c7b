"""`doctor(model, data)`: any Keras model, any form of data, and refusals in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasdl
from kerasdl import diagnosis
from kerasdl.diagnosis import flowchart, sources
from kerasdl.errors import InvalidInput

layers = keras.layers
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 4)).astype("float32")
Y = (X[:, 0] > 0).astype(int)
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(model, loss=SPARSE):
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def sequential():
    return keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(2)])


class Subclassed(keras.Model):
    """A model that is not built before its first call, and has no configuration."""

    def __init__(self, units):
        super().__init__()
        self.hidden, self.head = layers.Dense(units, "relu"), layers.Dense(2)

    def call(self, inputs):
        return self.head(self.hidden(inputs))


class Configured(Subclassed):
    def get_config(self):
        return {"units": self.hidden.units}


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = slice(50 * index, 50 * index + 50)
        return X[rows], Y[rows]


DATA = {
    "arrays": (X, Y),
    "lists": [X.tolist(), Y.tolist()],
    "float64": (X.astype("float64"), Y),
    "tf.data": tf.data.Dataset.from_tensor_slices((X, Y)).batch(50),
    "PyDataset": Pairs(),
    "dictionary": {"train": (X[:150], Y[:150]), "validation": (X[150:], Y[150:])},
}


@pytest.mark.parametrize("form", DATA)
def test_forms_of_data(form):
    case = sources.case_of(compiled(sequential()), DATA[form])
    assert sum(len(labels) for labels in case.labels) == (150 if form == "dictionary" else 200)
    assert case.inputs.dtype == "float32"
    assert (case.validation is None) == (form != "dictionary")


def test_arrays_are_shuffled_as_fit_does():
    order = np.argsort(Y)
    case = sources.case_of(compiled(sequential()), (X[order], Y[order]))
    assert flowchart.data_symptoms.unshuffled(case) is None
    x, y = (np.concatenate(part) for part in zip(*case.batches, strict=True))
    assert not np.array_equal(x, X[order]) and np.array_equal(y, (x[:, 0] > 0).astype(int))


@pytest.mark.parametrize("make", [lambda: Subclassed(8), lambda: Configured(8), sequential])
def test_models_without_history_are_examined(make):
    model = compiled(make())
    model.fit(X, Y, epochs=1, verbose=0)
    weights = model.get_weights()
    case = sources.case_of(model, (X, Y), (X[:60] + 0.01, Y[:60]))
    assert (case.fresh is None) == (type(model) is Subclassed)
    report = diagnosis.doctor(case)
    assert next(iter(report)) == next(iter(flowchart.QUESTIONS))
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_untrained_copy_has_new_weights_except_frozen_ones():
    model = compiled(sequential())
    model.layers[0].trainable = False
    before = keras.random.SeedGenerator(0).state.numpy()
    copy = sources.UntrainedCopy(model)()
    np.testing.assert_array_equal(keras.random.SeedGenerator(0).state.numpy(), before)
    same = [
        np.array_equal(a, b) for a, b in zip(copy.get_weights(), model.get_weights(), strict=True)
    ]
    assert same == [True, True, False, True]
    assert not copy.layers[0].trainable and float(copy.optimizer.learning_rate) == np.float32(0.01)


def test_questions_that_cannot_be_answered_are_called_that():
    report = diagnosis.doctor(compiled(Subclassed(8)), (X, Y))
    assert report.finding is None and set(report) == set(flowchart.QUESTIONS)
    assert "no validation data" in report.unanswered["Does it generalize?"]
    assert "fewer than 3 epochs" in report.unanswered["Is the learning rate right?"]
    assert str(report).count("not answered") == 4


def test_history_and_splits_are_taken():
    splits = kerasdl.data.load("iris", batch_size=16)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    compiled(model)
    history = model.fit(splits.train, epochs=1, verbose=0, shuffle=False)
    case = sources.case_of(model, splits, history=history)
    assert case.history == history.history and case.validation is not None


def refused(*given, match, **options):
    with pytest.raises(InvalidInput, match=match) as error:
        diagnosis.doctor(*given, **options)
    assert "\n" not in str(error.value)


def test_refusals():
    refused(sequential(), (X, Y), match=r"model.*compile\(optimizer, loss\)")
    refused(compiled(sequential()), match="argument `data`.*tf.data.Dataset")
    refused(compiled(sequential()), (X[:, :3], Y), match="training data.*batches that")
    refused(compiled(sequential()), (X, Y[:9]), match="of one length")
    refused(compiled(sequential()), (X, Y), validation=(X[:, :2], Y), match="validation data")
    refused(compiled(sequential()), (X, Y), history=[1], match="argument `history`")
    refused("model.keras", match="a keras.Model, with its data")
    case = sources.case_of(compiled(sequential()), (X, Y))
    refused(case, (X, Y), match="argument `data`.*none with a `Case`")
