"""Parameter counts of transformers, compared with the package's models and other libraries."""

import json
import pathlib

import keras
import pytest

from kerasdl.formulas import transformer_counts
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.models.sequence.gpt import GPT

FILE = pathlib.Path(__file__).parents[1] / "reference" / "counts.json"
COUNTS = {row["item"]: row["params"] for row in json.loads(FILE.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("heads", [1, 4])
def test_attention_and_blocks_equal_keras_and_the_package(heads, same):
    layer = keras.layers.MultiHeadAttention(heads, 24 // heads)
    layer.build((None, 5, 24), (None, 5, 24))
    formula = transformer_counts.attention_parameters
    same(formula, "keras.layers.MultiHeadAttention", formula(24), layer.count_params(), at_most=0)
    block = TransformerBlock(heads)
    block.build((None, 5, 24))
    formula = transformer_counts.block_parameters
    name = "kerasdl.layers.TransformerBlock"
    same(formula, name, formula(24), block.count_params(), at_most=0)


@pytest.fixture(scope="module")
def gpt():
    return GPT(vocabulary_size=61, context=16, width=24, depth=2, heads=3)


def test_gpt_equals_the_package(gpt, same):
    formula = transformer_counts.gpt_parameters
    same(formula, "kerasdl.models.GPT", formula(61, 16, 24, 2), gpt.count_params(), at_most=0)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("GPT-2 small", (50257, 1024, 768, 12)),
        ("GPT-2 xl", (50257, 1024, 1600, 48)),
        ("GPT-3 175B", (50257, 2048, 12288, 96)),
    ],
)
def test_gpt_equals_transformers(name, sizes, same):
    formula = transformer_counts.gpt_parameters
    same(formula, "transformers.GPT2LMHeadModel (fixture)", formula(*sizes), COUNTS[name], 0)


def test_matrices_equal_the_kernels_of_a_small_gpt(gpt, same):
    ours = transformer_counts.gpt_matrices(24, 61, 8, 3, 2, 96)
    kernels = [w for w in gpt.weights if len(w.shape) == 2 and "position" not in w.path]
    counted = sum(w.shape[0] * w.shape[1] for w in kernels)
    formula, name = transformer_counts.gpt_matrices, "kernels of kerasdl.models.GPT"
    same(formula, name, sum(ours.values()) - ours["unembedding"], counted, at_most=0)  # tied


@pytest.mark.rows("E-74", "E-75")
def test_matrices_of_gpt3_sum_to_175_billion(same):
    formula = transformer_counts.gpt_matrices
    found = formula(12288, 50257, 128, 96, 96, 49152)
    assert {found[name] for name in ("key", "query", "value", "output")} == {14_495_514_624}
    assert found["up"] == found["down"] == 57_982_058_496
    assert found["embedding"] == found["unembedding"] == 617_558_016
    total = sum(found.values())
    name = "GPT-3 175B, weight matrices only, untied unembedding (no bias/LN/positions)"
    same(formula, "closed form 2 V d + 12 L d^2 (fixture)", total, COUNTS[name], at_most=0)
    parts = [4 * found["key"] / total, 2 * found["up"] / total, 2 * found["embedding"] / total]
    assert [round(100 * part, 1) for part in parts] == [33.1, 66.2, 0.7]
    assert 3 * 96 * 96 + 3 * 96 + 2 == 27_938  # Q, K, V for each head; output, up, down


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("BERT-base uncased encoder+pooler", {}),
        ("BERT-large uncased encoder+pooler", {"width": 1024, "depth": 24}),
        ("BERT-base cased encoder+pooler", {"vocabulary": 28996}),
    ],
)
def test_bert_equals_transformers(name, sizes, same):
    formula = transformer_counts.bert_parameters
    same(formula, "transformers.BertModel (fixture)", formula(**sizes), COUNTS[name], at_most=0)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("vit_b_16", {}),
        ("vit_b_32", {"patch": 32}),
        ("vit_l_16", {"width": 1024, "depth": 24}),
    ],
)
def test_vit_equals_torchvision(name, sizes, same):
    formula = transformer_counts.vit_parameters
    same(formula, "torchvision.models (fixture)", formula(**sizes), COUNTS[name], at_most=0)
