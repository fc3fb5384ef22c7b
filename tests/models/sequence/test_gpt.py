"""GPT: outputs of transformers' GPT-2, published parameter counts, saving, LiteRT."""

import json
import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl import export
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.gpt import GPT, VARIANTS

TOKENS = np.random.default_rng(0).integers(61, size=(2, 16)).astype("int32")


def test_logits_equal_transformers(gpt2_tiny):
    model, reference = gpt2_tiny
    np.testing.assert_allclose(model(reference["ids"]), reference["logits"], atol=1e-5)


def test_hidden_states_and_attention_equal_transformers(gpt2_tiny):
    model, reference = gpt2_tiny
    first, second = model.blocks
    hidden = keras.Model(model.input, [first.input, second.input])(reference["ids"])
    for ours, theirs in zip(hidden, ("h0", "h1"), strict=True):
        np.testing.assert_allclose(ours, reference[theirs], atol=1e-5)
    attention = first.attention.attention_map(first.attention_norm(hidden[0]))
    np.testing.assert_allclose(attention, reference["att0"], atol=1e-5)


def parameters(vocabulary_size=50257, context=1024, width=768, depth=12, **_):
    """The number of parameters by the formula in the class's docstring."""
    return (vocabulary_size + context + 2) * width + depth * (12 * width**2 + 13 * width)


@pytest.mark.rows("TRF-10", "TRF-31")
def test_gpt2_has_the_published_number_of_parameters():
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        model = kerasdl.create_model("gpt2")
    assert model.count_params() == parameters() == 124_439_808


@pytest.mark.parametrize("size", ["medium", "large", "xl"])
def test_larger_variants_have_the_published_number_of_parameters(size):
    reference = pathlib.Path(__file__).parents[2] / "reference" / "counts.json"
    published = {row["item"]: row["params"] for row in json.loads(reference.read_text())}
    options = VARIANTS["GPT"][f"gpt2_{size}"]
    assert parameters(**options) == published[f"GPT-2 {size}"]


def test_tiny_variant_follows_the_formula():
    model = kerasdl.create_model("gpt_tiny")
    assert model.count_params() == parameters(**VARIANTS["GPT"]["gpt_tiny"])


def test_logits_do_not_depend_on_later_tokens():
    model = GPT(61, 16, 24, 2, 3)
    changed = TOKENS.copy()
    changed[:, 9:] = 0
    before, after = (np.array(model(tokens))[:, :9] for tokens in (TOKENS, changed))
    np.testing.assert_allclose(before, after, atol=1e-6)


@pytest.mark.rows("TRF-31")
def test_shorter_sequences_are_accepted_and_longer_ones_are_refused():
    model = GPT(61, 16, 24, 2, 3)
    np.testing.assert_allclose(model(TOKENS[:, :5]), model(TOKENS)[:, :5], atol=1e-5)
    with pytest.raises(InvalidInput, match=r"at most 16 tokens\. Received: 17"):
        model(np.zeros((1, 17), "int32"))


def test_a_saved_gpt_is_loaded_bit_equal(tmp_path):
    model = GPT(61, 16, 24, 2, 3, dropout=0.0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is GPT
    assert again.get_config() == model.get_config()
    np.testing.assert_array_equal(model(TOKENS), again(TOKENS))


@pytest.mark.rows("TRF-36")
def test_gpt_memorizes_a_sentence():
    model = GPT(61, 16, 24, 2, 3, dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    sentence = TOKENS[:1]
    again = np.repeat(sentence, 100, axis=0)
    model.fit(again[:, :-1], again[:, 1:], batch_size=1, verbose=0)
    written = model.generate(sentence[0, :1], 15, temperature=0)
    np.testing.assert_array_equal(written, sentence[0])


def test_gpt_runs_as_a_litert_file(tmp_path, gpt2_tiny):
    model, reference = gpt2_tiny
    tokens = reference["ids"][:1].astype("int32")
    file = export.to_litert(model, tmp_path / "gpt.tflite", example=tokens)
    np.testing.assert_allclose(file.predict(tokens), model(tokens), atol=1e-5)
