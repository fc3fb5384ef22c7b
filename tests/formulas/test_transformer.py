"""Transformers, compared with blocks of PyTorch and the package, GPT-2 and ViT."""

import functools
import pathlib

import keras
import numpy as np
import pytest
from scipy import special

from kerasdl.formulas import attention, embeddings, language, normalization, patches, transformer
from kerasdl.layers.self_attention import SelfAttention
from kerasdl.layers.transformer_block import TransformerBlock
from kerasdl.layers.transformer_decoder_block import TransformerDecoderBlock
from kerasdl.models.sequence.transformer import Transformer

REFERENCE = pathlib.Path(__file__).parents[1] / "reference"
LAYERS = np.load(REFERENCE / "transformer_layers.npz")
GPT2 = np.load(REFERENCE / "gpt2_tiny.npz")
VIT = np.load(REFERENCE / "vit_tiny.npz")
POSITIONS = np.load(REFERENCE / "positional.npz")
X, CONTEXT = LAYERS["x"], LAYERS["mem"]


def gelu(z):
    return z * (1 + special.erf(z / np.sqrt(2))) / 2


def gelu_tanh(z):
    return z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def relu(z):
    return np.maximum(z, 0)


def attending(weights, heads, context=None, mask=None):
    """Return a function that computes attention of x to itself or to a context."""

    def part(x):
        return attention.multi_head_attention(
            x, x if context is None else context, weights[:4], weights[4:], heads, mask
        )

    return part


def thinking(weights, activation):
    return lambda x: transformer.feed_forward(x, *weights, activation)


def norm(gamma, beta, epsilon=1e-5):
    return functools.partial(
        normalization.layer_normalization, gamma=gamma, beta=beta, epsilon=epsilon
    )


def torch_parts(kind, context, activation):
    """Return the sublayers and the normalizations of a PyTorch layer as functions."""

    def of(name):
        return LAYERS[f"{kind}.w.{name}"]

    def attention_of(name):
        inside, out = of(f"{name}.in_proj_weight"), of(f"{name}.out_proj.weight")
        maps = [w.T for w in (*np.split(inside, 3), out)]
        return [*maps, *np.split(of(f"{name}.in_proj_bias"), 3), of(f"{name}.out_proj.bias")]

    causal = attention.causal_mask(5) if context is not None else None
    parts = [attending(attention_of("self_attn"), 2, mask=causal)]
    if context is not None:
        padding = ~LAYERS["pad"][:, None, None]
        parts.append(attending(attention_of("multihead_attn"), 2, context, padding))
    names = [f"linear{i}.{w}" for i in (1, 2) for w in ("weight", "bias")]
    parts.append(thinking([of(name).T for name in names], activation))
    return parts, [
        norm(of(f"norm{i + 1}.weight"), of(f"norm{i + 1}.bias")) for i in range(len(parts))
    ]


@pytest.mark.rows("E-76")
@pytest.mark.parametrize("place", ["pre", "post"])
def test_blocks_equal_pytorch(place, same):
    formula = transformer.transformer_block
    for part, context, activation in (("enc", None, relu), ("dec", CONTEXT, gelu)):
        parts = torch_parts(f"{place}.{part}", context, activation)
        ours = formula(X, *parts, pre=place == "pre")
        kind = {"enc": "Encoder", "dec": "Decoder"}[part]
        name = f"torch.nn.Transformer{kind}Layer (fixture)"
        same(formula, name, ours, LAYERS[f"{place}.{part}"], at_most=1e-5)


def keras_attention(layer):
    w, b, mix, b_mix = layer.get_weights()
    return [*np.split(w, 3, axis=-1), mix, *np.split(b, 3), b_mix]


def cross_attention(block):
    q, q_bias, kv, kv_bias, mix, mix_bias = block.cross_attention.get_weights()
    return [q, *np.split(kv, 2, axis=-1), mix, q_bias, *np.split(kv_bias, 2), mix_bias]


@pytest.mark.parametrize("place", ["pre", "post"])
def test_blocks_equal_the_package(place, same):
    generator = np.random.default_rng(0)
    block = TransformerDecoderBlock(heads=2, activation="relu", norm=place)
    block.build([X.shape, CONTEXT.shape])
    block.set_weights([generator.normal(size=w.shape) / 3 for w in block.get_weights()])
    cross = cross_attention(block)
    parts = [
        attending(keras_attention(block.attention), 2, mask=attention.causal_mask(5)),
        attending(cross, 2, CONTEXT),
        thinking([*block.mlp[0].get_weights(), *block.mlp[2].get_weights()], relu),
    ]
    norms = [
        norm(*layer.get_weights())
        for layer in (block.attention_norm, block.cross_norm, block.mlp_norm)
    ]
    ours = transformer.transformer_block(X, parts, norms, pre=place == "pre")
    name = "kerasdl.layers.TransformerDecoderBlock"
    same(transformer.transformer_block, name, ours, block([X, CONTEXT]), at_most=1e-5)


@pytest.mark.rows("E-17")
def test_a_block_whose_sublayers_return_zeros_is_the_identity():
    silent = [lambda x: 0 * x] * 2
    norms = [normalization.layer_normalization] * 2
    np.testing.assert_array_equal(transformer.transformer_block(X, silent, norms), X)


def test_feed_forward_is_two_dense_layers_applied_to_each_position(same):
    block = TransformerBlock(heads=2, activation="relu")
    block.build(X.shape)
    weights = [*block.mlp[0].get_weights(), *block.mlp[2].get_weights()]
    ours = transformer.feed_forward(X, *weights)
    theirs = block.mlp[2](keras.ops.relu(block.mlp[0](X)))
    same(transformer.feed_forward, "keras.layers.Dense", ours, theirs)
    changed = X.copy()
    changed[:, 2] += 1
    moved = np.any(transformer.feed_forward(changed, *weights) != ours, axis=-1)
    assert moved.tolist() == [[False, False, True, False, False]] * 2
    z = np.array([1, -8.9, 1.5, -7.1, 1.8, 4, -8, 3.9])
    eye = np.eye(8)
    found = transformer.feed_forward(z, eye, 0, eye, 0)
    np.testing.assert_array_equal(found, [1, 0, 1.5, 0, 1.8, 4, 0, 3.9])


def test_sinusoidal_positions_equal_transformers(same):
    formula = transformer.sinusoidal_positions
    name = "transformers' sinusoidal embeddings (fixture)"
    same(formula, name, formula(20, 16), POSITIONS["sin_interleaved"])


def test_rotary_positions_equal_attention(same):
    formula = transformer.rotary_positions
    for base in (10_000.0, 50.0):
        layer = SelfAttention(heads=2, rotary_base=base)
        layer.build((None, None, 16))
        x = np.random.default_rng(0).normal(size=(1, 7, 16))
        rotated = layer.split(x)[:2]
        layer.rotary_base = None
        plain = [np.array(part, "float64") for part in layer.split(x)[:2]]
        ours = [formula(part, base) for part in plain]
        same(formula, "kerasdl.layers.SelfAttention", ours, [np.array(part) for part in rotated])
    query, key = (formula(np.tile(part[..., :1, :], (7, 1))) for part in plain)
    scores = query @ np.swapaxes(key, -1, -2)  # of one query and one key at any two positions
    for distance in range(-6, 7):
        diagonal = np.diagonal(scores, distance, -2, -1)
        np.testing.assert_allclose(diagonal, diagonal[..., :1] + 0 * diagonal, atol=1e-9)


def gpt2(tokens):
    """Compute the logits of a GPT-2 from formulas."""

    def of(name):
        return GPT2[f"w.transformer.{name}.weight"], GPT2[f"w.transformer.{name}.bias"]

    table, places = GPT2["w.transformer.wte.weight"], GPT2["w.transformer.wpe.weight"]
    tokens = np.asarray(tokens)
    time = tokens.shape[-1]
    x = embeddings.embed(tokens, table) + places[:time]
    for i in (0, 1):
        (w, b), (mix, b_mix) = of(f"h.{i}.attn.c_attn"), of(f"h.{i}.attn.c_proj")
        maps = [*np.split(w, 3, axis=-1), mix, *np.split(b, 3), b_mix]
        network = [*of(f"h.{i}.mlp.c_fc"), *of(f"h.{i}.mlp.c_proj")]
        parts = [
            attending(maps, 3, mask=attention.causal_mask(time)),
            thinking(network, gelu_tanh),
        ]
        norms = [norm(*of(f"h.{i}.ln_1")), norm(*of(f"h.{i}.ln_2"))]
        x = transformer.transformer_block(x, parts, norms)
    return embeddings.unembed(norm(*of("ln_f"))(x), table)


def test_a_gpt_of_formulas_equals_transformers_and_generates_the_same_text(same):
    name = "transformers.GPT2LMHeadModel (fixture)"
    logits = gpt2(GPT2["ids"])
    for formula in (transformer.transformer_block, attention.multi_head_attention):
        same(formula, name, logits, GPT2["logits"], at_most=1e-5)
    for formula in (embeddings.embed, embeddings.unembed):
        same(formula, name, logits, GPT2["logits"], at_most=1e-5)
    prompt = GPT2["ids"][0, :4].tolist()
    written = language.generate(gpt2, prompt, 8)
    same(language.generate, name, written, GPT2["greedy"][0], at_most=0)
    assert written[:4] == prompt and len(written) == 12


def test_a_vit_of_formulas_equals_transformers(same):
    def of(name, turned=True):
        w = VIT[f"w.vit.{name}.weight"]
        return (w.T if turned else w), VIT[f"w.vit.{name}.bias"]

    kernel, b = of("embeddings.patch_embeddings.projection", turned=False)
    kernel = np.transpose(kernel, (2, 3, 1, 0))
    x = patches.patch_embedding(np.moveaxis(VIT["x"], 1, -1), kernel, b)
    first = np.broadcast_to(VIT["w.vit.embeddings.cls_token"], (2, 1, 24))
    x = np.concatenate([first, x], axis=1) + VIT["w.vit.embeddings.position_embeddings"]
    same(patches.patch_embedding, "transformers' ViT (fixture)", x, VIT["h0"])
    for i in (0, 1):
        maps = [of(f"layers.{i}.attention.{part}_proj") for part in "qkvo"]
        network = [*of(f"layers.{i}.mlp.fc1"), *of(f"layers.{i}.mlp.fc2")]
        parts = [
            attending([w for w, _ in maps] + [b for _, b in maps], 3),
            thinking(network, gelu),
        ]
        names = (f"layers.{i}.layernorm_before", f"layers.{i}.layernorm_after")
        norms = [norm(*of(name), epsilon=1e-12) for name in names]
        x = transformer.transformer_block(x, parts, norms)
    x = norm(*of("layernorm"), epsilon=1e-12)(x)
    logits = x[:, 0] @ VIT["w.classifier.weight"].T + VIT["w.classifier.bias"]
    name = "transformers.ViTForImageClassification (fixture)"
    same(transformer.transformer_block, name, logits, VIT["logits"], at_most=1e-5)


def test_encoder_and_decoder_of_formulas_are_the_transformer(same):
    """Padding of the source is masked, post-norm, shared embedding, sinusoidal positions."""
    generator = np.random.default_rng(0)
    model = Transformer(20, width=8, depth=2, heads=2, hidden=12)
    model.set_weights([w + generator.normal(size=w.shape) / 5 for w in model.get_weights()])
    source, target = generator.integers(1, 20, (2, 3, 6), "int32")
    source[1:, 4:] = 0
    known = (source != 0)[:, None, None]
    (table,) = model.get_layer("token").get_weights()

    def placed(tokens):
        return np.sqrt(8) * table[tokens] + transformer.sinusoidal_positions(6, 8)

    def norms(block, *names):
        return [norm(*getattr(block, f"{name}_norm").get_weights()) for name in names]

    def dense(block):
        return thinking([*block.mlp[0].get_weights(), *block.mlp[2].get_weights()], relu)

    h, y = placed(source), placed(target)
    for block in model.blocks("encoder"):
        parts = [attending(keras_attention(block.attention), 2, mask=known), dense(block)]
        h = transformer.transformer_block(h, parts, norms(block, "attention", "mlp"), pre=False)
    for block in model.blocks("decoder"):
        parts = [
            attending(keras_attention(block.attention), 2, mask=attention.causal_mask(6)),
            attending(cross_attention(block), 2, h, known),
            dense(block),
        ]
        every = norms(block, "attention", "cross", "mlp")
        y = transformer.transformer_block(y, parts, every, pre=False)
    found = model([source, target])
    for formula in (transformer.transformer_block, transformer.sinusoidal_positions):
        same(formula, "kerasdl.models.Transformer", y @ table.T, found, at_most=1e-5)
