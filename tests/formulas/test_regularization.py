"""Regularization, compared with Keras and scikit-learn."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl.formulas import losses, regularization
from kerasdl.models.composite.ensemble import Ensemble

W = np.array([1.0, -2.0, 3.0])


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("formula", "name", "known"),
    [
        (regularization.l1_penalty, "L1", 0.06),
        (regularization.l2_penalty, "L2", 0.14),
        (regularization.elastic_net_penalty, "L1L2", 0.20),
    ],
)
def test_penalties_equal_keras(formula, name, known, same):
    theirs = getattr(keras.regularizers, name)(*[0.01] * (2 if name == "L1L2" else 1))
    same(formula, f"keras.regularizers.{name}", formula(W), theirs(tf.constant(W, "float32")))
    assert formula(W) == pytest.approx(known)


@pytest.fixture
def sparse(generator):
    """A regression with 20 features, of which 3 have a weight."""
    w = np.zeros(20)
    w[[2, 7, 11]] = [1.0, -2.0, 0.5]
    x = generator.normal(size=(200, 20))
    return x, x @ w + 0.1 * generator.normal(size=200)


def lasso(x, y, rate, steps=500):
    """Proximal gradient descent on ||x w - y||^2 / 2m with an L1 penalty."""
    w, learning_rate = np.zeros(x.shape[-1]), len(x) / np.linalg.norm(x, 2) ** 2
    for _ in range(steps):
        w = w - learning_rate * x.T @ (x @ w - y) / len(x)
        w = regularization.soft_threshold(w, learning_rate * rate)
    return w


def test_soft_thresholds_equal_scikit_learns_lasso_and_most_weights_are_zero(sparse, same):
    from sklearn.linear_model import Lasso

    x, y = sparse
    theirs = Lasso(alpha=0.05, fit_intercept=False, tol=1e-8).fit(x, y).coef_
    ours = lasso(x, y, 0.05)
    same(regularization.soft_threshold, "sklearn.linear_model.Lasso", ours, theirs, at_most=1e-5)
    assert np.mean(ours == 0) >= 0.5


@pytest.mark.rows("E-85")
def test_a_weight_leaves_zero_when_the_gradient_exceeds_the_l1_rate():
    w, rate, learning_rate = np.array([0.1]), 1.0, 0.1
    for pull, at_zero in ((0.5, True), (2.0, False)):  # gradients of the loss
        for _ in range(5):
            w = regularization.soft_threshold(w + learning_rate * pull, learning_rate * rate)
        assert (w[0] == 0) == at_zero


def test_ridge_equals_scikit_learn_and_shrinks_weights_without_zeros(sparse, same):
    from sklearn.linear_model import Ridge

    x, y = sparse
    for rate in (1e-4, 1e-2, 100.0):
        theirs = Ridge(rate, fit_intercept=False).fit(x, y).coef_
        ours = regularization.ridge(x, y, rate)
        same(regularization.ridge, "sklearn.linear_model.Ridge", ours, theirs)
    norms = [np.linalg.norm(regularization.ridge(x, y, rate)) for rate in (0, 1e-4, 1e-2, 100)]
    assert norms == sorted(norms, reverse=True)
    assert np.all(np.abs(regularization.ridge(x, y, 100.0)) > 1e-4)


def test_ridge_is_the_limit_of_gradient_descent_with_l2(sparse):
    x, y = sparse
    w = np.zeros(20)
    for _ in range(3000):
        w = w - 1e-3 * (2 * x.T @ (x @ w - y) + 2 * 1.0 * w)
    np.testing.assert_allclose(w, regularization.ridge(x, y, 1.0), atol=1e-3)


@pytest.mark.rows("E-49")
@pytest.mark.parametrize("rate", [0.5, 0.3])
def test_dropout_equals_keras_with_the_same_mask(rate, same):
    x = np.ones((100, 100), "float32")
    layer = keras.layers.Dropout(rate, seed=0)
    theirs = layer(x, training=True).numpy()
    ours = regularization.dropout(x, theirs != 0, rate)
    same(regularization.dropout, "keras.layers.Dropout", ours, theirs)
    assert np.unique(theirs) == pytest.approx([0, 1 / (1 - rate)])
    assert theirs.mean() == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(layer(x), x)  # at inference


def test_dropout_raises_the_variance_in_training(generator, same):
    x = generator.normal(1.0, 2.0, size=(400, 1000)).astype("float32")
    theirs = np.var(keras.layers.Dropout(0.5, seed=0)(x, training=True))
    ours = regularization.dropout_variance(x.mean(), x.var(), 0.5)
    name = "keras.layers.Dropout (drawn)"
    same(regularization.dropout_variance, name, ours, theirs, at_most=0.01)
    assert ours / x.var() > 2
    assert regularization.dropout_variance(x.mean(), x.var(), 0.0) == x.var()


def test_drop_connect_equals_keras_dropout_of_weights_and_is_unbiased(generator, same):
    x, w = generator.normal(size=(5, 3)), generator.normal(size=(3, 4)).astype("float32")
    masked = keras.layers.Dropout(0.3, seed=0)(w, training=True)
    dense = keras.layers.Dense(4, use_bias=False)
    dense.build((None, 3))
    dense.set_weights([masked])
    kept = masked.numpy() != 0
    ours = regularization.drop_connect(x, w, kept, 0.3)
    name = "keras.layers.Dense after keras.layers.Dropout"
    same(regularization.drop_connect, name, ours, dense(x.astype("float32")))
    draws = [
        regularization.drop_connect(x, w, generator.random(w.shape) > 0.3, 0.3)
        for _ in range(20_000)
    ]
    np.testing.assert_allclose(np.mean(draws, axis=0), x @ w, atol=0.1)


@pytest.mark.parametrize(
    ("values", "patience", "min_delta"),
    [
        ([1, 0.8, 0.9, 0.95, 0.99, 0.5], 3, 0.0),
        ([1, 0.9, 0.85, 0.84, 0.83], 2, 0.1),
        ([1, 0.5, 0.6, 0.4], 0, 0.0),
    ],
)
def test_early_stopping_equals_keras(values, patience, min_delta, same):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback = keras.callbacks.EarlyStopping(
        patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.set_weights([np.full((1, 1), float(epoch)), np.zeros(1)])
        callback.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            break
    callback.on_train_end()
    ours = regularization.early_stopping(values, patience, min_delta)
    theirs = epoch, model.get_weights()[0][0, 0]
    assert model.stop_training
    same(regularization.early_stopping, "keras.callbacks.EarlyStopping", ours, theirs)


def test_an_ensemble_equals_keras_average_and_is_no_worse_than_its_mean_member(generator, same):
    p, y = generator.dirichlet(np.ones(4), (3, 50)).astype("float32"), generator.integers(0, 4, 50)
    ours = regularization.ensemble(p)
    same(regularization.ensemble, "keras.layers.Average", ours, keras.layers.Average()(list(p)))
    mean = np.mean([losses.cross_entropy(y, member) for member in p])
    assert losses.cross_entropy(y, ours) <= mean


def test_an_ensemble_equals_the_packages_network(generator, same):
    members = [keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)]) for _ in range(3)]
    for member in members:
        member.set_weights([generator.normal(size=w.shape) for w in member.get_weights()])
    x = generator.normal(size=(6, 5)).astype("float32")
    theirs = np.exp(Ensemble(members)(x))
    ours = regularization.ensemble([keras.ops.softmax(member(x)) for member in members])
    same(regularization.ensemble, "kerasdl.models.composite.Ensemble", ours, theirs)
