"""Metrics give the same result for any batch size, and can be serialized."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasdl import metrics
from kerasdl.errors import InvalidInput

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((12, 16, 16, 3)).astype("float32")
NOISY = np.clip(IMAGES + 0.1 * RANDOM.normal(size=IMAGES.shape), 0, 1).astype("float32")
CODES, OTHERS = RANDOM.normal(size=(2, 12, 4)).astype("float32")
CHANCES = RANDOM.dirichlet(np.ones(5), 12).astype("float32")
LABELS = RANDOM.integers(0, 5, 12)
TOKENS, SAID = RANDOM.integers(1, 4, (2, 12, 9))

CASES = {
    "BLEU": ({"order": 3}, TOKENS, SAID),
    "ExpectedCalibrationError": ({"bins": 7}, LABELS, CHANCES),
    "FrechetDistance": ({"width": 4}, CODES, OTHERS),
    "InceptionScore": ({"num_classes": 5}, LABELS, CHANCES),
    "ModesCovered": ({"centers": CODES[:3], "radius": 1.0, "quality": True}, OTHERS, CODES),
    "PSNR": ({"peak": 2.0}, IMAGES, NOISY),
    "Perplexity": ({"from_logits": False, "padding": 0}, LABELS, CHANCES),
    "SSIM": ({"peak": 2.0}, IMAGES, NOISY),
}
# the mean over batches is an unbiased estimate, but depends on the batches
BATCHWISE = {"KernelDistance": ({}, CODES, OTHERS)}


def test_all_metrics_are_tested():
    # these have a file of their own
    detection = {"MeanAveragePrecision", "MeanAverageRecall"}
    assert {*CASES, *BATCHWISE, *detection} == set(metrics.__all__)


def streamed(metric, y, predicted, size):
    metric.reset_state()
    for first in range(0, len(y), size):
        metric.update_state(y[first : first + size], predicted[first : first + size])
    return float(metric.result())


@pytest.mark.rows("GAN-42", "MET-01", "MET-04", "MET-05")
@pytest.mark.parametrize("name", CASES)
def test_result_does_not_depend_on_the_batch_size(name):
    options, y, predicted = CASES[name]
    metric = getattr(metrics, name)(**options)
    at_once = streamed(metric, y, predicted, 12)
    assert np.isfinite(at_once) and at_once != 0
    assert streamed(metric, y, predicted, 5) == pytest.approx(at_once, rel=1e-5)


@pytest.mark.parametrize("name", [*CASES, *BATCHWISE])
def test_serialized_metric_is_restored(name):
    options, y, predicted = {**CASES, **BATCHWISE}[name]
    metric = getattr(metrics, name)(**options)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert streamed(again, y, predicted, 12) == streamed(metric, y, predicted, 12)


def test_metrics_work_in_fit_and_with_features_of_a_network():
    features = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.GlobalMaxPooling2D()])
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 3, padding="same")])
    compared = [metrics.FrechetDistance(3, features), metrics.PSNR(), metrics.SSIM()]
    model.compile(loss="mse", metrics=compared)
    numbers = model.fit(NOISY, IMAGES, batch_size=5, verbose=0).history
    assert set(numbers) == {"loss", "frechet_distance", "psnr", "ssim"}
    assert np.isfinite([value for (value,) in numbers.values()]).all()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(compared[0]))
    assert again.features.output_shape == (None, 3)


NAMES = {
    "BLEU": "bleu",
    "ExpectedCalibrationError": "calibration_error",
    "FrechetDistance": "frechet_distance",
    "InceptionScore": "inception_score",
    "KernelDistance": "kernel_distance",
    "ModesCovered": "modes_covered",
    "PSNR": "psnr",
    "Perplexity": "perplexity",
    "SSIM": "ssim",
}


@pytest.mark.parametrize("name", NAMES)
def test_metric_has_the_given_name_and_dtype(name):
    options, y, predicted = {**CASES, **BATCHWISE}[name]
    metric = getattr(metrics, name)(**options)
    assert metric.name == NAMES[name] and metric.result().dtype == "float32"
    other = getattr(metrics, name)(**options, name="other", dtype="float16")
    assert other.name == "other" and other.result().dtype == "float16"
    assert streamed(other, y, predicted, 12) == pytest.approx(
        streamed(metric, y, predicted, 12), rel=1e-2
    )


@pytest.mark.parametrize("name", sorted({*NAMES} - {"PSNR", "SSIM"}))
def test_sums_have_names_and_double_precision(name):
    """In single precision 16,777,216 + 1 is 16,777,216, and a corpus may have more tokens."""
    metric = getattr(metrics, name)(**{**CASES, **BATCHWISE}[name][0])
    assert {variable.dtype for variable in metric.variables} == {"float64"}
    names = [variable.name for variable in metric.variables]
    assert len({*names}) == len(names) and not any("variable" in name for name in names)


DEFAULTS = {
    "BLEU": {"order": 4, "padding": 0},
    "ExpectedCalibrationError": {"bins": 15, "from_logits": False},
    "FrechetDistance": {"width": 4, "features": None},
    "InceptionScore": {"num_classes": 5, "from_logits": False},
    "KernelDistance": {"features": None},
    "ModesCovered": {"radius": 0.25, "fraction": 0.01, "quality": False},
    "PSNR": {"peak": 1.0},
    "Perplexity": {"from_logits": True, "padding": None},
    "SSIM": {"peak": 1.0},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_arguments_have_the_published_defaults(name):
    needed = {
        "FrechetDistance": {"width": 4},
        "InceptionScore": {"num_classes": 5},
        "ModesCovered": {"centers": CODES, "radius": 0.25},
    }
    config = getattr(metrics, name)(**needed.get(name, {})).get_config()
    assert {key: config[key] for key in DEFAULTS[name]} == DEFAULTS[name]
    assert set(config) - {"name", "dtype", "centers"} == set(DEFAULTS[name])


def bleu(references, predicted, **options):
    metric = metrics.BLEU(**options)
    metric.update_state([references], [predicted])
    return float(metric.result())


def test_padding_does_not_count_in_bleu():
    assert bleu([1, 2, 3, 0, 0], [1, 2, 3, 0, 0], order=2) == 1
    # 0 does not match the padding of the reference
    assert bleu([1, 2, 3, 0], [1, 2, 3, 4], order=1) == 0.75
    assert bleu([1, 2, 3, 0], [1, 2, 3, 0], order=4, padding=-1) == 1


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_shorter_of_two_equally_near_references_counts(order):
    """Lengths 3 and 5 are equally near to 4, and only a longer reference lowers the score."""
    references = np.array([[1, 2, 3, 0, 0], [1, 2, 3, 4, 5]])[order]
    assert bleu(references, [1, 2, 3, 4, 0], order=1) == 1
    assert bleu([[1, 2, 3, 4, 5]], [1, 2, 3, 4, 0], order=1) == pytest.approx(np.exp(-1 / 4))


def test_nearest_reference_counts_not_the_shortest():
    references = [[1, 2, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6]]
    expected = np.exp(1 - 6 / 5)
    assert bleu(references, [1, 2, 3, 4, 5, 0], order=1) == pytest.approx(expected)


def test_repeated_word_counts_at_most_as_often_as_in_a_reference():
    assert bleu([1, 1, 2, 3], [1, 1, 1, 1], order=1) == 0.5
    assert bleu([[1, 1, 2, 3], [1, 1, 1, 2]], [1, 1, 1, 1], order=1) == 0.75


def test_prediction_shorter_than_the_longest_n_gram_scores_zero():
    assert bleu([1, 2, 3], [1, 2, 3]) == 0
    assert bleu([1, 2, 3], [1, 2, 3], order=3) == 1
    assert metrics.BLEU().result() == 0


def test_confidence_at_an_edge_belongs_to_the_lower_bin():
    # correct at 50 % and wrong at 90 %: in one bin the differences would cancel
    assert calibration([0, 1], [[0.5, 0.5], [0.9, 0.1]], bins=2) == pytest.approx(0.7)
    assert calibration([0, 1], [[0.6, 0.4], [0.9, 0.1]], bins=2) == pytest.approx(0.25)
    assert metrics.ExpectedCalibrationError().result() == 0


def test_perplexity_weights_tokens_by_sample_weight():
    p = np.array([[[0.5, 0.5], [0.25, 0.75]], [[0.125, 0.875], [0.5, 0.5]]], "float32")
    labels = np.zeros((2, 2), "int32")  # the probabilities are 1/2, 1/4, 1/8 and 1/2

    def perplexity(weights, **options):
        metric = metrics.Perplexity(from_logits=False, **options)
        metric.update_state(labels, p, sample_weight=weights)
        return float(metric.result())

    assert perplexity(None) == pytest.approx(2 ** (7 / 4))
    assert perplexity([1, 0]) == pytest.approx(2 ** (3 / 2))
    assert perplexity([1, 3]) == pytest.approx(2 ** (15 / 8))
    assert perplexity([[1, 0], [1, 0]]) == pytest.approx(4)
    assert perplexity([[0, 0.5], [0, 0]]) == pytest.approx(4)  # the sum of the weights is below 1
    assert perplexity(None, padding=0) == 1  # all tokens are padding
    assert perplexity([1, 0], padding=1) == pytest.approx(2 ** (3 / 2))


def test_inception_score_of_logits_equals_that_of_probabilities():
    def score(p, **options):
        metric = metrics.InceptionScore(5, **options)
        metric.update_state(p)
        return float(metric.result())

    assert score(np.log(CHANCES), from_logits=True) == pytest.approx(score(CHANCES), rel=1e-5)
    assert score(CHANCES[:1]) == pytest.approx(1)
    assert score(np.eye(5)) == pytest.approx(5)
    assert metrics.InceptionScore(5).result() == 1


def test_mode_is_covered_by_a_fraction_of_samples_within_its_radius():
    samples = np.array([[0.0, 0.0]] * 3 + [[5.0, 0.4]] * 1 + [[9.0, 9.0]] * 4)

    def covered(**options):
        metric = metrics.ModesCovered([[0.0, 0.0], [5.0, 0.0]], **options)
        metric.update_state(samples)
        return float(metric.result())

    assert covered(radius=0.5) == 2
    assert covered(radius=0.4) == 1  # a sample on the border is outside
    assert covered(radius=0.5, fraction=1 / 8) == 2
    assert covered(radius=0.5, fraction=0.13) == 1
    assert covered(radius=0.5, quality=True) == 0.5
    assert covered(radius=20.0, quality=True) == 1  # a sample in two modes counts once


def test_covered_modes_of_few_samples():
    metric = metrics.ModesCovered([[0.0]], radius=1.0)
    assert metric.result() == 0
    metric.update_state(np.zeros((1, 1)))
    metric.update_state(np.full((98, 1), 9.0))
    assert metric.result() == 1  # 1 of 99
    metric.update_state(np.full((2, 1), 9.0))
    assert metric.result() == 0  # 1 of 101 is less than 1 %


def test_psnr_is_a_mean_over_images_in_decibels():
    black = np.zeros((2, 4, 4, 1), "float32")
    noise = black + np.array([0.1, 0.01], "float32")[:, None, None, None]

    def psnr(y, predicted, weights=None, **options):
        metric = metrics.PSNR(**options)
        metric.update_state(y, predicted, sample_weight=weights)
        return float(metric.result())

    assert psnr(black, noise) == pytest.approx(30)  # the mean of 20 and 40
    assert psnr(black, noise, weights=[1, 0]) == pytest.approx(20)
    assert psnr(black, 255 * noise, peak=255) == pytest.approx(30)
    assert psnr(black, black) == pytest.approx(120)  # equal images


def test_ssim_weights_images_by_sample_weight():
    def ssim(weights=None, **options):
        metric = metrics.SSIM(**options)
        images = np.stack([IMAGES[0], NOISY[0]])
        metric.update_state(np.stack([IMAGES[0], IMAGES[0]]), images, sample_weight=weights)
        return float(metric.result())

    assert ssim([1, 0]) == pytest.approx(1)
    assert ssim([0, 1]) < 0.99
    assert ssim() == pytest.approx((1 + ssim([0, 1])) / 2)


def test_kernel_distance_weights_batches_by_their_real_images():
    distance, joined = metrics.KernelDistance(), metrics.KernelDistance()
    parts = (CODES[:4], OTHERS[:3]), (CODES[4:], OTHERS[3:5])
    for real, generated in parts:
        joined.update_state(real, generated)
    single = []
    for real, generated in parts:
        distance.reset_state()
        distance.update_state(real, generated)
        single.append(float(distance.result()))
    expected = (4 * single[0] + 8 * single[1]) / 12
    assert float(joined.result()) == pytest.approx(expected, rel=1e-6)
    assert metrics.KernelDistance().result() == 0


def test_kernel_distance_of_one_example_is_refused():
    message = "^Invalid batch for KernelDistance. Expected at least two examples. Received: one$"
    for real, generated in ((CODES[:1], OTHERS), (CODES, OTHERS[:1])):
        with pytest.raises(InvalidInput, match=message):
            metrics.KernelDistance().update_state(real, generated)
    metrics.KernelDistance().update_state(CODES[:2], OTHERS[:2])


def test_last_batch_of_one_example_is_ignored():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Activation("linear")])
    model.compile(loss="mse", metrics=[metrics.KernelDistance()])
    numbers = model.evaluate(CODES[:9], OTHERS[:9], batch_size=4, verbose=0, return_dict=True)
    expected = streamed(metrics.KernelDistance(), CODES[:8], OTHERS[:8], 4)
    assert numbers["kernel_distance"] == pytest.approx(expected, rel=1e-6)


def calibration(y, predicted, **options):
    metric = metrics.ExpectedCalibrationError(**options)
    metric.update_state(y, predicted)
    return float(metric.result())


@pytest.mark.rows("MET-18")
def test_calibration_accepts_labels_of_every_form():
    expected = calibration(LABELS, CHANCES)
    one_hot = np.eye(5)[LABELS]
    assert calibration(one_hot, CHANCES) == calibration(LABELS[:, None], CHANCES) == expected
    assert calibration(LABELS.reshape(3, 4), CHANCES.reshape(3, 4, 5)) == expected
    assert calibration(one_hot.reshape(3, 4, 5), CHANCES.reshape(3, 4, 5)) == expected
    logits = np.log(CHANCES).tolist()
    assert calibration(LABELS, logits, from_logits=True) == pytest.approx(expected, rel=1e-5)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Activation("linear")])
    model.compile(loss="categorical_crossentropy", metrics=[metrics.ExpectedCalibrationError()])
    found = model.evaluate(CHANCES, one_hot, batch_size=5, verbose=0, return_dict=True)
    assert found["calibration_error"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(12,), (12, 1), (3, 4, 1)])
def test_calibration_of_one_probability_equals_that_of_two_classes(shape):
    p, labels = CHANCES[:, 0], LABELS % 2
    expected = calibration(labels, np.stack([1 - p, p], axis=-1))
    assert calibration(labels.reshape(shape), p.reshape(shape)) == pytest.approx(expected, rel=1e-6)
    logits = np.log(p / (1 - p)).reshape(shape)
    assert calibration(labels, logits, from_logits=True) == pytest.approx(expected, rel=1e-5)


def test_perplexity_accepts_half_precision():
    metric = metrics.Perplexity()
    metric.update_state(np.zeros((64, 256), "int32"), np.zeros((64, 256, 1000), "float16"))
    assert float(metric.result()) == pytest.approx(1000)


def test_perplexity_accepts_labels_in_a_column():
    p, labels = CHANCES.reshape(3, 4, 5), LABELS.reshape(3, 4)
    column, row = (metrics.Perplexity(False, padding=0) for _ in range(2))
    column.update_state(labels[..., None], p)
    row.update_state(labels, p)
    assert float(column.result()) == float(row.result())


@pytest.mark.parametrize(
    ("metric", "y", "predicted"),
    [
        (metrics.BLEU(), TOKENS, SAID[:1]),
        (metrics.BLEU(), TOKENS, SAID[:3]),
        (metrics.ExpectedCalibrationError(), LABELS[:4], CHANCES),
        (metrics.FrechetDistance(5), CODES, OTHERS),
        (metrics.FrechetDistance(4), CODES, OTHERS[0]),
        (metrics.InceptionScore(4), LABELS, CHANCES),
        (metrics.InceptionScore(4), LABELS, CHANCES[:, :1]),
        (metrics.KernelDistance(), CODES, OTHERS[:, :3]),
        (metrics.ModesCovered(CODES, 1.0), OTHERS, CODES[:, :1]),
        (metrics.PSNR(), IMAGES, NOISY[..., :1]),
        (metrics.PSNR(), IMAGES[:1], NOISY),
        (metrics.PSNR(), IMAGES[0], NOISY[0]),
        (metrics.SSIM(), IMAGES, NOISY[..., :1]),
        (metrics.SSIM(), IMAGES[:1], NOISY),
        (metrics.SSIM(), IMAGES[0], NOISY[0]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_mismatched_shapes_are_named(metric, y, predicted):
    with pytest.raises(InvalidInput, match=f"input of {type(metric).__name__}"):
        metric.update_state(y, predicted)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("BLEU", {"order": 0}),
        ("BLEU", {"padding": -2}),
        ("BLEU", {"padding": 0.5}),
        ("Perplexity", {"padding": -1}),
        ("Perplexity", {"from_logits": 1}),
        ("ExpectedCalibrationError", {"from_logits": None}),
        ("InceptionScore", {"num_classes": 3, "from_logits": None}),
        ("ModesCovered", {"centers": CODES, "radius": 1.0, "quality": "yes"}),
        ("ModesCovered", {"centers": CODES, "radius": 1.0, "fraction": -0.1}),
        ("ExpectedCalibrationError", {"bins": 0}),
        ("FrechetDistance", {"width": 0}),
        ("InceptionScore", {"num_classes": 0}),
        ("ModesCovered", {"centers": CODES, "radius": -1.0}),
        ("ModesCovered", {"centers": CODES, "radius": 1.0, "fraction": 2}),
        ("ModesCovered", {"centers": CODES[0], "radius": 1.0}),
        ("ModesCovered", {"centers": CODES, "radius": 0}),
        ("PSNR", {"peak": 0}),
        ("SSIM", {"peak": -1.0}),
        ("BLEU", {"order": 10**9}),
        ("ExpectedCalibrationError", {"bins": 10**9}),
        ("FrechetDistance", {"width": 10**9}),
        ("FrechetDistance", {"width": 3, "features": "inception"}),
        ("InceptionScore", {"num_classes": 10**12}),
        ("ModesCovered", {"centers": [], "radius": 1.0}),
        ("ModesCovered", {"centers": [["a"]], "radius": 1.0}),
        ("ModesCovered", {"centers": [[np.nan]], "radius": 1.0}),
        ("PSNR", {"name": "a/b"}),
    ],
)
def test_invalid_arguments_are_refused(name, options):
    with pytest.raises(InvalidInput, match="value for argument"):
        getattr(metrics, name)(**options)


def test_centers_must_be_rows():
    message = r"`centers`. Expected shape \(modes, width\). Received: \(4,\)$"
    with pytest.raises(InvalidInput, match=message):
        metrics.ModesCovered(CODES[0], 1.0)
    metrics.ModesCovered(CODES, 1.0, fraction=1)  # all samples in each mode


@pytest.mark.parametrize(
    ("metric", "y", "predicted", "message"),
    [
        (metrics.ExpectedCalibrationError(), LABELS + 99, CHANCES, "labels.*from 0 to 4.*: 1"),
        (metrics.ExpectedCalibrationError(), LABELS + 0.5, CHANCES, "labels.*integers from 0"),
        (metrics.ExpectedCalibrationError(), LABELS, 300 * CHANCES, "probabilities.*from 0 to 1"),
        (metrics.ExpectedCalibrationError(), LABELS, -CHANCES, "probabilities"),
        (metrics.InceptionScore(5), LABELS, 300 * CHANCES, "probabilities for InceptionScore"),
        (metrics.Perplexity(False), LABELS, 300 * CHANCES, "probabilities for Perplexity"),
        (metrics.Perplexity(), LABELS + 99, CHANCES, "labels for Perplexity"),
    ],
)
def test_invalid_values_are_refused_and_give_nan_in_a_graph(metric, y, predicted, message):
    with pytest.raises(InvalidInput, match=message):
        metric.update_state(y, predicted)
    if "labels for Perplexity" in message:
        return  # TensorFlow's cross-entropy refuses them itself
    metric.reset_state()
    tf.function(metric.update_state)(tf.constant(y), tf.constant(predicted))
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize(
    "name", sorted({*CASES, *BATCHWISE} - {"PSNR", "Perplexity", "SSIM"}), ids=str
)
def test_sample_weights_are_refused_by_metrics_without_weights(name):
    options, y, predicted = {**CASES, **BATCHWISE}[name]
    message = f"sample weights for {name}.*none.*`weighted_metrics`.*some"
    with pytest.raises(InvalidInput, match=message):
        getattr(metrics, name)(**options).update_state(y, predicted, sample_weight=np.ones(12))


def updated(name, y, predicted, **options):
    needed = {"InceptionScore": {"num_classes": 2}}.get(name, {})
    getattr(metrics, name)(**needed, **options).update_state(y, predicted)


PAIR, THREE = [[0.5, 0.5]], np.zeros((1, 1, 3), "float32")


@pytest.mark.parametrize(
    ("name", "y", "predicted", "options", "message"),
    [
        ("ExpectedCalibrationError", [2], PAIR, {}, "labels.*integers from 0 to 1. Received: 2$"),
        ("ExpectedCalibrationError", [-1], PAIR, {}, "labels.*Received: -1$"),
        ("ExpectedCalibrationError", [0.5], PAIR, {}, "labels.*Received: 0.5$"),
        ("ExpectedCalibrationError", [0], [[1.01, 0]], {}, "probabilities.*numbers from 0 to 1. "),
        ("ExpectedCalibrationError", [0], [[-0.01, 0]], {}, "probabilities.*Received: -0.01$"),
        ("InceptionScore", [[0, 1.01]], None, {}, "probabilities.*numbers from 0 to 1.*: 1.01$"),
        ("Perplexity", [[3]], THREE, {}, "labels for Perplexity.*integers from 0 to 2. .*: 3$"),
        ("Perplexity", [[0]], THREE - 1, {"from_logits": False}, "probabilities.*Received: -1$"),
    ],
)
def test_labels_and_probabilities_out_of_range_are_refused(name, y, predicted, options, message):
    with pytest.raises(InvalidInput, match=message):
        updated(name, y, predicted, **options)


def test_labels_and_probabilities_at_their_limits_are_accepted():
    # in half precision, 1 has an error below a thousandth
    updated("ExpectedCalibrationError", [0, 1], [[1.0005, -0.0005], [0, 1]])
    updated("ExpectedCalibrationError", [1], [[300.0, -300.0]], from_logits=True)
    updated("InceptionScore", [[1.0005, 0.0]], None)
    updated("InceptionScore", [[300.0, -300.0]], None, from_logits=True)
    updated("Perplexity", [[2]], 300 * (THREE + 1))


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_invalid_label_in_a_graph_makes_the_result_nan(value):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Activation("linear")])
    model.compile(loss="mse", metrics=[metrics.ExpectedCalibrationError()])
    labels = np.array([[0.0], [value]])
    found = model.evaluate(np.array([PAIR[0]] * 2), labels, verbose=0, return_dict=True)
    assert np.isnan(found["calibration_error"]) == (value == 2)


@pytest.mark.parametrize(
    ("name", "argument", "largest"),
    [
        ("BLEU", "order", 100),
        ("BLEU", "padding", 2**31 - 1),
        ("ExpectedCalibrationError", "bins", 10_000),
        ("Perplexity", "padding", 2**31 - 1),
    ],
)
def test_error_names_the_largest_value(name, argument, largest):
    made = getattr(metrics, name)(**{argument: np.int64(largest)})
    assert getattr(made, argument) == largest and type(getattr(made, argument)) is int
    with pytest.raises(InvalidInput, match=f"`{argument}`.*at most {largest}.*: {largest + 1}$"):
        getattr(metrics, name)(**{argument: largest + 1})


@pytest.mark.parametrize(
    ("name", "argument"), [("FrechetDistance", "width"), ("InceptionScore", "num_classes")]
)
def test_values_that_need_too_much_memory_are_refused(name, argument):
    with pytest.raises(InvalidInput, match=f"`{argument}`.*memory"):
        getattr(metrics, name)(10**14)


@pytest.mark.parametrize("name", [*CASES, *BATCHWISE])
@pytest.mark.parametrize("option", [{"name": 3}, {"name": ""}, {"dtype": "float33"}], ids=str)
def test_invalid_name_and_dtype_are_refused(name, option):
    given = {**CASES, **BATCHWISE}[name][0]
    with pytest.raises(InvalidInput, match=f"argument `{next(iter(option))}`"):
        getattr(metrics, name)(**given, **option)


@pytest.mark.parametrize("name", ["FrechetDistance", "KernelDistance"])
def test_features_must_be_callable(name):
    given = {**CASES, **BATCHWISE}[name][0]
    with pytest.raises(InvalidInput, match="argument `features`"):
        getattr(metrics, name)(**given, features=3)


@pytest.mark.parametrize(
    ("centers", "message"),
    [
        ([[np.nan, 0.0]], "Expected finite numbers"),
        ([[np.inf, 0.0]], "Expected finite numbers"),
        ([["a"]], "`centers`"),
        (None, "`centers`"),
    ],
)
def test_centers_must_be_finite(centers, message):
    with pytest.raises(InvalidInput, match=message):
        metrics.ModesCovered(centers, 1.0)


def test_number_of_modes_has_the_dtype_of_the_metric():
    metric = metrics.ModesCovered([[0.0]], 1.0, dtype="float16")
    metric.update_state([[0.0]])
    assert metric.result().dtype == "float16" and float(metric.result()) == 1


def in_graph(metric, y, predicted):
    tf.function(metric.update_state)(y, predicted)
    return float(metric.result())


@pytest.mark.parametrize("name", ["PSNR", "SSIM"])
def test_original_pixels_must_be_within_the_peak(name):
    make = getattr(metrics, name)
    message = rf"pixels for {name}. Expected numbers from -1 to 1. Received: "
    for wrong in (255.0, -1.5, np.nan):
        images = IMAGES.copy()
        images[3, 2, 1, 0] = wrong
        with pytest.raises(InvalidInput, match=message + f"{wrong:g}$"):
            make().update_state(images, NOISY)
        assert np.isnan(in_graph(make(), images, NOISY))
        if np.isfinite(wrong):  # a model may predict it
            metric = make()
            metric.update_state(NOISY, images)
            assert float(metric.result()) == pytest.approx(in_graph(make(), NOISY, images))
    metric = make(peak=2.0)
    metric.update_state(2 * IMAGES - 1, 2 * NOISY - 1)
    assert np.isfinite(metric.result())


def test_tokens_of_bleu_must_be_integers():
    metric = metrics.BLEU(order=2)
    metric.update_state(TOKENS, SAID)
    expected = float(metric.result())
    for y, predicted in ((TOKENS * 1.0, SAID), (TOKENS, SAID * 1.0), (TOKENS * 1.0, SAID * 1.0)):
        whole = metrics.BLEU(order=2)
        whole.update_state(y, predicted)
        assert float(whole.result()) == expected == in_graph(metrics.BLEU(order=2), y, predicted)
    for y, predicted in ((TOKENS + 0.5, SAID), (TOKENS, SAID + 0.5), (TOKENS, SAID * np.nan)):
        with pytest.raises(InvalidInput, match=r"tokens for BLEU. Expected integers from -1 to "):
            metrics.BLEU().update_state(y, predicted)
        assert np.isnan(in_graph(metrics.BLEU(), y, predicted))
