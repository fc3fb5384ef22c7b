"""Llama: outputs of transformers' Llama and Qwen3, parameter counts, options."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.llama import VARIANTS, Llama

TOKENS = np.random.default_rng(0).integers(61, size=(2, 16)).astype("int32")
SMALL = {"vocabulary_size": 61, "context": 16, "width": 32, "depth": 2, "heads": 4, "hidden": 40}


def test_logits_equal_transformers(llama_tiny):
    model, arrays = llama_tiny
    np.testing.assert_allclose(model(arrays["ids"]), arrays["llama.logits"], atol=1e-4)


def test_normalized_queries_and_keys_equal_transformers_qwen3(load_llama):
    model, arrays = load_llama("qwen3", qk_norm=True, tied=True)
    np.testing.assert_allclose(model(arrays["ids"]), arrays["qwen3.logits"], atol=1e-4)
    written = model.generate(arrays["ids"][:1, :4], 8, temperature=0)
    np.testing.assert_array_equal(written, arrays["qwen3.greedy"])


def parameters(
    vocabulary_size=32_000,
    width=2048,
    depth=22,
    heads=32,
    key_value_heads=4,
    hidden=5632,
    tied=False,
    **_,
):
    """The number of parameters by the formula in the class's docstring."""
    kernels = (2 + 2 * key_value_heads / heads) * width**2 + 3 * width * hidden
    return (2 - tied) * vocabulary_size * width + depth * (int(kernels) + 2 * width) + width


def test_llama_has_the_number_of_parameters_of_tiny_llama():
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        model = kerasdl.create_model("llama")
    assert model.count_params() == parameters() == 1_100_048_384


def test_the_formula_counts_llama_2_7b():
    sizes = {"width": 4096, "depth": 32, "heads": 32, "key_value_heads": 32, "hidden": 11_008}
    assert parameters(**sizes) == 6_738_415_616


def test_tiny_variant_follows_the_formula():
    model = kerasdl.create_model("llama_tiny")
    assert model.count_params() == parameters(**VARIANTS["Llama"]["llama_tiny"])


def test_logits_do_not_depend_on_later_tokens():
    model = Llama(**SMALL, key_value_heads=2)
    changed = TOKENS.copy()
    changed[:, 9:] = 0
    before, after = (np.array(model(tokens))[:, :9] for tokens in (TOKENS, changed))
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_no_weight_is_a_bias_and_only_an_untied_model_has_a_second_matrix():
    options = {**SMALL, "key_value_heads": None}
    tied, untied = Llama(**options, tied=True), Llama(**options)
    assert untied.count_params() - tied.count_params() == 61 * 32
    assert {weight.name for weight in tied.weights} == {"embeddings", "kernel", "scale"}


def test_the_cache_holds_the_heads_of_keys_and_values():
    model = Llama(**SMALL, key_value_heads=1)
    cache, position = model.begin(keras.ops.convert_to_tensor(TOKENS[:, :5]), 5, 16)
    assert position == 4 and len(cache) == 2
    assert {part.shape for pair in cache for part in pair} == {(2, 1, 16, 8)}


def test_longer_sequences_and_impossible_sizes_are_refused():
    model = Llama(**SMALL, key_value_heads=2)
    with pytest.raises(InvalidInput, match=r"at most 16 tokens\. Received: 17"):
        model(np.zeros((1, 17), "int32"))
    with pytest.raises(InvalidInput, match=r"`heads`. Expected a divisor of the width 32"):
        Llama(**{**SMALL, "heads": 5})
    with pytest.raises(InvalidInput, match=r"`key_value_heads`. Expected a divisor of the 4 heads"):
        Llama(**SMALL, key_value_heads=3)
    with pytest.raises(InvalidInput, match=r"`rotary_base`. Expected .*odd size"):
        Llama(**{**SMALL, "heads": 32}, key_value_heads=2)
