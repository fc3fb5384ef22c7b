"""Metrics, compared with the package, Keras, TensorFlow, scikit-learn and NLTK."""

import pathlib

import keras
import numpy as np
import pytest
import scipy.linalg
import sklearn.metrics
import tensorflow as tf

from kerasdl import metrics
from kerasdl.formulas import losses
from kerasdl.formulas import metrics as formulas

TEXT = np.load(pathlib.Path(__file__).parents[1] / "reference" / "text_metrics.npz")
RANDOM = np.random.default_rng(0)
SAID = ["the cat is on the mat", "there is a dog in the garden today"]
REFERENCES = [
    ["there is a cat on the mat", "a cat is on the mat"],
    ["a dog is in the garden today", "there is a dog in a garden"],
]


def value(metric, *arguments):
    metric.update_state(*arguments)
    return np.asarray(metric.result())


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k(k, same):
    scores, labels = RANDOM.normal(size=(40, 6)).astype("float32"), RANDOM.integers(0, 6, 40)
    theirs = value(keras.metrics.SparseTopKCategoricalAccuracy(k), labels, scores)
    ours = formulas.top_k_accuracy(scores, labels, k)
    same(formulas.top_k_accuracy, "keras.metrics.SparseTopKCategoricalAccuracy", ours, theirs)


@pytest.mark.rows("E-04")
def test_f1_equals_scikit_learn_and_is_below_the_geometric_mean(same):
    y, said = RANDOM.integers(0, 2, (2, 50))
    precision = sklearn.metrics.precision_score(y, said)
    recall = sklearn.metrics.recall_score(y, said)
    theirs = sklearn.metrics.f1_score(y, said)
    ours = formulas.f1(precision, recall)
    same(formulas.f1, "sklearn.metrics.f1_score", np.asarray(ours), np.asarray(theirs))
    theirs = value(keras.metrics.F1Score(threshold=0.5), y[:, None], said[:, None])[0]
    same(formulas.f1, "keras.metrics.F1Score", np.asarray(ours), theirs)
    assert np.sqrt(precision * recall) > ours
    assert formulas.f1(0.0, 0.0) == 0


def test_root_mean_squared_error(same):
    y, said = RANDOM.normal(size=(2, 30))
    theirs = value(keras.metrics.RootMeanSquaredError(), y, said)
    ours = formulas.root_mean_squared_error(y, said)
    same(formulas.root_mean_squared_error, "keras.metrics.RootMeanSquaredError", ours, theirs)


def test_frechet_distance(same):
    real, other = RANDOM.normal(size=(50, 5)) @ RANDOM.normal(size=(5, 5)), RANDOM.random((60, 5))
    moments = [m for x in (real, other) for m in (x.mean(axis=0), np.cov(x.T))]
    ours = formulas.frechet_distance(*moments)
    root = scipy.linalg.sqrtm(moments[1] @ moments[3]).real
    theirs = np.sum((moments[0] - moments[2]) ** 2)
    theirs += np.trace(moments[1] + moments[3] - 2 * root)
    formula = formulas.frechet_distance
    same(formula, "scipy.linalg.sqrtm", ours, theirs)
    same(
        formula,
        "kerasdl.metrics.FrechetDistance",
        ours,
        value(metrics.FrechetDistance(5), real, other),
    )
    shifted = formula(np.zeros(3), np.eye(3), np.array([1.0, 1, 1]), np.eye(3))
    assert shifted == pytest.approx(3)


def test_kernel_distance(same):
    x, y = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(25, 4)) + 0.5
    k = sklearn.metrics.pairwise.polynomial_kernel
    among = [(k(a).sum() - np.trace(k(a))) / (len(a) * (len(a) - 1)) for a in (x, y)]
    ours = formulas.kernel_distance(x, y)
    theirs = sum(among) - 2 * k(x, y).mean()
    same(formulas.kernel_distance, "sklearn.metrics.pairwise.polynomial_kernel", ours, theirs)
    theirs = value(metrics.KernelDistance(), x, y)
    same(formulas.kernel_distance, "kerasdl.metrics.KernelDistance", ours, theirs)


def test_inception_score(same):
    p = RANDOM.dirichlet(np.ones(6), 30)
    divergences = scipy.stats.entropy(p, p.mean(axis=0, keepdims=True), axis=1)
    ours = formulas.inception_score(p)
    same(formulas.inception_score, "scipy.stats.entropy", ours, np.exp(divergences.mean()))
    theirs = value(metrics.InceptionScore(6), p)
    same(formulas.inception_score, "kerasdl.metrics.InceptionScore", ours, theirs)


def test_psnr_and_ssim(same):
    a = RANDOM.random((1, 11, 11, 1)).astype("float32")
    b = np.clip(a + 0.1 * RANDOM.normal(size=a.shape), 0, 1).astype("float32")
    ours = formulas.psnr(a, b)
    same(formulas.psnr, "tf.image.psnr", ours, tf.image.psnr(a, b, 1.0)[0])
    same(formulas.psnr, "kerasdl.metrics.PSNR", ours, value(metrics.PSNR(), a, b))
    # with a nearly flat window, as the formula has it
    flat = tf.image.ssim(a, b, 1.0, filter_size=11, filter_sigma=1e4)[0]
    same(formulas.ssim, "tf.image.ssim", formulas.ssim(a, b), flat, at_most=1e-5)


@pytest.mark.parametrize("peak", [1.0, 255.0])
def test_ssim_of_images_equals_tensorflow(peak):
    a, b = peak * RANDOM.random((2, 3, 20, 17, 3)).astype("float32")
    theirs = np.mean(tf.image.ssim(a, b, peak))
    assert value(metrics.SSIM(peak), a, b) == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(("order", "item"), [(4, "bleu4_nltk"), (2, "bleu2_nltk")])
def test_bleu(order, item, same):
    every = sorted({word for texts in (SAID, *REFERENCES) for t in texts for word in t.split()})
    words = {word: i for i, word in enumerate(every, 1)}

    def tokens(text):
        return [words[word] for word in text.split()]

    said = [tokens(text) for text in SAID]
    references = [[tokens(text) for text in several] for several in REFERENCES]
    ours = np.asarray(formulas.bleu(references, said, order))
    same(formulas.bleu, "nltk corpus_bleu (fixture)", ours, TEXT[item])
    padded = np.array([t + [0] * (9 - len(t)) for t in said])
    several = np.array([[t + [0] * (9 - len(t)) for t in s] for s in references])
    theirs = value(metrics.BLEU(order), several, padded)
    same(formulas.bleu, "kerasdl.metrics.BLEU", ours, theirs)


def test_bleu_is_1_for_a_reference_and_0_without_common_4_grams():
    references = [[text.split() for text in several] for several in REFERENCES]
    assert formulas.bleu(references, [several[1] for several in references]) == 1
    assert formulas.bleu(references, [["mat", "the"], ["a"]]) == 0


def test_perplexity(same):
    logits, target = TEXT["ppl_logits"], TEXT["ppl_target"]
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    ours = losses.perplexity(losses.cross_entropy(target, p))
    same(losses.perplexity, "torchmetrics perplexity (fixture)", ours, TEXT["perplexity"])
    theirs = value(metrics.Perplexity(), target, logits)
    same(losses.perplexity, "kerasdl.metrics.Perplexity", ours, theirs)


def test_area_under_roc(same):
    normal, odd = RANDOM.integers(0, 9, 40), RANDOM.integers(3, 12, 30)
    truth = np.repeat([0, 1], [40, 30])
    theirs = sklearn.metrics.roc_auc_score(truth, np.concatenate([normal, odd]))
    ours = formulas.area_under_roc(normal, odd)
    same(formulas.area_under_roc, "sklearn.metrics.roc_auc_score", ours, np.asarray(theirs))


def test_calibration_error(same):
    p, labels = RANDOM.dirichlet(np.ones(3), 200), RANDOM.integers(0, 3, 200)
    theirs = value(metrics.ExpectedCalibrationError(), labels, p)
    ours = formulas.calibration_error(p.max(axis=1), p.argmax(axis=1) == labels)
    formula = formulas.calibration_error
    same(formula, "kerasdl.metrics.ExpectedCalibrationError", ours, theirs)
