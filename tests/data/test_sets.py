"""Content of each embedded dataset."""

import datetime

import numpy as np
import pytest
from scipy import ndimage

from kerasdl.data import baselines, catalog, text
from kerasdl.data.sets import digits, mnist, points, sequences, shapes, texts
from kerasdl.errors import InvalidInput


def test_digits_equal_scikit_learns_halves():
    from sklearn import datasets, model_selection, svm

    source = digits.digits(seed=0, validation=0)
    data = datasets.load_digits()
    expected = model_selection.train_test_split(
        data.images, data.target, test_size=0.5, shuffle=False
    )
    for images, labels, part in ((0, 2, source.train), (1, 3, source.test)):
        np.testing.assert_array_equal(part.inputs[..., 0] * 16, expected[images])
        np.testing.assert_array_equal(part.targets, expected[labels])
    flat = [part.inputs.reshape(-1, 64) * 16 for part in (source.train, source.test)]
    accuracy = (
        svm.SVC(gamma=0.001).fit(flat[0], source.train.targets).score(flat[1], source.test.targets)
    )
    assert accuracy == pytest.approx(0.968854, abs=1e-6)  # scikit-learn's result


def test_validation_of_digits_is_the_end_of_the_training_data():
    whole, cut = digits.digits(0, split="1437", validation=0), digits.digits(0, split="1437")
    assert whole.counts() == {"train": 1437, "validation": 0, "test": 360}
    assert cut.counts() == {"train": 1293, "validation": 144, "test": 360}
    np.testing.assert_array_equal(
        np.concatenate([cut.train.targets, cut.validation.targets]), whole.train.targets
    )


@pytest.mark.rows("DAT-16")
def test_mnist_has_fixed_counts_and_a_fixed_test_split():
    whole, other = mnist.mnist(0, validation=0), mnist.mnist(7)
    assert whole.counts() == {"train": 4000, "validation": 0, "test": 1000}
    assert other.counts() == {"train": 3600, "validation": 400, "test": 1000}
    np.testing.assert_array_equal(whole.test.inputs, other.test.inputs)
    images, labels = (
        np.concatenate(p) for p in zip(whole.train.arrays, whole.test.arrays, strict=True)
    )
    assert images.shape == (5000, 28, 28, 1) and images.dtype == "float32"
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).tolist() == [500] * 10
    ones = images[labels == 1].mean(axis=0)[..., 0]  # upright, so most ink is in the middle
    assert ones[:, 11:17].sum() > 0.7 * ones.sum()


def test_baselines_equal_scikit_learn():
    for name in ("iris", "mnist"):
        known = catalog.baselines()[name]
        assert catalog.card(name).endswith(f"{known['logistic regression']:.3f}.")
    assert known["3 nearest neighbors"] == pytest.approx(0.933, abs=0.003)
    assert baselines.measure("iris") == pytest.approx(catalog.baselines()["iris"], abs=0.04)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_tables_are_standardized_on_the_training_split(name):
    source = catalog.find(name)(seed=1)
    np.testing.assert_allclose(source.train.inputs.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(source.train.inputs.std(axis=0), 1, atol=1e-5)
    assert abs(source.test.inputs.mean(axis=0)).max() > 1e-3
    assert sum(len(column.mean) for column in source.columns) == source.train.inputs.shape[1]
    if source.classes:  # splits are stratified
        fractions = [
            np.bincount(part.targets) / len(part.targets) for part in (source.train, source.test)
        ]
        np.testing.assert_allclose(*fractions, atol=0.05)


def test_the_target_scale_of_diabetes_inverts_the_standardization():
    from sklearn import datasets

    source = catalog.find("diabetes")(seed=0)
    mean, deviation = source.target_scale
    parts = [part.targets for part in (source.train, source.validation, source.test)]
    values = np.sort(np.concatenate(parts)[:, 0] * deviation + mean)
    np.testing.assert_allclose(values, np.sort(datasets.load_diabetes().target), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "modes", "deviation", "extent"),
    [(points.ring, 8, 0.01, 1), (points.grid, 25, 0.05, 4)],
)
def test_gaussians_have_the_given_number_deviation_and_extent(make, modes, deviation, extent):
    inputs, labels = make(seed=0).train.arrays
    assert set(labels) == set(range(modes))
    centers = np.stack([inputs[labels == mode].mean(axis=0) for mode in range(modes)])
    assert abs(centers).max() == pytest.approx(extent, abs=0.02)
    assert (inputs - centers[labels]).std() == pytest.approx(deviation, rel=0.03)


@pytest.mark.rows("DAT-23")
def test_100_values_have_90_windows_of_10():
    inputs, targets = sequences.windows(np.arange(100.0), window=10)
    assert inputs.shape == (90, 10, 1)
    np.testing.assert_array_equal(targets[:, 0], np.arange(10, 100))
    inputs, targets = sequences.windows(np.arange(100.0), window=10, horizon=5)
    np.testing.assert_array_equal(targets[:, 0], inputs[:, -1, 0] + 5)


def test_targets_of_adding_are_sums_of_the_marked_values():
    source = sequences.adding(seed=0, count=2000, steps=20)
    inputs, targets = source.train.arrays
    np.testing.assert_allclose((inputs[..., 0] * inputs[..., 1]).sum(1, keepdims=True), targets)
    np.testing.assert_array_equal(inputs[..., 1].sum(axis=1), 2)
    assert np.mean((targets - 1) ** 2) == pytest.approx(1 / 6, rel=0.1)


def test_seasons_have_the_stated_parts():
    source = sequences.seasons(seed=0)
    line, (mean,), (deviation,) = source.timeline, *source.target_scale
    assert (line.step, line.seasons, line.calendar) == ("1 hour", (24, 168), ("hour", "weekday"))
    assert source.train.inputs.shape[1:] == (168, 5) and source.train.targets.shape[1:] == (24, 1)
    # each first row of a window is a row of the series
    values = source.train.inputs[:, 0, 0] * deviation + mean
    weeks = values[: len(values) // 168 * 168].reshape(-1, 7, 24)
    weekday, weekend = weeks[:, :5].mean(axis=(0, 1)), weeks[:, 5:].mean(axis=(0, 1))
    assert weekday.mean() - weekend.mean() == pytest.approx(15, abs=1.5)
    assert 0.3 < weekend.std() / weekday.std() < 0.5
    assert weeks[-4:].mean() - weeks[:4].mean() == pytest.approx(0.002 * len(values), abs=6)
    quiet = sequences.seasons(seed=0, noise=0.0).train.inputs[:, 0, 0]
    quiet = quiet * sequences.seasons(seed=0, noise=0.0).target_scale[1][0]
    assert np.std(np.diff(values)) ** 2 - np.std(np.diff(quiet)) ** 2 == pytest.approx(32, rel=0.1)


def test_tags_of_copy_are_the_first_symbols_after_the_signal():
    source = sequences.copy(seed=0, count=50, delay=7, length=3)
    inputs, tags = source.train.arrays
    assert inputs.shape == (40, 13) and inputs.min() == 2  # no padding and no unknown word
    words, classes = np.array(source.vocabulary), np.array(source.classes)
    np.testing.assert_array_equal(classes[tags[:, -3:]], words[inputs[:, :3]])
    assert (tags[:, :-3] == -1).all()
    assert (words[inputs[:, 9]] == "signal").all()
    assert (words[np.delete(inputs[:, 3:], 6, axis=1)] == "blank").all()


def read(vocabulary, tokens):
    return "".join(vocabulary[token] for token in tokens if token > 1)


def test_sums_are_correct_and_splits_share_none():
    source = texts.sums(seed=0)
    terms = []
    for part in (source.train, source.validation, source.test):
        (asked, delayed), answers = part.arrays
        written = [read(source.vocabulary, row).split("+") for row in asked]
        for pair, answer in zip(written, answers, strict=True):
            assert sum(map(int, pair)) == int(read(source.vocabulary, answer))
        terms.append({tuple(sorted(map(int, pair))) for pair in written})
        np.testing.assert_array_equal(delayed[:, 1:], answers[:, :-1])
        assert (delayed[:, 0] == 1).all()
        assert (answers[:, -1] == 0).all()
    assert len(set.union(*terms)) == sum(map(len, terms)) == 5050


def test_sums_of_many_digits_and_reversed_inputs():
    source = texts.sums(seed=0, digits=6, count=100, reverse=True)
    (asked, _), answers = source.train.arrays
    first = read(source.vocabulary, asked[0])[::-1].split("+")
    assert sum(map(int, first)) == int(read(source.vocabulary, answers[0]))
    assert sum(source.counts().values()) == 100


def test_dates_are_translated_and_distinct():
    source = texts.dates(seed=0, count=500)
    parts = (source.train, source.validation, source.test)
    written = [read(source.vocabulary, row) for part in parts for row in part.targets]
    assert len({datetime.date.fromisoformat(date) for date in written}) == 500
    asked = [read(source.vocabulary, row) for part in parts for row in part.inputs[0]]
    for question, answer in zip(asked, written, strict=True):
        assert answer[:4] in question
        assert str(int(answer[-2:])) in question


def test_text_targets_are_one_token_later_and_splits_follow_the_text():
    story = "".join(chr(ord("a") + i % 26) for i in range(1000))
    source = text.language(story, context=10, stride=4)
    for inputs, targets in (source.train.arrays, source.test.arrays):
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
    assert len(source.train.inputs) == -(-(800 - 10) // 4)
    assert len(source.test.inputs) == 9
    letters = [source.vocabulary[token] for token in source.test.inputs.reshape(-1)]
    assert "".join(letters) == story[900:990]


def test_a_token_that_is_not_in_the_training_text_is_unknown():
    source = text.language("ab" * 500 + "z" * 100, context=8)
    assert source.vocabulary == (text.UNKNOWN, "a", "b")
    assert source.test.inputs[-1].tolist() == [0] * 8


def test_a_limited_vocabulary_keeps_the_most_frequent_words():
    source = text.language("one two, two\n    three " * 100, "words", context=4, words=4)
    assert len(source.vocabulary) == 4
    assert "two" in source.vocabulary


def test_pydocs_is_a_long_text():
    source = texts.pydocs(seed=0, context=64)
    assert source.counts()["train"] > 8000
    assert "e" in source.vocabulary


@pytest.mark.rows("DET-22", "DAT-25")
def test_targets_of_shapes_match_the_images():
    images, known = shapes.draw(np.random.default_rng(0), 60, 64, 64, 4, range(30), noise=0.0)
    assert known["count"].min() == 1
    assert known["count"].max() == 4
    for i in range(60):
        boxes = known["boxes"][i]
        assert (boxes[known["count"][i] :] == 0).all()
        for j in range(known["count"][i]):
            x1, y1, x2, y2 = np.round(boxes[j] * 64).astype(int)
            mask = known["mask"][i, y1:y2, x1:x2]
            assert set(np.unique(mask)) <= {0, known["class"][i, j] + 1}
            for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
                assert edge.any()  # a box touches its object on all sides
            inside = images[i, y1:y2, x1:x2][mask > 0].mean(axis=0) / 255
            palette = np.array(list(shapes.COLORS.values()))
            nearest = np.argmin(((palette - inside) ** 2).sum(axis=1))
            assert nearest == known["colour"][i, j]
        words = [shapes.CAPTION[token] for token in known["caption"][i] if token]
        assert words.count("a") == known["count"][i]
        assert words[1] == list(shapes.COLORS)[known["colour"][i, 0]]
        assert words[2] == shapes.SHAPES[known["class"][i, 0]]


def test_held_out_pairs_are_only_in_the_test_split():
    held_out = ("red circle", "blue star")
    source = shapes.shapes(0, 200, 16, ("class", "colour"), objects=2, held_out=held_out)
    for part, seen in ((source.train, False), (source.validation, False), (source.test, True)):
        known = part.targets
        there = known["class"] >= 0
        pairs = known["colour"][there] * len(shapes.SHAPES) + known["class"][there]
        found = {shapes.PAIRS[pair] in held_out for pair in pairs}
        assert found == {seen}


@pytest.mark.parametrize("size", [8, 33, (20, 40)])
def test_shapes_have_any_size(size):
    source = shapes.shapes(0, count=20, image_size=size, clutter=2)
    height, width = (size, size) if isinstance(size, int) else size
    assert source.train.inputs.shape == (16, height, width, 3)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("ring", "deviation"),
        ("ring", "radius"),
        ("grid", "deviation"),
        ("moons", "noise"),
        ("swiss_roll", "noise"),
        ("sine", "noise"),
    ],
)
def test_noise_and_size_of_points_and_series_are_limited(name, option):
    make = catalog.find(name)
    make(0, **{option: 1e6})
    for wrong in (1000000.5, -1e-9, float("nan")):
        expected = "a number at least 0 and at most 1e[+]06"
        with pytest.raises(InvalidInput, match=rf"`{option}`. Expected {expected}. Received: "):
            make(0, **{option: wrong})


@pytest.mark.parametrize("wrong", [3, {"class": 1}])
def test_elements_of_shapes_are_names(wrong):
    with pytest.raises(InvalidInput, match=rf"value for option `elements`. .*: {wrong}$"):
        shapes.shapes(0, 20, 16, wrong)


def test_touching_shapes_are_pairs_of_one_class():
    random = np.random.default_rng(0)
    _, known = shapes.draw(random, 30, 64, 64, 3, range(30), touching=True)
    several = 0
    for i, classes in enumerate(known["class"]):
        instances = known["instances"][i]
        count = known["count"][i]
        assert set(np.unique(instances)) == {*range(count + 1)}
        np.testing.assert_array_equal(
            known["mask"][i], np.concatenate([[0], classes + 1])[instances]
        )
        for j in range(count):  # boxes are those of the visible pixels
            rows, columns = np.nonzero(instances == j + 1)
            ends = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(known["boxes"][i, j] * 64, ends)
        if count > 1:
            several += 1
            assert classes[0] == classes[1]
            near = ndimage.binary_dilation(instances == 1, np.ones((3, 3)))
            shared = near & (instances == 2)
            assert 0 < shared.sum() < 0.5 * (instances == 2).sum()
    assert several > 10
