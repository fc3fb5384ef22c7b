"""T5: its equations in NumPy, buckets of distances, counts, generation, the encoder alone."""

import keras
import numpy as np
import pytest

import kerasdl
from kerasdl.errors import InvalidInput
from kerasdl.models.sequence.t5 import VARIANTS, bucket_of_distance


@pytest.fixture(scope="module")
def model():
    """A network whose blocks change their input more than those of a new one do."""
    made = kerasdl.create_model("t5_tiny", width=16, hidden=24, buckets=8, farthest=10)
    rng = np.random.default_rng(2)
    made.set_weights([w + 0.3 * rng.normal(size=w.shape) for w in made.get_weights()])
    return made


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    source, target = rng.integers(2, 40, (3, 17), "int32"), rng.integers(2, 40, (3, 14), "int32")
    source[1, 12:] = 0
    return source, target


def published_bucket(offset, causal, buckets, farthest):
    """The bucket of an offset, key minus query, by the publication."""
    found, distance = 0, max(-offset, 0)
    if not causal:
        buckets //= 2
        found, distance = buckets * (offset > 0), abs(offset)
    near = buckets // 2
    if distance < near:
        return found + distance
    far = near + int(np.log(distance / near) / np.log(farthest / near) * (buckets - near))
    return found + min(far, buckets - 1)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def numpy_t5(model, source, target):
    """Logits by the published equations, whose scores are not divided by a square root."""
    heads, buckets, farthest = (model._arguments[n] for n in ("heads", "buckets", "farthest"))
    embedding = model.get_layer("token").get_weights()[0]
    width = embedding.shape[1]
    size = width // heads

    def norm(x, layer):
        return x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6) * layer.get_weights()[0]

    def bias(half, time):
        table = model.get_layer(f"{half}_bias").get_weights()[0]
        causal, places = half == "decoder", range(time)
        index = [
            [published_bucket(k - q, causal, buckets, farthest) for k in places] for q in places
        ]
        return table[index].transpose(2, 0, 1)

    def attend(layer, x, context, bias, allowed):
        kernels = [part.get_weights()[0] for part in (layer.ask, layer.project) if part]
        maps = np.split(np.concatenate(kernels, axis=-1), 3, axis=-1)
        q, k, v = (
            (inputs @ kernel).reshape(len(x), -1, heads, size).transpose(0, 2, 1, 3)
            for inputs, kernel in zip((x, context, context), maps, strict=True)
        )
        scores = (q / np.sqrt(size)) @ k.transpose(0, 1, 3, 2) + bias  # q: the published queries
        y = softmax(np.where(allowed, scores, -np.inf)) @ v
        return y.transpose(0, 2, 1, 3).reshape(x.shape) @ layer.mix.get_weights()[0]

    def feed_forward(block, x):
        (w1,), (w2,) = (block.mlp[i].get_weights() for i in (0, 2))
        return x + np.maximum(norm(x, block.mlp_norm) @ w1, 0) @ w2

    known = (source != 0)[:, None, None]
    h, among = embedding[source], bias("encoder", source.shape[1])
    for block in model.blocks("encoder"):
        x = norm(h, block.attention_norm)
        h = feed_forward(block, h + attend(block.attention, x, x, among, known))
    h = norm(h, model.get_layer("encoder_norm"))

    y, among = embedding[target], bias("decoder", target.shape[1])
    earlier = np.tri(target.shape[1], dtype=bool)
    for block in model.blocks("decoder"):
        x = norm(y, block.attention_norm)
        y = y + attend(block.attention, x, x, among, earlier)
        y = y + attend(block.cross_attention, norm(y, block.cross_norm), h, 0.0, known)
        y = feed_forward(block, y)
    return h, norm(y, model.get_layer("decoder_norm")) * width**-0.5 @ embedding.T


@pytest.mark.rows("TRF-55")
def test_logits_and_encoder_follow_the_published_equations(model, batch):
    vectors, logits = numpy_t5(model, *batch)
    np.testing.assert_allclose(model(list(batch)), logits, atol=1e-4)
    np.testing.assert_allclose(model.encoder()(batch[0]), vectors, atol=1e-4)


@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (8, 10)])
def test_buckets_are_the_published_ones(buckets, farthest):
    for causal, count in ((True, buckets), (False, buckets // 2)):
        expected = [published_bucket(-i, causal, buckets, farthest) for i in range(farthest + 1)]
        assert bucket_of_distance(count, farthest).tolist() == expected


def parameters(vocabulary_size=32_128, width=512, depth=6, heads=8, hidden=2048, **_):
    """The number of parameters by the formula in the class's docstring."""
    block = 12 * width**2 + 4 * width * hidden + 5 * width
    return vocabulary_size * width + depth * block + 2 * width + 2 * 32 * heads


def test_numbers_of_parameters():
    with keras.StatelessScope(initialize_variables=False):  # allocates no weights
        model = kerasdl.create_model("t5")
    assert model.count_params() == parameters() == 60_506_624
    tiny = kerasdl.create_model("t5_tiny")
    assert tiny.count_params() == parameters(**VARIANTS["T5"]["t5_tiny"])


def test_the_cache_changes_neither_logits_nor_the_target(model, batch):
    source, target = map(keras.ops.convert_to_tensor, batch)
    cache, outputs = model.begin(source, 14), []
    for start, stop in ((0, 2), (2, 3), (3, 14)):
        logits, cache = model.step(target[:, start:stop], cache, start)
        outputs.append(logits)
    joined = keras.ops.concatenate(outputs, axis=1)
    np.testing.assert_allclose(joined, model([source, target]), atol=1e-5)
    written = [model.generate(batch[0], 16, cache=cache) for cache in (True, False)]
    np.testing.assert_array_equal(*written)
    assert len(np.unique(written)) > 3


def test_attention_to_the_source(model, batch):
    weights = model.attention(*batch)
    assert weights.shape == (3, 14, 17)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert not weights[1, :, 12:].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "`heads`. Expected a divisor of the width 64"),
        ({"buckets": 6}, "`buckets`. Expected a multiple of 4"),
        ({"farthest": 32}, "`farthest`. Expected more than the 32 buckets"),
        ({"dropout": 1}, "`dropout`"),
    ],
)
def test_impossible_sizes_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        kerasdl.create_model("t5_tiny", **options)
