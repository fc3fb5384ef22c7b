"""Contrastive losses, compared with Keras, PyTorch, SciPy and values computed by hand."""

import collections
import pathlib

import keras
import numpy as np
import pytest
from scipy import spatial

from kerasdl.formulas import contrastive, patches

CLIP = np.load(pathlib.Path(__file__).parents[1] / "reference" / "clip_loss.npz")
ENTROPY = "keras.losses.SparseCategoricalCrossentropy"


@pytest.fixture
def views():
    return np.random.default_rng(0).normal(size=(2, 6, 5)).astype("float32")


def entropy(labels, logits):
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)


def test_unit_vectors_equal_keras(views, same):
    theirs = keras.layers.UnitNormalization()(views[0])
    same(contrastive.unit, "keras.layers.UnitNormalization", contrastive.unit(views[0]), theirs)


def test_nt_xent_equals_keras_cross_entropy_over_the_other_examples(views, same):
    z = keras.ops.normalize(np.concatenate(views))
    similar = np.array(z @ keras.ops.transpose(z)) / 0.5
    others = [np.delete(similar[i], i) for i in range(12)]  # without its similarity to itself
    labels = np.array([i + 5 if i < 6 else i - 6 for i in range(12)])  # column of the other view
    ours = contrastive.nt_xent(*views)
    same(contrastive.nt_xent, ENTROPY, ours, entropy(labels, np.stack(others)))


@pytest.mark.parametrize(
    ("z1", "z2", "expected"),
    [
        (np.eye(2), np.eye(2), 0.239545),
        (np.eye(4), np.eye(4), 0.594438),
        (np.eye(8), np.eye(8), 1.062879),
        (np.ones((4, 4)), np.ones((4, 4)), np.log(7)),
        (np.eye(2), np.eye(2)[::-1], 2.239545),
    ],
)
def test_nt_xent_has_known_values(z1, z2, expected):
    assert contrastive.nt_xent(z1, z2) == pytest.approx(expected, abs=1e-6)


def test_info_nce_equals_keras_cross_entropy_over_a_queue(views, same):
    line = contrastive.unit(np.random.default_rng(1).normal(size=(40, 5)))
    q, k = (contrastive.unit(view.astype("float64")) for view in views)
    logits = np.concatenate([np.sum(q * k, axis=1)[:, None], q @ line.T], axis=1) / 0.07
    ours = contrastive.info_nce(*views, line)
    same(contrastive.info_nce, ENTROPY, ours, entropy(np.zeros(6), logits.astype("float32")))


@pytest.mark.rows("E-89")
def test_momentum_encoder_equals_the_moving_average_of_keras_optimizers(same):
    variable = keras.Variable(np.zeros(3))
    optimizer = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9)
    optimizer.build([variable])
    ours, found = np.zeros(3), []
    for step in range(5):
        optimizer.apply([keras.ops.convert_to_tensor([1.0, -2.0, step])], [variable])
        student = variable.numpy()
        # Keras's average starts with the first weights
        ours = student if step == 0 else contrastive.slow_copy(ours, student, 0.9)
        found.append(ours)
    kept = optimizer._model_variables_moving_average[0]
    same(contrastive.slow_copy, "keras.optimizers.SGD(use_ema=True)", ours, kept)
    teacher = 0.0
    for expected in (0.1, 0.19, 0.271):
        teacher = contrastive.slow_copy(teacher, 1.0, 0.9)
        assert teacher == pytest.approx(expected)


@pytest.mark.rows("E-89")
def test_queue_equals_a_deque_that_drops_the_oldest(same):
    line, pointer, theirs = np.zeros(7), 0, collections.deque([0.0] * 7, maxlen=7)
    for start in range(1, 40, 3):
        keys = np.arange(start, start + 3.0)
        line, pointer = contrastive.enqueue(line, keys, pointer)
        theirs.extend(keys)
    same(contrastive.enqueue, "collections.deque", np.roll(line, -pointer), list(theirs), 0)


def test_byol_loss_equals_keras_cosine_similarity(views, same):
    theirs = 2 + 2 * keras.losses.CosineSimilarity()(*views)
    ours = contrastive.byol_loss(*views)
    same(contrastive.byol_loss, "keras.losses.CosineSimilarity", ours, theirs)
    assert contrastive.byol_loss(views[0], 3 * views[0]) == pytest.approx(0, abs=1e-6)


def test_a_quarter_of_the_patches_is_visible_and_the_loss_is_of_the_others(same):
    generator = np.random.default_rng(0)
    visible = contrastive.visible_patches(generator.random((2, 196)))
    name = "49 of 196 patches"
    same(contrastive.visible_patches, name, visible.sum(axis=1), [49, 49], at_most=0)
    x, drawn = generator.random((2, 2, 196, 12)).astype("float32")
    weights = (~visible).astype("float32")
    metric = keras.metrics.MeanSquaredError()
    metric.update_state(x, drawn, sample_weight=weights)
    ours = contrastive.hidden_patch_loss(x, drawn, visible)
    same(contrastive.hidden_patch_loss, "keras.metrics.MeanSquaredError", ours, metric.result())
    assert patches.patchify(np.zeros((224, 224, 3)), 16)[visible[0]].shape == (49, 768)


def test_clip_loss_equals_pytorch_and_keras(same):
    images, texts, scale = CLIP["image"], CLIP["text"], CLIP["scale"]
    ours = contrastive.clip_loss(images, texts, scale)
    same(contrastive.clip_loss, "torch.nn.functional.cross_entropy (fixture)", ours, CLIP["loss"])
    logits = scale * keras.ops.normalize(images) @ keras.ops.transpose(keras.ops.normalize(texts))
    own = np.arange(5)
    theirs = (entropy(own, logits) + entropy(own, keras.ops.transpose(logits))) / 2
    same(contrastive.clip_loss, ENTROPY, ours, theirs, at_most=1e-5)
    p = contrastive.zero_shot(images, texts, scale)
    same(contrastive.zero_shot, "keras.ops.softmax", p, keras.ops.softmax(logits), at_most=1e-5)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-6)


def test_alignment_and_uniformity_equal_scipys_distances(views, same):
    first, second = (contrastive.unit(view.astype("float64")) for view in views)
    between = np.diag(spatial.distance.cdist(first, second, "sqeuclidean")).mean()
    name = "scipy.spatial.distance"
    same(contrastive.alignment, name, contrastive.alignment(*views), between)
    among = np.log(np.mean(np.exp(-2 * spatial.distance.pdist(first, "sqeuclidean"))))
    same(contrastive.uniformity, name, contrastive.uniformity(views[0]), among)
    assert contrastive.uniformity(views[0]) < contrastive.uniformity(views[0] + 5)
