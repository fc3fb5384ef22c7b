"""The encoder-decoder transformer: masks, counts, greedy generation with a cache, attention."""

import json
import pathlib

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.generate import START
from kerasdl.models.sequence.transformer import VARIANTS, Transformer

REFERENCE = pathlib.Path(__file__).parents[2] / "reference" / "counts.json"
BASE = "shared 37000x512 embedding/softmax (no output bias)"
BIG = "shared 37000x1024 embedding/softmax (no output bias)"


@pytest.fixture(scope="module")
def model():
    """A network whose blocks change their input more than those of a new one do."""
    made = kerasdl.create_model("transformer_tiny", width=16, hidden=24)
    rng = np.random.default_rng(2)
    changed = [w + (w.ndim > 1) * rng.normal(size=w.shape) for w in made.get_weights()]
    made.set_weights(changed)
    return made


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return rng.integers(2, 40, (3, 7), "int32"), rng.integers(2, 40, (3, 5), "int32")


def test_padding_of_the_source_does_not_change_the_logits(model, batch):
    source, target = batch
    padded = np.pad(source, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model([source, target]), model([padded, target]), atol=1e-4)
    assert not model.attention(padded, target)[..., 7:].any()


def test_logits_do_not_depend_on_later_tokens_of_the_target(model, batch):
    source, target = batch
    changed = target.copy()
    changed[:, 3:] = 5
    before, after = model([source, target]), model([source, changed])
    np.testing.assert_allclose(before[:, :3], after[:, :3], atol=1e-6)
    assert np.abs(before[:, 3:] - after[:, 3:]).max() > 1e-4


def test_order_of_source_and_target_matters(model, batch):
    source, target = batch
    logits = np.asarray(model([source, target]))
    assert np.abs(model([source[:, ::-1], target]) - logits).max() > 1e-3
    turned = np.concatenate([target[:, 1::-1], target[:, 2:]], axis=1)  # the first two exchanged
    assert np.abs(model([source, turned])[:, -1] - logits[:, -1]).max() > 1e-3


def parameters(vocabulary_size=37_000, width=512, depth=6, hidden=2048, **_):
    """The number of parameters by the formula in the class's docstring."""
    block = 12 * width**2 + 4 * width * hidden + 24 * width + 2 * hidden
    return vocabulary_size * width + depth * block


@pytest.mark.rows("TRF-28")
def test_transformer_has_the_published_number_of_parameters():
    published = {row["item"]: row["params"] for row in json.loads(REFERENCE.read_text())}
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        model = kerasdl.create_model("transformer")
    assert model.count_params() == parameters() == published[f"Transformer-base with {BASE}"]
    assert parameters() == 63_082_496
    assert parameters(width=1024, hidden=4096) == published[f"Transformer-big with {BIG}"]


def test_tiny_variant_follows_the_formula():
    model = kerasdl.create_model("transformer_tiny")
    assert model.count_params() == parameters(**VARIANTS["Transformer"]["transformer_tiny"])


@pytest.mark.parametrize("cache", [True, False])
def test_generation_is_greedy_and_stops_at_the_end(model, batch, cache):
    source, _ = batch
    padded = np.pad(source, ((0, 0), (0, 2)))
    written = model.generate(padded, 6, cache=cache)
    assert written.shape == (3, 6)
    delayed = np.pad(written[:, :-1], ((0, 0), (1, 0)), constant_values=START)
    best = np.asarray(model([source, delayed])).argmax(-1)
    for row, expected in zip(written, best, strict=True):
        end = np.flatnonzero(row == 0)
        length = end[0] + 1 if len(end) else len(row)
        np.testing.assert_array_equal(row[:length], expected[:length])
        assert not row[length:].any()


def test_the_cache_does_not_change_the_translation(model):
    source = np.random.default_rng(1).integers(0, 40, (40, 9), "int32")
    with_cache, without = (model.generate(source, 12, cache=cache) for cache in (True, False))
    np.testing.assert_array_equal(with_cache, without)
    assert len(np.unique(with_cache)) > 5


def test_steps_with_a_cache_equal_one_call(model, batch):
    source, target = batch
    expected = model([source, target])
    cache, outputs = model.begin(keras.ops.convert_to_tensor(source), 5), []
    for start, stop in ((0, 2), (2, 3), (3, 5)):
        chunk = keras.ops.convert_to_tensor(target[:, start:stop])
        logits, cache = model.step(chunk, cache, start)
        outputs.append(logits)
    np.testing.assert_allclose(keras.ops.concatenate(outputs, axis=1), expected, atol=1e-5)


def test_attention_is_the_mean_of_the_heads_of_the_last_block(model, batch):
    source, target = batch
    weights = model.attention(source, target)
    assert weights.shape == (3, 5, 7)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    last = model.get_layer("decoder2")
    by_head = last.attention_map(keras.Model(model.inputs, last.input)([source, target]))
    assert by_head.shape == (3, 4, 5, 7)
    np.testing.assert_allclose(weights, np.mean(by_head, axis=1), atol=1e-6)


def test_default_optimizer_is_the_published_one():
    model = kerasdl.create_model("transformer_tiny", width=16, hidden=24)
    model.compile()
    rates = [float(model.optimizer._learning_rate(step)) for step in (1, 4000, 16_000)]
    expected = [16**-0.5 * min(step**-0.5, step * 4000**-1.5) for step in (1, 4000, 16_000)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert (model.optimizer.beta_2, model.optimizer.epsilon) == (0.98, 1e-9)


@pytest.mark.rows("TRF-28", "E-16")
def test_a_small_transformer_learns_to_reverse():
    """Each target token is in another place of the source, which cross-attention must find."""
    random = np.random.default_rng(0)
    source = random.integers(2, 8, (3000, 5), "int32")
    target = source[:, ::-1]
    delayed = np.pad(target[:, :-1], ((0, 0), (1, 0)), constant_values=START)
    model = Transformer(8, width=32, depth=1, heads=2, hidden=64, dropout=0.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss)
    model.fit([source[500:], delayed[500:]], target[500:], batch_size=50, epochs=8, verbose=0)
    written = model.generate(source[:500], 5)
    assert (written == target[:500]).all(axis=1).mean() > 0.95
    weights = model.attention(source[:500], delayed[:500]).mean(axis=0)
    assert (weights.argmax(-1) == [4, 3, 2, 1, 0]).all()  # the picture is anti-diagonal


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 15, "heads": 3}, "`width`. Expected an even number"),
        ({"heads": 3}, "`heads`. Expected a divisor of the width 64"),
        ({"hidden": 0}, "`hidden`"),
        ({"dropout": 1}, "`dropout`"),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        kerasdl.create_model("transformer_tiny", **options)
