"""BERT: equal to a BERT of formulas, published parameter counts, masks and segments."""

import json
import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.data.sentence_pairs import SPECIAL, Pairs
from kerasdl.errors import InvalidInput
from kerasdl.formulas import attention, embeddings, normalization, transformer, transformer_counts
from kerasdl.models.sequence.bert import BERT
from tests.formulas.test_transformer import gelu, thinking

REFERENCE = pathlib.Path(__file__).parents[2] / "reference" / "counts.json"
SMALL = {"vocabulary_size": 40, "context": 12, "width": 24, "depth": 2, "heads": 3, "separator": 3}
# [CLS] is 2 and [SEP] is 3; the second text is shorter
TOKENS = np.array(
    [[2, 11, 12, 3, 13, 14, 15, 3], [2, 21, 3, 22, 23, 3, 0, 0]],
    "int32",
)


def bert(**options):
    model = BERT(**{**SMALL, **options})
    random = np.random.default_rng(0)
    weights = [weight + random.normal(0, 0.1, weight.shape) for weight in model.get_weights()]
    model.set_weights(weights)
    return model


def of_formulas(model, tokens, segments):
    """Compute the vectors of all tokens, and the pooled one, from formulas."""

    def of(layer):
        return [np.asarray(weight) for weight in layer.weights]

    def norm(layer):
        gamma, beta = of(layer)
        return lambda x: normalization.layer_normalization(x, gamma, beta, 1e-12)

    tables = (of(model.get_layer(name))[0] for name in ("token", "position", "segment"))
    words, places, sentences = tables
    x = embeddings.embed(tokens, words) + places[: tokens.shape[1]] + sentences[segments]
    x = norm(model.get_layer("norm"))(x)
    real = (tokens != 0)[:, None, None]  # (batch, head, query, key)

    def attending(layer):
        (w, b), (mix, offset) = of(layer.project), of(layer.mix)
        maps, offsets = [*np.split(w, 3, axis=-1), mix], [*np.split(b, 3), offset]
        return lambda x: attention.multi_head_attention(x, x, maps, offsets, 3, real)

    for block in model.blocks:
        network = [*of(block.mlp[0]), *of(block.mlp[2])]
        parts = [attending(block.attention), thinking(network, gelu)]
        norms = [norm(block.attention_norm), norm(block.mlp_norm)]
        x = transformer.transformer_block(x, parts, norms, pre=False)
    w, b = of(model.get_layer("pooled"))
    return x, np.tanh(x[:, 0] @ w + b)


SEGMENTS = np.array([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1, 1]])


@pytest.mark.rows("TRF-44")
def test_vectors_equal_those_of_formulas():
    model = bert()
    vectors = model(TOKENS)
    tokens, pooled = of_formulas(model, TOKENS, SEGMENTS)
    np.testing.assert_allclose(vectors["tokens"], tokens, atol=1e-5)
    np.testing.assert_allclose(vectors["pooled"], pooled, atol=1e-5)


@pytest.mark.rows("TRF-41", "TRF-42", "SSL-12")
def test_the_logits_of_pretraining_equal_those_of_formulas():
    model = bert(pretraining=True)
    x, pooled = of_formulas(model, TOKENS, SEGMENTS)
    names = ("token", "word_features", "word_norm", "words", "next")
    (table,), (w, b), (gamma, beta), (bias,), (to_next, offset) = (
        model.get_layer(name).get_weights() for name in names
    )
    h = normalization.layer_normalization(gelu(x @ w + b), gamma, beta, 1e-12)
    logits = model(TOKENS)
    np.testing.assert_allclose(logits["words"], embeddings.unembed(h, table) + bias, atol=1e-4)
    np.testing.assert_allclose(logits["next"], pooled @ to_next + offset, atol=1e-5)


def count(name, **options):
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        return kerasdl.create_model(name, **options).count_params()


PUBLISHED = {row["item"]: row["params"] for row in json.loads(REFERENCE.read_text())}


@pytest.mark.rows("TRF-40")
def test_parameters_are_those_that_were_published():
    assert count("bert") == PUBLISHED["BERT-base uncased encoder+pooler"] == 109_482_240
    assert count("bert_large") == PUBLISHED["BERT-large uncased encoder+pooler"] == 335_141_888
    heads = PUBLISHED["BERT-base uncased pretraining (MLM+NSP heads, tied)"]
    assert count("bert", pretraining=True) == heads == 110_106_428
    cased = {"vocabulary_size": 28996}
    assert count("bert", **cased) == PUBLISHED["BERT-base cased encoder+pooler"]


def test_parameters_follow_the_formulas():
    v, t, d, depth = (SMALL[name] for name in ("vocabulary_size", "context", "width", "depth"))
    encoder = transformer_counts.bert_parameters(v, t, d, depth)
    assert bert().count_params() == encoder
    assert bert(pretraining=True).count_params() == encoder + d**2 + 5 * d + v + 2
    assert bert(num_classes=5).count_params() == encoder + 5 * d + 5


@pytest.mark.rows("TRF-44")
def test_padding_does_not_change_the_outputs():
    model = bert(num_classes=5)
    short = TOKENS[1:, :6]
    padded = np.pad(short, [(0, 0), (0, 6)])
    np.testing.assert_allclose(model(padded), model(short), atol=1e-5)
    assert np.isfinite(model(np.zeros((1, 4), "int32"))).all()
    probabilities = keras.ops.softmax(model(TOKENS))
    assert probabilities.shape == (2, 5)
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1, atol=1e-5)


@pytest.mark.rows("TRF-45")
def test_each_token_depends_on_those_after_it():
    model = bert()
    changed = TOKENS.copy()
    changed[:, 4] = 30
    before, after = (np.asarray(model(tokens)["tokens"]) for tokens in (TOKENS, changed))
    assert np.abs(after - before)[:, :4].max(axis=-1).min() > 1e-3


TOY = """
the cat slept on the mat | then it drank the milk
the dog lay on the rug | then he ate a bone
our bird sang in its cage | soon she saw some seed
this horse ran over grass | later they gave it hay
"""


@pytest.mark.rows("TRF-41", "TRF-42")
def test_words_and_next_sentences_of_a_few_pairs_are_learned():
    documents = [[part.split() for part in line.split(" | ")] for line in TOY.strip().split("\n")]
    words = sorted({word for document in documents for part in document for word in part})
    pairs = Pairs.of(documents, (*SPECIAL, *words), context=15)
    keras.utils.set_random_seed(0)
    sizes = {"vocabulary_size": len(SPECIAL) + len(words), "context": 15, "dropout": 0.0}
    model = BERT(**{**SMALL, **sizes}, pretraining=True)
    model.compile(keras.optimizers.Adam(5e-3), model.training_defaults()["loss"])

    def epochs(first, count):
        """The four pairs in each of several epochs."""
        each = np.repeat(np.arange(first, first + count), 4)
        tokens, targets = pairs(None, None, seed=0, epoch=each, rows=np.tile(range(4), count))
        return tokens.numpy(), {name: part.numpy() for name, part in targets.items()}

    model.fit(*epochs(0, 1200), batch_size=32, epochs=2, verbose=0)
    tokens, targets = epochs(1200, 50)
    outputs, asked = model.predict(tokens, verbose=0), targets["words"] >= 0
    assert (outputs["words"].argmax(-1) == targets["words"])[asked].mean() > 0.9
    assert (outputs["next"].argmax(-1) == targets["next"]).mean() > 0.9


def test_texts_without_special_tokens_get_them():
    plain = np.array([[5, 6, 0, 0], [7, 1, 9, 4]], "int32")  # 0 is padding, 1 an unknown word
    marked = np.array([[2, 8, 9, 3, 0, 0], [2, 10, 1, 12, 7, 3]], "int32")
    model = bert(num_classes=5, plain=True)
    sizes = {"vocabulary_size": 43, "context": 14}
    other = BERT(**{**SMALL, **sizes}, num_classes=5)
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(model(plain), other(marked), atol=1e-6)
    np.testing.assert_allclose(model(plain[:1, :2]), other(marked[:1]), atol=1e-5)


def test_a_classifier_starts_from_the_encoder_and_the_words_that_it_knows():
    special = ("", "?", "[CLS]", "[SEP]", "[MASK]")
    source = bert(vocabulary_size=8, pretraining=True)
    model = bert(vocabulary_size=5, num_classes=5, plain=True)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    model.encoder_from(source, (*special, "cat", "sat", "the"), ("", "?", "dog", "the", "cat"))
    table, theirs = (each.get_layer("token").get_weights()[0] for each in (model, source))
    np.testing.assert_array_equal(table[:5], theirs[:5])
    np.testing.assert_array_equal(table[5], before["token"][0][5])  # a new word
    np.testing.assert_array_equal(table[6:], theirs[[7, 5]])
    places = model.get_layer("position").get_weights()[0]
    np.testing.assert_array_equal(places[:12], source.get_layer("position").get_weights()[0])
    np.testing.assert_array_equal(places[12:], before["position"][0][12:])
    for name in ("segment", "norm", "block1", "block2", "pooled"):
        pairs = zip(model.get_layer(name).weights, source.get_layer(name).weights, strict=True)
        for ours, other in pairs:
            np.testing.assert_array_equal(ours, other)
    np.testing.assert_array_equal(model.get_layer("logits").weights[0], before["logits"][0])
    with pytest.raises(InvalidInput, match="a layer `token`"):
        model.encoder_from(bert(width=12), special, special)


def test_a_new_bert_learns_the_class_of_texts():
    random = np.random.default_rng(0)
    tokens = random.integers(4, 40, (64, 8))
    tokens[:, 0], labels = 2, (tokens[:, 3] > 20).astype("int32")
    keras.utils.set_random_seed(0)
    model = BERT(**{**SMALL, "dropout": 0.0}, num_classes=2)
    model.compile()
    history = model.fit(tokens, labels, epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.95


def test_other_options_are_named():
    with pytest.raises(InvalidInput, match=r"`heads`.*a divisor of the width 24"):
        BERT(**{**SMALL, "heads": 5})
    with pytest.raises(InvalidInput, match=r"`num_classes`.*None for pretraining.*: 3"):
        BERT(**SMALL, num_classes=3, pretraining=True)
    with pytest.raises(InvalidInput, match=r"`plain`.*False for pretraining"):
        BERT(**SMALL, plain=True, pretraining=True)
    with pytest.raises(InvalidInput, match=r"`separator`.*: 40"):
        BERT(**{**SMALL, "separator": 40})
    with pytest.raises(InvalidInput, match=r"at most 12 tokens\. Received: 13"):
        BERT(**SMALL)(np.zeros((1, 13), "int32"))
    with pytest.raises(InvalidInput, match=r"backbone.*num_classes=None"):
        BERT(**SMALL).compile()


@pytest.mark.rows("TRN-19", "TRL-13")
def test_a_classifier_is_trained_on_a_frozen_encoder_that_was_pretrained():
    keras.utils.set_random_seed(0)
    source = bert(pretraining=True)
    targets = {"words": TOKENS, "next": np.array([0, 1])}
    before = source.get_layer("block1").get_weights()
    source.compile()
    source.fit(TOKENS, targets, epochs=2, verbose=0)
    assert not np.array_equal(source.get_layer("block1").get_weights()[0], before[0])

    model = bert(num_classes=5)
    words = [str(number) for number in range(SMALL["vocabulary_size"])]
    model.encoder_from(source, words, words)
    for layer in model.layers:
        layer.trainable = layer.name == "logits"
    model.compile(keras.optimizers.Adam(0.1), model.training_defaults()["loss"])
    history = model.fit(TOKENS, np.array([1, 4]), epochs=40, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] / 2
    for name in ("token", "position", "segment", "norm", "block1", "block2", "pooled"):
        pairs = zip(model.get_layer(name).weights, source.get_layer(name).weights, strict=True)
        for ours, theirs in pairs:
            np.testing.assert_array_equal(ours, theirs)
