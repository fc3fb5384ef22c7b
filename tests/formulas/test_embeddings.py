"""Embeddings, compared with Keras, scikit-learn, SciPy and TensorFlow's candidate sampling."""

import pathlib

import keras
import numpy as np
import pytest
from scipy import special
from sklearn import metrics, neighbors
from sklearn.feature_extraction import text

from kerasdl.formulas import embeddings

SAMPLED = np.load(pathlib.Path(__file__).parents[1] / "reference" / "word2vec_losses.npz")
WORDS = {
    "king": [0.9, 0.1, 0.2],
    "queen": [0.8, 0.2, 0.2],
    "man": [0.5, 0.1, 0.1],
    "woman": [0.4, 0.2, 0.1],
    "dog": [0.2, 0.6, 0.1],
    "cat": [0.2, 0.5, 0.1],
}
VECTORS = {word: np.array(v) for word, v in WORDS.items()}
PAIRS = np.random.default_rng(0).normal(size=(2, 7, 5))


def test_embed_equals_keras_and_one_hot_times_the_table(same):
    layer = keras.layers.Embedding(9, 4)
    tokens = np.array([[3, 0], [8, 3]])
    theirs = layer(tokens)
    table = layer.get_weights()[0]
    ours = embeddings.embed(tokens, table)
    same(embeddings.embed, "keras.layers.Embedding", ours, theirs)
    same(
        embeddings.one_hot,
        "keras.ops.one_hot",
        embeddings.one_hot(tokens, 9),
        keras.ops.one_hot(tokens, 9),
    )
    np.testing.assert_allclose(embeddings.one_hot(tokens, 9) @ table, ours, atol=1e-6)
    different = metrics.pairwise_distances(embeddings.one_hot(range(9), 9))[~np.eye(9, dtype=bool)]
    np.testing.assert_allclose(different, np.sqrt(2))


@pytest.mark.rows("E-80")
def test_keras_ignores_input_length_and_warns():
    with pytest.warns(UserWarning, match="`input_length` is deprecated"):
        layer = keras.layers.Embedding(9, 4, input_length=3)
    assert layer(np.zeros((2, 5), int)).shape == (2, 5, 4)


def test_logits_of_a_tied_table_equal_keras(same):
    layer = keras.layers.ReversibleEmbedding(9, 4)
    layer.build()
    h = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    ours = embeddings.unembed(h, layer.get_weights()[0])
    same(embeddings.unembed, "keras.layers.ReversibleEmbedding", ours, layer(h, reverse=True))


def test_similarities_equal_scikit_learn(same):
    v, w = PAIRS
    pairwise = metrics.pairwise
    for formula, theirs in (
        (embeddings.dot_similarity, pairwise.linear_kernel),
        (embeddings.cosine_similarity, pairwise.cosine_similarity),
        (embeddings.euclidean_distance, pairwise.euclidean_distances),
    ):
        name = f"sklearn.metrics.pairwise.{theirs.__name__}"
        same(formula, name, formula(v, w), np.diag(theirs(v, w)))
    name = "keras.losses.CosineSimilarity"
    theirs = -keras.losses.cosine_similarity(v.astype("float32"), w.astype("float32"))
    same(embeddings.cosine_similarity, name, embeddings.cosine_similarity(v, w), theirs)


def test_distance_of_unit_vectors_follows_from_their_cosine():
    v, w = PAIRS / np.linalg.norm(PAIRS, axis=-1, keepdims=True)
    np.testing.assert_allclose(
        embeddings.euclidean_distance(v, w) ** 2, 2 - 2 * embeddings.cosine_similarity(v, w)
    )


@pytest.mark.rows("E-73")
def test_king_is_nearer_to_queen_by_distance_but_to_man_by_cosine():
    king, others = VECTORS["king"], [VECTORS[word] for word in ("queen", "man")]
    near, far = (embeddings.euclidean_distance(king, other) for other in others)
    assert (near, far) == pytest.approx((0.1414, 0.4123), abs=1e-4) and near < far
    near, far = (embeddings.cosine_similarity(king, other) for other in others)
    assert (near, far) == pytest.approx((0.9912, 0.9961), abs=1e-4) and near < far
    assert embeddings.dot_similarity(king, VECTORS["dog"]) == pytest.approx(0.26)
    assert embeddings.dot_similarity(king, -king) < 0


def test_analogy_equals_scikit_learns_nearest_neighbor(same):
    king, man, woman = (VECTORS[word] for word in ("king", "man", "woman"))
    np.testing.assert_allclose(king - man + woman, VECTORS["queen"], atol=1e-12)
    rest = ["queen", "dog", "cat"]
    search = neighbors.NearestNeighbors(n_neighbors=1).fit([VECTORS[word] for word in rest])
    place = search.kneighbors([king - man + woman], return_distance=False)[0, 0]
    found = rest.index(embeddings.analogy(VECTORS, "king", "man", "woman"))
    same(embeddings.analogy, "sklearn.neighbors.NearestNeighbors", found, place, at_most=0)


def test_skip_gram_loss_equals_tensorflows_sampled_loss(same):
    w, b, h, negatives = (SAMPLED[name] for name in ("W", "b", "h", "neg"))
    labels = SAMPLED["labels"][:, 0]
    formula = embeddings.skip_gram_loss
    ours = formula(h, w[labels], w[negatives], b[labels], b[negatives])
    same(formula, "tf.nn.nce_loss without its correction (fixture)", ours, SAMPLED["sgns"])


def test_glove_loss_equals_keras_weighted_squared_error(same):
    generator = np.random.default_rng(0)
    words, contexts = generator.normal(size=(2, 6, 3))
    b, c = generator.normal(size=(2, 6))
    counts = generator.integers(0, 200, size=(6, 6)) * (generator.random((6, 6)) < 0.7)
    predicted = words @ contexts.T + b[:, None] + c
    weights = np.minimum(1, (counts / 100) ** 0.75)
    loss = keras.losses.MeanSquaredError(reduction="sum", dtype="float64")
    logs = np.log(np.maximum(counts, 1))
    theirs = loss(logs[..., None], predicted[..., None], sample_weight=weights)
    ours = embeddings.glove_loss(words, contexts, b, c, counts)
    same(embeddings.glove_loss, "keras.losses.MeanSquaredError", ours, theirs)


@pytest.mark.parametrize("word", ["where", "antidisestablishment", "a"])
def test_character_ngrams_equal_scikit_learn(word, same):
    counter = text.CountVectorizer(analyzer="char", ngram_range=(3, 6), lowercase=False)
    counts = counter.fit_transform([f"<{word}>"]).toarray()[0]
    ours = embeddings.character_ngrams(word)
    found = [ours.count(part) for part in counter.get_feature_names_out()]
    name = "sklearn.feature_extraction.text.CountVectorizer"
    same(embeddings.character_ngrams, name, found, counts, at_most=0)
    assert len(ours) == counts.sum()


@pytest.mark.parametrize("dimensions", [3, 100, 1000, 12288])
def test_fraction_near_a_right_angle_equals_the_beta_distribution(dimensions, same):
    formula = embeddings.fraction_near_right_angle
    theirs = special.betainc(0.5, (dimensions - 1) / 2, np.sin(np.radians(2)) ** 2)
    same(formula, "scipy.special.betainc", formula(dimensions), theirs, at_most=1e-3)


@pytest.mark.rows("OTH-23")
def test_random_vectors_are_nearly_orthogonal():
    v, w = np.random.default_rng(0).normal(size=(2, 2000, 1000))
    angles = np.degrees(np.arccos(embeddings.cosine_similarity(v, w)))
    assert angles.std() == pytest.approx(1.81, rel=0.05)
    near = np.mean(np.abs(angles - 90) <= 2)
    assert near == pytest.approx(embeddings.fraction_near_right_angle(1000), abs=0.03)
    assert 1 - embeddings.fraction_near_right_angle(12288) == pytest.approx(1.1e-4, rel=0.05)
