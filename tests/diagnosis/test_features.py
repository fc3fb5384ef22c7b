"""Features of the last layer of any model, and the simple models that judge them."""

import keras
import numpy as np
import pytest
import sklearn.linear_model
import sklearn.preprocessing

from kerasdl.diagnosis import features

layers = keras.layers
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 5))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = layers.Dense(7, "relu"), layers.Dense(2)

    def call(self, inputs):
        return self.head(self.hidden(inputs))


def functional():
    inputs = keras.Input((5,))
    return keras.Model(inputs, layers.Dense(2)(layers.Dense(7, "relu")(inputs)))


@pytest.mark.parametrize("make", [functional, Subclassed])
def test_features_are_the_inputs_of_the_last_layer(make):
    model = make()
    x = X.astype("float32")
    outputs = np.asarray(model(x))
    found = features.penultimate(model, [(x[:30],), (x[30:],)])
    kernel, bias = model.layers[-1].get_weights()
    assert found.shape == (40, 7)
    np.testing.assert_allclose(found @ kernel + bias, outputs, atol=1e-5)


def test_positions_are_averaged():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1)(inputs)))
    x = RANDOM.random((6, 4, 4, 3)).astype("float32")
    np.testing.assert_allclose(features.penultimate(model, [(x,)]), x.mean((1, 2)), rtol=1e-5)


def test_linear_model_equals_ridge_regression():
    y, others = RANDOM.normal(size=(40, 2)), RANDOM.normal(size=(9, 5))
    scaler = sklearn.preprocessing.StandardScaler().fit(X)
    ridge = sklearn.linear_model.Ridge(alpha=features.PENALTY * 5).fit(scaler.transform(X), y)
    expected = ridge.predict(scaler.transform(others))
    np.testing.assert_allclose(features.linear(X, y, others), expected, atol=1e-8)
    constant = np.c_[X, np.ones(40)]  # a constant column changes nothing but the width
    assert np.isfinite(features.linear(constant, y, np.c_[others, np.ones(9)])).all()


def test_nearest_neighbor():
    found = features.nearest(X, np.arange(40.0)[:, None], X[::-1] + 1e-3)
    np.testing.assert_array_equal(found[:, 0], np.arange(40)[::-1])


def test_predictability_of_related_and_unrelated_labels():
    x = RANDOM.normal(size=(300, 5))
    assert features.predictability(x, (x[:, 0] > 0).astype(int)) > 0.9
    assert features.predictability(x, RANDOM.integers(0, 2, 300)) < 0.6
    rare = (x[:, 0] > 1.3).astype(int)  # about a tenth
    assert features.predictability(x, rare) > 0.7  # 0.5 if the frequent class were preferred


def test_explained_variance():
    y = np.array([[0.0], [1.0], [2.0]])
    assert features.explained(y, y) == 1
    assert features.explained(y, np.full((3, 1), 1.0)) == 0
